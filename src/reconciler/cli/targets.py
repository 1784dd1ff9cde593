"""Who is told of drift, as `--notify` names them.

| target               | told                                                                        |
|----------------------|-----------------------------------------------------------------------------|
| `webhook`            | every webhook in the settings                                               |
| `webhook:URL`        | the one with this URL, which the settings must hold: they know its secret   |
| `github-issue`       | the issue with the label `reconciler-drift`                                 |
| `github-issue:LABEL` | the one with this label                                                     |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from reconciler.settings import Settings, Webhook

LABEL = "reconciler-drift"
LONGEST_LABEL = 50


@dataclass(frozen=True, slots=True)
class IssueTarget:
    """An issue, found by its label."""

    label: str = LABEL


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """A webhook of the settings; all of them where no URL is given."""

    url: str = ""


Target = IssueTarget | WebhookTarget


def parsed(text: str) -> Target:
    """Read a target. Raises ValueError."""
    kind, colon, rest = text.partition(":")
    if colon and not rest:
        raise ValueError(f"{text!r}: nothing stands after the colon")
    if kind == "webhook":
        return WebhookTarget(rest)
    if kind != "github-issue":
        raise ValueError(f"{kind!r} is none of webhook, webhook:URL, github-issue, github-issue:LABEL")
    if "," in rest or len(rest) > LONGEST_LABEL or not (rest or LABEL).isprintable():
        raise ValueError(f"a label has no comma and at most {LONGEST_LABEL} characters")
    return IssueTarget(rest or LABEL)


def of_option(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[Target, ...]:
    """The targets of a repeatable option, each once."""
    try:
        return tuple(dict.fromkeys(map(parsed, value)))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def of_webhooks(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[Target, ...]:
    """The same, for a command that only webhooks are told of."""
    targets = of_option(ctx, param, value)
    if any(isinstance(target, IssueTarget) for target in targets):
        raise click.BadParameter("only webhooks are told of this command", ctx, param)
    return targets


def resolved(targets: Sequence[Target], settings: Settings) -> tuple[IssueTarget | Webhook, ...]:
    """The targets with what the settings know of them, each once. Raises click.UsageError for one they do not know."""
    return tuple(dict.fromkeys(one for target in targets for one in _resolved(target, settings)))


def _resolved(target: Target, settings: Settings) -> Iterator[IssueTarget | Webhook]:
    if isinstance(target, IssueTarget):
        yield target
        return
    found = [webhook for webhook in settings.webhooks if target.url in {"", webhook.url}]
    if not found:
        raise click.UsageError(
            "--notify webhook: the settings hold no such webhook; add it to `notify` in reconciler.yaml, "
            "with the reference of its secret"
        )
    yield from found
