"""A run over part of the manifests: what it plans, and above all what it never removes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from scenario_bench import Bench, endpoint, webhook

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "one-team.md"


def of_team(name: str, team: str, **more: object) -> str:
    """An endpoint with its team's label."""
    return endpoint(name, **more).replace("metadata: {name: ", f"metadata: {{labels: {{team: {team}}}, name: ")  # type: ignore[arg-type]


@pytest.fixture
def teams(bench: Bench) -> Bench:
    """Two teams in folders of their own, and their gateway in a third; all of it applied."""
    text = (bench.root / "manifests" / "gateway.yaml").read_text(encoding="utf-8")
    (bench.root / "manifests" / "gateway.yaml").unlink()
    bench.write("manifests/gateways/prod.yaml", text)
    bench.write("manifests/team-a/a.yaml", "---\n".join([of_team("a-1", "a"), of_team("a-2", "a")]))
    bench.write("manifests/team-b/b.yaml", "---\n".join([of_team("b-1", "b"), of_team("b-2", "b")]))
    assert bench.apply().code == 0
    return bench


@pytest.mark.parametrize("paths", [("manifests/gateways", "manifests/team-a"), ("manifests/team-a",)])
def test_a_run_over_one_team_leaves_the_others_endpoints(teams: Bench, paths: tuple[str, ...]) -> None:
    """Whoever names a folder means that folder, and not that the rest of the fleet is to go."""
    assert teams.plan(*paths).code == 0
    teams.write("manifests/team-a/a.yaml", of_team("a-1", "a"))
    done = teams.apply(*paths)
    assert done.code == 0, done.err
    assert set(teams.endpoints()) == {"a-1", "b-1", "b-2"}
    assert teams.plan().code == 0


def test_a_selector_is_a_part_of_the_fleet(teams: Bench) -> None:
    """A label says whose an object is where folders do not, for what is removed as for what is made."""
    teams.write("manifests/team-a/a.yaml", "---\n".join([of_team("a-1", "a", rpm=77), of_team("a-3", "a")]))
    teams.write("manifests/team-b/b.yaml", of_team("b-1", "b", rpm=88))
    assert teams.apply("--selector", "team=a").code == 0
    live = teams.endpoints()
    assert set(live) == {"a-1", "a-3", "b-1", "b-2"}
    assert live["b-1"]["rateLimits"]["requestsPerMinute"] == 600
    assert teams.run("plan", "--selector", "team").code == 64


def test_what_moved_to_another_part_is_not_removed(teams: Bench) -> None:
    """A file that is moved from one team's folder to another's takes nothing off the gateway."""
    teams.write("manifests/team-a/a.yaml", of_team("a-1", "a"))
    teams.write("manifests/team-b/more.yaml", of_team("a-2", "a"))
    assert teams.plan("manifests/team-a").code == 0
    assert teams.apply("manifests/team-a").code == 0
    assert set(teams.endpoints()) == {"a-1", "a-2", "b-1", "b-2"}
    assert teams.apply().code == 0
    (teams.root / "manifests" / "team-b" / "more.yaml").unlink()
    assert teams.apply("manifests/team-b").code == 0
    assert set(teams.endpoints()) == {"a-1", "b-1", "b-2"}


def test_nothing_is_removed_on_a_guess(teams: Bench) -> None:
    """While another part cannot be read, nobody knows whether it declares what this part no longer does."""
    teams.write("manifests/team-a/a.yaml", of_team("a-1", "a"))
    teams.write("manifests/team-b/more.yaml", "kind: [")
    refused = teams.apply("manifests/team-a")
    assert refused.code == 3
    assert "PLAN021" in refused.err + refused.out
    assert set(teams.endpoints()) == {"a-1", "a-2", "b-1", "b-2"}


def test_a_policy_and_a_patch_count_wherever_they_stand(teams: Bench) -> None:
    """A team must not get round the rules of the whole by naming its own folder alone."""
    rule = "{properties: {spec: {properties: {model: {const: gpt-4-turbo}}}}}"
    head = "apiVersion: reconciler/v1\n"
    teams.write(
        "manifests/rules.yaml",
        f"{head}kind: Policy\nmetadata: {{name: p}}\nspec: {{match: {{kind: Endpoint}}, rule: {rule}, message: no}}\n",
    )
    teams.write("manifests/team-a/a.yaml", "---\n".join([of_team("a-1", "a", model="gpt-4o"), of_team("a-2", "a")]))
    assert teams.run("validate", "manifests/team-a").code == 1
    assert teams.run("validate", "manifests/team-b").code == 0


def test_drift_of_a_part_tells_of_that_part(teams: Bench) -> None:
    """A team's own cron must not report, or hide, what happens to another team."""
    teams.edit("b-1", rateLimits={"requestsPerMinute": 1, "concurrentConnections": 5, "maxTokensPerRequest": 8000})
    assert teams.run("drift", "manifests/team-a").code == 0
    assert teams.run("drift", "manifests/team-b").code == 2
    assert teams.run("drift", "--selector", "team=b").code == 2


