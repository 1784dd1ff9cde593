"""What the lists of a gateway gave, kind by kind, and what that makes together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import Live, Observed


@dataclass(frozen=True, slots=True)
class Listed:
    """All of one kind. The findings say why it is not all, or what else is there."""

    kind: str
    objects: Sequence[Live] = ()
    findings: Sequence[Diagnostic] = ()
    whole: bool = True


def observed(gateway: str, listed: Sequence[Listed]) -> Observed:
    """The kinds together; those that could not be read whole are unseen."""
    return Observed(
        gateway,
        tuple(live for each in listed for live in each.objects),
        complete=all(each.whole for each in listed),
        diagnostics=tuple(finding for each in listed for finding in each.findings),
        unseen=frozenset(each.kind for each in listed if not each.whole),
    )
