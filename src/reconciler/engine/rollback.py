"""Put back what failed its verification, by the same guarded writes that made it.

| the failed change | is restored by                                    | cannot be when                          |
|-------------------|---------------------------------------------------|-----------------------------------------|
| create            | deleting it                                       |                                         |
| update            | writing the earlier spec with the earlier secrets | an earlier secret does not resolve any  |
|                   |                                                   | more to the fingerprint last applied    |
| replace           | the same as update                                | the same                                |
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.engine import write
from reconciler.engine.write import Job, restated
from reconciler.errors import GatewayError, SecretError
from reconciler.model.change import Action, Change
from reconciler.model.live import Live
from reconciler.model.resource import Resource
from reconciler.model.run import Outcome, Status
from reconciler.planning import change_for, earlier_refs, earlier_resource, entry_for, observed_digest


async def restore(job: Job, failed: Outcome, before: Live | None, written: Live) -> Outcome:
    """Undo a change that was written and then rejected; says so when it cannot be undone."""
    try:
        undone = await _undo(job, before, written)
    except (GatewayError, SecretError) as error:
        return replace(failed, error=f"{failed.error}; rolling back failed: {error}")
    if not undone:
        return replace(
            failed,
            error=f"{failed.error}; not rolled back: an earlier secret no longer resolves to what was applied",
        )
    return replace(failed, status=Status.ROLLED_BACK)


async def _undo(job: Job, before: Live | None, written: Live) -> bool:
    if job.change.action is Action.CREATE or before is None:
        await write.delete(_removal(job, written))
        return True
    await _fetch_earlier(job)
    earlier = earlier_resource(job.wanted, before, job.entry, job.assembly.vault.fingerprint)
    if earlier is None:
        return False
    await write.rewrite(_rewrite(job, earlier, written))
    return True


async def _fetch_earlier(job: Job) -> None:
    """Secrets that the manifest no longer names were not fetched yet; one that cannot be had is no error here."""
    if job.entry is None:
        return
    refs = earlier_refs(job.wanted, job.entry).values()
    await job.assembly.vault.prepare(tuple(ref for ref in refs if ref is not None))


def _removal(job: Job, written: Live) -> Job:
    change = _inverse(job.change, Action.DELETE, written)
    return restated(job, change, None, entry_for(job.wanted, written, job.fingerprints))


def _rewrite(job: Job, earlier: Resource, written: Live) -> Job:
    entry = entry_for(job.wanted, written, job.fingerprints)
    change = change_for(earlier, entry, written, job.context)
    fields = () if change is None else change.fields
    inverse = replace(_inverse(job.change, job.change.action, written), fields=fields)
    return restated(job, inverse, earlier, entry)


def _inverse(change: Change, action: Action, written: Live) -> Change:
    return replace(
        change,
        action=action,
        reason="rolled back: verification failed",
        remote_id=written.remote_id,
        revision=written.revision,
        observed=observed_digest(written),
    )
