"""The door: commands by name, loaded when they are called, and exit codes.

| exit | means                                                        |
|------|--------------------------------------------------------------|
| 0    | done, nothing left                                           |
| 1    | failed                                                       |
| 2    | differences (with --detailed-exitcode; drift always)         |
| 3    | blocked: a person must decide                                |
| 4    | applied, but not healthy, or rolled back                     |
| 64   | wrong usage                                                  |
| 130  | interrupted                                                  |
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NoReturn

import click

from reconciler.cli.options import shared

USAGE = 64
INTERRUPTED = 130

COMMANDS: Mapping[str, tuple[str, str]] = {
    "validate": ("reconciler.cli.validate", "Check manifests offline: no network, no secrets."),
    "plan": ("reconciler.cli.plan", "Show what would change, and what drifted."),
    "apply": ("reconciler.cli.apply", "Carry out a plan: write, verify, record."),
    "drift": ("reconciler.cli.drift", "Compare what is live with what was last applied."),
    "verify": ("reconciler.cli.verify", "Ask the gateways now whether endpoints work."),
    "show": ("reconciler.cli.show", "Show a plan file."),
    "history": ("reconciler.cli.history", "List earlier runs."),
    "audit": ("reconciler.cli.audit", "Check the audit file."),
    "ledger": ("reconciler.cli.ledger", "Read and mend the ledger."),
    "schema": ("reconciler.cli.schema", "Print the JSON Schema of the language, or of one kind."),
    "explain": ("reconciler.cli.explain", "Explain a field of a kind, or a diagnostic code."),
    "gateway": ("reconciler.cli.gateway", "Run the gateway in a box."),
    "completion": ("reconciler.cli.completion", "Print the completion script of a shell."),
    "version": ("reconciler.cli.version", "Print the version."),
}


class LazyGroup(click.Group):
    """Knows the commands by name, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table, which is the order of work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        """List them without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@shared
def root() -> None:
    """Reconcile LLM gateways with the manifests in Git."""


def main() -> None:
    """Run the command line and exit."""
    try:
        code = root.main(prog_name="reconciler", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        code = USAGE
    except click.ClickException as error:
        error.show()
        code = 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = INTERRUPTED
    except SystemExit as ended:
        code = ended.code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    leave(code if isinstance(code, int) else 0)


def leave(code: int) -> NoReturn:
    """End the process at once: taking down every object of a large fleet one by one takes 0.1 s for nothing."""
    used = sys.modules.get("multiprocessing")
    for child in used.active_children() if used is not None else ():
        child.join()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
