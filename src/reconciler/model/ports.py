"""The doors of the core: everything that can be swapped is behind one of these protocols."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from reconciler.model.address import Address
from reconciler.model.capability import Capabilities
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import Live, Observed
from reconciler.model.memory import (
    AuditEvent,
    AuditMark,
    Intent,
    Lease,
    LedgerSnapshot,
    Settlement,
)
from reconciler.model.resource import Gateway, Resource
from reconciler.model.run import Check, RunRecord
from reconciler.model.secret import Fingerprint, SecretRef, SecretValue

Material = Mapping[str, SecretValue]
"""Secret values of one resource at the moment of writing: JSON pointer → value."""


Ask = Callable[[], Awaitable[Sequence[Check]]]
"""Asks a live object once whether it works."""

Judge = Callable[[Ask], Awaitable[Sequence[Check]]]
"""Asks until the answer is final or the deadline has passed; returns the last answer."""


class Platform(Protocol):
    """The pure half of a platform: works offline, knows no tenant."""

    @property
    def name(self) -> str:
        """What a manifest writes as `platform`."""

    @property
    def capabilities(self) -> Capabilities:
        """What the platform can do."""

    def unsupported(self, resource: Resource, gateway: Gateway) -> Sequence[Diagnostic]:
        """Everything in `resource` that this platform cannot express or would refuse, at its field."""

    def normalize(self, resource: Resource) -> Resource:
        """Add the platform's defaults so that the spec equals what a read returns. Idempotent."""


class Adapter(Protocol):
    """One gateway of one platform.

    All methods raise GatewayError. `observe` never writes; a part that cannot be read makes the
    answer incomplete instead of raising.
    """

    async def observe(self) -> Observed:
        """Read everything of the kinds the platform has, by list calls only."""

    async def read(self, address: Address, remote_id: str | None) -> Live | None:
        """Read one object freshly, by id where given, else by its identity. None: it does not exist."""

    async def create(self, resource: Resource, material: Material) -> Live:
        """Make the object. Raises Conflict if it exists, OutcomeUnknown if the answer was lost."""

    async def update(self, resource: Resource, live: Live, material: Material) -> Live:
        """Replace `live`, as just read, keeping what it holds beyond our model.

        Raises Conflict when the gateway's guard refuses, OutcomeUnknown if the answer was lost.
        """

    async def delete(self, live: Live) -> None:
        """Remove it; what is already gone counts as removed."""

    async def preflight(self, resource: Resource, material: Material, scratch: str, judge: Judge) -> None:
        """Prove the change beside the live object under the remote id `scratch`, and remove that again.

        The adapter makes the candidate, hands `judge` a way to ask it, and removes it whatever comes.
        Raises Conflict when the tenant has no room for a candidate, Unsupported where there is no way to try one. It
        is also called with a resource that holds a single one of an object's keys, which is thereby proved alone.
        """

    async def discard(self, scratch: str) -> None:
        """Remove what an interrupted preflight left; nothing there is fine."""

    async def verify(self, resource: Resource, live: Live) -> Sequence[Check]:
        """Ask the gateway once whether the object works."""

    async def close(self) -> None:
        """Give back connections."""


