"""``reconciler verify``."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.exits import OK, UNHEALTHY
from reconciler.cli.failure import Failure
from reconciler.cli.options import gateways, reporting, traces
from reconciler.cli.report import Ending, Report
from reconciler.cli.session import Command, failed_with
from reconciler.cli.subject import edges_of, subject
from reconciler.cli.watch import Watch
from reconciler.model.address import Address
from reconciler.render import json as documents
from reconciler.render import terminal


@click.command()
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@gateways
@traces
@reporting
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Ask the gateways now whether endpoints work: all of them, or gateway/Kind/name."""
    run = Command.begin(ctx, _failed)
    try:
        addresses = [Address.parse(text) for text in given["addresses"]]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    watch = Watch(run, "verify")
    run.run(lambda: _verify(run, watch, given["gateways"], addresses), _failed, watch.told)


def _failed(failure: Failure) -> Ending:
    return failed_with(failure, documents.verify_document(failure.code, (), failure.diagnostics), command="verify")


async def _verify(run: Command, watch: Watch, gateways: tuple[str, ...], addresses: list[Address]) -> Ending:
    from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands

    desired = run.load((), gateways)
    heard = watch.beside(run.progress)
    async with wiring.open_session(run.settings, desired, gateways=gateways, progress=heard) as session:
        outcomes = await engine.verify(session, addresses)
    code = OK if all(outcome.healthy for outcome in outcomes) else UNHEALTHY
    report = Report(
        lambda: terminal.outcome_lines(outcomes),
        lambda: documents.verify_document(code, outcomes),
        lambda: subject("verify", code, run, outcomes=outcomes, edges=edges_of(desired)),
    )
    return Ending(code, report)
