"""What stands behind the routers that are measured: a token endpoint, a bot's history, and a model that streams.

It answers as the five source systems describe and does as little else as it can. How many frames an answer has stands
in the conversation (``frames-50``). Every frame is a write of its own; between two of them nothing is waited for.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
import re
import sys
from functools import lru_cache

_FRAMES = re.compile(rb"frames-(\d+)")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_KEY = re.compile(rb"sec-websocket-key: *([^\r]+)", re.IGNORECASE)
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SHORT = 126
WORDS = ("Your", " order", " is", " on", " its", " way", " and", " should", " arrive", " soon.")
TURNS = 10
_COUNT = itertools.count(0, 2)


def _frame(delta: dict[str, str], reason: str | None = None) -> str:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    }
    return json.dumps(chunk, separators=(",", ":"))


@lru_cache
def frames(count: int) -> tuple[str, ...]:
    """The chunks of an answer with `count` texts, its end and its usage."""
    usage = {"prompt_tokens": 120, "completion_tokens": count, "total_tokens": 120 + count}
    ending = {"id": "chatcmpl-1", "model": "gpt-4o-mini", "choices": [], "usage": usage}
    said = (_frame({"content": WORDS[at % len(WORDS)] if at else WORDS[0].strip()}) for at in range(count))
    last = json.dumps(ending, separators=(",", ":"))
    return (_frame({"role": "assistant", "content": ""}), *said, _frame({}, "stop"), last)


@lru_cache
def events(count: int) -> tuple[bytes, ...]:
    """The same as server-sent events, each in a chunk of HTTP."""
    texts = [*frames(count), "[DONE]"]
    return (*(_chunk(f"data: {text}\n\n".encode()) for text in texts), b"0\r\n\r\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def history(path: bytes) -> bytes:
    """A page of messages: the customer's newest one says how long the answer shall be, as the session's id does.

    At each turn the conversation has gone on by two messages.
    """
    found = _FRAMES.search(path)
    wanted = found[0].decode() if found else "frames-50"
    begin = next(_COUNT)
    earlier = [
        {"from": "customer" if at % 2 == 0 else "bot", "text": f"Message {begin + at} about order 1234 of last week."}
        for at in range(TURNS - 1)
    ]
    return json.dumps({"entities": [*earlier, {"from": "customer", "text": f"Where is it? {wanted}"}]}).encode()


def _whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := await _head(reader):
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        path = head.split(b" ", 2)[1]
        if key := _KEY.search(head):
            return await _socket(reader, writer, key[1])
        if path.endswith(b"/oauth/token"):
            writer.write(_whole(b'{"access_token":"benchmark-token","expires_in":3600}'))
        elif b"/messages" in path:
            writer.write(_whole(history(path)))
        elif path.endswith(b"/chat/completions"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            found = _FRAMES.findall(body)
            for event in events(int(found[-1]) if found else 50):
                writer.write(event)
        else:
            writer.write(_whole(b'{"data":[{"id":"gpt-4o-mini"}],"status":"ok"}'))
        await writer.drain()
    writer.close()
    return None


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def _socket(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: bytes) -> None:
    """RFC 6455, as far as one question and its answer need it."""
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC).digest())  # noqa: S324 - what the standard says
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(upgrade + b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept)
    found = _FRAMES.findall(await _message(reader))
    for frame in messages(int(found[-1]) if found else 50):
        writer.write(frame)
    await writer.drain()
    await reader.read(64)  # the answer to the close frame
    writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """A text of the client, which is masked."""
    _, size = await reader.readexactly(2)
    size &= 0x7F
    if size >= _SHORT:
        size = int.from_bytes(await reader.readexactly(2 if size == _SHORT else 8))
    mask = await reader.readexactly(4)
    data = await reader.readexactly(size)
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


@lru_cache
def messages(count: int) -> tuple[bytes, ...]:
    """The chunks as text frames, and a good end."""
    texts = [text.encode() for text in frames(count)]
    return (*(b"\x81" + _size(len(text)) + text for text in texts), b"\x88\x02\x03\xe8")


def _size(length: int) -> bytes:
    return bytes([length]) if length < _SHORT else bytes([_SHORT]) + length.to_bytes(2)


async def main() -> None:
    """Print the address, and serve until the end."""
    server = await asyncio.start_server(_http, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
