"""Read every gateway at once. What could not be read stays marked as such."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from reconciler.engine.assembly import Assembly, Site
from reconciler.errors import GatewayError
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Observed


async def observe(assembly: Assembly) -> Mapping[str, Observed]:
    """Read all gateways of the run side by side, by their list calls."""
    sites = sorted(assembly.sites.items())
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


def _unreadable(site: Site, error: GatewayError) -> Diagnostic:
    return Diagnostic(
        Severity.ERROR,
        "ENGINE001",
        "a gateway could not be read",
        f"gateway {site.gateway.name!r}: {error} Nothing on it can be planned until it answers.",
        site.gateway.source.position("/spec/url"),
    )
