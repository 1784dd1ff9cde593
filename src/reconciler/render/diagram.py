"""Dependencies as a diagram: Mermaid for Markdown pages, DOT for Graphviz. Pure, and safe with any name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from reconciler.model.address import Address
from reconciler.render.view import clean

Edges = Mapping[Address, tuple[Address, ...]]
"""From each resource to those it depends on."""


class Language(StrEnum):
    """What a diagram is written in."""

    MERMAID = "mermaid"
    DOT = "dot"


def text(edges: Edges, language: Language) -> str:
    """The diagram: an arrow leads from a resource to one that it depends on; gateways are frames."""
    lines = _mermaid(edges) if language is Language.MERMAID else _dot(edges)
    return "\n".join(lines) + "\n"


def _nodes(edges: Edges) -> Mapping[Address, str]:
    """Each address with an id that no name can break out of."""
    every = sorted({*edges, *(needed for needs in edges.values() for needed in needs)})
    return {address: f"n{number}" for number, address in enumerate(every)}


def _by_gateway(nodes: Mapping[Address, str]) -> Iterator[tuple[int, str, list[Address]]]:
    for number, gateway in enumerate(sorted({address.gateway for address in nodes})):
        yield number, gateway, [address for address in nodes if address.gateway == gateway]


def _arrows(edges: Edges, nodes: Mapping[Address, str]) -> Iterator[tuple[str, str]]:
    for address, needs in sorted(edges.items()):
        for needed in sorted(needs):
            yield nodes[address], nodes[needed]


def _mermaid(edges: Edges) -> Iterator[str]:
    nodes = _nodes(edges)
    yield "flowchart LR"
    for number, gateway, addresses in _by_gateway(nodes):
        yield f'  subgraph g{number}["{_mermaid_text(gateway)}"]'
        for address in addresses:
            yield f'    {nodes[address]}["{_mermaid_text(f"{address.kind}/{address.name}")}"]'
        yield "  end"
    for start, end in _arrows(edges, nodes):
        yield f"  {start} --> {end}"


def _mermaid_text(text: str) -> str:
    """Mermaid takes numeric entities for anything: what is not plain becomes one."""
    plain = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./ ")
    return "".join(c if c in plain else f"#{ord(c)};" for c in clean(text))


def _dot(edges: Edges) -> Iterator[str]:
    nodes = _nodes(edges)
    yield "digraph reconciler {"
    yield "  rankdir=LR; node [shape=box];"
    for number, gateway, addresses in _by_gateway(nodes):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={_dot_text(gateway)};"
        for address in addresses:
            yield f"    {nodes[address]} [label={_dot_text(f'{address.kind}/{address.name}')}];"
        yield "  }"
    for start, end in _arrows(edges, nodes):
        yield f"  {start} -> {end};"
    yield "}"


def _dot_text(text: str) -> str:
    escaped = clean(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
