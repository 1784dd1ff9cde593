"""Manifests and settings that vanish, break and come back under a router at work: it goes on, and says so."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from router_bench import RouterBench, manifests, routing
from router_process import PATIENCE, Both, both

Damage = Callable[[Path], AbstractContextManager[None]]


@contextmanager
def moved(folder: Path) -> Any:
    """Away, and back as it was."""
    away = folder.with_name("away")
    folder.rename(away)
    yield
    away.rename(folder)


@contextmanager
def deleted(folder: Path) -> Any:
    """Gone, and written anew."""
    shutil.copytree(folder, folder.with_name("copy"))
    shutil.rmtree(folder)
    yield
    folder.with_name("copy").rename(folder)


@contextmanager
def a_file_instead(folder: Path) -> Any:
    with moved(folder):
        folder.write_text("no folder")
        yield
        folder.unlink()


@contextmanager
def a_link_to_itself_instead(folder: Path) -> Any:
    with moved(folder):
        folder.symlink_to(folder)
        yield
        folder.unlink()


@contextmanager
def added(folder: Path, name: str, make: Callable[[Path], Any]) -> Any:
    make(folder / name)
    yield
    (folder / name).unlink()


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 33)


DAMAGES: dict[str, Damage] = {
    "moved": moved,
    "deleted": deleted,
    "a file instead": a_file_instead,
    "a link to itself instead": a_link_to_itself_instead,
    "a link to itself": lambda folder: added(folder, "loop.yaml", lambda path: path.symlink_to(path)),
    "a link to a folder": lambda folder: added(folder, "loop", lambda path: path.symlink_to(folder)),
    "a link to nothing": lambda folder: added(folder, "gone.yaml", lambda path: path.symlink_to("nothing")),
    "a huge file": lambda folder: added(folder, "huge.yaml", huge),
    "no text": lambda folder: added(folder, "bytes.yaml", lambda path: path.write_bytes(os.urandom(5000))),
    "half a file": lambda folder: added(folder, "half.yaml", lambda path: path.write_text("kind: {Route")),
}


async def fresh(it: Both | RouterBench, *, wanted: bool) -> list[str]:
    """Wait until `/readyz` says so; the findings."""
    while True:
        said = (await it.client.get("/readyz")).json()["manifests"]
        if said["fresh"] is wanted:
            return list(said["findings"])
        await asyncio.sleep(0.02)


async def changed(it: Both) -> None:
    """Give a route another path, and take it back; each is seen."""
    path = it.root / "manifests" / "fleet.yaml"
    good = path.read_text()
    path.write_text(good.replace("channel: cxone", "channel: cxone\n  path: /new"))
    while (await it.client.post("/new")).status_code == 404:  # noqa: ASYNC110 - seen from outside only
        await asyncio.sleep(0.02)
    path.write_text(good)
    while (await it.client.post("/new")).status_code != 404:  # noqa: ASYNC110 - the same
        await asyncio.sleep(0.02)


def answering(tmp: Path, work: Callable[[Both], Any], never: str = "Traceback") -> str:
    """A router as a process that takes a turn before, during and after what `work` does; its log."""

    async def main() -> str:
        async with both(tmp) as it:
            async with asyncio.timeout(PATIENCE):
                await work(it)
            assert (await it.turn()).json()["source"] == "llm_gateway"
            code, err = await it.router.stop()
            assert code == 0
            assert never not in err
            return err

    return asyncio.run(main())


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGES)
def test_the_watch_survives_whatever_becomes_of_the_manifests(tmp_path: Path, name: str) -> None:
    """A folder that vanished once ended the watch for ever, while everything said that all was fresh."""

    async def work(it: Both) -> None:
        with DAMAGES[name](it.root / "manifests"):
            assert await fresh(it, wanted=False)
            assert "reconciler_router_manifests_fresh 0.0" in (await it.client.get("/metrics")).text
            assert (await it.turn()).json()["source"] == "llm_gateway"
        await fresh(it, wanted=True)
        assert "reconciler_router_manifests_fresh 1.0" in (await it.client.get("/metrics")).text
        text = (it.root / "manifests" / "fleet.yaml").read_text()
        (it.root / "manifests" / "fleet.yaml").write_text(
            text.replace("channel: cxone", "channel: cxone\n  path: /new")
        )
        while (await it.client.post("/new")).status_code == 404:  # noqa: ASYNC110 - seen from outside only
            await asyncio.sleep(0.02)
        (it.root / "manifests" / "fleet.yaml").write_text(text)
        while (await it.client.post("/new")).status_code != 404:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.02)

    log = answering(tmp_path, work)
    assert "reload_refused" in log or "manifests_unseen" in log


@pytest.mark.slow
def test_a_checkout_that_is_replaced_as_a_whole_is_followed(tmp_path: Path) -> None:
    """A deployment puts a new folder under the old name, and the process stands in the old one."""

    async def work(it: Both) -> None:
        away = it.root.with_name("old")
        it.root.rename(away)
        assert await fresh(it, wanted=False) == ["FileNotFoundError"]
        assert (await it.turn()).json()["source"] == "llm_gateway"
        shutil.copytree(away, it.root)
        await fresh(it, wanted=True)
        await changed(it)

    assert "manifests_unseen" in answering(tmp_path, work)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["secrets: {root: [}\n", "nonsense: 1\n", "secrets: {root: nowhere}\n"])
def test_settings_that_break_are_said_and_recovered_from(tmp_path: Path, text: str) -> None:
    """The table is made of the settings as well: with others than those that stand there it is not fresh."""

    async def work(it: Both) -> None:
        path = it.root / "reconciler.yaml"
        good = path.read_text()
        path.write_text(text)
        assert await fresh(it, wanted=False)
        assert (await it.turn()).json()["source"] == "llm_gateway"
        path.write_text(good)
        await fresh(it, wanted=True)

    assert "reload_refused" in answering(tmp_path, work)


@pytest.mark.slow
def test_a_file_that_is_written_while_it_is_read_ends_as_what_was_written_last(tmp_path: Path) -> None:
    """Whoever writes slowly, or in place, must not leave half a table behind, nor none."""

    async def work(it: Both) -> None:
        path = it.root / "manifests" / "fleet.yaml"
        good = path.read_text()
        done = threading.Event()

        def write() -> None:
            while not done.wait(0.001):
                path.write_text(good[: len(good) // 2])
                path.write_text(good + "\n# again\n")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(20):
                assert (await it.turn()).json()["source"] == "llm_gateway"
                it.router.process.send_signal(signal.SIGHUP)
        finally:
            done.set()
            writer.join()
        path.write_text(good)
        await changed(it)
        await fresh(it, wanted=True)

    answering(tmp_path, work)


def test_a_look_that_fails_is_counted_and_said_once(tmp_path: Path) -> None:
    """Whoever watches the figures sees it, and the log is not filled with it."""

    async def main() -> None:
        async with routing(tmp_path / "checkout") as bench:
            with moved(bench.root / "manifests"):
                assert await fresh(bench, wanted=False) == ["FileNotFoundError"]
                while "manifest_looks_failed_total 3.0" not in await bench.metrics():  # noqa: ASYNC110 - seen from outside only
                    await asyncio.sleep(0.001)
                assert (await bench.cxone()).json()["source"] == "llm_gateway"
            await fresh(bench, wanted=True)
            assert [line["error"] for line in bench.told.named("manifests_unseen")] == ["FileNotFoundError"]
            assert len(bench.told.named("manifests_seen")) == 1
            bench.write(manifests(bench.gateway).replace("Please wait.", "Patience."))
            while not bench.told.named("reloaded"):  # noqa: ASYNC110 - seen from outside only
                await asyncio.sleep(0.01)

    asyncio.run(main())
