"""A layered drawing of a graph: dependencies to the left, what needs them to the right.

Each connected part is drawn by itself (ranks by the longest way, empty places where an edge passes a rank, order
by the mean of the neighbours), and the parts are then put on shelves. Units are cells: columns and rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypeAlias

from reconciler.model.address import Address

Edges: TypeAlias = Mapping[Address, Sequence[Address]]
Stop: TypeAlias = Address | tuple[Address, Address, int]
"""A node, or the place where an edge passes a rank: from, to, rank."""

Ranks: TypeAlias = dict[Address, int]

SWEEPS = 6
PASSING = 0.35
"""Rows that an edge takes up where it passes a rank."""

TALLEST = 30
"""Rows of a column; what has more of them gets columns side by side."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Column and row of each node, the way of each edge as places to pass, and the size of it all in cells."""

    spots: Mapping[Address, tuple[float, float]]
    ways: Sequence[tuple[Address, Address, tuple[tuple[float, float], ...]]]
    columns: float
    rows: float


def layout(nodes: Iterable[Address], edges: Edges, width: int) -> Layout:
    """Lay out `nodes` in about `width` columns. `edges` lead to dependencies; those to other nodes are left out."""
    shown = sorted(set(nodes))
    inside = set(shown)
    needs = {node: sorted({to for to in edges.get(node, ()) if to in inside and to != node}) for node in shown}
    parts = [_part(part, needs) for part in _parts(shown, needs)]
    return _shelved(sorted(parts, key=lambda part: (-part.rows, -part.columns)), width)


def _parts(nodes: Sequence[Address], needs: Edges) -> list[list[Address]]:
    """Connected parts, each in the order of addresses."""
    beside: dict[Address, set[Address]] = {node: set(needs[node]) for node in nodes}
    for node in nodes:
        for to in needs[node]:
            beside[to].add(node)
    found: list[list[Address]] = []
    seen: set[Address] = set()
    for node in nodes:
        if node not in seen:
            found.append(sorted(_reached(node, beside)))
            seen.update(found[-1])
    return found


def _reached(start: Address, beside: Mapping[Address, set[Address]]) -> set[Address]:
    reached, front = {start}, [start]
    while front:
        new = beside[front.pop()] - reached
        reached |= new
        front.extend(new)
    return reached


def _ranks(nodes: Sequence[Address], needs: Edges) -> Ranks:
    """The longest way to each node from one that needs nothing. An edge that closes a circle counts for nothing."""
    ranks: Ranks = {}
    for start in nodes:
        open_: dict[Address, None] = {}
        stack = [start]
        while stack:
            node = stack[-1]
            waiting = [to for to in needs[node] if to not in ranks and to not in open_ and to != node]
            open_[node] = None
            if waiting and node not in ranks:
                stack.append(waiting[0])
                continue
            ranks.setdefault(node, max((ranks[to] + 1 for to in needs[node] if to in ranks), default=0))
            open_.pop(node)
            stack.pop()
    return ranks


def _part(nodes: Sequence[Address], needs: Edges) -> Layout:
    ranks = _ranks(nodes, needs)
    ways = {(node, to): _stops(node, to, ranks) for node in nodes for to in needs[node]}
    columns: list[list[Stop]] = [[] for _ in range(max(ranks.values()) + 1)]
    for node in nodes:
        columns[ranks[node]].append(node)
    for stop in [stop for stops in ways.values() for stop in stops]:
        if not isinstance(stop, Address):
            columns[stop[2]].append(stop)
    return _placed(_untangled(columns, list(ways.values())), ways)


def _stops(node: Address, to: Address, ranks: Ranks) -> list[Stop]:
    """From the dependency to what needs it, with each rank that lies between."""
    return [to, *((node, to, rank) for rank in range(ranks[to] + 1, ranks[node])), node]


def _untangled(columns: list[list[Stop]], ways: Sequence[Sequence[Stop]]) -> list[list[Stop]]:
    """Fewer crossings: each column in the order of the mean of its neighbours, to and fro."""
    left: dict[Stop, list[Stop]] = {}
    right: dict[Stop, list[Stop]] = {}
    for stops in ways:
        for one, other in pairwise(stops):
            right.setdefault(one, []).append(other)
            left.setdefault(other, []).append(one)
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        order = columns if forth else columns[::-1]
        for fixed, moved in pairwise(order):
            _by_mean(moved, fixed, left if forth else right)
    return columns


