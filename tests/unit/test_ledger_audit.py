"""The audit file: whole, continued, shared, and telling when someone was at it."""

from __future__ import annotations

import hashlib
import json
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Defect, LedgerError
from reconciler.ledger import AuditReport, open_audit, parts_of, verify_audit
from reconciler.model.memory import AuditEvent, AuditMark
from reconciler.testing.fakes import FakeClock


def write(path: Path, count: int, **fields: Any) -> None:
    """A run that leaves `count` lines."""
    audit = open_audit(path, FakeClock())
    for number in range(count):
        audit.append(AuditEvent("change.finished", {"address": f"prod/Endpoint/ep-{number}", **fields}))
    audit.close()


def lines(path: Path) -> list[dict[str, Any]]:
    """The file, parsed."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_hash_is_what_the_documentation_says(tmp_path: Path) -> None:
    """An auditor checks the chain with tools of their own; the recipe must be simple and exact."""
    path = tmp_path / "audit.jsonl"
    write(path, 3, provider="größer", latencyMs=12.5, paths=("/spec/model",), validationSuccess=True)
    prev = "0" * 64
    for number, line in enumerate(lines(path), 1):
        assert list(line)[:5] == ["seq", "prev", "hash", "time", "event"]
        assert (line["seq"], line["prev"]) == (number, prev)
        rest = {key: value for key, value in line.items() if key not in {"prev", "hash"}}
        text = prev + json.dumps(rest, sort_keys=True, separators=(",", ":"))
        assert line["hash"] == hashlib.sha256(text.encode("ascii")).hexdigest()
        prev = line["hash"]


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """It names people, hosts and production endpoints."""
    path = tmp_path / ".reconciler" / "audit.jsonl"
    write(path, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_next_run_continues_the_chain(tmp_path: Path) -> None:
    """One chain over the life of a fleet: a run cut out of it must be missed."""
    path = tmp_path / "audit.jsonl"
    for _ in range(4):
        write(path, 2)
    assert verify_audit([path]) == AuditReport(8)


def test_lines_longer_than_the_window_are_continued_too(tmp_path: Path) -> None:
    """A change with many paths makes a long line, and its successor must still find where it begins."""
    path = tmp_path / "audit.jsonl"
    for size in (10, 20_000, 100_000, 5):
        write(path, 1, paths=["x" * size])
    assert verify_audit([path]) == AuditReport(4)


def changed(text: list[bytes]) -> list[bytes]:
    """A failure made a success."""
    return [line.replace(b"ep-2", b"ep-9") for line in text]


def removed(text: list[bytes]) -> list[bytes]:
    """A line taken out."""
    return text[:2] + text[3:]


def swapped(text: list[bytes]) -> list[bytes]:
    """Two lines in another order."""
    return [*text[:2], text[3], text[2], *text[4:]]


def doubled(text: list[bytes]) -> list[bytes]:
    """A line repeated."""
    return text[:3] + text[2:]


def blank(text: list[bytes]) -> list[bytes]:
    """An empty line put in."""
    return [*text[:2], b"\n", *text[2:]]


def forged(text: list[bytes]) -> list[bytes]:
    """A line changed, and its hash made anew."""
    line = json.loads(text[2]) | {"address": "prod/Endpoint/ep-9"}
    rest = {key: value for key, value in line.items() if key not in {"prev", "hash"}}
    body = line["prev"] + json.dumps(rest, sort_keys=True, separators=(",", ":"))
    line["hash"] = hashlib.sha256(body.encode()).hexdigest()
    return [*text[:2], json.dumps(line).encode() + b"\n", *text[3:]]


def beheaded(text: list[bytes]) -> list[bytes]:
    """The oldest lines cut off."""
    return text[1:]


def shortened(text: list[bytes]) -> list[bytes]:
    """The last line cut in the middle."""
    return [*text[:-1], text[-1][:-20]]


FORGERIES: dict[Callable[[list[bytes]], list[bytes]], int] = {
    changed: 3,
    removed: 3,
    swapped: 3,
    doubled: 4,
    blank: 3,
    forged: 4,
    beheaded: 1,
    shortened: 5,
}


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.__name__)
def test_a_forgery_is_found_at_its_line(forgery: Callable[[list[bytes]], list[bytes]], tmp_path: Path) -> None:
    """An audit that can be edited unseen proves nothing."""
    path = tmp_path / "audit.jsonl"
    write(path, 5)
    path.write_bytes(b"".join(forgery(path.read_bytes().splitlines(keepends=True))))
    report = verify_audit([path])
    assert report.broken_at == FORGERIES[forgery]
    assert report.why


@pytest.mark.parametrize("keep", [0, 3], ids=["nothing else", "after whole lines"])
def test_a_torn_line_is_kept_aside_and_reported(keep: int, tmp_path: Path) -> None:
    """After a power failure the half line may be the only trace of a write; it is evidence, not rubbish."""
    path = tmp_path / "audit.jsonl"
    for number in (1, 2):
        path.unlink(missing_ok=True)
        write(path, keep + 1)
        text = path.read_bytes().splitlines(keepends=True)
        torn = text[-1][:40]
        path.write_bytes(b"".join(text[:-1]) + torn)
        write(path, 2)
        kept = tmp_path / f"audit.jsonl.torn-{number}"
        assert kept.read_bytes() == torn
        assert verify_audit([path]) == AuditReport(keep + 3)
        about = lines(path)[keep]
        assert (about["event"], about["kept"]) == ("audit.torn", kept.name)


@pytest.mark.parametrize("last", [b"not json\n", b"{}\n", b"[1]\n", b"\x00\n", b"\n"])
def test_a_chain_is_not_continued_from_a_damaged_line(last: bytes, tmp_path: Path) -> None:
    """Going on would make the damage look as if it had been checked."""
    path = tmp_path / "audit.jsonl"
    write(path, 2)
    damaged = path.read_bytes() + last
    path.write_bytes(damaged)
    with pytest.raises(LedgerError, match="AUDIT002"):
        write(path, 1)
    assert path.read_bytes() == damaged


def test_a_changed_last_line_is_noticed_before_it_is_built_upon(tmp_path: Path) -> None:
    """The last line is the easiest to change: nothing stands behind it yet."""
    path = tmp_path / "audit.jsonl"
    write(path, 3)
    path.write_bytes(path.read_bytes().replace(b"ep-2", b"ep-9"))
    with pytest.raises(LedgerError, match="changed after it was written"):
        write(path, 1)


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    """Rotation by the machine's own tools must neither fail a run nor send lines to the old file."""
    path = tmp_path / "audit.jsonl"
    audit = open_audit(path, FakeClock())
    audit.append(AuditEvent("run.started", {}))
    path.rename(tmp_path / "audit.jsonl.1")
    audit.append(AuditEvent("change.finished", {}))
    path.rename(tmp_path / "audit.jsonl.2")
    audit.close()
    parts = [tmp_path / "audit.jsonl.1", tmp_path / "audit.jsonl.2"]
    assert verify_audit(parts) == AuditReport(2)
    assert verify_audit(parts[1:], first=2) == AuditReport(1)
    assert "1 line before it are missing" in verify_audit(parts[1:]).why
    assert verify_audit(parts[::-1]).broken_at == 1


