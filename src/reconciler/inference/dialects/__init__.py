"""How gateways speak to those who ask: one file each, pure, both directions."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.inference.dialects.cognigy import Cognigy
from reconciler.inference.dialects.genesys import Genesys
from reconciler.inference.dialects.openai import OpenAI
from reconciler.inference.dialects.openai_socket import OpenAISocket
from reconciler.inference.dialects.shape import Dialect, Reader, Wire

DIALECTS: Mapping[str, Dialect] = {
    "openai": OpenAI(),
    "mlflow": OpenAI("/gateway/mlflow/v1/chat/completions", "/gateway/mlflow/v1/models"),
    "openai-websocket": OpenAISocket(),
    "cognigy": Cognigy(),
    "genesys": Genesys(),
}
"""By the name that settings use. The bot gateway of NICE CXone speaks ``openai-websocket``."""

__all__ = ["DIALECTS", "Cognigy", "Dialect", "Genesys", "OpenAI", "OpenAISocket", "Reader", "Wire"]
