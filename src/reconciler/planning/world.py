"""What planning looks at, and what it may be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.model.address import Address
from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.desired import Desired
from reconciler.model.live import Observed
from reconciler.model.memory import LedgerSnapshot
from reconciler.model.plan import Mode
from reconciler.model.resource import Gateway, Secrets
from reconciler.model.secret import Fingerprint, SecretRef
from reconciler.planning.gateways import NO_RECORD, Recorded
from reconciler.planning.keys import IssuerOf, MisfitOf, fits
from reconciler.planning.ownership import Ownership, owned, readdressed
from reconciler.planning.rotation import Rotations
from reconciler.planning.secretdiff import FingerprintOf, Numbering

ALLOWANCES: Mapping[str, str] = {
    "mass-change": "more than the usual share of a gateway's objects may be updated or deleted",
    "empty": "manifests that want nothing may empty a gateway",
    "last-endpoint": "the last endpoint of a gateway may be deleted",
    "rotations": "secrets whose value alone changed may be sent where the settings ask for a person",
    "destination": "the credential of the gateway with this name may go elsewhere than before",
    "protected": "the protected object with this address may be deleted or replaced",
}
"""What a person may allow by name, as ``--allow-NAME``; `protected` takes an address, `destination` a gateway."""

NOTHING = KindCapability(create=False, update=False, delete=False)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How to plan. `allow` holds names of ALLOWANCES, with what they are about: ``protected:ADDRESS``.

    `max_change_percent` of at least `min_objects` owned objects may change without a person's word.
    """

    mode: Mode = Mode.APPLY
    allow: frozenset[str] = frozenset()
    commit: str | None = None
    tool_version: str = ""
    secrets_available: bool = True
    only: frozenset[Address] | None = None
    max_change_percent: int = 30
    min_objects: int = 10
    rotations: Rotations = Rotations.ALLOW


@dataclass(frozen=True, slots=True)
class Context:
    """What deciding about one object of one gateway needs."""

    gateway: Gateway
    capabilities: Capabilities
    fingerprint: FingerprintOf
    numbering: Numbering = field(default_factory=Numbering)
    known: dict[int, Mapping[str, Fingerprint | None]] = field(default_factory=dict)

    def fingerprints(self, secrets: Secrets) -> Mapping[str, Fingerprint | None]:
        """Fingerprints now, by path. Endpoints of one matrix share their mapping of secrets, so it is asked once."""
        found = self.known.get(id(secrets))
        if found is None:
            found = {path: self.fingerprint(self.gateway.name, ref) for path, ref in secrets.items()}
            self.known[id(secrets)] = found
        return found

    def reads(self, kind: str) -> bool:
        """Whether objects of a kind can be looked at; of one that the platform does not have, nothing is known."""
        found = self.capabilities.kinds.get(kind)
        return found is None or found.read

    def capability(self, kind: str) -> KindCapability:
        """What the platform offers for a kind; nothing for one that it does not have."""
        return self.capabilities.kinds.get(kind, NOTHING)


def _of_nobody(_ref: SecretRef) -> None:
    """Where there is no access to values, nobody's mark is seen."""


@dataclass(frozen=True, slots=True)
class World:
    """All that a plan is made from. Resources are normalized; the ledger has no open intents of these gateways.

    Entries and live objects stand under the addresses that they are ours by: `ownership` says how they came there.
    `recorded` is what the ledger says of gateways themselves, besides all else. `held` are gateways that were not
    looked at, for where their credentials would go is not approved.
    """

    desired: Desired
    observed: Mapping[str, Observed]
    ledger: LedgerSnapshot
    capabilities: Mapping[str, Capabilities]
    fingerprint: FingerprintOf
    issuer: IssuerOf = _of_nobody
    ownership: Ownership = field(default_factory=Ownership)
    recorded: Recorded = NO_RECORD
    held: frozenset[str] = frozenset()
    misfit: MisfitOf = fits

    def context(self, gateway: str, numbering: Numbering) -> Context:
        """The context of one gateway."""
        return Context(self.desired.gateways[gateway], self.capabilities[gateway], self.fingerprint, numbering)


def world_of(
    desired: Desired,
    seen: Mapping[str, Observed],
    ledger: LedgerSnapshot,
    capabilities: Mapping[str, Capabilities],
    fingerprint: FingerprintOf,
    issuer: IssuerOf = _of_nobody,
    recorded: Recorded = NO_RECORD,
    held: frozenset[str] = frozenset(),
    misfit: MisfitOf = fits,
) -> World:
    """The world as it was read, once it is settled whose is what. `ledger` is of objects alone."""
    found = owned(desired.everywhere, ledger.entries, capabilities, seen)
    return World(
        desired,
        readdressed(seen, desired.everywhere, found.entries, capabilities),
        replace(ledger, entries=found.entries),
        capabilities,
        fingerprint,
        issuer,
        found,
        recorded,
        held,
        misfit,
    )
