"""Where credentials would go, and whether they may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from urllib.parse import urljoin, urlsplit

from reconciler import platforms
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.resource import Gateway, OAuth
from reconciler.settings import Settings
from reconciler.wiring.findings import finding

EMBEDDED = "embedded:"

_IN_CLEAR: Mapping[str, str] = {"http": "https", "ws": "wss"}
"""Schemes that anybody on the way can read, and what stands for them."""


def token_url(gateway: Gateway, oauth: OAuth, known: platforms.OpenablePlatform, base_url: str) -> str:
    """Where tokens are fetched."""
    return urljoin(base_url + "/", oauth.token_url or known.token_path(gateway))


def destinations(gateway: Gateway, known: platforms.OpenablePlatform) -> Mapping[str, str]:
    """Every URL that a credential of this gateway would be sent to, by the field that says so."""
    if gateway.url == EMBEDDED:
        base_url, found = "http://127.0.0.1", {}
    else:
        base_url = known.base_url(gateway)
        found = {"/spec/url" if gateway.url else "/spec/org": base_url}
    if gateway.web_socket_url is not None:
        found["/spec/webSocketUrl"] = gateway.web_socket_url
    if isinstance(gateway.auth, OAuth):
        tokens = token_url(gateway, gateway.auth, known, base_url)
        if urlsplit(tokens).netloc != urlsplit(base_url).netloc:
            found["/spec/auth/oauth/tokenUrl" if gateway.auth.token_url else "/spec/paths/token"] = tokens
    return found


def host_findings(settings: Settings, gateway: Gateway, known: platforms.OpenablePlatform) -> Iterator[Diagnostic]:
    """Hosts that the settings do not allow: whoever may change a manifest may not send credentials anywhere."""
    if not settings.allowed_hosts:
        return
    for path, url in destinations(gateway, known).items():
        host = urlsplit(url).hostname or ""
        if not is_allowed(settings, host):
            detail = f"{host!r} is not among the allowed hosts of the settings ({', '.join(settings.allowed_hosts)})."
            yield finding("WIRING002", "this host is not allowed", detail, gateway, path)


def is_allowed(settings: Settings, host: str) -> bool:
    """Whether the settings let a credential go to this host."""
    return not settings.allowed_hosts or any(fnmatchcase(host, pattern) for pattern in settings.allowed_hosts)


def is_private(url: str) -> bool:
    """Whether nobody on the way can read along: https, or this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
    )


def in_clear(desired: Desired, known: Mapping[str, platforms.OpenablePlatform]) -> Iterator[Diagnostic]:
    """Credentials on their way through a network unencrypted."""
    for name, gateway in desired.gateways.items():
        for path, url in destinations(gateway, known[name]).items() if gateway.auth else ():
            parts = urlsplit(url)
            if parts.scheme in _IN_CLEAR and not _is_loopback(parts.hostname or ""):
                detail = f"the credential of {name!r} would go to {parts.hostname!r} unencrypted. Write {_IN_CLEAR[parts.scheme]}://."
                found = finding("WIRING004", "credentials in clear", detail, gateway, path)
                yield replace(found, severity=Severity.WARNING)


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def is_header_text(value: str) -> bool:
    """Whether a value can stand in a header as it is."""
    return value.isascii() and value.isprintable() and value == value.strip()
