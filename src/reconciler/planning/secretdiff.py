"""Write-only secrets: our fingerprint now against the applied one, the platform's hint now against the recorded one.

| fingerprint  | reference | hint         | means                                                 | origin |
|--------------|-----------|--------------|-------------------------------------------------------|--------|
| same         | any       | same or none | unchanged                                             |        |
| different    | the same  | same or none | rotated behind its reference: update                  | secret |
| different    | another   | same or none | the manifests name another secret: update             | config |
| different    | any       | different    | both: update, flagged                                 | both   |
| same         | any       | different    | replaced behind our back: set again                   | drift  |
| none applied | any       | any          | a new secret: set                                     | config |
| uncompared   | the same  | same or none | nothing proves that it was sent: sent again           | uncompared |
| uncompared   | another   | same or none | will be updated                                       | config |
| uncompared   | any       | different    | drift: set again                                      | drift  |
| unknown      | the same  | same or none | undetermined: taken as unchanged, and said so         |        |
| unknown      | another   | same or none | will be updated                                       | config |
| unknown      | any       | different    | drift: set again                                      | drift  |
| unsent       | the same  | same or none | undetermined: waits for the first write of its object |        |
| unsent       | another   | same or none | will be set                                           | config |
| unsent       | any       | different    | drift: set                                            | drift  |
| applied, but not desired | |            | goes with its object; nothing to send                 |        |

Unknown means: no access to secrets in this run. Uncompared means: the applied fingerprint was made with another
key, as after the gateway's own credential changed. The few characters that a gateway shows of a key may prove that
two keys differ and never that they are equal, so that a doubt ends by sending the secret, and not by taking it for
sent. Unsent means: the object was adopted, so the ledger holds the reference and no fingerprint. A write replaces the
whole object, so that every unsent secret of it goes along, as a take-over. None applied means: neither is in the
ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from reconciler.model.change import ABSENT, FieldChange, Origin
from reconciler.model.live import Live
from reconciler.model.memory import Entry
from reconciler.model.resource import Resource
from reconciler.model.secret import Fingerprint, SecretRef

FingerprintOf = Callable[[str, SecretRef], Fingerprint | None]


class Likeness(Enum):
    """What two fingerprints say of their secrets."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    UNCOMPARED = "uncompared"
    UNSENT = "unsent"
    NEW = "new"


@dataclass(slots=True)
class Numbering:
    """Numbers for sensitive values within one plan: equal fingerprints, equal numbers."""

    seen: dict[object, int] = field(default_factory=dict)

    def label(self, what: object) -> str:
        """The text that stands for a value."""
        return f"(sensitive #{self.seen.setdefault(what, len(self.seen) + 1)})"


def unsent(entry: Entry) -> frozenset[str]:
    """Paths of secrets that an adopted object holds and that this tool has never sent."""
    return frozenset(entry.refs.keys() - entry.fingerprints.keys())


def likeness(now: Fingerprint | None, entry: Entry | None, path: str) -> Likeness:
    """What is known of a secret now against what was applied."""
    applied = entry.fingerprints.get(path) if entry else None
    if entry is None or applied is None:
        return Likeness.UNSENT if entry is not None and path in entry.refs else Likeness.NEW
    if now is None:
        return Likeness.UNKNOWN
    if now.key_id != applied.key_id:
        return Likeness.UNCOMPARED
    return Likeness.SAME if now.digest == applied.digest else Likeness.DIFFERENT


def secret_changes(
    resource: Resource, entry: Entry | None, live: Live, fingerprint: FingerprintOf, numbering: Numbering
) -> Iterator[FieldChange]:
    """Secrets that have to be sent, in the order of their paths."""
    for path, ref in sorted(resource.secrets.items()):
        now = fingerprint(resource.address.gateway, ref)
        applied = entry.fingerprints.get(path) if entry else None
        alike = likeness(now, entry, path)
        replaced = entry is not None and hint_moved(path, entry, live)
        moved_ref = entry is not None and entry.refs.get(path) != str(ref)
        origin = _origin(alike, replaced, moved_ref)
        if origin is None:
            continue
        known = applied if applied is not None and not replaced else (str(resource.address), path)
        before = ABSENT if alike is Likeness.NEW and entry is not None else numbering.label(known)
        after = numbering.label(now or (str(ref), path))
        yield FieldChange(path, before, after, origin, sensitive=True, place=resource.source)


_UNDETERMINED = frozenset({Likeness.UNKNOWN, Likeness.UNSENT})


def first_sent(
    resource: Resource, entry: Entry, fingerprint: FingerprintOf, numbering: Numbering
) -> Iterator[FieldChange]:
    """Unsent secrets of an object that is going to be written: the write takes them along."""
    for path in sorted(unsent(entry) & resource.secrets.keys()):
        ref = resource.secrets[path]
        before = numbering.label((str(resource.address), path))
        after = numbering.label(fingerprint(resource.address.gateway, ref) or (str(ref), path))
        yield FieldChange(path, before, after, Origin.TAKEOVER, sensitive=True, place=resource.source)


_BEHIND_ONE_REFERENCE = {Likeness.DIFFERENT: Origin.SECRET, Likeness.UNCOMPARED: Origin.UNCOMPARED}


def _origin(alike: Likeness, replaced: object, moved_ref: object) -> Origin | None:
    if alike is Likeness.NEW:
        return Origin.CONFIG
    if replaced:
        return Origin.BOTH if alike is Likeness.DIFFERENT else Origin.DRIFT
    if moved_ref:
        return None if alike is Likeness.SAME else Origin.CONFIG
    return _BEHIND_ONE_REFERENCE.get(alike)


def hint_moved(path: str, entry: Entry, live: Live) -> bool:
    """Whether the platform reveals another secret than it did after our write."""
    then, now = entry.hints.get(path), live.hints.get(path)
    return bool(then) and bool(now) and then != now


def undetermined(resource: Resource, entry: Entry | None, fingerprint: FingerprintOf) -> int:
    """How many secrets could not be compared in this run."""
    if entry is None:
        return 0
    return sum(
        likeness(fingerprint(resource.address.gateway, ref), entry, path) in _UNDETERMINED
        for path, ref in resource.secrets.items()
    )
