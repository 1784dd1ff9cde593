"""What Genesys Cloud has no place for: all but an Endpoint that is only watched. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Resource
from reconciler.platforms.findings import no_measure, no_such_kind, path_findings, transport_findings, watched
from reconciler.platforms.genesys.capabilities import CAPABILITIES, NAME, PATHS
from reconciler.platforms.watching import ENDPOINT


def gateway_findings(gateway: Gateway) -> Iterator[Diagnostic]:
    """What is wrong with the Gateway itself."""
    yield from path_findings(NAME, gateway, PATHS)
    yield from transport_findings(NAME, gateway, CAPABILITIES)


def resource_findings(resource: Resource) -> Iterator[Diagnostic]:
    """Everything in one resource that promises more than can be kept."""
    if resource.address.kind != ENDPOINT:
        yield no_such_kind(NAME, resource)
        return
    yield from watched(NAME, resource)
    yield from no_measure(NAME, resource)
