"""A runner dies, an answer is lost, two run at once, one of several is refused."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress

from beside_day import pair, verdict
from beside_stage import KEY_A, NO, PARTLY, YES, Row, Seen, Stage, row
from beside_tools import Declared, Theirs
from relay import ECHO, LOSE, PASS, Write, passes


def _killed(stage: Stage, index: int) -> bool:
    """A run that dies while the write number `index` is on its way; False when there is none."""
    stage.relay.hold_at(index)
    process = stage.tool.shell.start(*stage.tool.apply_words)
    while process.poll() is None and not stage.relay.held.wait(0.02):
        pass
    held = stage.relay.held.is_set()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    stage.relay.rule = passes
    return held


def _mended(stage: Stage, between: Callable[[], None]) -> Seen:
    """Killed at every write of a creation, each time from nothing, and run again after `between`."""
    wanted = Declared(stage.name("crash"), {"a": KEY_A})
    right = tried = 0
    for index in range(20):
        stage.person.wipe()
        stage.forget()
        stage.tool.declare(wanted)
        if not _killed(stage, index):
            break
        between()
        done = stage.apply()
        tried += 1
        right += done.code == 0 and stage.exactly(wanted) and stage.plan().code == 0
    mark = YES if right == tried else PARTLY if right else NO
    return stage.seen(mark, f"killed at each of {tried} writes: {right} times finished by a second run")


def _nothing() -> None:
    """The second run has the folder of the first."""


def killed(stage: Stage) -> Seen:
    return _mended(stage, _nothing)


def killed_elsewhere(stage: Stage) -> Seen:
    return _mended(stage, stage.forget)


def _lost(stage: Stage, wanted: Declared) -> str:
    """What a run says whose first new deployment is made, while the answer never comes."""
    stage.relay.once(lambda write: write.path == "/model/new", LOSE)
    first = stage.apply()
    if first.code == 0:
        return "the same run ends well, and it is there once" if stage.exactly(wanted) else "it is there twice"
    second = stage.apply()
    good = second.code == 0 and stage.exactly(wanted)
    return f"the run fails; the next one {'finishes' if good else 'does not finish'}"


def answer_lost(stage: Stage) -> Seen:
    wanted = pair(stage, "lost")
    stage.tool.declare(wanted)
    said = _lost(stage, wanted)
    return stage.seen(YES if "once" in said else PARTLY if "finishes" in said else NO, said)


def answer_lost_without_id(stage: Stage) -> Seen:
    """Ids of models are optional in LiteLLM, and then the proxy makes them up."""
    wanted = pair(stage, "lost")
    stage.tool.declare(wanted)
    if isinstance(stage.tool, Theirs):
        models = [stage.tool.model(wanted, key_id, stage.tool.called(wanted, key_id)) for key_id in wanted.keys]
        for model in models:
            del model["model_info"]
        stage.tool.write({"models": models})
    stage.relay.once(lambda write: write.path == "/model/new", LOSE)
    stage.apply()
    made = len(stage.person.deployments())
    how = "each deployment is made once" if made == len(wanted.keys) else f"{made} deployments where 2 were declared"
    if not isinstance(stage.tool, Theirs):
        how += ": ids follow from names"
    return stage.seen(verdict(made == len(wanted.keys)), how)


def _together(stage: Stage) -> tuple[int, int]:
    """Exit codes of two runs of which neither writes before both could have looked."""
    both = threading.Barrier(2)

    def rule(_write: Write) -> str:
        with suppress(threading.BrokenBarrierError):
            both.wait(4)
        return PASS

    stage.relay.rule = rule
    processes = [stage.tool.shell.start(*stage.tool.apply_words) for _ in range(2)]
    first, second = (stage.tool.shell.finish(process).code for process in processes)
    stage.relay.rule = passes
    return min(first, second), max(first, second)


def at_once(stage: Stage) -> Seen:
    wanted = pair(stage, "twice")
    stage.tool.declare(wanted)
    codes = _together(stage)
    doubles = not stage.exactly(wanted)
    stage.apply()
    settled = stage.last.code == 0 and stage.exactly(wanted)
    ends = "both end well" if codes == (0, 0) else f"they end with {codes[0]} and {codes[1]}"
    there = "something is there twice or missing" if doubles else "nothing is there twice"
    then = "a third run finds nothing to do" if settled else "a third run does not put it right"
    return stage.seen(YES if settled and not doubles else NO, f"{ends}; {there}; {then}")


def one_refused(stage: Stage) -> Seen:
    """The first of three is refused by the proxy: the others have nothing to do with it."""
    fleet = [Declared(stage.name(word), {"a": KEY_A}) for word in ("one", "two", "three")]
    stage.tool.declare(*fleet)
    paths = {"/model/new", "/credentials"}
    stage.relay.once(lambda write: write.path in paths and fleet[0].name in str(write.body), ECHO)
    done = stage.apply()
    assert done.code != 0
    made = [each for each in fleet[1:] if each.ids() <= set(stage.person.deployments())]
    return stage.seen(verdict(len(made) == 2), f"{len(made)} of the 2 others are made, and the run fails")


def forgotten(stage: Stage) -> Seen:
    """Nothing of earlier runs is left on the machine."""
    wanted = pair(stage, "forgot")
    stage.made(wanted)
    stage.forget()
    stage.plan()
    if stage.last.code == 0:
        return stage.seen(YES, "nothing to remember: the next plan is empty")
    path = stage.tool.shell.folder / "manifests" / "fleet.yaml"
    path.write_text(path.read_text().rstrip()[:-1] + ', "lifecycle": {"adopt": true}}\n')
    writes = len(stage.relay.writes)
    stage.run(["adopt", "--auto-approve", f"prod/Endpoint/{wanted.name}"])
    done = stage.plan()
    good = done.code == 0 and len(stage.relay.writes) == writes
    then = "`adopt` takes it over without a write" if good else "and cannot be taken over"
    return stage.seen(PARTLY if good else NO, f"blocked without its ledger, for it cannot know what is its own; {then}")


ROWS: dict[str, Row] = {
    "killed": row("Killed while writing, run again", killed),
    "killed-elsewhere": row("Killed while writing, run again on a machine that remembers nothing", killed_elsewhere),
    "answer-lost": row("A deployment is made, but its answer is lost", answer_lost),
    "answer-lost-no-id": row("The same where files give no ids", answer_lost_without_id),
    "at-once": row("Two runs at once, of one folder", at_once),
    "one-refused": row("One of three endpoints is refused", one_refused),
    "forgotten": row("A runner that remembers nothing", forgotten),
}
