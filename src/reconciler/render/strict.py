"""Reading our own JSON documents with suspicion: what is missing or of another kind is said by its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from reconciler.model.address import Address

E = TypeVar("E", bound=Enum)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """An object of the document and its place. Each way to a member raises ValueError when it is not that."""

    members: Mapping[str, Any]
    place: str = ""

    def member(self, name: str, kind: type[T]) -> T:
        """A member of this type."""
        value = self.members.get(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError(f"{self.place}/{name} is no {_NAMES[kind]}")
        return value

    def require_version(self, readable: str) -> None:
        """Of a version MAJOR.MINOR only the major part has to be the same."""
        version = self.text("format_version")
        if version.split(".", 1)[0] != readable.split(".", 1)[0]:
            raise ValueError(f"/format_version is {version}, and this tool reads {readable}")

    def text(self, name: str) -> str:
        """A text."""
        return self.member(name, str)

    def text_or_none(self, name: str) -> str | None:
        """A text or null."""
        return None if self.any(name) is None else self.text(name)

    def any(self, name: str) -> Any:
        """A member of whatever type."""
        if name not in self.members:
            raise ValueError(f"{self.place}/{name} is missing")
        return self.members[name]

    def word(self, name: str, words: type[E]) -> E:
        """One of a fixed set of words."""
        try:
            return words(self.any(name))
        except ValueError:
            raise ValueError(f"{self.place}/{name} is none of {', '.join(str(w.value) for w in words)}") from None

    def part(self, name: str) -> Part:
        """An object within this one."""
        return Part(self.member(name, dict), f"{self.place}/{name}")

    def parts(self, name: str) -> Iterator[Part]:
        """Objects of a list."""
        for index, item in enumerate(self.member(name, list)):
            yield part_of(item, f"{self.place}/{name}/{index}")

    def texts(self, name: str) -> Mapping[str, str]:
        """An object whose members are all texts."""
        inner = self.part(name)
        return {key: inner.text(key) for key in inner.members}

    def addresses(self, name: str) -> Iterator[Address]:
        """Addresses of a list."""
        for item in self.member(name, list):
            yield address_of(item, f"{self.place}/{name}")


_NAMES: Mapping[type, str] = {str: "text", int: "whole number", bool: "true or false", dict: "object", list: "list"}


def part_of(value: Any, place: str) -> Part:
    """An object at a place. Raises ValueError for anything else."""
    if not isinstance(value, dict):
        raise ValueError(f"{place or 'the document'} is no object")  # noqa: TRY004 - one error for all that is wrong
    return Part(value, place)


def address_of(value: Any, place: str) -> Address:
    """An address at a place. Raises ValueError for anything else."""
    try:
        return Address.parse(str(value))
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
