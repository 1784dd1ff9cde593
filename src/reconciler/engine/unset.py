"""Secrets that cannot be had, and when that can wait.

| a missing secret is used by                                 | then                                   |
|-------------------------------------------------------------|----------------------------------------|
| an object whose secrets this tool sends or has sent         | an error before anything is looked at  |
| adopted objects only, under the reference that is on record | a warning, while none of them is written |
| the same, and the plan writes one of them                   | an error of the plan, which blocks it  |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.engine.assembly import Assembly
from reconciler.errors import InputError
from reconciler.model.change import Change
from reconciler.model.diagnostic import Diagnostic, Severity, has_errors, ordered
from reconciler.model.memory import Entry
from reconciler.model.resource import Resource
from reconciler.model.secret import SecretRef
from reconciler.planning import recorded_for, unsent

MISSING = "SECRET001"
SHOWN = 5
"""How many names of unset secrets one warning lists."""

Places = Mapping[SecretRef, Sequence[tuple[Resource, str]]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What fetching the secrets had to say, and those that may stay unset for now."""

    findings: Sequence[Diagnostic] = ()
    waiting: Mapping[SecretRef, Diagnostic] = field(default_factory=dict)


async def prepare(assembly: Assembly) -> Prepared:
    """Fetch every secret once. Raises InputError for one that is missing and cannot wait, at its line."""
    places = _places(assembly)
    failed = await assembly.vault.prepare(tuple(places))
    if not failed:
        return Prepared()
    entries = recorded_for(assembly.desired, await assembly.ledger.load()).ledger.entries
    waiting = {
        ref: finding
        for ref, finding in failed.items()
        if finding.code == MISSING
        and ref in places
        and all(_waits(entries.get(resource.address), path, ref) for resource, path in places[ref])
    }
    found = ordered(
        finding if ref not in places else _placed(finding, *places[ref][-1])
        for ref, finding in failed.items()
        if ref not in waiting
    )
    if has_errors(found):
        raise InputError(found)
    return Prepared(found, waiting)


async def learn(assembly: Assembly) -> None:
    """Fetch what can be had at once, so that no gateway shows it in another field; what cannot is not needed here.

    Commands are not run: they may ask somebody, or take long.
    """
    await assembly.vault.prepare(tuple(ref for ref in _places(assembly) if ref.source != "command"))


def _places(assembly: Assembly) -> Places:
    found: dict[SecretRef, list[tuple[Resource, str]]] = {}
    for resource in assembly.desired.resources.values():
        for path, ref in resource.secrets.items():
            found.setdefault(ref, []).append((resource, path))
    return found


def _waits(entry: Entry | None, path: str, ref: SecretRef) -> bool:
    return entry is not None and path in unsent(entry) and entry.refs[path] == str(ref)


def _placed(finding: Diagnostic, resource: Resource, path: str) -> Diagnostic:
    return replace(finding, position=resource.source.position(path), address=resource.address, path=path)


def findings(assembly: Assembly, prepared: Prepared, changes: Sequence[Change]) -> Sequence[Diagnostic]:
    """What a plan says of secrets that are not set."""
    if not prepared.waiting:
        return prepared.findings
    needed = dict(_needed(assembly, prepared, changes))
    left = [ref for ref in prepared.waiting if ref not in needed]
    return (*prepared.findings, *needed.values(), *_unset(left))


def _needed(
    assembly: Assembly, prepared: Prepared, changes: Sequence[Change]
) -> Iterator[tuple[SecretRef, Diagnostic]]:
    for change in changes:
        resource = assembly.desired.resources.get(change.address)
        if resource is None or not change.action.writes:
            continue
        for path, ref in resource.secrets.items():
            if ref in prepared.waiting:
                yield ref, _placed(prepared.waiting[ref], resource, path)


def _unset(refs: Sequence[SecretRef]) -> Iterator[Diagnostic]:
    if not refs:
        return
    names = ", ".join(sorted(map(str, refs))[:SHOWN]) + (" and more" if len(refs) > SHOWN else "")
    yield Diagnostic(
        Severity.WARNING,
        "ADOPT001",
        "secrets of adopted objects are not set",
        f"{len(refs)} secret(s) lead to no value ({names}). Their objects were adopted and nothing of them is written "
        "now; the first change of one of them needs its secrets. Set them where the tool runs.",
    )
