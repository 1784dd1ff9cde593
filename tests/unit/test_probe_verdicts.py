"""What a probe finds: facts about the endpoint are rejections, all else is a doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from probe_bench import ASKED, GOOD, MODEL, SAID, Model, Probed, inquiry, purse, put, reply

from reconciler.errors import (
    Conflict,
    Forbidden,
    GatewayError,
    IncompleteStream,
    InferenceError,
    NotFound,
    ProtocolError,
    QuotaExhausted,
    Rejected,
    ServerFault,
    Throttled,
    TimedOut,
    Unauthorized,
    Unreachable,
    Unsupported,
)
from reconciler.inference.callee import Callee
from reconciler.inference.chat import Usage
from reconciler.inference.client import Reply
from reconciler.inference.safety import Screen, Span
from reconciler.model.inference import SafetyPolicy
from reconciler.model.run import Verdict

READY, REJECTED, UNKNOWN = Verdict.READY, Verdict.REJECTED, Verdict.UNKNOWN


def test_an_endpoint_that_is_called_by_name_is_listed_by_name_and_priced_by_model() -> None:
    """A list of groups has no models in it, and a price list no groups."""
    one = inquiry(cheapest_models=True, max_cost=1)
    model = Model([reply(GOOD)], listed=["support-bots"])
    found = put(one, model, callee=Callee("support-bots", MODEL))
    assert found.verdict is READY
    assert model.questions[0].model == "support-bots"
    assert found.check("cost").value == 0.002
    assert found.lines[0]["model"] == MODEL


def test_an_answer_as_expected_is_ready_and_told_with_its_figures() -> None:
    """Figures are what a team tunes its limits by, so they are told where nothing is wrong."""
    one = inquiry(
        schema="s",
        safety="safe",
        finish_reason="stop",
        max_latency_ms=200,
        max_time_to_first_token_ms=50,
        max_cost=0.002,
        min_tokens=10,
    )
    found = put(one, Model([reply(GOOD)]))
    assert found.verdict is READY
    assert {check.name.removeprefix("probe p "): (check.value, check.limit) for check in found.checks} == {
        "answer": (None, None),
        "finish": ("stop", "stop"),
        "schema": (0, 0),
        "safety": (None, None),
        "latency": (200, 200),
        "first token": (50, 50),
        "tokens": (10, 10),
        "cost": (0.002, 0.002),
    }
    assert all(check.probe == "p" for check in found.checks)


@pytest.mark.parametrize(
    ("expected", "answer", "what"),
    [
        ({"schema": "s"}, reply(), "schema"),
        ({"schema": "s"}, reply('{"mood": "odd"}'), "schema"),
        ({"safety": "safe"}, reply("write to jane.doe@example.com"), "safety"),
        ({"max_latency_ms": 199}, reply(), "latency"),
        ({"max_time_to_first_token_ms": 49}, reply(), "first token"),
        ({"max_cost": 0.0019}, reply(), "cost"),
        ({"min_tokens": 11}, reply(), "tokens"),
        ({"finish_reason": "stop"}, reply(finish_reason="length"), "finish"),
        ({}, reply(" \n"), "answer"),
        ({}, reply("x" * 200_001), "answer"),
    ],
)
def test_a_fact_about_the_endpoint_is_a_rejection(expected: dict[str, Any], answer: Reply, what: str) -> None:
    """Each expectation is of use only if it can fail, by itself."""
    found = put(inquiry(**expected), Model([answer]))
    assert found.verdict is REJECTED
    assert [check.name for check in found.checks if check.verdict is not READY] == [f"probe p {what}"]


@pytest.mark.parametrize(
    ("error", "verdict", "outcome"),
    [
        (Unauthorized("x", status=401), REJECTED, "unauthorized"),
        (Rejected("x", status=400), REJECTED, "refused"),
        (NotFound("x"), REJECTED, "model-unknown"),
        (Forbidden("x", status=403), UNKNOWN, "forbidden"),
        (Throttled("x"), UNKNOWN, "throttled"),
        (QuotaExhausted("x", status=429), UNKNOWN, "quota"),
        (TimedOut("x"), UNKNOWN, "timed-out"),
        (ServerFault("x", status=500), UNKNOWN, "server-fault"),
        (Unreachable("x"), UNKNOWN, "unreachable"),
        (IncompleteStream("x", partial=SAID), UNKNOWN, "incomplete"),
        (ProtocolError("x"), UNKNOWN, "protocol"),
        (Unsupported("x", status=405), UNKNOWN, "unsupported"),
        (Conflict("x", status=409), UNKNOWN, "protocol"),
    ],
)
def test_an_error_is_a_rejection_only_where_it_is_a_fact(error: GatewayError, verdict: Verdict, outcome: str) -> None:
    """A busy gateway has not said that the endpoint is bad: nothing may be rolled back for it."""
    found = put(inquiry(), Model([error]))
    assert (found.verdict, found.lines[0]["outcome"]) == (verdict, outcome)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 426, 501])
def test_a_handshake_that_is_refused_says_nothing_of_the_model(status: int) -> None:
    """A gateway without WebSockets answers 403 or 404 to the handshake: the question was never put."""
    kind = {400: Rejected, 403: Forbidden, 404: NotFound}.get(status, Unsupported)
    assert put(inquiry(), Model([kind("x", status=status)], by_socket=True)).verdict is UNKNOWN


def test_a_key_refused_in_the_handshake_is_a_fact() -> None:
    """A 401 means the same wherever it comes."""
    assert put(inquiry(), Model([Unauthorized("x", status=401)], by_socket=True)).verdict is REJECTED


@pytest.mark.parametrize(
    ("listed", "verdict"),
    [(["other"], REJECTED), ([MODEL], UNKNOWN), ([], UNKNOWN), (ServerFault("x"), UNKNOWN)],
)
def test_a_404_over_http_is_a_fact_only_where_the_list_lacks_the_model(listed: object, verdict: Verdict) -> None:
    """A gateway that has not the call answers 404 as well."""
    model = Model([NotFound("x", status=404)], listed=listed)  # type: ignore[arg-type]  # parametrize knows no types
    assert put(inquiry(), model).verdict is verdict


def test_slowness_after_failed_attempts_is_a_doubt() -> None:
    """Two 503 and their pauses are no property of the endpoint."""
    found = put(inquiry(max_latency_ms=100), Model([reply(attempts=3)]))
    assert found.check("latency").verdict is UNKNOWN


@pytest.mark.parametrize(
    ("tokens", "estimated", "verdict"), [(8, True, UNKNOWN), (3, True, REJECTED), (8, False, REJECTED)]
)
def test_an_estimate_that_is_close_is_a_doubt(tokens: int, estimated: bool, verdict: Verdict) -> None:  # noqa: FBT001
    """Our count may be wrong by some tokens, the provider's is not."""
    usage = Usage(100, tokens, estimated=estimated)
    assert put(inquiry(min_tokens=10), Model([reply(usage=usage)])).check("tokens").verdict is verdict


