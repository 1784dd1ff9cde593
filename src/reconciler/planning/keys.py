"""Keys that bear the mark of another provider. Pure: the vault says whose mark, and never the key.

| the endpoint's provider    | the key bears the mark of | found     |
|----------------------------|---------------------------|-----------|
| any                        | nobody                    | nothing   |
| one that `MARKED` lists    | another one               | POLICY013 |
| the same; one not listed   | anybody                   | nothing   |
| any, with an `apiBase`     | anybody                   | nothing   |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.secret import SecretRef

IssuerOf: TypeAlias = Callable[[SecretRef], str | None]
"""The provider whose mark a secret's value bears; None where it bears none, or is not to be had."""

MARKED = frozenset({"openai", "anthropic", "bedrock", "azure"})
"""Providers that never take a key with another one's mark. Who else sells models may take any."""


def misplaced(desired: Desired, issuer: IssuerOf) -> Iterator[Diagnostic]:
    """Once for each provider and matrix, however many endpoints share them."""
    seen: set[tuple[str, int]] = set()
    for address, resource in desired.resources.items():
        provider = str(resource.spec.get("provider"))
        if provider not in MARKED or "apiBase" in resource.spec or (provider, id(resource.secrets)) in seen:
            continue
        seen.add((provider, id(resource.secrets)))
        for path, ref in resource.secrets.items():
            owner = issuer(ref)
            if owner is not None and owner != provider:
                yield Diagnostic(
                    Severity.WARNING,
                    "POLICY013",
                    "a key of another provider",
                    f"the value of {ref} bears the mark of a key of {owner}, and {address} asks {provider}. Refer to "
                    "another secret, or put the right value in its place.",
                    resource.source.position(path),
                    address,
                    path,
                )
