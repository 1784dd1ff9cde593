"""What wiring makes of declarations for inference: findings, and ways to models."""

from __future__ import annotations

import asyncio

import pytest
from wire import listening

from reconciler import wiring
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.inference import (
    Engine,
    Expectations,
    InferenceDeclarations,
    Probe,
    PromptTemplate,
    ResponseSchema,
    SafetyPolicy,
)
from reconciler.model.resource import Gateway
from reconciler.model.secret import SecretValue
from reconciler.testing.fakes import FakeClock, MemoryAudit, RecordingProgress
from reconciler.transport import BearerCredential, Target, connect
from reconciler.wiring.inference import AskingPorts, Probes, Probing, checkers

DEEP: dict[str, object] = {"type": "object"}
for _ in range(60):
    DEEP = {"type": "object", "properties": {"more": DEEP}}

PROMPTS = {"ask": PromptTemplate("ask", Engine.BRACES, "", "How are you?")}
PROBE = Probe("p", (Address("prod", "Endpoint", "ep"),), "ask", expect=Expectations())


@pytest.mark.parametrize(
    "declared",
    [
        InferenceDeclarations(schemas={"deep": ResponseSchema("deep", DEEP)}),
        InferenceDeclarations(safety={"odd": SafetyPolicy("odd", ("palm-lines",))}),
        InferenceDeclarations(prompts={"open": PromptTemplate("open", Engine.BRACES, "", "{{")}),
    ],
    ids=["schema", "policy", "template"],
)
def test_what_could_never_be_asked_or_judged_is_found_offline(declared: InferenceDeclarations) -> None:
    """A probe that cannot be put would be found in the middle of an apply."""
    (found,) = wiring.validate(Desired({}, {}, inference=declared))
    assert found.code == "WIRING007"


def opened(platform: str, which: Probing) -> tuple[int, bool]:
    """How many checkers a run has, and whether its questions go over a WebSocket."""

    async def main() -> tuple[int, bool]:
        clock, progress = FakeClock(), RecordingProgress()
        gateway = Gateway("prod", platform, "http://127.0.0.1:1")
        link = connect(Target("prod", "http://127.0.0.1:1"), clock, progress)
        declared = InferenceDeclarations(prompts=PROMPTS, probes={"p": PROBE})
        ports = AskingPorts({"prod": link}, clock, progress, MemoryAudit())
        found = checkers(Probes(which), Desired({"prod": gateway}, {}, inference=declared), ports)
        by_socket = wiring.open_inference(gateway, link, clock, progress).by_socket
        await link.close()
        return len(found), by_socket

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("platform", "by_socket"), [("cxone", False), ("cognigy", True), ("genesys", False), ("openai", False)]
)
def test_a_platform_is_asked_in_its_own_dialect(platform: str, by_socket: bool) -> None:  # noqa: FBT001
    """A question in the wrong dialect is a doubt for ever."""
    assert opened(platform, Probing.ALL) == (1, by_socket)


@pytest.mark.parametrize(("platform", "sent"), [("litellm", True), ("smg", False)])
def test_a_credential_that_a_gateway_hands_on_is_not_sent_with_a_question(platform: str, sent: bool) -> None:  # noqa: FBT001
    """Smg gives the key of whoever asks to the provider: the key to its own control plane must not go there."""

    async def main() -> str:
        clock, progress = FakeClock(), RecordingProgress()
        async with listening([(200, {}, {"data": []})]) as wire:
            target = Target("prod", wire.url, BearerCredential(SecretValue("made-up-control-plane")))
            link = connect(target, clock, progress)
            await wiring.open_inference(Gateway("prod", platform, wire.url), link, clock, progress).models()
            await link.close()
        return "".join(wire.requests)

    assert ("made-up-control-plane" in asyncio.run(main())) is sent


def test_a_run_without_probes_has_nothing_to_ask() -> None:
    """A plan asks no model anything."""
    assert opened("cxone", Probing.NONE)[0] == 0