class Ledger(Protocol):
    """What was last applied. Writes need a lease; every write moves the serial by one."""

    async def load(self) -> LedgerSnapshot:
        """Everything, at one serial. Readers never wait."""

    def lease(self, gateway: str, holder: str, wait: float) -> AbstractAsyncContextManager[Lease]:
        """Hold a gateway, renewed until the block ends. Raises LeaseHeld after `wait` seconds."""

    async def intend(self, lease: Lease, intents: Sequence[Intent]) -> None:
        """Write down, durably, what is about to be done. Raises StaleLedger when the lease is lost."""

    async def settle(self, lease: Lease, settlements: Sequence[Settlement]) -> None:
        """Write down how it ended and drop the intents. Raises StaleLedger when the lease is lost."""

    async def begin_run(self, record: RunRecord) -> None:
        """Open a run in the history."""

    async def end_run(self, record: RunRecord) -> None:
        """Close it."""

    async def history(self, limit: int) -> Sequence[RunRecord]:
        """The newest runs first."""

    async def anchor(self, name: str, mark: AuditMark, follows: Callable[[AuditMark], bool]) -> bool:
        """Keep `mark` as the last known line of the audit `name`, durably, where none is kept or it follows that one.

        False where `follows` denies it of the mark that is kept, which then stays. It may be asked more than once.
        A mark that is further on than this one stays too: another process has written to the same audit.
        """

    async def anchored(self, name: str) -> AuditMark | None:
        """The mark that is kept of an audit."""

    async def unlock(self, gateway: str) -> str | None:
        """Break a lease; returns the holder that had it."""

    async def forget(self, address: Address) -> bool:
        """Drop an entry and its intent without touching the gateway; False if there is none."""

    async def close(self) -> None:
        """Give back the file or connection."""


class AuditLog(Protocol):
    """An append-only, hash-chained record."""

    @property
    def name(self) -> str:
        """What the ledger knows it by."""

    def append(self, event: AuditEvent) -> None:
        """Add one event, durable by the end of the run at the latest."""

    def begin_after(self, mark: AuditMark | None) -> None:
        """Where there is no line yet, the first one follows `mark`."""

    def mark(self) -> AuditMark | None:
        """The last line of ours, which is then durable, with all before it; None where nothing was appended."""

    def holds(self, mark: AuditMark) -> bool:
        """Whether that line is there, or what is there began right after it."""

    def close(self) -> None:
        """Flush and close."""


class SecretSource(Protocol):
    """One kind of place where secrets are."""

    async def fetch(self, ref: SecretRef) -> str:
        """The value. Raises SecretMissing or SecretForbidden."""


class Vault(Protocol):
    """The run's view of secrets: fetched once, fingerprinted, handed out, forgotten."""

    @property
    def available(self) -> bool:
        """False in a run that has no access to secrets."""

    async def prepare(self, refs: Sequence[SecretRef]) -> Mapping[SecretRef, Diagnostic]:
        """Fetch them all at once; for each that fails, a diagnostic without a position."""

    def fingerprint(self, gateway: str, ref: SecretRef) -> Fingerprint | None:
        """Fingerprint of a prepared secret, None where secrets are not available."""

    def issuer(self, ref: SecretRef) -> str | None:
        """The provider whose mark a prepared value bears; None where it bears none, or is not available."""

    def misfit(self, ref: SecretRef, provider: str) -> str | None:
        """Why a prepared value hardly is a key of a provider, without a character of it; None where it may be."""

    def reveal(self, ref: SecretRef) -> SecretValue:
        """The value itself. Raises SecretMissing when it was not prepared."""

    def conceal(self, text: str) -> str:
        """What somebody says, without any secret that was prepared, however it is encoded, or what looks like one."""

    def mask(self, text: str) -> str:
        """A value that a gateway shows, without any prepared secret that is long enough to be told from a word."""

    def forget(self) -> None:
        """Drop all values."""


class Checker(Protocol):
    """A gate besides the platform's own validation, such as a probe. Asked once that validation is ready."""

    async def check(self, resource: Resource, live: Live) -> Sequence[Check]:
        """Judge one live object; nothing where there is nothing to ask.

        Asked again only while there is a doubt: what was decided before is repeated, not asked anew.
        """


class Clock(Protocol):
    """Time, so that tests own it."""

    def now(self) -> str:
        """ISO 8601, UTC, milliseconds."""

    def monotonic(self) -> float:
        """Seconds, for durations and deadlines."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


Progress = Callable[[str, Mapping[str, Any]], None]
"""Told of each step as ``(event, fields)``; events are those of `engine/progress.py`."""
