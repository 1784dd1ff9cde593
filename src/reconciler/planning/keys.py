"""Keys that bear the mark of another provider, or hardly are keys. Pure: the vault says it, and never the key.

| the endpoint's provider    | the key                                     | found     |
|----------------------------|---------------------------------------------|-----------|
| one that `MARKED` lists    | bears the mark of another one               | POLICY013 |
| the same                   | is too short, or of another one's form      | POLICY016 |
| the same                   | neither                                     | nothing   |
| one not listed             | any                                         | nothing   |
| any, with an `apiBase`     | any: whoever is there makes its own keys    | nothing   |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.resource import Resource
from reconciler.model.secret import SecretRef

IssuerOf: TypeAlias = Callable[[SecretRef], str | None]
"""The provider whose mark a secret's value bears; None where it bears none, or is not to be had."""

MisfitOf: TypeAlias = Callable[[SecretRef, str], str | None]
"""Why a secret's value hardly is a key of a provider; None where it may be, or is not to be had."""

MARKED = frozenset({"openai", "anthropic", "bedrock", "azure", "google", "groq", "huggingface"})
"""Providers that never take a key with another one's mark. Who else sells models may take any."""

_ALIASES: Mapping[str, str] = {"gemini": "google", "azure-openai": "azure", "azure_openai": "azure"}
"""What gateways call them."""


def fits(_ref: SecretRef, _provider: str) -> None:
    """Where nobody can tell."""


def misplaced(desired: Desired, issuer: IssuerOf, misfit: MisfitOf = fits) -> Iterator[Diagnostic]:
    """Once for each provider and matrix, however many endpoints share them."""
    seen: set[tuple[str, int]] = set()
    for resource in desired.resources.values():
        said = str(resource.spec.get("provider"))
        provider = _ALIASES.get(said, said)
        if provider not in MARKED or "apiBase" in resource.spec or (provider, id(resource.secrets)) in seen:
            continue
        seen.add((provider, id(resource.secrets)))
        for path, ref in resource.secrets.items():
            owner = issuer(ref)
            if owner is not None and owner != provider:
                why = (
                    f"bears the mark of a key of {owner}, and {resource.address} asks {said}. Refer to another secret, "
                    "or put the right value in its place."
                )
                yield _warning(resource, path, "POLICY013", "a key of another provider", f"the value of {ref} {why}")
            elif owner is None and (words := misfit(ref, provider)) is not None:
                why = f"{words}. Look at what stands there: it may be cut off, a sample, or another provider's."
                yield _warning(resource, path, "POLICY016", "hardly a key of its provider", f"the value of {ref} {why}")


def _warning(resource: Resource, path: str, code: str, summary: str, detail: str) -> Diagnostic:
    position = resource.source.position(path)
    return Diagnostic(Severity.WARNING, code, summary, detail, position, resource.address, path)
