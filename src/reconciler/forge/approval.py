"""What was approved: the digests in the comment on a pull request that was merged.

| the comment on the pull request                | approves                                            |
|------------------------------------------------|-----------------------------------------------------|
| ours, of this fleet, with the hidden line      | the plan as a whole, and each change in it          |
| the same, with too many changes for the line   | the plan as a whole                                 |
| the same, of which not all changes were shown  | each change that was                                |
| anybody else's, another fleet's, or none       | nothing                                             |

A pull request counts once it was merged into the branch that is applied: whoever may merge it approved what its comment
showed. A comment is ours when its author is whom our own credential speaks for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.forge.protocol import Forge

LONGEST_STAMP = 20_000
"""Characters; a comment has to leave room for what people read."""

_STAMP = re.compile(r"<!-- reconciler:approves ((?:(?:sha256:[0-9a-f]{64}|[0-9a-f]{16}) )+)-->\s*$")
_DIGEST = 17


def stamp(plan: str, changes: Sequence[str]) -> str:
    """The hidden line: digest of a plan (``sha256:…``) and of its changes (16 hex digits each).

    Without a digest of the plan it is about changes alone. Those that find no room in it are not approved, but by the
    plan's. Empty where there is nothing to approve.
    """
    whole = [plan, *changes] if plan else [*changes]
    if len(whole) * _DIGEST > LONGEST_STAMP:
        whole = [plan] if plan else whole[: LONGEST_STAMP // _DIGEST]
    return f"<!-- reconciler:approves {' '.join(whole)} -->\n" if whole else ""


async def approved(forge: Forge, commits: Sequence[str], marker: str, base: str) -> tuple[str, ...]:
    """Digests in the comments on the pull requests into `base` that these commits came by. Raises GatewayError."""
    numbers = [number for commit in commits for number in await forge.merged_by(commit, base)]
    found: dict[str, None] = {}
    for number in dict.fromkeys(numbers):
        for comment in await forge.comments(number):
            if comment.ours and comment.body.lstrip().startswith(marker):
                found |= dict.fromkeys(_digests(comment.body))
    return tuple(found)


def _digests(body: str) -> Sequence[str]:
    stamped = _STAMP.search(body)
    return stamped.group(1).split() if stamped else ()
