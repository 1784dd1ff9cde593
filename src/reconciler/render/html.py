"""Reports as one page that needs nothing else: no network, no other file, no rights.

The page's policy lets no script and no style run but the two that are in it, by their hashes. All data is text that was
escaped here; the script only reads it from the page, so that there is no second way in.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from string import Template

from reconciler.model.change import Change
from reconciler.model.diagnostic import has_errors
from reconciler.render import overview, view
from reconciler.render.page import changes, graph, head, run
from reconciler.render.page.markup import NOTHING, Markup, join, tag
from reconciler.render.subject import Subject

POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'"
)

KEYS = (
    ("/", "search"),
    ("j", "next"),
    ("k", "previous"),
    ("e", "open all"),
    ("c", "close all"),
    ("t", "light or dark"),
)
NAMES = {
    "run": "Run",
    "changes": "Changes",
    "drift": "Drift",
    "defaults": "Server defaults",
    "findings": "Findings",
    "residue": "Left over",
}


def text(subject: Subject) -> str:
    """The report as the text of one HTML file."""
    style, script = _part("page.css"), _part("page.js")
    sections = _sections(subject)
    drawn = graph.section(subject, _shown(subject), changes.ids(_shown(subject)))
    return Template(_part("page.html")).substitute(
        policy=POLICY.format(script=_hash(script), style=_hash(style)),
        title=tag("title", f"{head.title(subject)} · {head.verdict(subject).word} · reconciler").text,
        style=style,
        script=script,
        top=join((_top(subject), _tools(subject, sections, drawn))).text,
        main=join(
            (*(changes.listing(name, NAMES[name], items) for name, items in sections), drawn, head.basis(subject))
        ).text,
        foot=_foot().text,
    )


def _part(name: str) -> str:
    return resources.files("reconciler.render.page").joinpath(name).read_text(encoding="utf-8")


def _hash(part: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()


def _shown(subject: Subject) -> Sequence[Change]:
    """A drift report lists what only waits; all others list what is planned."""
    if subject.plan is None:
        return ()
    return view.pending(subject.plan) if subject.command == "drift" else subject.plan.reviewed


def _sections(subject: Subject) -> list[tuple[str, list[Markup]]]:
    """What was done before what was planned; drift first where it is the question; errors before what they stop."""
    shown = _shown(subject)
    made = {
        "run": run.outcome_items(head.outcomes(subject), changes.ids(shown)),
        "changes": changes.change_items(shown, subject.source),
        "drift": changes.drift_items(subject.plan.drift) if subject.plan else [],
        "defaults": changes.default_items(subject.plan.defaults) if subject.plan else [],
        "findings": changes.finding_items(subject.diagnostics, subject.source),
        "residue": run.residue_items(subject.run.residue) if subject.run else [],
    }
    planned = ["drift", "changes"] if subject.command == "drift" else ["changes", "drift"]
    order = ["findings", *planned] if has_errors(subject.diagnostics) else [*planned, "findings"]
    return [(name, made[name]) for name in ("run", "residue", *order, "defaults") if made[name]]


def _top(subject: Subject) -> Markup:
    verdict = head.verdict(subject)
    created = subject.plan.created_at if subject.plan else ""
    over = tag(
        "div",
        tag("b", "reconciler"),
        tag("span", created),
        tag("button", "Dark", type="button", id="theme", class_="small js", title="Light or dark (t)"),
        class_="over",
    )
    title = tag("h1", head.title(subject), " ", tag("span", verdict.word, class_=f"pill {verdict.tone}"))
    going = overview.removals(subject)
    first = tag("p", going.sentence(), class_="going bad") if going else NOTHING
    return tag("header", over, first, title, tag("p", verdict.sentence, class_="lead"), head.tiles(subject))


def _tools(subject: Subject, sections: Sequence[tuple[str, Sequence[Markup]]], drawn: Markup) -> Markup:
    """Ways to the sections, and the filters."""
    links = [
        tag("a", f"{NAMES[name]} ", tag("span", str(len(items)), class_="n"), href=f"#{name}")
        for name, items in sections
    ]
    links += [tag("a", "Dependencies", href="#graph")] if drawn.text else []
    nav = tag("nav", *links, tag("a", "Basis", href="#basis"), aria_label="Sections")
    return tag("div", tag("div", nav, _form(subject)), class_="tools")


def _form(subject: Subject) -> Markup:
    facets = head.filters(subject)
    if not facets.text:
        return NOTHING
    buttons = [
        tag("button", "Reset", type="button", id="reset", class_="small", hidden=""),
        tag("button", "Open all", type="button", id="unfold", class_="small"),
        tag("button", "Close all", type="button", id="fold", class_="small"),
    ]
    said = tag("p", id="said", role="status")
    return tag("form", facets, *buttons, said, id="filters", class_="js", role="search", aria_label="Filter the report")


def _foot() -> Markup:
    keys = [piece for key, word in KEYS for piece in (tag("kbd", key), f" {word}  ")]
    return tag("footer", tag("p", *keys, tag("kbd", "Esc"), " all filters off", class_="js"))