def test_two_open_audits_take_turns(tmp_path: Path) -> None:
    """What one remembers of the file's end is wrong as soon as another has written."""
    path = tmp_path / "audit.jsonl"
    audits = [open_audit(path, FakeClock()) for _ in range(3)]
    for number in range(30):
        audits[number * number % 3].append(AuditEvent("change.finished", {"number": number}))
    for audit in audits:
        audit.close()
    assert verify_audit([path]) == AuditReport(30)
    assert [line["number"] for line in lines(path)] == list(range(30))


def test_the_chains_own_names_cannot_be_taken(tmp_path: Path) -> None:
    """A field called `hash` would replace the hash, and with it the proof."""
    audit = open_audit(tmp_path / "audit.jsonl", FakeClock())
    for name in ("seq", "prev", "hash", "time", "event"):
        with pytest.raises(Defect, match=name):
            audit.append(AuditEvent("change.finished", {name: "x"}))
    with pytest.raises(Defect, match="not JSON"):
        audit.append(AuditEvent("change.finished", {"when": float("nan")}))
    audit.close()


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A run that cannot leave a record must stop before it writes, and say where it looked."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerError, match=r"file/audit\.jsonl .*AUDIT001"):
        write(tmp_path / "file" / "audit.jsonl", 1)
    with pytest.raises(LedgerError, match="AUDIT001"):
        verify_audit([tmp_path / "missing.jsonl"])


