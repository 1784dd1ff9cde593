"""Green means known to be good: what was sent is proved, and what was not proved is not forgotten."""

from __future__ import annotations

import re
import signal
import time
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


TWO_KEYS = """\
    - {keyId: primary, priority: 2, apiKey: {env: KEY_A}}
    - {keyId: backup, priority: 1, apiKey: {env: KEY_B}}
"""
BAD_KEY = "sk-rejected-0123456789"
REJECTING = [{"pattern": "sk-rejected*", "answer": "rejected"}]


def matrix(name: str, *, more: str = "", **given: Any) -> str:
    """An endpoint with a primary key and one to fall back to."""
    first, _, rest = endpoint(name, more=more, **given).partition("  credentials:\n")
    return f"{first}  credentials:\n{TWO_KEYS}{rest.partition(chr(10))[2]}"


def checks(run: Any) -> dict[str, dict[str, Any]]:
    """Checks of the only outcome, by name."""
    (outcome,) = run.json["outcomes"]
    return {check["name"]: check for check in outcome["checks"]}


@pytest.mark.parametrize("rollout", ["candidate", "in-place"])
@pytest.mark.parametrize("broken", ["KEY_A", "KEY_B"])
def test_a_broken_new_key_does_not_hide_behind_the_other(bench: Bench, rollout: str, broken: str) -> None:
    """The day the fallback is needed is the wrong day to learn that the new key never worked."""
    bench.manifests(matrix("ep-one", more=f"  rollout: {rollout}\n"))
    assert bench.apply().code == 0
    before = shown_keys(bench, "ep-one")
    bench.environ[broken] = BAD_KEY
    bench.faults(keys=REJECTING)
    run = bench.apply()
    assert run.code == 4, run.out + run.err
    name = "primary" if broken == "KEY_A" else "backup"
    assert [check["status"] for key, check in checks(run).items() if f"key {name} reachable" in key] == ["rejected"]
    assert (shown_keys(bench, "ep-one") == before) == (rollout == "candidate")
    assert set(bench.endpoints()) == {"ep-one"}
    if rollout == "in-place":
        assert bench.run("verify").code == 4
    assert bench.apply().code == 4


@pytest.mark.parametrize("rollout", ["candidate", "in-place"])
def test_a_creation_with_a_broken_key_is_not_called_good(bench: Bench, rollout: str) -> None:
    """A new endpoint that works by its fallback alone has no fallback."""
    bench.faults(keys=REJECTING)
    bench.environ["KEY_A"] = BAD_KEY
    bench.manifests(matrix("ep-one", more=f"  rollout: {rollout}\n"))
    for _ in range(2):
        run = bench.apply()
        assert run.code == 4, run.out + run.err
        assert "key primary" in run.out
    bench.environ["KEY_A"] = "sk-cccccccccccccccccccccccc"
    assert bench.apply().code == 0
    assert bench.plan().code == 0
    assert set(bench.endpoints()) == {"ep-one"}


def test_endpoints_that_share_their_keys_prove_each_once(bench: Bench) -> None:
    """A matrix behind five hundred endpoints must not cost a thousand candidates."""
    bench.manifests(*(matrix(f"ep-{n}") for n in range(9)))
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    written = [r["path"] for r in bench.requests()["last"] if r["method"] == "PUT" and "candidate" in r["path"]]
    assert len(written) == 2
    assert bench.run("verify").code == 0


def test_candidates_wait_for_each_other_where_the_tenant_has_room_for_one(bench: Bench) -> None:
    """The limit of a tenant is met by one candidate at a time, and not by giving up the proof."""
    fleet = [matrix(f"ep-{n}", model=f"gpt-4-{n}") for n in range(6)]
    bench.manifests(*fleet)
    assert bench.apply().code == 0
    bench.faults(endpoint_limit=7)
    bench.environ["KEY_A"] = "sk-cccccccccccccccccccccccc"
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    assert set(bench.endpoints()) == {f"ep-{n}" for n in range(6)}


def test_where_no_candidate_fits_a_key_is_not_called_good(bench: Bench) -> None:
    """A full tenant still gets the change, and hears that the key is not proved, until there is room."""
    bench.manifests(matrix("ep-one"))
    assert bench.apply().code == 0
    bench.faults(endpoint_limit=1)
    bench.environ["KEY_A"] = "sk-cccccccccccccccccccccccc"
    run = bench.apply()
    assert run.code == 4, run.out + run.err
    assert checks(run)["key primary"]["status"] == "unknown"
    assert bench.plan().code == 2
    bench.faults()
    assert bench.apply().code == 0
    assert bench.plan().code == 0


