"""Carry out one change: prove it, write it, verify it, and restore it if that was asked for.

| action  | before the write        | the write           | after the write |
|---------|-------------------------|---------------------|-----------------|
| create  |                         | create              | verify          |
| update  | preflight when risky    | update              | verify          |
| replace |                         | delete, then create | verify          |
| delete  |                         | delete              |                 |
| adopt   |                         | ledger alone        |                 |
| move    |                         | ledger alone        |                 |
| forget  |                         | ledger alone        |                 |

A change is risky when it touches the provider, the model or the credentials of an endpoint whose
`rollout` is `candidate`: it is then proven beside the live endpoint first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.engine import write
from reconciler.engine.assembly import ApplyOptions, Assembly, OnFailure, Planned
from reconciler.engine.assembly import Verification as Verify
from reconciler.engine.record import Journal
from reconciler.engine.rollback import restore
from reconciler.engine.verify import NOT_ASKED, Verification, capability_of, until_ready, verify
from reconciler.engine.write import Job, Written
from reconciler.errors import Conflict, GatewayError, OutcomeUnknown, SecretError
from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.model.live import Live
from reconciler.model.memory import Entry, Settlement
from reconciler.model.ports import Ask
from reconciler.model.run import Check, Outcome, Status, Verdict

RISKY = ("/spec/provider", "/spec/model", "/spec/credentials")


@dataclass(frozen=True, slots=True)
class Stepper:
    """Performs the changes of one plan. `live` and `entries` are as they were when it was made."""

    assembly: Assembly
    journal: Journal
    planned: Planned
    options: ApplyOptions
    live: Mapping[Address, Live]
    entries: Mapping[Address, Entry]

    async def perform(self, change: Change) -> Outcome:
        """Carry out one change; refusals of the gateway end in the outcome, not in an exception."""
        clock = self.assembly.clock
        self.assembly.progress("change_started", {"address": str(change.address), "action": change.action.value})
        started = clock.monotonic()
        job = self._job(change)
        outcome = await self._outcome(job)
        outcome = replace(outcome, duration_ms=(clock.monotonic() - started) * 1000)
        self.journal.finished(change, job.resource, outcome)
        return outcome

    def _job(self, change: Change) -> Job:
        address = change.address
        site = self.assembly.sites[address.gateway]
        resource = None if change.action in _WITHOUT_RESOURCE else self.assembly.desired.resources[address]
        job = Job(self.assembly, self.journal, site, change, resource, self.entries.get(address))
        if not self._needs_proof(job):
            return job
        return replace(job, scratch=f"{address.name[:36]}-candidate-{self.journal.run_id[-8:]}")

    def _needs_proof(self, job: Job) -> bool:
        if job.change.action is not Action.UPDATE or self.options.verification is Verify.NONE:
            return False
        wanted = job.wanted
        return (
            capability_of(job.site, wanted).preflight
            and wanted.rollout.value == "candidate"
            and any(field.path.startswith(RISKY) for field in job.change.fields)
        )

    async def _outcome(self, job: Job) -> Outcome:
        try:
            return await self._carry_out(job)
        except OutcomeUnknown as error:
            return _failed(job, Status.UNKNOWN, error)
        except (GatewayError, SecretError) as error:
            return _failed(job, Status.FAILED, error)

    async def _carry_out(self, job: Job) -> Outcome:
        proof = await self._prove(job)
        if proof.verdict is not Verdict.READY:
            return _unproven(job.change, proof)
        written = await _WRITES[job.change.action](job)
        if job.resource is None or written.live is None or not job.change.action.writes:
            return Outcome(job.change.address, job.change.action, _status(job, written), written.attempts)
        outcome = await self._verified(job, written, proof)
        if outcome.healthy or not self._restores(outcome):
            return outcome
        return await restore(job, outcome, self.live.get(job.change.address), written.live)

    async def _verified(self, job: Job, written: Written, proof: Verification) -> Outcome:
        found = NOT_ASKED
        if self.options.verification is Verify.LIVE and written.live is not None:
            found = await verify(self.assembly, job.site, job.wanted, written.live)
        return Outcome(
            job.change.address,
            job.change.action,
            _status(job, written),
            attempts=written.attempts,
            verifications=found.attempts + proof.attempts,
            checks=(*(replace(c, name=f"candidate {c.name}") for c in proof.checks), *found.checks),
            error=written.note if found.verdict is Verdict.READY else explain(found.checks),
            healthy=found.verdict is Verdict.READY,
        )

    def _restores(self, outcome: Outcome) -> bool:
        """Only a fact undoes a change: something was rejected, and nothing that decides is in doubt."""
        found = Verification(outcome.checks).verdict
        return self.options.on_failure is OnFailure.ROLLBACK and found is Verdict.REJECTED

    async def _prove(self, job: Job) -> Verification:
        """Preflight. Where the tenant has no room for a candidate, the change goes on in place."""
        if job.scratch is None:
            return NOT_ASKED
        scratch, wanted = job.scratch, job.wanted
        await job.journal.intend(job.intent())
        found = NOT_ASKED

        async def settle(ask: Ask) -> Sequence[Check]:
            nonlocal found
            found = await until_ready(ask, wanted.readiness.deadline_seconds, self.assembly.clock)
            return found.checks

        try:
            await job.site.adapter.preflight(wanted, job.material(), scratch, settle)
        except Conflict as error:
            self.journal.audit("preflight.skipped", address=str(job.change.address), why=str(error))
            self.assembly.progress("preflight_skipped", {"address": str(job.change.address)})
            return NOT_ASKED
        except GatewayError as error:
            await _clear(job, scratch)
            return Verification((Check("candidate", Verdict.UNKNOWN, str(error)),), 1)
        if found.verdict is not Verdict.READY:
            await job.withdraw()
        return found


async def _clear(job: Job, scratch: str) -> None:
    """Take the candidate away; where even that is refused, the intent stays: it names what the next run removes."""
    try:
        await job.site.adapter.discard(scratch)
    except GatewayError as error:
        job.journal.audit("preflight.left", address=str(job.change.address), scratch=scratch, why=type(error).__name__)
        return
    await job.withdraw()


def explain(checks: Sequence[Check]) -> str:
    """One line that says which checks are not ready."""
    told = (c for c in checks if c.verdict is not Verdict.READY and not c.advisory)
    return "; ".join(f"{c.name} {c.verdict.value}: {c.message}" for c in told)


def _status(job: Job, written: Written) -> Status:
    unwritten = written.attempts == 0 and job.change.action.writes
    return Status.UNCHANGED if unwritten else Status.APPLIED


def _failed(job: Job, status: Status, error: Exception) -> Outcome:
    return Outcome(job.change.address, job.change.action, status, attempts=job.tries.count, error=str(error))


def _unproven(change: Change, proof: Verification) -> Outcome:
    return Outcome(
        change.address,
        change.action,
        Status.FAILED,
        verifications=proof.attempts,
        checks=proof.checks,
        error=f"the candidate did not prove itself, the live object is untouched: {explain(proof.checks)}",
        healthy=False,
    )


async def _adopt(job: Job) -> Written:
    live = await job.read()
    if live is None:
        raise Conflict(f"{job.change.address} is gone from the gateway since the plan", gateway=job.site.gateway.name)
    await job.settle(live)
    return Written(live, 0)


async def _move(job: Job) -> Written:  # noqa: ARG001 - one signature for all
    """The entry has its new address already: entries move together before anything else, see `pipeline`."""
    return Written(None, 0)


async def _forget(job: Job) -> Written:
    await job.journal.settle(Settlement(job.change.address, None))
    return Written(None, 0)


_WITHOUT_RESOURCE = frozenset({Action.DELETE, Action.FORGET})

_WRITES = {
    Action.CREATE: write.create,
    Action.UPDATE: write.update,
    Action.REPLACE: write.replace_whole,
    Action.DELETE: write.delete,
    Action.ADOPT: _adopt,
    Action.MOVE: _move,
    Action.FORGET: _forget,
}
