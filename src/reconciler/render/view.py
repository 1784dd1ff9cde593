"""The one place that decides what is shown, whatever the format: order, counts, words, masks, escaping."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any
from urllib.parse import quote

from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin
from reconciler.model.plan import Plan, Summary
from reconciler.model.resource import Guard
from reconciler.model.run import Check, Outcome, Verdict
from reconciler.planning.cause import drift_causes, unapplied

SYMBOLS: Mapping[Action, str] = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "-/+",
    Action.DELETE: "-",
    Action.ADOPT: "=",
    Action.MOVE: ">",
    Action.FORGET: "x",
    Action.NOOP: " ",
}

LONGEST_VALUE = 200
LONGEST_TEXT = 600
LEAD = 60
"""Characters shown before the first difference of two values that are alike for longer than is shown."""

INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode categories that move a cursor, colour a terminal, turn the direction of reading, or show nothing."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, default=dict)
_LABEL = re.compile(r"\(sensitive( #\d+)?\)")
_MASKED = "(sensitive)"
_NOTHING = "(nothing)"


def clean(text: str) -> str:
    """Text that is what it looks like: control characters, ANSI sequences and bidi marks are spelled out."""
    if text.isprintable():
        return text
    return "".join(_escaped(c) if invisible(c) else c for c in text)


def invisible(character: str) -> bool:
    """Whether a character shows nothing or is none at all, such as U+FFFE, which XML does not even allow."""
    number = ord(character)
    none_at_all = number & 0xFFFE == 0xFFFE or 0xFDD0 <= number <= 0xFDEF  # noqa: PLR2004 - Unicode's noncharacters
    return none_at_all or unicodedata.category(character) in INVISIBLE


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def inert(line: str) -> str:
    """A line that is no command to a CI system, which takes lines that begin with ``::`` or ``##[`` for one."""
    return f"\\{line}" if line.lstrip().startswith(("::", "##[")) else line


def sides(field: FieldChange) -> tuple[Any, Any]:
    """Before and after, as they may leave the process: of a sensitive field only a label, whatever it holds."""
    if not field.sensitive:
        return field.before, field.after
    return _label(field.before), _label(field.after)


def _label(side: Any) -> Any:
    if side is ABSENT or (isinstance(side, str) and _LABEL.fullmatch(side)):
        return side
    return _MASKED


def words(field: FieldChange) -> tuple[str, str]:
    """Before and after on one line each; a label stands without quotes, which text can never imitate."""
    before, after = sides(field)
    if field.sensitive:
        return _label_words(before), _label_words(after)
    return _abreast(_whole(before), _whole(after))


def _label_words(side: Any) -> str:
    return _NOTHING if side is ABSENT else str(side)


def _abreast(before: str, after: str) -> tuple[str, str]:
    """Both sides cut at the same places, so that where they first differ is always in sight."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    if before == after or same < LONGEST_VALUE - LEAD:
        return _cut(before), _cut(after)
    return _cut("…" + before[same - LEAD :]), _cut("…" + after[same - LEAD :])


def value(shown: Any) -> str:
    """A value on one line, cut when it is long; words where there is none."""
    return _cut(_whole(shown))


def _whole(shown: Any) -> str:
    return _NOTHING if shown is ABSENT else clean(_ENCODER.encode(shown))


def is_cut(change: Change) -> bool:
    """Whether a value of a change is so long that a report shows only a part of it."""
    values = (_whole(side) for field in change.fields if not field.sensitive for side in (field.before, field.after))
    named = (str(change.address), *(field_path(field.path) for field in change.fields))
    return any(len(one) > LONGEST_VALUE for one in values) or any(len(one) > LONGEST_TEXT for one in named)


def brief(text: str) -> str:
    """A clean text, cut when it is long: for formats in which one text must not crowd out all others."""
    return _cut(clean(text), LONGEST_TEXT)


def _cut(text: str, longest: int = LONGEST_VALUE) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def fields(change: Change) -> Sequence[FieldChange]:
    """The fields of a change in the order of their paths, so that a key's parts stand together."""
    return sorted(change.fields, key=lambda field: field.path)


def field_path(path: str) -> str:
    """A path as people read it: without the ``/spec`` that all have in common."""
    parts = path.removeprefix("/spec/").split("/")
    return clean(".".join(part.replace("~1", "/").replace("~0", "~") for part in parts))


