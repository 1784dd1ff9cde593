"""Sockets at another host than the gateway's own, where its credential has no business.

| `webSocketUrl` leads to                                     | the credential goes along |
|-------------------------------------------------------------|---------------------------|
| the origin of the gateway's URL                             | yes                       |
| another port of that host, which is not this machine        | yes                       |
| a host in the platform's own domains, and the URL does, too | yes                       |
| a host that `allowedHosts` names                            | yes                       |
| any other                                                   | no: WIRING010             |

A gateway without a credential has nothing to lose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from reconciler import platforms
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.hosts import host_of, is_one_server, origin_of
from reconciler.model.resource import Gateway
from reconciler.wiring.destinations import EMBEDDED, domain_of, is_named
from reconciler.wiring.findings import finding


def socket_origins(
    gateway: Gateway, known: platforms.OpenablePlatform, allowed_hosts: tuple[str, ...]
) -> tuple[str, ...]:
    """The origin of the gateway's sockets where its credential may go there."""
    if gateway.web_socket_url is None or not _is_trusted(gateway, known, allowed_hosts):
        return ()
    return (origin_of(gateway.web_socket_url),)


def strayed(
    desired: Desired, known: Mapping[str, platforms.OpenablePlatform], allowed_hosts: tuple[str, ...]
) -> Iterator[Diagnostic]:
    """Gateways whose credential would be sent to somebody else's socket."""
    for name, gateway in desired.gateways.items():
        if gateway.web_socket_url is None or gateway.auth is None or _is_trusted(gateway, known[name], allowed_hosts):
            continue
        host = urlsplit(gateway.web_socket_url).netloc
        detail = (
            f"sockets of {name!r} would be opened at {host!r}, and its credential belongs to another host. A model "
            f"there is a Gateway of its own, with its own credential; a Route reads histories here by "
            f"`history.gateway: {name}`. Where both are one, name the host in allowedHosts of the settings."
        )
        yield finding("WIRING010", "a credential at another host", detail, gateway, "/spec/webSocketUrl")


def _is_trusted(gateway: Gateway, known: platforms.OpenablePlatform, allowed_hosts: tuple[str, ...]) -> bool:
    url = gateway.web_socket_url or ""
    try:
        host = host_of(url)
        if is_named(host, allowed_hosts):
            return True
        if gateway.url == EMBEDDED:
            return False
        base = known.base_url(gateway)
        return is_one_server(base, url) or _is_vendors(host, host_of(base), known)
    except ValueError:
        return False


def _is_vendors(host: str, own: str, known: platforms.OpenablePlatform) -> bool:
    domains = known.capabilities.domains
    return domain_of(host, domains) is not None and domain_of(own, domains) is not None
