"""What the diagnostics of this room mean."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "SETTINGS001": (
        "The settings hold a name that they do not know. The file `reconciler.yaml` is looked for from the working "
        "folder upwards, or named by `--settings` or RECONCILER_SETTINGS. A misspelt setting would otherwise be left "
        "out without a word, and some of them are what keeps a pull request from reading other people's secrets."
    ),
    "SETTINGS002": (
        "A setting has a value that it cannot take. Settings come from flags, then from environment variables that "
        "begin with RECONCILER_, then from `reconciler.yaml`; the finding says which of them is meant."
    ),
    "SETTINGS003": (
        "An environment variable is nearly, and not quite, called like a setting. Correct its name, or rename it if "
        "it is none of the tool's. Settings as variables: RECONCILER_ and the name in capitals, parts joined by _, "
        "such as RECONCILER_ALLOWED_HOSTS or RECONCILER_SECRETS_ENV; lists are separated by commas."
    ),
}
