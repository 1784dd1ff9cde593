"""Where credentials would go, and whether they may.

| what a manifest names                                 | what goes there                 | held to `allowedHosts` |
|-------------------------------------------------------|---------------------------------|------------------------|
| `url`, `org`, `webSocketUrl`, `tokenUrl` of a Gateway | its credential, providers' keys | yes                    |
| a full URL in its `paths`                             | the same                        | yes                    |
| a URL in an object that has secrets (`apiBase`, …)    | those, by the gateway's hand    | yes                    |
| a path                                                | stays on the host of the `url`  |                        |

Relative places are judged by the origin that they resolve to, and hosts by their one spelling (`model/hosts.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urljoin, urlsplit

from reconciler import platforms
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.hosts import canonical, host_of, is_loopback, origin_of
from reconciler.model.resource import Gateway, OAuth, Resource
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
    found |= {f"/spec/paths/{_escaped(name)}": path for name, path in gateway.paths.items() if "://" in path}
    if isinstance(gateway.auth, OAuth):
        tokens = token_url(gateway, gateway.auth, known, base_url)
        if _origin(tokens) != _origin(base_url):
            found["/spec/auth/oauth/tokenUrl" if gateway.auth.token_url else "/spec/paths/token"] = tokens
    return found


def handed_on(resource: Resource) -> Mapping[str, str]:
    """Every URL that a gateway would send this object's secrets to, by the field that says so."""
    return dict(_urls("/spec", resource.spec)) if resource.secrets else {}


def _urls(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _urls(f"{path}/{_escaped(key)}", member)
    elif isinstance(value, str) and value.startswith(_SCHEMES) and " " not in value:
        yield path, value


_SCHEMES = ("https://", "http://", "wss://", "ws://")


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def host_findings(
    desired: Desired, known: Mapping[str, platforms.OpenablePlatform], allowed_hosts: tuple[str, ...]
) -> Iterator[Diagnostic]:
    """Hosts that the settings do not allow: whoever may change a manifest may not send credentials anywhere."""
    for name, gateway in desired.gateways.items():
        for path, url in destinations(gateway, known[name]).items():
            yield from _unallowed(finding("WIRING002", _NOT_ALLOWED, "", gateway, path), url, allowed_hosts)
    for address, resource in desired.resources.items():
        for path, url in handed_on(resource).items():
            position = resource.source.position(path)
            found = Diagnostic(Severity.ERROR, "WIRING002", _NOT_ALLOWED, "", position, address, path)
            yield from _unallowed(found, url, allowed_hosts)


_NOT_ALLOWED = "this host is not allowed"


def _unallowed(found: Diagnostic, url: str, allowed_hosts: tuple[str, ...]) -> Iterator[Diagnostic]:
    try:
        host = host_of(url)
    except ValueError as error:
        yield replace(found, detail=f"where {url!r} leads cannot be told: {error}.")
        return
    if not is_allowed(host, allowed_hosts):
        detail = f"{host!r} is not among the allowed hosts of the settings ({', '.join(allowed_hosts)})."
        yield replace(found, detail=detail)


def is_allowed(host: str, allowed_hosts: tuple[str, ...]) -> bool:
    """Whether the settings let a credential go to this host, in whatever spelling."""
    if not allowed_hosts:
        return True
    try:
        plain = canonical(host)
    except ValueError:
        return False
    return any(fnmatchcase(plain, _pattern(pattern)) for pattern in allowed_hosts)


def is_named(host: str, allowed_hosts: tuple[str, ...]) -> bool:
    """Whether a pattern allows the host by naming it or its domain: one that allows everything names nothing."""
    return is_allowed(host, tuple(pattern for pattern in allowed_hosts if _names(pattern)) or (_NOBODY,))


_NOBODY = ""


def _names(pattern: str) -> bool:
    return not set(".".join(_pattern(pattern).split(".")[-2:])) & set("*?[")


def _pattern(pattern: str) -> str:
    """A pattern as hosts are spelled: no case, no final dot, and an address without its brackets."""
    bare = pattern[1:-1] if pattern.startswith("[") and pattern.endswith("]") and ":" in pattern else pattern
    return bare.lower().rstrip(".")


def domain_of(host: str, domains: Iterable[str]) -> str | None:
    """Which of the domains a host lies in; a host may be the domain itself."""
    plain = host.lower().rstrip(".")
    return next((domain for domain in domains if plain == domain or plain.endswith(f".{domain}")), None)


def is_private(url: str) -> bool:
    """Whether nobody on the way can read along: https, or this machine."""
    try:
        host = host_of(url)
    except ValueError:
        return False
    scheme = urlsplit(url).scheme
    return scheme == "https" or (scheme == "http" and is_loopback(host))


def in_clear(desired: Desired, known: Mapping[str, platforms.OpenablePlatform]) -> Iterator[Diagnostic]:
    """Credentials on their way through a network unencrypted."""
    for name, gateway in desired.gateways.items():
        for path, url in destinations(gateway, known[name]).items() if gateway.auth else ():
            if _is_open(url):
                parts = urlsplit(url)
                detail = f"the credential of {name!r} would go to {parts.hostname!r} unencrypted. Write {_IN_CLEAR[parts.scheme]}://."
                found = finding("WIRING004", "credentials in clear", detail, gateway, path)
                yield replace(found, severity=Severity.WARNING)
    for address, resource in desired.resources.items():
        for path, url in handed_on(resource).items():
            if _is_open(url):
                parts = urlsplit(url)
                detail = f"secrets of {address} would go to {parts.hostname!r} unencrypted. Write {_IN_CLEAR[parts.scheme]}://."
                position = resource.source.position(path)
                yield Diagnostic(Severity.WARNING, "WIRING004", "credentials in clear", detail, position, address, path)


def _is_open(url: str) -> bool:
    """Whether anybody on the way can read along; a host that cannot be told is no machine of ours."""
    if urlsplit(url).scheme not in _IN_CLEAR:
        return False
    try:
        return not is_loopback(host_of(url))
    except ValueError:
        return True


def _origin(url: str) -> str:
    """The origin, or what cannot be one: never equal to another."""
    try:
        return origin_of(url)
    except ValueError:
        return url
