"""What Genesys Cloud offers, as data: a token, one call, nothing to configure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.capability import Capabilities
from reconciler.platforms.watching import ENDPOINT, VERIFY_ONLY

NAME = "genesys"
SCOPES = ("ai:llm:gateway:use", "ai:llm:gateway:stream")

DOMAINS = (
    *("mypurecloud.com", "mypurecloud.ie", "mypurecloud.de", "mypurecloud.jp", "mypurecloud.com.au"),
    *("pure.cloud", "us-gov-pure.cloud", "eusc-pure.cloud"),
)
"""Of all regions."""

CAPABILITIES = Capabilities(
    kinds={ENDPOINT: VERIFY_ONLY},
    permissions=SCOPES,
    scopes=SCOPES,
    token_early_seconds=300.0,
    dialect="genesys",
    dialects={"http": "genesys"},
    domains=DOMAINS,
    history=True,
)

PATHS: Mapping[str, str] = {"token": "/login/oauth2/token", "invoke": "/api/v2/ai/llm/gateway/invoke"}
"""Defaults; a Gateway's `paths` overrides them by name."""
