"""Why something differs: desired D, applied A (ledger), live L.

Fields:

| D | A  | L      | origin           | in the drift     | in a planned change    |
|---|----|--------|------------------|------------------|------------------------|
| x | x  | y or – | drift            | out-of-band edit | out-of-band edit       |
| x | y  | z or – | both             | out-of-band edit | waiting                |
| x | ≠x | A      | config           |                  | waiting                |
| x | –  | any    | config, takeover |                  | waiting                |
| – | y  | any    | release          |                  | waiting                |
| – | –  | y      | server           | server default: shown apart, not counted  |

| secret                     | origin         | in the drift    | in a planned change    |
|----------------------------|----------------|-----------------|------------------------|
| its hint moved             | drift          | secret replaced | secret replaced        |
| we rotated it              | secret         |                 | secret rotated         |
| it cannot be compared      | uncompared     |                 | secret rotated         |
| its reference is another   | config         |                 | waiting                |
| both                       | both           | secret replaced | secret rotated         |

What waits for an apply is named by where it waits, as far as that is known (`Plan.uncommitted`):

| the object, or field               | cause                                     |
|------------------------------------|-------------------------------------------|
| another value of the same secret   | secret rotated but not applied            |
| wanted like this by the commit     | merged but not applied                    |
| wanted otherwise by the commit     | edited in the working tree, not committed |
| there is no commit to tell by      | declared but not applied                  |

A server default is told by silence alone: neither the manifest nor the ledger ever said anything of the field, so
nothing of ours was changed, whoever put it there; an apply keeps it.

Objects:

| in the drift as       | causes                                                               |
|-----------------------|----------------------------------------------------------------------|
| delete                | deleted out of band                                                  |
| noop                  | failing check: nothing differs, and it does not work                 |
| update                | those of its fields                                                  |

| planned               | drift of the same object | causes                                    |
|-----------------------|--------------------------|-------------------------------------------|
| create                | deleted out of band      | deleted out of band: it is made again     |
| without fields        | any                      | waiting                                   |
| otherwise             | any                      | those of its fields                       |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.model.address import Address
from reconciler.model.change import Action, Change, FieldChange, Origin
from reconciler.model.drift import DriftCause
from reconciler.model.plan import Plan
from reconciler.planning.rotation import is_rotation

_OBJECTS: Mapping[Action, DriftCause] = {Action.DELETE: DriftCause.DELETED, Action.NOOP: DriftCause.FAILING}
_ORDER = tuple(DriftCause)


def field_cause(field: FieldChange) -> DriftCause:
    """Why one field of a drifted object, or one that the server gave, differs."""
    if field.origin is Origin.SERVER:
        return DriftCause.DEFAULT
    return DriftCause.SECRET if field.sensitive else DriftCause.EDITED


def drift_causes(change: Change) -> tuple[DriftCause, ...]:
    """Why an object in the drift of a plan differs; causes stand in the order of their enumeration, each once."""
    if change.action in _OBJECTS:
        return (_OBJECTS[change.action],)
    return _in_order(map(field_cause, change.fields)) or (DriftCause.EDITED,)


def waiting_cause(plan: Plan, address: Address) -> DriftCause:
    """What to call a change of an object that waits for an apply."""
    if plan.uncommitted is None:
        return DriftCause.DECLARED
    return DriftCause.UNCOMMITTED if address in plan.uncommitted else DriftCause.UNAPPLIED


def planned_field_cause(field: FieldChange, waiting: DriftCause) -> DriftCause:
    """Why a planned change has this field; `waiting` is what a change of its object is called that is our own."""
    if is_rotation(field) or (field.sensitive and field.origin is Origin.BOTH):
        return DriftCause.ROTATED
    return field_cause(field) if field.origin is Origin.DRIFT else waiting


def planned_causes(change: Change, drift: Change | None, waiting: DriftCause) -> tuple[DriftCause, ...]:
    """Why a change is planned, given the drift of the same object."""
    if change.action is Action.CREATE and drift is not None and drift.action is Action.DELETE:
        return (DriftCause.DELETED,)
    return _in_order(planned_field_cause(field, waiting) for field in change.fields) or (waiting,)


def waiting_causes(plan: Plan) -> Mapping[Address, DriftCause]:
    """The changes that wait for an apply, wholly or in part, and what each is called as a whole."""
    drift = {change.address: change for change in plan.drift if change.action is not Action.NOOP}
    found = ((change, waiting_cause(plan, change.address)) for change in plan.changes)
    causes = {c.address: (waiting, planned_causes(c, drift.get(c.address), waiting)) for c, waiting in found}
    return {
        address: waiting if waiting in causes_of else DriftCause.ROTATED
        for address, (waiting, causes_of) in causes.items()
        if {waiting, DriftCause.ROTATED} & set(causes_of)
    }


def unapplied(plan: Plan) -> tuple[Change, ...]:
    """Changes that wait for an apply, wholly or in part."""
    waiting = waiting_causes(plan)
    return tuple(change for change in plan.changes if change.address in waiting)


def _in_order(causes: Iterable[DriftCause]) -> tuple[DriftCause, ...]:
    return tuple(sorted(set(causes), key=_ORDER.index))
