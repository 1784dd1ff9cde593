"""What a question is put to.

| the platform's `called` | on the wire                                | prices and vocabularies go by |
|-------------------------|--------------------------------------------|-------------------------------|
| BY_MODEL                | the Endpoint's model                       | the same                      |
| BY_NAME                 | the Endpoint's id, as its gateway knows it | the Endpoint's model          |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model.capability import Called
from reconciler.model.resource import Resource


@dataclass(frozen=True, slots=True)
class Callee:
    """`called` is its name on the wire, `model` the one that answers."""

    called: str
    model: str

    def is_meant_by(self, said: str) -> bool:
        """Whether a gateway's name for what answered is one of this one's, or a dated form of it."""
        return any(said == name or said.startswith(f"{name}-") for name in (self.called, self.model))


def callee_of(endpoint: Resource, model: str, called: Called) -> Callee:
    """An endpoint of which `model` answers."""
    if called is Called.BY_MODEL:
        return Callee(model, model)
    return Callee(endpoint.remote_id or endpoint.first_name, model)


def meant(said: str, callees: Sequence[Callee]) -> Callee:
    """Which of them a gateway's name for what answered means: the closest, or the first where it means none."""
    known = [callee for callee in callees if callee.is_meant_by(said)]
    return max(known, key=lambda callee: max(len(callee.called), len(callee.model)), default=callees[0])
