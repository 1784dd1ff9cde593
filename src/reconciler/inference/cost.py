"""What a call cost: exact decimals, and no cost where there is no price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from reconciler.inference.chat import Usage
from reconciler.inference.defaults import COST_STEP
from reconciler.model.inference import Pricing

PER = 1_000_000
"""Prices are per this many tokens."""


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount in a currency. `estimated` when the tokens are."""

    amount: Decimal
    currency: str
    estimated: bool

    def rounded(self, step: Decimal = COST_STEP) -> Decimal:
        """For showing; sums are made of the exact amounts."""
        return self.amount.quantize(step)


def cost_of(usage: Usage, model: str, pricing: Pricing | None) -> Cost | None:
    """The price of each direction times its tokens. None when nothing says what this model costs."""
    price = pricing.models.get(model) if pricing else None
    if pricing is None or price is None:
        return None
    amount = _exact(price.prompt) * usage.prompt_tokens + _exact(price.completion) * usage.completion_tokens
    return Cost(amount / PER, pricing.currency, usage.estimated)


def _exact(price: float) -> Decimal:
    """As it was typed: 0.1 is a tenth."""
    return Decimal(repr(price))
