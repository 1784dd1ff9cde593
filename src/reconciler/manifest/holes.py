"""Which holes a template has, and where; a template is parsed here and never rendered.

| engine  | a hole                                | written out            |
|---------|---------------------------------------|------------------------|
| jinja2  | a name in ``{{ … }}`` or ``{% … %}``  | ``{{ "{{" }}``         |
| braces  | ``{{name}}``, spaces allowed          | cannot be              |
| dollar  | ``$name``, ``${name}``                | ``$$``                 |

Of Jinja2 there is what `model.templates` lists: conditions, tests and filters whose time and result are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from reconciler.model.inference import Engine
from reconciler.model.templates import FILTERS, NODES, TESTS

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

_BRACES = re.compile(r"\{\{(?:[ \t]{0,8}(?P<name>[A-Za-z_]\w{0,63})[ \t]{0,8}\}\})?", re.ASCII)
_DOLLAR = re.compile(r"\$(?:(?P<name>[A-Za-z_]\w{0,63})|\{(?:(?P<braced>[A-Za-z_]\w{0,63})\})?|(?P<out>\$))", re.ASCII)
_CALLED = {"Getattr": "attributes", "Getitem": "members", "For": "loops", "Call": "calls", "Assign": "assignments"}
_WORDS = {"FromImport": "from", "Assign": "set", "CallBlock": "call", "FilterBlock": "filter"}
"""By what a node that is not listed is written, where that is not its name."""

_TAG = re.compile(r"\{\{.{0,1000}?\}\}|\{%.{0,1000}?%\}", re.DOTALL)
"""Bounded, so that many that are never closed cost no more than many that are."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A name, and where in the text it stands first (from 0)."""

    name: str
    offset: int


class TemplateFault(ValueError):
    """Why a template's engine cannot read it, and at which offset."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def holes(engine: Engine, text: str) -> tuple[Hole, ...]:
    """Each hole once, in the order of the text. Raises TemplateFault."""
    found: dict[str, Hole] = {}
    for hole in _READERS[engine](text):
        found.setdefault(hole.name, hole)
    return tuple(sorted(found.values(), key=lambda hole: hole.offset))


def _braces(text: str) -> Iterator[Hole]:
    for match in _BRACES.finditer(text):
        if match["name"] is None:
            raise TemplateFault("`{{` opens a hole, and no name with `}}` follows", match.start())
        yield Hole(match["name"], match.start("name"))


def _dollar(text: str) -> Iterator[Hole]:
    for match in _DOLLAR.finditer(text):
        if match["out"] is not None:
            continue
        group = "name" if match["name"] is not None else "braced"
        if match[group] is None:
            raise TemplateFault("`${` opens a hole, and no name with `}` follows", match.start())
        yield Hole(match[group], match.start(group))


def _jinja2(text: str) -> Iterator[Hole]:
    """Deep nesting ends Python's stack in the parser or in any walk over what it made."""
    from jinja2 import TemplateSyntaxError  # noqa: PLC0415 - only where there are such templates

    try:
        names = _names(text)
    except TemplateSyntaxError as error:
        raise TemplateFault((error.message or "a mistake").rstrip("."), _line(text, error.lineno)) from error
    except RecursionError:
        raise TemplateFault("it is nested too deep", 0) from None
    for name, line in names.items():
        yield Hole(name, _word(text, line, name))


def _names(text: str) -> Mapping[str, int]:
    """Names with the first line that each stands in."""
    from jinja2 import nodes  # noqa: PLC0415 - only where there are such templates

    try:
        tree = _sandbox().parse(text)
    except ValueError as error:  # a number of more digits than Python reads
        raise TemplateFault("it has a number that is too long", 0) from error
    for node in tree.find_all(nodes.Node):
        _require_listed(text, node)
    found: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        found[name.name] = min(name.lineno, found.get(name.name, name.lineno))
    return found


def _require_listed(text: str, node: nodes.Node) -> None:
    from jinja2 import nodes  # noqa: PLC0415 - only where there are such templates

    kind = type(node).__name__
    if kind not in NODES:
        word = getattr(node, "attr", _WORDS.get(kind, kind.lower()))
        raise TemplateFault(f"a prompt cannot hold {_CALLED.get(kind, kind.lower())}", _word(text, node.lineno, word))
    if isinstance(node, nodes.Filter) and (node.name not in FILTERS or _quotes_again(node)):
        raise TemplateFault(f"a prompt cannot use the filter {node.name} here", _word(text, node.lineno, node.name))
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        raise TemplateFault(f"a prompt cannot use the test {node.name}", _word(text, node.lineno, node.name))
    if isinstance(node, nodes.Name) and node.name == "self":
        raise TemplateFault("a prompt cannot reach for itself", _word(text, node.lineno, "self"))


def _quotes_again(node: nodes.Filter) -> bool:
    """`tojson` of `tojson` doubles its text each time."""
    from jinja2 import nodes  # noqa: PLC0415 - only where there are such templates

    return node.name == "tojson" and any(inner.name == "tojson" for inner in node.find_all(nodes.Filter))


@cache
def _sandbox() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined  # noqa: PLC0415 - only where there are such templates
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415 - the same

    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, optimized=False, cache_size=0
    )
    made.globals.clear()
    return made


def _starts(text: str) -> list[int]:
    """Where each line begins; Jinja2 ends lines as the newlines do."""
    return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]


def _line(text: str, number: int) -> int:
    """Where the first word of a line (from 1) stands."""
    starts = _starts(text)
    start = starts[min(max(number, 1), len(starts)) - 1]
    return start + len(text[start:]) - len(text[start:].lstrip(" \t"))


@lru_cache(maxsize=8)
def _tags(text: str) -> Sequence[tuple[int, int]]:
    return [tag.span() for tag in _TAG.finditer(text)]


def _word(text: str, number: int, word: str) -> int:
    """Jinja2 knows lines only: the column is that of the first such word within a tag, from that line on."""
    start = _line(text, number)
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    tags = [(max(begin, start), end) for begin, end in _tags(text) if end > start]
    found = (pattern.search(text, begin, end) for begin, end in tags)
    first = tags[0][0] if tags else start
    return next((match.start() for match in found if match is not None), first)


_READERS = {Engine.JINJA2: _jinja2, Engine.BRACES: _braces, Engine.DOLLAR: _dollar}
