"""What a team asks of a tool beside its writes: reviews, records, and what else it looks after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from beside_day import pair, verdict
from beside_stage import KEY_A, NO, PARTLY, YES, Row, Seen, Stage, row
from beside_tools import Declared, Ours, Theirs
from relay import ECHO


def exit_codes(stage: Stage) -> Seen:
    wanted = pair(stage, "codes")
    stage.made(wanted)
    clean = stage.plan().code
    stage.tool.declare(replace(wanted, model="gpt-4"))
    changed = stage.plan().code
    stage.relay.once(lambda _write: True, ECHO)
    failed = stage.apply().code
    said = f"plan without changes {clean}, with changes {changed}, a refused write {failed}"
    return stage.seen(verdict(clean == 0 and changed == 2 and failed == 1), said)


def without_credentials(stage: Stage) -> Seen:
    wanted = pair(stage, "fork")
    stage.made(wanted)
    words = stage.tool.plan_words
    if isinstance(stage.tool, Ours):
        stage.run(["snapshot", "-o", "snapshot.json"])
        words = ["plan", "--against", "snapshot.json", "--detailed-exitcode"]
    secrets = {name for name in stage.tool.shell.environ if name.startswith(("KEY_", "LITELLM_"))}
    for name in secrets:
        stage.tool.shell.environ.pop(name)
    path = next(path for path in stage.tool.shell.folder.rglob("*.y*ml") if "gpt-4o" in path.read_text())
    path.write_text(path.read_text().replace("gpt-4o", "gpt-3.5-turbo"))
    done = stage.run(words)
    shown = done.code == 2 and "gpt-3.5-turbo" in done.out and not stage.last.reads
    return stage.seen(verdict(shown), "the change is shown, from a snapshot" if shown else "not possible")


def misspelt(stage: Stage) -> Seen:
    """`rpm` written wrong, and the name of the endpoint left out: before anything is asked or written."""
    wanted = Declared(stage.name("rpmm"), {"a": KEY_A}, rpm=600)
    found = []
    ours = isinstance(stage.tool, Ours)
    for wrong, right in (("rpmm", "requestsPerMinute" if ours else "rpm"), ("named", "name" if ours else "model_name")):
        stage.tool.declare(wanted)
        path = next(path for path in stage.tool.shell.folder.rglob("*.y*ml") if wanted.name in path.read_text())
        path.write_text(path.read_text().replace(f'"{right}"', f'"{wrong}"').replace(f"{right}:", f"{wrong}:"))
        stage.run(["validate"] if ours else stage.tool.plan_words)
        found.append(stage.last.code == 1 and not stage.last.reads)
    said = {
        (True, True): "both are found offline, at their lines",
        (False, True): "a missing name is found before any request, a misspelt parameter never",
    }.get((found[0], found[1]), "not found")
    return stage.seen(YES if all(found) else PARTLY if any(found) else NO, said)


def approved(stage: Stage) -> Seen:
    """What was reviewed is carried out and nothing else: the files change after the review."""
    wanted = pair(stage, "review")
    stage.made(wanted)
    stage.tool.declare(replace(wanted, model="gpt-4"))
    if isinstance(stage.tool, Theirs):
        assert "--out" not in stage.tool.shell.run("--help").out
        return stage.seen(NO, "plans cannot be kept: a run plans again and carries out what it finds")
    stage.run(["plan", "--out", "reviewed.plan"])
    stage.tool.declare(replace(wanted, model="gpt-3.5-turbo"))
    words = ["apply", "--auto-approve", "reviewed.plan"]
    refused = stage.run(words).code != 0 and not stage.last.writes
    cell = stage.seen(YES, "a plan file: what is not in it is refused, what is in it is carried out")
    stage.tool.declare(replace(wanted, model="gpt-4"))
    carried_out = stage.run(words).code == 0 and stage.param(wanted, "model") == "openai/gpt-4"
    return cell if refused and carried_out else stage.seen(NO, "a plan file, but it is not held to")


def recorded(stage: Stage) -> Seen:
    wanted = pair(stage, "record")
    stage.made(wanted)
    if isinstance(stage.tool, Theirs):
        assert not [path for path in stage.tool.shell.folder.iterdir() if path.name != "spec.yml"]
        return stage.seen(NO, "keeps nothing")
    told = "1 applied" in stage.run(["history"]).out
    unbroken = "verified" in stage.run(["audit", "verify"]).out
    good = told and unbroken
    return stage.seen(
        verdict(good), "`history`, and an audit file whose lines are chained" if good else "nothing found"
    )


def signed(stage: Stage) -> Seen:
    stage.made(pair(stage, "signed"))
    names = {write.by for write in stage.relay.writes}
    good = names == {stage.tool.name}
    said = "`litellm-changed-by` on every write" if good else "requests do not say who made them"
    return stage.seen(verdict(good), said)


def _refused(stage: Stage, wanted: Declared, field: str) -> Seen:
    """An Endpoint with a field that the language does not have."""
    stage.tool.declare(wanted)
    path = stage.tool.shell.folder / "manifests" / "fleet.yaml"
    path.write_text(path.read_text().replace('"model"', f'"{field}": 0.2, "model"'))
    done = stage.apply()
    assert done.code == 1
    assert field in done.out + done.err
    return stage.seen(NO, "refused at its line: an Endpoint has the fields that gateways share")


def _entry(tool: Theirs, wanted: Declared, part: str, **more: float) -> None:
    """One model with something more in its `litellm_params` or `model_info`."""
    model = tool.model(wanted, "a", wanted.name)
    model[part] |= more
    tool.write({"credentials": [tool.credential(f"{wanted.name}:a", KEY_A)], "models": [model]})


def free_parameters(stage: Stage) -> Seen:
    """Anything that LiteLLM takes: here a temperature."""
    wanted = Declared(stage.name("free"), {"a": KEY_A})
    if not isinstance(stage.tool, Theirs):
        return _refused(stage, wanted, "temperature")
    _entry(stage.tool, wanted, "litellm_params", temperature=0.2)
    stage.apply()
    assert stage.param(wanted, "temperature") == 0.2
    _entry(stage.tool, wanted, "litellm_params", temperature=0.3)
    noticed = stage.plan().code == 2
    stage.apply()
    later = "changes of it are noticed" if noticed else "a later change of it alone is not noticed"
    return stage.seen(YES if noticed else PARTLY, f"passed on as it stands; {later}")


def priced(stage: Stage) -> Seen:
    """What a model costs, as the example of the other tool's documentation gives it."""
    wanted = Declared(stage.name("price"), {"a": KEY_A}, model="some-chat-model")
    if not isinstance(stage.tool, Theirs):
        return _refused(stage, wanted, "inputCostPerMillionTokens")
    _entry(stage.tool, wanted, "model_info", input_cost_per_million_tokens=3.0)
    stage.apply()
    settled = stage.plan().code == 0
    _entry(stage.tool, wanted, "model_info", input_cost_per_million_tokens=4.0)
    noticed = stage.plan().code == 2
    stage.apply()
    first = "set, the next plan is empty" if settled else "set, but the next plan wants to set it again"
    return stage.seen(
        YES if settled and noticed else PARTLY, f"{first}; a change of it is {'' if noticed else 'not '}noticed"
    )


