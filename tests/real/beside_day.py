"""An ordinary week: made, planned, changed, relieved of a limit, removed."""

from __future__ import annotations

from dataclasses import replace

from beside_stage import KEY_A, KEY_B, NO, PARTLY, REFUSED, WITHOUT_LICENCE, YES, Row, Seen, Stage, row
from beside_tools import Declared, Theirs


def pair(stage: Stage, word: str, rpm: int | None = None) -> Declared:
    """An endpoint with two good keys."""
    return Declared(stage.name(word), {"a": KEY_A, "b": KEY_B}, rpm=rpm)


def verdict(good: object) -> str:
    """Yes or no."""
    return YES if good else NO


def unlicensed(stage: Stage) -> Seen:
    wanted = pair(stage, "bare")
    stage.tool.declare(wanted)
    done = stage.apply()
    if done.code == 0:
        return stage.seen(verdict(stage.exactly(wanted)), "made, and says so")
    refused = "Organizations are only available" in done.err
    assert refused, done.err
    there = "what was declared is there" if stage.exactly(wanted) else "what was declared is not there"
    return stage.seen(NO, f"{there}, but the run ends as failed: listing organizations is refused with 403")


def created(stage: Stage) -> Seen:
    wanted = pair(stage, "made")
    stage.tool.declare(wanted)
    stage.apply()
    served = {stage.answered(wanted, "a"), stage.answered(wanted, "b")} <= {KEY_A, KEY_B}
    good = served and stage.exactly(wanted)
    return stage.seen(verdict(good), "two deployments and two credentials, calls are answered" if good else "not made")


def one_name(stage: Stage) -> Seen:
    """Both keys behind one name: the second serves when the first is refused, and the next plan is empty."""
    wanted = Declared(stage.name("both"), {"a": REFUSED, "b": KEY_B})
    if isinstance(stage.tool, Theirs):
        models = [stage.tool.model(wanted, key_id, wanted.name) for key_id in wanted.keys]
        for rank, model in enumerate(models):
            model["litellm_params"]["order"] = rank + 1
        credentials = [stage.tool.credential(f"{wanted.name}:{key_id}", key) for key_id, key in wanted.keys.items()]
        stage.tool.write({"credentials": credentials, "models": models})
    else:
        stage.tool.declare(wanted)
    stage.apply()
    serves = stage.answered(wanted) == KEY_B
    stage.plan()
    settled = stage.last.code == 0
    first = "the second key serves when the first is refused" if serves else "the second key does not serve"
    then = "the next plan is empty" if settled else "the next plan wants to change it again, for it knows one of a name"
    return stage.seen(YES if serves and settled else PARTLY if serves else NO, f"{first}; {then}")


def planned(stage: Stage) -> Seen:
    wanted = pair(stage, "plan")
    stage.made(wanted)
    stage.tool.declare(replace(wanted, model="gpt-3.5-turbo"))
    done = stage.plan()
    shown = "gpt-4o" in done.out and "gpt-3.5-turbo" in done.out and done.code == 2
    said = "shows both values" if shown else "does not show both values"
    writes = stage.last.writes
    return stage.seen(verdict(shown and not writes), f"{said}, writes {writes or 'nothing'}")


def settled(stage: Stage) -> Seen:
    stage.made(pair(stage, "again", rpm=600))
    stage.apply()
    return stage.seen(verdict(stage.last.writes == 0), f"a second run writes {stage.last.writes or 'nothing'}")


def model_changed(stage: Stage) -> Seen:
    wanted = pair(stage, "model")
    stage.made(wanted)
    stage.tool.declare(replace(wanted, model="gpt-4"))
    stage.apply()
    lives = {stage.param(wanted, "model", key_id) for key_id in wanted.keys}
    follows = lives == {"openai/gpt-4"}
    return stage.seen(verdict(follows), f"`model` of both deployments {'follows' if follows else 'does not follow'}")


