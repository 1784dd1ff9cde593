"""A bot router as the source documents build it, for comparison: FastAPI, one httpx client that is kept, one model.

It does what they do and no more: the token is kept until a minute before its end, the history is read, the answer comes
over server-sent events or over a WebSocket that is opened for each turn, personal data is replaced and words are looked
for once the answer is whole, tokens are a quarter of the characters and one price holds for all. What cannot work as
it was written (a time-out around an iterator, ``[DONE]`` read as JSON, ``choices`` that are empty) is mended in the
cheapest way that does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import socket
import sys
import time
from typing import Any

import httpx
import uvicorn
import websockets
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

GATEWAY, TRANSPORT = os.environ["BENCH_GATEWAY"], os.environ["BENCH_TRANSPORT"]
SYSTEM = (
    "You are a helpful customer support assistant. Maintain a professional tone. Never disclose internal procedures."
)
PII = {
    "ssn": re.compile(r"\b\d{3}-\d{2}-\d{4}\b"),
    "credit_card": re.compile(r"\b(?:\d[ -]*?){13,16}\b"),
    "phone": re.compile(r"\b\d{3}[-.]?\d{3}[-.]?\d{4}\b"),
}
WORDS = ("illegal", "self-harm", "violence", "bypass security", "exploit")
LOG = logging.getLogger("cxone_llm_router")
app = FastAPI()
_CLIENT: list[httpx.AsyncClient] = []
_TOKEN: dict[str, Any] = {"value": "", "until": 0.0}


def client() -> httpx.AsyncClient:
    """The one that is kept."""
    if not _CLIENT:
        _CLIENT.append(httpx.AsyncClient(timeout=30.0))
    return _CLIENT[0]


async def token() -> str:
    """Kept until a minute before its end."""
    if time.time() < _TOKEN["until"]:
        return str(_TOKEN["value"])
    form = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "s", "scope": "bot:bot:read"}
    response = await client().post(f"{GATEWAY}/oauth/token", data=form, timeout=10.0)
    response.raise_for_status()
    found = response.json()
    _TOKEN.update(value=found["access_token"], until=time.time() + found["expires_in"] - 60)
    return str(_TOKEN["value"])


async def history(bot: str, session: str) -> list[dict[str, str]]:
    """The first page of a session."""
    headers = {"Authorization": f"Bearer {await token()}", "Accept": "application/json"}
    url = f"{GATEWAY}/api/v2/bot/bots/{bot}/sessions/{session}/messages"
    response = await client().get(url, params={"size": 10, "page": 1}, headers=headers, timeout=15.0)
    response.raise_for_status()
    return [
        {"role": "user" if entity["from"] == "customer" else "assistant", "content": entity["text"]}
        for entity in response.json()["entities"]
        if entity.get("text")
    ]


def delta(text: str) -> str:
    """What a frame adds."""
    frame = json.loads(text)
    if "error" in frame:
        raise RuntimeError(frame["error"])
    choices = frame.get("choices")
    return (choices[0].get("delta", {}).get("content") or "") if choices else ""


async def by_events(payload: dict[str, Any]) -> str:
    """Server-sent events."""
    said = []
    headers = {"Authorization": "Bearer sk-benchmark-0123456789", "Accept": "text/event-stream"}
    async with client().stream("POST", f"{GATEWAY}/v1/chat/completions", json=payload, headers=headers) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line or line.startswith(":"):
                continue
            if line.startswith("data: "):
                data = line[6:]
                if data == "[DONE]":
                    continue
                if content := delta(data):
                    said.append(content)
    return "".join(said)


async def by_socket(payload: dict[str, Any]) -> str:
    """A WebSocket, opened for this turn."""
    said = []
    headers = {"Authorization": "Bearer sk-benchmark-0123456789", "Content-Type": "application/json"}
    url = f"{GATEWAY.replace('http', 'ws', 1)}/v1/chat/completions"
    async with websockets.connect(url, additional_headers=headers, ping_interval=20, ping_timeout=10) as connection:
        await connection.send(json.dumps(payload))
        async with asyncio.timeout(30.0):
            async for text in connection:
                if content := delta(str(text)):
                    said.append(content)  # noqa: PERF401 - as it is written there
    return "".join(said)


@app.post("/webhook/cxone")
async def webhook(request: Request) -> JSONResponse:
    """One turn."""
    began = time.time()
    event = await request.json()
    bot, session = event.get("botId"), event.get("sessionId")
    if not bot or not session:
        return JSONResponse({"detail": "botId and sessionId are required"}, 400)
    messages = [{"role": "system", "content": SYSTEM}, *await history(bot, session)]
    payload = {"model": "gpt-4o-mini", "messages": messages, "temperature": 0.7, "max_tokens": 1024, "stream": True}
    text = await (by_socket(payload) if TRANSPORT == "websocket" else by_events(payload))
    for name, pattern in PII.items():
        text = pattern.sub(f"[{name.upper()} REDACTED]", text)
    if any(word in text.lower() for word in WORDS):
        return JSONResponse({"messages": [{"text": "Please try again."}], "source": "fallback"})
    prompt = sum(len(message["content"]) // 4 for message in messages)
    completion = len(text) // 4
    metrics = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cost_usd": round((prompt + completion) / 1000 * 0.001, 6),
        "latency_ms": round((time.time() - began) * 1000, 2),
        "model": "gpt-4o-mini",
        "temperature": 0.7,
    }
    LOG.info("LLM Gateway interaction completed: %s", json.dumps(metrics))
    return JSONResponse({"messages": [{"text": text}], "source": "llm_gateway", "metrics": metrics})


def main() -> None:
    """Print the address, and serve with what the documents install: asyncio's loop, uvicorn without its extras."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, loop="asyncio", http="httptools", log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
