"""What an adapter answers where nothing can be listed, made or changed."""

from __future__ import annotations

from typing import NoReturn

from reconciler.errors import Unsupported
from reconciler.model.capability import Capabilities, KindCapability
from reconciler.model.live import Observed
from reconciler.model.resource import Gateway, Manage, Resource, Spec

ENDPOINT = "Endpoint"

VERIFY_ONLY = KindCapability(create=False, update=False, delete=False, read=False, verify=True)
"""A kind that can be asked whether it works, and nothing else."""


def unseen(gateway: Gateway, capabilities: Capabilities) -> Observed:
    """Nothing was looked at, so that absence proves nothing."""
    return Observed(gateway.name, (), complete=False, unseen=frozenset(capabilities.kinds))


def refuse(gateway: Gateway, what: str) -> NoReturn:
    """Raise Unsupported: nothing was sent."""
    raise Unsupported(f"{gateway.platform} has no call to {what}; nothing was sent", gateway=gateway.name)


def bare(spec: Spec) -> Spec:
    """A spec without its credentials: nothing is sent, so that no key need be had."""
    return {name: value for name, value in spec.items() if name != "credentials"}


def is_watched(resource: Resource) -> bool:
    """Whether the manifest says that the object is only looked at."""
    return resource.lifecycle.manage is Manage.OBSERVE