_NOTES: Mapping[Origin, str] = {
    Origin.CONFIG: "",
    Origin.DRIFT: "changed outside",
    Origin.BOTH: "changed here and outside",
    Origin.RELEASE: "no longer managed",
    Origin.TAKEOVER: "existed before",
    Origin.SECRET: "secret",
    Origin.UNCOMPARED: "could not be compared, so it is sent again",
    Origin.SERVER: "given by the server",
}


def note(field: FieldChange) -> str:
    """Why a field is in the plan, where that is not plain."""
    return _NOTES[field.origin]


def remarks(change: Change) -> Sequence[str]:
    """What whoever approves a write should know beside its fields: where it was, a weak guard, a way back."""
    moved = [] if change.moved_from is None else [f"moved from {clean(str(change.moved_from))}"]
    if not change.action.writes:
        return moved if change.action is not Action.MOVE else ()
    found = moved
    if change.guard.strength <= Guard.COMPARE.strength and change.action is not Action.CREATE:
        found.append(f"guard: {_GUARDS[change.guard]}")
    if change.reversible.why:
        found.append(f"undo: {change.reversible.level.value}, {clean(change.reversible.why)}")
    return found


_GUARDS: Mapping[Guard, str] = {
    Guard.COMPARE: "compare (read again and compared right before the write)",
    Guard.NONE: "none (a change made meanwhile would be overwritten)",
}


def footer(summary: Summary) -> str:
    """The last line of a plan."""
    if not any((summary.create, summary.update, summary.delete, *(count for _, count in _rarer(summary)))):
        return "No changes."
    extra = [f"{count} to {word}" for word, count in _rarer(summary) if count]
    usual = f"{summary.create} to create, {summary.update} to update, {summary.delete} to delete"
    return f"Plan: {', '.join([usual, *extra])}."


def _rarer(summary: Summary) -> Sequence[tuple[str, int]]:
    return (
        ("replace", summary.replace),
        ("adopt", summary.adopt),
        ("move", summary.move),
        ("forget", summary.forget),
    )


def asides(plan: Plan) -> str:
    """What is collapsed: unchanged, unmanaged and drifted objects, in one line; empty when there are none."""
    counts = (
        ("unchanged", plan.summary.unchanged),
        ("unmanaged", plan.summary.unmanaged),
        ("drifted", plan.summary.drifted),
    )
    return ", ".join(f"{count} {word}" for word, count in counts if count)


def pending(plan: Plan) -> tuple[Change, ...]:
    """Changes that wait for an apply: what is in the manifests, also where the object has drifted besides."""
    return unapplied(plan)


def cause(change: Change) -> str:
    """Why a drifted object differs; of one that fails its checks, with what they say."""
    words = ", ".join(drift_causes(change))
    return f"{words}: {clean(change.reason)}" if change.action is Action.NOOP and not change.fields else words


def default_words(field: FieldChange) -> str:
    """What only the server says."""
    return words(field)[0]


def live_words(field: FieldChange) -> str:
    """What is live in a drifted field, against what was applied."""
    live, applied = words(field)
    return "replaced outside" if field.sensitive else f"{live} (applied: {applied})"


def uri(path: str) -> str:
    """A path as a relative reference: nothing in it can leave its segment or start a query."""
    return quote(path.encode("utf-8", "backslashreplace"), safe="/")


def status_words(outcome: Outcome) -> str:
    """How an outcome ended, in words."""
    return outcome.status.value.replace("_", " ") + ("" if outcome.healthy else " (not healthy)")


def check_words(check: Check) -> str:
    """A check on one line: verdict, measure, limit, message."""
    limit = "" if check.limit is None else f", limit {value(check.limit)}"
    measured = "" if check.value is None else f" {value(check.value)}{limit}"
    told = " (told only)" if check.advisory else ""
    return f"{clean(check.name)}: {check.verdict.value}{measured} {clean(check.message)}".rstrip() + told


def trouble(outcome: Outcome) -> str:
    """Why an outcome is none that was wanted: its error, and the checks that did not pass."""
    decisive = (check for check in outcome.checks if not check.advisory)
    failed = [check_words(check) for check in decisive if check.verdict is not Verdict.READY]
    return "; ".join([*([clean(outcome.error)] if outcome.error else []), *failed])
