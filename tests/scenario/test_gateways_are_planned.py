"""A Gateway steers where credentials go: it stands in every plan, and nothing leaves before that is approved."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from receiver import Ear, listening
from scenario_bench import GATEWAY, Bench, Finished, another_gateway, endpoint


def place(bench: Bench, url: str, **parts: str) -> None:
    """The Gateway leads there from now on; `parts` are texts to replace in its manifest."""
    text = GATEWAY.format(url=url, total=10)
    for old, new in parts.items():
        text = text.replace(old, new)
    bench.write("manifests/gateway.yaml", text)


def said(finished: Finished) -> str:
    """All that a command wrote."""
    return finished.out + finished.err


def gateway_changes(finished: Finished) -> list[dict[str, Any]]:
    """The changes of gateways themselves in a plan as JSON."""
    return [change for change in finished.json["changes"] if change["kind"] == "Gateway"]


def test_a_new_gateway_stands_in_the_plan_and_is_recorded_once(bench: Bench) -> None:
    """Whoever approves a plan approves where the credentials go; a recorded place is not asked about again."""
    bench.manifests(endpoint("one"))
    plan = bench.plan()
    assert [change["address"] for change in plan.json["gateways"]] == ["prod/Gateway/prod"]
    assert {f["path"]: f["after"] for f in plan.json["gateways"][0]["fields"]}["/spec/url"] == bench.url
    assert plan.json["summary"]["create"] == 1
    assert "= adopt prod/Gateway/prod  (seen for the first time)" in bench.run("plan").out
    assert "Plan: 1 to create, 0 to update, 0 to delete." in bench.run("plan").out
    assert bench.apply().code == 0
    again = bench.plan()
    assert again.code == 0, said(again)
    assert "gateways" not in again.json
    assert again.json["changes"] == []


def test_a_ledger_that_knows_no_gateways_is_told_by_one_apply(bench: Bench) -> None:
    """A fleet that an earlier version applied is in step after one apply, and its drift report stays quiet."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    assert bench.run("ledger", "forget", "prod/Gateway/prod").code == 0
    plan = bench.run("plan", "--detailed-exitcode")
    assert plan.code == 2
    assert "No changes" not in plan.out
    assert "1 gateway to record" in plan.out
    assert bench.run("drift").code == 0
    run = bench.apply()
    assert (run.code, run.json["outcomes"]) == (0, [])
    assert bench.plan().code == 0


CHANGES = [
    ("/spec/limits/concurrency", {"limits: {concurrency: 8}": "limits: {concurrency: 3}"}),
    ("/spec/timeouts/total", {"total: 10": "total: 11"}),
    ("/spec/prune", {"  limits:": "  prune: false\n  limits:"}),
    ("/spec/guardFloor", {"  limits:": "  guardFloor: none\n  limits:"}),
    ("/spec/paths/endpoint", {"  limits:": "  paths: {endpoint: '/api/v1/llm/gateway/endpoints/{id}'}\n  limits:"}),
    ("/spec/transport", {"  limits:": "  transport: http\n  limits:"}),
    ("/spec/labels/env", {"env: prod": "env: dev"}),
]


@pytest.mark.parametrize(("path", "parts"), CHANGES)
def test_a_change_of_a_gateway_is_a_change_like_any_other(bench: Bench, path: str, parts: dict[str, str]) -> None:
    """Settings of a gateway decide what may be deleted and overwritten: none of them changes behind a green plan."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    assert bench.run("snapshot", "-o", "snapshot.json").code == 0
    before = bench.plan().json["digest"]
    place(bench, bench.url, **parts)
    for arguments in ((), ("--against", "snapshot.json")):
        plan = bench.plan(*arguments)
        assert plan.code == 2, said(plan)
        assert [[f["path"] for f in c["fields"]] for c in gateway_changes(plan)] == [[path]]
        assert plan.json["summary"]["update"] == 1
        assert plan.json["digest"] != before
    digest = bench.plan().json["digest"]
    assert bench.run("apply", "--expect", before).code == 3
    assert bench.run("apply", "--expect", digest).code == 0
    assert bench.plan().code == 0


def test_a_changed_gateway_is_shown_in_every_output(bench: Bench) -> None:
    """A reviewer reads one of these, and it must be the one that says it."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    place(bench, bench.url, **{"concurrency: 8": "concurrency: 3"})
    bench.environ["GITHUB_OUTPUT"] = str(bench.root / "outputs")
    for shape in ("terminal", "json", "markdown", "html", "junit"):
        out = bench.run("plan", "--format", shape).out
        assert "Gateway" in out, shape
        assert "concurrency" in out, shape
    told = (bench.root / "outputs").read_text()
    assert "to-update=1" in told
    assert "has-changes=true" in told


