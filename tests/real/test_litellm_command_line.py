"""A team works with a real LiteLLM through the command line."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from asking import SAID, SECRET, declared, probed, streaming, turned
from litellm_bench import GATEWAY, manifest
from litellm_person import Person
from relay import PASS, Relay, Write
from scenario_bench import Bench, Finished
from server_litellm import Stack

pytestmark = pytest.mark.real

KEY_A, KEY_B = "sk-aaaaaaaaaaaaaaaa", "sk-bbbbbbbbbbbbbbbb"


def good(run: Finished) -> Any:
    """The report of a command that went well."""
    assert run.code == 0, run.out + run.err
    return run.json


def changes(run: Finished) -> Mapping[str, Any]:
    """The plan's changes by address."""
    return {change["address"]: change for change in run.json["changes"]}


def settled(bench: Bench) -> None:
    """Nothing is left to do."""
    plan = bench.plan()
    assert plan.code == 0, plan.out + plan.err
    assert plan.json["changes"] == []


LIMITED = "  rateLimits: {requestsPerMinute: 600}\n  timeoutMs: 9000\n"


def test_an_endpoint_lives_its_whole_life(checkout: Bench, person: Person) -> None:
    """Made, found unchanged, changed, relieved of a limit, given another key, and removed, each by one apply."""
    backup = manifest("backup", model="gpt-4", keys="b")
    fallback = "  fallbackModels: [backup]\n"
    after = "lifecycle: {dependsOn: [Endpoint/backup]}\n"
    checkout.manifests(backup, manifest("life", more=LIMITED + fallback, lifecycle=after))
    good(checkout.apply())
    settled(checkout)
    assert person.ask("life") == (KEY_A, "life:key-a")
    assert person.fallbacks() == {"life": ["backup"]}

    checkout.manifests(backup, manifest("life", model="gpt-4", more=LIMITED + fallback, lifecycle=after))
    good(checkout.apply())
    settled(checkout)
    assert person.deployments()["life:key-b"]["model"] == "openai/gpt-4"

    checkout.manifests(backup, manifest("life", model="gpt-4"))
    good(checkout.apply())
    settled(checkout)
    assert person.fallbacks() == {}
    assert person.deployments()["life:key-a"].keys().isdisjoint({"rpm", "timeout"})

    checkout.environ["KEY_A"] = "sk-another-0123456789"
    plan = checkout.plan()
    assert plan.code == 2, plan.out
    assert "sk-another" not in plan.out
    good(checkout.apply())
    settled(checkout)
    assert person.ask("life") == ("sk-another-0123456789", "life:key-a")

    checkout.manifests(backup)
    good(checkout.apply())
    settled(checkout)
    assert list(person.deployments()) == person.credentials() == ["backup:key-b"]


def test_the_second_key_serves_when_the_first_is_refused(checkout: Bench, person: Person) -> None:
    """This is what the order of credentials is for: proven by the answer of a call, not by a setting."""
    checkout.environ["KEY_A"] = "sk-bad-aaaaaaaaaaaaaaaa"
    checkout.manifests(manifest("over"))
    run = checkout.apply()
    assert run.code != 0  # the refused key is told ...
    assert "sk-bad" not in run.out + run.err
    assert "401" in run.out
    assert person.ask("over") == (KEY_B, "over:key-b")  # ... and the endpoint serves
    checkout.environ["KEY_A"] = KEY_A
    good(checkout.apply())
    assert sorted(person.deployments()) == ["over:key-a", "over:key-b"]


@pytest.mark.parametrize("group", ["asked", "a-group/of-theirs"])
def test_probes_and_bots_ask_for_the_group(group: str, checkout: Bench, person: Person, tmp_path: Path) -> None:
    """Callers of the proxy name the group, and prices go by the model behind it."""
    named = manifest("asked", keys="a").replace("{name: asked}", f"{{name: asked, remoteId: {group}}}")
    with streaming(tmp_path, KEY_A, KEY_B) as upstream:
        checkout.write("manifests/gateway.yaml", GATEWAY.format(url=person.url, upstream=upstream))
        checkout.environ["HOOK_SECRET"] = SECRET
        checkout.manifests(named, declared("asked"))
        good(checkout.apply())
        assert [each["model_name"] for each in person.deployments().values()] == [group]
        assert set(probed(checkout).values()) == {"ready"}
        answer = turned(checkout)
    assert answer["source"] == "llm_gateway", answer
    assert answer["messages"] == [{"text": SAID}]
    assert answer["metrics"]["model"] == "gpt-4o"
    assert answer["metrics"]["cost_usd"] > 0