def test_a_doubt_beside_a_fact_decides_nothing() -> None:
    """Whatever the latency would turn out to be, personal data in the answer stays a fact."""
    found = put(inquiry(safety="safe", max_latency_ms=1), Model([reply("a@example.com", attempts=2)]))
    assert found.check("latency").advisory
    assert found.verdict is REJECTED


def test_repairs_are_counted_and_so_is_what_they_take() -> None:
    """An endpoint that must be asked twice is twice as slow and dear, and its bot would wait as long."""
    found = put(inquiry(schema="s", repairs=2), Model([reply("no JSON"), reply(GOOD)]))
    assert found.check("schema").value == 1
    assert (found.check("latency").value, found.check("first token").value) == (400, 250)
    assert found.check("cost").value == pytest.approx(0.004)
    assert (len(found.model.questions), len(found.lines)) == (2, 2)


def test_a_schema_that_no_repair_satisfies_is_a_rejection() -> None:
    """The last answer counts, after as many repairs as the schema allows and no more."""
    found = put(inquiry(schema="s", repairs=2), Model([reply("no JSON")]))
    assert (found.check("schema").verdict, found.check("schema").value) == (REJECTED, 2)
    assert len(found.model.questions) == 3


def test_a_repair_that_is_not_answered_is_a_doubt() -> None:
    """The endpoint might have mended its answer, had it not been throttled."""
    assert put(inquiry(schema="s", repairs=1), Model([reply("no JSON"), Throttled("x")])).verdict is UNKNOWN


def test_what_would_exceed_the_budget_is_not_asked() -> None:
    """A budget that is found to be exceeded afterwards is none."""
    found = put(inquiry(budget=0.01))
    assert (found.verdict, found.model.questions, found.lines) == (UNKNOWN, [], [])
    assert "budget" in found.checks[0].message


def test_a_run_has_a_budget_over_all_its_probes() -> None:
    """What one probe spent the next one cannot; what was set aside and not needed it can."""
    spends = purse("0.21")
    assert put(inquiry(name="a"), purse=spends).model.questions
    assert put(inquiry(name="b"), purse=spends).model.questions
    for _ in range(60):
        put(inquiry(name="c"), purse=spends)
    assert not put(inquiry(name="d"), purse=spends).model.questions


def test_an_answer_is_bounded_where_money_is() -> None:
    """The most that is set aside holds only for an answer of a bounded length."""
    assert put(inquiry(budget=1.0)).model.questions[0].sampling.max_tokens == 1024
    assert put(inquiry()).model.questions[0].sampling.max_tokens is None


