"""What a command has to say, and the formats it can be said in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never, Protocol, TextIO

import click

from reconciler import storage

if TYPE_CHECKING:
    from reconciler.render.subject import Subject


def _no_subject() -> Never:
    raise click.UsageError("this command reports as terminal or json only")


@dataclass(frozen=True, slots=True)
class Report:
    """The same thing as lines for people, as a document for programs, as a subject for all other formats.

    Each is made only if asked for. Commands that only read our own notes have no subject.
    """

    lines: Callable[[], Iterator[tuple[tuple[str, str], ...]]]
    document: Callable[[], Any]
    subject: Callable[[], Subject] = _no_subject


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ends: exit code, report, and what a CI job is told besides the code."""

    code: int
    report: Report
    told: Mapping[str, object] = field(default_factory=dict)


class Writer(Protocol):
    """One format."""

    def __call__(self, report: Report, stream: TextIO, *, color: bool) -> None:
        """Write a report."""


def _terminal(report: Report, stream: TextIO, *, color: bool) -> None:
    from reconciler.render import terminal  # noqa: PLC0415 - `--help` lists the formats without loading them

    terminal.write(report.lines(), stream, color=color)


def _json(report: Report, stream: TextIO, *, color: bool) -> None:  # noqa: ARG001 - the protocol's signature
    from reconciler.render import json  # noqa: PLC0415 - see above

    stream.write(json.text(report.document()))


def _text(room: str) -> Writer:
    """A format whose module makes the whole text of a subject."""

    def write(report: Report, stream: TextIO, *, color: bool) -> None:  # noqa: ARG001 - the protocol's signature
        stream.write(import_module(f"reconciler.render.{room}").text(report.subject()))

    return write


def _sarif(report: Report, stream: TextIO, *, color: bool) -> None:  # noqa: ARG001 - the protocol's signature
    from reconciler import __version__  # noqa: PLC0415 - see above
    from reconciler.cli.explain import all_codes  # noqa: PLC0415 - see above
    from reconciler.render import json, sarif  # noqa: PLC0415 - see above

    stream.write(json.text(sarif.document(report.subject(), all_codes(), __version__)))


FORMATS: Mapping[str, Writer] = {
    "terminal": _terminal,
    "json": _json,
    "markdown": _text("markdown"),
    "html": _text("html"),
    "github": _text("github"),
    "sarif": _sarif,
    "junit": _text("junit"),
}
"""Every format by its name; a new one is a line here."""


@dataclass(frozen=True, slots=True)
class Destination:
    """What one `--report` asks for."""

    format: str
    path: Path

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Read ``FORMAT:FILE``. Raises ValueError, before anything is done that could not be reported."""
        name, colon, file = text.partition(":")
        if not colon or name not in FORMATS or not file:
            raise ValueError(f"{text!r} is not FORMAT:FILE; formats are {', '.join(FORMATS)}")
        if not Path(file).parent.is_dir() or Path(file).is_dir():
            raise ValueError(f"{file!r} cannot be written: there is no such folder, or it is one")
        try:
            storage.require_no_link(Path(file))
        except storage.LinkInTheWay as error:
            raise ValueError(str(error)) from None
        return cls(name, Path(file))

    def write(self, report: Report) -> None:
        """Write the file."""
        text = StringIO()
        FORMATS[self.format](report, text, color=False)
        storage.write_whole(self.path, text.getvalue())
