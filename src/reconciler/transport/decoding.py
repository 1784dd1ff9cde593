"""The bytes of an answer, decoded piece by piece: bounded after every coding, and never for longer than its deadline.

A few hundred bytes of gzip hold a megabyte, and those of gzip in gzip a gigabyte. So each coding gives at most a piece
at a time, all that it has given is counted, and between two pieces whoever waits with a deadline has its turn.
Codings that were not asked for are refused: nothing here depends on which libraries happen to be installed.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence

import httpx

PIECE = 64 * 1024
MOST_CODINGS = 2
_GZIP = zlib.MAX_WBITS | 16
_PLAIN = frozenset({"", "identity"})
_KNOWN = frozenset({"gzip", "x-gzip", "deflate"})


class Undecodable(Exception):
    """It cannot be decoded, or becomes too large. The text says why, and holds no byte of it."""


async def decoded(response: httpx.Response, cap: int) -> AsyncIterator[bytes]:
    """An answer's body, as it comes. Raises Undecodable over `cap` bytes before or after a coding."""
    stages = [_Inflating(name, cap) for name in reversed(_codings(response.headers.get("content-encoding", "")))]
    received = 0
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - httpx's own asynchronous transport
    async for chunk in response.stream:
        received += len(chunk)
        if received > cap:
            raise too_large(cap)
        if not stages:
            yield chunk
            continue
        for piece in _through(stages, chunk):
            yield piece
            await asyncio.sleep(0)
    for stage in stages:
        stage.finish()


def too_large(cap: int) -> Undecodable:
    """Over the cap."""
    return Undecodable(f"the answer is over {cap} bytes")


def _codings(field: str) -> Sequence[str]:
    names = [name for word in field.split(",") if (name := word.strip().lower()) not in _PLAIN]
    if len(names) > MOST_CODINGS:
        raise Undecodable(f"the answer is encoded more than {MOST_CODINGS} times")
    if not _KNOWN.issuperset(names):
        raise Undecodable("the answer is in a coding that was not asked for")
    return names


def _through(stages: Sequence[_Inflating], data: bytes) -> Iterator[bytes]:
    if not stages:
        yield data
        return
    for piece in stages[0].pieces(data):
        yield from _through(stages[1:], piece)


class _Inflating:
    """One coding. Whether `deflate` has its header or not shows at its first bytes: both are sent."""

    def __init__(self, name: str, cap: int) -> None:
        self._wbits = _GZIP if name.endswith("gzip") else zlib.MAX_WBITS
        self._cap = cap
        self._given = 0
        self._begun = False
        self._inflater = zlib.decompressobj(self._wbits)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What `data` goes on with, a piece at a time."""
        while data:
            self._again()
            piece = self._inflated(data)
            data = self._inflater.unconsumed_tail or self._inflater.unused_data
            while piece:
                self._given += len(piece)
                if self._given > self._cap:
                    raise too_large(self._cap)
                yield piece
                piece = b"" if len(piece) < PIECE or data else self._inflated(b"")

    def finish(self) -> None:
        """Raises Undecodable for one that was cut short."""
        if self._begun and not self._inflater.eof:
            raise Undecodable("the answer's coding ends too soon")

    def _again(self) -> None:
        """A file of gzip may be several, one after another; nothing else may follow its end."""
        if self._inflater.eof:
            if self._wbits != _GZIP:
                raise Undecodable("something follows the end of the answer's coding")
            self._inflater = zlib.decompressobj(self._wbits)

    def _inflated(self, data: bytes) -> bytes:
        try:
            found = self._inflater.decompress(data, PIECE)
        except zlib.error as error:
            if self._begun or self._wbits != zlib.MAX_WBITS:
                raise Undecodable("the answer's coding is broken") from error
            self._wbits, self._begun = -zlib.MAX_WBITS, True
            self._inflater = zlib.decompressobj(self._wbits)
            return self._inflated(data)
        self._begun = self._begun or bool(data)
        return found
