"""Probes as the engine asks them.

| probes of the endpoint   | scope `GATES` (apply)                | scope `ALL` (verify, drift --verify) |
|--------------------------|--------------------------------------|--------------------------------------|
| with `gate: true`        | decide                               | decide                               |
| without                  | asked once the gates are ready, told | decide                               |

What was decided is remembered: asked again for the same object, only what is in doubt is put to the gateway again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum

from reconciler.errors import InferenceError
from reconciler.inference.callee import callee_of
from reconciler.inference.inquiry import Asks, Desk, Inquiry
from reconciler.inference.probe import probe
from reconciler.inference.probed import settled
from reconciler.inference.tokens import count_tokens, vocabulary_of
from reconciler.model.address import Address
from reconciler.model.capability import Called
from reconciler.model.live import Live
from reconciler.model.resource import Resource
from reconciler.model.run import Check, Verdict

Seen = tuple[str, Address, str | None, str | None]
"""A probe and the object that it was put to."""


class Scope(Enum):
    """Which probes decide."""

    GATES = "gates"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Line:
    """The way to one gateway's models. `places` bounds how many are asked at once: who waits in line is not slow."""

    client: Asks
    places: asyncio.Semaphore
    called: Called = Called.BY_MODEL


@dataclass(frozen=True, slots=True)
class ProbeChecker:
    """Implements the port Checker for one run. `inquiries` are all probes, `lines` by gateway."""

    inquiries: Sequence[Inquiry]
    lines: Mapping[str, Line]
    desk: Desk
    scope: Scope = Scope.GATES
    _decided: dict[Seen, tuple[Check, ...]] = field(default_factory=dict, repr=False)
    _warm: set[str] = field(default_factory=set, repr=False)

    async def check(self, resource: Resource, live: Live) -> Sequence[Check]:
        """Put every probe of an endpoint to it, gates first; nothing for an object that no probe looks at."""
        chosen = [one for one in self.inquiries if resource.address in one.probe.endpoints]
        if not chosen:
            return ()
        self._warm_up(model_of(resource, live))
        deciding = [one for one in chosen if self._decides(one)]
        found = settled([check for one in deciding for check in await self._asked(one, resource, live)])
        if any(check.verdict is not Verdict.READY for check in found):
            return found
        told = [check for one in chosen if one not in deciding for check in await self._asked(one, resource, live)]
        return (*found, *(replace(check, advisory=True) for check in told))

    def _warm_up(self, model: str) -> None:
        """Load what judging takes, half a second of it, while no answer is timed that would have to wait for it."""
        if vocabulary_of(model) in self._warm:
            return
        count_tokens("a", model)
        for inquiry in self.inquiries:
            with suppress(InferenceError):  # each probe says so itself
                inquiry.warm_up()
        self._warm.add(vocabulary_of(model))

    def _decides(self, inquiry: Inquiry) -> bool:
        return inquiry.probe.gate or self.scope is Scope.ALL

    async def _asked(self, inquiry: Inquiry, resource: Resource, live: Live) -> tuple[Check, ...]:
        seen = (inquiry.probe.name, resource.address, live.revision, live.etag)
        if seen in self._decided:
            return self._decided[seen]
        line = self.lines[resource.address.gateway]
        async with line.places:
            callee = callee_of(resource, model_of(resource, live), line.called)
            found = await probe(inquiry, resource.address, callee, line.client, self.desk)
        if all(check.verdict is not Verdict.UNKNOWN or check.advisory for check in found):
            self._decided[seen] = found
        return found


def model_of(resource: Resource, live: Live) -> str:
    """The model that answers for an endpoint now."""
    return str(live.spec.get("model") or resource.spec["model"])
