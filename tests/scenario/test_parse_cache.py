"""The parse cache: a shortcut that can never change what is planned."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest
from scenario_bench import Bench, endpoint

from reconciler.manifest.cache import Cache
from reconciler.manifest.read import language


def cache_of(bench: Bench) -> Path:
    (found,) = (Path(bench.environ["XDG_CACHE_HOME"]) / "reconciler").glob("*/manifests")
    return found


@pytest.fixture
def warm(bench: Bench, tmp_path: Path) -> Bench:
    """A checkout whose manifests were read once."""
    bench.environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    bench.manifests(endpoint("one"), endpoint("two"))
    assert bench.run("validate").code == 0
    return bench


def planned(bench: Bench) -> str:
    finished = bench.plan()
    assert finished.code == 2, finished.err
    return str(finished.json["digest"])


def damaged(content: bytes) -> list[bytes]:
    """A cache as disks, editors, other versions and strangers leave it."""
    chance = random.Random(7)  # noqa: S311 - the same faults each time
    mac, _, body = content.partition(b"\n")
    other = json.dumps({key: [[1, 2, 3, 4]] for key in json.loads(body)}).encode()
    odd = [b"", b"\n", b"null", b"[]", b"{}", mac, body, mac + b"\n", mac + b"\n[]", b"0" * 64 + b"\n" + body,
           mac + b"\n" + other, mac + b"\n" + b"[" * 100_000, content[:-1], content + b" ", b"\xff" * 99,
           b"\x00" + content, body.replace(b"gpt-4-turbo", b"gpt-4o"),
           content.replace(b"gpt-4-turbo", b"gpt-4o")]  # fmt: skip
    for _ in range(12):
        place = chance.randrange(len(content))
        odd.append(content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :])
        odd.append(content[: chance.randrange(len(content))])
    return odd


def test_a_damaged_cache_is_no_cache(warm: Bench) -> None:
    """A defect for a shortcut, or a plan for something that nobody wrote, is worse than reading files again."""
    wanted, path = planned(warm), cache_of(warm)
    good = path.read_bytes()
    for number, content in enumerate(damaged(good)):
        path.write_bytes(content)
        cache = Cache(path.parent, language())
        assert all(cache.get(key) is None for key in json.loads(good.partition(b"\n")[2])), number
    for content in (damaged(good)[10], damaged(good)[17]):
        path.write_bytes(content)
        assert planned(warm) == wanted
    assert path.read_bytes() == good


def test_a_cache_of_a_proposal_is_not_read(warm: Bench, tmp_path: Path) -> None:
    """Whoever commits a cache would otherwise decide what is planned for manifests that nobody sees changed."""
    wanted = planned(warm)
    forged = cache_of(warm).read_bytes().replace(b"gpt-4-turbo", b"gpt-4o")
    manifest = (warm.root / "manifests" / "fleet.yaml").read_bytes()
    assert hashlib.sha256(manifest).hexdigest().encode() in forged
    for name in ("cache/manifests.json", "cache/manifests", "cache/key"):
        warm.write(f".reconciler/{name}", "")
        (warm.root / ".reconciler" / name).write_bytes(forged)
    warm.environ["XDG_CACHE_HOME"] = str(tmp_path / "another")
    assert planned(warm) == wanted


def test_a_cache_that_others_may_write_is_not_read(warm: Bench) -> None:
    """On a shared machine a folder that is open to others holds what others want."""
    path = cache_of(warm)
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    keys = list(json.loads(path.read_bytes().partition(b"\n")[2]))

    def read() -> bool:
        cache = Cache(path.parent, language())
        return any(cache.get(key) is not None for key in keys)

    assert read()
    path.chmod(0o666)
    assert not read()
    path.chmod(0o600)
    path.parent.chmod(0o777)
    assert not read()
    path.parent.chmod(0o700)
    path.rename(path.with_name("aside"))
    path.symlink_to("aside")
    assert not read()


def test_no_home_is_no_error(warm: Bench) -> None:
    """A container often has neither a home nor a place to write to."""
    wanted = planned(warm)
    for place in ("/nonexistent/cache", "/dev/null/cache", "/proc/cache"):
        warm.environ["XDG_CACHE_HOME"] = place
        assert planned(warm) == wanted
