"""To the wire and from the wire. Pure.

| manifest                     | wire                                                                            |
|------------------------------|---------------------------------------------------------------------------------|
| metadata.name, or remoteId   | model_name of all deployments, which callers ask for                            |
| each of credentials          | one credential and one deployment, both under ``<name>:<keyId>``                |
| credentials' priority        | litellm_params.order = 1 000 000 - priority                                     |
| provider, model              | litellm_params.model = ``<provider>/<model>`` of each deployment                |
| rateLimits.requestsPerMinute | litellm_params.rpm of each deployment                                           |
| ….concurrentConnections      | litellm_params.max_parallel_requests of each deployment                         |
| timeoutMs                    | litellm_params.timeout of each deployment, in seconds                           |
| fallbackModels               | the model group's entry in router_settings.fallbacks                            |
| paths.<provider> of Gateway  | litellm_params.api_base of each deployment                                      |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from reconciler.model.resource import Resource, Spec
from reconciler.platforms.body import rest
from reconciler.platforms.litellm.capabilities import LAST_ORDER, LIMITS, OWNER

Wire = Mapping[str, Any]

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

OURS = ("model", "litellm_credential_name", "order", "rpm", "max_parallel_requests", "timeout", "api_base")
"""Parameters of a deployment that this tool writes."""


def group_of(resource: Resource) -> str:
    """The model group that a resource stands for."""
    return resource.remote_id or resource.first_name


def remote_id(group: str, key_id: str) -> str:
    """Id of a deployment and name of its credential: the same for the same address, so that none is made twice.

    Ids stand in paths, where LiteLLM does not take an encoded slash: a group of another spelling is hashed.
    """
    readable = group if _SAFE.fullmatch(group) else sha256(group.encode()).hexdigest()[:16]
    return f"{readable}:{key_id}"


def key_of(group: str, deployment: str) -> str | None:
    """The keyId of a deployment of ours, None for anybody else's."""
    key_id = deployment.rpartition(":")[2]
    return key_id if key_id and remote_id(group, key_id) == deployment else None


def wire_model(spec: Spec) -> str:
    """The model with its provider in front, so that LiteLLM need not guess."""
    return f"{spec['provider']}/{spec['model']}"


def parameters(resource: Resource, key_id: str, addresses: Mapping[str, str]) -> Wire:
    """litellm_params of one deployment, without what is not wanted: null clears nothing."""
    spec = resource.spec
    limits = spec.get("rateLimits", {})
    timeout = spec.get("timeoutMs")
    found = {
        "model": wire_model(spec),
        "litellm_credential_name": remote_id(group_of(resource), key_id),
        "order": LAST_ORDER - spec["credentials"][key_id]["priority"],
        **{name: limits.get(field) for field, name in LIMITS.items()},
        "timeout": None if timeout is None else timeout / 1000,
        "api_base": addresses.get(spec["provider"]),
    }
    return {name: value for name, value in found.items() if value is not None}


def deployment_body(resource: Resource, key_id: str, params: Wire, kept: Wire) -> Wire:
    """The body of POST /model/new; `kept` are members of model_info to carry over."""
    group = group_of(resource)
    info = {**kept, "id": remote_id(group, key_id), "managed_by": OWNER}
    return {"model_name": group, "litellm_params": params, "model_info": info}


@dataclass(frozen=True, slots=True)
class Marks:
    """What a credential of ours says of itself: its group, and whether a creation of that group is under way."""

    group: str
    unfinished: bool = False

    def wire(self) -> Wire:
        """As credential_info."""
        return {"managed_by": OWNER, "group": self.group, "unfinished": self.unfinished}


def credential_body(name: str, key: str | None, marks: Marks) -> Wire:
    """The body of POST or PATCH of a credential; without `key` the value that is there stays."""
    values = {} if key is None else {"api_key": key}
    return {"credential_name": name, "credential_values": values, "credential_info": marks.wire()}


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment as it was read. `info` holds what may be carried over, `catalogued` the catalogue's provider."""

    id: str
    params: Wire
    info: Wire = field(default_factory=dict)
    catalogued: str | None = None

    @property
    def credential(self) -> str:
        """The credential that it takes its key from; empty where the key is its own."""
        name = self.params.get("litellm_credential_name")
        return name if isinstance(name, str) else ""

    @property
    def blocked(self) -> bool:
        """Whether someone has switched it off."""
        return self.info.get("blocked") is True


def lacks(wanted: Wire, deployment: Deployment) -> Wire:
    """Parameters that a merge has to set."""
    return {name: value for name, value in wanted.items() if deployment.params.get(name) != value}


def clears(wanted: Wire, deployment: Deployment) -> Sequence[str]:
    """Parameters of ours that are there and not wanted: LiteLLM merges, so only a new deployment is rid of them."""
    return [name for name in OURS if name not in wanted and deployment.params.get(name) is not None]


def strange(deployment: Deployment) -> Wire:
    """Parameters that nobody modelled, to go along into a new deployment; a false switch is LiteLLM's default."""
    return {name: value for name, value in rest(deployment.params, OURS).items() if value not in (None, False)}
