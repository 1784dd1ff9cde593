"""What holds where a manifest says nothing. Each figure stands here once."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType

from reconciler.model.inference import Channel, Price, Sampling

CONTEXT_WINDOW_TOKENS = 8_000
"""Prompt tokens that a conversation may take."""

TOKENS_PER_MESSAGE = 3
"""What a message costs besides its text: the marks of role, beginning and end."""

CACHE_ENTRIES = 500
CACHE_SECONDS = 300.0

MODEL = "gpt-4o-mini"
"""The model that is meant when a token count names none."""

SAMPLING = MappingProxyType(
    {
        Channel.CXONE: Sampling(temperature=0.7, max_tokens=1024),
        Channel.COGNIGY: Sampling(temperature=0.2, max_tokens=500),
    }
)
"""A support answer may vary; a routing decision should not."""

SYSTEM_PROMPT = (
    "You are a helpful customer support assistant. Maintain a professional tone. Never disclose internal procedures."
)

FALLBACK_TEXT = "I am currently experiencing high demand. Please try again in a few moments or speak to a human agent."
HANDOVER_TEXT = "I am having trouble understanding your request. Connecting you to a specialist."
"""Said when a model's answer does not satisfy its schema and a person takes over."""

CONFIDENCE_THRESHOLD = 0.75
"""A bot's own answer with a higher score than this needs no model."""

REPAIR_ATTEMPTS = 1

EXAMPLE_PRICES = MappingProxyType(
    {
        Channel.CXONE: Price(prompt=1.0, completion=1.0),
        Channel.COGNIGY: Price(prompt=1.0, completion=2.0),
    }
)
"""USD per million tokens in the platforms' own samples. No price is ever assumed: these are for examples."""

COST_STEP = Decimal("0.000001")
"""A cost is shown to a millionth of its currency; an audit line rounds to `AUDIT_COST_STEP`."""

AUDIT_COST_STEP = Decimal("0.00001")