def test_an_empty_part_removes_all_of_it_only_when_allowed(teams: Bench) -> None:
    """An empty folder looks like a wrong checkout, for a part as for a whole."""
    teams.write("manifests/team-a/a.yaml", "")
    refused = teams.apply("manifests/gateways", "manifests/team-a")
    assert refused.code == 3
    assert "SAFETY002" in refused.err
    assert teams.apply("manifests/gateways", "manifests/team-a", "--allow-empty").code == 0
    assert set(teams.endpoints()) == {"b-1", "b-2"}


def test_a_folder_that_is_not_there_is_an_error_at_its_name(teams: Bench) -> None:
    """A typing error in a path must not read as a part from which everything was taken out."""
    refused = teams.apply("manifests/team-x")
    assert refused.code == 1
    assert "FILE001" in refused.err
    assert len(teams.endpoints()) == 4


def test_webhooks_have_parts_as_endpoints_do(teams: Bench) -> None:
    """The rule is one of objects, not of one kind."""
    teams.write("manifests/team-b/hooks.yaml", webhook("costs"))
    assert teams.apply().code == 0
    assert teams.plan("manifests/team-a").code == 0
    (teams.root / "manifests" / "team-b" / "hooks.yaml").unlink()
    assert teams.plan("manifests/team-a").code == 0
    assert [c["address"] for c in teams.plan("manifests/team-b").json["changes"]] == ["prod/Webhook/costs"]


def head(kind: str, name: str, spec: str) -> str:
    """One document in two lines."""
    return f"apiVersion: reconciler/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def ledger(bench: Bench) -> dict[str, Any]:
    """What the ledger knows, by name."""
    listed = bench.run("ledger", "list", "--format", "json").json["entries"]
    return {entry["address"].rsplit("/", 1)[-1]: entry for entry in listed}


def test_a_path_elsewhere_besides_does_not_hide_the_rest(teams: Bench) -> None:
    """With one folder of the fleet and one beside it, what moved to another team is still declared."""
    teams.write("manifests/team-a/a.yaml", of_team("a-1", "a"))
    teams.write("manifests/team-b/more.yaml", of_team("a-2", "a"))
    teams.write("beside/c.yaml", of_team("c-1", "c"))
    assert teams.apply("manifests/team-a", "beside").code == 0
    assert set(teams.endpoints()) == {"a-1", "a-2", "b-1", "b-2", "c-1"}


def test_a_patch_does_not_move_what_it_patches(teams: Bench) -> None:
    """An object belongs to the file that declares it, wherever somebody else's patch for it stands."""
    merge = "{spec: {rateLimits: {requestsPerMinute: 77}}}"
    patch = head("Patch", "p", f"{{target: {{kind: Endpoint, name: b-1}}, merge: {merge}}}")
    teams.write("manifests/team-a/patch.yaml", patch)
    assert teams.apply("manifests/team-b").code == 0
    assert teams.endpoints()["b-1"]["rateLimits"]["requestsPerMinute"] == 77
    assert ledger(teams)["b-1"]["origin"] == "manifests/team-b/b.yaml"
    teams.write("manifests/team-a/a.yaml", of_team("a-1", "a"))
    assert teams.apply("manifests/team-a").code == 0
    assert set(teams.endpoints()) == {"a-1", "b-1", "b-2"}


@pytest.mark.parametrize("manage", ["full", "create-only"])
def test_the_ledger_follows_a_file_that_moves(teams: Bench, manage: str) -> None:
    """A team is renamed, and its part of the fleet with it; also what differs from its manifest has a place there."""
    lasting = of_team("a-2", "a", more=f"lifecycle: {{manage: {manage}}}\n")
    teams.write("manifests/team-a/a.yaml", "---\n".join([of_team("a-1", "a"), lasting]))
    assert teams.apply().code == 0
    if manage == "create-only":
        teams.edit("a-2", rateLimits={"requestsPerMinute": 1, "concurrentConnections": 5, "maxTokensPerRequest": 8000})
    (teams.root / "manifests" / "team-a").rename(teams.root / "manifests" / "team-c")
    assert teams.apply().code == 0
    assert {entry["origin"] for name, entry in ledger(teams).items() if name[0] == "a"} == {"manifests/team-c/a.yaml"}
    assert teams.plan("manifests/team-b").code == 0


