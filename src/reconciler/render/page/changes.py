"""Changes, drift and findings, each an item that can be filtered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile

from reconciler.model.address import Address
from reconciler.model.change import ABSENT, Action, Change, FieldChange
from reconciler.model.diagnostic import Diagnostic
from reconciler.render import view
from reconciler.render.page.markup import NOTHING, Child, Markup, join, place, tag

OPEN = 30
"""Up to so many changes stand open."""

LONG = 100
"""From so many items on the browser lays out only those that are in sight."""

SHARED = 8
"""Characters that two sides must have in common before only the rest is marked."""

DRIFTED = "drifted"


def ids(changes: Sequence[Change]) -> Mapping[Address, str]:
    """The name within the page of each object's first change."""
    numbered = list(enumerate(changes, 1))
    return {change.address: f"change-{number}" for number, change in reversed(numbered)}


def listing(name: str, title: str, items: Sequence[Markup]) -> Markup:
    """A section whose items are counted; nothing where there are none."""
    if not items:
        return NOTHING
    head = tag("h2", f"{title} ", tag("span", str(len(items)), class_="n"), id=f"h-{name}")
    long = "long" if len(items) > LONG else None
    return tag("section", head, *items, id=name, class_=long, data_list=len(items), aria_labelledby=f"h-{name}")


def address(shown: Address) -> Markup:
    """An address with its name set off."""
    return tag("code", f"{shown.gateway}/{shown.kind}/", tag("b", shown.name), class_="addr")


def change_items(changes: Sequence[Change], source: str) -> list[Markup]:
    """Changes in the order of execution."""
    names = ids(changes)
    shown = "" if len(changes) <= OPEN else None
    return [_change(change, number, names, source, shown) for number, change in enumerate(changes, 1)]


def _change(change: Change, number: int, names: Mapping[Address, str], source: str, shown: str | None) -> Markup:
    word = change.action.value
    head = join(
        (
            tag("span", str(number), class_="no"),
            tag("span", f"{view.SYMBOLS[change.action].strip()} {word}", class_=f"act {word}"),
            address(change.address),
            tag("span", change.reason, class_="why"),
        )
    )
    body = join((_about(change, names, source), _fields(change, source)))
    return item(head, body, change.address, id_=f"change-{number}", open_=shown, action=word)


def item(
    head: Markup,
    body: Markup,
    about: Address | None,
    *,
    id_: str | None = None,
    open_: str | None = None,
    **facets: str,
) -> Markup:
    """A line that opens where there is more to say. `facets` are what it can be filtered by."""
    attributes: dict[str, str | int | None] = {"class_": "item", "id": id_}
    attributes |= {f"data_{key}": value for key, value in facets.items()}
    if about is not None:
        attributes |= {"data_kind": about.kind, "data_gateway": about.gateway}
    if not body.text:
        return tag("div", tag("div", head, class_="head"), **attributes)
    return tag("details", tag("summary", head), tag("div", body, class_="body"), **attributes, open=open_)


def _about(change: Change, names: Mapping[Address, str], source: str) -> Markup:
    said = [tag("li", place(change.position, source))] if change.position else []
    if change.depends_on:
        said.append(tag("li", "after ", *_separated([_link(to, names) for to in change.depends_on])))
    said += [tag("li", remark, class_="remark") for remark in view.remarks(change)]
    return tag("ul", *said, class_="about") if said else NOTHING


def _separated(parts: Sequence[Markup]) -> list[Child]:
    pieces: list[Child] = []
    for part in parts:
        pieces += [", ", part] if pieces else [part]
    return pieces


def _link(to: Address, names: Mapping[Address, str]) -> Markup:
    return tag("a", str(to), href=f"#{names[to]}") if to in names else tag("code", str(to))


def _fields(change: Change, source: str) -> Markup:
    if not change.fields:
        return NOTHING
    if change.action is Action.CREATE:
        rows = [_row(field, source, tag("td", tag("ins", view.words(field)[1]))) for field in view.fields(change)]
        return _table(("Field", "After", ""), rows)
    rows = [_row(field, source, *_both(field, *view.words(field))) for field in view.fields(change)]
    return _table(("Field", "Before", "After", ""), rows)