APPEND = """
import sys
from pathlib import Path
from reconciler.ledger import open_audit
from reconciler.model.memory import AuditEvent, AuditMark
from reconciler.testing.fakes import FakeClock

audit = open_audit(Path(sys.argv[1]), FakeClock(), most=int(sys.argv[4]))
for number in range(int(sys.argv[2])):
    audit.append(AuditEvent("change.finished", {"who": sys.argv[3], "number": number}))
print("done", flush=True)
sys.stdin.readline()
"""


def start(path: Path, count: int, who: str, most: int = 1 << 30) -> subprocess.Popen[str]:
    """A process that appends and then lingers, without closing."""
    command = [sys.executable, "-c", APPEND, str(path), str(count), who, str(most)]
    return subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_processes_that_share_a_file_keep_one_chain(tmp_path: Path) -> None:
    """Two jobs of one runner write at the same time; neither may break the other's proof."""
    path = tmp_path / "audit.jsonl"
    for process in [start(path, 250, who) for who in "abc"]:
        process.communicate("\n", timeout=300)
        assert process.returncode == 0
    assert verify_audit([path]) == AuditReport(750)
    for who in "abc":
        assert [line["number"] for line in lines(path) if line["who"] == who] == list(range(250))


def test_a_kill_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    """The last lines before a crash are the ones that will be read."""
    path = tmp_path / "audit.jsonl"
    process = start(path, 30, "a")
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=300)
    assert verify_audit([path]) == AuditReport(30)


FULL_DISK = """
import resource, sys
from pathlib import Path
from reconciler.errors import LedgerError
from reconciler.ledger import open_audit
from reconciler.model.memory import AuditEvent, AuditMark
from reconciler.testing.fakes import FakeClock

resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
audit = open_audit(Path(sys.argv[1]), FakeClock())
number = 0
try:
    for number in range(1000):
        audit.append(AuditEvent("change.finished", {"number": number}))
except LedgerError as error:
    print(number, error)
"""


def test_a_full_disk_leaves_a_whole_chain(tmp_path: Path) -> None:
    """Half a line at the end would make every later look at the file a false alarm."""
    path = tmp_path / "audit.jsonl"
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    written, _, why = ended.stdout.partition(" ")
    assert "AUDIT001" in why
    assert verify_audit([path]) == AuditReport(int(written))
    write(path, 1)
    assert verify_audit([path]) == AuditReport(int(written) + 1)


def test_a_mark_is_looked_for_from_the_end(tmp_path: Path) -> None:
    """A file of years is as long as years: what the ledger knows of is found without reading all of it."""
    path = tmp_path / "audit.jsonl"
    write(path, 900)
    marks = [AuditMark(line["seq"], line["hash"]) for line in lines(path)]
    audit = open_audit(path, FakeClock())
    assert audit.mark() is None
    for mark in (marks[0], marks[1], marks[450], marks[-1], AuditMark(0, "0" * 64)):
        assert audit.holds(mark)
    for mark in (AuditMark(901, "a" * 64), AuditMark(900, "a" * 64), AuditMark(1, "a" * 64), AuditMark(0, "a" * 64)):
        assert not audit.holds(mark)
    path.write_bytes(b"")
    assert not audit.holds(marks[0])
    path.unlink()
    assert not audit.holds(marks[0])


def test_an_empty_file_goes_on_where_the_ledger_knows(tmp_path: Path) -> None:
    """A file begun anew bears the number of what came before, so that nobody takes it for the whole."""
    path = tmp_path / "audit.jsonl"
    audit = open_audit(path, FakeClock())
    audit.begin_after(AuditMark(40, "a" * 64))
    audit.append(AuditEvent("run.started", {}))
    assert audit.holds(AuditMark(40, "a" * 64))
    assert verify_audit([path], AuditMark(40, "a" * 64)).why.startswith("40 lines before it are missing")
    assert verify_audit([path], AuditMark(40, "a" * 64), first=41).broken_at is None


def full(path: Path, count: int = 30) -> list[Path]:
    """An audit in several files, all of them; the last is the one in use."""
    audit = open_audit(path, FakeClock(), most=2_000)
    for number in range(count):
        audit.append(AuditEvent("change.finished", {"number": number}))
    audit.close()
    return [*parts_of(path), path]


