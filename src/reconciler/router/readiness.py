"""Whether routes could be answered by a model now: looked at on a timer, never because somebody asks.

::

    what the gateway says to GET /v1/models   reachable   authorised   model
    a list                                    yes         yes          whether one of the route's is in it
    no such call, no list, 429                yes         yes          unknown
    401, 403                                  yes         no           unknown
    5xx                                       yes         unknown      unknown
    nothing                                   no          unknown      unknown

Unknown does not count against a route. One call a gateway and round, however many routes and readers there are; no
gateway waits for another. A model's answer to a turn says as much as a round does, and says it at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import Forbidden, GatewayError, OutcomeUnknown, ServerFault, TimedOut, Unauthorized, Unreachable
from reconciler.router.live import Live
from reconciler.router.table import Bound, Table, Upstream

EVERY_SECONDS = 30.0
SOONER_SECONDS = 0.5
"""After a round that found nobody there: whoever comes back is seen within a second."""

REFUSED_SECONDS = 5.0
"""After a round that found something else wrong, which people mend and not time."""

HEARD_SECONDS = 10.0
"""How long a model's answer counts for more than a list of models that does not come."""

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
        self._seen: dict[str, Seen] = {}
        self._heard: dict[str, float] = {}
        self.draining = False

    async def watch(self) -> None:
        """Look, again and again, until cancelled."""
        while True:
            self._live.replaced.clear()
            with self._live.held() as table:
                self._begin(table)
                looks = [asyncio.ensure_future(self._watched(each)) for each in _upstreams(table)]
                try:
                    await self._live.replaced.wait()
                finally:
                    for look in looks:
                        look.cancel()
                    await asyncio.gather(*looks, return_exceptions=True)

    async def _watched(self, upstream: Upstream) -> None:
        while True:
            seen = await _look(upstream)
            self._record(upstream, seen)
            await asyncio.sleep(self._pause(upstream, seen))

    def _pause(self, upstream: Upstream, seen: Seen) -> float:
        if not seen.reachable or seen.authorised is None:
            return SOONER_SECONDS
        routes = [each for each in self._live.table.routes.values() if each.upstream.name == upstream.name]
        return EVERY_SECONDS if all(self._checked(each)["ready"] for each in routes) else REFUSED_SECONDS

    async def look(self) -> None:
        """One round: each gateway once."""
        with self._live.held() as table:
            self._begin(table)
            upstreams = _upstreams(table)
            for upstream, seen in zip(upstreams, await asyncio.gather(*map(_look, upstreams)), strict=True):
                self._record(upstream, seen)

    def _record(self, upstream: Upstream, seen: Seen) -> None:
        """What a round saw, unless it saw nobody where a turn has just been answered."""
        lately = asyncio.get_running_loop().time() - HEARD_SECONDS
        if (seen.reachable and seen.authorised) or self._heard.get(upstream.name, lately) <= lately:
            self._seen[upstream.name] = seen

    def heard(self, each: Bound) -> None:
        """A model has answered a turn of this route: somebody is there, and lets us in."""
        if self._table is not self._live.table:
            return
        name = each.upstream.name
        seen = self._seen.get(name)
        self._heard[name] = asyncio.get_running_loop().time()
        if seen is None or not seen.reachable or not seen.authorised:
            self._seen[name] = Seen(reachable=True, authorised=True, models=seen.models if seen else None)

    def _begin(self, table: Table) -> None:
        if self._table is not table:
            self._table, self._seen, self._heard = table, {}, {}

    def report(self) -> tuple[int, Mapping[str, Any]]:
        """Status and body of ``/readyz``: 200 while a route could be answered by a model; no address, no secret."""
        routes = {each.route.name: self._checked(each) for each in self._live.table.routes.values()}
        ready = [checks["ready"] for checks in routes.values()]
        word = "draining" if self.draining else "ready" if all(ready) else "degraded" if any(ready) else "unready"
        manifests = {"fresh": self._live.fresh, "findings": list(self._live.problems)}
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


def _upstreams(table: Table) -> Sequence[Upstream]:
    return tuple({each.upstream.name: each.upstream for each in table.routes.values()}.values())


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
    except Exception:  # noqa: BLE001 - an answer that nobody thought of must not end the watch
        return Seen(reachable=True)
    return Seen(reachable=True, authorised=True, models=frozenset(listed) or None)
