"""One comment on a pull request that is written anew in its place.

| ours with the marker | then                                                    |
|----------------------|---------------------------------------------------------|
| none                 | written                                                 |
| one, the same text   | nothing                                                 |
| one                  | rewritten; written anew where it was deleted meanwhile  |
| several              | the oldest is rewritten, the others are removed         |
"""

from __future__ import annotations

from reconciler.errors import NotFound, OutcomeUnknown
from reconciler.forge.protocol import Comment, Forge


async def keep_comment(forge: Forge, number: int, marker: str, body: str) -> str:
    """Have exactly one comment of ours that begins with `marker`, and `body` in it. Returns what was done.

    Raises GatewayError.
    """
    for comment in (mine := await _marked(forge, number, marker)):
        if alike(comment.body, body):
            done = "unchanged"
        elif await _rewritten(forge, comment, body):
            done = "updated"
        else:
            continue
        for other in mine:
            if other.id > comment.id:
                await forge.remove_comment(other.id)
        return done
    return await _written(forge, number, marker, body)


async def _marked(forge: Forge, number: int, marker: str) -> list[Comment]:
    found = [c for c in await forge.comments(number) if c.ours and c.body.lstrip().startswith(marker)]
    return sorted(found, key=lambda comment: comment.id)


async def _rewritten(forge: Forge, comment: Comment, body: str) -> bool:
    try:
        await forge.rewrite_comment(comment.id, body)
    except NotFound:
        return False
    return True


async def _written(forge: Forge, number: int, marker: str, body: str) -> str:
    """A comment whose answer was lost is looked for before anybody says that it failed."""
    try:
        await forge.add_comment(number, body)
    except OutcomeUnknown:
        if not await _marked(forge, number, marker):
            raise
    return "created"


def alike(one: str, other: str) -> bool:
    """Whether two texts are the same but for line ends, which a forge may change."""
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()
