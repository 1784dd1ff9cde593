"""Patches: what differs between environments, merged (RFC 7396) per gateway in the order of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.manifest.document import Document
from reconciler.manifest.problems import diagnostic
from reconciler.model.diagnostic import Diagnostic, Position

if TYPE_CHECKING:
    from reconciler import kinds


@dataclass(slots=True)
class Effective:
    """A document as it is on one gateway: its data with patches merged, and which patches those were."""

    document: Document
    data: Mapping[str, Any]
    patches: tuple[Document, ...] = ()

    def position(self, keys: Sequence[str | int]) -> Position:
        """Where the value at `keys` was written: in the last patch that sets it, else in the document."""
        document, found = self.place(keys)
        return document.position(found)

    def place(self, keys: Sequence[str | int]) -> tuple[Document, Sequence[str | int]]:
        """The document that has the last word on `keys`, and where in it that is said."""
        for patch in reversed(self.patches):
            if _sets(patch.data["spec"]["merge"], keys):
                return patch, ("spec", "merge", *keys)
        return self.document, keys


def _sets(merge: Any, keys: Sequence[str | int]) -> bool:
    for key in keys:
        if not isinstance(merge, dict):
            return True
        if key not in merge:
            return False
        merge = merge[key]
    return True


@dataclass(slots=True)
class Patching:
    """All patches, by the kind that they change; remembers which of them matched something."""

    by_kind: Mapping[str, Sequence[tuple[Document, frozenset[str]]]]
    matched: set[int] = field(default_factory=set)
    refused: set[tuple[int, int]] = field(default_factory=set)

    def applied(self, document: Document, gateway: str, diagnostics: list[Diagnostic]) -> Effective:
        """The document as it is on a gateway. A patch that would make it invalid is reported and left out."""
        effective = Effective(document, document.data)
        for patch, gateways in self.by_kind.get(document.kind, ()):
            if gateway not in gateways or not _targets(patch.data["spec"]["target"], document):
                continue
            self.matched.add(id(patch))
            merged = {**effective.data, **merge({k: effective.data.get(k) for k in _PARTS}, patch)}
            merged = {key: value for key, value in merged.items() if value is not None}
            problems = _problems(merged)
            if not problems:
                effective = Effective(document, merged, (*effective.patches, patch))
            elif (id(patch), id(document)) not in self.refused:
                self.refused.add((id(patch), id(document)))
                diagnostics += (_invalid(patch, document, problem) for problem in problems)
        return effective

    def unmatched(self) -> list[Diagnostic]:
        """A patch that matches nothing has silently stopped working."""
        return [
            diagnostic(
                "REF005", "nothing has this target; check kind, name and labels.", p.position(("spec", "target"))
            )
            for patches in self.by_kind.values()
            for p, _ in patches
            if id(p) not in self.matched
        ]


_PARTS = ("spec", "lifecycle")


def _problems(data: Mapping[str, Any]) -> list[kinds.Problem]:
    from reconciler import kinds  # noqa: PLC0415 - the models, only where there are patches

    return [problem for _, problem in kinds.problems([data])]


def merge(parts: Mapping[str, Any], patch: Document) -> Mapping[str, Any]:
    """The parts of a document with a patch's merge applied."""
    changes = patch.data["spec"]["merge"]
    return {name: merged(part, changes[name]) if name in changes else part for name, part in parts.items()}


def merged(target: Any, change: Any) -> Any:
    """RFC 7396: mappings are merged member by member, null removes, anything else replaces."""
    if not isinstance(change, dict):
        return change
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _targets(target: Mapping[str, Any], document: Document) -> bool:
    if "name" in target:
        return bool(target["name"] == document.name)
    labels = document.data["metadata"].get("labels", {})
    return all(labels.get(key) == value for key, value in target["matchLabels"].items())


def _invalid(patch: Document, document: Document, problem: kinds.Problem) -> Diagnostic:
    path = ".".join(map(str, problem.keys))
    detail = f"{document.kind} {document.name} would have a wrong {path}: {problem.message}. Change the patch."
    return diagnostic("REF006", detail, patch.position(("spec", "merge", *problem.keys)))
