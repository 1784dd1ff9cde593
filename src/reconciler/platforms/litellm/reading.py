"""From the wire to live objects. Pure.

| on the wire                                         | in the spec                                                   |
|-----------------------------------------------------|---------------------------------------------------------------|
| deployments of one model_name                       | one Endpoint                                                  |
| id ``<name>:<keyId>``                               | keyId; any other id is the keyId itself                       |
| no order                                            | priority 0: LiteLLM uses such a deployment last, or never     |
| what all deployments say alike                      | the endpoint's fields                                         |
| what one says otherwise than the first              | the same field in its credential, so that a plan shows it     |
| api_base other than the Gateway's                   | apiBase, which the language does not have: it is drift        |
| a credential that is missing, or another than ours  | credential: missing, or its name                              |
| a group whose creation was cut off                  | nothing: the next creation completes it                       |
| deployments of the proxy's configuration file       | nothing: its API cannot change them                           |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import ProtocolError
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.planning.pointer import join
from reconciler.platforms.litellm.capabilities import (
    DEFAULT_STRATEGY,
    ENDPOINT,
    LAST_ORDER,
    LIMITS,
    OWNER,
)
from reconciler.platforms.litellm.convert import Deployment, Wire, key_of, remote_id

_CARRIED = ("access_groups", "base_model", "blocked", "team_id", "team_public_model_name", "tier")
"""Members of model_info that a person may have set; the rest is LiteLLM's catalogue or its own."""

MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Group:
    """All of one model group. `fixed`: the proxy's configuration file has a part in it. `made` is empty for none."""

    name: str
    made: Mapping[str, Deployment]
    owned: frozenset[str]
    unfinished: bool
    fixed: bool
    fallbacks: Sequence[Any]

    @property
    def visible(self) -> bool:
        """Whether it counts as an object."""
        return bool(self.made) and not self.unfinished


@dataclass(frozen=True, slots=True)
class Page:
    """Three lists of the proxy as they were read: deployments, credentials, and the router's settings."""

    deployments: Sequence[Wire]
    credentials: Sequence[Wire]
    router: Wire

    def names(self) -> frozenset[str]:
        """Every model group, whoever made it."""
        return frozenset(raw["model_name"] for raw in self.deployments)

    def groups(self) -> Sequence[Group]:
        """Groups that deployments, or credentials of ours, belong to."""
        mine = {str(marks.get("group")) for _, marks in self._mine()}
        return [self.group(name) for name in sorted(self.names() | mine)]

    def group(self, name: str) -> Group:
        """One group."""
        members = [raw for raw in self.deployments if raw["model_name"] == name]
        mine = {credential: marks for credential, marks in self._mine() if marks.get("group") == name}
        return Group(
            name,
            _keyed(name, [_deployment(raw) for raw in members if _of_database(raw)]),
            frozenset(mine),
            any(marks.get("unfinished") is True for marks in mine.values()),
            not all(map(_of_database, members)),
            self._fallbacks(name),
        )

    def _mine(self) -> Iterator[tuple[str, Wire]]:
        for raw in self.credentials:
            marks = raw.get("credential_info") or {}
            if marks.get("managed_by") == OWNER:
                yield raw["credential_name"], marks

    def _fallbacks(self, name: str) -> Sequence[Any]:
        entries = self.router.get("fallbacks") or ()
        found = next((entry[name] for entry in entries if isinstance(entry, dict) and name in entry), ())
        return list(found)

    def masks(self) -> Mapping[str, Any]:
        """What each credential reveals of its key."""
        return {raw["credential_name"]: (raw.get("credential_values") or {}).get("api_key") for raw in self.credentials}

    def bases(self) -> Mapping[str, Any]:
        """Addresses that credentials bring along."""
        return {
            raw["credential_name"]: (raw.get("credential_values") or {}).get("api_base") for raw in self.credentials
        }


def _of_database(raw: Wire) -> bool:
    return bool(raw["model_info"].get("db_model"))


def _deployment(raw: Wire) -> Deployment:
    info = raw["model_info"]
    carried = {name: info[name] for name in _CARRIED if info.get(name) not in (None, False)}
    return Deployment(info["id"], raw["litellm_params"], carried, info.get("litellm_provider"))


def _keyed(group: str, deployments: Sequence[Deployment]) -> Mapping[str, Deployment]:
    """By keyId, ours first: one of somebody else whose id is taken keeps visible under a name of its own."""
    found: dict[str, Deployment] = {}
    for deployment in sorted(deployments, key=lambda d: (key_of(group, d.id) is None, d.id)):
        key_id = key_of(group, deployment.id) or deployment.id
        found[f"{key_id}~" if key_id in found else key_id] = deployment
    return found


