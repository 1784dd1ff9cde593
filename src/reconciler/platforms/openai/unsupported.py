"""What is wrong with an OpenAI-compatible Gateway. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway
from reconciler.platforms.findings import path_findings, transport_findings
from reconciler.platforms.openai.capabilities import CAPABILITIES, NAME, PATHS


def gateway_findings(gateway: Gateway) -> Iterator[Diagnostic]:
    """What is wrong with the Gateway itself."""
    yield from path_findings(NAME, gateway, PATHS)
    yield from transport_findings(NAME, gateway, CAPABILITIES)
