"""The ports in memory: small, honest, and quick, for tests that need no file, no network and no waiting."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from reconciler.errors import Defect, LeaseHeld, LedgerError, SecretMissing, StaleLedger
from reconciler.model.address import Address
from reconciler.model.conceal import Concealer
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.memory import AuditEvent, AuditMark, Entry, Intent, Lease, LedgerSnapshot, Settlement
from reconciler.model.ports import Clock
from reconciler.model.run import RunRecord
from reconciler.model.secret import Fingerprint, SecretRef, SecretValue

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
LEASE_SECONDS = 30.0
POLL_SECONDS = 0.2


class FakeClock:
    """Implements the port Clock. Time stands still, except that a sleep advances it and returns at once.

    `slept` lists the sleeps asked for, in seconds.
    """

    def __init__(self, beginning: datetime = BEGINNING) -> None:
        self._beginning = beginning
        self._passed = 0.0
        self.slept: list[float] = []

    def now(self) -> str:
        """ISO 8601, UTC, milliseconds."""
        moment = self._beginning + timedelta(seconds=self._passed)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass without anyone sleeping."""
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        """Advance the time, and let other tasks have their turn."""
        self.slept.append(seconds)
        self._passed += max(0.0, seconds)
        await asyncio.sleep(0)


class MemoryLedger:
    """Implements the port Ledger for one process. A lease lasts until its block ends or it is broken.

    `log` lists the writes in order, as ``("intend", address)`` and ``("settle", address)``, so that a
    test can see that an intent came before its write.
    """

    def __init__(self, clock: Clock | None = None, entries: Iterable[Entry] = ()) -> None:
        self._clock = clock or FakeClock()
        self._serial = 0
        self._entries = {entry.address: entry for entry in entries}
        self._intents: dict[Address, Intent] = {}
        self._leases: dict[str, Lease] = {}
        self._runs: dict[str, RunRecord] = {}
        self._anchors: dict[str, AuditMark] = {}
        self._tokens = count(1)
        self._closed = False
        self.log: list[tuple[str, Address]] = []

    async def load(self) -> LedgerSnapshot:
        """Everything, at one serial."""
        self._require_open()
        return LedgerSnapshot(self._serial, dict(self._entries), dict(self._intents))

    def lease(self, gateway: str, holder: str, wait: float) -> AbstractAsyncContextManager[Lease]:
        """Hold a gateway until the block ends. Raises LeaseHeld after `wait` seconds."""
        return self._held(gateway, holder, wait)

    @asynccontextmanager
    async def _held(self, gateway: str, holder: str, wait: float) -> AsyncIterator[Lease]:
        self._require_open()
        ends = self._clock.monotonic() + wait
        while (other := self._leases.get(gateway)) is not None:
            if self._clock.monotonic() >= ends:
                raise LeaseHeld(gateway, other.holder, LEASE_SECONDS)
            await self._clock.sleep(POLL_SECONDS)
        lease = self._leases[gateway] = Lease(gateway, holder, str(next(self._tokens)))
        try:
            yield lease
        finally:
            if self._leases.get(gateway) == lease:
                del self._leases[gateway]

    async def intend(self, lease: Lease, intents: Sequence[Intent]) -> None:
        """Remember what is about to be done."""
        self._require_lease(lease, [intent.address for intent in intents])
        self._intents |= {intent.address: intent for intent in intents}
        self._written("intend", [intent.address for intent in intents])

    async def settle(self, lease: Lease, settlements: Sequence[Settlement]) -> None:
        """Entries and intents change together."""
        self._require_lease(lease, [settlement.address for settlement in settlements])
        for settlement in settlements:
            self._settle(settlement)
        self._written("settle", [settlement.address for settlement in settlements])

    def _settle(self, settlement: Settlement) -> None:
        self._intents.pop(settlement.address, None)
        if settlement.keep:
            return
        self._entries.pop(settlement.address, None)
        if settlement.entry is not None:
            self._entries[settlement.address] = settlement.entry

    async def begin_run(self, record: RunRecord) -> None:
        """Open a run in the history."""
        self._require_open()
        if record.run_id in self._runs:
            raise LedgerError(f"there is a run {record.run_id} already")
        self._runs[record.run_id] = record

    async def end_run(self, record: RunRecord) -> None:
        """Close it."""
        self._require_open()
        if record.run_id in self._runs:
            self._runs[record.run_id] = record

    async def history(self, limit: int) -> Sequence[RunRecord]:
        """The newest runs first; one without an end whose leases are gone was interrupted."""
        self._require_open()
        newest = list(reversed(self._runs.values()))[:limit]
        return [self._shown(record) for record in newest]

    def _shown(self, record: RunRecord) -> RunRecord:
        leased = any(gateway in self._leases for gateway in record.gateways)
        if record.ended is not None or leased or not record.gateways:
            return record
        return replace(record, status="interrupted")

    async def anchor(self, name: str, mark: AuditMark, follows: Callable[[AuditMark], bool]) -> bool:
        """Keep a mark of an audit, where none is kept or it follows that one."""
        self._require_open()
        kept = self._anchors.get(name)
        if kept is not None and not follows(kept):
            return False
        if kept is not None and kept.seq >= mark.seq:
            return True
        self._anchors[name] = mark
        return True

    async def anchored(self, name: str) -> AuditMark | None:
        """The mark that is kept of an audit."""
        self._require_open()
        return self._anchors.get(name)

    async def unlock(self, gateway: str) -> str | None:
        """Break a lease; returns the holder that had it."""
        self._require_open()
        lease = self._leases.pop(gateway, None)
        return None if lease is None else lease.holder

    async def forget(self, address: Address) -> bool:
        """Drop an entry and its intent; False if there is none. Raises LeaseHeld while a run holds the gateway."""
        self._require_open()
        if (lease := self._leases.get(address.gateway)) is not None:
            raise LeaseHeld(address.gateway, lease.holder, LEASE_SECONDS)
        entry, intent = self._entries.pop(address, None), self._intents.pop(address, None)
        if entry is None and intent is None:
            return False
        self._serial += 1
        return True

    async def close(self) -> None:
        """From here on every call but this one is refused."""
        self._closed = True

    def _written(self, what: str, addresses: Sequence[Address]) -> None:
        self._serial += 1
        self.log.extend((what, address) for address in addresses)

    def _require_lease(self, lease: Lease, addresses: Sequence[Address]) -> None:
        self._require_open()
        if self._leases.get(lease.gateway) != lease:
            raise StaleLedger(f"the lease of gateway {lease.gateway!r} was lost: nothing more is written")
        if foreign := [str(address) for address in addresses if address.gateway != lease.gateway]:
            raise Defect(f"the lease of gateway {lease.gateway!r} does not cover {foreign[0]}")

    def _require_open(self) -> None:
        if self._closed:
            raise LedgerError("the ledger is closed")


