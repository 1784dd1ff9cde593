"""The table of what follows a failed attempt, cell by cell."""

from __future__ import annotations

import pytest

from reconciler.errors import (
    Forbidden,
    GatewayError,
    IncompleteStream,
    NotFound,
    ProtocolError,
    QuotaExhausted,
    Rejected,
    ServerFault,
    Throttled,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from reconciler.inference.again import ATTEMPTS, Heard, Step, after

FINAL = (Forbidden, NotFound, ProtocolError, QuotaExhausted, Rejected, Unauthorized)


@pytest.mark.parametrize("error", [Throttled, TimedOut])
@pytest.mark.parametrize("heard", list(Heard))
def test_a_busy_or_slow_model_makes_room_for_the_next(error: type[GatewayError], heard: Heard) -> None:
    """The customer waits, and another model has time."""
    assert after(error("x"), heard, 1, 1) is Step.NEXT_MODEL


@pytest.mark.parametrize("status", [408, 504])
def test_a_time_out_of_the_gateway_is_a_time_out(status: int) -> None:
    """It has waited for the model already, and asking the same one again would wait as long."""
    assert after(ServerFault("x", status=status), Heard.NOTHING, 1, 1) is Step.NEXT_MODEL


@pytest.mark.parametrize("error", [Throttled, TimedOut, Unreachable, ServerFault, IncompleteStream])
def test_the_only_model_is_asked_again_until_its_attempts_are_used_up(error: type[GatewayError]) -> None:
    """A hiccup must not cost the customer an answer, and a broken provider must not hold him for ever."""
    steps = [after(error("x"), Heard.NOTHING, attempt, 0) for attempt in range(1, ATTEMPTS + 1)]
    assert steps == [Step.SAME_AGAIN] * (ATTEMPTS - 1) + [Step.GIVE_UP]


@pytest.mark.parametrize("error", [Unreachable, ServerFault, IncompleteStream])
def test_a_model_that_failed_each_time_makes_room_for_the_next(error: type[GatewayError]) -> None:
    """Behind one gateway, one provider's bad day is not the other's."""
    assert after(error("x"), Heard.NOTHING, 1, 1) is Step.SAME_AGAIN
    assert after(error("x"), Heard.NOTHING, ATTEMPTS, 1) is Step.NEXT_MODEL


@pytest.mark.parametrize("error", [Unreachable, ServerFault, IncompleteStream, *FINAL])
def test_nothing_is_asked_twice_once_something_was_heard(error: type[GatewayError]) -> None:
    """The beginning would be said twice."""
    assert after(error("x"), Heard.SOMETHING, 1, 1) is Step.GIVE_UP


@pytest.mark.parametrize("error", [Throttled, TimedOut])
def test_the_last_model_is_not_begun_again_in_the_middle(error: type[GatewayError]) -> None:
    """There is nobody left who could take over."""
    assert after(error("x"), Heard.SOMETHING, 1, 0) is Step.GIVE_UP


@pytest.mark.parametrize("error", FINAL)
def test_what_another_try_cannot_mend_is_not_tried(error: type[GatewayError]) -> None:
    """A refused key or question is refused again, and costs money."""
    assert after(error("x"), Heard.NOTHING, 1, 3) is Step.GIVE_UP
