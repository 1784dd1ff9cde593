"""Which gateways a document belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.manifest.document import Document
from reconciler.manifest.problems import diagnostic, did_you_mean
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway


class Membership:
    """Answers for one set of gateways; reports each document's problem once."""

    def __init__(self, gateways: Mapping[str, Gateway], diagnostics: list[Diagnostic]) -> None:
        self._gateways = gateways
        self._diagnostics = diagnostics
        self._all = tuple(sorted(gateways))

    def of(self, document: Document) -> tuple[str, ...]:
        """Names of gateways, sorted; none when the document's words lead nowhere."""
        given = document.data["metadata"].get("gateways")
        if given is None:
            return self._unnamed(document)
        if isinstance(given, dict):
            return self._labelled(document, given["matchLabels"])
        names = [given] if isinstance(given, str) else given
        for index, name in enumerate(names):
            if name not in self._gateways:
                self._unknown(document, name, ("metadata", "gateways", *(() if isinstance(given, str) else (index,))))
        return tuple(sorted({name for name in names if name in self._gateways}))

    def _unnamed(self, document: Document) -> tuple[str, ...]:
        """A patch or a part without a word is for all; an object must not land on several by accident."""
        if len(self._all) == 1 or document.kind in {"Patch", "CredentialMatrix", "RateLimit"}:
            return self._all
        if not self._all:
            detail = "no Gateway is declared; add one to the manifests."
        else:
            detail = f"several gateways are loaded ({', '.join(self._all)}); say which: `gateways: [...]`."
        self._diagnostics.append(diagnostic("REF003", detail, document.position(("metadata",))))
        return ()

    def _labelled(self, document: Document, labels: Mapping[str, Any]) -> tuple[str, ...]:
        found = tuple(
            name for name in self._all if all(self._gateways[name].labels.get(k) == v for k, v in labels.items())
        )
        if not found:
            detail = "no gateway has these labels; check them."
            position = document.position(("metadata", "gateways", "matchLabels"))
            self._diagnostics.append(diagnostic("REF004", detail, position))
        return found

    def _unknown(self, document: Document, name: str, keys: tuple[str | int, ...]) -> None:
        hint = did_you_mean(name, self._all) or f" Declared are {', '.join(self._all) or 'none'}."
        self._diagnostics.append(diagnostic("REF004", f"there is no gateway {name!r}.{hint}", document.position(keys)))
