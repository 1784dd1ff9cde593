"""Who may write to a gateway's part of the ledger.

Another run may take the lease of a gateway by this table:

| lease | its time | its holder's process | taken over |
|-------|----------|----------------------|------------|
| none  |          |                      | yes        |
| held  | over     | any                  | yes        |
| held  | runs     | of this host, gone   | yes        |
| held  | runs     | of this host, alive  | no         |
| held  | runs     | of another host      | no         |

A take-over writes a new token. Whoever held the old one is refused in the very transaction in which it
tries to write, so a run that was frozen and wakes up can do no harm.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType

from reconciler.errors import Defect, StaleLedger
from reconciler.ledger import codec
from reconciler.ledger.process import Process, alive
from reconciler.model.address import Address
from reconciler.model.memory import Lease


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds: how long a lease lasts unless renewed, how often it is renewed, how often a waiting run looks.

    They are wall-clock seconds, for several processes and hosts must agree on them.
    """

    lasts: float = 30.0
    renew: float = 10.0
    poll: float = 0.2


def take(db: sqlite3.Connection, lease: Lease, mine: Process, terms: Terms, host: Host) -> tuple[str, float] | None:
    """Take the lease; None when that worked, else who holds it and for how many seconds more."""
    held = standing(db, lease.gateway, host)
    if held is not None:
        return held
    db.execute(
        "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)",
        (lease.gateway, lease.holder, lease.token, host.now() + terms.lasts, mine.host, mine.pid, mine.started),
    )
    return None


def standing(db: sqlite3.Connection, gateway: str, host: Host) -> tuple[str, float] | None:
    """Who holds the gateway, and for how many seconds more; None when it is free by the table above."""
    row = db.execute("SELECT holder, expires, host, pid, started FROM leases WHERE gateway = ?", (gateway,)).fetchone()
    if row is None:
        return None
    holder, expires, *process = row
    if (type(holder), type(expires), *map(type, process)) != _ROW:
        raise codec.unreadable(f"the lease of {gateway} is none; break it with `reconciler ledger unlock {gateway}`")
    left = expires - host.now()
    return (holder, left) if left > 0 and host.is_alive(Process(*process)) else None


_ROW = (str, float, str, int, str)


def held_by(db: sqlite3.Connection, gateway: str, process: Process, host: Host) -> bool:
    """Whether it is this very process that holds the gateway."""
    row = db.execute("SELECT host, pid, started FROM leases WHERE gateway = ?", (gateway,)).fetchone()
    return row == process and standing(db, gateway, host) is not None


def require(db: sqlite3.Connection, lease: Lease, host: Host) -> None:
    """Raises StaleLedger unless the lease is ours and its time runs."""
    row = db.execute("SELECT token, expires, holder FROM leases WHERE gateway = ?", (lease.gateway,)).fetchone()
    if row is None:
        raise lost(lease, "it was broken")
    token, expires, holder = row
    if token != lease.token:
        raise lost(lease, f"{holder} has taken it")
    if expires <= host.now():
        raise lost(lease, "its time ran out")


def extend(db: sqlite3.Connection, lease: Lease, terms: Terms, host: Host) -> None:
    """Begin its time anew; one that was lost stays lost."""
    now = host.now()
    db.execute(
        "UPDATE leases SET expires = ? WHERE gateway = ? AND token = ? AND expires > ?",
        (now + terms.lasts, lease.gateway, lease.token, now),
    )


def release(db: sqlite3.Connection, lease: Lease) -> None:
    """Give it back, if it is still ours."""
    db.execute("DELETE FROM leases WHERE gateway = ? AND token = ?", (lease.gateway, lease.token))


def unlock(db: sqlite3.Connection, gateway: str) -> str | None:
    """Break it; returns who had it."""
    row = db.execute("DELETE FROM leases WHERE gateway = ? RETURNING holder", (gateway,)).fetchone()
    return None if row is None else str(row[0])


class Renewal:
    """Renews while the block runs, from a thread: a long computation may not cost the lease."""

    def __init__(self, every: float, renew: Callable[[], None]) -> None:
        self._every = every
        self._renew = renew
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="lease", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _serve(self) -> None:
        while not self._ended.wait(self._every):
            self._renew()


@dataclass(frozen=True, slots=True)
class Host:
    """What leases need of the machine: its wall clock, whether a process is alive, and something that renews.

    `renewing` makes a context manager that calls its second argument every so many seconds.
    """

    now: Callable[[], float] = time.time
    is_alive: Callable[[Process], bool] = alive
    renewing: Callable[[float, Callable[[], None]], AbstractContextManager[None]] = Renewal


THIS_HOST = Host()


def require_own(lease: Lease, addresses: Iterable[Address]) -> None:
    """Raises Defect when a lease is used for another gateway's addresses."""
    for address in addresses:
        if address.gateway != lease.gateway:
            raise Defect(f"the lease of gateway {lease.gateway!r} does not cover {address}")


def lost(lease: Lease, why: str) -> StaleLedger:
    """What a run is told that no longer holds its lease."""
    return StaleLedger(f"the lease of gateway {lease.gateway!r} is lost, {why}: nothing more is written. (LEDGER004)")
