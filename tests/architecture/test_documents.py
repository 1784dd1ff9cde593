"""What documents tell people to type."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
import yaml

from reconciler.cli.main import COMMANDS, root
from reconciler.testing.adapter_suite import BLIND, LAWS, WATCHED

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:^|[$\-;&|] |run: |script: )\s*(reconciler(?: [^\n;&|]*)?)$", re.MULTILINE)
PROOF = re.compile(r"`(tests/[^`\s]*)`")
INLINE = re.compile(r"`(reconciler [^`\n]+)`")


def calls() -> Iterator[tuple[str, str]]:
    """Every call of the tool, with its page."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for _, block in FENCE.findall(text):
            joined = block.replace("\\\n", " ")
            yield from ((page.name, found.strip()) for found in CALL.findall(joined))
        yield from ((page.name, found) for found in INLINE.findall(FENCE.sub("", text)))


FOUND = sorted(set(calls()))


def test_there_are_calls_to_check() -> None:
    """A pattern that finds nothing would prove every page right."""
    assert len(FOUND) > 20


@pytest.mark.parametrize(("page", "call"), FOUND, ids=[f"{page}: {call}"[:70] for page, call in FOUND])
def test_a_call_in_a_document_is_one_that_the_tool_takes(page: str, call: str) -> None:
    """A flag that was renamed lives on in the guides, and fails on the reader's terminal."""
    words = shlex.split(call, comments=True)[1:]
    end = next((at for at, word in enumerate(words) if word.startswith((">", "<", "2>"))), len(words))
    words = [word for word in words[:end] if word != "…"]
    named = next((word for word in words if word in COMMANDS), None)
    if named is None:
        assert not words, f"{page}: {call}: there is no such command"
        return
    at = words.index(named)
    before, after = words[:at], words[at + 1 :]
    with click.Context(root, info_name="reconciler", obj={}) as ctx:
        command = root.get_command(ctx, named)
        assert command is not None
        if isinstance(command, click.Group) and after:
            command = command.get_command(ctx, after.pop(0))
            assert command is not None, f"{page}: {call}: there is no such command"
        _parsed(command, [*before, *after], ctx)


def _parsed(command: click.Command, words: list[str], parent: click.Context) -> None:
    """Files of an example need not be there, and a command alone may be meant as its name."""
    try:
        command.make_context(command.name, words, parent=parent)
    except click.MissingParameter:
        assert not words
    except click.BadParameter as error:
        if not any(text in str(error) for text in ("does not exist", "cannot be written", "there is no folder")):
            raise


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_yaml_in_a_document_is_yaml(page: Path) -> None:
    """Snippets are copied: one that does not parse costs a stranger an hour."""
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if language in {"yaml", "yml"}:
            list(yaml.safe_load_all(block))


@pytest.mark.parametrize(
    ("script", "page"),
    [("defaults_table", "defaults"), ("detectors_table", "personal-data"), ("windows_table", "context-windows")],
    ids=lambda name: name,
)
def test_a_generated_page_is_what_its_source_says(script: str, page: str) -> None:
    """People configure by what the page of defaults leaves out, and trust figures that somebody measured."""
    command = [sys.executable, "-c", f"import {script}; print({script}.text(), end='')"]
    done = subprocess.run(command, cwd=ROOT / "docs", capture_output=True, text=True, check=True)
    assert done.stdout == (ROOT / "docs" / "reference" / f"{page}.md").read_text(encoding="utf-8"), "make reference"


def test_the_page_beside_another_tool_is_what_was_measured() -> None:
    """A cell that was put right by hand would say of somebody else's work what nobody saw."""
    done = subprocess.run(
        [sys.executable, "-c", "import beside_tables; print(beside_tables.text(), end='')"],
        cwd=ROOT / "docs",
        capture_output=True,
        text=True,
        check=True,
    )
    page = ROOT / "docs" / "explanation" / "beside-litellm-as-code.md"
    assert done.stdout == page.read_text(encoding="utf-8"), "make rival"
    assert done.stdout.count("| **") > 40


