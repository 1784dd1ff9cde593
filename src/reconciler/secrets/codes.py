"""What the diagnostics of this room mean."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "SECRET001": (
        "A manifest refers to a secret that cannot be had: the variable is not set or empty, the file cannot be "
        "read, the command failed. Nothing is written while a secret is missing."
    ),
    "SECRET003": (
        "A reference leads to a value that cannot be the secret that is meant: it is empty, holds a line break, blanks "
        "or quotes at its ends, a character that shows nothing or that no header can carry, or it is a mask such as "
        "****abcd. It is not shown, and nothing is written. Often a variable or a file holds more than the secret, or "
        "what a gateway shows in place of it."
    ),
    "SECRET002": (
        "The settings do not allow this reference: names of variables, the folder for files and the programs that may "
        "be run are decided by whoever runs the tool, so that a pull request cannot reach for other secrets."
    ),
}
