"""What commands have in common: settings, manifests, reports, errors and their exit codes."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from reconciler import settings as settings_room
from reconciler.cli.logging import LogProgress
from reconciler.errors import Blocked, InputError, ReconcilerError
from reconciler.manifest import LoadOptions, load, source_line
from reconciler.model.diagnostic import Diagnostic, Position, Severity, has_errors
from reconciler.model.resource import Desired
from reconciler.render import terminal
from reconciler.render.terminal import Line

T = TypeVar("T")

OK, FAILED, DIFFERENCES, BLOCKED, UNHEALTHY, INTERRUPTED = 0, 1, 2, 3, 4, 130


@dataclass(frozen=True, slots=True)
class Command:
    """One invocation: its global options and settings."""

    given: Mapping[str, Any]
    settings: settings_room.Settings
    progress: LogProgress

    @classmethod
    def begin(cls, ctx: click.Context) -> Command:
        """Read the settings. Ends the process with a clear message when they are wrong."""
        given = ctx.ensure_object(dict)
        # A run builds many objects and drops few: looking for cycles all the time costs more than it frees.
        gc.set_threshold(500_000, 50, 100)
        try:
            read = settings_room.load_settings(
                {name: given.get(name) for name in ("ledger", "log_format", "timeout")},
                os.environ,
                Path.cwd(),
                given.get("settings"),
            )
        except InputError as error:
            end_with(error.diagnostics, Path.cwd())
        level = logging.ERROR if given.get("quiet") else logging.DEBUG if given.get("verbose") else logging.INFO
        return cls(given, read, LogProgress(read.log_format, level))

    @property
    def color(self) -> bool:
        """Only on a terminal, and only if nobody minds."""
        return not self.given.get("no_color") and not os.environ.get("NO_COLOR") and sys.stdout.isatty()

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to be asked."""
        return not self.given.get("no_input") and not os.environ.get("CI") and sys.stdin.isatty()

    def load(self, paths: Sequence[Path]) -> Desired:
        """Read the manifests; ends the process when they have errors."""
        desired = self.read(paths)
        if has_errors(desired.diagnostics):
            raise InputError(desired.diagnostics)
        return desired

    def read(self, paths: Sequence[Path]) -> Desired:
        """Read the manifests, errors and all. Paths of the command line are relative to the working folder."""
        chosen = [Path.cwd() / path for path in paths] or [Path(name) for name in self.settings.manifests]
        return load(chosen, LoadOptions(self.settings.root, cache=self.settings.cache_path))

    def source(self, position: Position) -> str | None:
        """The line that a position is in."""
        return source_line(position, self.settings.root)

    def report(self, format_: str, lines: Callable[[], Iterator[Line]], document: Callable[[], Any]) -> None:
        """Print the report to standard output."""
        if format_ == "json":
            json.dump(document(), sys.stdout, indent=2, ensure_ascii=False, default=dict)
            sys.stdout.write("\n")
        else:
            terminal.write(lines(), sys.stdout, color=self.color)

    def write_reports(
        self, reports: Sequence[str], lines: Callable[[], Iterator[Line]], document: Callable[[], Any]
    ) -> None:
        """Write what `--report FORMAT:FILE` asked for."""
        for report in reports:
            format_, colon, name = report.partition(":")
            if not colon or format_ not in {"terminal", "json"}:
                raise click.UsageError(f"--report takes FORMAT:FILE, with terminal or json, not {report!r}")
            with Path(name).open("w", encoding="utf-8") as file:
                if format_ == "json":
                    json.dump(document(), file, indent=2, ensure_ascii=False, default=dict)
                else:
                    terminal.write(lines(), file, color=False)

    def run(self, work: Callable[[], Awaitable[int]]) -> NoReturn:
        """The one place where the event loop is entered; ends the process with the work's exit code."""
        sys.exit(self.guarded(lambda: asyncio.run(self._limited(work))))

    async def _limited(self, work: Callable[[], Awaitable[int]]) -> int:
        try:
            async with asyncio.timeout(self.settings.timeout):
                return await work()
        except TimeoutError:
            say(f"error: not done within {self.settings.timeout:g} s (--timeout); the ledger knows what was begun")
            return FAILED

    def guarded(self, work: Callable[[], int]) -> int:
        """Do the work; whatever goes wrong becomes words and an exit code."""
        try:
            return work()
        except InputError as error:
            self.say_findings(error.diagnostics)
            return FAILED
        except Blocked as error:
            self.say_findings(error.diagnostics)
            say(f"blocked: {error}")
            return BLOCKED
        except ReconcilerError as error:
            say(f"error: {error}")
            return FAILED
        except (click.ClickException, click.Abort, KeyboardInterrupt, BrokenPipeError):
            raise
        except OSError as error:
            say(f"error: {error}")
            return FAILED
        except Exception as error:  # noqa: BLE001 - the last resort: a defect of ours, said as one
            say(self._defect(error))
            return FAILED

    def say_findings(self, found: Sequence[Diagnostic]) -> None:
        """Findings on standard error."""
        if not self.given.get("quiet"):
            terminal.write(terminal.diagnostic_lines(found, self.source), sys.stderr, color=False)

    def _defect(self, error: BaseException) -> str:
        """Keep where it happened, without any value: source lines only, no messages, no locals."""
        frames = traceback.extract_tb(error.__traceback__)
        text = "".join(traceback.format_list(frames)) + type(error).__name__ + "\n"
        path = self.settings.directory / "defect.txt"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError:
            return f"error: {type(error).__name__}. This is a defect of reconciler: please report it."
        return f"error: {type(error).__name__}. This is a defect of reconciler: please report it with {path}."


def say(text: str) -> None:
    """One line on standard error."""
    click.echo(text, err=True)


def end_with(found: Sequence[Diagnostic], root: Path) -> NoReturn:
    """Print findings and end as failed."""
    terminal.write(terminal.diagnostic_lines(found, lambda p: source_line(p, root)), sys.stderr, color=False)
    sys.exit(FAILED)


def failed(found: Sequence[Diagnostic]) -> bool:
    """Whether findings end a command as failed."""
    return any(item.severity is Severity.ERROR for item in found)


def tell_ci(values: Mapping[str, object]) -> None:
    """Append to ``$GITHUB_OUTPUT`` where there is one."""
    name = os.environ.get("GITHUB_OUTPUT")
    if not name:
        return
    with Path(name).open("a", encoding="utf-8") as file:
        for key, value in values.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            file.write(f"{key}={text.splitlines()[0] if text else ''}\n")