def test_a_full_file_is_moved_aside_and_the_chain_goes_on(tmp_path: Path) -> None:
    """A router writes a line for each question: one file would grow until somebody cuts it."""
    files = full(tmp_path / "audit.jsonl")
    assert len(files) > 3
    assert verify_audit(files) == AuditReport(30)
    assert [line["number"] for file in files for line in lines(file)] == list(range(30))
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.stat().st_size < 3_000


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_kill_while_a_file_is_moved_aside_breaks_no_chain(left: str, tmp_path: Path) -> None:
    """Between two calls of the system a process may end; the ledger knows then what it knew a while ago."""
    *parts, path = full(tmp_path / "audit.jsonl")
    last = lines(path)[-1]["seq"]
    path.rename(tmp_path / f"audit.{last:012d}.jsonl")
    if left == "an empty file":
        path.touch()
    early = lines(parts[0])[0]
    audit = open_audit(path, FakeClock(), most=2_000)
    audit.begin_after(AuditMark(early["seq"], early["hash"]))
    audit.append(AuditEvent("change.finished", {"number": 30}))
    audit.close()
    assert verify_audit([*parts_of(path), path], AuditMark(early["seq"], early["hash"])).broken_at is None
    assert lines(path)[0]["seq"] == last + 1


def cut_the_end(files: list[Path]) -> None:
    files[-2].write_bytes(b"".join(files[-2].read_bytes().splitlines(keepends=True)[:-1]))


def empty_one(files: list[Path]) -> None:
    files[1].write_bytes(b"")


def remove_one(files: list[Path]) -> None:
    files.pop(1).unlink()


def remove_the_first(files: list[Path]) -> None:
    files.pop(0).unlink()


def put_another_in_its_place(files: list[Path]) -> None:
    files[1].write_bytes(files[0].read_bytes())


@pytest.mark.parametrize(
    "tampering",
    [cut_the_end, empty_one, remove_one, remove_the_first, put_another_in_its_place],
    ids=lambda one: one.__name__,
)
@pytest.mark.parametrize("goes_on", [False, True], ids=["at once", "after more lines"])
def test_what_was_done_to_a_file_moved_aside_is_found(
    tampering: Callable[[list[Path]], None],
    goes_on: bool,  # noqa: FBT001 - a parameter of the test
    tmp_path: Path,
) -> None:
    """Nobody looks at old files; whoever wants to hide something looks there first."""
    path = tmp_path / "audit.jsonl"
    files = full(path)
    last = lines(path)[-1]
    mark = AuditMark(last["seq"], last["hash"])
    tampering(files)
    if goes_on:
        path.rename(tmp_path / f"audit.{last['seq']:012d}.jsonl")
        audit = open_audit(path, FakeClock(), most=2_000)
        audit.begin_after(mark)
        audit.append(AuditEvent("change.finished", {}))
        audit.close()
    assert verify_audit([*parts_of(path), path], mark).broken_at is not None


def test_a_chain_does_not_go_on_from_a_part_that_was_cut(tmp_path: Path) -> None:
    """What follows the line before the cut as if nothing had been there hides the cut for ever."""
    *parts, path = full(tmp_path / "audit.jsonl")
    last = lines(path)[-1]
    aside = path.rename(tmp_path / f"audit.{last['seq']:012d}.jsonl")
    aside.write_bytes(b"".join(aside.read_bytes().splitlines(keepends=True)[:-1]))
    mark = AuditMark(last["seq"], last["hash"])
    audit = open_audit(path, FakeClock(), most=2_000)
    audit.begin_after(mark)
    audit.append(AuditEvent("change.finished", {}))
    audit.close()
    found = verify_audit([*parts, aside, path], mark)
    assert (found.file, found.broken_at is None) == (aside, False)


def test_processes_that_share_an_audit_move_its_file_aside_together(tmp_path: Path) -> None:
    """A router writes, and meanwhile an apply does: who waits for a file that is moved aside takes the next one."""
    path = tmp_path / "audit.jsonl"
    started = [start(path, 150, who, 6_000) for who in "abc"]
    for process in started:
        process.communicate("\n", timeout=300)
        assert process.returncode == 0
    files = [*parts_of(path), path]
    assert len(files) > 5
    assert verify_audit(files) == AuditReport(450)
    for who in "abc":
        told = [line["number"] for file in files for line in lines(file) if line["who"] == who]
        assert told == list(range(150))


def test_a_mark_is_found_in_files_moved_aside(tmp_path: Path) -> None:
    """An apply marks, then a router fills file after file: its mark must follow the older one."""
    *parts, path = full(tmp_path / "audit.jsonl")
    audit = open_audit(path, FakeClock())
    for file in (parts[0], parts[1], path):
        line = lines(file)[0]
        assert audit.holds(AuditMark(line["seq"], line["hash"]))
        assert not audit.holds(AuditMark(line["seq"], "a" * 64))
