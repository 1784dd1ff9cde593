"""The door: commands by name, loaded when they are called, and the end of the process. Exit codes: `exits.py`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NoReturn

import click

from reconciler import __version__
from reconciler.cli.exits import FAILED, INTERRUPTED, OK, USAGE
from reconciler.cli.options import shared
from reconciler.cli.streams import Streams

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("reconciler.cli.init", "Begin: manifests, settings and the workflows of a team."),
    "validate": ("reconciler.cli.validate", "Check manifests offline: no network, no secrets."),
    "plan": ("reconciler.cli.plan", "Show what would change, and what drifted."),
    "apply": ("reconciler.cli.apply", "Carry out a plan: write, verify, record."),
    "drift": ("reconciler.cli.drift", "Compare what is live with what was last applied."),
    "comment": ("reconciler.cli.comment", "Keep a plan's comment on a pull request up to date."),
    "import": ("reconciler.cli.import_", "Write live objects as manifests, and take them over."),
    "adopt": ("reconciler.cli.adopt", "Take over live objects that are declared; --from-live writes them back."),
    "verify": ("reconciler.cli.verify", "Ask the gateways now whether endpoints work."),
    "snapshot": ("reconciler.cli.snapshot", "Keep live objects, without secrets, for plans without credentials."),
    "show": ("reconciler.cli.show", "Show a plan file."),
    "history": ("reconciler.cli.history", "List earlier runs."),
    "audit": ("reconciler.cli.audit", "Check the audit file."),
    "ledger": ("reconciler.cli.ledger", "Read and mend the ledger."),
    "schema": ("reconciler.cli.schema", "Print the JSON Schema of the language, of a kind, or of an output."),
    "explain": ("reconciler.cli.explain", "Explain a field of a kind, or a diagnostic code."),
    "approved": ("reconciler.cli.approved", "Print what merged pull requests approved."),
    "graph": ("reconciler.cli.graph", "Draw what depends on what."),
    "serve": ("reconciler.cli.serve", "Answer bots: the webhooks of the Routes in the manifests."),
    "gateway": ("reconciler.cli.gateway", "Run the gateway in a box."),
    "completion": ("reconciler.cli.completion", "Print the completion script of a shell."),
    "version": ("reconciler.cli.version", "Print the version."),
}


class LazyGroup(click.Group):
    """Knows the commands by name, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table, which is the order of work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            import difflib  # noqa: PLC0415 - for a mistake only

            near = difflib.get_close_matches(cmd_name, COMMANDS, n=1)
            if near and not ctx.resilient_parsing:
                raise click.UsageError(f"There is no command {cmd_name!r}. Did you mean {near[0]!r}?", ctx)
            return None
        found: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        """List them without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
@shared
def root() -> None:
    """Reconcile LLM gateways with the manifests in Git."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, of the process where none is given, and return the exit code."""
    try:
        code = root.main(arguments, prog_name="reconciler", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return FAILED
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except SystemExit as ended:
        code = ended.code
    except Exception as error:  # noqa: BLE001 - the last resort, for what happens around a command
        return _unforeseen(error)
    return code if isinstance(code, int) else OK


def _unforeseen(error: Exception) -> int:
    """Say what went wrong outside of every command's own last resort."""
    from pathlib import Path  # noqa: PLC0415 - for the rare case

    from reconciler.cli.failure import failure_of  # noqa: PLC0415 - the same

    failure = failure_of(error, Path(".reconciler"))
    click.echo(failure.words or "; ".join(each.detail for each in failure.diagnostics), err=True)
    return failure.code


def main() -> None:
    """Run the command line and exit."""
    streams = Streams.taken()
    leave(streams.judged(run()))


def leave(code: int) -> NoReturn:
    """End the process at once: taking down every object of a large fleet one by one takes 0.1 s for nothing."""
    children = sys.modules.get("multiprocessing")
    for child in children.active_children() if children else ():
        child.join()
    os._exit(code)
