"""Secrets in the environment."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from reconciler.errors import SecretForbidden, SecretMissing
from reconciler.model.secret import SecretRef
from reconciler.secrets.rules import SecretRules


class EnvSource:
    """``{env: NAME}``. An empty variable counts as missing: no gateway takes an empty key."""

    def __init__(self, environ: Mapping[str, str], rules: SecretRules) -> None:
        self._environ = environ
        self._rules = rules

    async def fetch(self, ref: SecretRef) -> str:
        """The variable's value."""
        (name,) = ref.locator
        if not any(fnmatchcase(name, pattern) for pattern in self._rules.env_names):
            raise SecretForbidden(f"the settings do not allow the variable {name} (`secrets.env`)")
        value = self._environ.get(name)
        if not value:
            raise SecretMissing(f"the variable {name} is {'not set' if value is None else 'empty'}")
        return value