def test_a_gate_takes_back_an_endpoint_whose_key_the_provider_refuses(
    checkout: Bench, person: Person, tmp_path: Path
) -> None:
    """A key that was good for the proxy's own check, and is not for a question, must not stay in service."""
    with streaming(tmp_path, KEY_B, KEY_A) as upstream:
        checkout.write("manifests/gateway.yaml", GATEWAY.format(url=person.url, upstream=upstream))
        checkout.environ["HOOK_SECRET"] = SECRET
        checkout.manifests(manifest("asked", keys="a"), declared("asked"))
        run = checkout.apply("--on-failure", "rollback")
    assert run.code == 4, run.out + run.err
    assert person.holds(set()), run.out + run.err


def test_a_new_key_that_is_refused_never_reaches_the_endpoint(checkout: Bench, person: Person) -> None:
    """A rotation to a mistyped key is proven beside the endpoint first, and stops there."""
    checkout.manifests(manifest("proof"))
    good(checkout.apply())
    checkout.environ["KEY_A"] = "sk-bad-typo-0123456789"
    run = checkout.apply()
    assert run.code != 0
    assert "sk-bad" not in run.out + run.err
    assert person.ask("proof") == (KEY_A, "proof:key-a")


@pytest.mark.parametrize(
    "deed", ["changed", "redirected", "removed", "blocked", "key gone", "key replaced", "fallback gone"]
)
def test_drift_by_hand_is_found_and_repaired(deed: str, checkout: Bench, person: Person) -> None:
    """Somebody with the master key is faster than a pull request, and forgets to say so."""
    more, after = "  fallbackModels: [backup]\n", "lifecycle: {dependsOn: [Endpoint/backup]}\n"
    checkout.manifests(manifest("backup", keys="a"), manifest("drift", more=more, lifecycle=after))
    good(checkout.apply())
    before = person.deployments()
    value = {"api_key": "sk-of-somebody-else-xyz"}
    theirs = {"credential_name": "drift:key-a", "credential_values": value, "credential_info": {}}
    hands: Mapping[str, Callable[[], object]] = {
        "changed": lambda: person.change("drift:key-b", model="openai/gpt-3.5-turbo"),
        "redirected": lambda: person.change("drift:key-b", api_base="http://127.0.0.1:9/elsewhere"),
        "removed": lambda: person.make("/model/delete", {"id": "drift:key-b"}),
        "blocked": lambda: person.make("/model/block", {"model_id": "drift:key-b"}),
        "key gone": lambda: person.make("/credentials/drift%3Akey-b", None, "DELETE"),
        "key replaced": lambda: person.make("/credentials/drift%3Akey-a", theirs, "PATCH"),
        "fallback gone": lambda: person.make("/fallback/drift", None, "DELETE"),
    }
    hands[deed]()
    seen = checkout.run("drift", "--format", "json")
    assert seen.code == 2, seen.out + seen.err
    assert [change["address"] for change in seen.json["drift"]] == ["prod/Endpoint/drift"]
    good(checkout.apply())
    settled(checkout)
    assert person.deployments() == before
    assert person.fallbacks() == {"drift": ["backup"]}
    assert person.ask("drift") == (KEY_A, "drift:key-a")


