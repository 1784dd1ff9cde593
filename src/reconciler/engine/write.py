"""One guarded write: intent, attempt, read back when in doubt, settle.

| the attempt ends in             | then                                                              |
|---------------------------------|-------------------------------------------------------------------|
| an answer                       | settle with what the gateway stored                               |
| OutcomeUnknown                  | read back; landed: settle; not landed: attempt again              |
| OutcomeUnknown, then a refusal  | of a creation: the intent stays, for the first may still arrive   |
| Conflict                        | read again, recompute; equal to the approved change: attempt again|
| Conflict, where an earlier run  | of a creation: read back; as either run wanted it, it is ours,    |
| of ours may have made it        | and is written once more, for its secrets may be those of before  |
| any other refusal               | the intent is withdrawn, the error goes up                        |
| doubt that reading cannot clear | the intent stays for the next run, the error goes up              |
| Conflict, of what cannot be read| it exists: settle without a claim that anything of it was sent    |
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from reconciler.engine.assembly import Assembly, Site
from reconciler.engine.leftover import landed
from reconciler.engine.record import Journal
from reconciler.errors import Conflict, GatewayError, OutcomeUnknown, SecretError, Unsupported
from reconciler.model.change import Action, Change
from reconciler.model.diagnostic import Severity
from reconciler.model.live import Live
from reconciler.model.memory import Entry, Intent, Settlement
from reconciler.model.ports import Material
from reconciler.model.resource import Resource, Spec
from reconciler.model.secret import Fingerprint
from reconciler.planning import Context, change_for, entry_for, equivalent, left_alone, observed_digest

MAX_ATTEMPTS = 3
SEEN_WITHIN = 10.0
"""Seconds within which a read has to show what the gateway said before: some answer from a copy that is behind."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
OUTRUN = 412
"""The status of a write that was refused because the object is newer than what was read."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written:
    """How a write ended: what is live now (None after a delete) and how many requests to change it left.

    `note` says what people should know of a write that was not needed.
    """

    live: Live | None
    attempts: int
    note: str | None = None


@dataclass(slots=True)
class Tries:
    """How many requests to change the object have left, also of a write that failed."""

    count: int = 0


Send = Callable[["Job", Live], Awaitable[Live | None]]
"""One attempt at a write, from what was just read."""


@dataclass(frozen=True, slots=True)
class Job:
    """One approved change with everything that carrying it out needs.

    `resource` is None for a delete. `entry` is what the ledger holds now. `tries` counts what leaves. `unproved` is
    what nobody knows to work once this is written, `unasked` because the run was told not to ask. `begun` is a
    creation of this object that an earlier run had under way when it ended: it may land at any moment.
    `over` is what the write goes over, if anything: at paths that the manifest ignores, what stands there goes back.
    """

    assembly: Assembly
    journal: Journal
    site: Site
    change: Change
    resource: Resource | None
    entry: Entry | None
    scratch: str | None = None
    tries: Tries = field(default_factory=Tries)
    unproved: tuple[str, ...] = ()
    begun: Intent | None = None
    unasked: bool = False
    over: Live | None = None

    @property
    def wanted(self) -> Resource:
        """The resource of a change that writes one."""
        if self.resource is None:
            raise TypeError(f"{self.change.action} of {self.change.address} has no resource")
        return self.resource

    @property
    def outgoing(self) -> Resource:
        """The resource as it is sent. Raises Unsupported where what stands at an ignored path cannot be sent back."""
        if self.over is None:
            return self.wanted
        found = left_alone(self.wanted, self.over.spec, {field.path for field in self.change.fields})
        if found is not self.wanted:
            self._require_expressible(found)
        return found

    def _require_expressible(self, resource: Resource) -> None:
        found = self.site.platform.unsupported(resource, self.site.gateway)
        errors = [finding.detail for finding in found if finding.severity is Severity.ERROR]
        if errors:
            raise Unsupported(
                f"what stands at a path that lifecycle.ignore leaves alone cannot be sent back: {' '.join(errors)} "
                "Nothing was sent",
                gateway=self.site.gateway.name,
            )

    @property
    def fingerprints(self) -> Mapping[str, Fingerprint]:
        """Of the resource's secrets, as far as known in this run."""
        return self.assembly.fingerprints(self.wanted)

    @property
    def readable(self) -> bool:
        """Whether the gateway lets objects of this kind be read."""
        return self.context.reads(self.change.address.kind)

    @property
    def context(self) -> Context:
        """What recomputing this one change needs."""
        site = self.site
        return Context(site.gateway, site.platform.capabilities, self.assembly.vault.fingerprint)

    def material(self) -> Material:
        """Secret values of the resource, taken from the vault at the last moment."""
        return {path: self.assembly.vault.reveal(ref) for path, ref in self.wanted.secrets.items()}

    def intent(self) -> Intent:
        """What the ledger holds while the write is under way."""
        return Intent(
            run_id=self.journal.run_id,
            address=self.change.address,
            action=self.change.action,
            after=None if self.resource is None else _expected(self, self.resource),
            remote_id=self.change.remote_id,
            before_revision=self.change.revision,
            before_observed=self.change.observed,
            scratch=self.scratch,
        )

    async def read(self) -> Live | None:
        """The object as it is at this moment."""
        named = None if self.resource is None else self.resource.remote_id
        return await self.site.adapter.read(self.change.address, self.change.remote_id or named)

    async def withdraw(self) -> None:
        """The write certainly did not happen: the ledger stays as it was."""
        await self.journal.settle(Settlement(self.change.address, self.entry, keep=True))

    async def settle(self, live: Live) -> None:
        """The write landed, and this is what the gateway stored."""
        await self.journal.settle(Settlement(self.change.address, self.written(live)))

    def written(self, live: Live) -> Entry:
        """The entry once the write has landed as `live`."""
        return replace(entry_for(self.wanted, live, self.fingerprints), unproved=self.unproved, unasked=self.unasked)


