"""Carry out one change: prove it, write it, verify it, and restore it if that was asked for.

| action  | before the write            | the write           | after the write                       |
|---------|-----------------------------|---------------------|---------------------------------------|
| create  | its keys, if it has several | create              | verify, and keys not proved until now |
| update  | preflight when risky        | update              | the same                              |
| replace | its keys, if it has several | delete, then create | the same                              |
| delete  |                             | delete              |                                       |
| adopt   |                             | ledger alone        |                                       |
| move    |                             | ledger alone        |                                       |
| forget  |                             | ledger alone        |                                       |
| noop    |                             |                     | the same: what is still unproved      |

A change is risky when it touches the provider, the model or the credentials of an endpoint whose
`rollout` is `candidate`: it is then proven beside the live endpoint first, each key of it alone. With
`rollout: in-place` nothing stands beside it before the write, and the keys are tried alone after it.

What is written is unproved until it was verified, and stays so in the ledger where that fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.engine import write
from reconciler.engine.assembly import ApplyOptions, Assembly, OnFailure, Planned
from reconciler.engine.assembly import Verification as Verify
from reconciler.engine.executor import Halt
from reconciler.engine.leftover import name_candidate
from reconciler.engine.proof import CANDIDATE, NO_ROOM, NO_WAY, Left, Prover, key_id, keys_of, named, proved_by
from reconciler.engine.record import Journal
from reconciler.engine.rollback import restore
from reconciler.engine.verify import NOT_ASKED, Verification, capability_of, explain, stand_in, verify
from reconciler.engine.write import Job, Written
from reconciler.errors import Conflict, GatewayError, OutcomeUnknown, SecretError, Unsupported
from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.model.live import Live
from reconciler.model.memory import Entry, Intent, Settlement
from reconciler.model.resource import Resource, Rollout
from reconciler.model.run import Check, Outcome, Status, Verdict
from reconciler.planning import WHOLE

RISKY = ("/spec/provider", "/spec/model", "/spec/credentials")
OF_ALL_KEYS = ("/spec/provider", "/spec/model", "/spec/apiBase")
"""What every key has to be proved for anew when it changes."""


@dataclass(slots=True)
class Stepper:
    """Performs the changes of one plan. `live` and `entries` are as they were when it was made.

    `unproved` gathers, by object, what is still unproved of what was asked in this run.
    """

    assembly: Assembly
    journal: Journal
    planned: Planned
    options: ApplyOptions
    live: Mapping[Address, Live]
    entries: Mapping[Address, Entry]
    halt: Halt = field(default_factory=Halt)
    unproved: dict[Address, tuple[str, ...]] = field(default_factory=dict)
    prover: Prover = field(init=False)

    def __post_init__(self) -> None:
        def left(address: Address, scratch: str, why: GatewayError) -> None:
            self.journal.audit("preflight.left", address=str(address), scratch=scratch, why=type(why).__name__)

        self.prover = Prover(self.assembly, self.options.stop, left)

    async def perform(self, change: Change) -> Outcome:
        """Carry out one change; refusals of the gateway end in the outcome, not in an exception."""
        clock = self.assembly.clock
        self.assembly.progress("change_started", {"address": str(change.address), "action": change.action.value})
        started = clock.monotonic()
        job = self._job(change)
        outcome = await self._outcome(job)
        outcome = replace(outcome, duration_ms=(clock.monotonic() - started) * 1000)
        self.halt.note(_causes(job, outcome))
        self.journal.finished(change, job.resource, outcome)
        return outcome

    def _job(self, change: Change) -> Job:
        address = change.address
        site = self.assembly.sites[address.gateway]
        resource = None if change.action in _WITHOUT_RESOURCE else self.assembly.desired.resources[address]
        job = Job(self.assembly, self.journal, site, change, resource, self.entries.get(address))
        job = replace(job, unproved=_at_stake(job), begun=self.planned.leftovers.begun.get(address))
        job = replace(job, unasked=self._is_unasked(job.entry))
        if not self._needs_proof(job):
            return job
        return replace(job, scratch=self._scratch(address))

    def _is_unasked(self, entry: Entry | None) -> bool:
        """Whether nothing but the wish not to ask keeps the change from being proved: a failure before it stands."""
        failed = entry is not None and bool(entry.unproved) and not entry.unasked
        return self.options.verification is Verify.NONE and not failed

    def _scratch(self, address: Address) -> str:
        return name_candidate(address, self.journal.run_id)

    def _needs_proof(self, job: Job) -> bool:
        if job.change.action not in MAKING or self.options.verification is Verify.NONE:
            return False
        wanted = job.wanted
        if not capability_of(job.site, wanted).preflight or wanted.rollout is not Rollout.CANDIDATE:
            return False
        if job.change.action is Action.UPDATE:
            return any(field.path.startswith(RISKY) for field in job.change.fields)
        return len(keys_of(wanted)) > 1

    async def _outcome(self, job: Job) -> Outcome:
        try:
            return await self._carry_out(job)
        except OutcomeUnknown as error:
            return _failed(job, Status.UNKNOWN, error)
        except (GatewayError, SecretError) as error:
            return _failed(job, Status.FAILED, error)

    async def _carry_out(self, job: Job) -> Outcome:
        if job.change.action is Action.NOOP:
            return await self._asked_again(job)
        proof = await self._prove(job)
        if proof.verdict is not Verdict.READY:
            return _unproven(job.change, proof)
        proved = {path for check in proof.checks for path in check.proves or ()}
        job = replace(job, unproved=tuple(path for path in job.unproved if path not in proved))
        written = await _WRITES[job.change.action](job)
        if job.resource is None or written.live is None or not job.change.action.writes:
            return Outcome(job.change.address, job.change.action, _status(job, written), written.attempts)
        outcome = await self._verified(job, written, proof)
        if outcome.healthy or not self._restores(outcome):
            return outcome
        self.unproved.pop(job.change.address, None)
        return await restore(job, outcome, self.live.get(job.change.address), written.live)

    async def _asked_again(self, job: Job) -> Outcome:
        """Something that stands as it was applied, and was not proved to work when it was."""
        live = self.live.get(job.change.address) or stand_in(job.site, job.wanted, job.entry)
        if live is None or job.entry is None:
            why = f"{job.change.address} is not on the gateway"
            return Outcome(job.change.address, Action.NOOP, Status.FAILED, error=why, healthy=False)
        return await self._verified(job, Written(live, 0), NOT_ASKED)

    async def _verified(self, job: Job, written: Written, proof: Verification) -> Outcome:
        found = NOT_ASKED
        if self.options.verification is Verify.LIVE and written.live is not None:
            found = await verify(self.assembly, job.site, job.wanted, written.live, self.options.stop)
            found = await self._each_key(job, written.live, found)
        return Outcome(
            job.change.address,
            job.change.action,
            _status(job, written),
            attempts=written.attempts,
            verifications=found.attempts + proof.attempts,
            checks=(*proof.checks, *found.checks),
            error=written.note if found.verdict is Verdict.READY else explain(found.checks),
            healthy=found.verdict is Verdict.READY,
        )

    def _restores(self, outcome: Outcome) -> bool:
        """Only a fact undoes a change: something was rejected, and nothing that decides is in doubt."""
        found = Verification(outcome.checks).verdict
        return self.options.on_failure is OnFailure.ROLLBACK and found is Verdict.REJECTED

    async def _each_key(self, job: Job, live: Live, found: Verification) -> Verification:
        """After the verification of the whole: try alone what it does not prove. An object that fails is not asked."""
        if found.verdict is not Verdict.READY:
            self.unproved[job.change.address] = job.unproved
            return found
        done = proved_by(job.wanted, found.checks) | {WHOLE}
        left = tuple(path for path in job.unproved if path not in done)
        self.unproved[job.change.address] = left
        if not left:
            return found
        if not capability_of(job.site, job.wanted).preflight:
            self.unproved[job.change.address] = ()
            return Verification((*found.checks, *(_untried(path) for path in left)), found.attempts)
        return await self._tried_alone(job, live, left, found)

    async def _tried_alone(self, job: Job, live: Live, left: tuple[str, ...], found: Verification) -> Verification:
        """Candidates beside an object that stands already; an intent names them to the next run meanwhile."""
        change, scratch = job.change, self._scratch(job.change.address)
        entry = job.entry if change.action is Action.NOOP else job.written(live)
        await job.journal.intend(
            Intent(self.journal.run_id, change.address, Action.NOOP, None, live.remote_id, scratch=scratch)
        )
        try:
            tried, open_ = await self._try_keys(job, left, scratch)
        except Left as stays:
            self.unproved.pop(change.address, None)
            return _together(found, stays.found)
        self.unproved.pop(change.address, None)
        settled = None if entry is None else replace(entry, unproved=open_, unasked=False)
        await job.journal.settle(Settlement(change.address, settled, keep=settled is None))
        return _together(found, tried)

    async def _try_keys(self, job: Job, paths: tuple[str, ...], scratch: str) -> tuple[Verification, tuple[str, ...]]:
        """Try each key alone. What could not be tried for now stays open; what never can be is said, and not open."""
        found, open_ = NOT_ASKED, list(paths)
        for index, path in enumerate(paths):
            try:
                tried = await self.prover.prove(job.site, job.wanted, path, scratch)
            except Conflict:
                blocked = Check(f"key {key_id(path)}", Verdict.UNKNOWN, NO_ROOM)
                return _together(found, Verification((blocked,))), tuple(open_)
            except Unsupported:
                rest = paths[index:]
                untried = Verification(tuple(map(_untried, rest)))
                return _together(found, untried), tuple(p for p in open_ if p not in rest)
            if tried.verdict is Verdict.READY:
                open_.remove(path)
            found = _together(found, replace(tried, checks=named(job.wanted, path, tried.checks)))
            if tried.verdict is Verdict.UNKNOWN:
                break
        return found, tuple(open_)

    async def _prove(self, job: Job) -> Verification:
        """Preflight. Where the tenant has no room for a candidate, the change goes on in place."""
        if job.scratch is None:
            return NOT_ASKED
        await job.journal.intend(job.intent())
        found = NOT_ASKED
        try:
            for path in self._to_try(job):
                tried = await self._tried_before(job, path, job.scratch)
                found = _together(found, tried)
                if tried.verdict is Verdict.UNKNOWN:
                    break
        except (Conflict, Unsupported) as error:
            if found.verdict is Verdict.READY:
                self.journal.audit("preflight.skipped", address=str(job.change.address), why=str(error))
                self.assembly.progress("preflight_skipped", {"address": str(job.change.address)})
                return found
        except Left as stays:
            return _together(found, _as_candidate(stays.found))
        if found.verdict is not Verdict.READY:
            await job.withdraw()
        return found

    def _to_try(self, job: Job) -> tuple[str | None, ...]:
        """The keys that the change sends, or the object as a whole where it sends none that is new."""
        sent = _sent(job)
        return sent or (None,)

    async def _tried_before(self, job: Job, path: str | None, scratch: str) -> Verification:
        candidate = self._candidate(job)
        if path is None:
            return _as_candidate(await self.prover.candidate(job.site, candidate, scratch))
        tried = await self.prover.prove(job.site, candidate, path, scratch)
        return _as_candidate(replace(tried, checks=named(job.wanted, path, tried.checks)))

    def _candidate(self, job: Job) -> Resource:
        """What is to be proved: the keys of the manifest, and at paths that it ignores what lives there."""
        wanted, outgoing = job.wanted, replace(job, over=self.live.get(job.change.address)).outgoing
        if outgoing is wanted:
            return wanted
        return replace(outgoing, spec={**outgoing.spec, "credentials": wanted.spec["credentials"]})


def _sent(job: Job) -> tuple[str, ...]:
    """The keys that a change has to prove: those that are new, or all where they shall serve something else."""
    keys, fields = keys_of(job.wanted), job.change.fields
    if job.change.action is not Action.UPDATE or any(field.path in OF_ALL_KEYS for field in fields):
        return keys
    changed = {field.path for field in fields if field.sensitive}
    return tuple(path for path in keys if path in changed)


def _at_stake(job: Job) -> tuple[str, ...]:
    """What is unproved once the change is written: the object, the keys that it sends, what was so before."""
    if job.resource is None or not capability_of(job.site, job.wanted).verify:
        return ()
    before = () if job.entry is None else job.entry.unproved
    if job.change.action is Action.NOOP:
        return before
    if not job.change.action.writes:
        return ()
    kept = {path for path in before if path in job.wanted.secrets}
    return tuple(sorted({WHOLE, *kept, *_sent(job)}))


def _causes(job: Job, outcome: Outcome) -> Iterator[tuple[str, ...]]:
    """What objects that are rejected together have in common: a gateway, the keys that were asked with, the words."""
    if job.resource is None or outcome.healthy:
        return
    for check in outcome.checks:
        if check.verdict is Verdict.REJECTED and not check.advisory:
            keys = check.proves or keys_of(job.wanted)
            refs = sorted({str(job.wanted.secrets[path]) for path in keys if path in job.wanted.secrets})
            if refs:
                yield job.site.gateway.name, ", ".join(refs), check.message


def _together(*found: Verification) -> Verification:
    checks = tuple(check for each in found for check in each.checks)
    return Verification(checks, sum(each.attempts for each in found))


def _as_candidate(found: Verification) -> Verification:
    named_so = (c.name if c.name == CANDIDATE else f"{CANDIDATE} {c.name}" for c in found.checks)
    return replace(found, checks=tuple(replace(c, name=n) for c, n in zip(found.checks, named_so, strict=True)))


def _untried(path: str) -> Check:
    return Check(f"key {key_id(path)}", Verdict.UNKNOWN, NO_WAY, advisory=True)


def _status(job: Job, written: Written) -> Status:
    unwritten = written.attempts == 0 and (job.change.action.writes or job.change.action is Action.NOOP)
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
MAKING = frozenset({Action.CREATE, Action.UPDATE, Action.REPLACE})

_WRITES = {
    Action.CREATE: write.create,
    Action.UPDATE: write.update,
    Action.REPLACE: write.replace_whole,
    Action.DELETE: write.delete,
    Action.ADOPT: _adopt,
    Action.MOVE: _move,
    Action.FORGET: _forget,
}
