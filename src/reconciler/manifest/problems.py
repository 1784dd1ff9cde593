"""What pydantic finds, in words that say what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from reconciler.manifest.codes import SUMMARIES
from reconciler.manifest.document import Document
from reconciler.manifest.parse import brief
from reconciler.model.conceal import without_keys
from reconciler.model.diagnostic import Diagnostic, Position, Severity

if TYPE_CHECKING:
    from reconciler import kinds

_SECRET_FIELDS = frozenset({"apiKey", "clientId", "clientSecret", "secret", "bearer", "value", "apikey", "secrets"})
KEY = "[key]"
"""Pydantic's mark for a member's name that is wrong, rather than its value."""


def diagnostic(code: str, detail: str, position: Position, severity: Severity = Severity.ERROR) -> Diagnostic:
    """A finding of this room. A key that somebody typed in the wrong place is hidden in it."""
    return Diagnostic(severity, code, SUMMARIES[code], without_keys(detail), position)


def left_out(count: int, position: Position | None) -> Diagnostic:
    """That there is more: whoever made so many mistakes made one of them many times."""
    return Diagnostic(
        Severity.ERROR,
        "FILE006",
        SUMMARIES["FILE006"],
        f"{count} more findings are not shown; mend the others first, and the rest of them.",
        position,
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion, with a space before it; empty when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def described(document: Document, problem: kinds.Problem) -> Diagnostic:
    """One problem of a document, at its line."""
    path = brief(".".join(map(str, problem.keys)).removesuffix(f".{KEY}"))
    in_clear = _in_clear(problem)
    if in_clear is not None:
        return diagnostic("KIND006", f"{path} {in_clear}", document.position(problem.keys))
    match problem.type:
        case "extra_forbidden":
            word = str(problem.keys[-1])
            known = [name for name in dict.fromkeys(problem.names) if name != word]  # another alternative may have it
            detail = f"{path} is not a field of {document.kind}." + (
                did_you_mean(word, known) or f" Known here: {', '.join(known) or 'nothing'}."
            )
            return diagnostic("KIND003", detail, document.key_position(problem.keys))
        case "missing":
            detail = f"{path} is needed; add it."
            return diagnostic("KIND004", detail, document.position(problem.keys[:-1]))
        case "literal_error" if problem.keys == ("apiVersion",):
            detail = "write `apiVersion: reconciler/v1`."
            return diagnostic("KIND007", detail, document.position(problem.keys))
        case "unknown_detector":
            return diagnostic("LLM008", problem.message, document.position(problem.keys))
        case _:
            return diagnostic("KIND005", f"{path}: {_plain(problem.message)}.", _wrong(document, problem.keys))


def _in_clear(problem: kinds.Problem) -> str | None:
    """What to do about a secret that stands where its place belongs; None where there is none."""
    match problem.type:
        case "model_type" | "list_type" if _SECRET_FIELDS.intersection(problem.keys[-2:]):
            return "takes a reference: {env: NAME}, {file: path} or {command: [...]}; never the secret."
        case "a_key_in_clear":
            return "says where a secret is, and the secret itself stands here. Take it out, and rotate it."
        case "string_pattern_mismatch" if problem.keys[-1:] == ("env",):
            return "must be the name of an environment variable; never the secret."
        case _:
            return None


def _wrong(document: Document, keys: Sequence[str | int]) -> Position:
    """A wrong value, or a wrong member's name."""
    return document.key_position(keys[:-1]) if keys and keys[-1] == KEY else document.position(keys)


_FORMS = {
    "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$": "must be lower-case letters, digits and inner dashes, at most 63",
    "^(/[^/]+)+$": "must be a JSON pointer such as /spec/model",
    "^[A-Za-z_][A-Za-z0-9_]*$": "must be the name of an environment variable",
    "^[A-Za-z_][A-Za-z0-9_]{0,63}$": "must be letters, digits and underscores, beginning with none of the digits",
    "^[A-Z]{2}$": "must be a country's two capital letters (ISO 3166), such as US",
    "^[A-Z]{3}$": "must be a currency's three capital letters (ISO 4217), such as USD",
    "^\\S{1,256}$": "must be a model's id, without spaces",
    "^(/[A-Za-z0-9_~": "must be a path such as /webhook/cxone, without query, fragment or dots in front",
    "^(/|/[^": "must be a path with one slash in front, or an http(s) URL without credentials, query or fragment",
    "^(https?://": "must be `embedded:` or an http(s) URL without credentials, query or fragment",
    "^(https://": "must be an https URL without credentials; http is for loopback only",
}


def _plain(message: str) -> str:
    """Pydantic's words, turned towards whoever wrote the file."""
    for start, words in _FORMS.items():
        if f"pattern '{start}" in message:
            return words
    text = message.removeprefix("Value error, ").replace("Input should be", "must be")
    text = text.replace("a valid dictionary or instance of ", "a mapping: ").replace("String should", "must")
    text = text.replace("a valid dictionary", "a mapping").replace("a valid list", "a list")
    text = text.replace("List should", "must").replace("Dictionary should", "must")
    return text.replace("a valid string", "text").replace("a valid integer", "a whole number").rstrip(".")


def foreign(document: Document) -> Diagnostic | None:
    """What keeps a document from being one of ours at all; None when its kind is known."""
    from reconciler import kinds  # noqa: PLC0415 - the models, only for what is new

    kind = document.data.get("kind")
    if not isinstance(kind, str):
        detail = "a document needs `kind`; known are " + ", ".join(kinds.names()) + "."
        return diagnostic("KIND001", detail, document.position(("kind",)))
    if kinds.model_of(kind) is None:
        suggestion = did_you_mean(kind, kinds.names()) or f" Known are {', '.join(kinds.names())}."
        return diagnostic("KIND002", f"there is no kind {brief(kind)!r}.{suggestion}", document.position(("kind",)))
    return None
