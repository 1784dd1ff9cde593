"""Genesys Cloud's invoke call: completion chunks as server-sent events, ``[DONE]`` at the end.

The system message travels apart from the others, as `systemInstruction`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.inference.chat import Role
from reconciler.inference.dialects.openai import ChunkReader
from reconciler.inference.dialects.shape import LISTING, Wire
from reconciler.inference.events import Question
from reconciler.inference.formats import Form, form_of, messages_of

TEMPERATURE = 0.7
"""What the contract sends where nothing is said."""


@dataclass(frozen=True, slots=True)
class Genesys:
    """As given; the chunks need not hold a finish reason."""

    path: str = "/api/v2/ai/llm/gateway/invoke"
    listing: str = LISTING
    wire: Wire = Wire.HTTP
    forms: frozenset[Form] = frozenset()

    def request(self, question: Question) -> Mapping[str, Any]:
        """The body."""
        given = question.sampling.temperature
        form = form_of(question.form, question.schema, self.forms)
        messages = messages_of(question.messages, form, question.schema)
        system = "\n\n".join(message.content for message in messages if message.role is Role.SYSTEM)
        return {
            "modelId": question.model,
            "messages": [
                {"role": message.role.value, "content": message.content}
                for message in messages
                if message.role is not Role.SYSTEM
            ],
            "stream": question.stream,
            "temperature": TEMPERATURE if given is None else given,
            **({"systemInstruction": system} if system else {}),
        }

    def reader(self) -> ChunkReader:
        """A reader of completion chunks."""
        return ChunkReader()
