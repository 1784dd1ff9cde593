"""Markup that text cannot turn into: what is no Markup is escaped, always."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from reconciler.model.diagnostic import Position
from reconciler.render.view import clean

VOID = frozenset({"input", "path", "rect"})
"""Elements without an end tag, or that SVG may close at once."""


@dataclass(frozen=True, slots=True)
class Markup:
    """Finished markup. Only this module and the page's own template make it from text."""

    text: str


NOTHING = Markup("")

Child = Markup | str
Value = str | int | None


def escaped(text: str) -> str:
    """Text for an element or a quoted attribute; what is invisible or moves text about is spelled out."""
    return html.escape(clean(text))


def tag(name: str, /, *children: Child, **attributes: Value) -> Markup:
    """An element. Attributes of None are left out; ``data_kind`` is written ``data-kind``, ``class_`` ``class``."""
    head = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items() if value is not None)}"
    if name in VOID:
        return Markup(f"{head}/>")
    return Markup(f"{head}>{join(children).text}</{name}>")


def _attribute(key: str, value: str | int | None) -> str:
    return f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"'


def join(children: Iterable[Child]) -> Markup:
    """One after the other, text escaped."""
    return Markup("".join(child.text if isinstance(child, Markup) else escaped(child) for child in children))


def place(position: Position, source: str) -> Markup:
    """A place in a manifest; a link where the report knows of a web address to look at it."""
    words = str(position)
    if not source.startswith(("https://", "http://")):
        return tag("code", words, class_="pos")
    file = quote(position.file, errors="replace")
    link = f"{source.rstrip('/')}/{file}#L{position.line}"
    return tag("a", words, class_="pos", href=link, rel="noopener noreferrer")
