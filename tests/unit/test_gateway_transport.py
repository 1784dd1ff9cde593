"""`transport` of a Gateway, from its manifest to the dialect that is spoken."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from reconciler import wiring
from reconciler.inference.chat import Message, Role
from reconciler.inference.events import Question
from reconciler.manifest import LoadOptions, load
from reconciler.model.address import Address
from reconciler.model.diagnostic import Severity
from reconciler.model.resource import Resource
from reconciler.platforms import find, of_gateway
from reconciler.settings import load_settings
from reconciler.testing.fakes import RecordingProgress
from reconciler.wiring.gateways import GatewayPorts, open_gateway

GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {name: bots}
spec:
  platform: openai
  url: https://gateway.example.com
"""


def dialect(folder: Path, more: str) -> str | None:
    """What a gateway with these further lines speaks."""
    (folder / "gateway.yaml").write_text(GATEWAY + more, encoding="utf-8")
    gateway = load([folder], LoadOptions(folder)).gateways["bots"]
    return of_gateway(gateway).capabilities.dialect_over(gateway.transport)


@pytest.mark.parametrize(
    ("more", "spoken"),
    [("", "openai"), ("  transport: http\n", "openai"), ("  transport: websocket\n", "openai-websocket")],
)
def test_a_socket_is_spoken_only_where_the_manifest_says_so(more: str, spoken: str, tmp_path: Path) -> None:
    """Hardly any server of this kind has a socket: to guess one would fail on the first question."""
    assert dialect(tmp_path, more) == spoken


def test_another_transport_is_refused_at_its_line(tmp_path: Path) -> None:
    """A slip of the pen must not end in silence as the default."""
    (tmp_path / "gateway.yaml").write_text(GATEWAY + "  transport: websockets\n", encoding="utf-8")
    [finding] = load([tmp_path], LoadOptions(tmp_path)).diagnostics
    assert finding.severity is Severity.ERROR
    assert finding.position is not None
    assert finding.position.line == 7


SOCKET = "  transport: websocket\n  webSocketUrl: {url}\n  auth: {{bearer: {{env: BOT_TOKEN}}}}\n"


def test_sockets_are_opened_where_the_manifest_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor may keep sockets on a host of their own: one that is derived from the API's would be the wrong one."""
    monkeypatch.setenv("BOT_TOKEN", "opaque")
    seen: list[tuple[str, str]] = []

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append((connection.request.path, connection.request.headers["authorization"]))
        await connection.recv()
        await connection.send('{"choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]}')

    async def main() -> str:
        async with serve(talk, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/bots"
            (tmp_path / "gateway.yaml").write_text(GATEWAY + SOCKET.format(url=url), encoding="utf-8")
            desired = load([tmp_path], LoadOptions(tmp_path))
            progress = RecordingProgress()
            allowed = ("127.0.0.1", "gateway.example.com")
            settings = replace(load_settings({}, {}, tmp_path), allowed_hosts=allowed)
            async with wiring.open_session(settings, desired, progress=progress) as session:
                site = session.sites["bots"]
                ports = GatewayPorts(session.vault, session.clock, progress)
                async with AsyncExitStack() as stack:
                    opened = await open_gateway(stack, settings, site.gateway, find("openai"), ports)
                    asks = wiring.open_inference(site.gateway, opened.link, session.clock, progress)
                    return (await asks.ask(Question("gpt-4o", (Message(Role.USER, "well?"),)))).text

    assert asyncio.run(main()) == "yes"
    assert seen == [("/bots/v1/chat/completions", "Bearer opaque")]


@pytest.mark.parametrize(
    ("platform", "more", "advice"),
    [
        ("openai", "", "write `transport: websocket`"),
        ("openai", "  transport: http\n", "write `transport: websocket`"),
        ("genesys", "", "take the field out"),
        ("mlflow", "", "take the field out"),
        ("smg", "", "take the field out"),
        ("litellm", "", "take the field out"),
    ],
)
def test_an_address_for_sockets_that_nobody_opens_is_refused(
    tmp_path: Path, platform: str, more: str, advice: str
) -> None:
    """Whoever writes the address expects traffic there, and would look for it in vain."""
    text = GATEWAY.replace("platform: openai", f"platform: {platform}") + more + "  webSocketUrl: wss://s.example.com\n"
    (tmp_path / "gateway.yaml").write_text(text, encoding="utf-8")
    gateway = load([tmp_path], LoadOptions(tmp_path)).gateways["bots"]
    resource = Resource(Address("bots", "Endpoint", "one"), {"provider": "openai", "model": "gpt-4o"})
    found = [f for f in of_gateway(gateway).unsupported(resource, gateway) if f.path == "/spec/webSocketUrl"]
    assert [(f.code, f.severity) for f in found] == [("PLATFORM007", Severity.ERROR)]
    assert advice in found[0].detail


def test_a_platform_that_knows_sockets_alone_takes_the_address(tmp_path: Path) -> None:
    """Where every question travels over a socket there is nothing to switch on."""
    text = GATEWAY.replace("platform: openai", "platform: cognigy") + "  webSocketUrl: wss://stream.example.com/\n"
    (tmp_path / "gateway.yaml").write_text(text, encoding="utf-8")
    gateway = load([tmp_path], LoadOptions(tmp_path)).gateways["bots"]
    assert gateway.web_socket_url == "wss://stream.example.com"
    resource = Resource(Address("bots", "Endpoint", "one"), {"provider": "openai", "model": "gpt-4o"})
    assert "/spec/webSocketUrl" not in {f.path for f in of_gateway(gateway).unsupported(resource, gateway)}
