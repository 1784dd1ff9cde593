"""What the diagnostics of this room mean."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "SECRET001": (
        "A manifest refers to a secret that cannot be had: the variable is not set or empty, the file cannot be "
        "read, the command failed. Nothing is written while a secret is missing."
    ),
    "SECRET002": (
        "The settings do not allow this reference: names of variables, the folder for files and the use of commands "
        "are decided by whoever runs the tool, so that a pull request cannot reach for other secrets."
    ),
}