def test_what_was_made_by_hand_is_imported_and_the_plan_is_empty(
    checkout: Bench, person: Person, relay: Relay, stack: Stack
) -> None:
    """Taking over writes nothing to the proxy; the first key that is then given makes the deployment ours."""
    for name in ("openai-a", "openai-b"):
        body = {"credential_name": name, "credential_values": {"api_key": KEY_A}, "credential_info": {"by": "hand"}}
        person.make("/credentials", body)
    common: dict[str, Any] = {"model": "openai/gpt-4o", "api_base": stack.upstream}
    person.add("by-hand", "first", order=1, litellm_credential_name="openai-a", rpm=500, **common)
    person.add("by-hand", "second", order=2, litellm_credential_name="openai-b", rpm=500, **common)
    person.add("inline", "inline-1", api_key=KEY_A, model="gpt-4o", api_base=stack.upstream)
    imported = good(checkout.run("import", "--format", "json"))
    assert len(imported["imported"]) == 2
    settled(checkout)
    assert relay.writes == []

    text = "".join(path.read_text() for path in (checkout.root / "manifests").glob("*.yaml"))
    names = {word.strip(" }") for line in text.splitlines() for word in line.split("env:")[1:]}
    checkout.environ.update(dict.fromkeys(names - {"LITELLM_KEY"}, KEY_B))
    path = next(p for p in (checkout.root / "manifests").glob("*.yaml") if "model: gpt-4o" in p.read_text())
    path.write_text(path.read_text().replace("model: gpt-4o", "model: gpt-4"))
    good(checkout.apply())
    settled(checkout)
    assert sorted(person.deployments()) == ["by-hand:first", "by-hand:second", "inline:inline-1"]
    assert {"openai-a", "openai-b"} <= set(person.credentials())  # they may serve others
    assert person.ask("by-hand") == (KEY_B, "by-hand:first")
    assert person.ask("inline") == (KEY_B, "inline:inline-1")


def killed(bench: Bench, relay: Relay, index: int, *arguments: str) -> bool:
    """Apply, and be killed for good while the write number `index` is on its way; False when there is none."""
    relay.hold_at(index)
    process = bench.start("apply", "--auto-approve", "--format", "json", *arguments)
    try:
        while process.poll() is None and not relay.held.wait(0.05):
            pass
        was_held = relay.held.is_set()
        process.send_signal(signal.SIGKILL)
    finally:
        process.communicate()
        relay.rule = lambda _write: PASS
    return was_held


def test_killed_at_any_write_the_next_apply_finishes_without_doubles(
    checkout: Bench, person: Person, relay: Relay
) -> None:
    """One write of ours is several requests: wherever the runner dies, the same command must end where it should."""
    wanted = {"crash:key-a", "crash:key-b"}
    for index in range(20):
        person.wipe()
        shutil.rmtree(checkout.root / ".reconciler", ignore_errors=True)
        checkout.manifests(manifest("crash", more=LIMITED))
        was_held = killed(checkout, relay, index)
        good(checkout.apply())
        settled(checkout)
        assert person.holds(wanted)
        if not was_held:
            break
    assert index > 4
    assert person.ask("crash")[0] == KEY_A


def test_killed_in_a_change_or_a_removal_the_next_apply_finishes(checkout: Bench, person: Person, relay: Relay) -> None:
    """Also where a deployment has to go before its successor comes, and where keys go with their endpoint."""
    fleet = [manifest("shift", more=LIMITED), manifest("shift", model="gpt-4", keys="bc")]
    checkout.environ["KEY_C"] = "sk-cccccccccccccccc"
    for step, text in ((0, fleet[1]), (1, "")):
        for index in range(20):
            checkout.manifests(fleet[0])
            good(checkout.apply())
            checkout.manifests(manifest("other", keys="a"), *([text] if text else []))
            was_held = killed(checkout, relay, index)
            good(checkout.apply())
            settled(checkout)
            wanted = {"other:key-a", *(("shift:key-b", "shift:key-c") if step == 0 else ())}
            assert person.holds(wanted)
            if not was_held:
                break
        assert index > 3


def test_deployments_are_changed_one_at_a_time(checkout: Bench, person: Person, relay: Relay) -> None:
    """Each change makes LiteLLM load what its database held a moment ago: two at once, and one of them is forgotten."""
    under_way: list[str] = []
    together: set[str] = set()

    def rule(write: Write) -> str:
        if not write.path.startswith("/model/"):
            return PASS
        under_way.append(write.path)
        time.sleep(0.05)
        if len(under_way) > 1:
            together.update(under_way)
        under_way.remove(write.path)
        return PASS

    relay.rule = rule
    names = [f"many-{n}" for n in range(6)]
    checkout.manifests(*(manifest(name) for name in names))
    good(checkout.apply())
    checkout.manifests(*(manifest(name, model="gpt-4") for name in names))
    good(checkout.run("apply", "--auto-approve", "--format", "json", "--allow-mass-change"))
    assert together == set()
    assert set(person.deployments()) == {f"{name}:key-{key}" for name in names for key in "ab"}
