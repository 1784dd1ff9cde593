"""The one call of the contract, hung up at the first word: what is not said costs nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import IncompleteStream, ProtocolError
from reconciler.transport import Client, Patience

OK = 200
DONE = "[DONE]"
IN_ONE_PIECE = "application/json"
"""What a gateway answers with that streams nothing, whatever it was asked for."""

PATIENCE = Patience(first=30.0, idle=15.0, total=30.0)


@dataclass(frozen=True, slots=True)
class Api:
    """Calls over one client. All raise GatewayError."""

    client: Client
    paths: Mapping[str, str]

    async def invoke(self, model: str) -> None:
        """Ask a model for a word and hang up once it begins to answer. Raises GatewayError where it does not."""
        question = {
            "modelId": model,
            "messages": [{"role": "user", "content": "ping"}],
            "stream": True,
            "temperature": 0,
        }
        stream = self.client.stream(self.paths["invoke"], body=question, also=(IN_ONE_PIECE,), patience=PATIENCE)
        async with stream as answer:
            if answer.media_type == IN_ONE_PIECE:
                self._require_answer(b"".join([chunk async for chunk in answer]).decode(errors="replace"))
                return
            async for line in _lines(answer):
                if line.startswith("data:"):
                    self._require_answer(line.removeprefix("data:").strip())
                    return
        raise IncompleteStream(
            "the stream ended before the model said anything", gateway=self.client.gateway, status=OK
        )

    def _require_answer(self, data: str) -> None:
        if data == DONE:
            return
        try:
            said = json.loads(data)
        except ValueError:
            said = None
        if not isinstance(said, dict) or "choices" not in said:
            shown = self.client.quoted(_trouble(said))
            raise ProtocolError(f"the model did not answer: {shown}", gateway=self.client.gateway, status=OK)


def _trouble(said: Any) -> str:
    error = said.get("error") if isinstance(said, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else "its first event is no completion"


async def _lines(chunks: AsyncIterator[bytes] | Any) -> AsyncIterator[str]:
    """Whole lines of a stream, as they come."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").rstrip("\r")
