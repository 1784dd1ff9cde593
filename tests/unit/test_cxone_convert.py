"""CXone's conversions at their edges, the readiness rule cell by cell, and the pace of the hot path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from time import process_time
from typing import Any

import pytest

from reconciler.errors import ProtocolError
from reconciler.model.resource import Readiness
from reconciler.model.run import Verdict
from reconciler.platforms.body import hint
from reconciler.platforms.cxone.convert import Reader
from reconciler.platforms.cxone.verify import checks

READER = Reader("prod")


def raw(**members: Any) -> dict[str, Any]:
    """An endpoint as a gateway shows it."""
    return {
        "endpointId": "ep-one",
        "version": 7,
        "name": "shown",
        "provider": "openai",
        "model": "gpt-4o",
        "credentials": [
            {"keyId": "k1", "apiKey": "****ab12", "priority": 2},
            {"keyId": "k2", "apiKey": "****cd34", "priority": 1},
        ],
        "rateLimits": {"requestsPerMinute": 5000, "concurrentConnections": 50, "maxTokensPerRequest": 128000},
        "fallbackStrategy": "failover",
        **members,
    }


MASKS: Mapping[str, tuple[Any, str]] = {
    "last four": ("****ab12", "ab12"),
    "three": ("****b12", "b12"),
    "full": ("********", ""),
    "null": (None, ""),
    "one star and much too much": ("*ey-0123456789", "6789"),
    "in clear": ("sk-0123456789", ""),
    "stars behind": ("sk-0****", ""),
    "a number": (12, ""),
}


@pytest.mark.parametrize("case", MASKS)
def test_a_hint_is_what_stands_behind_the_stars(case: str) -> None:
    """Hints tell a key that was replaced behind our back; a guess at one would cry drift each night."""
    masked, revealed = MASKS[case]
    assert hint(masked) == revealed


WRONG: Mapping[str, tuple[dict[str, Any], str]] = {
    "no id": (raw(endpointId=None), "no id"),
    "no name": (raw(name=None), "name"),
    "a page of HTML as model": (raw(model={"html": 1}), "model"),
    "credentials as a mapping": (raw(credentials={"k1": 1}), "credentials"),
    "a credential as text": (raw(credentials=["k1"]), "credential"),
    "a priority as text": (raw(credentials=[{"keyId": "k1", "priority": "2"}]), "priority"),
    "a priority as truth": (raw(credentials=[{"keyId": "k1", "priority": True}]), "priority"),
    "a keyId as number": (raw(credentials=[{"keyId": 1, "priority": 2}]), "keyId"),
    "a keyId twice": (raw(credentials=[{"keyId": "k", "priority": 2}, {"keyId": "k", "priority": 1}]), "twice"),
    "limits as a list": (raw(rateLimits=[1]), "rateLimits"),
    "a limit as text": (raw(rateLimits={"requestsPerMinute": "many"}), "requestsPerMinute"),
    "an endless limit": (raw(rateLimits={"requestsPerMinute": float("inf")}), "requestsPerMinute"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_shape_names_the_member_and_no_value(case: str) -> None:
    """Whoever runs the gateway needs the member; what stood there might be a secret."""
    document, member = WRONG[case]
    with pytest.raises(ProtocolError, match=member) as raised:
        READER.endpoint(document)
    assert raised.value.gateway == "prod"
    assert not any(value in str(raised.value) for value in ("html", "many", "ab12"))


def test_what_a_console_left_out_is_absent_and_not_an_error() -> None:
    """One endpoint made by hand without a strategy or limits must not make the whole tenant unreadable."""
    document = raw(fallbackStrategy=None)
    del document["rateLimits"]
    spec = READER.endpoint(document).spec
    assert "fallbackStrategy" not in spec
    assert "rateLimits" not in spec


def test_an_answer_about_another_endpoint_is_refused() -> None:
    """A cache in between that mixes answers up would have one endpoint overwritten with another's fields."""
    with pytest.raises(ProtocolError, match="asked for"):
        READER.endpoint(raw(), "ep-two")
    own_id = raw(id="8f2c", endpointId=None)
    assert READER.endpoint(own_id, "ep-one").remote_id == "ep-one"