async def create(job: Job) -> Written:
    """Make the object once, however many answers are lost."""
    await job.journal.intend(job.intent())
    try:
        written = await _create(job)
    except OutcomeUnknown:
        raise
    except (GatewayError, SecretError) as error:
        if isinstance(error, Conflict) and not job.readable:
            return await _unverified(job, error)
        await job.withdraw()
        raise
    if written.live is not None:
        await job.settle(written.live)
    return written


async def _unverified(job: Job, error: Conflict) -> Written:
    """It exists, and that is all that is known: an entry that claims to have sent no secret, as of what is adopted."""
    live = Live(job.change.address, job.wanted.remote_id or job.wanted.first_name, job.wanted.spec)
    await job.journal.settle(Settlement(job.change.address, entry_for(job.wanted, live, {})))
    job.journal.audit("object.unverified", address=str(job.change.address), remoteId=live.remote_id)
    return Written(live, 0, f"exists, unverified: {error}. Nothing was overwritten")


async def _create(job: Job) -> Written:
    doubt: OutcomeUnknown | None = None
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            material = job.material()
            job.tries.count += 1
            return Written(await job.site.adapter.create(job.outgoing, material), attempt)
        except OutcomeUnknown as error:
            doubt = error
            found = await _read_back(job)
        except GatewayError as error:
            _require_doubt(job, doubt, error)
            found = await _appeared(job)
        if found is not None:
            return await _found(job, found, attempt, lost=doubt is not None)
    raise doubt or Conflict(f"{job.change.address} was never made", gateway=job.site.gateway.name)


def _require_doubt(job: Job, doubt: OutcomeUnknown | None, error: GatewayError) -> None:
    """Raise a refusal, unless it says that the object exists and it may be us who made it.

    What was lost may still arrive, so a later refusal does not mean that nothing was made.
    """
    earlier = job.readable and not (job.begun is None and job.entry is None)
    if not isinstance(error, Conflict) or (doubt is None and not earlier):
        raise (doubt or error) from error


