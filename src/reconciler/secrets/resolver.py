"""Fetch each secret once, fingerprint it, hand it out, forget it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.errors import SecretError, SecretForbidden, SecretMissing
from reconciler.model.conceal import Concealer
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.ports import SecretSource
from reconciler.model.secret import Fingerprint, SecretRef, SecretValue, unfit
from reconciler.secrets.command import CommandSource
from reconciler.secrets.env import EnvSource
from reconciler.secrets.file import FileSource
from reconciler.secrets.fingerprint import FingerprintKey, derived, kept
from reconciler.secrets.marks import marked, misfit
from reconciler.secrets.rules import SecretRules

AT_ONCE = 8


class SecretVault:
    """Implements the port Vault. `roots` names each gateway's own credential, the source of its fingerprint key."""

    def __init__(
        self,
        sources: Mapping[str, SecretSource],
        key: SecretRef | None,
        roots: Mapping[str, SecretRef | None],
        key_file: Path,
    ) -> None:
        self._sources = sources
        self._key_ref = key
        self._roots = roots
        self._key_file = key_file
        self._values: dict[SecretRef, SecretValue] = {}
        self._failed: dict[SecretRef, Diagnostic] = {}
        self._keys: dict[str, FingerprintKey] = {}
        self._fingerprints: dict[tuple[str, SecretRef], Fingerprint] = {}
        self._concealer = Concealer()

    @property
    def available(self) -> bool:
        """This vault has access to secrets."""
        return True

    async def prepare(self, refs: Sequence[SecretRef]) -> Mapping[SecretRef, Diagnostic]:
        """Fetch those not fetched yet, a few at a time; what fails comes back, and is not tried again.

        What cannot be the secret that is meant has failed as well: it would be refused by whoever gets it, or take
        the place of a good one. The fingerprint key goes nowhere, and may be any text.
        """
        wanted = list(dict.fromkeys((*refs, *((self._key_ref,) if self._key_ref else ()))))
        missing = [ref for ref in wanted if ref not in self._values and ref not in self._failed]
        turn = asyncio.Semaphore(AT_ONCE)

        async def fetch(ref: SecretRef) -> None:
            async with turn:
                await self._fetch(ref)

        if missing:
            await asyncio.gather(*map(fetch, missing))
        for ref in refs:
            why = unfit(self._values[ref].reveal()) if ref in self._values else None
            if why is not None:
                del self._values[ref]
                self._failed[ref] = _unfit(ref, why)
        return {ref: self._failed[ref] for ref in wanted if ref in self._failed}

    async def _fetch(self, ref: SecretRef) -> None:
        try:
            self._values[ref] = SecretValue(_text(await self._sources[ref.source].fetch(ref)))
            self._concealer.add(self._values[ref])
        except SecretError as error:
            self._failed[ref] = _finding(ref, error)

    def fingerprint(self, gateway: str, ref: SecretRef) -> Fingerprint | None:
        """Memoised, since many objects share a secret. None for one that was not prepared."""
        found = self._fingerprints.get((gateway, ref))
        if found is None and ref in self._values:
            found = self._key(gateway).of(self._values[ref])
            self._fingerprints[gateway, ref] = found
        return found

    def issuer(self, ref: SecretRef) -> str | None:
        """By what the value says itself. None for one that was not prepared."""
        return marked(self._values[ref]) if ref in self._values else None

    def misfit(self, ref: SecretRef, provider: str) -> str | None:
        """By its length and form. None for one that was not prepared."""
        return misfit(self._values[ref], provider) if ref in self._values else None

    def _key(self, gateway: str) -> FingerprintKey:
        if gateway not in self._keys:
            self._keys[gateway] = self._made_key(gateway)
        return self._keys[gateway]

    def _made_key(self, gateway: str) -> FingerprintKey:
        if self._key_ref is not None:
            return derived(self.reveal(self._key_ref), "all gateways")
        root = self._roots.get(gateway)
        return kept(self._key_file) if root is None else derived(self.reveal(root), gateway)

    def reveal(self, ref: SecretRef) -> SecretValue:
        """The value. Raises SecretMissing when it was not prepared."""
        value = self._values.get(ref)
        if value is None:
            raise SecretMissing(f"the secret {ref} was not fetched in this run")
        return value

    def conceal(self, text: str) -> str:
        """By all that was fetched in this run."""
        return self._concealer.message(text)

    def mask(self, text: str) -> str:
        """By the longer ones."""
        return self._concealer.data(text)

    def forget(self) -> None:
        """Drop values, keys and fingerprints."""
        self._values.clear()
        self._concealer.forget()
        self._keys.clear()
        self._fingerprints.clear()


def _text(value: str) -> str:
    """What the system hands over as bytes that are no text could be neither hashed nor sent."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SecretMissing("the value is not UTF-8 text") from None
    return value


def open_vault(
    rules: SecretRules,
    environ: Mapping[str, str],
    *,
    key: SecretRef | None,
    roots: Mapping[str, SecretRef | None],
    key_file: Path,
) -> SecretVault:
    """A vault over the environment, files and commands, as far as `rules` allow."""
    sources: Mapping[str, SecretSource] = {
        "env": EnvSource(environ, rules),
        "file": FileSource(rules),
        "command": CommandSource(rules),
    }
    return SecretVault(sources, key, roots, key_file)


def _unfit(ref: SecretRef, why: str) -> Diagnostic:
    advice = "Nothing was sent. Look at what stands there, and set the secret alone."
    return Diagnostic(Severity.ERROR, "SECRET003", "a value that cannot be the secret", f"{ref}: {why}. {advice}")


def _finding(ref: SecretRef, error: SecretError) -> Diagnostic:
    if isinstance(error, SecretForbidden):
        advice = "Whoever runs the tool can allow it in the settings; a manifest cannot."
        return Diagnostic(Severity.ERROR, "SECRET002", "this secret may not be read", f"{ref}: {error}. {advice}")
    advice = "Set it where the tool runs, or refer to another."
    return Diagnostic(Severity.ERROR, "SECRET001", "a secret is missing", f"{ref}: {error}. {advice}")
