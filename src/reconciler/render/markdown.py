"""A report as a comment on a pull request and as the summary of a job, in GitHub's Markdown.

Everybody's text stands in code: in a code span, in a fenced block whose lines all begin with a sign, or in a
``<code>`` element with its characters escaped. Nowhere else are mentions, references, links, images and HTML certain to
stay text, since GitHub looks for some of them after it has resolved every escape.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from reconciler.model.change import ABSENT, Action, Change, FieldChange
from reconciler.model.diagnostic import Diagnostic, Position, has_errors
from reconciler.model.drift import DriftCause
from reconciler.model.plan import Plan
from reconciler.model.run import Outcome, Residue
from reconciler.planning.cause import drift_causes, waiting_causes
from reconciler.render import overview, view
from reconciler.render.overview import plural
from reconciler.render.sections import Item, Section, fitted
from reconciler.render.subject import Subject

LIMIT = 65_536
"""Characters of a comment that GitHub takes."""

SMALLEST = 40
"""Bytes that an entry takes at least: more entries than fit at this size are not even written."""

OPEN_UNTIL = 20
"""Changes up to which the gateways are shown unfolded."""

_WEB = re.compile(r"https?://[A-Za-z0-9.:/_~-]+")
_BLANK = re.compile(r"\n{3,}")
_RUNS = re.compile("`+")
_LONG_RUN = 9


def marker(command: str, fleet: str = "") -> str:
    """The hidden line by which the comment of an earlier run on the same fleet is found, to be written anew."""
    named = f" {quote(fleet, safe='/')}" if fleet else ""
    return f"<!-- reconciler:{re.sub('[^a-z-]', '', command)}{named} -->"


def text(subject: Subject, *, limit: int = LIMIT) -> str:
    """The report in at most `limit` bytes, which are never fewer than its characters.

    What does not fit is left out by whole entries, and each section says how many of them are missing.
    """
    return shown(subject, limit).text


class Shown(NamedTuple):
    """A report, and the changes in it that stand there whole: with every field, and every value to its end."""

    text: str
    changes: Sequence[Change]


def shown(subject: Subject, limit: int) -> Shown:
    """The report in at most `limit` bytes, and what whoever reads it has seen of the changes."""
    sections = list(_sections(subject, max(0, limit) // SMALLEST))
    made = fitted(list(_head(subject)), sections, list(_foot(subject)), limit)
    changes = [item.about for item in made.items if isinstance(item.about, Change)]
    return Shown(_BLANK.sub("\n\n", made.text), [change for change in changes if not view.is_cut(change)])


def _head(subject: Subject) -> Iterator[str]:
    yield f"{marker(subject.command, subject.fleet)}\n"
    going = overview.removals(subject)
    if going:
        names = ", ".join(code(str(address)) for address in going.named)
        yield f"> [!CAUTION]\n> **{going.words}:**\n"
        yield f"> {names}{f' and {going.more} more' if going.more else ''}.\n\n"
    yield f"### {re.sub('[^A-Za-z0-9 ,.:]', '', overview.headline(subject))}\n"
    if subject.fleet:
        yield f"\nFleet: {code(subject.fleet)}\n"
    plan = subject.plan
    if plan and not plan.complete and subject.command != "drift":
        yield f"\n**{overview.INCOMPLETE}**\n"
    if plan and view.asides(plan):
        yield f"\n{view.asides(plan)}\n"


def _foot(subject: Subject) -> Iterator[str]:
    if subject.plan and subject.plan.digest:
        yield f"\nIntent digest: {code(subject.plan.digest)}\n"


def _sections(subject: Subject, most: int) -> Iterator[Section]:
    """In the order of their weight: what stops, what was done, what would be done, what moved."""
    yield Section("Findings", "finding", _findings(subject, most), len(subject.diagnostics), _where(subject))
    bad_first = sorted(subject.outcomes, key=lambda outcome: overview.ended(outcome) is overview.Ended.WELL)
    outcomes = [Item(_outcome(outcome)) for outcome in bad_first[:most]]
    yield Section("Outcomes", "outcome", outcomes, len(bad_first), _where(subject))
    residue = subject.run.residue if subject.run else ()
    left = [Item(_residue(item)) for item in residue[:most]]
    yield Section("Left over", "difference", left, len(residue), _where(subject))
    if subject.plan:
        yield from _plan_sections(subject, subject.plan, most)


def _plan_sections(subject: Subject, plan: Plan, most: int) -> Iterator[Section]:
    drift = [Item(_drift(change, subject.source)) for change in plan.drift[:most]]
    if subject.command == "drift":
        yield Section("Changed outside", "object", drift, len(plan.drift), _where(subject))
        causes = waiting_causes(plan)
        for cause in DriftCause:
            waiting = [change for change in plan.changes if causes.get(change.address) is cause]
            items = _by_gateway(waiting, subject, most)
            yield Section(cause.value.capitalize(), "change", items, len(waiting), _where(subject))
        given = [Item(_default(change)) for change in plan.defaults[:most]]
        yield Section("Server defaults, left alone", "object", given, len(plan.defaults), _where(subject))
        return
    yield Section("Changes", "change", _by_gateway(plan.reviewed, subject, most), len(plan.reviewed), _where(subject))
    yield Section("Drift since the last apply", "object", drift, len(plan.drift), _where(subject))


def _where(subject: Subject) -> str:
    """The command that shows all."""
    return "history --format json" if subject.command == "apply" else re.sub("[^a-z-]", "", subject.command)


def code(text: str) -> str:
    """Any text as a code span: one line, and nothing in it means anything.

    Longer runs of backticks are spelled out, since renderers give up on delimiters beyond some length.
    """
    shown = _RUNS.sub(_short_run, view.brief(text)) or "(empty)"
    fence = "`" * (1 + max(map(len, _RUNS.findall(shown)), default=0))
    pad = " " if {shown[0], shown[-1]} & {"`", " "} else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _short_run(found: re.Match[str]) -> str:
    run = found.group()
    return run if len(run) <= _LONG_RUN else r"\x60" * len(run)


def _place(position: Position | None, source: str) -> str:
    """Where something stands, as a link if there is anything to link to; never one out of the sources."""
    if position is None:
        return ""
    words = code(f"{position.file}:{position.line}")
    steps = position.file.split("/")
    if not _WEB.fullmatch(source) or {"", ".", ".."} & set(steps):
        return f" {words}"
    return f" [{words}](<{source.rstrip('/')}/{view.uri(position.file)}#L{position.line}>)"


def _findings(subject: Subject, most: int) -> list[Item]:
    """Findings, unfolded where one of them stops the work or where they are all there is."""
    found = overview.ranked(subject.diagnostics)
    quiet = subject.plan is not None and not has_errors(found)
    group = f"<details><summary>{plural(len(found), 'remark')}</summary>\n\n" if quiet else ""
    return [Item(_finding(item, subject.source), group) for item in found[:most]]


def _finding(item: Diagnostic, source: str) -> str:
    about = f" {code(str(item.address))}" if item.address else ""
    head = f"- **{item.severity.value}** {code(item.code)}{_place(item.position, source)}{about} {code(item.summary)}"
    return f"{head}\n  {code(item.detail)}\n" if item.detail else f"{head}\n"


def _outcome(outcome: Outcome) -> str:
    head = f"- **{view.status_words(outcome)}** {code(f'{outcome.action.value} {outcome.address}')}"
    error = [f"  - {code(outcome.error)}\n"] if outcome.error else []
    checks = [f"  - {code(view.check_words(check))}\n" for check in outcome.checks]
    return "".join([f"{head} {outcome.duration_ms:.0f} ms\n", *error, *checks])


def _residue(item: Residue) -> str:
    return f"- {code(f'{item.address} {view.field_path(item.path)}')}: {item.cause.value}\n"


def _by_gateway(changes: Sequence[Change], subject: Subject, most: int) -> list[Item]:
    """Changes in their order, those of one gateway together, folded when they are many or done."""
    counts = Counter(change.address.gateway for change in changes)
    grouped = sorted(changes, key=lambda change: change.address.gateway)[:most]
    attribute = " open" if len(changes) <= OPEN_UNTIL and not subject.outcomes else ""
    opening = {
        name: f"<details{attribute}><summary><code>{html.escape(view.brief(name))}</code>: "
        f"{plural(count, 'change')}</summary>\n\n"
        for name, count in counts.items()
    }
    return [Item(_change(change, subject.source), opening[change.address.gateway], change) for change in grouped]


def _change(change: Change, source: str) -> str:
    head = f"**{change.action.value}** {code(str(change.address))}{_place(change.position, source)}"
    lines = [line for field in view.fields(change) for line in _field(field, change.action)]
    remarks = [f"# {remark}" for remark in view.remarks(change)]
    return f"{head} {code(change.reason)}\n{_fenced([*lines, *remarks])}\n"


def _field(field: FieldChange, action: Action) -> Iterator[str]:
    (before, after), path, note = view.words(field), view.field_path(field.path), view.note(field)
    aside = f"  # {note}" if note and action is not Action.CREATE else ""
    if field.before is not ABSENT:
        yield f"- {path}: {before}{aside if field.after is ABSENT else ''}"
    if field.after is not ABSENT:
        yield f"+ {path}: {after}{aside}"


def _drift(change: Change, source: str) -> str:
    lines = [f"! {view.field_path(field.path)}: {view.live_words(field)}" for field in view.fields(change)]
    place = _place(change.position, source)
    failing = f" {code(change.reason)}" if change.action is Action.NOOP else ""
    causes = ", ".join(drift_causes(change))
    return f"**{causes}** {code(str(change.address))}{place}{failing}\n{_fenced(lines)}\n"


def _default(change: Change) -> str:
    lines = [f"# {view.field_path(field.path)}: {view.default_words(field)}" for field in view.fields(change)]
    return f"{code(str(change.address))}\n{_fenced(lines)}\n"


def _fenced(lines: Sequence[str]) -> str:
    """Lines that each begin with a sign, so that none of them can be the fence that ends the block."""
    return "".join(["\n```diff\n", *(f"{line}\n" for line in lines), "```\n"]) if lines else ""