def test_a_strange_key_id_stays_one_segment_of_its_path() -> None:
    """Live keys may be named by anybody: a slash in a name must not point at another leaf."""
    strange = [{"keyId": "a/b~c", "apiKey": "****ab12", "priority": 1}]
    assert READER.endpoint(raw(credentials=strange)).hints == {"/spec/credentials/a~1b~0c/apiKey": "ab12"}


def test_webhooks_may_have_numbers_for_ids() -> None:
    """The id is the gateway's own business; in a path it is text."""
    live = READER.webhook({"id": 7, "name": "h", "url": "https://h.example.com", "events": ["b", "a", "a"]})
    assert (live.remote_id, live.spec["events"]) == ("7", ["a", "b"])
    for wrong in ({"id": None}, {"id": True}, {"events": "a"}, {"events": [1]}, {"url": None}):
        with pytest.raises(ProtocolError):
            READER.webhook({"id": 7, "name": "h", "url": "https://h.example.com", "events": [], **wrong})


def test_ten_thousand_endpoints_are_converted_in_a_quarter_of_a_second() -> None:
    """Every plan of a large tenant pays this; processor time is measured, since tests run side by side."""
    page = json.loads(json.dumps([raw(endpointId=f"ep-{number}", name=f"n{number}") for number in range(10_000)]))
    best = 9.0
    for _ in range(5):
        reader, begun = Reader("prod"), process_time()
        found = [reader.endpoint(item) for item in page]
        best = min(best, process_time() - begun)
    assert best < 0.25
    assert found[0].spec["rateLimits"] is found[-1].spec["rateLimits"]


ANSWER = {"status": "ok", "latencyMs": 12, "quotaRemaining": 1001, "providerReachable": True}
READY, REJECTED, UNKNOWN = Verdict.READY, Verdict.REJECTED, Verdict.UNKNOWN
CELLS: Mapping[str, tuple[dict[str, Any], Readiness, dict[str, Verdict]]] = {
    "ready": ({}, Readiness(1000), {"reachable": READY, "quota": READY}),
    "unreachable": ({"providerReachable": False}, Readiness(0), {"reachable": REJECTED, "quota": READY}),
    "quota at the baseline": ({"quotaRemaining": 1000}, Readiness(1000), {"reachable": READY, "quota": REJECTED}),
    "no quota, no baseline": ({"quotaRemaining": 0}, Readiness(0), {"reachable": READY, "quota": REJECTED}),
    "quick enough": ({}, Readiness(0, 12), {"reachable": READY, "quota": READY, "latency": READY}),
    "too slow": ({"latencyMs": 12.5}, Readiness(0, 12), {"reachable": READY, "quota": READY, "latency": REJECTED}),
    "not told": ({"latencyMs": None}, Readiness(0, 12), {"reachable": READY, "quota": READY, "latency": UNKNOWN}),
    "not asked": ({"latencyMs": None}, Readiness(0), {"reachable": READY, "quota": READY}),
}


@pytest.mark.parametrize("case", CELLS)
def test_readiness_is_the_rule_of_the_contract(case: str) -> None:
    """Reachable alone is not enough: an endpoint without quota fails its first real callers."""
    members, readiness, verdicts = CELLS[case]
    found = checks(readiness, {**ANSWER, **members})
    assert {check.name: check.verdict for check in found} == verdicts
    assert all(check.message for check in found if check.verdict is not READY)


@pytest.mark.parametrize(
    "members",
    [
        {"providerReachable": "yes"},
        {"quotaRemaining": None},
        {"quotaRemaining": True},
        {"quotaRemaining": float("nan")},
    ],
)
def test_an_answer_without_the_rule_s_members_is_no_verdict(members: dict[str, Any]) -> None:
    """An unreadable validation is a doubt: turned into a rejection it would roll a good change back."""
    with pytest.raises(ProtocolError):
        checks(Readiness(), {**ANSWER, **members})
