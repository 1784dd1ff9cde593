"""What holds where a manifest says nothing. Each figure stands here once; those of a channel in `model.channels`."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType

from reconciler.model.inference import Channel, Price

CONTEXT_WINDOW_TOKENS = 8_000
"""Prompt tokens that a conversation may take where nothing says how large the context of its model is."""

TOKENS_PER_MESSAGE = 3
"""What a message costs besides its text: the marks of role, beginning and end."""

CACHE_ENTRIES = 500
CACHE_SECONDS = 300.0

MODEL = "gpt-4o-mini"
"""The model that is meant when a token count names none."""

SYSTEM_PROMPT = (
    "You are a helpful customer support assistant. Maintain a professional tone. Never disclose internal procedures."
)

EXAMPLE_PRICES = MappingProxyType(
    {
        Channel.CXONE: Price(prompt=1.0, completion=1.0),
        Channel.COGNIGY: Price(prompt=1.0, completion=2.0),
    }
)
"""USD per million tokens in the platforms' own samples. No price is ever assumed: these are for examples."""

COST_STEP = Decimal("0.000001")
"""A cost is shown to a millionth of its currency; logs and audit have all of it."""

ANSWER_TOKENS = 1024
"""What an answer is estimated at, and bounded by, where money is bounded and its length is not."""
