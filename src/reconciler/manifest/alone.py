"""What a document says of itself that cannot be: found when it is read, without the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.manifest.document import Document
from reconciler.manifest.holes import Hole, TemplateFault, holes
from reconciler.manifest.problems import diagnostic, did_you_mean
from reconciler.model.channels import CHANNELS
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.inference import ROUTER_PATHS, Channel, Engine
from reconciler.schemas import schema_fault

_MEMBER = re.compile(r"\{([^{}]*)\}")
_STRAY = re.compile(r"[{}]")


def alone(document: Document) -> Iterator[Diagnostic]:
    """Everything that is wrong with one valid document of these kinds, nothing for other kinds."""
    check = _CHECKS.get(document.kind)
    if check is not None:
        yield from check(document)


def _template(document: Document) -> Iterator[Diagnostic]:
    spec = document.data["spec"]
    declared = spec.get("variables", {})
    used: set[str] = set()
    broken = False
    for part in ("system", "user"):
        try:
            found = holes(Engine(spec["engine"]), spec.get(part, ""))
        except TemplateFault as fault:
            broken = True
            place = document.within(("spec", part), fault.offset)
            yield diagnostic("LLM001", f"{spec['engine']} cannot read this: {fault}.", place)
            continue
        used |= {hole.name for hole in found}
        if part == "system":
            yield from (_in_system(document, hole) for hole in found)
        else:
            yield from (_undeclared(document, hole, declared) for hole in found if hole.name not in declared)
    if not broken:
        yield from (_unused(document, name) for name in declared if name not in used)
    yield from _long_defaults(document, declared)


def _in_system(document: Document, hole: Hole) -> Diagnostic:
    detail = f"the system message is constant: move {hole.name!r} into user, or a customer's words could become rules."
    return diagnostic("LLM004", detail, document.within(("spec", "system"), hole.offset))


def _undeclared(document: Document, hole: Hole, declared: Mapping[str, Any]) -> Diagnostic:
    hint = did_you_mean(hole.name, declared) or f" Add {hole.name} to variables, or take it out."
    detail = f"{hole.name!r} is not declared in variables.{hint}"
    return diagnostic("LLM002", detail, document.within(("spec", "user"), hole.offset))


def _unused(document: Document, name: str) -> Diagnostic:
    detail = f"neither message has a hole {name!r}; take the variable out, or use it."
    return diagnostic("LLM003", detail, document.key_position(("spec", "variables", name)), Severity.WARNING)


def _long_defaults(document: Document, declared: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for name, variable in declared.items():
        default, longest = (
            variable.get("default") or "",
            variable.get("maxLength") or len(variable.get("default") or ""),
        )
        if len(default) > longest:
            detail = f"the default of {name} has {len(default)} characters, and maxLength is {longest}; change one."
            yield diagnostic("LLM006", detail, document.position(("spec", "variables", name, "default")))


def _policy(document: Document) -> Iterator[Diagnostic]:
    fault = schema_fault(document.data["spec"].get("rule", {}))
    if fault is not None:
        keys, message = fault
        where = ".".join(map(str, ("rule", *keys)))
        detail = f"{where} cannot be a rule: {message}. Mend it: nothing would be held to it."
        yield diagnostic("KIND008", detail, document.position(("spec", "rule", *keys)))


def _schema(document: Document) -> Iterator[Diagnostic]:
    fault = schema_fault(document.data["spec"]["schema"])
    if fault is not None:
        keys, message = fault
        where = ".".join(map(str, ("schema", *keys)))
        detail = f"{where} cannot be used: {message}. Mend it: a model would be held to nothing."
        yield diagnostic("LLM007", detail, document.position(("spec", "schema", *keys)))


def _probe(document: Document) -> Iterator[Diagnostic]:
    """First token ≤ answer ≤ deadline, and one answer's cost ≤ a run's, as far as they are given."""
    spec = document.data["spec"]
    expect = spec.get("expect", {})
    cost, budget = expect.get("maxCostUsd"), spec.get("budget")
    if cost is not None and budget is not None and cost > budget:
        detail = f"one answer may cost {cost} and the whole run {budget}; raise this one or lower maxCostUsd."
        yield diagnostic("LLM011", detail, document.position(("spec", "budget")))
    first, whole = expect.get("maxTimeToFirstTokenMs"), expect.get("maxLatencyMs")
    deadline = spec.get("deadlineMs", 15_000)
    if first is not None and whole is not None and first > whole:
        detail = f"the first token may take {first} ms and the whole answer {whole} ms; lower this one."
        yield diagnostic("LLM011", detail, document.position(("spec", "expect", "maxTimeToFirstTokenMs")))
    for name, value in (("maxLatencyMs", whole), ("maxTimeToFirstTokenMs", first)):
        if value is not None and value > deadline:
            detail = f"the probe gives up after {deadline} ms (deadlineMs), before {name} is over; lower this one."
            yield diagnostic("LLM015", detail, document.position(("spec", "expect", name)))
            return


def _route(document: Document) -> Iterator[Diagnostic]:
    spec = document.data["spec"]
    defaults = CHANNELS[Channel(spec["channel"])]
    if spec.get("signature") is None:
        detail = "anybody could call this route; add signature with a secret that its caller signs with."
        yield diagnostic("LLM013", detail, document.position(("spec",)))
    path = spec.get("path") or defaults.path
    if path in ROUTER_PATHS:
        detail = f"the router itself answers at {', '.join(ROUTER_PATHS)}; choose another path."
        yield diagnostic("LLM014", detail, document.position(("spec", "path")))
    if "threshold" in spec and not defaults.confident:
        detail = f"events of {spec['channel']} have no confidence that a threshold could be held against; take it out."
        yield diagnostic("LLM020", detail, document.key_position(("spec", "threshold")))
    if spec.get("history") is not None:
        yield from _history(document, spec["history"])


def _history(document: Document, history: Mapping[str, Any]) -> Iterator[Diagnostic]:
    spec = document.data["spec"]
    defaults = CHANNELS[Channel(spec["channel"])]
    deadline, reading = spec.get("deadlineMs") or defaults.deadline_ms, history.get("timeoutMs", 2_000)
    if reading >= deadline:
        detail = (
            f"reading the history may take {reading} ms and the whole turn {deadline} ms; leave time for an answer."
        )
        keys = ("spec", "deadlineMs") if spec.get("deadlineMs") else ("spec", "history", "timeoutMs")
        yield diagnostic("LLM015", detail, document.position(keys))
    path = history.get("path") or defaults.history
    for match in _MEMBER.finditer(path):
        if match[1] not in defaults.members:
            detail = f"an event of {spec['channel']} has no {match[1]!r}." + (
                did_you_mean(match[1], defaults.members) or f" It has {', '.join(sorted(defaults.members))}."
            )
            yield diagnostic("LLM018", detail, document.within(("spec", "history", "path"), match.start(1)))
    stray = _STRAY.search(_MEMBER.sub(lambda match: "-" * len(match[0]), path))
    if stray is not None:
        detail = "braces come in pairs, around a member of the event, such as {sessionId}."
        yield diagnostic("LLM018", detail, document.within(("spec", "history", "path"), stray.start()))


_CHECKS = {"Policy": _policy, "PromptTemplate": _template, "ResponseSchema": _schema, "Probe": _probe, "Route": _route}