async def _found(job: Job, found: Live, attempt: int, *, lost: bool) -> Written:
    """What stands where the object was to be made. Raises Conflict where it is not of our making."""
    if lost and landed(job.outgoing.spec, found, None):
        return Written(found, attempt)
    earlier = (None if job.begun is None else job.begun.after, job.entry)
    specs = (job.outgoing.spec, *(entry.spec for entry in earlier if entry is not None))
    ours = next((spec for spec in specs if any(earlier) and landed(spec, found, None)), None)
    if ours is None:
        raise Conflict(f"{job.change.address} was made by someone else in between", gateway=job.site.gateway.name)
    return await _taken_up(job, ours, found, attempt)


async def _taken_up(job: Job, spec: Spec, found: Live, attempts: int) -> Written:
    """Put on record that it is ours, then write it once more: its secrets are those of the run that made it."""
    bare = replace(entry_for(job.wanted, found, {}), spec=spec, refs={}, unproved=job.unproved, unasked=job.unasked)
    await job.journal.settle(Settlement(job.change.address, bare))
    change = change_for(job.wanted, bare, found, job.context)
    if change is None:
        return Written(found, attempts)
    written = await update(replace(job, change=change, entry=bare, scratch=None))
    return replace(written, attempts=attempts + written.attempts)


async def _appeared(job: Job) -> Live | None:
    """The object that a refusal says is there, which a copy that is behind may not show at once."""
    return await _seen(job, lambda: _read_back(job), lambda found: found is not None)


async def _seen(job: Job, read: Callable[[], Awaitable[T]], is_new: Callable[[T], bool]) -> T:
    """Read until the answer is as new as is known, or the time is over; the last answer in any case."""
    clock = job.assembly.clock
    ends, pause = clock.monotonic() + SEEN_WITHIN, FIRST_PAUSE
    while not is_new(found := await read()) and clock.monotonic() + pause <= ends:
        await clock.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
    return found


async def _read_back(job: Job) -> Live | None:
    try:
        return await job.read()
    except GatewayError as error:
        raise OutcomeUnknown(
            f"the answer to a write of {job.change.address} was lost, and it cannot be read back: {error}",
            gateway=job.site.gateway.name,
        ) from error


async def update(job: Job) -> Written:
    """Replace the object, from what is there at this moment, if it still is what was approved."""
    await job.journal.intend(job.intent())
    try:
        written = await _attempt_all(job, _put)
    except OutcomeUnknown:
        raise
    except (GatewayError, SecretError):
        await job.withdraw()
        raise
    if written.live is None:
        await job.withdraw()
        raise Conflict(f"{job.change.address} is gone from the gateway since the plan", gateway=job.site.gateway.name)
    await job.settle(written.live)
    return written


async def delete(job: Job) -> Written:
    """Remove the object, if it still is what was approved; what is gone already counts."""
    await job.journal.intend(job.intent())
    try:
        written = await _attempt_all(job, _remove)
    except OutcomeUnknown:
        raise
    except (GatewayError, SecretError):
        await job.withdraw()
        raise
    await job.journal.settle(Settlement(job.change.address, None))
    return written


async def replace_whole(job: Job) -> Written:
    """Remove the object and make it anew, where the platform has no way to change it."""
    entry = job.entry or _expected(job, job.wanted)
    job = replace(job, over=await job.read())
    _ = job.outgoing  # what cannot be sent back is found before anything is removed
    removed = await delete(replace(job, resource=None, entry=entry))
    made = await create(job)
    return replace(made, attempts=removed.attempts + made.attempts)


async def rewrite(job: Job) -> Written:
    """Write the object as the platform can: as an update, or as a replacement."""
    return await (replace_whole if job.change.action is Action.REPLACE else update)(job)


def _expected(job: Job, resource: Resource) -> Entry:
    remote_id = job.change.remote_id or resource.remote_id or resource.first_name
    entry = entry_for(resource, Live(resource.address, remote_id, resource.spec), job.fingerprints)
    return replace(entry, unproved=job.unproved, unasked=job.unasked)


