"""One plan, run and history with everything in it that rendering has to tell apart. All of it is made up."""

from __future__ import annotations

from types import MappingProxyType

from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin, Reversible, Undo
from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.model.plan import Basis, Mode, Plan, Summary
from reconciler.model.resource import Guard
from reconciler.model.run import Cause, Check, Outcome, Residue, Run, RunRecord, RunStatus, Status, Verdict
from reconciler.planning import intent_digest

CANARY = "sk-canary-0123456789=="
SHA = "sha256:" + "ab" * 32

ONE = Address("prod", "Endpoint", "ep-one")
TWO = Address("prod", "Endpoint", "ep-two")
GONE = Address("prod", "Endpoint", "ep-gone")
HOOK = Address("prod", "Webhook", "costs")
OLD = Address("prod", "Webhook", "old")
TAKEN = Address("prod", "Endpoint", "ep-taken")

HOSTILE = "a\x1b[31mred\x9b31m\u202egnp.exe\r\n::error::x\u200b\ud800"
"""Colour by two ways, text turned round, a line of a workflow's own language, half a character."""

LINES = {
    ("manifests/endpoints.yaml", 7): "  provider: openaii",
    ("manifests/keys.yaml", 3): "  - {keyId: primary, apiKey: " + CANARY + ", priority: 1}",
}


def source(position: Position) -> str | None:
    """Lines of manifests, from memory."""
    return LINES.get((position.file, position.line))


def _at(line: int, column: int = 3) -> Position:
    return Position("manifests/endpoints.yaml", line, column)


CHANGES = (
    Change(
        ONE,
        Action.CREATE,
        "new in the manifests",
        (
            FieldChange("/spec/model", ABSENT, "gpt-4-turbo", Origin.CONFIG, place=_at(8)),
            FieldChange("/spec/displayName", ABSENT, HOSTILE, Origin.CONFIG, place=_at(6)),
            FieldChange("/spec/credentials/primary/apiKey", ABSENT, "(sensitive #1)", Origin.CONFIG, sensitive=True),
            FieldChange("/spec/credentials/primary/priority", ABSENT, 1, Origin.CONFIG),
        ),
        Guard.ETAG,
        position=_at(4),
    ),
    Change(
        TWO,
        Action.UPDATE,
        "changed in the manifests and outside",
        (
            FieldChange("/spec/rateLimits/requestsPerMinute", 100, 600, Origin.BOTH, place=_at(19)),
            FieldChange("/spec/note", "null", None, Origin.CONFIG),
            FieldChange("/spec/extra", None, ABSENT, Origin.RELEASE),
            FieldChange("/spec/tags", MappingProxyType({"b": (1, 2)}), MappingProxyType({"b": (1, 3)}), Origin.DRIFT),
            FieldChange(
                "/spec/credentials/primary/apiKey", "(sensitive #2)", "(sensitive #1)", Origin.SECRET, sensitive=True
            ),
        ),
        Guard.COMPARE,
        Reversible(Undo.PARTIAL, "the earlier secret is not known any more"),
        (ONE,),
        _at(15),
        remote_id="ep-two",
        revision="7",
        observed=SHA,
    ),
    Change(
        HOOK,
        Action.REPLACE,
        "its url cannot be changed",
        (FieldChange("/spec/url", "https://a.example.com", "https://b.example.com", Origin.CONFIG),),
        Guard.NONE,
        Reversible(Undo.NONE, "the id is the gateway's own"),
    ),
    Change(GONE, Action.DELETE, "no longer in the manifests", guard=Guard.VERSION),
    Change(TAKEN, Action.ADOPT, "already as wanted"),
    Change(OLD, Action.FORGET, "gone from the gateway"),
)

DRIFT = (
    Change(
        TWO,
        Action.UPDATE,
        "changed outside",
        (
            FieldChange("/spec/rateLimits/requestsPerMinute", 100, 300, Origin.DRIFT, place=_at(19)),
            FieldChange(
                "/spec/credentials/primary/apiKey", "(sensitive #1)", "(sensitive #2)", Origin.SECRET, sensitive=True
            ),
        ),
        position=_at(15),
    ),
    Change(OLD, Action.DELETE, "gone from the gateway"),
)

FINDINGS = (
    Diagnostic(
        Severity.ERROR,
        "PLATFORM003",
        "the platform does not take this value",
        "cxone knows the providers openai, azure, anthropic, bedrock.",
        Position("manifests/endpoints.yaml", 7, 13),
        ONE,
        "/spec/provider",
    ),
    Diagnostic(
        Severity.ERROR,
        "KIND006",
        "a secret in clear",
        "apiKey takes a reference: {env: NAME}.",
        Position("manifests/keys.yaml", 3, 30),
    ),
    Diagnostic(
        Severity.WARNING, "POLICY002", "one key", f"the matrix of {HOSTILE} has one key; add another.", _at(99), TWO
    ),
    Diagnostic(Severity.INFO, "PLAN006", "secrets were not compared", "2 secrets are taken as unchanged."),
)

PLAN = Plan(
    Mode.APPLY,
    Basis("0123abc", SHA, 41, "0.1.0", observed=MappingProxyType({str(TWO): SHA})),
    CHANGES,
    DRIFT,
    FINDINGS,
    Summary(1, 1, 1, 1, 1, 1, unchanged=12, unmanaged=3, drifted=2),
    complete=True,
    digest=intent_digest(CHANGES),
    created_at="2026-01-31T12:00:00.000Z",
    uncommitted=frozenset(),
)

EMPTY = Plan(
    Mode.APPLY,
    Basis(None, SHA, 42, "0.1.0"),
    (),
    (),
    (),
    Summary(unchanged=14, unmanaged=3),
    complete=True,
    digest=intent_digest(()),
    created_at="2026-01-31T12:00:00.000Z",
)

RUN = Run(
    "0123456789ab",
    RunStatus.UNHEALTHY,
    4,
    (
        Outcome(
            ONE,
            Action.CREATE,
            Status.APPLIED,
            1,
            1,
            31.04,
            (
                Check("reachable", Verdict.READY, "", value=True),
                Check("quota", Verdict.READY, "", 100000, 1000),
            ),
        ),
        Outcome(
            TWO,
            Action.UPDATE,
            Status.ROLLED_BACK,
            2,
            3,
            1502.6,
            (Check("latency", Verdict.REJECTED, f"slow: {HOSTILE}", 7000, 5000),),
            "latency rejected: slow",
            healthy=False,
        ),
        Outcome(HOOK, Action.REPLACE, Status.BLOCKED, error="waits for prod/Endpoint/ep-two", healthy=False),
        Outcome(GONE, Action.DELETE, Status.UNKNOWN, 1, error="the answer was lost"),
    ),
    (Residue(ONE, "/spec/fallbackModels", Cause.SERVER_DEFAULT, ["gpt-4o"], None),),
    FINDINGS[3:],
)

HISTORY = (
    RunRecord("0123456789ab", "2026-01-31T12:00:00.000Z", None, "running", ("prod",), "ann@host pid 7"),
    RunRecord(
        "ba9876543210",
        "2026-01-30T12:00:00.000Z",
        "2026-01-30T12:00:09.000Z",
        "unhealthy",
        ("prod", "test"),
        HOSTILE,
        MappingProxyType({"applied": 2, "rolled_back": 1}),
        (MappingProxyType({"address": str(ONE), "action": "create", "status": "applied"}),),
    ),
)