def test_a_repair_that_the_budget_does_not_allow_is_a_doubt() -> None:
    """The endpoint was not given the chance that its schema grants."""
    found = put(inquiry(schema="s", repairs=1, budget=0.104), Model([reply("no JSON")]))
    assert (len(found.model.questions), found.check("schema").verdict) == (1, UNKNOWN)


@pytest.mark.parametrize(("error", "spent"), [(Throttled("x"), False), (TimedOut("x"), True)])
def test_an_unanswered_question_counts_as_spent_where_it_may_be_charged(
    error: GatewayError,
    spent: bool,  # noqa: FBT001
) -> None:
    """A provider charges for an answer that came too late, and not for one it refused to give."""
    spends = purse("0.15")
    put(inquiry(), Model([error]), spends)
    assert bool(put(inquiry(), purse=spends).model.questions) is not spent


def test_without_a_price_nothing_is_asked_under_a_budget() -> None:
    """What it costs is not known, so it might be anything."""
    found = put(replace(inquiry(), pricing=None), purse=purse("100"))
    assert (found.verdict, found.model.questions) == (UNKNOWN, [])


def test_a_model_that_is_not_listed_is_rejected_at_no_cost() -> None:
    """Listing is free, and a budget of nothing does not stand in its way."""
    found = put(inquiry(cheapest_models=True, budget=0.0), Model(listed=["other"]))
    assert (found.verdict, found.model.questions, found.lines) == (REJECTED, [], [])


@pytest.mark.parametrize("listed", [[MODEL], [], Unsupported("x"), Forbidden("x"), NotFound("x"), ProtocolError("x")])
def test_a_gateway_that_lists_nothing_is_asked_all_the_same(listed: object) -> None:
    """Not every gateway has the call, or gives it to every credential."""
    model = Model(listed=listed)  # type: ignore[arg-type]  # parametrize knows no types
    assert put(inquiry(cheapest_models=True), model).verdict is READY
    assert model.questions


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(Unauthorized("x", status=401), REJECTED), (Throttled("x"), UNKNOWN), (TimedOut("x"), UNKNOWN)],
)
def test_a_list_that_fails_ends_the_probe_before_it_costs(error: GatewayError, verdict: Verdict) -> None:
    """A gateway that is too busy for its list is not asked for what costs money."""
    found = put(inquiry(cheapest_models=True), Model(listed=error))
    assert (found.verdict, found.model.questions) == (verdict, [])


def everything(found: Probed) -> str:
    """All that leaves a probe."""
    return repr([found.checks, found.audit.events, found.purse])


@pytest.mark.parametrize(
    "answer",
    [
        reply(),
        reply(f'{{"mood": "{SAID}"}}'),
        reply(f'{{"{SAID}": 1}}'),
        reply(f"{SAID}@example.com"),
        reply(finish_reason=SAID),
        reply(model=SAID),
        Rejected(f"you wrote {ASKED}", status=400, request_id=ASKED),
        Rejected(f"the model declined: {SAID}"),
        IncompleteStream(ASKED, partial=SAID),
        ProtocolError(SAID),
    ],
)
def test_no_text_leaves_a_probe(answer: Reply | GatewayError) -> None:
    """Reports go to chats and dashboards, where a customer's or a model's words have no business."""
    found = put(inquiry(schema="s", safety="safe", finish_reason="stop", repairs=1), Model([answer]))
    assert ASKED not in everything(found)
    assert SAID not in everything(found)


def test_each_question_leaves_one_line() -> None:
    """The audit is what a bill is compared with."""
    (line,) = put(inquiry(safety="safe"), Model([reply("a@example.com")])).lines
    assert line["probe"] == "p"
    assert line["address"] == "prod/Endpoint/ep"
    assert (line["prompt_tokens"], line["completion_tokens"], Decimal(line["cost"])) == (100, 10, Decimal("0.002"))
    assert (line["safety"], line["safety_found"], line["outcome"]) == ("redacted", "email=1", "ok")
    assert "time" not in line  # the chain's own


def test_a_prompt_that_cannot_be_rendered_is_a_doubt() -> None:
    """It is our mistake, and not the endpoint's."""
    one = inquiry()
    found = put(replace(one, probe=replace(one.probe, variables={})))
    assert found.verdict is UNKNOWN
    assert "'word'" in found.checks[0].message


def test_a_detector_that_cannot_be_loaded_is_found_before_anything_is_asked() -> None:
    """An answer that cannot be judged is money for nothing."""

    class Missing:
        name = "presidio"

        def find(self, _text: str) -> Sequence[Span]:
            raise InferenceError("the extra is not installed")

    one = replace(inquiry(safety="safe"), screen=Screen(SafetyPolicy("safe"), [Missing()]))
    found = put(one)
    assert (found.verdict, found.model.questions) == (UNKNOWN, [])
