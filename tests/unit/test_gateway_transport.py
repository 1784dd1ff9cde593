"""`transport` of a Gateway, from its manifest to the dialect that is spoken."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.manifest import LoadOptions, load
from reconciler.model.diagnostic import Severity
from reconciler.platforms import of_gateway

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
