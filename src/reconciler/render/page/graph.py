"""The dependency graph as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.address import Address
from reconciler.model.change import Action, Change
from reconciler.render.page.layers import PASSING, Edges, Layout, layout
from reconciler.render.page.markup import NOTHING, Markup, join, tag
from reconciler.render.subject import Subject
from reconciler.render.view import SYMBOLS, clean

FEW = 60
"""Up to so many objects are all drawn; of more only what changes and what stands beside it."""

MOST = 600
"""Nodes that are drawn at most: a larger picture says less than the list."""

ROOMY = (196, 38, 236, 52)
DENSE = (196, 24, 236, 32)
"""Width and height of a box, and of its cell, in pixels. Dense ones leave the second line out."""

MARGIN = 12
COLUMNS = 5
LONGEST = 25


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn, and how many changed objects are not."""

    nodes: Sequence[Address]
    edges: Edges
    left_out: int


def section(subject: Subject, changes: Sequence[Change], ids: Mapping[Address, str]) -> Markup:
    """The graph with its legend; nothing where nothing depends on anything. `ids` are links to the changes."""
    drawn = chosen(subject, changes)
    if not any(to in set(drawn.nodes) for node in drawn.nodes for to in drawn.edges.get(node, ())):
        return NOTHING
    actions = {change.address: change.action for change in changes}
    picture = _svg(layout(drawn.nodes, drawn.edges, COLUMNS), actions, ids)
    left_out = f" {drawn.left_out} changed objects are left out of the picture." if drawn.left_out else ""
    said = "What stands to the left is applied before what needs it, to the right; deletes go the other way." + left_out
    head = tag("h2", "Dependencies ", tag("span", str(len(drawn.nodes)), class_="n"), id="h-graph")
    fit = tag("button", "Fit to width", type="button", id="fit", class_="small js", aria_pressed="false")
    legend = tag("div", _legend(drawn.nodes, actions), fit, class_="legend")
    box = tag("div", picture, class_="canvas", tabindex=0, role="region", aria_label="Dependency graph, scrollable")
    return tag("section", tag("div", head, legend, class_="bar"), tag("p", said, class_="dim"), box, id="graph")


def chosen(subject: Subject, changes: Sequence[Change]) -> Drawn:
    """What to draw: everything while that is little, otherwise what changes and its neighbours."""
    edges: dict[Address, Sequence[Address]] = {change.address: change.depends_on for change in changes}
    edges |= subject.edges
    changed = list(dict.fromkeys(change.address for change in changes))
    every = set(changed) | set(edges) | {to for targets in edges.values() for to in targets}
    if len(every) <= FEW:
        return Drawn(sorted(every), edges, 0)
    beside = _neighbours(edges)
    picked: dict[Address, None] = {}
    for address in changed:
        near = beside.get(address)
        if near and len(picked) + len(near) < MOST:
            picked |= dict.fromkeys([address, *sorted(near)])
    return Drawn(list(picked), edges, sum(address not in picked for address in changed))


def _neighbours(edges: Edges) -> Mapping[Address, set[Address]]:
    beside: dict[Address, set[Address]] = {}
    for node, targets in edges.items():
        for to in targets:
            beside.setdefault(node, set()).add(to)
            beside.setdefault(to, set()).add(node)
    return beside


def _svg(made: Layout, actions: Mapping[Address, Action], ids: Mapping[Address, str]) -> Markup:
    size = ROOMY if len(made.spots) <= FEW else DENSE
    numbers = {address: number for number, address in enumerate(made.spots)}
    width, height = int(made.columns * size[2]) + MARGIN, int(made.rows * size[3]) + MARGIN
    ways = [_way(way, size, f"n{numbers[node]} n{numbers[to]}") for node, to, way in made.ways]
    boxes = [
        _linked(_node(address, spot, size, actions.get(address), numbers[address]), ids.get(address))
        for address, spot in made.spots.items()
    ]
    return tag(
        "svg",
        tag("g", *ways, class_="ways"),
        *boxes,
        role="group",
        aria_label="Dependency graph",
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
    )


def _linked(box: Markup, target: str | None) -> Markup:
    return box if target is None else tag("a", box, href=f"#{target}")


def _way(way: Sequence[tuple[float, float]], size: tuple[int, int, int, int], ends: str) -> Markup:
    """A curve from the right side of the dependency to the left side of what needs it, through the gaps between."""
    box, tall, column, row = size
    between = (PASSING * row - (row - tall)) / 2
    points = [
        (MARGIN + x * column, MARGIN + y * row + (between if 0 < stop < len(way) - 1 else tall / 2))
        for stop, (x, y) in enumerate(way)
    ]
    (x, y), *others = points
    said = [f"M{x + box:g} {y:g}"]
    for number, (to, down) in enumerate(others, 1):
        bend = (column - box) * 0.6
        said.append(f"C{x + box + bend:g} {y:g} {to - bend:g} {down:g} {to:g} {down:g}")
        if number < len(others):
            said.append(f"H{to + box:g}")
        x, y = to, down
    return tag("path", d="".join(said), data_ends=ends)


def _node(
    address: Address, spot: tuple[float, float], size: tuple[int, int, int, int], action: Action | None, number: int
) -> Markup:
    box, tall, column, row = size
    x, y = MARGIN + spot[0] * column, MARGIN + spot[1] * row
    word = "unchanged" if action is None else action.value
    sign = SYMBOLS[action].strip() if action else ""
    name = tag("text", _short(f"{sign} {address.name}".strip()), x=f"{x + 12:g}", y=f"{y + 16:g}")
    under = tag("text", _short(f"{address.kind} · {address.gateway}"), class_="sub", x=f"{x + 12:g}", y=f"{y + 30:g}")
    return tag(
        "g",
        tag("title", f"{address} ({word})"),
        tag("rect", x=f"{x:g}", y=f"{y:g}", width=box, height=tall, rx=6),
        tag("rect", class_="edge", x=f"{x:g}", y=f"{y:g}", width=4, height=tall, rx=2),
        name,
        NOTHING if size is DENSE else under,
        class_=f"node {word}",
        data_node=f"n{number}",
        data_action=action.value if action else None,
        data_kind=address.kind,
        data_gateway=address.gateway,
    )


def _short(text: str) -> str:
    """Cut in the middle: names of a fleet differ at their ends."""
    shown = clean(text)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 10]}…{shown[-9:]}"


def _legend(drawn: Sequence[Address], actions: Mapping[Address, Action]) -> Markup:
    """Signs and colours of the actions that are drawn."""
    found = {actions[address] for address in drawn if address in actions}
    signs = [(action.value, SYMBOLS[action].strip()) for action in Action if action in found]
    return join(tag("span", f"{sign} {word}", class_=f"act {word}") for word, sign in signs)