def test_what_a_part_refers_to_must_be_there_whatever_the_rest_looks_like(teams: Bench) -> None:
    """An endpoint without its limits is an error of its own team, not a reason to pass over it without a word."""
    wrong = of_team("a-3", "a").replace(
        "rateLimits: {requestsPerMinute: 600, concurrentConnections: 5, maxTokensPerRequest: 8000}", "rateLimits: none"
    )
    teams.write("manifests/team-a/more.yaml", wrong)
    teams.write("manifests/team-b/more.yaml", "kind: [")
    found = teams.run("validate", "manifests/team-a", "--format", "json")
    assert found.code == 1
    assert {d["file"] for d in found.json["diagnostics"] if d["severity"] == "error"} == {"manifests/team-a/more.yaml"}
    assert teams.plan("manifests/team-a").code == 1


def test_a_part_that_loses_its_last_object_on_a_gateway_removes_it_there(teams: Bench) -> None:
    """The gateway stands in nobody's part, so that only the ledger tells that something of this part is there."""
    teams.write("manifests/team-a/a.yaml", "")
    refused = teams.apply("manifests/team-a")
    assert refused.code == 3
    assert "SAFETY002" in refused.err
    assert teams.apply("manifests/team-a", "--allow-empty").code == 0
    assert set(teams.endpoints()) == {"b-1", "b-2"}


@pytest.mark.parametrize("command", ["plan", "apply", "drift", "validate"])
def test_a_label_that_nothing_has_is_an_error(teams: Bench, command: str) -> None:
    """A typing error in a selector must not read as a fleet in which all is well."""
    done = teams.run(command, "--selector", "taem=a")
    assert done.code == 1, done.out + done.err
    assert "taem=a" in done.err + done.out


def test_only_the_gateways_of_a_part_need_their_credentials(teams: Bench) -> None:
    """A team's own job has the credentials of its own gateways, and no others."""
    text = (teams.root / "manifests" / "gateways" / "prod.yaml").read_text(encoding="utf-8")
    other = text.replace("{name: prod, labels: {env: prod}}", "{name: dev}").replace("CLIENT_SECRET", "DEV_SECRET")
    teams.write("manifests/gateways/dev.yaml", other)
    for team in "ab":
        text = (teams.root / "manifests" / f"team-{team}" / f"{team}.yaml").read_text(encoding="utf-8")
        teams.write(f"manifests/team-{team}/{team}.yaml", text.replace("labels:", "gateways: prod, labels:"))
    assert teams.plan("manifests/team-a").code == 0
    assert teams.plan("--selector", "team=a").code == 0
    assert "DEV_SECRET" in teams.plan().err


def test_a_snapshot_knows_the_parts(teams: Bench) -> None:
    """A pull request of one team is planned without credentials, and says what the apply will do, to the digest."""
    assert teams.run("snapshot", "--selector", "team=a", "-o", "taken.json").code == 0
    teams.write("manifests/team-a/a.yaml", of_team("a-1", "a"))
    for part in (("manifests/team-a",), ("--selector", "team=a")):
        live, offline = teams.plan(*part), teams.plan(*part, "--against", "taken.json")
        assert [c["address"] for c in offline.json["changes"]] == ["prod/Endpoint/a-2"]
        assert offline.json["digest"] == live.json["digest"]


def test_what_was_approved_of_a_part_is_applied_to_that_part(teams: Bench) -> None:
    """A plan of one team's folder is carried out as it was approved, by its file or by its digest."""
    teams.write("manifests/team-a/a.yaml", of_team("a-1", "a", rpm=77))
    teams.write("manifests/team-b/b.yaml", of_team("b-1", "b"))
    digest = teams.plan("manifests/team-a", "--out", "plan.json").json["digest"]
    assert teams.run("apply", "plan.json").code == 3
    assert teams.run("apply", "--expect", digest).code == 3
    assert teams.run("apply", "plan.json", "manifests/team-a").code == 0
    assert set(teams.endpoints()) == {"a-1", "b-1", "b-2"}
    teams.write("manifests/team-a/a.yaml", of_team("a-1", "a", rpm=78))
    digest = teams.plan("--selector", "team=a").json["digest"]
    assert teams.run("apply", "--expect", digest, "--selector", "team=a").code == 0


def test_the_guide_tells_what_works(teams: Bench) -> None:
    """Each command of the page does what stands beside it, in the order in which it is read."""
    told = re.findall(r"^reconciler .+$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(told) == 5
    teams.write("manifests/team-a/a.yaml", of_team("a-1", "a", rpm=99))
    teams.write("manifests/team-b/b.yaml", of_team("b-1", "b", rpm=88))
    for command in told:
        done = teams.run(*shlex.split(command)[1:])
        assert done.code == 0, command + done.out + done.err
        assert ("b-1" in done.out) == (command == "reconciler plan"), command + done.out
    live = teams.endpoints()
    assert set(live) == {"a-1", "b-1", "b-2"}
    assert (live["a-1"]["rateLimits"]["requestsPerMinute"], live["b-1"]["rateLimits"]["requestsPerMinute"]) == (99, 600)
