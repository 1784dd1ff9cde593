"""``reconciler verify``."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.options import format_option, gateways, shared
from reconciler.cli.session import OK, UNHEALTHY, Command
from reconciler.model.address import Address
from reconciler.render import json as documents
from reconciler.render import terminal


@click.command()
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@gateways
@format_option
@shared
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Ask the gateways now whether endpoints work: all of them, or gateway/Kind/name."""
    run = Command.begin(ctx)
    try:
        addresses = [Address.parse(text) for text in given["addresses"]]
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    run.run(lambda: _verify(run, given, addresses))


async def _verify(run: Command, given: dict[str, Any], addresses: list[Address]) -> int:
    from reconciler import engine, wiring  # noqa: PLC0415 - start-up of other commands

    desired = run.load(())
    async with wiring.open_session(run.settings, desired, gateways=given["gateways"], progress=run.progress) as session:
        outcomes = await engine.verify(session, addresses)
    code = OK if all(outcome.healthy for outcome in outcomes) else UNHEALTHY
    run.report(
        given["format_"],
        lambda: terminal.outcome_lines(outcomes),
        lambda: {"exit_code": code, "outcomes": [documents.outcome_document(o) for o in outcomes]},
    )
    return code
