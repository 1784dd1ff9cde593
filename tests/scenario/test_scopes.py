"""A run over part of the manifests: what it plans, and above all what it never removes."""

from __future__ import annotations

import pytest
from scenario_bench import Bench, endpoint, webhook


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