def _by_mean(moved: list[Stop], fixed: Sequence[Stop], beside: Mapping[Stop, Sequence[Stop]]) -> None:
    at = {stop: index for index, stop in enumerate(fixed)}
    means = {}
    for index, stop in enumerate(moved):
        rows = [at[other] for other in beside.get(stop, ()) if other in at]
        means[stop] = sum(rows) / len(rows) if rows else index
    moved.sort(key=means.__getitem__)


def _placed(columns: Sequence[Sequence[Stop]], ways: Mapping[tuple[Address, Address], Sequence[Stop]]) -> Layout:
    """Columns side by side, each stop near the mean of what it is joined to on the left, or just below another."""
    left: dict[Stop, list[Stop]] = {}
    for stops in ways.values():
        for one, other in pairwise(stops):
            left.setdefault(other, []).append(one)
    spots: dict[Stop, tuple[float, float]] = {}
    chunks = [chunk for column in columns for chunk in _chunks(column)]
    split = len(chunks) > len(columns)
    for x, chunk in enumerate(chunks):
        rows = (
            _stacked(chunk)
            if split
            else _rows(chunk, [[spots[one][1] for one in left.get(stop, ()) if one in spots] for stop in chunk])
        )
        spots |= {stop: (x, row) for stop, row in zip(chunk, rows, strict=True)}
    top = min(row for _, row in spots.values())
    spots = {stop: (x, row - top) for stop, (x, row) in spots.items()}
    drawn = [(node, to, tuple(spots[stop] for stop in stops)) for (node, to), stops in ways.items()]
    nodes = {stop: spot for stop, spot in spots.items() if isinstance(stop, Address)}
    return Layout(nodes, drawn, len(chunks), max(row for _, row in spots.values()) + 1)


def _chunks(column: Sequence[Stop]) -> list[list[Stop]]:
    """A column, or several where it would be too tall."""
    made: list[list[Stop]] = [[]]
    height = 0.0
    for stop in column:
        height += _height(stop)
        if height > TALLEST:
            made.append([])
            height = _height(stop)
        made[-1].append(stop)
    return made


def _stacked(chunk: Sequence[Stop]) -> list[float]:
    """Rows one below the other, in the middle of the height."""
    ends = list(accumulate(map(_height, chunk)))
    return [end - _height(stop) - ends[-1] / 2 for stop, end in zip(chunk, ends, strict=True)]


def _height(stop: Stop) -> float:
    return 1.0 if isinstance(stop, Address) else PASSING


def _rows(chunk: Sequence[Stop], joined: Sequence[Sequence[float]]) -> list[float]:
    """Rows from top to bottom without overlap; the column as a whole is then moved to where it wants to be."""
    rows: list[float] = []
    pulls: list[float] = []
    free = float("-inf")
    for stop, others in zip(chunk, joined, strict=True):
        wish = sum(others) / len(others) if others else (free if rows else 0.0)
        rows.append(max(wish, free))
        free = rows[-1] + _height(stop)
        pulls += [wish - rows[-1]] if others else []
    shift = sum(pulls) / len(pulls) if pulls else 0.0
    return [row + shift for row in rows]


def _shelved(parts: Sequence[Layout], width: int) -> Layout:
    """Parts beside each other as far as they fit, then on the next shelf."""
    widest = max([float(width), *(part.columns for part in parts)])
    x = y = depth = far = 0.0
    spots: dict[Address, tuple[float, float]] = {}
    ways: list[tuple[Address, Address, tuple[tuple[float, float], ...]]] = []
    for part in parts:
        if x + part.columns > widest:
            x, y, depth = 0.0, y + depth, 0.0
        spots |= {node: (x + column, y + row) for node, (column, row) in part.spots.items()}
        ways += [(n, to, tuple((x + column, y + row) for column, row in way)) for n, to, way in part.ways]
        x, depth = x + part.columns, max(depth, part.rows)
        far = max(far, x)
    return Layout(spots, ways, far, y + depth)
