"""Those who are told: the forge, webhooks."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconciler import secrets
from reconciler.engine import SystemClock
from reconciler.errors import InputError
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.ports import Clock
from reconciler.model.secret import SecretValue, is_header_text
from reconciler.settings import Settings, Webhook
from reconciler.wiring.destinations import is_allowed, is_private
from reconciler.wiring.findings import require

if TYPE_CHECKING:
    from reconciler.forge import Forge
    from reconciler.transport import Client


@asynccontextmanager
async def open_forge(environ: Mapping[str, str]) -> AsyncIterator[Forge]:
    """The forge that the environment names. Raises InputError where it names none, or one in clear."""
    from reconciler import forge, transport  # noqa: PLC0415 - see open_gateway

    given = {name: environ.get(name, "").strip() for name in _FORGE}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise InputError([_forge_finding(f"{', '.join(missing)} must be set.")])
    repository, url, token = given.values()
    if repository.count("/") != 1 or not is_private(url) or not is_header_text(token):
        detail = "GITHUB_REPOSITORY must be owner/name, GITHUB_API_URL https, GITHUB_TOKEN a token."
        raise InputError([_forge_finding(detail)])
    credential = transport.BearerCredential(SecretValue(token))
    parts = urlsplit(url)
    host = f"{parts.scheme}://{parts.netloc}"
    target = transport.Target("forge", host, credential, concurrency=1, total_timeout=20.0)
    client = transport.connect(target, SystemClock(), _silence)
    try:
        yield forge.GitHub(client, url, repository)
    finally:
        await client.close()


_FORGE = ("GITHUB_REPOSITORY", "GITHUB_API_URL", "GITHUB_TOKEN")


def _forge_finding(detail: str) -> Diagnostic:
    return Diagnostic(Severity.ERROR, "FORGE002", "no forge to speak to", detail)


@asynccontextmanager
async def open_webhook(settings: Settings, webhook: Webhook) -> AsyncIterator[tuple[Client, str, SecretValue, Clock]]:
    """What a message to a webhook needs: client, path, secret and clock. Raises InputError; nothing is sent yet."""
    from reconciler import transport  # noqa: PLC0415 - see open_gateway

    parts = urlsplit(webhook.url)
    if not is_allowed(parts.hostname or "", settings.allowed_hosts):
        detail = f"{parts.hostname!r} is not among the allowed hosts of the settings."
        raise InputError([Diagnostic(Severity.ERROR, "NOTIFY001", "this host is not allowed", detail)])
    vault = secrets.open_vault(
        settings.secret_rules, os.environ, key=None, roots={}, key_file=settings.directory / "fingerprint.key"
    )
    require(list((await vault.prepare((webhook.secret,))).values()))
    secret, clock = vault.reveal(webhook.secret), SystemClock()
    vault.forget()
    target = transport.Target("webhook", f"{parts.scheme}://{parts.netloc}", concurrency=1, total_timeout=20.0)
    client = transport.connect(target, clock, _silence)
    try:
        yield client, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), secret, clock
    finally:
        await client.close()


def _silence(_event: str, _fields: Mapping[str, object]) -> None:
    """Paths of webhooks may be secrets: what happens there is not logged."""