def _table(heads: Sequence[str], rows: Sequence[Markup]) -> Markup:
    cells = [tag("th", head, scope="col") if head else tag("td", class_="x") for head in heads]
    return tag("table", tag("thead", tag("tr", *cells)), tag("tbody", *rows))


def _row(field: FieldChange, source: str, *cells: Markup) -> Markup:
    note = view.note(field)
    last: list[Child] = [tag("span", note, class_="note"), " "] if note else []
    where = place(field.position, source) if field.position else NOTHING
    path = tag("th", view.field_path(field.path), scope="row")
    return tag("tr", path, *cells, tag("td", *last, where, class_="x"))


def _both(field: FieldChange, before: str, after: str) -> tuple[Markup, Markup]:
    """Both sides, with what differs marked where they have much in common."""
    if field.sensitive or field.before is ABSENT or field.after is ABSENT:
        return tag("td", tag("del", before)), tag("td", tag("ins", after))
    lead, tail = _shared(before, after)
    return tag("td", _marked("del", before, lead, tail)), tag("td", _marked("ins", after, lead, tail))


def _shared(before: str, after: str) -> tuple[int, int]:
    """How many characters are the same at the start and at the end; 0 and 0 where that is too little to help."""
    lead = _alike(before, after)
    room = min(len(before), len(after)) - lead
    tail = min(room, _alike(before[::-1], after[::-1]))
    return (lead, tail) if lead + tail >= SHARED else (0, 0)


def _alike(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _marked(name: str, text: str, lead: int, tail: int) -> Markup:
    end = len(text) - tail
    if not lead and not tail:
        return tag(name, text)
    return tag(name, text[:lead], tag("mark", text[lead:end]) if end > lead else NOTHING, text[end:])


def drift_items(changes: Sequence[Change]) -> list[Markup]:
    """What differs from what was last applied, with causes."""
    return [_drift(change) for change in changes]


def _drift(change: Change) -> Markup:
    head = join(
        (
            tag("span", "! drift", class_="act drift"),
            address(change.address),
            tag("span", view.cause(change), class_="why"),
        )
    )
    rows = [_drifted(field) for field in view.fields(change)]
    body = _table(("Field", "Live", "Last applied"), rows) if rows else NOTHING
    return item(head, body, change.address, open_="", action=DRIFTED)


def default_items(changes: Sequence[Change]) -> list[Markup]:
    """What only the server speaks of."""
    return [_default(change) for change in changes]


def _default(change: Change) -> Markup:
    head = join((tag("span", "server default", class_="act"), address(change.address)))
    rows = [
        tag("tr", tag("th", view.field_path(field.path), scope="row"), tag("td", view.default_words(field)))
        for field in view.fields(change)
    ]
    return item(head, _table(("Field", "Live"), rows), change.address)


def _drifted(field: FieldChange) -> Markup:
    path = tag("th", view.field_path(field.path), scope="row")
    if field.sensitive:
        return tag("tr", path, tag("td", tag("span", "replaced outside", class_="note"), colspan=2))
    return tag("tr", path, *_both(field, *view.words(field)))


def finding_items(found: Sequence[Diagnostic], source: str) -> list[Markup]:
    """Findings in the order of the files."""
    return [_finding(one, source) for one in found]


def _finding(one: Diagnostic, source: str) -> Markup:
    head = join(
        (
            tag("span", one.severity.value, class_=f"act {one.severity.value}"),
            tag("code", one.code, class_="code"),
            tag("b", one.summary, class_="say"),
            place(one.position, "") if one.position else NOTHING,
        )
    )
    where = [place(one.position, source)] if one.position and source else []
    where += [address(one.address)] if one.address else []
    where += [tag("code", view.field_path(one.path))] if one.path else []
    body = join((tag("p", one.detail), tag("p", *_separated(where), class_="dim") if where else NOTHING))
    return item(head, body, one.address, open_="", severity=one.severity.value)
