"""What a model's answer must be before it goes to a bot: safe, whole, and of the right shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.inference.answer import Answer
from reconciler.inference.client import Reply
from reconciler.inference.safety import Screen, Verdict
from reconciler.model.channels import SCHEMAS
from reconciler.model.inference import Channel
from reconciler.model.spoken import text_at
from reconciler.router.reasons import Reason

if TYPE_CHECKING:
    from reconciler.router.table import Bound

_FINISHED: Mapping[str, Reason] = {
    "length": Reason.ANSWER_CUT,
    "max_tokens": Reason.ANSWER_CUT,
    "content_filter": Reason.ANSWER_FILTERED,
}
"""Finish reasons of an answer that is not to be said."""

_ORDER = (Verdict.CLEAN, Verdict.REPORTED, Verdict.REDACTED, Verdict.BLOCKED)
PLAIN_DIGITS = 7
"""A number with fewer digits is nobody's telephone or card."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer, judged. `value` is a text, or the document of a structured answer; `reason` says why there is none.

    `problems` may be put to the model again, together with `text`: both are free of what safety found.
    """

    value: Any = field(default=None, repr=False)
    reason: Reason | None = None
    problems: tuple[str, ...] = ()
    text: str = field(default="", repr=False)
    verdict: Verdict = Verdict.CLEAN
    found: Mapping[str, int] = field(default_factory=dict)


def judged(bound: Bound, reply: Reply) -> Judged:
    """First how it ended, then its shape, then every text in it: a label in the middle would spoil JSON."""
    text = clean(reply.text).strip()
    if reply.finish_reason in _FINISHED:
        return Judged(reason=_FINISHED[reply.finish_reason])
    if not text:
        return Judged(reason=Reason.ANSWER_EMPTY)
    if bound.contract is None:
        return _screened(text, bound.screen)
    answer = bound.contract.read(text)
    if answer.satisfies and bound.decides:
        answer = _decision(answer.value)
    if answer.satisfies and bound.speak is not None and text_at(answer.value, bound.speak) is None:
        answer = Answer(None, (f"{bound.speak}: nothing to say",))
    if not answer.satisfies:
        shown = _screened(text, bound.screen)
        return Judged(None, Reason.ANSWER_INVALID, answer.problems, shown.value or "", shown.verdict, shown.found)
    return _screened(answer.value, bound.screen)


def decides(schema: Mapping[str, Any], channel: Channel) -> bool:
    """Whether answers to this schema are the decisions of the channel's contract: it has all members, or says none."""
    wanted = SCHEMAS.get(channel)
    return wanted is not None and set(wanted["required"]) <= set(schema.get("properties") or wanted["properties"])


def clean(text: str) -> str:
    """Without half characters, which no body could carry."""
    return text.encode("utf-8", "replace").decode()


def _decision(value: Any) -> Answer:
    """Only the members of the contract go on, whatever the schema of the manifest allows besides."""
    from pydantic import ValidationError  # noqa: PLC0415 - where there is a decision

    from reconciler.router.events import Decision  # noqa: PLC0415 - the same

    try:
        return Answer(Decision.model_validate(value).model_dump())
    except ValidationError as error:
        names = sorted({str(found["loc"][0]) if found["loc"] else "" for found in error.errors()})
        return Answer(None, tuple(f"/{name}: not what a routing decision needs" for name in names))


def _screened(value: Any, screen: Screen | None) -> Judged:
    if screen is None:
        return Judged(value)
    walk = _Walk(screen)
    safe = walk.through(value)
    if walk.verdict is Verdict.BLOCKED:
        return Judged(reason=Reason.BLOCKED_OUTPUT, verdict=walk.verdict, found=walk.found)
    return Judged(safe, verdict=walk.verdict, found=walk.found)


class _Walk:
    """Through every text of a document, also through names and long numbers."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.verdict = Verdict.CLEAN
        self.found: dict[str, int] = {}

    def through(self, value: Any) -> Any:
        match value:
            case str():
                return self._text(value)
            case bool():
                return value
            case int() | float():
                return self._number(value)
            case list():
                return [self.through(item) for item in value]
            case dict():
                return {self._text(name): self.through(item) for name, item in value.items()}
            case _:
                return value

    def _number(self, value: float) -> Any:
        written = str(value)
        if sum(map(str.isdigit, written)) < PLAIN_DIGITS:
            return value
        safe = self._text(written)
        return value if safe == written else safe

    def _text(self, text: str) -> str:
        screened = self._screen.output(clean(text))
        self.verdict = max(self.verdict, screened.verdict, key=_ORDER.index)
        for kind, count in screened.found.items():
            self.found[kind] = self.found.get(kind, 0) + count
        return screened.text
