"""What was approved: the digests in the comment on a pull request that was merged.

| the comment on the pull request                | approves                                            |
|------------------------------------------------|-----------------------------------------------------|
| ours, a plan's, with the hidden line           | the plan as a whole, and each change in it          |
| ours, a plan's, too many changes for the line  | the plan as a whole                                 |
| anybody else's, or none                        | nothing                                             |

A pull request counts once it was merged: whoever may merge it approved what its comment showed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.forge.protocol import Forge

LONGEST_STAMP = 20_000
"""Characters; a comment has to leave room for what people read."""

_STAMP = re.compile(r"<!-- reconciler:approves ((?:sha256:[0-9a-f]{64}|[0-9a-f]{16})(?: [0-9a-f]{16})*) -->\s*$")


def stamp(plan: str, changes: Sequence[str]) -> str:
    """The hidden line: digest of a plan (``sha256:…``) and of its changes (16 hex digits each)."""
    whole = f"<!-- reconciler:approves {' '.join((plan, *changes))} -->\n"
    return whole if len(whole) <= LONGEST_STAMP else f"<!-- reconciler:approves {plan} -->\n"


async def approved(forge: Forge, commits: Sequence[str], marker: str) -> tuple[str, ...]:
    """Digests in the comments on the pull requests that these commits came by. Raises GatewayError."""
    numbers = [number for commit in commits for number in await forge.merged_by(commit)]
    found: dict[str, None] = {}
    for number in dict.fromkeys(numbers):
        for comment in await forge.comments(number):
            if comment.ours and comment.body.lstrip().startswith(marker):
                found |= dict.fromkeys(_digests(comment.body))
    return tuple(found)


def _digests(body: str) -> Sequence[str]:
    stamped = _STAMP.search(body)
    return stamped.group(1).split() if stamped else ()