def test_a_gateway_that_offers_no_way_says_so_and_can_be_used(bench: Bench) -> None:
    """A tenant without DELETE takes no candidates: its keys are not proved alone, which is said and decides nothing."""
    bench.faults(missing_calls=["endpoints.delete"])
    bench.manifests(matrix("ep-one"))
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    told = checks(run)
    assert {(told[f"key {name}"]["status"], told[f"key {name}"]["advisory"]) for name in ("primary", "backup")} == {
        ("unknown", True)
    }
    assert bench.plan().code == 0


def test_what_was_not_proved_is_proved_by_the_next_run(bench: Bench) -> None:
    """A second run that says "nothing to do" after a failed one turns a pipeline green over a dead endpoint."""
    bench.faults(keys=REJECTING)
    bench.environ["KEY_A"] = BAD_KEY
    bench.manifests(endpoint("ep-one"))
    assert bench.apply().code == 4
    for _ in range(2):
        planned = bench.plan()
        assert planned.code == 2, planned.out
        assert [d["code"] for d in planned.json["diagnostics"]] == ["PLAN011"]
        assert bench.run("drift").code == 2
        run = bench.apply()
        assert run.code == 4, run.out + run.err
        assert (run.json["outcomes"][0]["status"], run.json["outcomes"][0]["action"]) == ("unchanged", "noop")
    bench.environ["KEY_A"] = "sk-cccccccccccccccccccccccc"
    assert bench.apply().code == 0
    assert (bench.plan().code, bench.run("drift").code) == (0, 0)


