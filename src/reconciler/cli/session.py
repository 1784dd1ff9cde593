"""What commands have in common: settings, manifests, reports, and how a command ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click

from reconciler import settings as settings_room
from reconciler import storage
from reconciler.cli.failure import PASSED_ON, Failure, OutOfTime, failure_of
from reconciler.cli.logging import LogProgress
from reconciler.cli.report import FORMATS, Ending, Report
from reconciler.errors import InputError, ReconcilerError
from reconciler.manifest import LoadOptions, load, source_line
from reconciler.model.address import Address
from reconciler.model.desired import Desired, Scope
from reconciler.model.diagnostic import Diagnostic, Position, Severity, has_errors
from reconciler.model.inference import InferenceDeclarations
from reconciler.model.resource import Resource
from reconciler.render import github, terminal
from reconciler.render import json as documents
from reconciler.render.subject import Subject

Failing = Callable[[Failure], Ending]
"""Makes the ending of a command that failed: the same kind of document as when it does not."""


After = Callable[[Ending | Failure], Awaitable[None]]
"""Is told how a command ended, before it says so itself."""


@dataclass(frozen=True, slots=True)
class Command:
    """One invocation: its global options and settings."""

    given: Mapping[str, Any]
    settings: settings_room.Settings
    progress: LogProgress

    @classmethod
    def begin(cls, ctx: click.Context, failing: Failing | None = None) -> Command:
        """Read the settings. Where they are wrong, ends the process with findings and the document of `failing`."""
        given: dict[str, Any] = ctx.ensure_object(dict)
        # A run builds many objects and drops few: looking for cycles all the time costs more than it frees.
        gc.set_threshold(500_000, 50, 100)
        try:
            read = settings_room.load_settings(given, os.environ, _working_folder(), given.get("settings"))
            storage.mend(read.directory)
        except (ReconcilerError, OSError) as error:
            run = cls(given, settings_room.Settings(Path()), LogProgress("console", logging.ERROR))
            sys.exit(run.fail(failure_of(error, run.settings.directory), failing or failed_ending))
        level = logging.ERROR if given.get("quiet") else logging.DEBUG if given.get("verbose") else logging.INFO
        return cls(given, read, LogProgress(read.log_format, level))

    @property
    def format(self) -> str:
        """Of the report."""
        return str(self.given.get("format", "terminal"))

    def colored(self, stream: TextIO) -> bool:
        """On a terminal only, and only if nobody minds, unless the settings say always or never."""
        if self.given.get("no_color") or os.environ.get("NO_COLOR") or self.settings.color == "never":
            return False
        return self.settings.color == "always" or (stream.isatty() and os.environ.get("TERM") != "dumb")

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to be asked."""
        in_ci = os.environ.get("CI", "").lower() not in {"", "0", "false"}
        refused = self.given.get("no_input") or not self.settings.ask or in_ci
        return not refused and sys.stdin.isatty() and sys.stderr.isatty()

    def load(
        self, paths: Sequence[Path], gateways: Sequence[str] = (), selector: Mapping[str, str] | None = None
    ) -> Desired:
        """Read manifests that a gateway can be compared with; PATHs and a selector make a part of the fleet.

        Raises InputError for errors in them or no gateway at all, click.UsageError for an unknown gateway.
        """
        desired = self.read(paths, selector or {}, _prepare)
        if has_errors(desired.diagnostics):
            raise InputError(desired.diagnostics)
        if missing := nothing_to_work_on(desired):
            raise InputError([*desired.diagnostics, missing])
        for name in gateways:
            if name not in desired.gateways:
                raise click.UsageError(f"there is no gateway {name!r};{_known(name, desired.gateways)}")
        return desired

    def read(
        self,
        paths: Sequence[Path],
        selector: Mapping[str, str] | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> Desired:
        """Read the manifests, errors and all. Paths of the command line are relative to the working folder.

        | PATHs                               | read                     | wanted                                     |
        |-------------------------------------|--------------------------|--------------------------------------------|
        | none, or all that the settings name | the settings'            | all of it                                  |
        | below what the settings name        | the settings'            | what stands below the PATHs; gateways,     |
        |                                     |                          | parts, patches and policies count wherever |
        |                                     |                          | they stand                                 |
        | some below, some elsewhere          | the settings', and those | the same                                   |
        | elsewhere                           | the PATHs                | all of it, as a part of what the ledger    |
        |                                     |                          | knows                                      |
        """
        named = [os.path.abspath(Path.cwd() / path) for path in paths]  # noqa: PTH100 - links stay as named
        fleet = [os.path.abspath(self.settings.root / name) for name in self.settings.manifests]  # noqa: PTH100
        partly = bool(named) and not all(_lies_below(name, named) for name in fleet)
        options = LoadOptions(self.settings.root, cache=self.settings.cache_path, meanwhile=meanwhile)
        missing = [Path(name) for name in named if not os.path.exists(name)]  # noqa: PTH110 - as they are named
        if missing:
            return load(missing, options)
        desired = load(self.manifests(paths), options)
        if not partly and not selector:
            return desired
        root = os.path.abspath(self.settings.root)  # noqa: PTH100 - as positions are made
        names = ("" if name == root else name.removeprefix(root + os.sep) for name in named)
        return part_of(desired, Scope(tuple(names) if partly else (), selector or {}))

    def manifests(self, paths: Sequence[Path]) -> Sequence[Path]:
        """Where manifests are read for these PATHs; see `read`."""
        named = [os.path.abspath(Path.cwd() / path) for path in paths]  # noqa: PTH100 - links stay as named
        fleet = [os.path.abspath(self.settings.root / name) for name in self.settings.manifests]  # noqa: PTH100
        beside = [name for name in named if not _lies_below(name, fleet)]
        return [Path(name) for name in (beside if beside and len(beside) == len(named) else [*fleet, *beside])]

    def source(self, position: Position) -> str | None:
        """The line that a position is in."""
        return source_line(position, self.settings.root)

    def run(self, work: Callable[[], Awaitable[Ending]], failing: Failing, after: After | None = None) -> NoReturn:
        """The one place where the event loop is entered; ends the process with the work's exit code.

        `after` is told how the work ended, outside of its time limit, unless it was interrupted.
        """
        self.conclude(lambda: asyncio.run(self._whole(work, after)), failing)

    async def _whole(self, work: Callable[[], Awaitable[Ending]], after: After | None) -> Ending:
        try:
            ending = await self._limited(work)
        except (ReconcilerError, OSError) as error:
            if after is not None:
                await after(failure_of(error, self.settings.directory))
            raise
        if after is not None:
            await after(ending)
        return ending

    async def _limited(self, work: Callable[[], Awaitable[Ending]]) -> Ending:
        try:
            async with asyncio.timeout(self.settings.timeout) as limit:
                return await work()
        except TimeoutError:
            if not limit.expired():
                raise
            raise OutOfTime(
                f"not done within {self.settings.timeout:g} s (--timeout); what was begun is in the ledger"
            ) from None

    def conclude(self, work: Callable[[], Ending], failing: Failing) -> NoReturn:
        """Do the work, publish how it ended, and end the process."""
        try:
            ending = work()
            self._publish(ending, [sys.stdout])
        except PASSED_ON:
            raise
        except (Exception, KeyboardInterrupt, click.Abort) as error:  # noqa: BLE001 - the last resort
            sys.exit(self.fail(failure_of(error, self.settings.directory), failing))
        sys.exit(ending.code)

    def guarded(self, work: Callable[[], int]) -> int:
        """The same for a command without a report."""
        try:
            return work()
        except PASSED_ON:
            raise
        except (Exception, KeyboardInterrupt, click.Abort) as error:  # noqa: BLE001 - the last resort
            return self.fail(failure_of(error, self.settings.directory), failed_ending)

    def fail(self, failure: Failure, failing: Failing) -> int:
        """Say what went wrong: to people on standard error, to programs as the document they asked for."""
        if not failure.words or len(failure.diagnostics) != 1 or failure.diagnostics[0].detail not in failure.words:
            self.say_findings(failure.diagnostics)
        if failure.words:
            say(failure.words)
        try:
            self._publish(failing(failure), [] if self.format == "terminal" else [sys.stdout])
        except OSError as error:
            say(f"error: {error}")
        return failure.code

    def _publish(self, ending: Ending, streams: Sequence[TextIO]) -> None:
        """Files first: should one fail, standard output has not yet said that all went well."""
        for destination in self.given.get("reports", ()):
            destination.write(ending.report)
        tell_ci({"exitcode": ending.code, **ending.told})
        for stream in streams:
            FORMATS[self.format](ending.report, stream, color=self.colored(stream))

    def say_findings(self, found: Sequence[Diagnostic]) -> None:
        """Findings on standard error; with --quiet the errors among them."""
        shown = [d for d in found if d.severity is Severity.ERROR or not self.given.get("quiet")]
        terminal.write(terminal.diagnostic_lines(shown, self.source), sys.stderr, color=self.colored(sys.stderr))


def _working_folder() -> Path:
    """Raises ReconcilerError where it was removed under the shell."""
    try:
        return Path.cwd()
    except OSError as error:
        raise ReconcilerError(
            f"the working folder is not there any more ({error.strerror}); change to one that is"
        ) from None


def _lies_below(name: str, folders: Sequence[str]) -> bool:
    return any(name == folder or name.startswith(folder + os.sep) for folder in folders)


def part_of(desired: Desired, scope: Scope) -> Desired:
    """A part of a fleet, which knows what the rest declares, and whether that could be read.

    Gateways stay: which of them have something of this part is known once the ledger is read.
    """
    chosen = {a: r for a, r in desired.resources.items() if scope.covers(r.origin, r.labels)}
    elsewhere = {a: r for a, r in desired.resources.items() if a not in chosen}
    here = [d for d in desired.diagnostics if d.position is None or scope.lies_within(d.position.file)]
    others = [d for d in desired.diagnostics if d not in here and d.severity is Severity.ERROR]
    unread = f"{others[0].position}: {others[0].summary}" if others else ""
    if not has_errors(here):
        here += [d for d in desired.consequences if d.position and scope.lies_within(d.position.file)]
    return replace(
        desired,
        resources=chosen,
        diagnostics=tuple(here),
        inference=_narrowed(desired.inference, chosen),
        scope=replace(scope, elsewhere=elsewhere, unread=unread),
    )


def _narrowed(declared: InferenceDeclarations, resources: Mapping[Address, Resource]) -> InferenceDeclarations:
    """Probes keep the endpoints that are in the part, and go when none is; so do routes."""
    probes = {
        name: replace(probe, endpoints=kept)
        for name, probe in declared.probes.items()
        if (kept := tuple(address for address in probe.endpoints if address in resources))
    }
    routes = {name: route for name, route in declared.routes.items() if route.endpoint in resources}
    return replace(declared, probes=probes, routes=routes)


def _prepare() -> None:
    """Load what every comparison with a gateway needs."""
    from reconciler import planning, transport, wiring  # noqa: F401, PLC0415 - while nothing else can be done

    planning.prepare()


def failed_ending(failure: Failure) -> Ending:
    """The ending of a failed command that has no document of its own."""
    return failed_with(failure, {"exit_code": failure.code, "diagnostics": _documents(failure)})


def failed_with(failure: Failure, document: Any, told: Mapping[str, object] | None = None, command: str = "") -> Ending:
    """The ending of a failed command with its own document."""
    report = Report(
        lambda: terminal.diagnostic_lines(failure.diagnostics, lambda _: None),
        lambda: document,
        lambda: Subject(command, failure.code, diagnostics=failure.diagnostics),
    )
    return Ending(failure.code, report, told or {})


def _documents(failure: Failure) -> Any:
    return documents.diagnostic_documents(failure.diagnostics)


def nothing_to_work_on(desired: Desired) -> Diagnostic | None:
    """Why manifests without a gateway come to nothing: whoever finds no fault in them has looked at none."""
    if desired.gateways:
        return None
    detail = "there is no Gateway in the manifests that were read; check PATH and the working folder."
    return Diagnostic(Severity.ERROR, "CLI004", "nothing to work on", detail)


def _known(word: str, names: Mapping[str, Any]) -> str:
    import difflib  # noqa: PLC0415 - for a mistake only

    near = difflib.get_close_matches(word, list(names), n=1)
    return f" did you mean {near[0]!r}?" if near else f" known are {', '.join(sorted(names))}."


def say(text: str) -> None:
    """One line on standard error."""
    click.echo(text, err=True)


def tell_ci(values: Mapping[str, object]) -> None:
    """Append to ``$GITHUB_OUTPUT`` where there is one."""
    name = os.environ.get("GITHUB_OUTPUT")
    if not name:
        return
    with Path(name).open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(github.outputs(values))
