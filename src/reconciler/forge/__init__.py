"""Where code is reviewed and issues are kept: one comment and one issue that stay up to date."""

from __future__ import annotations

from reconciler.forge.approval import approved, stamp
from reconciler.forge.codes import CODES
from reconciler.forge.github import GitHub
from reconciler.forge.issue import TAIL, Finding, Tracked, keep_issue
from reconciler.forge.protocol import Comment, Forge, Issue
from reconciler.forge.sticky import keep_comment

__all__ = [
    "CODES",
    "TAIL",
    "Comment",
    "Finding",
    "Forge",
    "GitHub",
    "Issue",
    "Tracked",
    "approved",
    "keep_comment",
    "keep_issue",
    "stamp",
]
