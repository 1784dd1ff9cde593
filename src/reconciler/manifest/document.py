"""A document with its file, and the way from a path in it to a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.model.diagnostic import Position


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file, as it was read."""

    name: str
    text: str = field(repr=False)


@dataclass(slots=True)
class Document:
    """One document. `data` is plain; `start` and `end` are its place in the file's text, `line` its first (from 0)."""

    file: SourceFile
    data: dict[str, Any]
    start: int
    end: int
    line: int
    kind: str = ""

    def __post_init__(self) -> None:
        """The kind is asked for often: it is looked up once."""
        self.kind = str(self.data.get("kind"))

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.data["metadata"]["name"])

    def position(self, keys: Sequence[str | int]) -> Position:
        """Where the value at `keys` begins; its nearest written parent where there is none."""
        return self._locate(keys, _value)

    def key_position(self, keys: Sequence[str | int]) -> Position:
        """Where the last of `keys` is written as a member's name."""
        return self._locate(keys, _key)

    def within(self, keys: Sequence[str | int], offset: int) -> Position:
        """Where a character of the text at `keys` stands; where the text begins when it is written folded."""
        node = self._node(keys)
        if not isinstance(node, ScalarNode):
            return self.position(keys)
        place = _inside(node, self.file.text[self.start : self.end], offset)
        return Position(self.file.name, self.line + place[0] + 1, place[1] + 1)

    def _node(self, keys: Sequence[str | int]) -> Node | None:
        node = _composed(self.file.text[self.start : self.end])
        for key in keys:
            node = None if node is None else _value(node, key)
        return node

    def _locate(self, keys: Sequence[str | int], last: Any) -> Position:
        node = _composed(self.file.text[self.start : self.end])
        if node is None:
            return Position(self.file.name, self.line + 1, 1)
        parent = node
        for key in keys[:-1]:
            following = _value(parent, key)
            if following is None:
                return self._at(parent)
            parent = following
        found = last(parent, keys[-1]) if keys else None
        return self._at(found or parent)

    def _at(self, node: Node) -> Position:
        mark = node.start_mark
        return Position(self.file.name, self.line + mark.line + 1, mark.column + 1)


@lru_cache(maxsize=64)
def _composed(text: str) -> Node | None:
    """The nodes of one document. Lookups come in bunches for the same few documents, so those are kept."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: Node | None = yaml.compose(text, Loader=loader)
    return found


def _inside(node: ScalarNode, text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 0. Only a text that stands there as it is read has its characters at their places."""
    start, end = node.start_mark, node.end_mark
    before = node.value[:offset]
    row, column = before.count("\n"), offset - before.rfind("\n") - 1
    lines = text.split("\n")
    if node.style == "|":
        number = start.line + 1 + row
        indent = len(lines[number].rstrip("\r")) - len(node.value.split("\n")[row])
        return number, indent + column
    quote = 1 if node.style in {"'", '"'} else 0
    raw = lines[start.line][start.column + quote : end.column - quote]
    if start.line == end.line and node.style != ">" and raw == node.value:
        return start.line, start.column + quote + offset
    return start.line, start.column


def _value(node: Node, key: str | int) -> Node | None:
    if isinstance(node, MappingNode):
        return next((value for name, value in node.value if name.value == str(key)), None)
    if isinstance(node, SequenceNode) and isinstance(key, int) and key < len(node.value):
        found: Node = node.value[key]
        return found
    return None


def _key(node: Node, key: str | int) -> Node | None:
    if isinstance(node, MappingNode):
        return next((name for name, _ in reversed(node.value) if name.value == str(key)), None)
    return _value(node, key)
