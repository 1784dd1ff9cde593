"""Answers that nobody foresaw: a gateway's nonsense ends one call, as a failure of that gateway, and no run.

Platforms check the shapes that they know. Whatever else an answer holds (a list where a text belongs, a number of
thousands of digits) ends in an error of Python's own somewhere in the reading of it; here that becomes one of ours.

| the call                                  | becomes        | then                                             |
|-------------------------------------------|----------------|--------------------------------------------------|
| observe, read, verify                     | ProtocolError  | the gateway, or the object, could not be read    |
| create, update, delete, preflight, discard | OutcomeUnknown | what came of the write is read back before more |

The words keep the place in the source, so that a mistake of ours can be told from one of the gateway's.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import GatewayError, OutcomeUnknown, ProtocolError
from reconciler.model.address import Address
from reconciler.model.live import Live, Observed
from reconciler.model.ports import Adapter, Judge, Material
from reconciler.model.resource import Resource
from reconciler.model.run import Check

_NONSENSE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)


@dataclass(frozen=True, slots=True)
class UnderstandingAdapter:
    """Implements the port Adapter by another, whose errors are all GatewayError."""

    inner: Adapter
    gateway: str

    async def observe(self) -> Observed:
        """Read everything."""
        with self._told(ProtocolError):
            return await self.inner.observe()

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        """Read one object."""
        with self._told(ProtocolError):
            return await self.inner.read(address, remote_id)

    async def create(self, resource: Resource, material: Material) -> Live:
        """Make the object."""
        with self._told(OutcomeUnknown):
            return await self.inner.create(resource, material)

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        """Replace it."""
        with self._told(OutcomeUnknown):
            return await self.inner.update(resource, live, material)

    async def delete(self, live: Live) -> None:
        """Remove it."""
        with self._told(OutcomeUnknown):
            await self.inner.delete(live)

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:
        """Prove the change beside the live object."""
        with self._told(OutcomeUnknown):
            await self.inner.preflight(resource, material, scratch, judge)

    async def discard(self, scratch: str) -> None:
        """Remove what an interrupted preflight left."""
        with self._told(OutcomeUnknown):
            await self.inner.discard(scratch)

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:
        """Ask whether the object works."""
        with self._told(ProtocolError):
            return await self.inner.verify(resource, live)

    async def close(self) -> None:
        """Give back connections."""
        await self.inner.close()

    @contextmanager
    def _told(self, kind: type[GatewayError]) -> Iterator[None]:
        try:
            yield
        except _NONSENSE as error:
            words = f"an answer of {self.gateway!r} could not be understood ({type(error).__name__}{_place(error)})"
            raise kind(words, gateway=self.gateway) from None


def _place(error: BaseException) -> str:
    """Where it happened, without a value of the answer."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    last = frames[-1]
    return f" in {Path(last.filename).parent.name}/{Path(last.filename).name}:{last.lineno}"
