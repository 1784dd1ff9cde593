"""``python -m simulation``: play stories against the engine, and shrink the first that breaks a promise."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median

from simulation.reach import Reach, counting_retries
from simulation.reverts import FAULTS, reverted
from simulation.story import Act, draw_story
from simulation.world import Broken, World

ACTS = 30
TRIALS, MOST_STORIES = 3, 200
"""How often a fault is looked for, and over how many stories each time."""

MEMORY = "/dev/shm"  # noqa: S108 - a folder made there is ours alone; a disk would only slow the story down


def play(story: tuple[Act, ...], reach: Reach) -> World:
    """Play one story in a folder of its own. The world's `broken` says whether a promise did not hold."""
    root = Path(tempfile.mkdtemp(prefix="simulation-", dir=MEMORY if Path(MEMORY).is_dir() else None))
    try:
        world = World(root, reach)
        with contextlib.suppress(Broken), counting_retries(reach):
            world.play(story)
        reach.steps += world.loop.steps
        reach.stories += 1
        reach.faults.update(world.weather.injected)
        reach.schedules.add(zlib.crc32("\n".join(world.timeline).encode()))
        return world
    finally:
        shutil.rmtree(root)


def shrink(story: tuple[Act, ...], promise: str, give_up: Callable[[], bool] = lambda: False) -> tuple[Act, ...]:
    """The shortest part of a story, by leaving out acts, that still breaks the same promise."""
    size = max(1, len(story) // 2)
    while size:
        start = 0
        while start < len(story) and not give_up():
            shorter = story[:start] + story[start + size :]
            broken = play(shorter, Reach()).broken
            if broken is not None and broken.promise == promise:
                story = shorter
            else:
                start += size
        size //= 2
    return story


def find(fault: str, first: int, most: int) -> tuple[int, int, World] | None:
    """Play stories without the mend of a fault until a promise breaks: how many stories and steps that took."""
    reach = Reach()
    for seed in range(first, first + most):
        with reverted(fault):
            world = play(draw_story(seed, ACTS), reach)
        if world.broken is not None:
            return seed - first + 1, reach.steps, world
    return None


def judge() -> int:
    """Each mend taken back, from several first seeds: how often the fault was found, and medians of what it took."""
    missed = 0
    print("| fault | promise that broke | found | stories | steps |\n|---|---|--:|--:|--:|", flush=True)
    for fault in FAULTS:
        found = [one for n in range(TRIALS) if (one := find(fault, 10_000 * (n + 1), MOST_STORIES)) is not None]
        missed += len(found) < TRIALS
        broken = Counter(world.broken.promise for _, _, world in found if world.broken)
        promise = broken.most_common(1)[0][0] if broken else "–"
        stories = f"{median(one[0] for one in found):.0f}" if found else "–"
        steps = f"{median(one[1] for one in found):.0f}" if found else "–"
        print(f"| {fault} | {promise} | {len(found)} of {TRIALS} | {stories} | {steps} |", flush=True)
    return 1 if missed else 0


def tell(fault: str, first: int) -> int:
    """The shortest story that finds a fault whose mend is taken back."""
    found = find(fault, first, 400)
    if found is None or found[2].broken is None:
        print(f"{fault}: not found in 400 stories")
        return 1
    seed = first + found[0] - 1
    with reverted(fault):
        short = shrink(draw_story(seed, ACTS), found[2].broken.promise)
        world = play(short, Reach())
    print(f"{fault}: seed {seed}, {len(short)} acts of {ACTS} are left")
    print("\n".join(world.timeline))
    return 0


def replay(seed: int) -> int:
    """One story as it happens, to the letter."""
    world = play(draw_story(seed, ACTS), Reach())
    print("\n".join(world.timeline))
    return 1 if world.broken is not None else 0


def campaign(going_on: Callable[[Reach], bool], first: int, *, survey: bool) -> int:
    """Stories from a first seed on. The first that breaks a promise ends it, shrunk, unless all are to be counted."""
    reach, begun, seed = Reach(), time.process_time(), first
    found: dict[str, list[int]] = {}
    while going_on(reach) or seed == first:
        story = draw_story(seed, ACTS)
        world = play(story, reach)
        if world.broken is not None and not survey:
            print(f"seed {seed} after {reach.steps} steps: {world.broken}")
            short = shrink(story, world.broken.promise)
            print("\n".join(play(short, Reach()).timeline))
            return 1
        if world.broken is not None:
            found.setdefault(world.broken.promise, []).append(seed)
        seed += 1
    for promise, seeds in found.items():
        print(f"  {promise}: {len(seeds)} of {reach.stories} stories, first seeds {seeds[:5]}")
    print(reach.report(time.process_time() - begun))
    return 1 if found else 0


def main() -> int:
    """What the command line asks for."""
    warnings.simplefilter("ignore", RuntimeWarning)  # a killed runner leaves coroutines that were never awaited
    sys.unraisablehook = lambda _unraisable: None  # what a killed runner leaves is thrown away
    asked = _parser().parse_args()
    match asked.what:
        case "judge":
            return judge()
        case "tell":
            return tell(asked.fault, asked.seed)
        case "replay":
            return replay(asked.seed)
    begun = time.process_time()
    if asked.steps:
        return campaign(lambda reach: reach.steps < asked.steps, asked.seed, survey=asked.survey)
    return campaign(lambda _: time.process_time() - begun < asked.seconds, asked.seed, survey=asked.survey)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    play_on = what.add_parser("campaign", help="play stories until the time is over, or so many steps are done")
    play_on.add_argument("--seconds", type=float, default=60, help="of one processor")
    play_on.add_argument("--steps", type=int, default=0)
    play_on.add_argument("--survey", action="store_true", help="count all broken promises instead of shrinking one")
    one = what.add_parser("replay", help="play one story, and tell it")
    found = what.add_parser("tell", help="take a mend back, and tell the shortest story that finds the fault")
    found.add_argument("fault", choices=[*FAULTS])
    for each in (play_on, one, found):
        each.add_argument("--seed", type=int, default=1)
    what.add_parser("judge", help="take each mend back, and count what it takes to find the fault")
    return parser


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(  # noqa: S606 - itself, again
            sys.executable, [sys.executable, "-m", "simulation", *sys.argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"}
        )
    sys.exit(main())
