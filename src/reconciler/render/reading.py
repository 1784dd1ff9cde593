"""A plan file back to a plan. Strict: whoever reads it decides by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin, Reversible, Undo
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.plan import Basis, Mode, Plan, Summary
from reconciler.model.resource import Guard
from reconciler.render.strict import Part, address_of, part_of

FORMAT_VERSION = "1.0"

T = TypeVar("T")


def plan_from_document(document: Any) -> Plan:
    """Read a plan document. Raises ValueError, which says at what place it is none.

    Members that this version does not know are passed over: a later minor version may have added them.
    """
    read = part_of(document, "")
    read.require_version(FORMAT_VERSION)
    plan = Plan(
        mode=read.word("mode", Mode),
        basis=_basis(read.part("basis"), read.text("tool_version")),
        changes=tuple(_change(part) for part in read.parts("changes")),
        drift=tuple(_change(part) for part in read.parts("drift")),
        diagnostics=tuple(_diagnostic(part) for part in read.parts("diagnostics")),
        summary=_summary(read.part("summary")),
        complete=read.member("complete", bool),
        digest=read.text("digest"),
        created_at=read.text("created_at"),
        gateways=tuple(_change(part) for part in read.parts("gateways")) if "gateways" in read.members else (),
    )
    _require_agreement(plan)
    return plan


def _require_agreement(plan: Plan) -> None:
    """A summary that counts other changes than the document holds would approve what nobody saw."""
    for action in Action:
        if action is not Action.NOOP and getattr(plan.summary, action.value) != plan.count(action):
            raise ValueError(f"/summary/{action.value} does not count what is in /changes")


def _basis(read: Part, tool_version: str) -> Basis:
    observed = read.part("observed")
    return Basis(
        commit=read.text_or_none("commit"),
        manifests=read.text("manifests"),
        ledger_serial=read.member("ledger_serial", int),
        tool_version=tool_version,
        secrets_available=read.text("secrets") == "available",
        observed={name: observed.text(name) for name in observed.members},
    )


def _summary(read: Part) -> Summary:
    return Summary(
        **{field.name: read.member(field.name, int) for field in fields(Summary) if field.name in read.members}
    )


def _change(read: Part) -> Change:
    address = Address(read.text("gateway"), read.text("kind"), read.text("name"))
    if str(address) != read.text("address"):
        raise ValueError(f"{read.place}/address is not its gateway, kind and name")
    reversible = read.part("reversible")
    return Change(
        address=address,
        action=read.word("action", Action),
        reason=read.text("reason"),
        fields=tuple(_field(part) for part in read.parts("fields")),
        guard=read.word("guard", Guard),
        reversible=Reversible(reversible.word("level", Undo), reversible.text("why")),
        depends_on=tuple(read.addresses("depends_on")),
        position=_optional(read, "position", _position),
        moved_from=_moved_from(read),
    )


def _moved_from(read: Part) -> Address | None:
    if "moved_from" not in read.members:
        return None
    return address_of(read.text("moved_from"), f"{read.place}/moved_from")


def _field(read: Part) -> FieldChange:
    absent = read.member("absent", list) if "absent" in read.members else []
    return FieldChange(
        path=read.text("path"),
        before=ABSENT if "before" in absent else read.any("before"),
        after=ABSENT if "after" in absent else read.any("after"),
        origin=read.word("origin", Origin),
        sensitive=read.member("sensitive", bool),
        place=_optional(read, "position", _position),
    )


def _optional(read: Part, name: str, reader: Callable[[Part], T]) -> T | None:
    return None if read.any(name) is None else reader(read.part(name))


def _position(read: Part) -> Position:
    return Position(read.text("file"), read.member("line", int), read.member("column", int))


def _diagnostic(read: Part) -> Diagnostic:
    address = read.text_or_none("address")
    return Diagnostic(
        severity=read.word("severity", Severity),
        code=read.text("code"),
        summary=read.text("summary"),
        detail=read.text("detail"),
        position=None if read.any("file") is None else _position(read),
        address=None if address is None else address_of(address, f"{read.place}/address"),
        path=read.text_or_none("path"),
    )
