"""One object of a kind that its gateway does not let be read: made at most once, and never called in step.

| desired | ledger | a write in doubt | then                                                                 |
|---------|--------|------------------|----------------------------------------------------------------------|
| watched | any    | any              | nothing: it can be verified, and that is all                         |
| yes     | no     | no               | create; a gateway that has it already says so                        |
| yes     | no     | yes              | PLAN009: whether it was made is not known, so it is not made again   |
| yes     | yes    | any              | PLAN007, exists but unverified; PLAN008 where the manifest has moved |
| no      | yes    | any              | PLAN003, orphaned: nothing can be removed                            |
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.change import Change, Origin
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import Live
from reconciler.model.memory import Entry, Intent
from reconciler.model.resource import Manage, Resource
from reconciler.planning import findings
from reconciler.planning.decide import change_for
from reconciler.planning.diff import differing
from reconciler.planning.pointer import covers, join
from reconciler.planning.secretdiff import secret_changes
from reconciler.planning.world import Context


def blind_change(
    resource: Resource | None, entry: Entry | None, intent: Intent | None, context: Context
) -> Change | Diagnostic | None:
    """What there is to do or to say; None for an object that is only watched."""
    if resource is None:
        return None if entry is None else findings.kept(entry, context)
    if resource.lifecycle.manage is Manage.OBSERVE:
        return None
    if entry is None:
        return findings.in_doubt(resource) if intent is not None else change_for(resource, None, None, context)
    moved = () if resource.lifecycle.manage is Manage.CREATE_ONLY else tuple(_moved(resource, entry, context))
    return findings.unwritable(resource, moved) if moved else findings.unverified(resource, entry)


def _moved(resource: Resource, entry: Entry, context: Context) -> Iterator[str]:
    """Paths where the manifest wants something else than was registered, but for what it ignores."""
    paths = [join("/spec", keys) for keys in differing(entry.spec, resource.spec)]
    recorded = Live(entry.address, entry.remote_id, entry.spec, hints=entry.hints)
    secrets = secret_changes(resource, entry, recorded, context.fingerprint, context.numbering)
    # What cannot be compared is no wish for another value, and nothing could be sent anyway.
    paths += [field.path for field in secrets if field.origin is not Origin.UNCOMPARED]
    for path in paths:
        if not any(covers(pattern, path) for pattern in resource.lifecycle.ignore):
            yield path