def test_the_guide_to_platforms_names_every_law() -> None:
    """Whoever writes an adapter reads there what it is held to."""
    page = (ROOT / "docs" / "howto" / "write-a-platform.md").read_text(encoding="utf-8")
    assert {law.__name__ for law in (*LAWS, *BLIND, *WATCHED)} <= set(re.findall(r"`(\w+)`", page))


TABLES: Mapping[str, Mapping[str, int]] = {
    "faults.md": {
        "NICE CXone bot webhook": 24,
        "Cognigy fallback intents": 19,
        "Cognigy streaming inference": 17,
        "Genesys invoke": 18,
        "CXone endpoint configuration": 18,
    },
    "gateway-pitfalls.md": {"LiteLLM Proxy 1.106.2": 25, "MLflow AI Gateway 3.17.2": 27, "smg 1.13.0": 19},
}
"""Rows of each table in the pages of faults and of pitfalls."""

PROOFS = sorted({(page.name, proof) for page in PAGES for proof in PROOF.findall(page.read_text(encoding="utf-8"))})


def tables(page: str) -> dict[str, list[str]]:
    """Rows of each table in a page, without its head."""
    text = (ROOT / "docs" / "explanation" / page).read_text(encoding="utf-8")
    sections = (section.partition("\n") for section in text.split("\n## ")[1:])
    found = {title: re.findall(r"^\| \d.*$", rows, re.MULTILINE) for title, _, rows in sections}
    return {title: rows for title, rows in found.items() if rows}


@pytest.mark.parametrize("page", TABLES)
def test_every_fault_and_every_pitfall_has_its_row(page: str) -> None:
    """A row that is dropped because its proof is gone would hide that nobody looks any more."""
    found = tables(page)
    assert {title: len(rows) for title, rows in found.items()} == TABLES[page]
    for rows in found.values():
        assert [int(row.split("|")[1]) for row in rows] == list(range(1, len(rows) + 1))


@pytest.mark.parametrize("page", TABLES)
def test_a_row_is_whole_and_names_a_proof(page: str) -> None:
    """A claim without a test is what the tutorials made too."""
    rows = [row for found in tables(page).values() for row in found]
    assert not [row for row in rows if row.count("|") != 5 or not PROOF.search(row)]


@pytest.mark.parametrize(("page", "proof"), PROOFS, ids=[f"{page}: {proof}" for page, proof in PROOFS])
def test_a_test_that_a_document_names_exists(page: str, proof: str) -> None:
    """Tests are renamed, and a page that leads to none proves nothing."""
    name, _, function = proof.partition("::")
    assert (ROOT / name).exists(), f"{page}: {name}"
    if name.endswith(".py") and function:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {re.escape(function)}\(", text, re.MULTILINE), f"{page}: {proof}"


def arrangements() -> dict[str, list[str]]:
    """Rows of each table in the page of common arrangements."""
    text = (ROOT / "docs" / "explanation" / "sources.md").read_text(encoding="utf-8")
    sections = (section.partition("\n") for section in text.split("\n## ")[1:])
    return {title: re.findall(r"^\| (?!Behaviour|-).*$", rows, re.MULTILINE) for title, _, rows in sections}


def test_every_arrangement_has_its_behaviours_each_with_a_proof() -> None:
    """A behaviour without a test is what the tutorials promise too."""
    found = arrangements()
    assert len(found) == 4
    assert not [row for rows in found.values() for row in rows if row.count("|") != 4 or not PROOF.search(row)]


def test_every_scenario_of_an_arrangement_stands_in_its_page() -> None:
    """What is shown to work and told nowhere is lost on whoever looks for it."""
    named = {proof for rows in arrangements().values() for row in rows for proof in PROOF.findall(row)}
    written = {
        f"tests/scenario/{path.name}::{name}"
        for path in (ROOT / "tests" / "scenario").glob("test_source_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert written
    assert written <= named, written - named
