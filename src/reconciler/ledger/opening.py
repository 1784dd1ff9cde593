"""Which ledger is meant.

| where                          | ledger                                    |
|--------------------------------|-------------------------------------------|
| a path                         | SQLite, in that file                      |
| `git:REMOTE-OR-PATH#REF`       | a ref of a git repository, see `git.py`   |
"""

from __future__ import annotations

from pathlib import Path

from reconciler.model.ports import Clock, Ledger


def open_ledger(where: Path | str, clock: Clock, root: Path = Path()) -> Ledger:
    """The ledger at `where`, made when it is not there; `root` is the folder of the manifests.

    Nothing is opened before the first call. Every call may raise LedgerCorrupt, LedgerTooNew or LedgerError.
    """
    if isinstance(where, str) and where.startswith("git:"):
        from reconciler.ledger.git import open_git  # noqa: PLC0415 - for whoever uses it

        return open_git(where, clock, root)
    from reconciler.ledger.sqlite import open_sqlite  # noqa: PLC0415 - the driver, for whoever uses it

    return open_sqlite(Path(where), clock)
