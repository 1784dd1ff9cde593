"""Resolve what an interrupted run left behind, by looking at the gateway. Pure.

An intent without a settlement means: a write was about to leave, and nobody knows whether it did.

| intent           | live                                   | means          | the ledger then holds        |
|------------------|----------------------------------------|----------------|------------------------------|
| create           | absent                                 | not landed yet | nothing; the intent stays    |
|                  |                                        |                | while it is to be made still |
| create           | equal to what was intended             | landed         | the intended entry           |
| create           | something else                         | not ours       | nothing; the plan will ask   |
| update           | revision moved, equal to the intention | landed         | the intended entry           |
| replace          | equal to the intention                 | landed         | the intended entry           |
| update, replace  | anything else                          | did not land   | the entry as it was          |
| delete           | absent                                 | landed         | nothing                      |
| delete           | there                                  | did not land   | the entry as it was          |
| adopt, forget    | –                                      | ledger only    | the entry as it was          |

The intended entry is taken without its secrets' fingerprints and references: a read does not tell whether the
key that is there is ours or somebody's who wrote after us, so the next plan sends it again. (References without
fingerprints would mean that the object was adopted, and its secrets left alone.)

A resend after "did not land" is harmless: the write replaces the whole object, under a guard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from reconciler.engine.assembly import Leftovers
from reconciler.model.address import Address
from reconciler.model.change import Action
from reconciler.model.live import Live, Observed
from reconciler.model.memory import Entry, Intent, LedgerSnapshot
from reconciler.model.resource import Spec


def resolve(snapshot: LedgerSnapshot, observed: Mapping[str, Observed]) -> Leftovers:
    """Decide each leftover intent of a kind that was read completely."""
    open_intents = [
        intent
        for address, intent in sorted(snapshot.intents.items())
        if address.gateway in observed and observed[address.gateway].saw(address.kind)
    ]
    if not open_intents:
        return Leftovers(snapshot)
    decided = {intent.address: _decide(intent, snapshot, observed) for intent in open_intents}
    entries = {address: entry for address, entry in snapshot.entries.items() if address not in decided}
    entries.update({address: entry for address, entry in decided.items() if entry is not None})
    remaining = {address: i for address, i in snapshot.intents.items() if address not in decided}
    return Leftovers(
        replace(snapshot, entries=entries, intents=remaining),
        decided,
        tuple((i.address.gateway, i.scratch) for i in open_intents if i.scratch is not None),
        {i.address: i for i in open_intents if i.action in _MAKING and decided[i.address] is None},
    )


_MAKING = frozenset({Action.CREATE, Action.REPLACE})


def _decide(intent: Intent, snapshot: LedgerSnapshot, observed: Mapping[str, Observed]) -> Entry | None:
    candidates = [live for live in observed[intent.address.gateway].objects if live.address == intent.address]
    before = snapshot.entries.get(intent.address)
    if intent.action is Action.DELETE:
        return before if _same_object(candidates, intent.remote_id) else None
    if intent.after is None or intent.action in {Action.ADOPT, Action.FORGET}:
        return before
    # What was made anew may bear the number that what was removed had.
    revision = None if intent.action is Action.REPLACE else intent.before_revision
    for live in candidates:
        if landed(intent.after.spec, live, revision):
            return replace(
                intent.after,
                remote_id=live.remote_id,
                fingerprints={},
                refs={},
                hints=dict(live.hints),
                revision=live.revision,
            )
    return before


_CANDIDATE = re.compile(r".{1,36}-candidate-(?P<run>[0-9a-f]{8})", re.DOTALL)


def name_candidate(address: Address, run_id: str) -> str:
    """What an object is called beside which a run tries a change, so that it is known as that run's."""
    return f"{address.name[:36]}-candidate-{run_id[-8:]}"


def candidates_in(observed: Mapping[str, Observed], claimed: AbstractSet[str]) -> Mapping[tuple[str, str], str]:
    """What is there and looks like a run's candidate, as gateway and name, with the end of that run's id.

    A gateway may finish what it was asked long after whoever asked has given up, removed nothing, and gone.
    """
    found = {}
    for gateway, answer in observed.items():
        for live in answer.objects:
            for name in (live.remote_id, live.address.name):
                looks = _CANDIDATE.fullmatch(name)
                if looks is not None and not {live.remote_id, live.address.name} & claimed:
                    found[gateway, name] = looks["run"]
    return found


def _same_object(candidates: Iterable[Live], remote_id: str | None) -> bool:
    return any(remote_id is None or live.remote_id == remote_id for live in candidates)


def landed(spec: Spec, live: Live, before_revision: str | None) -> bool:
    """Whether `live` is the result of a write of `spec` that began when the revision was `before_revision`."""
    if live.revision is not None and live.revision == before_revision:
        return False
    return contains(live.spec, spec)


def contains(live: Spec, wanted: Spec) -> bool:
    """Whether everything in `wanted` stands in `live`; what the server adds does not matter."""
    return all(_holds(live.get(key), value) for key, value in wanted.items())


def _holds(live: object, wanted: object) -> bool:
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        return contains(live, wanted)
    return live == wanted


def addresses(leftovers: Leftovers) -> tuple[Address, ...]:
    """Which addresses an interrupted run had left open."""
    return tuple(sorted(leftovers.entries))
