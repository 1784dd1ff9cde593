"""What the diagnostics of this room mean."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "FORGE001": (
        "The comment or the issue could not be written: the token may only read, as on a pull request from a fork, the "
        "forge asked to wait for longer than the command waits, or it could not be reached. What was looked at is not "
        "touched by that: the report stands on standard output, and the exit code is that of what was found."
    ),
    "FORGE002": (
        "What a forge is spoken to with comes from the environment: GITHUB_REPOSITORY (owner/name), GITHUB_API_URL and "
        "GITHUB_TOKEN. GitHub Actions sets the first two; the token has to be handed to the step. The URL must be "
        "https, unless it is this machine, since the token goes along."
    ),
}