@dataclass(frozen=True, slots=True)
class Reader:
    """For one gateway; `addresses` are where its manifest says that providers are."""

    gateway: str
    addresses: Mapping[str, str]

    def page(self, deployments: Sequence[Any], credentials: Any, router: Any) -> Page:
        """Check the shape of three answers. Raises ProtocolError."""
        values = (router or {}).get("current_values") if isinstance(router, dict) else None
        listed = credentials.get("credentials") if isinstance(credentials, dict) else None
        if not isinstance(values, dict) or not isinstance(listed, list):
            raise self._unreadable("settings or credentials")
        for raw in deployments:
            if not (isinstance(raw, dict) and _shaped(raw)):
                raise self._unreadable("a deployment")
        if not all(isinstance(raw, dict) and isinstance(raw.get("credential_name"), str) for raw in listed):
            raise self._unreadable("a credential")
        return Page(deployments, listed, values)

    def _unreadable(self, what: str) -> ProtocolError:
        return ProtocolError(f"the proxy answered with {what} of another shape than it documents", gateway=self.gateway)

    def live(self, group: Group, page: Page) -> Live:
        """One visible group."""
        masks, bases = page.masks(), page.bases()
        said = {key_id: self._said(deployment, bases) for key_id, deployment in group.made.items()}
        ranks = {key_id: _priority(deployment) for key_id, deployment in group.made.items()}
        first = said[min(group.made, key=lambda key_id: (-ranks[key_id], key_id))]
        spec = _endpoint(first)
        spec["credentials"] = {
            key_id: {"priority": ranks[key_id], **_otherwise(said[key_id], first)}
            | _key_of(group.name, deployment, masks)
            for key_id, deployment in sorted(group.made.items())
        }
        if group.fallbacks:
            spec["fallbackModels"] = group.fallbacks
        hints = {
            join("/spec", ("credentials", key_id, "apiKey")): hint(
                masks.get(str(deployment.params.get("litellm_credential_name")))
            )
            for key_id, deployment in group.made.items()
        }
        raw = {"ids": {key_id: deployment.id for key_id, deployment in group.made.items()}}
        return Live(Address(self.gateway, ENDPOINT, group.name), group.name, spec, raw, hints)

    def _said(self, deployment: Deployment, bases: Mapping[str, Any]) -> Mapping[str, Any]:
        """What one deployment says, in the words of the language; what it does not say is not there."""
        params = deployment.params
        provider, model = _split(deployment)
        timeout = params.get("timeout")
        base = params.get("api_base") or bases.get(str(params.get("litellm_credential_name")))
        found = {
            "provider": provider,
            "model": model,
            **{field: params.get(name) for field, name in LIMITS.items()},
            "timeoutMs": round(timeout * 1000) if isinstance(timeout, int | float) else timeout,
            "apiBase": None if base == self.addresses.get(provider or "") else str(base or "the provider's own"),
            "blocked": deployment.blocked or None,
        }
        return {name: value for name, value in found.items() if value is not None}


def _shaped(raw: Wire) -> bool:
    info, params = raw.get("model_info"), raw.get("litellm_params")
    if not isinstance(info, dict) or not isinstance(params, dict):
        return False
    return isinstance(raw.get("model_name"), str) and isinstance(info.get("id"), str)


def _split(deployment: Deployment) -> tuple[str | None, str]:
    """Provider and model; of a model that was written without its provider LiteLLM's catalogue may know it."""
    params = deployment.params
    text = str(params.get("model", ""))
    if params.get("custom_llm_provider"):
        provider = str(params["custom_llm_provider"])
        return provider, text.removeprefix(f"{provider}/")
    provider, slash, model = text.partition("/")
    return (provider, model) if slash else (deployment.catalogued, text)


def _priority(deployment: Deployment) -> int:
    order = deployment.params.get("order")
    return LAST_ORDER - order if isinstance(order, int) else 0


def _endpoint(said: Mapping[str, Any]) -> dict[str, Any]:
    spec = {name: value for name, value in said.items() if name not in LIMITS}
    limits = {name: said[name] for name in LIMITS if name in said}
    return {**spec, **({"rateLimits": limits} if limits else {}), "fallbackStrategy": DEFAULT_STRATEGY}


def _otherwise(said: Mapping[str, Any], first: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where a deployment differs from the first; null for what it lacks."""
    return {name: said.get(name) for name in sorted({*said, *first}) if said.get(name) != first.get(name)}


def _key_of(group: str, deployment: Deployment, masks: Mapping[str, Any]) -> dict[str, Any]:
    """Of a deployment of ours: which credential it uses, if not its own."""
    name = deployment.params.get("litellm_credential_name")
    if name is not None and name not in masks:
        return {"credential": MISSING}
    key_id = key_of(group, deployment.id)
    if key_id is None or name == remote_id(group, key_id):
        return {}
    return {"credential": name or "none"}


def hint(masked: Any) -> str:
    """What a mask reveals: two characters behind its stars, or nothing."""
    return masked.rpartition("*")[2] if isinstance(masked, str) and "*" in masked else ""