LEADS = [
    {"oauth:": "oauth:\n      tokenUrl: {ear}/t"},
    {"  limits:": "  paths: {token: '{ear}/t'}\n  limits:"},
    {"  limits:": "  transport: websocket\n  webSocketUrl: '{socket}'\n  limits:"},
    {"clientSecret: {env: CLIENT_SECRET}": "clientSecret: {env: KEY_B}"},
]


def lead_away(bench: Bench, ear: Ear, parts: dict[str, str] | None) -> None:
    """The Gateway as a stranger would have it."""
    if parts is None:
        place(bench, ear.url)
        return
    filled = {
        old: new.replace("{ear}", ear.url).replace("{socket}", ear.url.replace("http", "ws"))
        for old, new in parts.items()
    }
    place(bench, bench.url, **filled)


@pytest.mark.parametrize("parts", [None, *LEADS])
def test_nothing_is_sent_where_a_manifest_leads_a_credential_away(bench: Bench, parts: dict[str, str] | None) -> None:
    """A proposal that changes one line must not be able to send the client secret to its own server."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    assert bench.run("snapshot", "-o", "snapshot.json").code == 0
    bench.forget_requests()
    bench.write("reconciler.yaml", 'allowedHosts: ["127.0.0.1"]\n')  # or a socket elsewhere is refused before that
    with listening() as ear:
        lead_away(bench, ear, parts)
        for command in (
            ("plan",),
            ("plan", "--against", "snapshot.json"),
            ("drift",),
            ("drift", "--verify"),
            ("verify",),
            ("snapshot", "-o", "other.json"),
            ("import",),
            ("apply",),
            ("apply", "--expect", "sha256:" + "0" * 64),
        ):
            blocked = bench.run(*command)
            assert blocked.code == 3, (command, said(blocked))
            assert "SAFETY011" in said(blocked), command
            assert "--allow-destination prod" in said(blocked), command
            assert "No changes" not in said(blocked), command
        plan = bench.plan()
        assert [change["action"] for change in gateway_changes(plan)] == ["update"]
        assert [change for change in plan.json["changes"] if change["kind"] != "Gateway"] == []
    assert (ear.knocks, ear.heard) == (0, b"")
    assert bench.requests()["last"] == []


def test_nothing_is_sent_before_an_unrelated_approval_is_found_out(bench: Bench) -> None:
    """An approval of something else is no approval to send the client secret anywhere."""
    bench.manifests(endpoint("one"))
    plan = bench.root / "plan.json"
    assert bench.run("plan", "--out", str(plan)).code == 0
    with listening() as ear:
        place(bench, ear.url)
        bench.write("approved", "sha256:" + "1" * 64 + "\n" + "a" * 16 + "\n")
        for how in (("--expect", "sha256:" + "0" * 64), ("--expect-file", "approved"), (str(plan), "manifests"), ()):
            blocked = bench.run("apply", *how)
            assert blocked.code == 3, (how, said(blocked))
            assert "SAFETY011" in said(blocked), how
    assert (ear.knocks, ear.heard) == (0, b"")


def test_an_approval_of_the_plan_lets_its_gateways_be_reached(bench: Bench) -> None:
    """The digest of a pull request covers where the credentials go: the merge needs no other word."""
    bench.manifests(endpoint("one"))
    plan = bench.root / "plan.json"
    digest = bench.plan("--out", str(plan)).json["digest"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
    assert bench.run("apply", "--expect", digest).code == 0
    bench.manifests(endpoint("one"), endpoint("two"))
    other = bench.plan("--out", str(plan)).json["digest"]
    assert other[7:31] != digest[7:31]
    assert bench.run("apply", str(plan), "manifests").code == 0


def test_a_destination_that_a_person_names_is_reached_and_recorded(bench: Bench) -> None:
    """A tenant that moves to another host is the same tenant: what is there is found, and nothing is made anew."""
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    place(bench, bench.url.replace("127.0.0.1", "localhost"))
    assert bench.run("plan").code == 3
    plan = bench.plan("--allow-destination", "prod")
    assert plan.code == 2, said(plan)
    assert [change["kind"] for change in plan.json["changes"]] == ["Gateway"]
    assert bench.apply("--allow-destination", "prod").code == 0
    assert bench.plan().code == 0
    assert bench.run("drift").code == 0


def test_another_tenant_is_said_and_nothing_is_made_on_it(bench: Bench) -> None:
    """Made anew on a second tenant, and left to itself on the first: nobody means that by a change of one line."""
    bench.manifests(endpoint("one"), endpoint("two"))
    assert bench.apply().code == 0
    first = bench.url
    with another_gateway(bench.root) as url:
        place(bench, url)
        blocked = bench.apply()
        assert blocked.code == 3, said(blocked)
        assert "SAFETY012" in said(blocked)
        assert "--allow-destination prod" in said(blocked)
        bench.url = url
        assert bench.endpoints() == {}
        allowed = bench.apply("--allow-destination", "prod")
        assert allowed.code == 0, said(allowed)
        assert set(bench.endpoints()) == {"one", "two"}
    bench.url = first


def test_a_gateway_that_is_taken_out_is_said_by_all(bench: Bench) -> None:
    """What was applied there stays live and nobody looks after it: no report may be silent about that."""
    second = GATEWAY.format(url="'embedded:'", total=10).replace("name: prod", "name: us")
    bench.write("manifests/us.yaml", second + "---\n" + endpoint("far").replace("name: far", "name: far, gateways: us"))
    bench.manifests(endpoint("one").replace("name: one", "name: one, gateways: prod"))
    assert bench.apply().code == 0
    (bench.root / "manifests/us.yaml").unlink()
    for command, code in ((("plan",), 3), (("drift",), 3), (("apply", "--auto-approve"), 3), (("verify",), 3)):
        finished = bench.run(*command)
        assert finished.code == code, (command, said(finished))
        assert "SAFETY010" in said(finished), command
        assert "'us'" in said(finished)
        assert "reconciler ledger forget 'us/*'" in said(finished).replace("\n", " ")
        assert "No changes" not in said(finished)
    assert bench.run("snapshot", "-o", "snapshot.json").code == 0
    assert bench.run("plan", "--against", "snapshot.json").code == 3
    listed = bench.run("ledger", "list")
    assert "SAFETY010" in listed.out
    assert bench.run("plan", "-g", "prod").code == 0
    assert bench.run("ledger", "forget", "us/*").code == 0
    assert bench.plan().code == 0


def test_a_gateway_that_is_renamed_takes_its_entries_along(bench: Bench) -> None:
    """A name in the manifests is ours alone: nothing on the gateway is made or removed for it."""
    bench.manifests(endpoint("one"), endpoint("two"))
    assert bench.apply().code == 0
    assert bench.run("snapshot", "-o", "snapshot.json").code == 0
    place(bench, bench.url, **{"name: prod": "name: main"})
    blocked = bench.run("plan")
    assert blocked.code == 3
    assert "movedFrom: prod" in said(blocked).replace("\n", " ")
    assert "'main' leads to the same place" in said(blocked).replace("\n", " ")
    place(bench, bench.url, **{"name: prod": "name: main, movedFrom: prod"})
    for arguments in ((), ("--against", "snapshot.json")):
        plan = bench.plan(*arguments)
        assert plan.code == 2, said(plan)
        assert [(c["address"], c["action"]) for c in plan.json["changes"]] == [("main/Gateway/main", "update")]
    bench.forget_requests()
    assert bench.apply().code == 0
    wrote = [
        r for r in json.dumps(bench.requests()).split('"method": ') if r.startswith(('"PUT"', '"DELETE"', '"PATCH"'))
    ]
    assert wrote == []
    assert bench.plan().code == 0
    addresses = [e["address"] for e in bench.run("ledger", "list", "--format", "json").json["entries"]]
    assert [a for a in addresses if a.startswith("prod/")] == []
    place(bench, bench.url, **{"name: prod": "name: main"})
    assert bench.plan().code == 0


def test_a_gateway_that_is_empty_and_taken_out_is_forgotten(bench: Bench) -> None:
    """Nothing of it is left anywhere, so that nothing has to be decided."""
    second = GATEWAY.format(url="'embedded:'", total=10).replace("name: prod", "name: us")
    bench.write("manifests/us.yaml", second)
    bench.manifests(endpoint("one").replace("name: one", "name: one, gateways: prod"))
    assert bench.apply().code == 0
    (bench.root / "manifests/us.yaml").unlink()
    plan = bench.plan()
    assert [(c["address"], c["action"]) for c in plan.json["changes"]] == [("us/Gateway/us", "forget")]
    assert bench.apply().code == 0
    assert bench.plan().code == 0
    assert "us" not in json.dumps(bench.run("ledger", "list", "--format", "json").json["entries"])


@pytest.mark.parametrize(("others", "code"), [(["prod"], "REF012"), (["more"], "REF013")])
def test_a_gateway_cannot_have_been_what_is_still_there(bench: Bench, others: list[str], code: str) -> None:
    """Two gateways of one past would share the entries of one tenant."""
    place(bench, bench.url, **{"name: prod": "name: main, movedFrom: prod"})
    for name in others:
        moved = "" if name == "prod" else ", movedFrom: prod"
        text = GATEWAY.format(url=bench.url, total=10).replace("name: prod", f"name: {name}{moved}")
        bench.write(f"manifests/{name}.yaml", text)
    found = bench.run("validate", "--format", "json").json["diagnostics"]
    assert [d["code"] for d in found if d["severity"] == "error"] == [code]


def test_the_box_follows_its_gateway_to_another_name(bench: Bench) -> None:
    """What stands in for a tenant stays the same tenant."""
    place(bench, "'embedded:'")
    bench.manifests(endpoint("one"))
    assert bench.apply().code == 0
    place(bench, "'embedded:'", **{"name: prod": "name: main, movedFrom: prod"})
    plan = bench.plan()
    assert [(c["address"], c["action"]) for c in plan.json["changes"]] == [("main/Gateway/main", "update")]
    assert bench.apply().code == 0
    assert bench.plan().code == 0


def test_a_part_of_the_fleet_judges_the_gateways_of_that_part(bench: Bench) -> None:
    """Whoever works on one team's files is not stopped by what another team left behind."""
    second = GATEWAY.format(url="'embedded:'", total=10).replace("name: prod", "name: us")
    far = endpoint("far").replace("name: far", "name: far, gateways: us")
    bench.write("manifests/us/fleet.yaml", second + "---\n" + far)
    bench.write("manifests/eu/fleet.yaml", endpoint("one").replace("name: one", "name: one, gateways: prod"))
    assert bench.apply().code == 0
    bench.write("manifests/us/fleet.yaml", "# nothing is left\n")
    assert bench.run("plan", "manifests/eu").code == 0
    assert "SAFETY010" in said(bench.run("plan"))


def test_fleets_that_share_a_ledger_judge_their_own_gateways(bench: Bench) -> None:
    """What another folder's manifests look after is no concern of this one's."""
    bench.manifests(endpoint("one"))
    bench.write("reconciler.yaml", "fleet: ours\nledger: shared.sqlite\n")
    assert bench.apply().code == 0
    other = Bench(
        bench.root / "other", bench.url, bench.environ | {"RECONCILER_LEDGER": str(bench.root / "shared.sqlite")}
    )
    other.write("reconciler.yaml", "fleet: theirs\n")
    other.write("manifests/us.yaml", GATEWAY.format(url="'embedded:'", total=10).replace("name: prod", "name: us"))
    other.manifests(endpoint("far"))
    assert other.apply().code == 0
    for each in (bench, other):
        assert each.plan().code == 0
        assert "SAFETY010" not in said(each.run("ledger", "list"))
    (other.root / "manifests/us.yaml").write_text(GATEWAY.format(url="'embedded:'", total=10).replace("prod", "eu"))
    assert "SAFETY010" in said(other.run("plan"))
    assert bench.plan().code == 0
