"""Matrices and limits: found by name on a gateway, or inline; turned into canonical form once and shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from reconciler.manifest.document import Document
from reconciler.manifest.membership import Membership
from reconciler.manifest.patches import Effective, Patching
from reconciler.manifest.problems import diagnostic, did_you_mean
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.secret import SecretRef

MATRIX = "CredentialMatrix"
LIMITS = "RateLimit"


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials in canonical form: priorities by keyId, references by path."""

    spec: Mapping[str, Any]
    secrets: Mapping[str, SecretRef]
    rotation: str | None


@dataclass(slots=True)
class Part:
    """A matrix or limits as an endpoint sees them; `effective` is the endpoint's own when they stand inline."""

    effective: Effective
    written: Mapping[str, Any]
    keys: Keys | None = None
    limits: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Parts:
    """All parts that have names, by address; remembers which were used."""

    by_address: Mapping[Address, Part]
    documents: Mapping[Address, Document]
    used: set[int] = field(default_factory=set)

    @classmethod
    def of(
        cls, documents: Sequence[Document], membership: Membership, patching: Patching, diagnostics: list[Diagnostic]
    ) -> Parts:
        """Index the parts among `documents`; two of one name on a gateway are reported."""
        found: dict[Address, Part] = {}
        written: dict[Address, Document] = {}
        for document in documents:
            if document.kind not in {MATRIX, LIMITS}:
                continue
            for gateway in membership.of(document):
                address = Address(gateway, document.kind, document.name)
                if address in written:
                    diagnostics.append(_twice(address, written[address], document))
                    break
                written[address] = document
                effective = patching.applied(document, gateway, diagnostics)
                found[address] = Part(effective, effective.data["spec"])
        return cls(found, written)

    def matrix(self, address: Address, endpoint: Effective, diagnostics: list[Diagnostic]) -> Part | None:
        """The endpoint's credentials; None, reported, when their name leads nowhere."""
        given = endpoint.data["spec"]["credentials"]
        if isinstance(given, str):
            return self._named(Address(address.gateway, MATRIX, given), endpoint, "credentials", diagnostics)
        return Part(endpoint, {"credentials": given})

    def limits(self, address: Address, endpoint: Effective, diagnostics: list[Diagnostic]) -> Part | None:
        """The endpoint's limits, empty where it has none; None, reported, when their name leads nowhere."""
        given = endpoint.data["spec"].get("rateLimits")
        if isinstance(given, str):
            return self._named(Address(address.gateway, LIMITS, given), endpoint, "rateLimits", diagnostics)
        return Part(endpoint, given or {})

    def _named(self, wanted: Address, endpoint: Effective, member: str, diagnostics: list[Diagnostic]) -> Part | None:
        part = self.by_address.get(wanted)
        if part is not None:
            self.used.add(id(self.documents[wanted]))
            return part
        known = [a.name for a in self.by_address if a.kind == wanted.kind and a.gateway == wanted.gateway]
        detail = f"there is no {wanted.kind} {wanted.name!r} on gateway {wanted.gateway!r}." + (
            did_you_mean(wanted.name, known) or f" Declare it, or use one of: {', '.join(known) or 'none'}."
        )
        diagnostics.append(diagnostic("REF001", detail, endpoint.position(("spec", member))))
        return None

    def unused(self) -> list[Diagnostic]:
        """Named parts that no endpoint refers to."""
        unused = {id(d): d for d in self.documents.values() if id(d) not in self.used}
        return [
            diagnostic(
                "REF009",
                f"no endpoint refers to {document.kind} {document.name!r}; remove it, or refer to it.",
                document.position(("metadata", "name")),
                Severity.WARNING,
            )
            for document in unused.values()
        ]


def credentials_of(part: Part) -> Keys:
    """Canonical credentials of a part, made once however many endpoints share it."""
    if part.keys is None:
        written = part.written["credentials"]
        part.keys = Keys(
            {credential["keyId"]: {"priority": credential["priority"]} for credential in written},
            {f"/spec/credentials/{c['keyId']}/apiKey": secret_ref(c["apiKey"]) for c in written},
            part.written.get("rotationStrategy"),
        )
    return part.keys


def limits_of(part: Part) -> Mapping[str, Any]:
    """Canonical limits of a part."""
    if part.limits is None:
        part.limits = {name: value for name, value in part.written.items() if value is not None}
    return part.limits


def secret_ref(written: Mapping[str, Any]) -> SecretRef:
    """A reference as the model holds it."""
    source, locator = next(member for member in written.items() if member[0] != "expiresOn")
    return SecretRef(source, tuple(locator) if isinstance(locator, list) else (locator,), day(written, "expiresOn"))


def day(written: Mapping[str, Any], name: str) -> date | None:
    """A day that somebody noted; its form has been looked at."""
    noted = written.get(name)
    return None if noted is None else date.fromisoformat(noted)


def _twice(address: Address, first: Document, second: Document) -> Diagnostic:
    place = first.position(("metadata", "name"))
    detail = f"{address} is declared at {place} already; rename or remove one."
    return diagnostic("REF002", detail, second.position(("metadata", "name")))
