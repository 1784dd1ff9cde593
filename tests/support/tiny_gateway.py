"""A gateway of the smallest kind, before a provider: configuration goes to the box, questions to the provider.

``python tiny_gateway.py BOX PROVIDER``. It remembers the key of each model as endpoints are written, and asks the
provider over HTTP with that key; what it is asked over a WebSocket it answers in one chunk.
"""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

HOPS = {"host", "content-length", "transfer-encoding", "connection"}


@dataclass
class Tiny:
    """Where things go; `keys` by model, the latest that was written."""

    box: str
    provider: str
    keys: dict[str, str] = field(default_factory=dict)

    async def configured(self, request: Request) -> Response:
        """Pass a call on to the box."""
        body = await request.body()
        if request.method == "PUT":
            written = json.loads(body)
            for credential in written.get("credentials", ()):
                self.keys[written["model"]] = credential["apiKey"]
        headers = {name: value for name, value in request.headers.items() if name not in HOPS}
        async with httpx.AsyncClient(timeout=120) as client:
            url = f"{self.box}{request.url.path}?{request.url.query}"
            answer = await client.request(request.method, url, content=body, headers=headers)
        passed = {name: value for name, value in answer.headers.items() if name not in HOPS}
        return Response(answer.content, answer.status_code, passed)

    async def asked(self, connection: WebSocket) -> None:
        """One conversation."""
        await connection.accept()
        try:
            while True:
                question = json.loads(await connection.receive_text())
                for frame in await self._frames(question):
                    await connection.send_text(frame)
        except WebSocketDisconnect:
            return

    async def _frames(self, question: dict[str, Any]) -> list[str]:
        headers = {"authorization": f"Bearer {self.keys.get(question['model'], '')}"}
        async with httpx.AsyncClient(timeout=120) as client:
            url = f"{self.provider}/v1/chat/completions"
            answer = await client.post(url, json={**question, "stream": False}, headers=headers)
        body = answer.json()
        if answer.is_error:
            return [json.dumps({"error": {"code": answer.status_code, "message": body["error"]["message"]}})]
        (choice,) = body["choices"]
        delta = {"index": 0, "delta": {"content": choice["message"]["content"]}, "finish_reason": None}
        ended = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
        chunks = [{"choices": [delta]}, {"choices": [ended], "usage": body["usage"]}]
        return [*(json.dumps({"model": body["model"], **chunk}) for chunk in chunks), "[DONE]"]


def main(box: str, provider: str) -> None:
    """Serve on a port of the system's choice, and print the address."""
    tiny = Tiny(box, provider)
    methods = ["GET", "PUT", "POST", "DELETE"]
    routes = [
        WebSocketRoute("/v1/chat/completions", tiny.asked),
        Route("/{path:path}", tiny.configured, methods=methods),
    ]
    listening = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error"))
    server.run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])
