"""``python -m simulation``: play stories until the time is over, and shrink the first that breaks a promise."""

from __future__ import annotations

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

from simulation.reach import Reach
from simulation.reverts import FAULTS, reverted
from simulation.story import Act, draw_story
from simulation.world import Broken, World

ACTS = 30
MEMORY = "/dev/shm"  # noqa: S108 - a folder made there is ours alone; a disk would only slow the story down


def play(story: tuple[Act, ...], reach: Reach) -> World:
    """Play one story in a folder of its own. The world's `broken` says whether a promise did not hold."""
    root = Path(tempfile.mkdtemp(prefix="simulation-", dir=MEMORY if Path(MEMORY).is_dir() else None))
    try:
        world = World(root, reach)
        with contextlib.suppress(Broken):
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
    """Each mend taken back, five times over: the medians of what it took to find the fault."""
    missed = 0
    print("| fault | promise that broke | stories | steps |\n|---|---|--:|--:|")
    for fault in FAULTS:
        found = [one for n in range(5) if (one := find(fault, 10_000 * (n + 1), 400)) is not None]
        if len(found) < 5:
            missed += 1
            print(f"| {fault} | found {len(found)} times of 5 | | |")
            continue
        promise = Counter(world.broken.promise for _, _, world in found if world.broken).most_common(1)[0][0]
        print(f"| {fault} | {promise} | {median(n for n, _, _ in found)} | {median(n for _, n, _ in found)} |")
    return 1 if missed else 0


def main() -> int:
    """SECONDS of stories from a first seed, or one SEED alone."""
    warnings.simplefilter("ignore", RuntimeWarning)  # a killed runner leaves coroutines that were never awaited
    sys.unraisablehook = lambda _unraisable: None  # what a killed runner leaves is thrown away
    if sys.argv[1:2] == ["judge"]:
        return judge()
    numbers = [word for word in sys.argv[1:] if not word.startswith("-")]
    seconds, first = float(numbers[0]), int(numbers[1]) if len(numbers) > 1 else 1
    reach, begun, seed = Reach(), time.process_time(), first
    found: dict[str, list[int]] = {}
    while time.process_time() - begun < seconds or seed == first:
        story = draw_story(seed, ACTS)
        world = play(story, reach)
        if world.broken is not None and "--survey" in sys.argv:
            found.setdefault(world.broken.promise, []).append(seed)
        elif world.broken is not None:
            print(f"seed {seed} after {reach.steps} steps: {world.broken}")
            short = shrink(story, world.broken.promise)
            print("\n".join(play(short, Reach()).timeline))
            return 1
        seed += 1
    took = time.process_time() - begun
    met, of, missed = reach.await_points()
    print(f"{reach.steps} steps, {reach.stories} stories, {reach.converged} of them came right at the end")
    print(f"{reach.steps / took:.0f} steps a second, {len(reach.schedules)} distinct schedules")
    for promise, seeds in found.items():
        print(f"  {promise}: {len(seeds)} of {reach.stories} stories, first seeds {seeds[:5]}")
    print("faults", dict(reach.faults), "\nchecked", dict(reach.checked), "\nobjects", dict(reach.objects))
    print("fields", dict(reach.fields), "\nactions", dict(reach.actions), "\norigins", dict(reach.origins))
    print("refused", dict(reach.refused), f"\nawaits killed at: {met} of {of}; never: {missed}")
    return 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(  # noqa: S606 - itself, again
            sys.executable, [sys.executable, "-m", "simulation", *sys.argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"}
        )
    sys.exit(main())
