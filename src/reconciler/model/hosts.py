r"""Hosts, in the one spelling that they are compared in.

| as it is written                       | the host                                                      |
|----------------------------------------|---------------------------------------------------------------|
| ``LLM.Example.com``, ``llm.example.com.`` | ``llm.example.com``                                        |
| ``[::ffff:127.0.0.1]``                 | ``127.0.0.1``: it is the same machine                         |
| ``2130706433``, ``0x7f.1``, ``127.1``  | none: resolvers take it for an address, and readers do not    |
| ``bücher.example``, ``%65vil.example`` | none: there are several ways to read it; ``xn--`` is ASCII    |
| ``good.example\@evil.example``         | none                                                          |
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_SECURE = {"wss": "https", "ws": "http"}


def host_of(url: str) -> str:
    """The host of a URL in its one spelling. Raises ValueError where it can be read in more than one way."""
    if "\\" in url:
        raise ValueError("a backslash is read as a slash by some; write a slash")
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("credentials do not belong into a URL")
    return canonical(parts.hostname or "")


def canonical(host: str) -> str:
    """One spelling of a host, an address without brackets. Raises ValueError where it has none."""
    if ":" in host:
        if "%" in host:
            raise ValueError(f"{host!r} names an interface of one machine: leave it out")
        address = ip_address(host)
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return str(mapped or address)
    if not _NAME.fullmatch(host):
        raise ValueError(f"{host!r} is no plain host name: write it in ASCII (xn--…), without escapes")
    plain = host.lower().rstrip(".")
    if not _NUMBER.fullmatch(plain.rpartition(".")[2]):
        return plain
    try:
        return str(IPv4Address(plain))
    except ValueError:
        raise ValueError(
            f"{host!r} would be taken for an address: write it as four numbers, such as 127.0.0.1"
        ) from None


def origin_of(url: str) -> str:
    """Scheme, host and port; a socket belongs to the origin of its handshake. Raises ValueError as `host_of`."""
    parts = urlsplit(url)
    host, scheme = host_of(url), _SECURE.get(parts.scheme, parts.scheme)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{parts.port or _PORTS.get(parts.scheme, 0)}"


def is_one_server(url: str, other: str) -> bool:
    """Whether whoever answers at both is the same: one origin, or two ports of one host.

    On this machine each port is somebody else's. Raises ValueError as `host_of`.
    """
    if origin_of(url) == origin_of(other):
        return True
    return host_of(url) == host_of(other) and not is_loopback(host_of(url))


def is_loopback(host: str) -> bool:
    """Whether a canonical host is this machine by its address, or by the one name that always is."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
