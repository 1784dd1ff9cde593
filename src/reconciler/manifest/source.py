"""From a path of an effective resource to the place where it was written, also in referenced parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.manifest.document import Document
from reconciler.manifest.patches import Effective
from reconciler.model.diagnostic import Position
from reconciler.model.resource import Source

CREDENTIALS = ["spec", "credentials"]
LIMITS = ["spec", "rateLimits"]


def split(path: str) -> list[str]:
    """The keys of a JSON pointer."""
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


@dataclass(frozen=True, slots=True)
class DocumentSource:
    """A resource or gateway that is written in one document."""

    effective: Effective

    def position(self, path: str) -> Position:
        """Where `path` was written."""
        return self.effective.position(split(path))


@dataclass(frozen=True, slots=True)
class WebhookSource:
    """A webhook, whose remote name is written as displayName."""

    effective: Effective

    def position(self, path: str) -> Position:
        """Where `path` was written."""
        keys = split(path)
        return self.effective.position(["spec", "displayName"] if keys == ["spec", "name"] else keys)


@dataclass(frozen=True, slots=True)
class EndpointSource:
    """An endpoint whose matrix and limits may be documents of their own; None where they stand inline."""

    endpoint: Effective
    matrix: Effective | None
    limits: Effective | None

    def position(self, path: str) -> Position:
        """Where `path` was written, in the part's own file where it came by reference."""
        keys = split(path)
        if keys[:2] == CREDENTIALS and len(keys) > 2:  # noqa: PLR2004 - below the list
            return self._credential(keys[2], keys[3:])
        if keys[:2] == ["spec", "rotationStrategy"] and self.matrix is not None:
            return self.matrix.position(keys)
        if keys[:2] == LIMITS and self.limits is not None and len(keys) > 2:  # noqa: PLR2004 - a member
            return self.limits.position(["spec", *keys[2:]])
        return self.endpoint.position(keys)

    def holder(self, keys: Sequence[str]) -> tuple[Effective, Sequence[str]]:
        """Whose document says what stands at `keys`, and under which keys."""
        of_matrix = list(keys[:2]) == CREDENTIALS or list(keys[:2]) == ["spec", "rotationStrategy"]
        if of_matrix and self.matrix is not None:
            return self.matrix, keys
        if list(keys[:2]) == LIMITS and self.limits is not None:
            return self.limits, ["spec", *keys[2:]]
        return self.endpoint, keys

    def _credential(self, key_id: str, rest: Sequence[str]) -> Position:
        """The manifest has a list where the effective resource has a mapping by keyId."""
        holder = self.matrix or self.endpoint
        written = holder.data["spec"]["credentials"]
        if not isinstance(written, list):
            return holder.position(CREDENTIALS)
        index = next((n for n, credential in enumerate(written) if credential["keyId"] == key_id), None)
        return holder.position(CREDENTIALS if index is None else [*CREDENTIALS, index, *rest])


def placed(source: Source, path: str) -> tuple[Document, Sequence[str]]:
    """The document in which `path` is or would be written, and its keys there; a credential goes by its keyId.

    Raises TypeError for a source that is no manifest's.
    """
    keys = split(path)
    match source:
        case EndpointSource():
            effective, inner = source.holder(keys)
        case WebhookSource(effective=effective):
            inner = ["spec", "displayName"] if keys == ["spec", "name"] else keys
        case DocumentSource(effective=effective):
            inner = keys
        case _:
            raise TypeError(f"{type(source).__name__} has no document")
    document, found = effective.place(inner)
    return document, [str(key) for key in found]