TENANCY: dict[str, Any] = {
    "budgets": [{"budget_id": "beside-budget", "max_budget": 100.0, "budget_duration": "30d"}],
    "users": [{"user_id": "beside-user", "user_alias": "beside", "user_role": "internal_user"}],
    "teams": [
        {
            "team_id": "beside-team",
            "team_alias": "beside",
            "members_with_roles": [{"user_id": "beside-user", "role": "user"}],
        }
    ],
    "virtual_keys": [{"key_alias": "beside-key", "key": "sk-beside-virtual-0123456789", "user_id": "beside-user"}],
}
PLACES = {
    "budgets": "/budget/list",
    "users": "/user/list",
    "teams": "/v2/team/list",
    "virtual keys": "/key/list?return_full_object=true",
}
SCREENING: dict[str, Any] = {
    "guardrails": [
        {
            "guardrail_name": "beside-guard",
            "litellm_params": {"guardrail": "litellm_content_filter", "mode": "pre_call"},
            "guardrail_info": {"description": "made up"},
        }
    ],
    "policies": [{"policy_name": "beside-policy", "description": "made up", "guardrails_add": ["beside-guard"]}],
}
SCREENS = {"guardrails": "/v2/guardrails/list", "policies": "/policies/list"}


def _tidy(stage: Stage) -> None:
    """Take away what `Person.wipe` does not know of."""
    for path, body in (
        ("/key/delete", {"key_aliases": ["beside-key"]}),
        ("/team/delete", {"team_ids": ["beside-team"]}),
        ("/user/delete", {"user_ids": ["beside-user"]}),
        ("/budget/delete", {"id": "beside-budget"}),
    ):
        stage.person.call("POST", path, body)
    for kind, path in (("guardrail", "/v2/guardrails/list"), ("policy", "/policies/list")):
        plural = {"guardrail": "guardrails", "policy": "policies"}[kind]
        for each in stage.person.call("GET", path)[1].get(plural, ()):
            if each[f"{kind}_name"].startswith("beside-"):
                stage.person.call("DELETE", f"/{plural}/{each[f'{kind}_id']}")


def _looked_after(stage: Stage, spec: dict[str, Any], places: dict[str, str]) -> Seen:
    if not isinstance(stage.tool, Theirs):
        stage.tool.declare(pair(stage, "other"))
        path = stage.tool.shell.folder / "manifests" / "other.yaml"
        path.write_text("apiVersion: reconciler/v1\nkind: Team\nmetadata: {name: beside}\nspec: {}\n")
        stage.run(["validate"])
        assert stage.last.code == 1
        return stage.seen(NO, "no such kinds")
    try:
        stage.tool.write(spec)
        stage.apply()
        made = [kind for kind, path in places.items() if "beside" in str(stage.person.call("GET", path)[1])]
        ended = stage.last.code == 0
        stage.plan()
        settled = ended and stage.last.code == 0
        then = "the next plan is empty" if settled else "the next plan is not empty" if ended else "the run fails"
        mark = YES if settled and len(made) == len(places) else PARTLY if made else NO
        return stage.seen(mark, f"{', '.join(made) or 'nothing'} made; {then}")
    finally:
        _tidy(stage)


def tenancy(stage: Stage) -> Seen:
    return _looked_after(stage, TENANCY, PLACES)


def screening(stage: Stage) -> Seen:
    return _looked_after(stage, SCREENING, SCREENS)


ROWS: dict[str, Row] = {
    "exit-codes": row("Exit codes tell changes and failures", exit_codes),
    "without-credentials": row("A plan without any credential", without_credentials),
    "misspelt": row("A misspelt field is found before anything is asked", misspelt),
    "approved": row("What was reviewed is carried out, and nothing else", approved),
    "recorded": row("A record of what was done", recorded),
    "signed": row("Writes say to LiteLLM which tool made them", signed),
    "free": row("Any parameter that LiteLLM has", free_parameters),
    "priced": row("What a model costs", priced),
    "tenancy": row("Budgets, users, teams and virtual keys", tenancy),
    "screening": row("Guardrails and policies", screening),
}
