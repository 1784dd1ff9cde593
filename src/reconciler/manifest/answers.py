"""How answers are asked for and what of them is said, from the documents of probes and routes.

| asked for                              | with a schema             | without                                       |
|----------------------------------------|---------------------------|-----------------------------------------------|
| `mode: json_schema` or `prompt`        | fine                      | LLM022: there is nothing to ask for           |
| `mode: json_object`, of a probe        | fine                      | fine                                          |
| `mode: json_object`, of a route        | fine                      | LLM022: a route says a text                   |
| `speak`                                | LLM021 where it is no text| LLM021                                        |

A channel that has a schema of its own is never without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.manifest.document import Document
from reconciler.manifest.lookup import Lookup
from reconciler.manifest.problems import diagnostic
from reconciler.model import spoken
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inference import AnswerMode, Response

Written = Mapping[str, Any]


def probe_response(document: Document, lookup: Lookup) -> Response:
    """How a probe asks: with the schema that it expects, where it names no other."""
    written, found = _referred(document, lookup)
    expected = (document.data["spec"].get("expect") or {}).get("schema")
    if found is None and "schema" not in written and expected is None and _needs_schema(written):
        lookup.diagnostics.append(_pointless(document, written, "add a schema, or `expect.schema`"))
    return _response(written, written.get("schema") or expected)


def route_response(document: Document, lookup: Lookup, usual: Written | None) -> Response:
    """How a route asks, and what of its answers is said. `usual` is the schema of its channel."""
    written, found = _referred(document, lookup)
    schema = found.data["spec"]["schema"] if found is not None else None if "schema" in written else usual
    if schema is None and "schema" not in written and "mode" in written:
        lookup.diagnostics.append(_pointless(document, written, "name a schema, and what is said of it by `speak`"))
    if schema is not None or "schema" not in written:
        lookup.diagnostics += _unspoken(document, written, schema)
    return _response(written, written.get("schema"))


def _referred(document: Document, lookup: Lookup) -> tuple[Written, Document | None]:
    """What is written, a name alone being short for a schema, and the schema's document."""
    given = document.data["spec"].get("response")
    if isinstance(given, str):
        return {"schema": given}, lookup.named(document, ("spec", "response"), "ResponseSchema")
    return given or {}, lookup.named(document, ("spec", "response", "schema"), "ResponseSchema")


def _response(written: Written, schema: str | None) -> Response:
    mode = written.get("mode")
    return Response(
        schema, None if mode is None else AnswerMode(mode), written.get("speak"), written.get("stream", True)
    )


def _needs_schema(written: Written) -> bool:
    return written.get("mode") in {AnswerMode.JSON_SCHEMA, AnswerMode.PROMPT}


def _pointless(document: Document, written: Written, advice: str) -> Diagnostic:
    detail = f"`{written['mode']}` asks for JSON, and no schema says which; {advice}."
    return diagnostic("LLM022", detail, document.position(("spec", "response", "mode")))


def _unspoken(document: Document, written: Written, schema: Written | None) -> Iterator[Diagnostic]:
    pointer = written.get("speak")
    if pointer is None:
        return
    position = document.position(("spec", "response", "speak"))
    if schema is None:
        detail = "without a schema an answer is a text, and has no members; name the schema, or take `speak` out."
        yield diagnostic("LLM021", detail, position)
    elif (why := spoken.fault(schema, pointer)) is not None:
        name = written.get("schema") or "of the channel"
        yield diagnostic("LLM021", f"{pointer!r} is no text of the schema {name!r}: {why}.", position)
