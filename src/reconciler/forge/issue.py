"""One issue per repository and label that says how things stand.

| found        | open ones | closed ones | then                                                            |
|--------------|-----------|-------------|-----------------------------------------------------------------|
| differences  | one       | any         | rewritten in place; a comment only when the substance changed   |
| differences  | several   | any         | as one, with the oldest; the others are closed and say why      |
| differences  | none      | some        | the newest is opened again, with a comment                      |
| differences  | none      | none        | opened                                                          |
| nothing      | some      | any         | closed, with a comment                                          |
| nothing      | none      | any         | nothing                                                         |
| not all seen | any       | any         | nothing: what was not seen is neither there nor gone            |

Differences that were found count as such, also where not all was seen: the text then says so.

Whatever is gone when it is written to counts as not there. Only issues that this credential opened and that begin
with the marker count: never one by its title. The substance stands as a digest in a hidden line at the end.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from reconciler.errors import NotFound, OutcomeUnknown
from reconciler.forge.protocol import Forge, Issue
from reconciler.forge.sticky import alike

_SUBSTANCE = re.compile(r"<!-- reconciler:substance ([0-9a-f]{64}) -->\s*$")


class Finding(Enum):
    """What a look at the gateways found."""

    DIFFERENCES = "differences"
    NOTHING = "nothing"
    NOT_ALL_SEEN = "not all seen"


@dataclass(frozen=True, slots=True)
class Tracked:
    """What the issue is to say. `substance` is a hex SHA-256 of what matters; `headline` is free of users' text."""

    label: str
    title: str
    marker: str
    text: str
    substance: str
    headline: str
    finding: Finding

    @property
    def body(self) -> str:
        """The text with the hidden line at its end."""
        return f"{self.text.rstrip()}\n\n<!-- reconciler:substance {self.substance} -->\n"


TAIL = 100
"""Bytes that the hidden line takes at most."""


async def keep_issue(forge: Forge, tracked: Tracked) -> str:
    """Bring the issue to what was found. Returns what was done. Raises GatewayError."""
    if tracked.finding is Finding.NOT_ALL_SEEN:
        return "left alone"
    issues = await _marked(forge, tracked)
    opened = [issue for issue in issues if issue.open]
    if tracked.finding is Finding.NOTHING:
        return await _closed(forge, opened, tracked)
    closed = [issue for issue in reversed(issues) if not issue.open]
    return (
        await _first(opened, lambda issue: _updated(forge, issue, opened, tracked))
        or await _first(closed, lambda issue: _reopened(forge, issue, tracked))
        or await _opened(forge, tracked)
    )


async def _marked(forge: Forge, tracked: Tracked) -> list[Issue]:
    found = [i for i in await forge.issues(tracked.label) if i.ours and i.body.lstrip().startswith(tracked.marker)]
    return sorted(found, key=lambda issue: issue.number)


async def _first(issues: Sequence[Issue], write: Callable[[Issue], Awaitable[str]]) -> str | None:
    """Write to the first that is still there."""
    for issue in issues:
        try:
            return await write(issue)
        except NotFound:
            continue
    return None


async def _updated(forge: Forge, issue: Issue, opened: Sequence[Issue], tracked: Tracked) -> str:
    done = "unchanged"
    if not alike(issue.body, tracked.body):
        await forge.rewrite_issue(issue.number, tracked.body)
        done = "updated"
    if _substance(issue) != tracked.substance:
        await forge.add_comment(issue.number, tracked.headline)
    for other in opened:
        if other.number > issue.number:
            await _let_go(forge, other, issue)
    return done


async def _let_go(forge: Forge, other: Issue, kept: Issue) -> None:
    try:
        await forge.close_issue(other.number, other.body)
        await forge.add_comment(other.number, f"Closed: #{kept.number} says the same.")
    except NotFound:
        return


async def _reopened(forge: Forge, issue: Issue, tracked: Tracked) -> str:
    await forge.reopen_issue(issue.number, tracked.body)
    await forge.add_comment(issue.number, tracked.headline)
    return "reopened"


async def _opened(forge: Forge, tracked: Tracked) -> str:
    """An issue whose answer was lost is looked for before anybody says that it failed."""
    try:
        await forge.open_issue(tracked.title, tracked.body, tracked.label)
    except OutcomeUnknown:
        if not any(issue.open for issue in await _marked(forge, tracked)):
            raise
    return "opened"


async def _closed(forge: Forge, opened: Sequence[Issue], tracked: Tracked) -> str:
    for issue in opened:
        try:
            await forge.close_issue(issue.number, tracked.body)
            await forge.add_comment(issue.number, tracked.headline)
        except NotFound:
            continue
    return "closed" if opened else "unchanged"


def _substance(issue: Issue) -> str | None:
    found = _SUBSTANCE.search(issue.body)
    return found.group(1) if found else None
