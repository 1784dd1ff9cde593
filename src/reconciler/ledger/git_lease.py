"""Who may write to a gateway's part of a git ledger.

Another run may take the lease of a gateway by this table, and the holder of a lease is fenced by it:

| lease in the ref | its end, and `SKEW`       | for another run | for its holder                          |
|------------------|---------------------------|-----------------|-----------------------------------------|
| none             |                           | taken           | StaleLedger                             |
| ours             | passed or not             |                 | writes; each write begins its time anew |
| another's        | not passed, by our clock  | LeaseHeld       | StaleLedger                             |
| another's        | passed, by our clock      | taken           | StaleLedger                             |

Clocks decide only when a lease may be taken. Whether it was taken is decided by compare-and-set: a write
that arrives on a ref in which the lease is still ours proves that nobody had it in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from reconciler.errors import LeaseHeld
from reconciler.ledger.git_book import Book, Note
from reconciler.ledger.lease import Terms, lost
from reconciler.model.memory import Lease

TERMS = Terms(lasts=45.0, renew=15.0, poll=2.0)
SKEW = 15.0
"""Seconds by which the clocks of two runners may differ."""


@dataclass(frozen=True, slots=True)
class Leases:
    """The leases of a book, as one writer (`name`) sees them; `wall` is seconds since 1970."""

    name: str
    terms: Terms = TERMS
    wall: Callable[[], float] = time.time

    def take(self, book: Book, lease: Lease) -> tuple[str, float] | None:
        """None when it is ours now, else who holds it and for how many seconds more."""
        note = book.leases.get(lease.gateway)
        if note is not None and note.token != lease.token and (left := self._left(note)) > 0:
            return note.holder, left
        self._prolong(book, lease)
        book.labels.append(f"{lease.gateway}: lease")
        return None

    def extend(self, book: Book, lease: Lease) -> None:
        """Begin its time anew. Raises StaleLedger unless it is ours."""
        self.require(book, lease)
        book.labels.append(f"{lease.gateway}: renewal")

    def require(self, book: Book, lease: Lease) -> None:
        """Raises StaleLedger unless it is ours; if it is, its time begins anew."""
        note = book.leases.get(lease.gateway)
        if note is None:
            raise lost(lease, "it was broken")
        if note.token != lease.token:
            raise lost(lease, f"{note.holder} has taken it")
        self._prolong(book, lease)

    def release(self, book: Book, lease: Lease) -> None:
        """Give it back, if it is still ours."""
        note = book.leases.get(lease.gateway)
        if note is not None and note.token == lease.token:
            del book.leases[lease.gateway]
            book.labels.append(f"{lease.gateway}: lease returned")

    def unlock(self, book: Book, gateway: str) -> str | None:
        """Break it; returns who had it."""
        note = book.leases.pop(gateway, None)
        if note is None:
            return None
        book.labels.append(f"{gateway}: lease broken")
        return note.holder

    def require_free(self, book: Book, gateway: str) -> None:
        """Raises LeaseHeld while a run holds the gateway."""
        note = book.leases.get(gateway)
        if note is not None and (left := self._left(note)) > 0:
            raise LeaseHeld(gateway, note.holder, left)

    def held_by(self, book: Book, gateway: str, writer: str) -> bool:
        """Whether it is this very writer that holds the gateway."""
        note = book.leases.get(gateway)
        return note is not None and note.writer == writer and self._left(note) > 0

    def _left(self, note: Note) -> float:
        return note.expires + SKEW - self.wall()

    def _prolong(self, book: Book, lease: Lease) -> None:
        ends = round(self.wall() + self.terms.lasts, 3)
        book.leases[lease.gateway] = Note(lease.holder, lease.token, self.name, ends)
