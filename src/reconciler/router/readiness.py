"""Whether routes could be answered by a model now: looked at on a timer, never because somebody asks.

::

    what the gateway says to GET /v1/models   reachable   authorised   model
    a list                                    yes         yes          whether one of the route's is in it
    no such call, no list, 429                yes         yes          unknown
    401, 403                                  yes         no           unknown
    5xx                                       yes         unknown      unknown
    nothing                                   no          unknown      unknown

Unknown does not count against a route. One call a gateway and round, however many routes and readers there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import Forbidden, GatewayError, OutcomeUnknown, ServerFault, TimedOut, Unauthorized, Unreachable
from reconciler.router.live import Live, pause
from reconciler.router.table import Bound, Table, Upstream

EVERY_SECONDS = 30.0
SOONER_SECONDS = 5.0
"""After a round that found something wrong."""

CALL_SECONDS = 5.0
COLDEST, HOTTEST = 0.0, 2.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What a round saw of one gateway. None is unknown; `models` None for no list."""

    reachable: bool
    authorised: bool | None = None
    models: frozenset[str] | None = None


class Readiness:
    """The latest round's findings."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._table: Table | None = None
        self._seen: Mapping[str, Seen] = {}
        self.draining = False

    async def watch(self) -> None:
        """Look, again and again, until cancelled."""
        while True:
            await self.look()
            ready = all(self._checked(each)["ready"] for each in self._live.table.routes.values())
            await pause(self._live.replaced, EVERY_SECONDS if ready else SOONER_SECONDS)
            self._live.replaced.clear()

    async def look(self) -> None:
        """One round: each gateway once."""
        with self._live.held() as table:
            upstreams = {one.name: one for each in table.routes.values() for one in each.upstreams}
            found = await asyncio.gather(*map(_look, upstreams.values()))
            self._seen, self._table = dict(zip(upstreams, found, strict=True)), table

    def report(self) -> tuple[int, Mapping[str, Any]]:
        """Status and body of ``/readyz``: 200 while a route could be answered by a model; no address, no secret."""
        routes = {each.route.name: self._checked(each) for each in self._live.table.routes.values()}
        ready = [checks["ready"] for checks in routes.values()]
        word = "draining" if self.draining else "ready" if all(ready) else "degraded" if any(ready) else "unready"
        manifests = {"fresh": self._live.fresh, "findings": list(self._live.findings)}
        return 200 if word in {"ready", "degraded"} else 503, {"status": word, "routes": routes, "manifests": manifests}

    def _checked(self, each: Bound) -> Mapping[str, Any]:
        seen = self._seen.get(each.upstream.name) if self._table is self._live.table else None
        heat = each.route.sampling.temperature
        reads = self._seen.get(each.reads.name) if each.reads and self._table is self._live.table else None
        checks = {
            "reachable": seen.reachable if seen else None,
            "authorised": seen.authorised if seen else None,
            "model": None
            if seen is None or seen.models is None
            else not seen.models.isdisjoint(callee.called for callee in each.callees),
            "temperature": heat is None or COLDEST <= heat <= HOTTEST,
            "history": None if reads is None else reads.reachable and reads.authorised is not False,
        }
        return {"ready": seen is not None and False not in checks.values(), **checks}


async def _look(upstream: Upstream) -> Seen:
    try:
        async with asyncio.timeout(CALL_SECONDS):
            listed = await upstream.asks.models()
    except (TimeoutError, TimedOut, Unreachable, OutcomeUnknown):
        return Seen(reachable=False)
    except (Unauthorized, Forbidden):
        return Seen(reachable=True, authorised=False)
    except ServerFault as error:
        return Seen(reachable=error.status is not None)
    except GatewayError:
        return Seen(reachable=True, authorised=True)
    return Seen(reachable=True, authorised=True, models=frozenset(listed) or None)
