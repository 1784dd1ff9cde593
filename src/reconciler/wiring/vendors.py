"""Hosts of another vendor, where a credential would go to strangers.

| the host lies in a domain of                | found      |
|---------------------------------------------|------------|
| the gateway's own platform                  | nothing    |
| no vendor: a private host, a proxy          | nothing    |
| another platform                            | WIRING008  |
| another platform, and `allowedHosts` names it | nothing  |

A platform that declares no domain belongs to no vendor (it is software that anybody runs, or a plug-in), and is not
held to any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from reconciler import platforms
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Gateway
from reconciler.wiring.destinations import destinations, domain_of, host_findings
from reconciler.wiring.findings import finding, require
from reconciler.wiring.sockets import strayed


def require_hosts(
    desired: Desired, known: Mapping[str, platforms.OpenablePlatform], allowed_hosts: tuple[str, ...]
) -> None:
    """Raise InputError where a credential would go to a host that is not allowed, or to another vendor."""
    require(tuple(misdirected(desired, known, allowed_hosts)))


def misdirected(
    desired: Desired, known: Mapping[str, platforms.OpenablePlatform], allowed_hosts: tuple[str, ...]
) -> Iterator[Diagnostic]:
    """Where a credential would go to a host that is not allowed, to another vendor, or to somebody else's socket."""
    found = [*host_findings(desired, known, allowed_hosts)] if allowed_hosts else []
    found += strangers(desired, known, allowed_hosts)
    yield from found
    said = {(finding.position, finding.path) for finding in found}
    yield from (one for one in strayed(desired, known, allowed_hosts) if (one.position, one.path) not in said)


def strangers(
    desired: Desired, known: Mapping[str, platforms.OpenablePlatform], allowed_hosts: tuple[str, ...]
) -> Iterator[Diagnostic]:
    """Gateways whose credential would go to the vendor of another platform."""
    for name, gateway in desired.gateways.items():
        if known[name].capabilities.domains:
            yield from _of_gateway(gateway, known[name], allowed_hosts)


def _of_gateway(
    gateway: Gateway, known: platforms.OpenablePlatform, allowed_hosts: tuple[str, ...]
) -> Iterator[Diagnostic]:
    own = known.capabilities.domains
    for path, url in destinations(gateway, known).items():
        host = urlsplit(url).hostname or ""
        if _is_number(host) or domain_of(host, own) is not None:
            continue
        for platform, domains in platforms.vendors().items():
            domain = domain_of(host, domains)
            if domain is not None and not _is_named(host, domain, allowed_hosts):
                yield _stranger(gateway, path, host, platform)
                break


def _is_number(host: str) -> bool:
    """Whether a host lies in no domain at all: then no other platform need be loaded, which takes 30 ms."""
    return ":" in host or "." not in host or host.rpartition(".")[2].isdigit()


def _is_named(host: str, domain: str, allowed_hosts: tuple[str, ...]) -> bool:
    """Whether a pattern allows the host by naming the domain: one that allows everything names nothing."""
    return any(domain_of(pattern, (domain,)) and fnmatchcase(host, pattern) for pattern in allowed_hosts)


def _stranger(gateway: Gateway, path: str, host: str, platform: str) -> Diagnostic:
    detail = (
        f"{host!r} lies in the domain of platform {platform}, and {gateway.name!r} is of platform {gateway.platform}: "
        f"its credential would go to another vendor. Correct the host or the platform; where that is meant, name the "
        f"host in allowedHosts of the settings."
    )
    return finding("WIRING008", "a host of another vendor", detail, gateway, path)