def _limited(stage: Stage, word: str, after: int | None) -> Seen:
    """A limit alone, and where that is not noticed, together with something that is."""
    wanted = pair(stage, word, rpm=600)
    stage.made(wanted)
    stage.tool.declare(replace(wanted, rpm=after))
    stage.apply()
    alone = stage.seen(YES, "`rpm` follows" if after else "`rpm` is gone")
    if stage.param(wanted, "rpm") == after:
        return alone
    stage.tool.declare(replace(wanted, rpm=after, model="gpt-4"))
    stage.apply()
    lives = stage.param(wanted, "rpm")
    if lives == after:
        return replace(alone, mark=PARTLY, text="a limit alone is not noticed; it is sent when `model` changes as well")
    return replace(alone, mark=NO, text=f"not noticed; `rpm` stays {lives}, also when `model` changes as well")


def limit_changed(stage: Stage) -> Seen:
    return _limited(stage, "limit", 300)


def limit_cleared(stage: Stage) -> Seen:
    return _limited(stage, "clear", None)


def removed(stage: Stage) -> Seen:
    gone, stays = pair(stage, "gone"), pair(stage, "stays")
    stage.made(gone, stays)
    stage.tool.declare(stays)
    stage.apply()
    pruning = isinstance(stage.tool, Theirs)
    if pruning:
        stage.run([*stage.tool.apply_words, "--prune"])
    left = gone.ids() & (set(stage.person.deployments()) | set(stage.person.credentials()))
    if not left:
        return stage.seen(YES, "deployments and credentials go")
    return stage.seen(NO, "stays, also with `--prune`, which is reserved for later" if pruning else "stays")


def emptied(stage: Stage) -> Seen:
    wanted = pair(stage, "last")
    stage.made(wanted)
    stage.tool.declare()
    stage.apply()
    safe = stage.exactly(wanted)
    why = "refused, for it would empty the gateway" if stage.last.code else "nothing is ever removed"
    return stage.seen(verdict(safe), why if safe else "emptied")


def fallback(stage: Stage) -> Seen:
    """A fallback to another model group, which LiteLLM keeps in a router setting of its database."""
    backup, wanted = pair(stage, "backup"), pair(stage, "first")
    stage.tool.declare(backup, wanted)
    if isinstance(stage.tool, Theirs):
        path = stage.tool.shell.folder / "spec.yml"
        entry = f"[{{{wanted.name}: [{backup.name}]}}]"
        path.write_text(path.read_text() + f"config: {{router_settings: {{fallbacks: {entry}}}}}\n")
    else:
        path = stage.tool.shell.folder / "manifests" / "fleet.yaml"
        spec, after = f'"fallbackModels": ["{backup.name}"], ', f'"dependsOn": ["Endpoint/{backup.name}"]'
        head, _, tail = path.read_text().rpartition('"provider"')
        path.write_text(f'{head}{spec}"provider"{tail.rstrip()[:-1]}, "lifecycle": {{{after}}}}}\n')
    stage.apply()
    lives = stage.person.fallbacks() == {wanted.name: [backup.name]}
    return stage.seen(verdict(lives), "set" if lives else "`config.router_settings` is read over")


ROWS: dict[str, Row] = {
    "unlicensed": Row("A run ends well on LiteLLM 1.106.2 without a licence", unlicensed, WITHOUT_LICENCE),
    "created": row("What is declared is made, in one run", created),
    "settled": row("A second run writes nothing", settled),
    "planned": row("A plan shows a change and writes nothing", planned),
    "model": row("A changed model is written", model_changed),
    "limit": row("A changed limit is written", limit_changed),
    "cleared": row("A limit that is taken out is cleared", limit_cleared),
    "one-name": row("Two keys behind one name, one after the other", one_name),
    "fallback": row("A fallback to another model", fallback),
    "removed": row("What is taken out of the files is removed", removed),
    "emptied": row("Files that declare nothing any more remove nothing", emptied),
}
