"""The cache answers only its own questions, and only while they are fresh; the audit line says no more than it may."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from reconciler.inference.audit import Call, audit_fields, log_fields
from reconciler.inference.cache import AnswerCache, cache_key, policy_version, request_hash
from reconciler.inference.chat import Usage
from reconciler.inference.cost import Cost
from reconciler.inference.safety import Verdict
from reconciler.model.inference import SafetyAction, SafetyPolicy
from reconciler.testing.fakes import FakeClock

POLICY = SafetyPolicy("strict", pii=("email",))


def test_an_answer_is_as_old_as_the_clock_says_when_it_is_read() -> None:
    """An expiry that is written and never read serves last month's answer."""
    clock = FakeClock()
    cache = AnswerCache[str](clock)
    cache.put("k", "answer")
    clock.advance(299.9)
    assert cache.get("k") == "answer"
    clock.advance(0.1)
    assert cache.get("k") is None
    assert len(cache) == 0


def test_the_cache_is_bounded_and_the_least_used_goes() -> None:
    """A router that runs for months may not grow with what it was asked."""
    cache = AnswerCache[int](FakeClock(), capacity=2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.get("a")
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)


def test_renewing_an_answer_costs_no_other_its_place() -> None:
    """Only a new key needs room."""
    cache = AnswerCache[int](FakeClock(), capacity=2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.put("b", 3)
    assert (cache.get("a"), cache.get("b")) == (1, 3)


def test_a_capacity_of_none_keeps_nothing() -> None:
    """Off has to mean off."""
    cache = AnswerCache[int](FakeClock(), capacity=0)
    cache.put("a", 1)
    assert cache.get("a") is None


def test_a_key_separates_gateways_policies_and_words() -> None:
    """An answer that passed another policy, or came from another tenant, is not this caller's."""
    payload = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    keys = {
        cache_key("one", POLICY, payload),
        cache_key("two", POLICY, payload),
        cache_key("one", None, payload),
        cache_key("one", replace(POLICY, on_output=SafetyAction.BLOCK), payload),
        cache_key("one", replace(POLICY, pii=("email", "ssn")), payload),
        cache_key("one", POLICY, {**payload, "temperature": 0.0}),
    }
    assert len(keys) == 6
    assert policy_version(None) == ""


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=5))
def test_the_order_of_a_payload_does_not_matter(payload: dict[str, int | str]) -> None:
    """Two ways to build the same request are one request."""
    turned = dict(reversed(payload.items()))
    assert cache_key("g", POLICY, payload) == cache_key("g", POLICY, turned)
    assert len(request_hash(payload)) == 64


def test_an_audit_line_is_complete_flat_and_exact() -> None:
    """A line that lacks a field cannot be summed; a nested one cannot be searched."""
    call = Call(
        time="2026-01-01T00:00:00.000Z",
        gateway="prod",
        model="gpt-4o-mini",
        request_hash="ab" * 32,
        usage=Usage(340, 85),
        latency_ms=812.3456,
        is_cached=True,
        safety=Verdict.REDACTED,
        found={"ssn": 1, "email": 2},
        cost=Cost(Decimal("0.000425"), "USD", estimated=False),
        answer_hash="cd" * 32,
        answer_characters=240,
    )
    assert dict(audit_fields(call)) == {
        "gateway": "prod",
        "model": "gpt-4o-mini",
        "request_hash": "ab" * 32,
        "prompt_tokens": 340,
        "completion_tokens": 85,
        "total_tokens": 425,
        "tokens_estimated": False,
        "cached": True,
        "safety": "redacted",
        "safety_found": "email=2,ssn=1",
        "cost": "0.000425",
        "currency": "USD",
        "latency_ms": "812.35",
        "time_to_first_token_ms": None,
        "outcome": "ok",
        "answer_hash": "cd" * 32,
        "answer_characters": 240,
    }
    assert (log_fields(call)["time"], log_fields(call)["latency_ms"]) == ("2026-01-01T00:00:00.000Z", 812.35)


def test_an_audit_line_without_a_price_has_no_cost() -> None:
    """Unknown is not zero."""
    fields = audit_fields(Call("t", "g", "m", "h", Usage(1, 1), 1.0, time_to_first_token_ms=0.126))
    assert (fields["cost"], fields["currency"], fields["safety_found"]) == (None, None, None)
    assert fields["time_to_first_token_ms"] == "0.13"
