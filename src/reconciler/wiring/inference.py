"""Questions to models: one client for each gateway that probes need, in the dialect that its platform speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from reconciler import platforms
from reconciler.errors import InferenceError, PromptError
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.inference import AnswerMode, InferenceDeclarations, Probe, Route
from reconciler.model.ports import AuditLog, Checker, Clock, Progress
from reconciler.model.resource import Gateway, Source

if TYPE_CHECKING:
    from reconciler.inference.client import InferenceClient
    from reconciler.inference.inquiry import Inquiry
    from reconciler.transport import Client

USUAL_DIALECT = "openai"
"""What a gateway is taken to speak whose platform says nothing."""


class Probing(Enum):
    """Which probes a run puts."""

    NONE = "none"
    GATES = "gates"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Probes:
    """Which probes, and what they may spend together, in each currency of their prices; None is no bound."""

    which: Probing = Probing.NONE
    budget: Decimal | None = None


NO_PROBES = Probes()


@dataclass(frozen=True, slots=True)
class AskingPorts:
    """What asking needs of a run. `links` are the gateways' own clients."""

    links: Mapping[str, Client]
    clock: Clock
    progress: Progress
    audit: AuditLog


def open_inference(gateway: Gateway, link: Client, clock: Clock, progress: Progress) -> InferenceClient:
    """A client for a gateway's models over the connections of `link`, with its credential where that stays there."""
    from reconciler.inference.client import InferenceClient  # noqa: PLC0415 - a library that few commands need
    from reconciler.inference.dialects import DIALECTS  # noqa: PLC0415 - the same

    asking = link.anonymous() if platforms.of_gateway(gateway).capabilities.hands_on else link
    return InferenceClient(asking, DIALECTS[dialect_of(gateway)], clock, progress)


def dialect_of(gateway: Gateway) -> str:
    """The dialect that its platform speaks over the transport that its manifest names."""
    spoken = platforms.of_gateway(gateway).capabilities.dialect_over(gateway.transport)
    return spoken or USUAL_DIALECT


