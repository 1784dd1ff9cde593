"""Fleet-wide documents by kind and name: one of a name, found by reference, and those that nothing refers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.manifest.document import Document
from reconciler.manifest.problems import diagnostic, did_you_mean
from reconciler.model.diagnostic import Diagnostic, Severity

REFERRED = ("PromptTemplate", "SafetyPolicy", "ResponseSchema", "Pricing")
"""Kinds that are there to be referred to."""

FLEET_WIDE = (*REFERRED, "Probe", "Route")


@dataclass(slots=True)
class Lookup:
    """Documents by kind and name; remembers which were referred to, and reports what leads nowhere."""

    documents: Mapping[str, Mapping[str, Document]]
    diagnostics: list[Diagnostic]
    used: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, documents: Sequence[Document], diagnostics: list[Diagnostic]) -> Lookup:
        """Index `documents`; two of one kind and name are reported."""
        found: dict[str, dict[str, Document]] = {kind: {} for kind in FLEET_WIDE}
        for document in documents:
            if document.kind not in found:
                continue
            first = found[document.kind].setdefault(document.name, document)
            if first is not document:
                place = first.position(("metadata", "name"))
                detail = f"{document.kind} {document.name!r} is declared at {place} already; rename or remove one."
                diagnostics.append(diagnostic("REF002", detail, document.position(("metadata", "name"))))
        return cls(found, diagnostics)

    def named(self, document: Document, keys: Sequence[str], kind: str) -> Document | None:
        """What `document` refers to at `keys`; None when it refers to nothing, or, reported, to what is not there."""
        name: Any = document.data
        for key in keys:
            name = name.get(key) or {}
        if not isinstance(name, str):
            return None
        found = self.documents[kind].get(name)
        if found is not None:
            self.used.add((kind, name))
            return found
        known = self.documents[kind]
        hint = did_you_mean(name, known) or f" Declare it, or use one of: {', '.join(known) or 'none'}."
        detail = f"there is no {kind} {name!r}.{hint}"
        self.diagnostics.append(diagnostic("REF010", detail, document.position(keys)))
        return None

    def unused(self) -> list[Diagnostic]:
        """What no probe or route refers to."""
        return [
            diagnostic(
                "REF009",
                f"no probe or route refers to {kind} {name!r}; remove it, or refer to it.",
                document.position(("metadata", "name")),
                Severity.WARNING,
            )
            for kind in REFERRED
            for name, document in self.documents[kind].items()
            if (kind, name) not in self.used
        ]