class MemoryAudit:
    """Implements the port AuditLog; `events` holds what was appended, in order."""

    def __init__(self) -> None:
        self.name = "audit"
        self.events: list[AuditEvent] = []
        self._begun: AuditMark | None = None
        self.closed = False

    def append(self, event: AuditEvent) -> None:
        """Keep one event."""
        self.events.append(event)

    def begin_after(self, mark: AuditMark | None) -> None:
        """Remember what comes before."""
        if not self.events:
            self._begun = mark

    def mark(self) -> AuditMark | None:
        """The number of events, and a hash that is made of it."""
        before = 0 if self._begun is None else self._begun.seq
        return _mark(before + len(self.events)) if self.events else None

    def holds(self, mark: AuditMark) -> bool:
        """Whether it is one of ours."""
        before = 0 if self._begun is None else self._begun.seq
        return mark == self._begun or (before < mark.seq <= before + len(self.events) and mark == _mark(mark.seq))

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def named(self, event: str) -> list[Mapping[str, Any]]:
        """The fields of every event of one name, in order."""
        return [each.fields for each in self.events if each.event == event]


def _mark(number: int) -> AuditMark:
    return AuditMark(number, hashlib.sha256(str(number).encode()).hexdigest())


class StaticVault:
    """Implements the port Vault over fixed values, by reference.

    A bare name as key means ``env:NAME``. With ``available=False`` it knows no fingerprint and reveals
    nothing, like a run without access to secrets. `key_id` and the values decide the fingerprints.
    """

    def __init__(
        self, values: Mapping[SecretRef | str, str] | None = None, *, available: bool = True, key_id: str = "test"
    ) -> None:
        self._values = {_reference(key): value for key, value in (values or {}).items()}
        self._prepared: set[SecretRef] = set()
        self._available = available
        self._key_id = key_id
        self.forgotten = False

    def __repr__(self) -> str:
        return f"StaticVault({len(self._values)} secrets)"

    @property
    def available(self) -> bool:
        """Whether this run has access to secrets."""
        return self._available

    def rotate(self, key: SecretRef | str, value: str) -> None:
        """From now on the reference leads to another value."""
        self._values[_reference(key)] = value

    def lose(self, key: SecretRef | str) -> None:
        """From now on the reference leads nowhere."""
        self._values.pop(_reference(key), None)
        self._prepared.discard(_reference(key))

    async def prepare(self, refs: Sequence[SecretRef]) -> Mapping[SecretRef, Diagnostic]:
        """Make them available; for each that there is none of, a diagnostic."""
        if not self._available:
            return {}
        self._prepared.update(ref for ref in refs if ref in self._values)
        return {ref: _missing(ref) for ref in refs if ref not in self._values}

    def conceal(self, text: str) -> str:
        """By all that was prepared."""
        return self._concealer().message(text)

    def mask(self, text: str) -> str:
        """By the longer ones."""
        return self._concealer().data(text)

    def _concealer(self) -> Concealer:
        return Concealer(SecretValue(self._values[ref]) for ref in self._prepared if ref in self._values)

    def fingerprint(self, gateway: str, ref: SecretRef) -> Fingerprint | None:
        """Keyed by gateway, as a key derived from the gateway's own credential would be."""
        if ref not in self._prepared:
            return None
        key = f"{self._key_id}/{gateway}".encode()
        return Fingerprint(self._key_id, hmac.new(key, self._values[ref].encode(), hashlib.sha256).hexdigest())

    def issuer(self, ref: SecretRef) -> str | None:
        """A value ``openai:…`` says that it is OpenAI's."""
        owner, colon, _ = self._values[ref].partition(":") if ref in self._prepared else ("", "", "")
        return owner if colon else None

    def misfit(self, ref: SecretRef, provider: str) -> str | None:  # noqa: ARG002 - its values are no keys
        """Nothing is said of made-up values."""
        return None

    def reveal(self, ref: SecretRef) -> SecretValue:
        """The value. Raises SecretMissing when it was not prepared."""
        if ref not in self._prepared:
            raise SecretMissing(f"the secret {ref} was not fetched in this run")
        return SecretValue(self._values[ref])

    def forget(self) -> None:
        """Nothing is prepared any more."""
        self._prepared.clear()
        self.forgotten = True


def _reference(key: SecretRef | str) -> SecretRef:
    return key if isinstance(key, SecretRef) else SecretRef("env", (key,))


def _missing(ref: SecretRef) -> Diagnostic:
    return Diagnostic(
        Severity.ERROR, "SECRET001", "a secret is missing", f"{ref} leads to no value; give the vault one."
    )


class RecordingProgress:
    """A Progress that keeps what it is told, as ``(event, fields)``."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, event: str, fields: Mapping[str, Any]) -> None:
        """Keep one event."""
        self.told.append((event, dict(fields)))

    def named(self, event: str) -> list[Mapping[str, Any]]:
        """The fields of every event of one name, in order."""
        return [fields for name, fields in self.told if name == event]
