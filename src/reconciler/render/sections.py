"""A text of sections that has to fit a limit: what is left out is left out by whole entries, and counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from reconciler.render.overview import plural

CLOSE = "</details>\n\n"


class Item(NamedTuple):
    """An entry; `group` opens the fold that it lies in together with its neighbours of the same group.

    `about` is what it is an entry for, where somebody wants to know whether it was left out.
    """

    text: str
    group: str = ""
    about: object = None


class Fitted(NamedTuple):
    """A text, and the entries that found room in it."""

    text: str
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Section:
    """Entries below one title. `total` counts them all, also those that nobody wrote; `command` shows them all."""

    title: str
    noun: str
    items: Sequence[Item]
    total: int
    command: str

    @property
    def head(self) -> str:
        """The title with its count."""
        return f"\n#### {self.title} ({self.total})\n\n"

    def missing(self, count: int) -> str:
        """The line that says what is left out; empty for none."""
        said = f"{count} of {plural(self.total, self.noun)} left out here"
        return f"\n*{said}: `reconciler {self.command}` shows all.*\n" if count else ""

    @property
    def shell(self) -> int:
        """Bytes of the section without any entry."""
        return size(self.head) + size(self.missing(self.total))


def size(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text.encode())


def fitted(head: Sequence[str], sections: Sequence[Section], foot: Sequence[str], limit: int) -> Fitted:
    """The text in at most `limit` bytes. Each section gets its share of the room, and what others leave of theirs."""
    full = [section for section in sections if section.total]
    room = limit - size("".join([*head, *foot])) - sum(section.shell for section in full)
    if room < 0:
        return Fitted(_first_lines([*head, "\n*All else is left out here: there is no room.*\n"], limit), ())
    chosen = list(_chosen(full, room))
    bodies = [_body(section, items) for section, items in zip(full, chosen, strict=True)]
    return Fitted("".join([*head, *bodies, *foot]), [item for items in chosen for item in items])


def _first_lines(lines: Sequence[str], limit: int) -> str:
    kept = ""
    for line in lines:
        if size(kept + line) > limit:
            break
        kept += line
    return kept


def _chosen(sections: Sequence[Section], room: int) -> Iterator[Sequence[Item]]:
    share = room // max(1, len(sections))
    used = [_cost(_fit(section.items, share)) for section in sections]
    spare = room - sum(used)
    for section, taken in zip(sections, used, strict=True):
        chosen = _fit(section.items, taken + spare)
        spare -= _cost(chosen) - taken
        yield chosen


def _fit(items: Sequence[Item], room: int) -> Sequence[Item]:
    """Entries that fit, in their order: one that is too long does not keep out those after it."""
    kept: list[Item] = []
    group = ""
    for item in items:
        cost = size(item.text) + _fold(item, group)
        if cost <= room:
            kept.append(item)
            room, group = room - cost, item.group
    return kept


def _cost(items: Sequence[Item]) -> int:
    before = ["", *(item.group for item in items)]
    return sum(size(item.text) + _fold(item, group) for item, group in zip(items, before, strict=False))


def _fold(item: Item, before: str) -> int:
    """Bytes that opening and closing a fold takes, if the entry begins one."""
    return size(item.group) + size(CLOSE) if item.group and item.group != before else 0


def _body(section: Section, chosen: Sequence[Item]) -> str:
    parts = [section.head]
    for group, items in groupby(chosen, key=lambda item: item.group):
        parts += [group, *(item.text for item in items), CLOSE if group else ""]
    return "".join([*parts, section.missing(section.total - len(chosen))])
