"""What this room needs of a forge, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment. `ours` says that whom this credential speaks for wrote it: only that is ever taken for a report."""

    id: int
    body: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue; never a pull request. `ours` as with comments."""

    number: int
    body: str
    open: bool
    ours: bool


class Forge(Protocol):
    """One repository. All methods raise GatewayError; NotFound where the thing itself is gone."""

    async def issues(self, label: str) -> Sequence[Issue]:
        """All issues with this label, open and closed, the oldest first."""

    async def open_issue(self, title: str, body: str, label: str) -> int:
        """Open an issue and return its number. The label is made where there is none."""

    async def rewrite_issue(self, number: int, body: str) -> None:
        """Replace the text."""

    async def reopen_issue(self, number: int, body: str) -> None:
        """Open it again, with this text."""

    async def close_issue(self, number: int, body: str) -> None:
        """Close it, with this text."""

    async def comments(self, number: int) -> Sequence[Comment]:
        """All comments on an issue or pull request, the oldest first."""

    async def add_comment(self, number: int, body: str) -> None:
        """Write a comment."""

    async def rewrite_comment(self, comment: int, body: str) -> None:
        """Replace the text of a comment."""

    async def merged_by(self, commit: str, base: str) -> Sequence[int]:
        """Numbers of the pull requests merged into the branch `base` that brought a commit."""

    async def remove_comment(self, comment: int) -> None:
        """Remove a comment; one that is gone already counts as removed."""