def checkers(probes: Probes, desired: Desired, ports: AskingPorts) -> tuple[Checker, ...]:
    """The checkers of a run: none where no probe is to be put. Their declarations have been found fit."""
    declared = desired.inference.probes.values()
    if probes.which is Probing.NONE or not declared:
        return ()
    from reconciler.inference.checker import Line, ProbeChecker, Scope  # noqa: PLC0415 - see open_inference
    from reconciler.inference.inquiry import Desk  # noqa: PLC0415 - the same
    from reconciler.inference.purse import Purse  # noqa: PLC0415 - the same

    needed = {address.gateway for probe in declared for address in probe.endpoints}
    lines = {
        name: Line(
            open_inference(gateway, ports.links[name], ports.clock, ports.progress),
            asyncio.Semaphore(max(1, gateway.limits.concurrency // 2)),  # the other places are for writes
            platforms.of_gateway(gateway).capabilities.called,
        )
        for name, gateway in desired.gateways.items()
        if name in needed
    }
    inquiries = tuple(_inquiry(probe, desired.inference) for probe in declared)
    desk = Desk(Purse(probes.budget), ports.audit, ports.clock)
    scope = Scope.ALL if probes.which is Probing.ALL else Scope.GATES
    return (ProbeChecker(inquiries, lines, desk, scope),)


def _inquiry(probe: Probe, declared: InferenceDeclarations) -> Inquiry:
    from reconciler.inference.answer import AnswerContract  # noqa: PLC0415 - see open_inference
    from reconciler.inference.inquiry import Inquiry  # noqa: PLC0415 - the same
    from reconciler.inference.safety import Screen  # noqa: PLC0415 - the same

    expect = probe.expect
    schema = None if expect.schema is None else declared.schemas[expect.schema]
    asked = None if probe.response.schema is None else declared.schemas[probe.response.schema]
    return Inquiry(
        probe,
        declared.prompts[probe.prompt],
        None if schema is None else AnswerContract(schema),
        None if asked is None else asked.schema,
        None if expect.safety is None else Screen(declared.safety[expect.safety]),
        None if probe.pricing is None else declared.pricing[probe.pricing],
    )


def history_findings(desired: Desired, known: Mapping[str, platforms.OpenablePlatform]) -> Iterator[Diagnostic]:
    """Routes that would read the history at a gateway that keeps none."""
    for route in desired.inference.routes.values():
        name = route.history_gateway
        if name is None or name not in known or known[name].capabilities.history:
            continue
        having = sorted(one for one, platform in known.items() if platform.capabilities.history)
        hint = f"name one that does: {', '.join(having)}" if having else "declare the Gateway that does, and name it"
        detail = (
            f"route {route.name!r} would read earlier turns at {name!r}, and platform "
            f"{desired.gateways[name].platform} keeps no conversations; {hint} (`history.gateway`)."
        )
        path = "/spec/history/gateway" if route.history and route.history.gateway else "/spec/history"
        yield Diagnostic(
            Severity.ERROR, "WIRING009", "a history where there is none", detail, route.source.position(path), path=path
        )


def unaskable(desired: Desired) -> Iterator[Diagnostic]:
    """Probes and routes that ask in a way that their gateway's contract has no words for."""
    asking = [(route, (route.endpoint,)) for route in desired.inference.routes.values()]
    asking += [(probe, probe.endpoints) for probe in desired.inference.probes.values()]  # type: ignore[misc]  # both ask
    for one, endpoints in asking:
        if one.response.mode is None and one.response.stream:
            continue
        for name in sorted({address.gateway for address in endpoints} & set(desired.gateways)):
            yield from _unaskable(one, desired.gateways[name])


def _unaskable(one: Probe | Route, gateway: Gateway) -> Iterator[Diagnostic]:
    from reconciler.inference.dialects import DIALECTS, Wire  # noqa: PLC0415 - see open_inference
    from reconciler.inference.formats import FORMS  # noqa: PLC0415 - the same

    dialect, mode = DIALECTS[dialect_of(gateway)], one.response.mode
    if mode not in {None, AnswerMode.PROMPT} and FORMS[mode] not in dialect.forms:
        known = [each.value for each in AnswerMode if FORMS[each] in dialect.forms or each is AnswerMode.PROMPT]
        detail = f"questions to {gateway.name!r} have no field for it; write {' or '.join(known)}, or leave it out."
        yield _unasked(one, "mode", detail)
    if not one.response.stream and dialect.wire is Wire.WEBSOCKET:
        detail = f"{gateway.name!r} is asked over a WebSocket, where answers always come in pieces; take it out."
        yield _unasked(one, "stream", detail)


def _unasked(one: Probe | Route, name: str, detail: str) -> Diagnostic:
    path = f"/spec/response/{name}"
    summary = "a way to ask that the gateway does not know"
    return Diagnostic(Severity.ERROR, "WIRING011", summary, detail, one.source.position(path), path=path)


def unfit(declared: InferenceDeclarations) -> Iterator[Diagnostic]:
    """What the manifests' own checks let pass and asking would refuse."""
    if not (declared.prompts or declared.schemas or declared.safety):
        return
    from reconciler.inference import prompts  # noqa: PLC0415 - see open_inference
    from reconciler.inference.answer import AnswerContract  # noqa: PLC0415 - the same
    from reconciler.inference.safety import Screen  # noqa: PLC0415 - the same

    for template in declared.prompts.values():
        try:
            prompts.check(template)
        except PromptError as error:
            yield _unfit("WIRING007", str(error), template.source, "/spec/user")
    for schema in declared.schemas.values():
        try:
            AnswerContract(schema)
        except InferenceError as error:
            yield _unfit("WIRING007", str(error), schema.source, "/spec/schema")
    for policy in declared.safety.values():
        try:
            Screen(policy)
        except InferenceError as error:
            yield _unfit("WIRING007", str(error), policy.source, "/spec/pii")


def _unfit(code: str, detail: str, source: Source, path: str) -> Diagnostic:
    summary = "no question could be put, or no answer judged, by this"
    return Diagnostic(Severity.ERROR, code, summary, f"{detail}.", source.position(path), path=path)
