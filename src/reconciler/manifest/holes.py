"""Which holes a template has, and where; a template is parsed here and never rendered.

| engine  | a hole                     | written out                   |
|---------|----------------------------|-------------------------------|
| jinja2  | a name that nothing sets   | ``{% raw %}{{ x }}{% endraw %}`` |
| braces  | ``{{name}}``, spaces allowed | cannot be                   |
| dollar  | ``$name``, ``${name}``     | ``$$``                        |
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from string import Template
from typing import TYPE_CHECKING

from reconciler.model.inference import Engine

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

_BRACES = re.compile(r"\{\{(?:[ \t]*(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\})?")


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
    for match in Template.pattern.finditer(text):
        if match["invalid"] is not None:
            raise TemplateFault("`$` opens a hole, and no name follows; a dollar sign is `$$`", match.start())
        group = "named" if match["named"] is not None else "braced"
        if match[group] is not None:
            yield Hole(match[group], match.start(group))


def _jinja2(text: str) -> Iterator[Hole]:
    from jinja2 import TemplateSyntaxError, meta, nodes  # noqa: PLC0415 - only where there are such templates

    try:
        tree = _sandbox().parse(text)
        names = meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        raise TemplateFault(error.message or "it cannot be parsed", _line(text, error.lineno)) from error
    _refuse_reaching_out(text, tree)
    for node in tree.find_all(nodes.Name):
        if node.ctx == "load" and node.name in names:
            yield Hole(node.name, _word(text, node.lineno, node.name))


def _refuse_reaching_out(text: str, tree: nodes.Template) -> None:
    """No other template is loaded, and nothing inside of Python's objects is asked for."""
    from jinja2 import nodes  # noqa: PLC0415 - only where there are such templates

    for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        raise TemplateFault("a template cannot load another one", _line(text, node.lineno))
    for attribute in tree.find_all(nodes.Getattr):
        if attribute.attr.startswith("_"):
            raise TemplateFault(
                f"the sandbox refuses the attribute {attribute.attr!r}", _word(text, attribute.lineno, attribute.attr)
            )


@cache
def _sandbox() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined  # noqa: PLC0415 - only where there are such templates
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415 - the same

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def _line(text: str, number: int) -> int:
    """Where the first word of a line (from 1) stands."""
    lines = text.splitlines(keepends=True)
    if number > len(lines):
        return 0
    line = lines[number - 1]
    return sum(map(len, lines[: number - 1])) + len(line) - len(line.lstrip())


def _word(text: str, number: int, word: str) -> int:
    """Jinja2 knows lines only; the column is where the word stands behind the first opening mark."""
    start = len("".join(text.splitlines(keepends=True)[: number - 1]))
    for block in re.finditer(r"\{[{%].*?[}%]\}", text[start:] or "", re.DOTALL):
        inner = re.compile(rf"(?<![\w.'\"]){re.escape(word)}\b|(?<=\.){re.escape(word)}\b")
        match = inner.search(text, start + block.start(), start + block.end())
        if match is not None:
            return match.start()
    return start


_READERS = {Engine.JINJA2: _jinja2, Engine.BRACES: _braces, Engine.DOLLAR: _dollar}
