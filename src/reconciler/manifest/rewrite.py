"""Live values into the manifests that want something else: where each was written, and nothing besides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.manifest.document import Document
from reconciler.manifest.naming import Unique, variable
from reconciler.manifest.source import CREDENTIALS, placed, split
from reconciler.manifest.splice import CannotSplice, appended, with_value, without
from reconciler.model.change import ABSENT
from reconciler.model.diagnostic import Position
from reconciler.model.resource import Resource


@dataclass(frozen=True, slots=True)
class Wish:
    """That `path` (JSON pointer into the effective resource) be `value`; ABSENT: that it not be there."""

    resource: Resource
    path: str
    value: Any


@dataclass(frozen=True, slots=True)
class Unwritable:
    """A wish that the text leaves no room for, with the reason."""

    wish: Wish
    why: str
    position: Position


@dataclass(frozen=True, slots=True)
class Rewritten:
    """New texts by the name of the file, as positions show it; what could not be done."""

    files: Mapping[str, str]
    unwritable: Sequence[Unwritable] = ()


def rewritten(wishes: Sequence[Wish], variables: frozenset[str]) -> Rewritten:
    """Carry out the wishes. A new credential refers to a variable that is not among `variables`."""
    drafts: dict[tuple[str, int], tuple[Document, str]] = {}
    unwritable = []
    names = Unique(variables, "_")
    for wish in _whole(wishes):
        document, keys = placed(wish.resource.source, wish.path)
        place = (document.file.name, document.start)
        _, text = drafts.get(place, (document, document.file.text[document.start : document.end]))
        try:
            drafts[place] = (document, _carried_out(text, keys, wish, names))
        except CannotSplice as error:
            unwritable.append(Unwritable(wish, str(error), document.position(keys)))
    return Rewritten(dict(_files(drafts)), unwritable)


def _whole(wishes: Sequence[Wish]) -> Iterator[Wish]:
    """One wish for a credential that comes or goes, in place of one for each of its members; others as they are."""
    seen: set[tuple[int, str]] = set()
    for wish in wishes:
        keys = split(wish.path)
        if keys[:2] != CREDENTIALS or len(keys) < 3 or not _comes_or_goes(wish, keys[2]):  # noqa: PLR2004 - a key id
            yield wish
        elif (id(wish.resource), keys[2]) not in seen:
            seen.add((id(wish.resource), keys[2]))
            value = wish.value if wish.value is ABSENT else {"priority": wish.value}
            yield Wish(wish.resource, f"/spec/credentials/{keys[2]}", value)


def _comes_or_goes(wish: Wish, key_id: str) -> bool:
    return wish.value is ABSENT or key_id not in wish.resource.spec.get("credentials", {})


def _carried_out(text: str, keys: Sequence[str], wish: Wish, names: Unique) -> str:
    if wish.value is ABSENT:
        return without(text, keys)
    if split(wish.path)[:2] == CREDENTIALS and isinstance(wish.value, Mapping):
        gateway, _, name = wish.resource.address
        blank = names.take(variable(gateway, name, keys[-1]))
        item = {"keyId": keys[-1], **wish.value, "apiKey": {"env": blank}}
        return appended(text, keys[:-1], item)
    return with_value(text, keys, wish.value)


def _files(drafts: Mapping[tuple[str, int], tuple[Document, str]]) -> Iterator[tuple[str, str]]:
    """Whole texts, made from the last document backwards so that places hold."""
    texts: dict[str, str] = {}
    for (name, start), (document, draft) in sorted(drafts.items(), reverse=True):
        text = texts.get(name, document.file.text)
        texts[name] = text[:start] + draft + text[document.end :]
    for name, text in texts.items():
        yield name, text
