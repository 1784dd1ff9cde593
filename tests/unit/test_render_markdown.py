"""The comment on a pull request: nothing in it is anybody's but what stands in code, and it fits."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
import render_samples as samples
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from render_hostile import MARK, NASTY, SOURCE, plan_of, planning, subjects

from reconciler.model.diagnostic import Diagnostic, Position, Severity
from reconciler.planning import waiting_causes
from reconciler.render import markdown, overview
from reconciler.render.subject import Subject

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
FOLD = re.compile(r"<details( open)?><summary>([^<>]+|<code>[^<>]*</code>: [0-9]+ changes?)</summary>")
LEFT_OUT = re.compile(r"\*(\d+) of (\d+) changes? left out here: `reconciler plan` shows all\.\*")


def tokens(text: str) -> Sequence[Token]:
    """All tokens of a text, those inside of paragraphs as well."""
    return [token for block in READER.parse(text) for token in (block, *(block.children or ()))]


def contents(found: Sequence[Token], kind: str) -> Sequence[str]:
    """What tokens of one kind hold."""
    return [token.content for token in found if token.type == kind]


@given(subjects())
def test_nothing_of_anybodys_stands_outside_of_code(subject: Subject) -> None:
    """A name that notifies a team, shows a picture or closes a fold would speak with the tool's voice."""
    text = markdown.text(subject)
    if overview.removals(subject):  # the one quotation is ours, and stands first
        marker, _, quoted = text.partition("\n> [!CAUTION]\n> ")
        assert "\n" not in marker
        text = marker + "\n" + quoted.replace("\n> ", "\n", 1)
    found = tokens(text)
    kinds = {token.type for token in found}
    assert not kinds & {"image", "html_inline", "code_block", "table_open", "hr", "blockquote_open", "s_open"}
    for words in contents(found, "text"):
        assert MARK not in words
        assert not re.search(r"[@#<>`|\[\]\\]|://|www\.", words.removesuffix("#"))
    for block in contents(found, "html_block"):
        for line in filter(None, block.split("\n")):
            assert FOLD.fullmatch(line) or line in {"</details>", markdown.marker(subject.command)}, line
    links = [str(token.attrs["href"]) for token in found if token.type == "link_open"]
    assert all(re.fullmatch(re.escape(SOURCE) + r"/[A-Za-z0-9%/._~-]+#L[0-9]+", link) for link in links)
    assert not any({"", ".", ".."} & set(link.removeprefix("https://").split("#")[0].split("/")) for link in links)
    assert samples.CANARY not in markdown.text(subject)


@given(subjects())
def test_the_layout_holds_whatever_the_texts(subject: Subject) -> None:
    """What breaks out of its place takes the rest of the report with it."""
    text = markdown.text(subject)
    found = tokens(text)
    plan = subject.plan
    assert text.split("\n", 1)[0] == markdown.marker(subject.command)
    assert len(re.findall(r"(?m)^<details", text)) == len(re.findall(r"(?m)^</details>$", text))
    assert {token.info for token in found if token.type == "fence"} <= {"diff"}
    waiting = set(waiting_causes(plan).values()) if plan and subject.command == "drift" else set()
    assert len([token for token in found if token.type == "heading_open"]) == 1 + len(waiting) + sum(
        bool(part)
        for part in (
            subject.diagnostics,
            subject.outcomes,
            subject.run and subject.run.residue,
            plan and plan.changes and subject.command != "drift",
            plan and plan.drift,
        )
    )
    for block in contents(found, "fence"):
        assert all(line[:2] in {"+ ", "- ", "# ", "! "} for line in block.splitlines())


@given(subjects(), st.integers(0, 3000))
def test_a_report_fits_its_limit(subject: Subject, limit: int) -> None:
    """One character too many and there is no comment at all."""
    text = markdown.text(subject, limit=limit)
    assert len(text) <= len(text.encode()) <= limit
    assert len(re.findall(r"(?m)^<details", text)) == len(re.findall(r"(?m)^</details>$", text))
    if limit >= 500:
        first = "> [!CAUTION]\n> **" if overview.removals(subject) else "### "
        assert text.startswith(f"{markdown.marker(subject.command)}\n{first}")


@pytest.mark.parametrize("gateways", [1, 5000])
def test_a_plan_of_five_thousand_changes_is_cut_by_whole_changes_and_counted(gateways: int) -> None:
    """On the largest plan the comment matters most: counts, errors, and how much is not shown."""
    text = markdown.text(planning(5000, gateways))
    assert 60_000 < len(text.encode()) <= 65_536
    assert "### Plan: 0 to create, 5000 to update, 0 to delete." in text
    assert "**error** `PLATFORM003`" in text
    assert f"Intent digest: `{samples.SHA}`" in text
    [(missing, total)] = LEFT_OUT.findall(text)
    shown = text.count("**update** `gw-")
    assert (int(missing), int(total)) == (5000 - shown, 5000)
    assert shown == text.count("+ model: ") == text.count("```diff\n") > 200


def test_many_findings_do_not_crowd_out_the_changes() -> None:
    """A thousand warnings are one thing to fix; what would be deleted is another."""
    found = tuple(Diagnostic(Severity.WARNING, "POLICY002", "one key", "x" * 500) for _ in range(1000))
    worst = Diagnostic(Severity.ERROR, "SAFETY002", "nothing wanted", "look")
    plan = plan_of(samples.CHANGES, samples.DRIFT)
    text = markdown.text(Subject("plan", 3, plan, diagnostics=(*found, worst)))
    assert "**error** `SAFETY002`" in text
    assert all(f"**{change.action.value}** `{change.address}`" in text for change in samples.CHANGES)
    assert re.search(r"\*\d+ of 1001 findings left out here: `reconciler plan` shows all\.\*", text)
    assert not LEFT_OUT.search(text)


@pytest.mark.parametrize("text", [*NASTY, "a ` b", "`a", "a`", "``", " a ", "  ", "", "`` ` ```"])
def test_a_code_span_is_one_span_of_bounded_marks(text: str) -> None:
    """Renderers give up on long marks, and then everything between them is Markdown."""
    made = markdown.code(text)
    [paragraph] = [token for token in READER.parse(f"- {made} end") if token.type == "inline"]
    assert [token.type for token in paragraph.children or ()] == ["code_inline", "text"]
    assert max(map(len, re.findall("`+", made))) <= 10


def test_a_place_is_a_link_only_below_the_source() -> None:
    """A link that a manifest's name can bend leads readers of a review wherever it wants."""
    files = ("manifests/a b#?.yaml", "../../../evil/x.yaml", "a/./b.yaml", "/etc/passwd", "a//b.yaml")
    found = tuple(Diagnostic(Severity.ERROR, "KIND001", "x", "y", Position(file, 3, 1)) for file in files)
    made = tokens(markdown.text(Subject("validate", 1, diagnostics=found, source=SOURCE)))
    links = [token.attrs["href"] for token in made if token.type == "link_open"]
    assert links == [f"{SOURCE}/manifests/a%20b%23%3F.yaml#L3"]
    for source in ("javascript:alert(1)", "https://x/)<b>", ""):
        text = markdown.text(Subject("validate", 1, diagnostics=found, source=source))
        assert not [token for token in tokens(text) if token.type == "link_open"]


def test_a_report_without_changes_is_short() -> None:
    """A comment that grows with every push although nothing changes is soon not read any more."""
    text = markdown.text(Subject("plan", 0, samples.EMPTY))
    assert text.splitlines()[:4] == ["<!-- reconciler:plan -->", "### No changes.", "", "14 unchanged, 3 unmanaged"]
    assert len(text.splitlines()) <= 6
