"""Names become things: the only file that knows every plug."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from reconciler import __version__, planning, platforms, secrets
from reconciler import ledger as ledgers
from reconciler.engine import Assembly, Site, SystemClock, select
from reconciler.errors import InputError
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Position, Severity, has_errors, ordered
from reconciler.model.live import Observed
from reconciler.model.plan import Plan
from reconciler.model.ports import Adapter, Clock, Ledger, Platform, Progress, Vault
from reconciler.model.resource import Auth, Bearer, Gateway, OAuth, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.model.snapshot import Snapshot
from reconciler.planning import PlanOptions, World
from reconciler.settings import Settings, Webhook

if TYPE_CHECKING:
    from reconciler.embedded import FaultPlan
    from reconciler.forge import Forge
    from reconciler.transport import Client, Credential

EMBEDDED = "embedded:"

CODES: Mapping[str, str] = {
    "WIRING001": "No platform of this name is built in, and no plug-in provides it.",
    "WIRING002": (
        "The settings list the hosts that gateways may have (`allowedHosts`), and this one is not among them. A pull "
        "request cannot send credentials elsewhere."
    ),
    "WIRING004": (
        "The gateway's URL is not https and not this machine, so that its credential, and every key that is written, "
        "could be read on the way. Write https; inside a trusted network, this warning is all that happens."
    ),
    "WIRING005": (
        "The credential of a gateway goes into a header of every request, and its value has characters that a header "
        "cannot carry. It is not shown. Look at the variable, file or command that it comes from."
    ),
    "WIRING006": (
        "The manifests declare a gateway that was not there when the snapshot was taken, so nothing is known of what "
        "lives on it and the plan is incomplete. Plan with credentials, or take a new snapshot after the merge."
    ),
    "WIRING003": "The file with faults for the gateway in a box is no fault plan.",
}


def validate(desired: Desired) -> tuple[Diagnostic, ...]:
    """Everything that can be found offline: what a platform cannot express, and the rules.

    Raises InputError for a platform that nobody provides.
    """
    known = _platforms(desired)
    normalized = _normalized(desired, known)
    limits = _unsupported(desired, known)
    return ordered((*limits, *_in_clear(desired, known), *planning.offline_findings(normalized)))


@asynccontextmanager
async def open_session(
    settings: Settings, desired: Desired, *, progress: Progress, gateways: tuple[str, ...] = ()
) -> AsyncIterator[Assembly]:
    """Open ledger, audit, secrets and the selected gateways; close them all at the end.

    Raises InputError when a gateway's credential is missing, its host is not allowed, or a manifest asks
    for what its platform cannot express.
    """
    chosen = select(desired, gateways)
    known = _platforms(chosen)
    _require(_unsupported(chosen, known))
    _require([f for name, gateway in chosen.gateways.items() for f in _host_findings(settings, gateway, known[name])])
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        vault = _open_vault(settings, chosen)
        stack.callback(vault.forget)
        await _prepare_credentials(vault, chosen)
        ledger = _ledger(settings, clock)
        stack.push_async_callback(ledger.close)
        audit = ledgers.open_audit(settings.audit_path, clock)
        stack.callback(audit.close)
        ports = _GatewayPorts(vault, clock, progress)
        sites = {
            name: Site(gateway, known[name], await _open_gateway(stack, settings, gateway, known[name], ports))
            for name, gateway in sorted(chosen.gateways.items())
        }
        yield Assembly(
            desired=replace(_normalized(chosen, known), diagnostics=(*chosen.diagnostics, *_in_clear(chosen, known))),
            sites=sites,
            ledger=ledger,
            audit=audit,
            vault=vault,
            clock=clock,
            progress=progress,
            holder=holder(),
            tool_version=__version__,
            commit=commit_of(settings.root),
            lock_wait=settings.lock_timeout,
        )


def plan_against(desired: Desired, taken: Snapshot, options: PlanOptions, gateways: tuple[str, ...] = ()) -> Plan:
    """Plan from a snapshot: no network, no secret, no ledger. Secrets that cannot be compared count as unchanged.

    Raises InputError for a platform that nobody provides, or what a platform cannot express.
    """
    chosen = select(desired, gateways)
    known = _platforms(chosen)
    _require(_unsupported(chosen, known))
    normalized = _normalized(chosen, known)
    seen = {name: taken.observed.get(name) or _not_taken(gateway) for name, gateway in chosen.gateways.items()}
    world = World(
        desired=normalized,
        observed=planning.readdressed(seen, normalized.resources, taken.ledger.entries),
        ledger=taken.ledger,
        capabilities={name: platform.capabilities for name, platform in known.items()},
        fingerprint=lambda _gateway, _ref: None,
    )
    made = planning.make_plan(world, replace(options, tool_version=__version__, secrets_available=False))
    found = ordered((*chosen.diagnostics, *_in_clear(chosen, known), *made.diagnostics))
    return replace(made, diagnostics=found, created_at=SystemClock().now())


def _not_taken(gateway: Gateway) -> Observed:
    detail = f"the snapshot does not hold {gateway.name!r}. Take it again once the Gateway is on the main branch."
    finding = _finding("WIRING006", "a gateway that is not in the snapshot", detail, gateway, "/metadata/name")
    return Observed(gateway.name, (), complete=False, diagnostics=(finding,))


def open_ledger(settings: Settings) -> Ledger:
    """The ledger alone, for the commands that only read or mend it."""
    return _ledger(settings, SystemClock())


def _ledger(settings: Settings, clock: Clock) -> Ledger:
    return ledgers.open_ledger(settings.ledger_url or settings.ledger_path, clock, settings.root)


@asynccontextmanager
async def open_forge(environ: Mapping[str, str]) -> AsyncIterator[Forge]:
    """The forge that the environment names. Raises InputError where it names none, or one in clear."""
    from reconciler import forge, transport  # noqa: PLC0415 - see _open_gateway

    given = {name: environ.get(name, "").strip() for name in _FORGE}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise InputError([_forge_finding(f"{', '.join(missing)} must be set.")])
    repository, url, token = given.values()
    if repository.count("/") != 1 or not _is_private(url) or not _is_header_text(token):
        detail = "GITHUB_REPOSITORY must be owner/name, GITHUB_API_URL https, GITHUB_TOKEN a token."
        raise InputError([_forge_finding(detail)])
    credential = transport.BearerCredential(SecretValue(token))
    target = transport.Target("forge", url, credential, concurrency=1, total_timeout=20.0)
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
    from reconciler import transport  # noqa: PLC0415 - see _open_gateway

    parts = urlsplit(webhook.url)
    if not _is_allowed(settings, parts.hostname or ""):
        detail = f"{parts.hostname!r} is not among the allowed hosts of the settings."
        raise InputError([Diagnostic(Severity.ERROR, "NOTIFY001", "this host is not allowed", detail)])
    vault = secrets.open_vault(
        settings.secret_rules, os.environ, key=None, roots={}, key_file=settings.directory / "fingerprint.key"
    )
    _require(list((await vault.prepare((webhook.secret,))).values()))
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


def holder() -> str:
    """How this run is called in a lease: user, host, process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} pid {os.getpid()}"


