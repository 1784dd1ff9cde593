"""Days that a person noted: when a secret expires, when a provider retires a model. Pure: today is given.

| the day is                       | of a secret          | of a model that an endpoint or route uses |
|----------------------------------|----------------------|-------------------------------------------|
| not noted, or far away           | nothing              | nothing                                   |
| within `NOTICE_DAYS`             | POLICY008, a warning | POLICY009, a warning                      |
| today, or past                   | POLICY008, a warning | POLICY009, a warning                      |

A note may be out of date, and whether a key still works is the gateway's to say: nothing is blocked by a date. Nothing
of it is compared or sent, so that a note makes no change and moves no digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.resource import Source, credential_refs
from reconciler.model.secret import SecretRef
from reconciler.planning.pointer import join

NOTICE_DAYS = 30


class _Place(NamedTuple):
    """Where something stands that a date is about."""

    source: Source
    path: str
    address: Address | None = None


class _Retirement(NamedTuple):
    """When a model goes, and where that was noted."""

    day: date
    source: Source
    path: str


def due(desired: Desired, today: date) -> Iterator[Diagnostic]:
    """Secrets and models whose time is up, or soon will be."""
    yield from _expiring(desired, today)
    yield from _retiring(desired, today)


def _expiring(desired: Desired, today: date) -> Iterator[Diagnostic]:
    """Each note once, however many endpoints share the matrix that it stands in."""
    seen: set[Position] = set()
    for ref, place in _secrets(desired):
        if ref.expires_on is None or not _is_near(ref.expires_on, today):
            continue
        path = f"{place.path}/expiresOn"
        position = place.source.position(path)
        if position not in seen:
            seen.add(position)
            summary = "a secret that expires" if ref.expires_on > today else "a secret that has expired"
            detail = (
                f"{ref} {_when(ref.expires_on, today, 'expires', 'expired')}. Put a new secret in its place and note "
                "its own day, or correct this one."
            )
            yield Diagnostic(Severity.WARNING, "POLICY008", summary, detail, position, place.address, path)


def _secrets(desired: Desired) -> Iterator[tuple[SecretRef, _Place]]:
    """Every secret that the manifests name. Endpoints of one matrix share their mapping of secrets."""
    for gateway in desired.gateways.values():
        for path, ref in credential_refs(gateway.auth).items():
            yield ref, _Place(gateway.source, path)
    mappings: set[int] = set()
    for address, resource in desired.resources.items():
        if id(resource.secrets) not in mappings:
            mappings.add(id(resource.secrets))
            for path, ref in resource.secrets.items():
                yield ref, _Place(resource.source, path, address)
    for route in desired.inference.routes.values():
        for index, ref in enumerate(() if route.signature is None else route.signature.secrets):
            yield ref, _Place(route.source, join("/spec/signature/secrets", (index,)))


def _retiring(desired: Desired, today: date) -> Iterator[Diagnostic]:
    retirements = {model: gone for model, gone in _retirements(desired).items() if _is_near(gone.day, today)}
    if not retirements:
        return
    for model, place in _models(desired):
        gone = retirements.get(model)
        if gone is not None:
            summary = "a model that will be retired" if gone.day > today else "a model that has been retired"
            detail = (
                f"{model!r} {_when(gone.day, today, 'is retired', 'was retired')}, as "
                f"{gone.source.position(gone.path)} notes. Choose another model, or correct the day."
            )
            position = place.source.position(place.path)
            yield Diagnostic(Severity.WARNING, "POLICY009", summary, detail, position, place.address, place.path)


def _retirements(desired: Desired) -> Mapping[str, _Retirement]:
    """By model, the earliest day of all price lists."""
    found: dict[str, _Retirement] = {}
    for pricing in desired.inference.pricing.values():
        for model, price in pricing.models.items():
            if price.retires_on is not None and (model not in found or price.retires_on < found[model].day):
                path = join("/spec/models", (model, "retiresOn"))
                found[model] = _Retirement(price.retires_on, pricing.source, path)
    return found


def _models(desired: Desired) -> Iterator[tuple[str, _Place]]:
    """Every model that an endpoint or a route would ask."""
    for address, resource in desired.resources.items():
        if address.kind == "Endpoint":
            yield str(resource.spec.get("model")), _Place(resource.source, "/spec/model", address)
            for index, model in enumerate(resource.spec.get("fallbackModels", ())):
                yield model, _Place(resource.source, join("/spec/fallbackModels", (index,)), address)
    for route in desired.inference.routes.values():
        for index, model in enumerate(route.fallback_models):
            yield model, _Place(route.source, join("/spec/fallbackModels", (index,)))


def _is_near(day: date, today: date) -> bool:
    return (day - today).days <= NOTICE_DAYS


def _when(day: date, today: date, coming: str, past: str) -> str:
    left = (day - today).days
    if left <= 0:
        return f"{past} on {day}"
    return f"{coming} on {day}, in {left} day{'s' if left > 1 else ''}"
