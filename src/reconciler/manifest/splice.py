"""Change one value of a YAML text and leave every other byte as it is.

| what is wanted              | what changes                                                   |
|-----------------------------|----------------------------------------------------------------|
| another scalar              | its characters, in the quotes that it had                      |
| another list                | in brackets: all of it; one item a line: the items that differ |
| a member that is not there  | one line more, or one more in the braces                       |
| a member that has to go     | one line less, or one less in the braces                       |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.errors import ReconcilerError
from reconciler.manifest.emit import inline


class CannotSplice(ReconcilerError):
    """The place is written in a way that cannot be changed by itself."""


def with_value(text: str, keys: Sequence[str], value: Any) -> str:
    """The text of one document with `value` at `keys`, which is added where it is not there.

    A key below a list names the item whose `keyId` it is.
    """
    node, rest = _reached(_root(text), keys)
    if not rest:
        return _replaced(text, node, value)
    for key in reversed(rest[1:]):
        value = {key: value}
    return _added(text, node, rest[0], value)


def without(text: str, keys: Sequence[str]) -> str:
    """The text without what stands at `keys`; the same text where nothing does."""
    parent, rest = _reached(_root(text), keys[:-1])
    place = None if rest else _index(parent, keys[-1])
    if place is None:
        return text
    spans = [(item[0].start_mark.index, _end(item[-1], text)) for item in _items(parent)]
    if _is_flow(parent):
        return _cut_flow(text, spans, place)
    return _cut_lines(text, *spans[place], "-" if isinstance(parent, SequenceNode) else "")


def appended(text: str, keys: Sequence[str], item: Mapping[str, Any]) -> str:
    """The text with one more item in the list at `keys`."""
    node, rest = _reached(_root(text), keys)
    if rest or not isinstance(node, SequenceNode):
        raise CannotSplice("there is no list to add to")
    return _with_item(text, node, inline(item))


def _root(text: str) -> Node:
    node: Node | None = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if node is None:
        raise CannotSplice("the document is empty")
    return node


def _reached(node: Node, keys: Sequence[str]) -> tuple[Node, Sequence[str]]:
    """The deepest node on the way, and the keys that lead further than anything is written."""
    for number, key in enumerate(keys):
        place = _index(node, key)
        if place is None:
            return node, keys[number:]
        node = _items(node)[place][-1]
    return node, ()


def _items(node: Node) -> Sequence[tuple[Node, ...]]:
    """Members as (key, value), items as (item,)."""
    if isinstance(node, MappingNode):
        members: Sequence[tuple[Node, ...]] = node.value
        return members
    return [(item,) for item in node.value] if isinstance(node, SequenceNode) else []


def _index(node: Node, key: str) -> int | None:
    for number, (first, *_) in enumerate(_items(node)):
        name = _key_id(first) if isinstance(node, SequenceNode) else first.value
        if name == key:
            return number
    return None


def _key_id(node: Node) -> str | None:
    """By what an item of a list is known: its keyId, or itself where it is a scalar."""
    if isinstance(node, MappingNode):
        return next((str(value.value) for key, value in node.value if key.value == "keyId"), None)
    return str(node.value)


def _is_flow(node: Node) -> bool:
    return bool(getattr(node, "flow_style", False))


def _end(node: Node, text: str) -> int:
    """Where the last character of a node is; pyyaml lets a block reach to whatever follows it."""
    if isinstance(node, ScalarNode) or _is_flow(node) or not node.value:
        end: int = node.end_mark.index
        while getattr(node, "style", None) in {"|", ">"} and end > 0 and text[end - 1] in "\r\n ":
            end -= 1
        return end
    return _end(_items(node)[-1][-1], text)


def _replaced(text: str, node: Node, value: Any) -> str:
    if isinstance(node, SequenceNode) and isinstance(value, list) and not _is_flow(node):
        return _listed(text, node, value)
    begin, end = node.start_mark.index, _end(node, text)
    lead = " " if begin == end and text[begin - 1 : begin] == ":" else ""
    return text[:begin] + lead + _written(node, value) + text[end:]


def _written(node: Node, value: Any) -> str:
    """A value in the quotes that its place had, as far as they can hold it."""
    text, style = inline(value), getattr(node, "style", None)
    if not isinstance(value, str) or style not in {"'", '"'} or not value.isprintable():
        return text
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _listed(text: str, node: SequenceNode, value: list[Any]) -> str:
    """One item a line: those that are gone go, those that are new come last; other lines stay."""
    present = [item.value for item in node.value if isinstance(item, ScalarNode)]
    if len(present) != len(node.value) or not all(isinstance(item, str) for item in value):
        raise CannotSplice("a list of more than plain values")
    new = [item for item in value if item not in present]
    if not set(present) & set(value):
        raise CannotSplice("a list of which nothing is left")
    for item in reversed(new):
        text = _with_item(text, node, inline(item))
    gone = [item for item in node.value if item.value not in value]
    for item in reversed(gone):
        text = _cut_lines(text, item.start_mark.index, item.end_mark.index, "-")
    return text


def _added(text: str, node: Node, key: str, value: Any) -> str:
    if not isinstance(node, MappingNode):
        raise CannotSplice(f"there is no place for {key}")
    return _with_member(text, node, f"{inline(key)}: {inline(value)}")


def _with_member(text: str, node: MappingNode, member: str) -> str:
    if _is_flow(node) or not node.value:
        return _with_flow(text, node, member)
    return _with_line(text, node, node.value[0][0].start_mark.column, member)


def _with_item(text: str, node: SequenceNode, item: str) -> str:
    if _is_flow(node) or not node.value:
        return _with_flow(text, node, item)
    return _with_line(text, node, node.start_mark.column, f"- {item}")


def _with_flow(text: str, node: Node, addition: str) -> str:
    close: int = node.end_mark.index - 1
    if not node.value:
        return text[: node.start_mark.index + 1] + addition + text[close:]
    end = _end(_items(node)[-1][-1], text)
    comma = "" if "," in text[end:close] else ","
    place = end if comma else text.index(",", end) + 1
    return f"{text[:place]}{comma} {addition}{text[place:]}"


def _with_line(text: str, node: Node, indent: int, line: str) -> str:
    end = _line_end(text, _end(node, text))
    newline = "\r\n" if "\r\n" in text else "\n"
    return f"{text[:end]}{newline}{' ' * indent}{line}{text[end:]}"


def _line_end(text: str, place: int) -> int:
    found = text.find("\n", place)
    if found == -1:
        return len(text)
    return found - 1 if text[found - 1] == "\r" and found > place else found


def _cut_flow(text: str, spans: Sequence[tuple[int, int]], place: int) -> str:
    begin, end = spans[place]
    if place:
        begin = spans[place - 1][1]
    elif len(spans) > 1:
        end = spans[1][0]
    return text[:begin] + text[end:]


def _cut_lines(text: str, begin: int, end: int, lead: str) -> str:
    """Without the lines from `begin` to `end`, before which nothing but `lead` stands."""
    start = text.rfind("\n", 0, begin) + 1
    if text[start:begin].strip() != lead:
        raise CannotSplice("the line holds something else as well")
    stop = text.find("\n", end)
    return text[:start].rstrip("\r\n") if stop == -1 and start else text[:start] + text[stop + 1 :]
