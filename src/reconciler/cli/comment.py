"""``reconciler comment``."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from reconciler.cli.exits import OK
from reconciler.cli.notify import PATIENCE, words
from reconciler.cli.options import shared
from reconciler.cli.planning import exit_code
from reconciler.cli.session import Command, say
from reconciler.cli.subject import fleet_of, source_of
from reconciler.model.jsontext import json_value
from reconciler.model.plan import Plan
from reconciler.planning import change_digest, intent_digest
from reconciler.render import markdown
from reconciler.render.subject import Subject
from reconciler.render.view import clean

LIMIT = 65_536
_MERGE_REF = re.compile(r"refs/pull/([0-9]{1,18})/")


@click.command()
@click.argument("planfile", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--pull-request", type=click.IntRange(min=1), help="Its number. [default: that of the event of the job]")
@shared
@click.pass_context
def command(ctx: click.Context, /, planfile: Path, pull_request: int | None) -> None:
    """Keep one comment on a pull request that shows PLANFILE, as `plan --out` or `--report json:FILE` wrote it.

    The comment is made from the plan, never from text: it is safe to run this on a file that an untrusted job left.
    A token that may not write is a warning, not a failure.
    """
    run = Command.begin(ctx)
    ctx.exit(run.guarded(lambda: _comment(run, planfile, pull_request)))


def _comment(run: Command, planfile: Path, pull_request: int | None) -> int:
    from reconciler.cli import planfile as files  # noqa: PLC0415 - start-up of `--help`

    plan = files.read(planfile)
    number = pull_request or _of_event()
    if number is None:
        raise click.UsageError("this job belongs to no pull request: name one with --pull-request NUMBER")
    try:
        done = asyncio.run(_kept(run, number, plan))
    except Exception as error:  # noqa: BLE001 - a comment is a courtesy; the plan has said its own exit code
        say(clean(f"warning[FORGE001]: the comment was not written: {words(error, named=True)}"))
        return OK
    say(f"comment on #{number}: {done}")
    return OK


async def _kept(run: Command, number: int, plan: Plan) -> str:
    from reconciler import forge, wiring  # noqa: PLC0415 - start-up of `--help`

    code, fleet = exit_code(plan, detailed=False), fleet_of(run)
    source = source_of(os.environ, run.settings.root)
    subject = Subject("plan", code, plan, diagnostics=plan.diagnostics, source=source, fleet=fleet)
    async with asyncio.timeout(PATIENCE), wiring.open_forge(os.environ) as found:
        text = _text(subject, plan, forge.stamp)
        return await forge.keep_comment(found, number, markdown.marker("plan", fleet), text)


def _text(subject: Subject, plan: Plan, stamp: Callable[[str, Sequence[str]], str]) -> str:
    """The report, and at its end what merging approves: what stands in it whole, and nothing else.

    A plan that could not be applied approves nothing.
    """
    if not plan.complete or plan.blocked:
        return markdown.text(subject)
    digests = {change.address: change_digest(change) for change in plan.reviewed}
    line = stamp(intent_digest(plan.reviewed), [*digests.values()])
    shown = markdown.shown(subject, LIMIT - len(line) - 2)
    if len(shown.changes) == len(plan.reviewed):
        return f"{shown.text.rstrip()}\n\n{line}"
    shown = markdown.shown(subject, LIMIT - len(line) - len(_partly(plan, plan)) - 4)
    line = stamp("", [digests[change.address] for change in shown.changes])
    return f"{shown.text.rstrip()}\n\n{_partly(plan, shown)}\n\n{line}"


def _partly(plan: Plan, shown: Plan | markdown.Shown) -> str:
    """What whoever merges has to know where not all could be shown."""
    return (
        f"**Merging approves {len(shown.changes)} of {len(plan.reviewed)} changes: those that stand above whole.** "
        "An apply needs all of them approved: read the plan in the report of the job, and approve it by its digest, "
        f"`{intent_digest(plan.reviewed)}`; or split the proposal."
    )


def _of_event() -> int | None:
    """The pull request that started the job, by its event or its ref."""
    merge = _MERGE_REF.match(os.environ.get("GITHUB_REF", ""))
    if merge:
        return int(merge.group(1))
    path = os.environ.get("GITHUB_EVENT_PATH")
    if not path:
        return None
    try:
        return _number(json_value(Path(path).read_bytes()))
    except (OSError, ValueError):
        return None


def _number(event: Any) -> int | None:
    found = event.get("pull_request") if isinstance(event, dict) else None
    number = found.get("number") if isinstance(found, dict) else None
    return number if isinstance(number, int) else None