async def _put(job: Job, fresh: Live) -> Live | None:
    outgoing, material = replace(job, over=fresh).outgoing, job.material()
    job.tries.count += 1
    return await job.site.adapter.update(outgoing, fresh, material)


async def _remove(job: Job, fresh: Live) -> Live | None:
    job.tries.count += 1
    await job.site.adapter.delete(fresh)
    return None


async def _attempt_all(job: Job, send: Send) -> Written:
    sent: Live | None = None
    problem: GatewayError | None = None
    known = _newest(job)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        fresh = await _seen(
            job, job.read if sent is None else partial(_read_back, job), partial(_is_as_new, known, problem)
        )
        if fresh is None:
            return Written(None, attempt - 1)
        if sent is not None and _landed(job, sent, fresh):
            return Written(fresh, attempt - 1)
        if not _still_approved(job, fresh):
            return Written(fresh, attempt - 1)
        known = fresh.revision
        try:
            return Written(await send(job, fresh), attempt)
        except OutcomeUnknown as error:
            sent, problem = fresh, error
        except Conflict as error:
            problem = error
    return await _last_look(job, sent, problem)


def _newest(job: Job) -> str | None:
    """The newest revision that the gateway has told us of: in the plan, or in answer to our last write."""
    recorded = None if job.entry is None else job.entry.revision
    return recorded if is_older(job.change.revision, recorded) else job.change.revision


def _is_as_new(known: str | None, problem: GatewayError | None, fresh: Live | None) -> bool:
    """Whether a read shows what is known to be there; after a write that was outrun, that is something newer."""
    if fresh is None or known is None:
        return True
    outrun = isinstance(problem, Conflict) and problem.status == OUTRUN
    return not is_older(fresh.revision, known) and not (outrun and fresh.revision == known)


def is_older(revision: str | None, known: str | None) -> bool:
    """Whether a revision comes before another; of revisions that are no numbers nothing is known."""
    if revision is None or known is None or not (revision.isdecimal() and known.isdecimal()):
        return False
    return int(revision) < int(known)


async def _last_look(job: Job, sent: Live | None, problem: GatewayError | None) -> Written:
    if sent is not None:
        fresh = await _read_back(job)
        if fresh is None or _landed(job, sent, fresh):
            return Written(fresh, MAX_ATTEMPTS)
    raise problem or Conflict(f"{job.change.address} keeps changing", gateway=job.site.gateway.name)


def _landed(job: Job, sent: Live, fresh: Live) -> bool:
    if job.resource is None:
        return False
    unseen_secret = fresh.revision is None and any(field.sensitive for field in job.change.fields)
    return not unseen_secret and landed(replace(job, over=sent).outgoing.spec, fresh, sent.revision)


def _still_approved(job: Job, fresh: Live) -> bool:
    """Whether the write is still due; raises Conflict when it would be another one than was approved."""
    if observed_digest(fresh) == job.change.observed:
        return True
    recomputed = recompute(job, fresh)
    if recomputed is None:
        return False
    if equivalent(job.change, recomputed):
        return True
    paths = ", ".join(field.path for field in recomputed.fields) or recomputed.action.value
    raise Conflict(
        f"{job.change.address} was changed by someone else since the plan; "
        f"what would be written now differs from what was approved ({paths}). Plan again.",
        gateway=job.site.gateway.name,
    )


def recompute(job: Job, fresh: Live) -> Change | None:
    """The change that the same manifest would ask for now; None when nothing is left to do."""
    return change_for(job.resource, job.entry, fresh, job.context)


def restated(job: Job, change: Change, resource: Resource | None, entry: Entry | None) -> Job:
    """The same surroundings, another change, which brings back what was known to work."""
    before = entry if job.entry is None else job.entry
    return replace(
        job,
        change=change,
        resource=resource,
        entry=entry,
        scratch=None,
        tries=Tries(),
        unproved=() if before is None else before.unproved,
        unasked=before is not None and before.unasked,
    )
