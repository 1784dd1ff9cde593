"""Keys of providers: rotated, mistyped, and kept out of files and output."""

from __future__ import annotations

from dataclasses import replace

from beside_day import pair, verdict
from beside_stage import KEY_A, KEY_C, NO, PARTLY, REFUSED, YES, Row, Seen, Stage, row
from beside_tools import Declared, Theirs
from relay import ECHO


def rotated(stage: Stage) -> Seen:
    wanted = pair(stage, "turn")
    stage.made(wanted)
    renewed = replace(wanted, keys={**wanted.keys, "a": KEY_C})
    stage.tool.declare(renewed)
    planned = stage.plan().code == 2
    stage.apply()
    if stage.answered(wanted) == KEY_C:
        return stage.seen(YES, "shown by the plan and sent" if planned else "sent")
    stage.tool.renew(renewed, "a")
    stage.apply()
    other_way = stage.answered(wanted) == KEY_C
    then = "it is sent when `credential_info` changes as well" if other_way else "nor with another `credential_info`"
    return stage.seen(PARTLY if other_way else NO, f"a new value alone is not noticed; {then}")


def mistyped(stage: Stage) -> Seen:
    wanted = pair(stage, "typo")
    stage.made(wanted)
    stage.tool.renew(replace(wanted, keys={**wanted.keys, "a": REFUSED}), "a")
    stage.apply()
    served = stage.answered(wanted)
    if served == KEY_A:
        return stage.seen(YES, "tried first and refused; the old key goes on serving")
    return stage.seen(NO, f"written untried; calls are refused with {served}")


def wrong_at_first(stage: Stage) -> Seen:
    wanted = Declared(stage.name("first"), {"a": REFUSED})
    stage.tool.declare(wanted)
    done = stage.apply()
    there = "made" if wanted.ids() & set(stage.person.deployments()) else "not made"
    if done.code == 0:
        return stage.seen(NO, f"{there}; the run says nothing of it")
    why = "with the provider's 401" if "401" in done.out + done.err else "but not with what reason"
    return stage.seen(YES, f"{there}; the run fails and says that the endpoint is not healthy, {why}")


def by_reference(stage: Stage) -> Seen:
    """The value is in the environment; whatever stands in the files is not the value."""
    wanted = Declared(stage.name("refer"), {"a": KEY_A})
    if isinstance(stage.tool, Theirs):
        stage.tool.shell.environ["KEY_A"] = KEY_A
        stage.tool.declare(replace(wanted, keys={"a": "${KEY_A}"}))
    else:
        stage.tool.declare(wanted)
    stage.apply()
    files = "".join(path.read_text() for path in stage.tool.shell.folder.rglob("*.y*ml"))
    assert KEY_A not in files
    sent = [write.body["credential_values"]["api_key"] for write in stage.relay.writes if write.path == "/credentials"]
    good = sent == [KEY_A]
    other = "there are no references: `${KEY_A}` is sent as it stands"
    return stage.seen(verdict(good), "variables, files or commands" if good else other)


def shared(stage: Stage) -> Seen:
    """Two endpoints, one key at the provider."""
    one, two = (Declared(stage.name(word), {"a": KEY_A}) for word in ("one", "two"))
    stage.tool.declare_shared(one, two)
    stage.apply()
    assert {stage.answered(one), stage.answered(two)} == {KEY_A}
    stored = len(stage.person.credentials())
    if stored == 1:
        return stage.seen(YES, "stored once; all models name one credential")
    return stage.seen(PARTLY, "written once in the files, stored at the proxy once for each endpoint")


def echoed(stage: Stage) -> Seen:
    """Servers repeat what they refuse: a validation error holds the body, and the body holds the key."""
    wanted = pair(stage, "echo")
    stage.tool.declare(wanted)
    stage.relay.once(lambda write: write.path == "/credentials", ECHO)
    done = stage.apply()
    assert done.code != 0
    kept = "sk-canary" not in done.out + done.err
    return stage.seen(verdict(kept), "the refusal is told, the key is not" if kept else "the key stands in the output")


def silent(stage: Stage) -> Seen:
    """Over a creation, a rotation, a plan and a run without changes."""
    wanted = pair(stage, "quiet")
    stage.made(wanted)
    stage.tool.renew(replace(wanted, keys={**wanted.keys, "a": KEY_C}), "a")
    for command in (stage.plan, stage.apply, stage.look):
        command()
    kept = "sk-canary" not in "".join(stage.tool.shell.said)
    return stage.seen(verdict(kept), "no key in any output" if kept else "a key stands in the output")


ROWS: dict[str, Row] = {
    "rotated": row("Another value behind the same reference is sent", rotated),
    "mistyped": row("A mistyped new key does not take the place of a good one", mistyped),
    "wrong-at-first": row("A wrong key of a new endpoint is told", wrong_at_first),
    "by-reference": row("Files hold references, no keys", by_reference),
    "shared": row("A key that serves several endpoints", shared),
    "silent": row("Keys stay out of ordinary output", silent),
    "echoed": row("Keys stay out of output when the proxy repeats them in a refusal", echoed),
}
