"""Laws of templates: holes are found where they stand, and no text breaks a reader."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifest import LoadOptions, load
from reconciler.manifest.holes import Hole, TemplateFault, holes
from reconciler.model.inference import Engine

WORDS = st.text(st.sampled_from("ab ,.\n-é–"), max_size=8)
NAMES = st.sampled_from(["a", "tone", "last_message", "x9", "_b"])
WRITTEN = {Engine.JINJA2: "{{{{ {} }}}}", Engine.BRACES: "{{{{{}}}}}", Engine.DOLLAR: "${{{}}}"}
SIGNS = st.text(st.sampled_from("{}%$#ab|._ \n\"'()[]not if0-"), max_size=40)


def attempt(engine: Engine, text: str) -> TemplateFault | tuple[Hole, ...]:
    """The holes, or why there are none."""
    try:
        return holes(engine, text)
    except TemplateFault as fault:
        return fault


@given(st.sampled_from(list(Engine)), st.lists(st.tuples(WORDS, NAMES), max_size=6))
def test_every_hole_is_found_once_where_it_first_stands(engine: Engine, parts: list[tuple[str, str]]) -> None:
    """A hole that is overlooked is filled with nothing; one that is misplaced sends its author to another line."""
    text = ""
    expected: dict[str, int] = {}
    for words, name in parts:
        opened = text + words
        text = opened + WRITTEN[engine].format(name)
        expected.setdefault(name, text.index(name, len(opened)))
    assert {hole.name: hole.offset for hole in holes(engine, text)} == expected


@given(st.sampled_from(list(Engine)), SIGNS)
def test_no_text_breaks_a_reader_of_templates(engine: Engine, text: str) -> None:
    """A template comes from a pull request: it is read, or refused at a place inside of it, and nothing else."""
    found = attempt(engine, text)
    if isinstance(found, TemplateFault):
        assert 0 <= found.offset <= len(text)
        return
    for hole in found:
        assert text.startswith(hole.name, hole.offset)


@given(st.sampled_from(["|", '"', "'", "plain"]), st.lists(st.sampled_from(["word", "(x)", "é"]), max_size=4))
def test_a_hole_has_its_line_and_column_in_the_file(style: str, words: list[str]) -> None:
    """An offset helps nobody: the finding must stand where an editor jumps to, however the text is written."""
    text = " ".join(["Say", *words, "{{wrong}}"])
    written = f"|\n    first line\n      {text}" if style == "|" else text if style == "plain" else style + text + style
    content = (
        "apiVersion: reconciler/v1\nkind: PromptTemplate\nmetadata: {name: a}\n"
        f"spec:\n  engine: braces\n  user: {written}\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "x.yaml").write_text(content, encoding="utf-8")
        (finding,) = load([Path("x.yaml")], LoadOptions(Path(folder))).diagnostics
    assert finding.code == "LLM002"
    assert finding.position is not None
    line = content.split("\n")[finding.position.line - 1]
    assert line[finding.position.column - 1 :].startswith("wrong}}")


@pytest.mark.parametrize(
    "text",
    [
        "{{ a" + "|trim" * 8_000 + " }}",
        "{{ " + "(" * 3_000 + "a" + ")" * 3_000 + " }}",
        "{% if a %}" + "{% elif a %}" * 4_000 + "{% endif %}",
        "{{ " + "9" * 5_000 + " }}",
        "{{ a }}{% raw %}" + "{{" * 30_000 + "{% endraw %}",
    ],
    ids=["filters", "brackets", "branches", "digits", "never closed"],
)
def test_a_hostile_template_costs_little(text: str) -> None:
    """A template that ends the stack, or takes minutes to look at, would be a way to stop everybody's plans."""
    found = attempt(Engine.JINJA2, text)
    if isinstance(found, TemplateFault):
        assert len(str(found)) < 200
        return
    assert [hole.name for hole in found] == ["a"]
