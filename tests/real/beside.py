"""All rows of docs/explanation/beside-litellm-as-code.md, in its order."""

from __future__ import annotations

import tempfile
from pathlib import Path

import beside_crash
import beside_day
import beside_drift
import beside_keys
import beside_team
from beside_stage import Row, Seen, staged
from litellm_person import Person

SECTIONS: dict[str, dict[str, Row]] = {
    "Changes": beside_day.ROWS,
    "Keys": beside_keys.ROWS,
    "Drift and what was made by hand": beside_drift.ROWS,
    "When something goes wrong": beside_crash.ROWS,
    "In a team, and beside endpoints": beside_team.ROWS,
}
ROWS: dict[str, Row] = {key: each for rows in SECTIONS.values() for key, each in rows.items()}


def seen(tool: str, row: Row, person: Person, upstream: str) -> Seen:
    """What one tool does in one row."""
    folder = Path(tempfile.mkdtemp(prefix="beside-"))
    with staged(tool, person, upstream, folder, row.stand_ins) as stage:
        return row.look(stage)