def commit_of(root: Path) -> str | None:
    """The commit that the manifests stand on, from the environment of a CI job or from git; None without either."""
    given = os.environ.get("GITHUB_SHA") or os.environ.get("CI_COMMIT_SHA")
    if given:
        return given
    try:
        found = subprocess.run(  # noqa: S603 - fixed words
            ["git", "-C", str(root), "rev-parse", "HEAD"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None


def commits_of(root: Path, most: int) -> tuple[str, ...]:
    """The newest commits of the checkout, the last one first; none where there is no checkout."""
    try:
        found = subprocess.run(  # noqa: S603 - fixed words and a number
            ["git", "-C", str(root), "rev-list", f"--max-count={most}", "HEAD"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(found.stdout.split()) if found.returncode == 0 else ()


def _platforms(desired: Desired) -> Mapping[str, platforms.OpenablePlatform]:
    found, findings = {}, []
    for name, gateway in desired.gateways.items():
        try:
            found[name] = platforms.find(gateway.platform)
        except LookupError as error:
            findings.append(
                _finding("WIRING001", "nobody provides this platform", str(error), gateway, "/spec/platform")
            )
    _require(findings)
    return found


def _unsupported(desired: Desired, known: Mapping[str, Platform]) -> Sequence[Diagnostic]:
    return [
        finding
        for resource in desired.resources.values()
        for finding in known[resource.address.gateway].unsupported(resource, desired.gateways[resource.address.gateway])
    ]


def _normalized(desired: Desired, known: Mapping[str, Platform]) -> Desired:
    def normal(resource: Resource) -> Resource:
        return known[resource.address.gateway].normalize(resource)

    return replace(desired, resources={address: normal(r) for address, r in desired.resources.items()})


def _open_vault(settings: Settings, desired: Desired) -> Vault:
    roots = {name: _root_secret(gateway) for name, gateway in desired.gateways.items()}
    return secrets.open_vault(
        settings.secret_rules,
        os.environ,
        key=settings.fingerprint_key,
        roots=roots,
        key_file=settings.directory / "fingerprint.key",
    )


def _root_secret(gateway: Gateway) -> SecretRef | None:
    """The credential that a gateway's fingerprint key is derived from."""
    match gateway.auth:
        case OAuth(client_secret=ref):
            return ref
        case Bearer(token=ref):
            return ref
        case None:
            return None
        case header:
            return header.value


def _credential_refs(auth: Auth | None) -> Mapping[str, SecretRef]:
    match auth:
        case OAuth():
            return {"/spec/auth/oauth/clientId": auth.client_id, "/spec/auth/oauth/clientSecret": auth.client_secret}
        case Bearer():
            return {"/spec/auth/bearer": auth.token}
        case None:
            return {}
        case header:
            return {"/spec/auth/header/value": header.value}


async def _prepare_credentials(vault: Vault, desired: Desired) -> None:
    places = {
        ref: (gateway, path)
        for gateway in desired.gateways.values()
        for path, ref in _credential_refs(gateway.auth).items()
    }
    failed = await vault.prepare(tuple(places))
    _require([replace(finding, position=_position(*places[ref])) for ref, finding in failed.items()])
    headers = {ref: place for ref, place in places.items() if not isinstance(place[0].auth, OAuth)}
    _require([_no_header(*place) for ref, place in headers.items() if not _is_header_text(vault.reveal(ref).reveal())])


def _is_header_text(value: str) -> bool:
    return value.isascii() and value.isprintable() and value == value.strip()


def _no_header(gateway: Gateway, path: str) -> Diagnostic:
    detail = (
        "the value holds a line break, blanks at its ends or other characters that no HTTP header can carry. "
        "Look at what stands there: often it is a file with more than the secret."
    )
    return _finding("WIRING005", "a credential that cannot be sent", detail, gateway, path)


@dataclass(frozen=True, slots=True)
class _GatewayPorts:
    """What opening a gateway needs besides its manifest."""

    vault: Vault
    clock: Clock
    progress: Progress


async def _open_gateway(
    stack: AsyncExitStack,
    settings: Settings,
    gateway: Gateway,
    known: platforms.OpenablePlatform,
    ports: _GatewayPorts,
) -> Adapter:
    from reconciler import transport  # noqa: PLC0415 - an HTTP client takes a tenth of a second to load

    base_url = await _base_url(stack, settings, gateway, known)
    target = transport.Target(
        gateway=gateway.name,
        base_url=base_url,
        credential=_credential(gateway, known, base_url, ports.vault),
        concurrency=gateway.limits.concurrency,
        requests_per_second=gateway.limits.requests_per_second,
        connect_timeout=gateway.timeouts.connect,
        total_timeout=gateway.timeouts.total,
        permissions=known.capabilities.permissions,
    )
    client = transport.connect(target, ports.clock, ports.progress)
    stack.push_async_callback(client.close)
    adapter = known.open(gateway, client)
    stack.push_async_callback(adapter.close)
    return adapter


async def _base_url(
    stack: AsyncExitStack, settings: Settings, gateway: Gateway, known: platforms.OpenablePlatform
) -> str:
    if gateway.url != EMBEDDED:
        return known.base_url(gateway)
    from reconciler import embedded  # noqa: PLC0415 - a server is needed for this one URL only

    store = settings.directory / "embedded" / f"{gateway.name}.sqlite"
    return await stack.enter_async_context(embedded.serve(store, faults=_faults(settings)))


def _faults(settings: Settings) -> FaultPlan | None:
    """What the gateway in a box does wrong, where the settings ask for it."""
    if settings.embedded_faults is None:
        return None
    from reconciler.embedded import FaultPlan  # noqa: PLC0415 - see above

    try:
        return FaultPlan.read(json.loads(settings.embedded_faults.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        detail = f"{settings.embedded_faults}: {error}"
        raise InputError([Diagnostic(Severity.ERROR, "WIRING003", "a fault plan cannot be read", detail)]) from None


def _credential(gateway: Gateway, known: platforms.OpenablePlatform, base_url: str, vault: Vault) -> Credential | None:
    from reconciler import transport  # noqa: PLC0415 - see above

    match gateway.auth:
        case OAuth() as oauth:
            return transport.OAuthCredential(
                token_url=_token_url(gateway, oauth, known, base_url),
                client_id=vault.reveal(oauth.client_id),
                client_secret=vault.reveal(oauth.client_secret),
                scopes=oauth.scopes,
                client_auth=oauth.client_auth,
            )
        case Bearer(token=ref):
            return transport.BearerCredential(vault.reveal(ref))
        case None:
            return None
        case header:
            return transport.HeaderCredential(header.name, vault.reveal(header.value))


def _position(gateway: Gateway, path: str) -> Position:
    return gateway.source.position(path)


def _token_url(gateway: Gateway, oauth: OAuth, known: platforms.OpenablePlatform, base_url: str) -> str:
    return urljoin(base_url + "/", oauth.token_url or known.token_path(gateway))


def _destinations(gateway: Gateway, known: platforms.OpenablePlatform) -> Mapping[str, str]:
    """Every URL that a credential of this gateway would be sent to, by the field that says so."""
    if gateway.url == EMBEDDED:
        base_url, found = "http://127.0.0.1", {}
    else:
        base_url = known.base_url(gateway)
        found = {"/spec/url" if gateway.url else "/spec/org": base_url}
    if isinstance(gateway.auth, OAuth):
        token_url = _token_url(gateway, gateway.auth, known, base_url)
        if urlsplit(token_url).netloc != urlsplit(base_url).netloc:
            found["/spec/auth/oauth/tokenUrl" if gateway.auth.token_url else "/spec/paths/token"] = token_url
    return found


def _host_findings(settings: Settings, gateway: Gateway, known: platforms.OpenablePlatform) -> Iterator[Diagnostic]:
    """Hosts that the settings do not allow: whoever may change a manifest may not send credentials anywhere."""
    if not settings.allowed_hosts:
        return
    for path, url in _destinations(gateway, known).items():
        host = urlsplit(url).hostname or ""
        if not _is_allowed(settings, host):
            detail = f"{host!r} is not among the allowed hosts of the settings ({', '.join(settings.allowed_hosts)})."
            yield _finding("WIRING002", "this host is not allowed", detail, gateway, path)


def _is_allowed(settings: Settings, host: str) -> bool:
    return not settings.allowed_hosts or any(fnmatchcase(host, pattern) for pattern in settings.allowed_hosts)


def _is_private(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    )


def _in_clear(desired: Desired, known: Mapping[str, platforms.OpenablePlatform]) -> Iterator[Diagnostic]:
    """Credentials on their way through a network unencrypted."""
    for name, gateway in desired.gateways.items():
        for path, url in _destinations(gateway, known[name]).items() if gateway.auth else ():
            parts = urlsplit(url)
            if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
                detail = f"the credential of {name!r} would go to {parts.hostname!r} unencrypted. Write https://."
                finding = _finding("WIRING004", "credentials in clear", detail, gateway, path)
                yield replace(finding, severity=Severity.WARNING)


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def _finding(code: str, summary: str, detail: str, gateway: Gateway, path: str) -> Diagnostic:
    return Diagnostic(Severity.ERROR, code, summary, detail, gateway.source.position(path), path=path)


def _require(findings: Sequence[Diagnostic]) -> None:
    if has_errors(findings):
        raise InputError(ordered(findings))