def test_a_run_killed_before_its_verification_is_verified_by_the_next(bench: Bench) -> None:
    """A runner that dies between the write and the question must not leave an unasked question behind."""
    bench.manifests(endpoint("ep-one"))
    bench.faults({"match": {"path": "*/validate"}, "do": {"delay_ms": 20000}}, keys=REJECTING)
    bench.environ["KEY_A"] = BAD_KEY
    process = bench.start("apply", "--auto-approve")
    deadline = time.monotonic() + 20
    while not any("validate" in r["path"] for r in bench.requests()["last"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    bench.faults(keys=REJECTING)
    assert bench.plan().code == 2
    assert bench.apply().code == 4
    assert bench.apply().code == 4


def test_without_verification_the_next_run_is_the_one_that_asks(bench: Bench) -> None:
    """`--no-verify` puts the question off and does not answer it: nothing says that all is well meanwhile."""
    bench.faults(keys=REJECTING)
    bench.environ["KEY_A"] = BAD_KEY
    bench.manifests(endpoint("ep-one"))
    for _ in range(2):
        run = bench.apply("--no-verify")
        assert (run.code, [d["code"] for d in run.json["diagnostics"]]) == (0, ["PLAN011"])
        assert "1 not proved to work" in bench.run("apply", "--auto-approve", "--no-verify").out
        planned = bench.plan()
        assert (planned.code, [d["code"] for d in planned.json["diagnostics"]]) == (0, ["PLAN011"])
        for command in ("plan", "drift"):
            for shape in ("terminal", "markdown", "html"):
                out = bench.run(command, "--format", shape).out
                assert "1 not proved to work" in out, (command, shape)
                assert not re.search("No changes|No drift|Nothing to do|In step", out), (command, shape)
    assert bench.run("drift", "--verify").code == 2
    assert bench.run("verify").code == 4
    assert bench.apply().code == 4
    assert bench.apply("--no-verify").code == 4
    assert bench.plan().code == 2


def test_one_rejected_key_behind_many_endpoints_halts_the_run(bench: Bench) -> None:
    """One revoked key is one fault: it is told once, quickly, and nothing more is written with it."""
    bench.faults(keys=REJECTING)
    bench.environ["KEY_A"] = BAD_KEY
    bench.manifests(*(endpoint(f"ep-{n:02}").replace("deadlineSeconds: 2", "deadlineSeconds: 60") for n in range(40)))
    run = bench.apply()
    assert run.code == 4, run.out + run.err
    statuses = [outcome["status"] for outcome in run.json["outcomes"]]
    assert statuses.count("skipped") >= 40 - 3 - 8
    assert [d["code"] for d in run.json["diagnostics"]].count("ENGINE006") == 1
    assert "env:KEY_A" in run.out
    asked = [r for r in bench.requests()["last"] if "validate" in r["path"]]
    assert len(asked) == 40 - statuses.count("skipped")


def test_a_signal_ends_the_waiting_at_once(bench: Bench) -> None:
    """A CI system that cancels a job kills it soon after: what was written must be on record by then."""
    bench.manifests(*(endpoint(f"ep-{n}").replace("deadlineSeconds: 2", "deadlineSeconds: 3000") for n in range(4)))
    bench.faults({"match": {"path": "*/validate"}, "do": {"validate": {"providerReachable": False}}})
    process = bench.start("apply", "--auto-approve", "--format", "json")
    deadline = time.monotonic() + 20
    while sum("validate" in r["path"] for r in bench.requests()["last"]) < 8 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert bench.plan().code == 2
    bench.faults()
    assert bench.apply().code == 0
    assert bench.plan().code == 0


def test_a_creation_that_outlives_its_killed_run_is_ours(bench: Bench) -> None:
    """The gateway works on after its client is gone; a retry at once must not make our own object a stranger's."""
    bench.manifests(endpoint("ep-one"))
    bench.faults({"match": {"method": "PUT"}, "do": {"delay_ms": 2500}})
    process = bench.start("apply", "--auto-approve")
    deadline = time.monotonic() + 20
    while not any(r["method"] == "PUT" for r in bench.requests()["last"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    bench.environ["KEY_A"] = OTHER_KEY
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    assert shown_keys(bench, "ep-one") == ["****9999"]
    assert bench.plan().code == 0


def test_a_stranger_in_the_place_of_a_killed_creation_stays_a_stranger(bench: Bench) -> None:
    """An intent of ours is no right to what somebody else made there meanwhile."""
    bench.manifests(endpoint("ep-one"))
    bench.faults({"match": {"method": "PUT"}, "do": {"delay_ms": 20000}})
    process = bench.start("apply", "--auto-approve")
    deadline = time.monotonic() + 20
    while not any(r["method"] == "PUT" for r in bench.requests()["last"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    bench.faults()
    body = {
        "name": "theirs",
        "provider": "anthropic",
        "model": "claude",
        "credentials": [{"keyId": "k", "apiKey": "sk-colleague-0123456789", "priority": 1}],
        "rateLimits": {"requestsPerMinute": 1, "concurrentConnections": 1, "maxTokensPerRequest": 1},
        "fallbackStrategy": "failover",
    }
    bench.call("PUT", "/api/v1/llm/gateway/endpoints/ep-one", body, bench.token())
    assert bench.apply().code == 3
    assert bench.endpoints()["ep-one"]["name"] == "theirs"


def test_old_reads_after_our_own_write_are_waited_for(bench: Bench) -> None:
    """A copy that is behind its gateway by a moment is neither drift nor a colleague."""
    bench.manifests(endpoint("ep-one"), endpoint("ep-two"))
    assert bench.apply().code == 0
    bench.manifests(endpoint("ep-one", rpm=601), endpoint("ep-two", rpm=601))
    listed = "/api/v1/llm/gateway/endpoints"
    bench.faults({"match": {"method": "GET", "path": listed, "after": 1, "times": 2}, "do": {"stale": True}})
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    bench.faults({"match": {"method": "GET", "path": listed, "times": 2}, "do": {"stale": True}})
    assert bench.plan().code == 0
    bench.manifests(endpoint("ep-one", rpm=602), endpoint("ep-two", rpm=602))
    bench.faults({"match": {"method": "GET", "path": f"{listed}/*", "times": 4}, "do": {"stale": True}})
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    assert bench.plan().code == 0


def test_a_candidate_that_appeared_after_its_run_had_given_it_up_is_removed_by_the_next(bench: Bench) -> None:
    """A gateway may finish a creation when nobody waits for it any more: the key in it would stay there for ever."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    [run] = bench.run("history", "--format", "json").json["runs"]
    ours, strangers = f"one-candidate-{run['run_id'][-8:]}", "one-candidate-00000000"
    body = bench.endpoints()["one"]
    for name in (ours, strangers):
        made = {key: value for key, value in body.items() if key not in {"endpointId", "version"}}
        made |= {"name": name, "credentials": [{"keyId": "key-1", "apiKey": "sk-of-a-candidate-0123", "priority": 1}]}
        bench.call("PUT", f"/api/v1/llm/gateway/endpoints/{name}", made, bench.token())
    plan = bench.plan()
    told = [d["detail"] for d in plan.json["diagnostics"] if d["code"] == "ENGINE010"]
    assert len(told) == 1
    assert ours in told[0]
    assert bench.apply().code == 0
    assert set(bench.endpoints()) == {"one", strangers}
    assert bench.apply().json["status"] == "nothing"
