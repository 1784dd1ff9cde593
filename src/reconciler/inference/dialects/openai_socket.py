"""Chat completions over a WebSocket: one text frame asks, chunks come as text frames.

No provider speaks this; NICE CXone's bot gateway does, by its contract: exactly `model`, `messages`,
`temperature`, `max_tokens`, `stream`. It is used only where a gateway says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.inference.dialects.openai import ChunkReader, completion
from reconciler.inference.dialects.shape import LISTING, Wire
from reconciler.inference.events import Question
from reconciler.inference.formats import Form


@dataclass(frozen=True, slots=True)
class OpenAISocket:
    """The chunks are those of HTTP."""

    path: str = "/v1/chat/completions"
    listing: str = LISTING
    wire: Wire = Wire.WEBSOCKET
    forms: frozenset[Form] = frozenset()

    def request(self, question: Question) -> Mapping[str, Any]:
        """The first frame."""
        return completion(replace(question, stream=True), self.forms)

    def reader(self) -> ChunkReader:
        """A reader of completion chunks."""
        return ChunkReader()
