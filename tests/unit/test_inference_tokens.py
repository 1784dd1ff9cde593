"""Tokens, cost and the window: what is sent fits, and what it cost is known or said to be unknown."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import OversizeMessage
from reconciler.inference.chat import Message, Role, Usage
from reconciler.inference.cost import cost_of
from reconciler.inference.defaults import TOKENS_PER_MESSAGE
from reconciler.inference.tokens import count_by_bytes, count_messages, count_tokens, estimated_usage, vocabulary_of
from reconciler.inference.window import fit
from reconciler.model.inference import Price, Pricing

RULES = Message(Role.SYSTEM, "rules")

NO_NETWORK = """
import socket
def refuse(*args, **kwargs): raise OSError("no network here")
socket.socket.connect = refuse; socket.getaddrinfo = refuse; socket.create_connection = refuse
from reconciler.inference.tokens import count_tokens
print(count_tokens("hello world", "gpt-4o"), count_tokens("hello world", "gpt-4-turbo"))
"""


@pytest.mark.parametrize(
    ("model", "vocabulary"),
    [
        ("gpt-4o-mini", "o200k_base"),
        ("openai/gpt-4.1-mini", "o200k_base"),
        ("gpt-5", "o200k_base"),
        ("o3-mini", "o200k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("gpt-35-turbo", "cl100k_base"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "cl100k_base"),
        ("demo1", "cl100k_base"),
        ("", "cl100k_base"),
    ],
)
def test_every_model_has_a_vocabulary(model: str, vocabulary: str) -> None:
    """A model that came out yesterday is counted roughly, never refused."""
    assert vocabulary_of(model) == vocabulary


def test_counting_needs_no_network() -> None:
    """A gateway's router has no way to the internet, and a count may not wait for one."""
    done = subprocess.run([sys.executable, "-c", NO_NETWORK], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["2", "2"], done.stderr


NOT_INSTALLED = """
import sys
sys.modules["bpe_openai"] = None
from reconciler.inference.tokens import count_tokens
print(count_tokens("hello world", "gpt-4o"))
"""


def test_counting_does_without_the_extra() -> None:
    """A rough estimate serves a budget better than a missing one."""
    done = subprocess.run([sys.executable, "-c", NOT_INSTALLED], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["3"], done.stderr


@pytest.mark.parametrize("text", ["<|endoftext|>", "\ud800", "", "a" * 400_000, "🙂" * 100_000])
def test_any_text_can_be_counted(text: str) -> None:
    """Customers send special marks, half characters and novels; a count is no reason to fail."""
    assert 0 <= count_tokens(text) <= len(text.encode("utf-8", "replace"))


@given(st.text(max_size=200))
def test_the_rough_count_is_never_zero_for_a_text(text: str) -> None:
    """A budget that counts nothing for something can be walked around."""
    assert (count_by_bytes(text) > 0) == bool(text)


def test_an_estimate_says_that_it_is_one() -> None:
    """A bill is compared with figures that a provider gave, not with guesses that look like them."""
    usage = estimated_usage([Message(Role.USER, "hello world")], "hello")
    assert usage == Usage(2 + TOKENS_PER_MESSAGE, 1, estimated=True)
    assert usage.total_tokens == 6
    assert count_messages([RULES, RULES]) == 2 * (count_tokens("rules") + TOKENS_PER_MESSAGE)


def test_a_cost_is_exact() -> None:
    """Floats add up to a different bill: a million calls at a tenth are a hundred thousand."""
    pricing = Pricing("p", {"m": Price(prompt=0.1, completion=0.3)}, "EUR")
    cost = cost_of(Usage(1, 2, estimated=True), "m", pricing)
    assert cost is not None
    assert cost.amount == Decimal("0.0000007")
    assert (cost.currency, cost.estimated, cost.rounded()) == ("EUR", True, Decimal("0.000001"))


def test_without_a_price_there_is_no_cost() -> None:
    """Zero would say that it was free."""
    assert cost_of(Usage(1, 2), "m", None) is None
    assert cost_of(Usage(1, 2), "m", Pricing("p", {"other": Price(1, 2)})) is None


def conversation(*sizes: int) -> list[Message]:
    roles = (Role.USER, Role.ASSISTANT)
    return [RULES, *(Message(roles[at % 2], "x" * size) for at, size in enumerate(sizes))]


def test_the_oldest_turns_go_first_and_whole() -> None:
    """Half a turn is an answer to a question that the model cannot see."""
    window = fit(conversation(10, 10, 10, 10, 10), limit=60, count=len)
    assert [message.role for message in window.messages] == [Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.USER]
    assert (window.tokens, window.dropped) == (5 + 30 + 4 * TOKENS_PER_MESSAGE, 2)


def test_a_message_that_cannot_fit_is_refused() -> None:
    """Sent anyway, the gateway answers 400; cut, it would ask something else."""
    with pytest.raises(OversizeMessage) as caught:
        fit(conversation(10, 10, 1000), limit=100, count=len)
    assert (caught.value.tokens, caught.value.limit) == (1000 + 5 + 2 * TOKENS_PER_MESSAGE, 100)


def test_an_oversize_message_of_long_ago_is_dropped_with_its_turn() -> None:
    """Only what has to be sent can be too large to send."""
    assert fit(conversation(1000, 10, 10), limit=50, count=len).dropped == 2


@given(st.lists(st.tuples(st.sampled_from(list(Role)), st.integers(0, 40)), max_size=20), st.integers(0, 200))
def test_a_window_is_a_suffix_with_the_rules_in_front_and_never_over_its_limit(
    parts: list[tuple[Role, int]], limit: int
) -> None:
    """The law that all of the above are cases of."""
    messages = [Message(role, "x" * size) for role, size in parts]
    try:
        window = fit(messages, limit, count=len)
    except OversizeMessage:
        return
    said = [message for message in messages if message.role is not Role.SYSTEM]
    rules = [message for message in messages if message.role is Role.SYSTEM]
    kept = list(window.messages)[len(rules) :]
    assert list(window.messages)[: len(rules)] == rules
    assert kept == said[len(said) - len(kept) :]
    assert window.tokens == sum(len(message.content) + TOKENS_PER_MESSAGE for message in window.messages) <= limit
    assert window.dropped == len(messages) - len(window.messages)
