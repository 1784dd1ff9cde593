"""A pull request from a fork: no secret in the environment, and still the plan."""

from __future__ import annotations

import json

import jsonschema
from scenario_bench import Bench, endpoint, webhook

from reconciler.render.schema import schema

CANARIES = ("sk-aaaaaaaaaaaaaaaaaaaaaaaa", "aaaa", "teams-secret-value", "hook-secret-0123456789")


def fork(bench: Bench) -> Bench:
    """The same checkout in a job that has no secret, no ledger, and no way to the gateway."""
    environ = {name: value for name, value in bench.environ.items() if "KEY" not in name and "SECRET" not in name}
    environ.pop("CLIENT_ID")
    environ["RECONCILER_DIRECTORY"] = str(bench.root / "elsewhere")
    return Bench(bench.root, "http://127.0.0.1:9", environ)


def test_the_same_changes_as_with_all_secrets(bench: Bench) -> None:
    """Whoever reviews a pull request from a fork must see what the merge will do, to the digest."""
    bench.manifests(endpoint("one"), endpoint("two"), endpoint("gone"), webhook("costs"))
    assert bench.apply().code == 0
    bench.edit("two", model="gpt-4o")
    assert bench.run("snapshot", "-o", "snapshot.json").code == 0
    bench.manifests(endpoint("one", rpm=7), endpoint("two"), endpoint("three"), webhook("costs"))
    bench.write("manifests/gateway.yaml", (bench.root / "manifests/gateway.yaml").read_text())
    whole = bench.plan().json
    apart = fork(bench).plan("--against", "snapshot.json")
    assert apart.code == 2, apart.out + apart.err
    bare = apart.json

    def essence(plan: dict[str, object]) -> object:
        drop = {"before", "after"}
        return [
            (c["address"], c["action"], [{k: v for k, v in f.items() if k not in drop} for f in c["fields"]])
            for c in plan["changes"]  # type: ignore[attr-defined]  # JSON
        ]

    assert essence(bare) == essence(whole)
    assert bare["digest"] == whole["digest"]
    assert bare["drift"] == whole["drift"]
    assert bare["summary"] == whole["summary"]
    assert bare["basis"]["secrets"] == "unavailable"
    assert {d["code"] for d in bare["diagnostics"]} == {"PLAN006", "CLI010"}


def test_a_rotation_is_called_undetermined_and_does_not_move_the_digest(bench: Bench) -> None:
    """The approval of a pull request must still fit at the merge, where the rotated key can be seen."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    assert bench.run("snapshot", "-o", "snapshot.json").code == 0
    bench.manifests(endpoint("one", rpm=7))
    bench.environ["KEY_A"] = "sk-rotated-cccccccccccccccc"
    bare = fork(bench).plan("--against", "snapshot.json").json
    assert [d["code"] for d in bare["diagnostics"]] == ["CLI010", "PLAN006"]
    assert not any(field["sensitive"] for change in bare["changes"] for field in change["fields"])
    run = bench.run("apply", "--expect", bare["digest"], "--format", "json")
    assert run.code == 0, run.out + run.err
    assert bench.endpoints()["one"]["credentials"][0]["apiKey"].endswith("cccc")


def test_a_rotation_waits_for_a_person_where_the_settings_ask(bench: Bench) -> None:
    """An approval of what stands in Git says nothing of what stands behind a reference."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    bench.write("reconciler.yaml", "rotations: ask\n")
    bench.environ["KEY_A"] = "sk-rotated-cccccccccccccccc"
    refused = bench.apply()
    assert refused.code == 3
    assert "CLI008" in refused.err
    assert bench.apply("--allow-rotations").code == 0


def test_a_snapshot_holds_nothing_of_a_secret(bench: Bench) -> None:
    """It is handed to jobs that run strangers' code: not even the four characters that a gateway reveals."""
    bench.manifests(endpoint("one"), webhook("costs"))
    assert bench.apply().code == 0
    assert bench.run("snapshot", "-o", "snapshot.json").code == 0
    text = (bench.root / "snapshot.json").read_text()
    jsonschema.validate(json.loads(text), schema("snapshot"))
    assert [canary for canary in CANARIES if canary in text] == []
    ledger = json.loads(text)["ledger"]["entries"]
    assert all(set(entry["hints"].values()) <= {"", "#1"} for entry in ledger)


def test_a_key_replaced_behind_our_back_shows_without_credentials(bench: Bench) -> None:
    """Labels for what a gateway reveals still tell another key from ours."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    bench.edit("one")
    assert bench.run("snapshot", "-o", "snapshot.json").code == 0
    plan = fork(bench).plan("--against", "snapshot.json").json
    assert [f["origin"] for c in plan["changes"] for f in c["fields"]] == ["drift"]


def test_a_gateway_that_is_not_in_the_snapshot_makes_the_plan_incomplete(bench: Bench) -> None:
    """Nothing is known of it: showing creations would be a guess."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    assert bench.run("snapshot", "-o", "snapshot.json").code == 0
    gateway = (bench.root / "manifests/gateway.yaml").read_text()
    bench.write("manifests/second.yaml", gateway.replace("name: prod", "name: second"))
    bench.manifests(endpoint("one").replace("{name: one}", "{name: one, gateways: [prod, second]}"))
    plan = fork(bench).plan("--against", "snapshot.json")
    assert plan.code == 1
    assert "WIRING006" in plan.out


def test_a_gateway_that_cannot_be_read_leaves_no_snapshot(bench: Bench) -> None:
    """Half a snapshot would plan that the other half be made again."""
    bench.manifests(endpoint("one"))
    bench.faults({"match": {"method": "GET", "path": "*/endpoints"}, "do": {"status": 403}})
    taken = bench.run("snapshot", "-o", "snapshot.json")
    assert taken.code == 1, taken.err
    assert not (bench.root / "snapshot.json").exists()


def test_what_is_no_snapshot_is_said_so(bench: Bench) -> None:
    """An artifact of another kind under the expected name is an easy mistake in a workflow."""
    bench.manifests(endpoint("one"))
    for text in ("", "[]", '{"format_version": "2.0"}', '{"format_version": "1.0", "taken_at": "x"}', "{" * 9000):
        bench.write("snapshot.json", text)
        plan = fork(bench).plan("--against", "snapshot.json")
        assert plan.code == 1
        assert "CLI009" in plan.err, plan.err
