"""Why an object cannot be adopted, or its live values not be written into the manifests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live
from reconciler.model.resource import Resource

if TYPE_CHECKING:
    from reconciler.engine import Assembly, Survey


def obstacles(session: Assembly, seen: Survey, address: Address) -> Iterator[Diagnostic]:
    """What keeps one address from being adopted at all."""
    resource = session.desired.resources.get(address)
    if resource is None:
        detail = f"{address} is not in the manifests; `reconciler import` writes manifests for what is not."
        yield Diagnostic(Severity.ERROR, "ENGINE004", "this address is not declared", detail, address=address)
    elif address in seen.ambiguous:
        yield _cannot(resource, "several objects on the gateway have this name; remove or rename the others.")
    elif address in seen.ledger.intents:
        yield _cannot(resource, "an interrupted run is still open on it; `reconciler apply` looks and completes it.")
    elif address not in seen.live:
        gateway = seen.observed[address.gateway]
        yield from gateway.diagnostics if not gateway.saw(address.kind) else ()
        yield _cannot(resource, "it is not on the gateway; `reconciler apply` would make it.")


def left(resource: Resource, live: Live) -> Iterator[Diagnostic]:
    """Where a changed manifest still wants something else than what lives there."""
    from reconciler import planning  # noqa: PLC0415 - start-up of other commands

    paths = [field.path for field in planning.apart(resource, live)]
    if paths:
        detail = (
            f"{resource.address} would still differ at {', '.join(paths)}: the value stands in something that another "
            "object needs otherwise, or is a default that cannot be taken away. Change it by hand, or apply."
        )
        yield unwritable(detail, resource)


def bystanders(
    addresses: Sequence[Address],
    before: Desired,
    after: Desired,
    normal: Mapping[Address, Resource],
    seen: Survey,
) -> Iterator[Diagnostic]:
    """Others that share what was changed, and do not live as it is now. Those that drifted alike are as they should."""
    for address, resource in before.resources.items():
        then = after.resources.get(address)
        if then == resource or address in addresses:
            continue
        live = seen.live.get(address)
        if then is None or live is None or list(left(normal[address], live)):
            detail = (
                f"{address} shares the part, patch or document that would be changed, and lives otherwise. Give the "
                "adopted object a part of its own, inline or by another name, or bring it back with `reconciler apply`."
            )
            yield unwritable(detail, resource)


def _cannot(resource: Resource, why: str) -> Diagnostic:
    position = resource.source.position("/metadata/name")
    detail = f"{resource.address}: {why}"
    return Diagnostic(Severity.ERROR, "ADOPT006", "it cannot be adopted", detail, position, resource.address)


def unwritable(detail: str, resource: Resource) -> Diagnostic:
    """A live value that has no place of its own in the manifests."""
    position = resource.source.position("/metadata/name")
    words = "the live value cannot be written into the manifests"
    return Diagnostic(Severity.ERROR, "ADOPT008", words, detail, position, resource.address)
