"""`reconciler serve` and the gateway in a box as processes, which end with the test that started them."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from router_bench import CXONE, cxone_event, hex_of, manifests, prepared

RECONCILER = Path(sys.executable).with_name("reconciler")
PATIENCE = 60
"""Seconds after which something hangs, on however busy a machine."""

NUMBERS = itertools.count()
SETTINGS = "secrets: {root: secrets}\n"


def environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECONCILER_", "GITHUB_", "CI"))}
    return kept | {"PYTHONUNBUFFERED": "1"}


@dataclass
class Process:
    """A program at work; its first line says where. What it logs goes to a file, as nobody empties a pipe here."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    async def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it; its exit code and what it said on standard error."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        try:
            await asyncio.wait_for(self.process.communicate(), PATIENCE)
        except TimeoutError:
            self.process.kill()
            await self.process.communicate()
            raise
        return self.process.returncode or 0, self.log.read_text(encoding="utf-8")


async def started(*words: str | Path, root: Path, open_files: int | None = None) -> Process:
    log = root / f"log-{next(NUMBERS)}"
    limited = () if open_files is None else ("sh", "-c", f'ulimit -n {open_files} && exec "$@"', "sh")
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *limited, *words, cwd=root, env=environ(), stdout=subprocess.PIPE, stderr=file
        )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        assert line, log.read_text(encoding="utf-8")
    except BaseException:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        raise
    return Process(process, line.decode().strip(), log)


async def command(root: Path, *words: str) -> tuple[int, str]:
    """The tool to its end in a checkout whose secrets are files; its exit code and all that it said."""
    (root / "reconciler.yaml").write_text(SETTINGS, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        RECONCILER, *words, cwd=root, env=environ(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def box(root: Path, port: int = 0) -> Process:
    words = (
        sys.executable,
        "-m",
        "reconciler.embedded",
        "--store",
        root / "box.sqlite",
        "--port",
        str(port),
        "--admin",
    )
    return await started(*words, root=root)


async def router(root: Path, *words: str, open_files: int | None = None) -> Process:
    serve: tuple[str | Path, ...] = (RECONCILER, "serve", "--port", "0", "--log-format", "json", *words)
    return await started(*serve, root=root, open_files=open_files)


@dataclass
class Both:
    """A gateway in a box and a router before it, each a process; `held` ends whatever was started."""

    root: Path
    box: Process
    router: Process
    client: httpx.AsyncClient
    held: AsyncExitStack

    async def box_again(self, port: int) -> None:
        """Start the gateway a second time, at the address of the first."""
        self.box = await box(self.root, port)
        self.held.push_async_callback(self.box.stop)

    async def turn(self, **members: Any) -> httpx.Response:
        body = cxone_event(**members)
        return await self.client.post(CXONE, content=body, headers={"X-Webhook-Signature": hex_of(body)})

    async def faults(self, *rules: Mapping[str, Any], **traits: Any) -> None:
        async with httpx.AsyncClient(base_url=self.box.url) as admin:
            assert (await admin.put("/_embedded/faults", json={"rules": list(rules), **traits})).status_code == 200


@asynccontextmanager
async def both(tmp: Path, deadline: int = 3000, *words: str, settings: str = SETTINGS) -> AsyncIterator[Both]:
    root = prepared(tmp / "checkout")
    (root / "reconciler.yaml").write_text(settings)
    async with AsyncExitStack() as held:
        upstream = await box(root)
        held.push_async_callback(upstream.stop)
        (root / "manifests" / "fleet.yaml").write_text(manifests(upstream.url, deadline))
        ours = await router(root, *words)
        held.push_async_callback(ours.stop)
        client = await held.enter_async_context(httpx.AsyncClient(base_url=ours.url, timeout=20))
        yield Both(root, upstream, ours, client, held)


def standing(tmp: Path, change: Mapping[str, str] | None = None) -> Path:
    root = prepared(tmp / "checkout")
    (root / "reconciler.yaml").write_text(SETTINGS)
    text = manifests("http://127.0.0.1:9")
    for old, new in (change or {}).items():
        assert old in text
        text = text.replace(old, new)
    (root / "manifests" / "fleet.yaml").write_text(text)
    return root


def memory_kb(process: int) -> int:
    """What a process holds in memory."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
