"""Who is meant: gateway, kind, name."""

from __future__ import annotations

from typing import NamedTuple


class Address(NamedTuple):
    """Identity of a resource; its text form is ``gateway/Kind/name``.

    A named tuple rather than a dataclass: addresses are the keys of every table and the order of
    everything shown or executed, and tuples hash and compare in C.
    """

    gateway: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.gateway}/{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``gateway/Kind/name``; raises ValueError on anything else."""
        parts = text.split("/")
        if len(parts) != 3 or not all(parts):  # noqa: PLR2004 - the three parts named above
            raise ValueError(f"{text!r} is not an address; write gateway/Kind/name")
        return cls(*parts)
