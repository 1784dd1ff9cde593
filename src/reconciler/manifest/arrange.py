"""Composed documents as files: one for each kind, none longer than a person cares to scroll."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from reconciler.manifest.compose import ENDPOINT, LIMITS, MATRIX, ORDER, WEBHOOK, Blank, Composed
from reconciler.manifest.emit import text_of

MOST = 100
"""Documents of one file."""

STEMS = {ENDPOINT: "endpoints", MATRIX: "credentials", LIMITS: "limits", WEBHOOK: "webhooks"}


def arranged(gateway: str, composed: Composed, occupied: Container[str]) -> Mapping[str, str]:
    """Text by the name of its file; a name that is `occupied` is passed over for the next number."""
    files: dict[str, str] = {}
    for kind in ORDER:
        documents = composed.documents.get(kind, ())
        names = _names(f"{gateway}-{STEMS[kind]}", occupied)
        for start in range(0, len(documents), MOST):
            part = documents[start : start + MOST]
            blanks = _of(part, composed.blanks.get(kind, ()))
            files[next(names)] = _header(gateway, blanks) + text_of(part)
    return files


def _names(stem: str, occupied: Container[str]) -> Iterator[str]:
    number = 1
    while True:
        name = f"{stem}.yaml" if number == 1 else f"{stem}-{number:02}.yaml"
        if name not in occupied:
            yield name
        number += 1


def _of(documents: Sequence[Mapping[str, Any]], blanks: Sequence[Blank]) -> Sequence[Blank]:
    """Those of the blanks that these documents refer to."""
    used = {name for document in documents for name in _variables(document["spec"])}
    return [blank for blank in blanks if blank.variable in used]


def _variables(spec: Mapping[str, Any]) -> Iterator[str]:
    if "secret" in spec:
        yield spec["secret"]["env"]
    credentials = spec.get("credentials")
    if isinstance(credentials, list):
        yield from (credential["apiKey"]["env"] for credential in credentials)


def _header(gateway: str, blanks: Sequence[Blank]) -> str:
    lines = [f"# Imported from gateway {gateway}."]
    if blanks:
        lines.append("# Secrets cannot be read: these variables are to be set where the tool runs, before a change.")
        lines += (f"#   {blank.variable}  {blank.purpose}" for blank in blanks)
    return "".join(f"{line}\n" for line in lines)


def example(composed: Composed) -> Sequence[tuple[str, str]]:
    """Lines of ``.env.example``: a variable, and the two lines that say what it is for and leave it open."""
    return [
        (blank.variable, f"# {blank.purpose}\n{blank.variable}=\n")
        for kind in ORDER
        for blank in composed.blanks.get(kind, ())
    ]
