"""What bots ask of models is in the audit: chained, anchored, without text, over as many files as it takes."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from router_process import RECONCILER, SETTINGS, both, environ

TURNS = 24
PRIVATE = "A very private question about order"
SMALL = SETTINGS + "audit: {maxBytes: 4096}\n"


def files(root: Path) -> list[Path]:
    """The parts of the audit, the oldest first."""
    folder = root / ".reconciler"
    return [*sorted(folder.glob("audit.0*.jsonl")), folder / "audit.jsonl"]


def asked(root: Path) -> list[dict[str, Any]]:
    """The lines of questions."""
    read = [json.loads(line) for file in files(root) for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in read if line["event"] == "inference.call"]


def verify(root: Path) -> tuple[int, str]:
    """`reconciler audit verify`, from outside."""
    command = [str(RECONCILER), "audit", "verify"]
    done = subprocess.run(command, cwd=root, env=environ(), capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a router that answered some turns and ended."""

    async def main() -> Path:
        async with both(tmp_path_factory.mktemp("audit"), settings=SMALL) as it:
            for number in range(TURNS):
                turn = await it.turn(lastMessage=f"{PRIVATE} {number}")
                assert turn.json()["source"] == "llm_gateway"
            assert (await it.router.stop())[0] == 0
            return it.root

    return asyncio.run(main())


def copied(root: Path, tmp_path: Path) -> Path:
    """A folder of one's own, with the same audit and ledger."""
    ours = tmp_path / "checkout"
    ours.mkdir()
    subprocess.run(["cp", "-rp", *(entry for entry in root.iterdir() if "box" not in entry.name), ours], check=True)
    return ours


def test_each_question_has_one_line_without_a_word_of_it(answered: Path) -> None:
    """What was asked, what it took and how it ended can be proved later, and nobody's words are kept for that."""
    lines = asked(answered)
    assert len(lines) == TURNS
    assert {(line["route"], line["gateway"], line["model"], line["outcome"]) for line in lines} == {
        ("cxone-bot", "prod", "gpt-4o", "ok")
    }
    text = "".join(file.read_text(encoding="utf-8") for file in files(answered))
    assert PRIVATE not in text
    assert len({line["request_hash"] for line in lines}) == TURNS
    assert all(len(line["answer_hash"]) == 64 and line["answer_characters"] > 0 for line in lines)


def test_figures_are_exact(answered: Path) -> None:
    """A sum over a month of floats is nobody's invoice."""
    for line in asked(answered):
        assert not [name for name, value in line.items() if isinstance(value, float)]
        exact = Decimal(line["prompt_tokens"]) / 1_000_000 + 2 * Decimal(line["completion_tokens"]) / 1_000_000
        assert Decimal(line["cost"]) == exact
        assert Decimal(line["latency_ms"]) > 0


def test_the_chain_goes_on_over_files_and_the_ledger_knows_its_end(answered: Path) -> None:
    """A file that only grows is cut one day by somebody who needs the space."""
    assert len(files(answered)) > 2
    code, said = verify(answered)
    assert code == 0, said
    assert "verified" in said
    assert "no anchor" not in said


def cut(root: Path) -> None:
    file = files(root)[0]
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))


def empty(root: Path) -> None:
    files(root)[1].write_bytes(b"")


def replace(root: Path) -> None:
    files(root)[1].write_bytes(files(root)[0].read_bytes())


def remove(root: Path) -> None:
    files(root)[0].unlink()


def remove_the_one_in_use(root: Path) -> None:
    files(root)[-1].unlink()


@pytest.mark.parametrize(
    "tampering", [cut, empty, replace, remove, remove_the_one_in_use], ids=lambda each: each.__name__
)
def test_a_file_that_was_tampered_with_is_found(
    tampering: Callable[[Path], None], answered: Path, tmp_path: Path
) -> None:
    """What was moved aside is as much of the proof as what is in use."""
    root = copied(answered, tmp_path)
    assert verify(root)[0] == 0
    tampering(root)
    code, said = verify(root)
    assert code == 1, said


@pytest.mark.slow
def test_a_router_that_is_killed_leaves_a_whole_chain(tmp_path: Path) -> None:
    """Routers are killed by whoever runs them; the next one goes on, and no alarm is false."""

    async def main() -> None:
        async with both(tmp_path, settings=SMALL) as it:
            turns = [asyncio.ensure_future(it.turn(lastMessage=f"{PRIVATE} {number}")) for number in range(40)]
            await asyncio.wait(turns, return_when=asyncio.FIRST_COMPLETED)
            it.router.process.kill()
            await asyncio.gather(*turns, return_exceptions=True)
            code, said = await asyncio.to_thread(verify, it.root)
            assert code == 0, said

    asyncio.run(main())


@pytest.mark.slow
def test_a_bot_is_answered_where_nothing_can_be_written_down(tmp_path: Path) -> None:
    """A full disk is no reason to leave a customer alone; that it was so is said, and counted."""

    async def main() -> None:
        async with both(tmp_path) as it:
            (it.root / ".reconciler").mkdir(exist_ok=True)
            (it.root / ".reconciler" / "audit.jsonl").mkdir()
            assert (await it.turn()).json()["source"] == "llm_gateway"
            assert "questions_unrecorded_total 1.0" in (await it.client.get("/metrics")).text
            assert "audit_failed" in (await it.router.stop())[1]

    asyncio.run(main())
