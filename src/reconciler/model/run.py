"""What a run did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reconciler.model.address import Address
from reconciler.model.change import Action
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import EMPTY


class Verdict(StrEnum):
    """What a check found. A 429, a 5xx or a time-out is `unknown`, never `rejected`."""

    READY = "ready"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one object: its name, verdict, and the measured value against its limit.

    `probe` names the probe that it belongs to, None for the platform's own. One that is `advisory` is reported and
    decides nothing. `proves` holds the JSON pointers of secrets that work for certain where it is ready; None: that
    of an object that has one, since a call that any of several keys may have served proves none of them. A rejection
    that is `settling` may pass without anyone doing anything, such as that of an object which the gateway is still
    taking up; any other is final. A doubt that is `lasting` does not pass by itself, such as that of a call which the
    gateway refuses us; one that is `unoffered` does not either, for the gateway has no call that would tell.
    """

    name: str
    verdict: Verdict
    message: str = ""
    value: float | int | str | bool | None = None
    limit: float | int | str | None = None
    probe: str | None = None
    advisory: bool = False
    proves: tuple[str, ...] | None = None
    settling: bool = False
    lasting: bool = False
    unoffered: bool = False


class Status(StrEnum):
    """How a change ended."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    ROLLED_BACK = "rolled_back"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One change's end. `attempts` counts writes, `verifications` counts validation calls."""

    address: Address
    action: Action
    status: Status
    attempts: int = 0
    verifications: int = 0
    duration_ms: float = 0.0
    checks: tuple[Check, ...] = ()
    error: str | None = None
    healthy: bool = True


class Cause(StrEnum):
    """Why something is left over after an apply, or has drifted."""

    SERVER_DEFAULT = "server default"
    MASK = "mask"
    ORDER = "order"
    COERCION = "coercion"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Residue:
    """A difference that is still there after an apply."""

    address: Address
    path: str
    cause: Cause
    before: Any = None
    after: Any = None


class RunStatus(StrEnum):
    """The whole of a run."""

    OK = "ok"
    NOTHING = "nothing"
    FAILED = "failed"
    BLOCKED = "blocked"
    UNHEALTHY = "unhealthy"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Run:
    """What an apply did. `exit_code` follows the command line's table."""

    run_id: str
    status: RunStatus
    exit_code: int
    outcomes: tuple[Outcome, ...] = ()
    residue: tuple[Residue, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as history shows it. Times are ISO 8601 in UTC; `ended` is None for one that never finished."""

    run_id: str
    started: str
    ended: str | None
    status: str
    gateways: tuple[str, ...]
    holder: str
    counts: Mapping[str, int] = field(default_factory=lambda: EMPTY)
    outcomes: tuple[Mapping[str, Any], ...] = ()
