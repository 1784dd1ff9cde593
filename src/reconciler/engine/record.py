"""Write down what happens: intents and settlements, the audit, the history."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.engine.assembly import Assembly
from reconciler.model.change import Change
from reconciler.model.memory import AuditEvent, Entry, Intent, Lease, Settlement
from reconciler.model.resource import Resource
from reconciler.model.run import Outcome, Run, RunRecord, Status


@dataclass(frozen=True, slots=True)
class Journal:
    """The pen of one run: every write of the ledger and the audit goes through it."""

    assembly: Assembly
    run_id: str
    leases: Mapping[str, Lease]

    async def intend(self, intent: Intent) -> None:
        """Durable before it returns."""
        await self.assembly.ledger.intend(self.leases[intent.address.gateway], (intent,))

    async def settle(self, settlement: Settlement) -> None:
        """Close one intent."""
        await self.assembly.ledger.settle(self.leases[settlement.address.gateway], (settlement,))

    async def settle_all(self, entries: Mapping[Any, Entry | None]) -> None:
        """Bring entries up to date at once, gateway by gateway."""
        for gateway, lease in self.leases.items():
            ours = tuple(Settlement(a, entry) for a, entry in entries.items() if a.gateway == gateway)
            if ours:
                await self.assembly.ledger.settle(lease, ours)

    async def begin(self, record: RunRecord, **fields: Any) -> None:
        """Open the run in the audit and the history, and mark in the ledger how far the audit goes."""
        self.audit("run.started", **fields)
        await asyncio.gather(self.assembly.ledger.begin_run(record), self._anchored())

    async def end(self, record: RunRecord, **fields: Any) -> None:
        """Close it in both, and mark again."""
        self.audit("run.ended", **fields)
        await asyncio.gather(self.assembly.ledger.end_run(record), self._anchored())

    async def _anchored(self) -> None:
        """An audit that is not the one that was marked before moves no mark: `audit verify` then says so."""
        audit = self.assembly.audit
        mark = audit.mark()
        if mark is not None and not await self.assembly.ledger.anchor(audit.name, mark, audit.holds):
            self.assembly.progress("audit_broken", {"error": _BROKEN})

    def audit(self, event: str, **fields: Any) -> None:
        """Add a line to the audit file; `fields` never hold a secret."""
        self.assembly.audit.append(AuditEvent(event, {"run": self.run_id, **fields}))

    def finished(self, change: Change, resource: Resource | None, outcome: Outcome) -> None:
        """Tell the audit and whoever watches how one change ended."""
        self.audit(
            "change.finished",
            address=str(outcome.address),
            action=outcome.action.value,
            status=outcome.status.value,
            attempts=outcome.attempts,
            durationMs=round(outcome.duration_ms, 1),
            paths=[field.path for field in change.fields],
        )
        if resource is not None and resource.address.kind == "Endpoint" and outcome.attempts:
            self.audit("endpoint.configured", **configured(self.assembly.clock.now(), resource, outcome))
        self.assembly.progress(
            "change_finished",
            {
                "address": str(outcome.address),
                "action": outcome.action.value,
                "status": outcome.status.value,
                "duration_ms": outcome.duration_ms,
            },
        )


_BROKEN = "the audit file is not the one that the ledger knows; see `reconciler audit verify`"


def configured(now: str, resource: Resource, outcome: Outcome) -> Mapping[str, Any]:
    """The audit entry of a configured endpoint, with the field names of the CXone contract."""
    deployed = outcome.status is Status.APPLIED and outcome.healthy
    return {
        "timestamp": now,
        "endpointId": resource.remote_id or resource.first_name,
        "provider": resource.spec.get("provider"),
        "latencyMs": round(outcome.duration_ms),
        "validationSuccess": deployed and outcome.verifications > 0,
        "validationAttempts": outcome.verifications,
        "status": "DEPLOYED" if deployed else "FAILED",
    }


def opening(assembly: Assembly, run_id: str, gateways: Sequence[str]) -> RunRecord:
    """The record of a run that begins."""
    return RunRecord(run_id, assembly.clock.now(), None, "running", tuple(gateways), assembly.holder)


def closing(opened: RunRecord, run: Run, ended: str) -> RunRecord:
    """The record of a run that has ended."""
    counts = Counter(outcome.status.value for outcome in run.outcomes)
    return replace(
        opened,
        ended=ended,
        status=run.status.value,
        counts=dict(counts),
        outcomes=tuple(_line(outcome) for outcome in run.outcomes),
    )


def _line(outcome: Outcome) -> Mapping[str, Any]:
    line = {"address": str(outcome.address), "action": outcome.action.value, "status": outcome.status.value}
    return line if outcome.error is None else {**line, "error": outcome.error}
