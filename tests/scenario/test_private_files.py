"""What the tool writes: closed to others where it is its memory, and never through a link that a proposal planted."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from scenario_bench import Bench, endpoint


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Everything that is made with default permissions is open to all."""
    before = os.umask(0)
    yield
    os.umask(before)


def loose(folder: Path) -> list[str]:
    """Files and folders that others may read or write."""
    found = [folder, *folder.rglob("*")]
    return [f"{path.name} {oct(path.lstat().st_mode)}" for path in found if stat.S_IMODE(path.lstat().st_mode) & 0o077]


@pytest.mark.usefixtures("open_umask")
def test_memory_is_closed_to_others_and_mended_where_it_was_open(bench: Bench) -> None:
    """The ledger tells who uses which key; on a shared runner every job of every team could read it."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    own = bench.root / ".reconciler"
    assert bench.run("plan", "--out", ".reconciler/plan.json").code == 0
    assert {"ledger.sqlite", "audit.jsonl", "plan.json"} <= {path.name for path in own.iterdir()}
    assert loose(own) == []
    for path in [own, *own.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    assert bench.plan().code == 0
    assert loose(own) == []


@pytest.mark.parametrize(
    "name", ["", "ledger.sqlite", "ledger.sqlite-wal", "audit.jsonl", "defect.txt", "embedded", "embedded/x.sqlite"]
)
def test_memory_is_not_written_through_a_link(bench: Bench, tmp_path: Path, name: str) -> None:
    """A link in a proposal would have the tool write over whatever the runner's user can write."""
    bench.manifests(endpoint("one"))
    target = tmp_path / "target"
    target.mkdir()
    (target / "file").write_text("precious")
    link = bench.root / ".reconciler" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target if name in {"", "embedded"} else target / "file")
    for command in (("apply", "--auto-approve"), ("plan",), ("drift",), ("ledger", "list")):
        finished = bench.run(*command)
        assert finished.code == 1
        assert "symbolic link" in finished.err
    assert [path.name for path in target.iterdir()] == ["file"]
    assert (target / "file").read_text() == "precious"
    assert bench.endpoints() == {}


def writers() -> list[tuple[str, ...]]:
    return [
        ("plan", "--report", "json:out/file"),
        ("validate", "--report", "sarif:out/file"),
        ("apply", "--auto-approve", "--report", "junit:out/file"),
        ("plan", "--out", "out/file"),
        ("drift", "--metrics", "out/file"),
        ("snapshot", "-o", "out/file"),
    ]


@pytest.mark.parametrize("command", writers(), ids=" ".join)
@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_report_is_not_written_through_a_link(
    bench: Bench, tmp_path: Path, command: tuple[str, ...], linked: str
) -> None:
    """The names of reports stand in the workflow, so a proposal knows where to plant its link."""
    bench.manifests(endpoint("one"))
    target = tmp_path / "target"
    target.mkdir()
    (target / "file").write_text("precious")
    if linked == "file":
        (bench.root / "out").mkdir()
        (bench.root / "out" / "file").symlink_to(target / "file")
    else:
        (bench.root / "out").symlink_to(target)
    finished = bench.run(*command)
    assert finished.code not in {0, 2}
    assert "symbolic link" in finished.err
    assert (target / "file").read_text() == "precious"
    assert bench.endpoints() == {}


@pytest.mark.parametrize(
    ("command", "link"),
    [
        (("init", "--force"), "reconciler.yaml"),
        (("init", "--force"), "manifests"),
        (("init", "--force"), ".github"),
        (("init", "--force"), ".gitignore"),
        (("schema", "--write", "schemas"), "schemas"),
        (("schema", "--write", "schemas"), "schemas/plan.schema.json"),
        (("import", "-o", "manifests/new"), "manifests/new"),
    ],
)
def test_a_scaffold_is_not_written_through_a_link(
    bench: Bench, tmp_path: Path, command: tuple[str, ...], link: str
) -> None:
    """What is written once is written over the same files as what is written daily."""
    bench.manifests(endpoint("one"))
    target = tmp_path / "target"
    target.mkdir()
    (target / "file").write_text("precious")
    place = bench.root / link
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        place.rename(tmp_path / "aside")
    place.symlink_to(target / "file" if "." in link[1:] else target)
    finished = bench.run(*command)
    assert finished.code != 0, finished.out
    assert [path.name for path in target.iterdir()] == ["file"]
    assert (target / "file").read_text() == "precious"


def test_a_place_outside_of_the_checkout_may_be_a_link(bench: Bench, tmp_path: Path) -> None:
    """Whoever runs the tool may keep reports where they like: only what comes with a checkout is a stranger's."""
    bench.manifests(endpoint("one"))
    (tmp_path / "real").mkdir()
    (tmp_path / "reports").symlink_to(tmp_path / "real")
    assert bench.run("plan", "--report", f"json:{tmp_path}/reports/plan.json").code == 0
    assert (tmp_path / "real" / "plan.json").read_text().startswith("{")
    assert bench.run("plan", "--report", "json:/dev/null").code == 0
