"""`reconciler serve` as a process: how it starts, how it ends, and what it survives."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
from router_bench import SECRET, SECRETS, SPEAK
from router_process import RECONCILER, both, environ, memory_kb, standing


@pytest.mark.slow
def test_a_router_that_is_told_to_end_answers_first(tmp_path: Path) -> None:
    """A deployment must not cost a single customer their answer; and nothing private is in the log of it all."""

    async def main() -> None:
        async with both(tmp_path) as it:
            await it.faults({"match": SPEAK, "do": {"speech": {"first_ms": 700}}})
            turns = [asyncio.ensure_future(it.turn(lastMessage=f"A very private question {n}")) for n in range(20)]
            while 'place="running"} 20.0' not in (await it.client.get("/metrics")).text:  # noqa: ASYNC110 - seen from outside only
                await asyncio.sleep(0.01)
            code, err = await it.router.stop()
            answers = await asyncio.gather(*turns)
            assert {answer.json()["source"] for answer in answers} == {"llm_gateway"}
            assert code == 0
            with pytest.raises(httpx.TransportError):
                await it.client.get("/healthz")
            lines = [json.loads(line) for line in err.splitlines()]
            assert [line["event"] for line in lines].count("turn_finished") == 20
            for never in ("private question", *SECRETS.values()):
                assert never not in err.replace("teams-secret", "") or never == "team"

    asyncio.run(main())


@pytest.mark.slow
def test_turns_beyond_their_deadline_do_not_keep_a_router_alive(tmp_path: Path) -> None:
    """An end that waits for ever is killed by whoever asked for it, in the middle of something."""

    async def main() -> None:
        async with both(tmp_path, 800) as it:
            await it.faults({"match": SPEAK, "do": {"speech": {"first_ms": 60_000}}})
            turn = asyncio.ensure_future(it.turn())
            while 'place="running"} 1.0' not in (await it.client.get("/metrics")).text:  # noqa: ASYNC110 - seen from outside only
                await asyncio.sleep(0.01)
            began = asyncio.get_running_loop().time()
            assert (await it.router.stop())[0] == 0
            assert asyncio.get_running_loop().time() - began < 3
            assert (await turn).json()["source"] == "fallback"

    asyncio.run(main())


@pytest.mark.slow
def test_no_turn_is_without_an_answer_while_the_gateway_dies_and_comes_back(tmp_path: Path) -> None:
    """Killed in the middle of answers, gone for a while, started again: each customer hears something in time."""

    async def main() -> None:
        async with both(tmp_path, 1000) as it:
            port = int(it.box.url.rpartition(":")[2])
            await it.faults({"match": SPEAK, "do": {"speech": {"between_ms": 20}}})
            seen: list[tuple[str, float]] = []

            async def talking() -> None:
                loop = asyncio.get_running_loop()
                ends = loop.time() + 2.5
                while loop.time() < ends:
                    began = loop.time()
                    answer = await it.turn()
                    assert answer.status_code == 200
                    seen.append((answer.json()["source"], loop.time() - began))

            talk = asyncio.gather(*(talking() for _ in range(8)))
            await asyncio.sleep(0.5)
            await it.box.stop(signal.SIGKILL)
            await asyncio.sleep(0.5)
            await it.box_again(port)
            await talk
            assert {source for source, _ in seen} == {"llm_gateway", "fallback"}
            assert max(seconds for _, seconds in seen) < 1.5
            assert (await it.turn()).json()["source"] == "llm_gateway"

    asyncio.run(main())


@pytest.mark.slow
def test_a_hangup_reads_the_manifests_again(tmp_path: Path) -> None:
    """Secrets in files change without a manifest changing: whoever rotated one says so."""

    async def main() -> None:
        async with both(tmp_path) as it:
            (it.root / "secrets" / "cxone").write_text("the-next-secret-of-that-route-012345")
            it.router.process.send_signal(signal.SIGHUP)
            while (await it.turn()).status_code == 200:  # noqa: ASYNC110 - seen from outside only
                await asyncio.sleep(0.02)
            assert (await it.turn()).status_code == 401

    asyncio.run(main())


@pytest.mark.slow
def test_wrong_manifests_are_said_where_they_are_wrong(tmp_path: Path) -> None:
    """A metric says that something is wrong; the line and the column are for whoever mends it."""

    async def main() -> None:
        async with both(tmp_path) as it:
            (it.root / "manifests" / "more.yaml").write_text("kind: Nonsense\n")
            while (await it.client.get("/readyz")).json()["manifests"]["fresh"]:  # noqa: ASYNC110 - seen from outside only
                await asyncio.sleep(0.05)
            assert (await it.turn()).status_code == 200
            _, err = await it.router.stop()
            assert "more.yaml:1:" in err

    asyncio.run(main())


def ended(root: Path, *words: str) -> tuple[int, str]:
    """Run `serve` where it cannot start."""
    done = subprocess.run(
        [RECONCILER, "serve", *words], cwd=root, env=environ(), capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stderr


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    """The most usual mistake of all must not be a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, err = ended(standing(tmp_path), "--port", str(taken.getsockname()[1]))
    assert code == 1
    assert "ROUTER003" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", ["cxone", "cognigy"])
def test_without_its_secret_a_router_does_not_start(tmp_path: Path, name: str) -> None:
    """A router that starts without would take calls from anybody, or from nobody."""
    root = standing(tmp_path)
    (root / "secrets" / name).unlink()
    code, err = ended(root, "--port", "0")
    assert code == 1
    assert "SECRET001" in err
    assert "fleet.yaml" in err


def test_a_secret_that_could_be_guessed_stops_the_start(tmp_path: Path) -> None:
    """And it is not shown."""
    root = standing(tmp_path)
    (root / "secrets" / "cxone").write_text("tooshortforit")
    code, err = ended(root, "--port", "0")
    assert code == 1
    assert "ROUTER002" in err
    assert "tooshortforit" not in err


def test_a_route_without_a_signature_stops_the_start(tmp_path: Path) -> None:
    """There is no way to leave the door open."""
    root = standing(tmp_path, {"  signature: {scheme: hmac, secrets: [{file: cxone}]}\n": ""})
    code, err = ended(root, "--port", "0")
    assert code == 1
    assert "LLM013" in err


def test_manifests_without_routes_are_said_to_have_none(tmp_path: Path) -> None:
    """A wrong path looks like that, and would otherwise answer 404 to every bot."""
    root = standing(tmp_path)
    text = (root / "manifests" / "fleet.yaml").read_text()
    (root / "manifests" / "fleet.yaml").write_text(text.partition("---\napiVersion: reconciler/v1\nkind: PromptT")[0])
    code, err = ended(root, "--port", "0")
    assert code == 1
    assert "ROUTER001" in err
    assert SECRET not in err


@pytest.mark.slow
def test_memory_stays_flat_over_many_turns(tmp_path: Path) -> None:
    """A router runs for months: what a turn leaves behind adds up."""

    async def main() -> None:
        async with both(tmp_path, 8000, "--quiet") as it:

            async def turns(count: int) -> None:
                for _ in range(count // 20):
                    answers = await asyncio.gather(*(it.turn() for _ in range(20)))
                    assert {answer.status_code for answer in answers} == {200}

            await turns(200)
            before = memory_kb(it.router.process.pid)
            await turns(400)
            assert memory_kb(it.router.process.pid) - before < 3_000

    asyncio.run(main())
