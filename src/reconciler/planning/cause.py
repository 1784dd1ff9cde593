"""Why something differs: desired D, applied A (ledger), live L.

Fields:

| D | A  | L      | origin           | in the drift     | in a planned change    |
|---|----|--------|------------------|------------------|------------------------|
| x | x  | y or – | drift            | out-of-band edit | out-of-band edit       |
| x | y  | z or – | both             | out-of-band edit | merged but not applied |
| x | ≠x | A      | config           |                  | merged but not applied |
| x | –  | any    | config, takeover |                  | merged but not applied |
| – | y  | any    | release          |                  | merged but not applied |
| – | –  | y      | server           | server default: shown apart, not counted  |

| secret                     | origin         | in the drift    | in a planned change    |
|----------------------------|----------------|-----------------|------------------------|
| its hint moved             | drift          | secret replaced | secret replaced        |
| we rotated it              | secret, config |                 | merged but not applied |
| both                       | both           | secret replaced | merged but not applied |

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
| without fields        | any                      | merged but not applied                    |
| otherwise             | any                      | those of its fields                       |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.model.change import Action, Change, FieldChange, Origin
from reconciler.model.drift import DriftCause
from reconciler.model.plan import Plan

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


def planned_field_cause(field: FieldChange) -> DriftCause:
    """Why a planned change has this field."""
    return field_cause(field) if field.origin is Origin.DRIFT else DriftCause.UNAPPLIED


def planned_causes(change: Change, drift: Change | None) -> tuple[DriftCause, ...]:
    """Why a change is planned, given the drift of the same object."""
    if change.action is Action.CREATE and drift is not None and drift.action is Action.DELETE:
        return (DriftCause.DELETED,)
    return _in_order(map(planned_field_cause, change.fields)) or (DriftCause.UNAPPLIED,)


def unapplied(plan: Plan) -> tuple[Change, ...]:
    """Changes that are in the manifests and wait for an apply, wholly or in part."""
    drift = {change.address: change for change in plan.drift if change.action is not Action.NOOP}
    return tuple(c for c in plan.changes if DriftCause.UNAPPLIED in planned_causes(c, drift.get(c.address)))


def _in_order(causes: Iterable[DriftCause]) -> tuple[DriftCause, ...]:
    return tuple(sorted(set(causes), key=_ORDER.index))
