"""Read every gateway at once. What could not be read stays marked as such."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.engine.assembly import Assembly, Site
from reconciler.errors import GatewayError, Unsupported
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry


async def observe(assembly: Assembly) -> Mapping[str, Observed]:
    """Read all gateways of the run side by side, by their list calls; not those that are held."""
    sites = sorted((name, site) for name, site in assembly.sites.items() if name not in assembly.held)
    seen = await asyncio.gather(*(_timed(assembly, site) for _, site in sites))
    return {observed.gateway: observed for observed in seen}


async def _timed(assembly: Assembly, site: Site) -> Observed:
    begun = assembly.clock.monotonic()
    seen = await _observe(site)
    took = (assembly.clock.monotonic() - begun) * 1000
    assembly.progress("observed", {"gateway": seen.gateway, "objects": len(seen.objects), "duration_ms": took})
    return seen


async def _observe(site: Site) -> Observed:
    try:
        return await site.adapter.observe()
    except GatewayError as error:
        return Observed(site.gateway.name, (), complete=False, diagnostics=(_unreadable(site, error),))


def without_idle(
    assembly: Assembly, observed: Mapping[str, Observed], entries: Mapping[Address, Entry]
) -> Mapping[str, Observed]:
    """The same, with nothing said of gateways whose conversations are all that is wanted of them.

    Where a route reads histories and nothing is declared or applied, a credential need not list endpoints, and there is
    nothing that a list could change.
    """
    busy = {address.gateway for address in (*assembly.desired.everywhere, *entries)}
    idle = {route.history_gateway for route in assembly.desired.inference.routes.values()} - busy
    return {name: Observed(name, seen.objects) if name in idle else seen for name, seen in observed.items()}


async def sought(
    assembly: Assembly, observed: Mapping[str, Observed], entries: Mapping[Address, Entry]
) -> Mapping[str, Observed]:
    """The same, with what the ledger knows and a list lacks: each such object is read by its id.

    | the object is                    | then                                                            |
    |----------------------------------|-----------------------------------------------------------------|
    | there by its id                  | it is added: the list was behind, or leaves it out              |
    | not there                        | it is gone                                                      |
    | not to be read by an id          | the list stands                                                 |
    | not to be read for the time being | its kind is unseen: absence proves nothing                     |
    """
    lacking = {name: _lacking(assembly.sites[name], seen, entries) for name, seen in observed.items()}
    wanted = [(name, found) for name, found in lacking.items() if found]
    if not wanted:
        return observed
    completed = await asyncio.gather(*(_completed(assembly.sites[n], observed[n], found) for n, found in wanted))
    return {**observed, **{seen.gateway: seen for seen in completed}}


def _lacking(site: Site, seen: Observed, entries: Mapping[Address, Entry]) -> Sequence[Entry]:
    kinds = site.platform.capabilities.kinds
    there = {(live.address.kind, live.remote_id) for live in seen.objects}
    return [
        entry
        for (gateway, kind, _), entry in entries.items()
        if gateway == seen.gateway and kind in kinds and kinds[kind].read and seen.saw(kind)
        if (kind, entry.remote_id) not in there
    ]


async def _completed(site: Site, seen: Observed, lacking: Sequence[Entry]) -> Observed:
    turn = asyncio.Semaphore(site.gateway.limits.concurrency)

    async def read(entry: Entry) -> Live | GatewayError | None:
        async with turn:
            try:
                return await site.adapter.read(entry.address, entry.remote_id)
            except Unsupported:
                return None
            except GatewayError as error:
                return error

    found = await asyncio.gather(*map(read, lacking))
    there = {(live.address.kind, live.remote_id) for live in seen.objects}
    added = {(f.address.kind, f.remote_id): f for f in found if isinstance(f, Live)}
    objects = (*seen.objects, *(live for place, live in added.items() if place not in there))
    doubts = {
        e.address.kind: _unreadable(site, f) for e, f in zip(lacking, found, strict=True) if isinstance(f, GatewayError)
    }
    if not doubts:
        return replace(seen, objects=objects)
    return replace(
        seen,
        objects=objects,
        complete=False,
        diagnostics=(*seen.diagnostics, *doubts.values()),
        unseen=seen.unseen | doubts.keys(),
    )


def _unreadable(site: Site, error: GatewayError) -> Diagnostic:
    return Diagnostic(
        Severity.ERROR,
        "ENGINE001",
        "a gateway could not be read",
        f"gateway {site.gateway.name!r}: {error} Nothing on it can be planned until it answers.",
        site.gateway.source.position("/spec/url"),
    )
