"""What a prompt may take follows the models that may answer it."""

from __future__ import annotations

import pytest

from reconciler.inference.bounds import prompt_bound
from reconciler.model.inference import Price, Pricing
from reconciler.model.windows import WINDOWS, window_of

PRICES = Pricing("prices", {"house-model": Price(1, 2, context_tokens=32_000), "gpt-4o": Price(1, 2, None, 64_000)})


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-4o", 128_000),
        ("gpt-4o-2024-08-06", 128_000),
        ("openai/gpt-4o-mini", 128_000),
        ("gpt-4-turbo-2024-04-09", 128_000),
        ("gpt-4-1106-preview", 128_000),
        ("gpt-4", 8_192),
        ("gpt-4-0613", 8_192),
        ("gpt-3.5-turbo", 16_385),
        ("gpt-3.5-turbo-0125", 16_385),
        ("gpt-3.5-turbo-0613", 4_096),
        ("claude-3-haiku-20240307", 200_000),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", 200_000),
        ("eu.anthropic.claude-3-haiku-20240307-v1:0", 200_000),
        ("claude-3-5-sonnet-latest", 200_000),
        ("gemini-1.5-pro-002", 2_097_152),
        ("gpt-4o-audio-preview", None),
        ("gpt-4-vision", None),
        ("gpt-35-turbo", None),
        ("my-gpt-4o", None),
    ],
)
def test_a_name_means_a_model_of_the_table_or_none(model: str, tokens: int | None) -> None:
    """A guess by a similar name would send a prompt that a model cannot take."""
    assert window_of(model) == tokens


def test_every_figure_has_its_source() -> None:
    """A figure that nobody can look up is an opinion."""
    assert all(tokens > 0 and source.startswith("https://") for tokens, source in WINDOWS.values())


@pytest.mark.parametrize(
    ("models", "pricing", "answer", "per_request", "tokens", "by"),
    [
        (("gpt-4o",), None, None, None, 126_976, "the context of gpt-4o, 128000 tokens by its provider's figure"),
        (("gpt-4o",), None, 4_000, None, 124_000, "less 4000 for the answer"),
        (("gpt-4",), None, 8_192, None, 4_096, "less 4096 for the answer"),
        (("gpt-4o", "gpt-4"), None, None, None, 7_168, "the context of gpt-4, 8192"),
        (("gpt-4o",), PRICES, None, None, 62_976, "64000 tokens by contextTokens of Pricing"),
        (("house-model",), PRICES, None, None, 30_976, "32000 tokens by contextTokens of Pricing"),
        (("house-model",), None, None, None, 8_000, "nothing says how large the context of house-model is"),
        (("gpt-4o",), None, None, 500, 500, "maxTokensPerRequest of the Endpoint"),
    ],
)
def test_the_smallest_bounds_a_prompt_and_is_named(
    models: tuple[str, ...], pricing: Pricing | None, answer: int | None, per_request: int | None, tokens: int, by: str
) -> None:
    """A constant cuts what a large model could have read, and sends a small one what it refuses."""
    found = prompt_bound(models, pricing, answer, per_request)
    assert found.tokens == tokens
    assert by in found.by
