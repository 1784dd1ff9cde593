"""The ledger's file: made privately, recognised, and refused in plain words."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.errors import LedgerCorrupt, LedgerError, LedgerTooNew
from reconciler.ledger import codec, open_ledger
from reconciler.ledger.codes import CODES
from reconciler.model.memory import LedgerSnapshot, Settlement
from reconciler.testing.fakes import FakeClock
from reconciler.testing.ledger_suite import GATEWAY, address, entry


def load(path: Path) -> LedgerSnapshot:
    """All that the ledger at `path` knows."""

    async def loaded() -> LedgerSnapshot:
        ledger = open_ledger(path, FakeClock())
        try:
            return await ledger.load()
        finally:
            await ledger.close()

    return asyncio.run(loaded())


def filled(path: Path, count: int = 3) -> Path:
    """A ledger with some entries, closed."""

    async def fill() -> None:
        ledger = open_ledger(path, FakeClock())
        async with ledger.lease(GATEWAY, "me", 0) as lease:
            await ledger.settle(lease, [Settlement(address(n), entry(n)) for n in range(count)])
        await ledger.close()

    asyncio.run(fill())
    return path


def alter(path: Path, *statements: str) -> None:
    """Do to the file what a foreign program might."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """Specs and names of production endpoints are not for every user of a shared runner."""
    path = filled(tmp_path / "team" / ".reconciler" / "ledger.sqlite")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_nothing_is_made_before_the_first_call(tmp_path: Path) -> None:
    """A command that needs no ledger must not leave one behind."""
    asyncio.run(open_ledger(tmp_path / "ledger.sqlite", FakeClock()).close())
    assert list(tmp_path.iterdir()) == []


def garbage(path: Path) -> None:
    """No database at all."""
    path.write_bytes(b"apiVersion: reconciler/v1\n" * 100)


def foreign(path: Path) -> None:
    """The database of another program."""
    alter(path, "CREATE TABLE bookmarks (url TEXT)", "PRAGMA application_id = 77")


def unmarked(path: Path) -> None:
    """The database of a program that does not mark its files."""
    alter(path, "CREATE TABLE entries (address TEXT, body TEXT)")


def cut(path: Path) -> None:
    """A copy that stopped half-way."""
    filled(path, 200)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scribbled(path: Path) -> None:
    """Sectors lost by the disk."""
    data = bytearray(filled(path, 200).read_bytes())
    data[4096 * 3 :] = b"\xa5" * (len(data) - 4096 * 3)
    path.write_bytes(data)


def dropped(path: Path) -> None:
    """A table removed by hand."""
    alter(filled(path), "DROP TABLE intents")


def reshaped(path: Path) -> None:
    """A column renamed by hand."""
    alter(filled(path), "ALTER TABLE leases RENAME COLUMN token TO ticket")


def edited(path: Path) -> None:
    """An entry edited by hand, and not well."""
    alter(filled(path), "UPDATE entries SET body = replace(body, '\"spec\"', '\"spce\"')")


def mangled(path: Path) -> None:
    """An entry that is no JSON any more."""
    alter(filled(path), "UPDATE entries SET body = substr(body, 1, 50)")


DAMAGES = (garbage, foreign, unmarked, cut, scribbled, dropped, reshaped, edited, mangled)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_named_and_left_as_it_is(damage: Callable[[Path], None], tmp_path: Path) -> None:
    """Whoever has a broken ledger needs advice, not a traceback, and the evidence untouched."""
    path = tmp_path / "ledger.sqlite"
    damage(path)
    before = path.read_bytes()
    with pytest.raises(LedgerCorrupt, match=r"LEDGER001") as caught:
        load(path)
    assert "sqlite3" not in str(caught.value)
    assert path.read_bytes() == before


def test_a_later_version_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    """An older tool would misread what a newer one wrote, and act on it."""
    path = filled(tmp_path / "ledger.sqlite")
    alter(path, "PRAGMA user_version = 2", "ALTER TABLE entries RENAME TO objects")
    with pytest.raises(LedgerTooNew, match="LEDGER002"):
        load(path)


def test_an_entry_of_a_later_form_is_refused(tmp_path: Path) -> None:
    """The same holds where a shared store carries single notes of a newer tool."""
    path = filled(tmp_path / "ledger.sqlite")
    alter(path, "UPDATE entries SET body = replace(body, '\"v\":1', '\"v\":2')")
    with pytest.raises(LedgerTooNew, match="LEDGER002"):
        load(path)


def test_keys_that_a_later_release_added_are_passed_over(tmp_path: Path) -> None:
    """Two releases share one ledger for as long as an upgrade of all runners takes."""
    path = filled(tmp_path / "ledger.sqlite", 1)
    body = json.loads(codec.dump_entry(entry(0))) | {"owner": "team-a", "later": {"x": [1]}}
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE entries SET body = ?", (json.dumps(body),))
    assert load(path).entries == {address(0): entry(0)}


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    """A file that a pipeline touched beforehand, or a kill at birth, is no damage."""
    path = tmp_path / "ledger.sqlite"
    path.touch()
    assert load(path) == LedgerSnapshot(0)


@pytest.mark.parametrize("place", ["file/ledger.sqlite", "directory"])
def test_a_place_that_cannot_be_used_is_no_damage(place: str, tmp_path: Path) -> None:
    """The advice to move a damaged file away would be wrong here: it is the path that is wrong."""
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "directory").mkdir()
    with pytest.raises(LedgerError, match=r"correct path and permissions\. \(LEDGER003\)") as caught:
        load(tmp_path / place)
    assert not isinstance(caught.value, LedgerCorrupt)


def test_every_call_after_a_failed_opening_says_the_same(tmp_path: Path) -> None:
    """Calls that were already waiting must be answered, or a run would hang instead of failing."""
    (tmp_path / "file").write_text("in the way")

    async def many() -> list[object]:
        ledger = open_ledger(tmp_path / "file" / "ledger.sqlite", FakeClock())
        async with asyncio.timeout(120):
            ends = await asyncio.gather(*(ledger.load() for _ in range(5)), return_exceptions=True)
            await ledger.close()
        return list(ends)

    assert {type(end) for end in asyncio.run(many())} == {LedgerError}


def test_a_reader_does_not_wait_for_another_writer(tmp_path: Path) -> None:
    """A plan on a pull request must not hang while an apply of the main branch is writing."""
    path = filled(tmp_path / "ledger.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM entries")
        assert len(load(path).entries) == 3


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from reconciler.errors import LedgerCorrupt, LedgerError
from reconciler.ledger import open_ledger
from reconciler.testing.fakes import FakeClock
from reconciler.testing.ledger_suite import GATEWAY, creation

async def main(path):
    ledger = open_ledger(path, FakeClock())
    async with ledger.lease(GATEWAY, "me", 0) as lease:
        await ledger.intend(lease, [creation(0)])
        size = path.with_name(path.name + "-wal").stat().st_size + 40_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        for n in range(1, 1000):
            try:
                await ledger.intend(lease, [creation(n)])
            except LedgerError as error:
                assert not isinstance(error, LedgerCorrupt)
                print(n, error)
                break
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await ledger.close()

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_full_disk_refuses_and_keeps_what_was_promised(tmp_path: Path) -> None:
    """No write may leave that could not be written down, and nothing written down may be lost by it."""
    path = tmp_path / "ledger.sqlite"
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    refused, _, why = ended.stdout.partition(" ")
    assert "LEDGER003" in why
    assert set(load(path).intents) == {address(n) for n in range(int(refused))}


def test_each_code_in_a_message_is_explained() -> None:
    """`reconciler explain` must know every code that a user can meet."""
    room = Path(codec.__file__).parent
    text = "".join(file.read_text(encoding="utf-8") for file in room.glob("*.py") if file.name != "codes.py")
    assert {code for code in CODES if f"({code})" in text} == set(CODES)
    assert text.count("(LEDGER0") + text.count("(AUDIT0") == sum(text.count(f"({code})") for code in CODES)


def test_a_read_makes_nothing(tmp_path: Path) -> None:
    """A pull request is planned on a checkout that may be read-only, and must leave no trace there."""
    ledger = open_ledger(tmp_path / "none" / "ledger.sqlite", FakeClock())
    assert asyncio.run(ledger.load()).serial == 0
    assert not list(tmp_path.iterdir())
