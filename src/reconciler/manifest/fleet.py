"""Endpoints as probes and routes find them: by name on a gateway, or by labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.manifest.document import Document
from reconciler.manifest.membership import Membership
from reconciler.manifest.problems import diagnostic, did_you_mean
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway, Resource

ENDPOINT = "Endpoint"


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is declared. `written` has endpoints too that could not be resolved, so that they count as known."""

    gateways: Mapping[str, Gateway]
    resources: Mapping[Address, Resource]
    written: Mapping[Address, Document]
    membership: Membership
    diagnostics: list[Diagnostic]

    def selected(self, document: Document, selector: Any) -> tuple[Address, ...]:
        """Endpoints on the document's gateways by a name, names, or labels; what finds nothing is reported."""
        gateways = self.membership.of(document)
        if not gateways:
            return ()
        keys = ("spec", "endpoints")
        if isinstance(selector, dict):
            return self._labelled(document, gateways, selector["matchLabels"])
        if isinstance(selector, str):
            return self.named(document, gateways, selector, keys)
        found = [self.named(document, gateways, name, (*keys, index)) for index, name in enumerate(selector)]
        return tuple(dict.fromkeys(address for addresses in found for address in addresses))

    def named(
        self, document: Document, gateways: Sequence[str], name: str, keys: tuple[str | int, ...]
    ) -> tuple[Address, ...]:
        """The endpoint of this name on each gateway that has it; none on any of them is reported."""
        found = tuple(a for gateway in gateways if (a := Address(gateway, ENDPOINT, name)) in self.written)
        if not found:
            known = {a.name for a in self.written if a.kind == ENDPOINT and a.gateway in gateways}
            hint = did_you_mean(name, sorted(known)) or f" Declared are {', '.join(sorted(known)) or 'none'}."
            detail = f"there is no Endpoint {name!r} on {', '.join(gateways)}.{hint}"
            self.diagnostics.append(diagnostic("REF011", detail, document.position(keys)))
        return found

    def _labelled(self, document: Document, gateways: Sequence[str], labels: Mapping[str, str]) -> tuple[Address, ...]:
        found = tuple(sorted(a for a in self.written if a.gateway in gateways and self._has(a, labels)))
        if not found:
            detail = f"no Endpoint on {', '.join(gateways)} has these labels; check them."
            place = document.position(("spec", "endpoints", "matchLabels"))
            self.diagnostics.append(diagnostic("LLM010", detail, place))
        return found

    def _has(self, address: Address, labels: Mapping[str, str]) -> bool:
        own = self.written[address].data["metadata"].get("labels", {})
        carried = {**self.gateways[address.gateway].labels, **own}
        return address.kind == ENDPOINT and all(carried.get(key) == value for key, value in labels.items())

    def models(self, endpoints: Sequence[Address]) -> dict[str, Address]:
        """Models of endpoints, each with the first endpoint that has it."""
        found: dict[str, Address] = {}
        for address in endpoints:
            if address in self.resources:
                found.setdefault(str(self.resources[address].spec["model"]), address)
        return found
