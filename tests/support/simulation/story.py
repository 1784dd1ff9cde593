"""What happens, act by act. A story is drawn from a seed, and any part of it can be played without the rest."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

NAMES = ("alpha", "beta", "gamma", "delta", "omega")
HOOKS = ("costs", "alerts")
FILES = ("team-a.yaml", "team-b.yaml")
KEYS = ("KEY_A", "KEY_B", "KEY_C")

EDITS = (
    *("add", "add", "add", "remove", "rename", "rename-moved", "rename-keeping-id", "limits", "limits", "display"),
    *("swap-display", "move-file", "protect", "no-delete", "ignore", "second-key", "other-key", "remove-all-but-one"),
    *("hook", "hook", "unhook", "hook-events", "swap-ids", "observe"),
)
SECRETS = ("rotate", "rotate", "turn-bad", "turn-good", "rotate-client", "rotate-both")
PEOPLE = ("edit", "delete", "create", "replace-key", "edit-hook", "delete-hook", "edit-other-field")
WEATHERS: tuple[dict[str, float], ...] = (
    {},
    {},
    {"lost-before": 0.05, "lost-after": 0.05},
    {"slow": 0.05, "429": 0.1},
    {"500": 0.1, "503": 0.1, "garbled": 0.05},
    {"stale": 0.15, "partial": 0.1},
    {"other-writer": 0.1, "revoked": 0.05},
    {"refused": 0.1, "lost-after": 0.1, "stale": 0.05, "429": 0.05},
)


@dataclass(frozen=True)
class Act:
    """One thing that happens. `seed` decides all chance within it, so that leaving out another act moves nothing."""

    kind: str
    seed: int
    given: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        words = " ".join(f"{key}={value}" for key, value in self.given.items() if value not in (None, False, {}))
        return f"{self.kind} {words}".strip()


def draw_story(seed: int, acts: int) -> tuple[Act, ...]:
    """The story of a seed: it begins with a fleet of two, and each run stands among edits, people and weather."""
    chance = random.Random(seed)
    story = [_act("edit", chance, what="add"), _act("edit", chance, what="add"), _act("run", chance)]
    while len(story) < acts:
        story.append(_drawn(chance))
    return tuple(story)


def _drawn(chance: random.Random) -> Act:  # noqa: C901, PLR0911 - a table
    kind = chance.choices(
        ("edit", "secret", "people", "weather", "disk", "clock", "gateway", "run", "look"),
        (30, 8, 8, 10, 2, 2, 3, 34, 5),
    )[0]
    match kind:
        case "edit":
            return _act(kind, chance, what=chance.choice(EDITS))
        case "secret":
            return _act(kind, chance, what=chance.choice(SECRETS))
        case "people":
            return _act(kind, chance, what=chance.choice(PEOPLE))
        case "weather":
            return _act(kind, chance, chances=dict(chance.choice(WEATHERS)))
        case "disk":
            return _act(kind, chance, full=chance.random() < 0.5)
        case "clock":
            return _act(kind, chance, seconds=chance.choice((-7200, -60, 40, 3600)))
        case "gateway":
            return _act(kind, chance, what=chance.choice(("away", "back", "back", "limit", "no-limit")))
        case "look":
            return _act(kind, chance, what=chance.choice(("plan", "drift")))
    return _act(
        "run",
        chance,
        rollback=chance.random() < 0.4,
        scope=chance.choice((None, None, None, None, "team-a")),
        kill=chance.choice((None, None, _moment(chance))),
        partner=chance.random() < 0.2,
        partner_kill=chance.choice((None, None, _moment(chance))),
        allow=chance.random() < 0.5,
    )


def _moment(chance: random.Random) -> int:
    """After how many steps a run is killed: any order of magnitude is as likely as another, up to the longest runs."""
    return int(10 ** chance.uniform(0, 3.4))


def _act(kind: str, chance: random.Random, **given: Any) -> Act:
    return Act(kind, chance.getrandbits(32), given)
