"""What bounds a prompt: the smallest of what may answer it, and why.

::

    for each model that may answer                               its prompt may take
    `contextTokens` in the Pricing of the Route                  that, less what its answer may take
    else the table of `model.windows` knows it                   the same
    else                                                         `CONTEXT_WINDOW_TOKENS`
    and `maxTokensPerRequest` of the Endpoint                    no more than that
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.inference.defaults import ANSWER_TOKENS, CONTEXT_WINDOW_TOKENS
from reconciler.model.inference import Pricing
from reconciler.model.windows import window_of


@dataclass(frozen=True, slots=True)
class Bound:
    """Tokens that a prompt may take, and what says so."""

    tokens: int
    by: str


def prompt_bound(models: Iterable[str], pricing: Pricing | None, answer: int | None, per_request: int | None) -> Bound:
    """The smallest for all models that may be asked.

    `answer` and `per_request` in tokens, None where nothing is said.
    """
    bounds = [_of(model, pricing, ANSWER_TOKENS if answer is None else answer) for model in models]
    if per_request is not None:
        bounds.append(Bound(per_request, "maxTokensPerRequest of the Endpoint"))
    return min(bounds, key=lambda bound: bound.tokens)


def _of(model: str, pricing: Pricing | None, answer: int) -> Bound:
    declared = _declared(model, pricing)
    tokens = declared or window_of(model)
    if tokens is None:
        guessed = f"nothing says how large the context of {model} is (contextTokens in Pricing)"
        return Bound(CONTEXT_WINDOW_TOKENS, guessed)
    left = max(tokens // 2, tokens - answer)
    said = "contextTokens of Pricing" if declared else "its provider's figure"
    return Bound(left, f"the context of {model}, {tokens} tokens by {said}, less {tokens - left} for the answer")


def _declared(model: str, pricing: Pricing | None) -> int | None:
    price = pricing.models.get(model) if pricing else None
    return None if price is None else price.context_tokens
