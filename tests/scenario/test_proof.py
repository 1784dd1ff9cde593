"""Green means known to be good: what was sent is proved, and what was not proved is not forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from scenario_bench import Bench, endpoint, webhook

OTHER_KEY = "sk-another-0123456789-9999"


def shown_keys(bench: Bench, name: str) -> list[str]:
    """What the gateway shows of the keys of an endpoint, the first in use first."""
    return [credential["apiKey"] for credential in bench.endpoints()[name]["credentials"]]


def fields(plan: Any) -> list[tuple[str, str]]:
    """Paths and origins of all that a plan would change."""
    return [(field["path"], field["origin"]) for change in plan["changes"] for field in change["fields"]]


@pytest.mark.parametrize("key", [OTHER_KEY, "sk-another-aaaaaaaaaaaaaaaa"], ids=["another ending", "the same ending"])
def test_a_key_that_changes_together_with_the_gateways_credential_is_sent(bench: Bench, key: str) -> None:
    """After an incident all secrets are replaced at once: the new key must arrive, whatever the comparison can tell."""
    bench.manifests(endpoint("ep-one"))
    assert bench.apply().code == 0
    bench.environ |= {"CLIENT_SECRET": "the-new-secret-of-the-team", "KEY_A": key}
    planned = bench.plan()
    assert (planned.code, fields(planned.json)) == (2, [("/spec/credentials/key-1/apiKey", "uncompared")])
    assert "could not be compared" in bench.run("plan").out
    assert bench.apply().code == 0
    assert shown_keys(bench, "ep-one") == ["****" + key[-4:]]
    assert bench.plan().code == 0


def test_a_run_without_the_earlier_fingerprint_key_claims_nothing(bench: Bench) -> None:
    """An apply that writes something else, and one that fails, must not record an unsent key as sent."""
    bench.manifests(endpoint("ep-one"), webhook("hook"))
    assert bench.apply().code == 0
    bench.environ |= {"CLIENT_SECRET": "the-new-secret-of-the-team", "KEY_A": OTHER_KEY}
    bench.faults({"match": {"method": "PUT", "path": "*/endpoints/ep-one"}, "do": {"status": 500}})
    assert bench.apply().code == 1
    bench.faults()
    assert fields(bench.plan().json) == [("/spec/credentials/key-1/apiKey", "uncompared")]
    assert bench.apply().code == 0
    assert shown_keys(bench, "ep-one") == ["****9999"]


def test_a_new_credential_of_the_gateway_does_not_stop_the_fleet(bench: Bench) -> None:
    """A credential that is replaced every quarter must not trip the breaker against mass changes."""
    bench.manifests(*(endpoint(f"ep-{n}") for n in range(12)))
    assert bench.apply().code == 0
    bench.environ["CLIENT_SECRET"] = "the-new-secret-of-the-team"
    assert bench.apply().code == 0
    assert bench.plan().code == 0
