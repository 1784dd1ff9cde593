"""Somebody with the master key is faster than a pull request: what is seen of it, and what is put right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from beside_day import pair, verdict
from beside_stage import KEY_A, KEY_B, KEY_C, NO, PARTLY, YES, Row, Seen, Stage, row
from beside_tools import Declared, Ours

ELSEWHERE = "http://127.0.0.1:9/elsewhere"
Deed = Callable[[Stage, Declared], object]


def _model(stage: Stage, wanted: Declared) -> None:
    stage.person.change(f"{wanted.name}:b", model="openai/gpt-3.5-turbo")


def _address(stage: Stage, wanted: Declared) -> None:
    stage.person.change(f"{wanted.name}:b", api_base=ELSEWHERE)


def _limit(stage: Stage, wanted: Declared) -> None:
    stage.person.change(f"{wanted.name}:b", rpm=1)


def _deleted(stage: Stage, wanted: Declared) -> None:
    stage.person.make("/model/delete", {"id": f"{wanted.name}:b"})


def _blocked(stage: Stage, wanted: Declared) -> None:
    stage.person.make("/model/block", {"model_id": f"{wanted.name}:b"})


def _credential(stage: Stage, wanted: Declared) -> None:
    stage.person.make(f"/credentials/{wanted.name}%3Ab", None, "DELETE")


def _key(stage: Stage, wanted: Declared) -> None:
    body = {"credential_name": f"{wanted.name}:b", "credential_values": {"api_key": KEY_C}, "credential_info": {}}
    stage.person.make(f"/credentials/{wanted.name}%3Ab", body, "PATCH")


def _twin(stage: Stage, wanted: Declared) -> None:
    """The proxy shows the ends of a key: here they are those of the good one."""
    body = {"credential_values": {"api_key": f"{KEY_B[:8]}other{KEY_B[13:]}"}, "credential_info": {}}
    stage.person.make(f"/credentials/{wanted.name}%3Ab", {"credential_name": f"{wanted.name}:b", **body}, "PATCH")


def _second(stage: Stage, wanted: Declared) -> None:
    stage.person.add(wanted.name, "by-hand", model="openai/gpt-4o", api_base=stage.upstream, api_key=KEY_C)


def _shown(stage: Stage) -> Any:
    """All that the proxy lists of deployments, blocked ones marked, and of credentials."""
    listed = stage.person.call("GET", "/v2/model/info?size=1000")[1]["data"]
    blocked = sorted(each["model_info"]["id"] for each in listed if each["model_info"].get("blocked"))
    masks = {
        each["credential_name"]: each["credential_values"]
        for each in stage.person.call("GET", "/credentials")[1]["credentials"]
    }
    return stage.person.deployments(), blocked, masks


def drifted(deed: Deed, stage: Stage) -> Seen:
    """Noticed is what the command for looking says; put right is what the proxy lists after the next run."""
    wanted = pair(stage, "drift", rpm=600)
    stage.made(wanted)
    before = _shown(stage)
    deed(stage, wanted)
    meddled = _shown(stage) != before
    seen = stage.look()
    noticed = stage.seen(NO, "")
    stage.apply()
    repaired = meddled and _shown(stage) == before
    if seen.code != 2:
        after = "yet the next run puts it right" if repaired else "and stays"
        return Seen(PARTLY if repaired else NO, f"not noticed, {after}", noticed.code, noticed.reads, noticed.writes)
    after = "put right by the next run" if repaired else "not put right by the next run"
    mark = YES if repaired else PARTLY
    return Seen(mark, f"noticed, {after}", noticed.code, noticed.reads, noticed.writes)


def left_alone(stage: Stage) -> Seen:
    """A model group that nobody declared."""
    wanted = pair(stage, "mine")
    stage.made(wanted)
    stage.person.add("strange", "strange-1", model="openai/gpt-4o", api_base=stage.upstream, api_key=KEY_C)
    stage.look()
    stage.apply()
    there = "strange-1" in stage.person.deployments()
    return stage.seen(verdict(there), "left alone" if there else "removed")


def taken_over(stage: Stage) -> Seen:
    """A key made by hand comes under Git: the files are written, and nothing is written to the proxy."""
    wanted = Declared(stage.name("hand"), {"a": KEY_A})
    name = f"{wanted.name}:a"
    body = {
        "credential_name": name,
        "credential_values": {"api_key": KEY_A, "api_base": stage.upstream},
        "credential_info": {"custom_llm_provider": "openai", "noted": ""},
    }
    stage.person.make("/credentials", body)
    stage.person.add(wanted.name, name, model="openai/gpt-4o", litellm_credential_name=name)
    if isinstance(stage.tool, Ours):
        stage.run(["import"])
        written = stage.last.code == 0
    else:
        written = "import" in stage.tool.shell.run("--help").out
        stage.tool.declare(wanted)
    stage.plan()
    settled = stage.last.code == 0 and not stage.relay.writes
    files = "`import` writes the files" if written else "no import: files are written by hand"
    then = "the next plan is empty, nothing was written" if settled else "the next plan is not empty"
    return stage.seen(YES if written and settled else PARTLY if settled else NO, f"{files}; {then}")


DEEDS: dict[str, tuple[str, Deed]] = {
    "drift-model": ("Drift: the model of a deployment changed", _model),
    "drift-address": ("Drift: a deployment redirected to another address", _address),
    "drift-limit": ("Drift: a limit changed", _limit),
    "drift-deleted": ("Drift: a deployment deleted", _deleted),
    "drift-blocked": ("Drift: a deployment blocked", _blocked),
    "drift-credential": ("Drift: a credential deleted", _credential),
    "drift-key": ("Drift: the key in a credential replaced", _key),
    "drift-twin": ("Drift: replaced by a key with the same first and last characters", _twin),
    "drift-second": ("Drift: a second deployment under the same name", _second),
}

ROWS: dict[str, Row] = {key: row(what, partial(drifted, deed)) for key, (what, deed) in DEEDS.items()} | {
    "left-alone": row("What nobody declared is left alone", left_alone),
    "taken-over": row("What was made by hand comes under Git", taken_over),
}
