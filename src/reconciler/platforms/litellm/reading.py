"""From the wire to live objects. Pure.

| on the wire                                         | in the spec                                                   |
|-----------------------------------------------------|---------------------------------------------------------------|
| deployments of one model_name                       | one Endpoint                                                  |
| id ``<name>:<keyId>``                               | keyId; any other id is the keyId itself                       |
| no order                                            | priority 0: LiteLLM uses such a deployment last, or never     |
| what all deployments say alike                      | the endpoint's fields                                         |
| what one says otherwise than the first              | a text in that field, such as ``gpt-4o, but gpt-4 of key-b``  |
| an address other than the Gateway's                 | a text in `provider`, such as ``openai at https://…``         |
| a deployment that is blocked, or has not its own    | no such credential: it does not serve with that key           |
| credential, or one that is not there                |                                                               |
| a group whose creation was cut off                  | nothing: the next creation completes it                       |
| deployments of the proxy's configuration file       | nothing: its API cannot change them                           |

What differs stands in fields that manifests give: a member that none of them has would count as the server's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
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
    MARK,
    OWNER,
)
from reconciler.platforms.litellm.convert import Deployment, Wire, key_of, remote_id

_CARRIED = ("access_groups", "base_model", "blocked", "team_id", "team_public_model_name", "tier")
"""Members of model_info that a person may have set; the rest is LiteLLM's catalogue or its own."""


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
    """What one look at the proxy gave, by model group and by credential.

    `marks` are those of credentials of ours, by group and name; `masks` and `bases` what credentials show of
    their keys and addresses.
    """

    members: Mapping[str, Sequence[Wire]]
    marks: Mapping[str, Mapping[str, Wire]]
    masks: Mapping[str, Any]
    bases: Mapping[str, Any]
    router: Wire

    def names(self) -> AbstractSet[str]:
        """Every model group that has a deployment, whoever made it."""
        return self.members.keys()

    def groups(self) -> Sequence[Group]:
        """Groups that deployments, or credentials of ours, belong to."""
        return [self.group(name) for name in sorted(self.members.keys() | self.marks.keys())]

    def group(self, name: str) -> Group:
        """One group."""
        members, marks = self.members.get(name, ()), self.marks.get(name, {})
        return Group(
            name,
            _keyed(name, [_deployment(raw) for raw in members if _of_database(raw)]),
            frozenset(marks),
            any(said.get("unfinished") is True for said in marks.values()),
            not all(map(_of_database, members)),
            self._fallbacks(name),
        )

    def _fallbacks(self, name: str) -> Sequence[Any]:
        entries = _list(self.router.get("fallbacks"))
        return _list(next((entry[name] for entry in entries if isinstance(entry, dict) and name in entry), ()))

    def owns(self, credential: str) -> bool:
        """Whether a credential is ours."""
        return any(credential in named for named in self.marks.values())


def _page(deployments: Sequence[Wire], credentials: Sequence[Wire], router: Wire) -> Page:
    members: dict[str, list[Wire]] = {}
    for raw in deployments:
        members.setdefault(raw["model_name"], []).append(raw)
    marks: dict[str, dict[str, Wire]] = {}
    for raw in credentials:
        said = _mapping(raw.get("credential_info"))
        if said.get("managed_by") == OWNER and raw["credential_name"] != MARK:
            marks.setdefault(str(said.get("group")), {})[raw["credential_name"]] = said
    values = {raw["credential_name"]: _mapping(raw.get("credential_values")) for raw in credentials}
    masks = {name: each.get("api_key") for name, each in values.items()}
    return Page(members, marks, masks, {name: each.get("api_base") for name, each in values.items()}, router)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _mapping(value: Any) -> Wire:
    return value if isinstance(value, dict) else {}


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
        return _page(deployments, listed, values)

    def _unreadable(self, what: str) -> ProtocolError:
        return ProtocolError(f"the proxy answered with {what} of another shape than it documents", gateway=self.gateway)

    def live(self, group: Group, page: Page) -> Live:
        """One visible group."""
        ranks = {key_id: _priority(deployment) for key_id, deployment in group.made.items()}
        ordered = sorted(group.made, key=lambda key_id: (-ranks[key_id], key_id))
        spec = _endpoint({key_id: self._said(group.made[key_id], page.bases) for key_id in ordered})
        serving = [key_id for key_id in sorted(ordered) if _serves(group.name, group.made[key_id], page.masks)]
        spec["credentials"] = {key_id: {"priority": ranks[key_id]} for key_id in serving}
        if group.fallbacks:
            spec["fallbackModels"] = list(group.fallbacks)
        hints = {
            join("/spec", ("credentials", key_id, "apiKey")): hint(page.masks.get(group.made[key_id].credential))
            for key_id in serving
        }
        raw = {"ids": {key_id: deployment.id for key_id, deployment in group.made.items()}}
        return Live(Address(self.gateway, ENDPOINT, group.name), group.name, spec, raw, hints)

    def _said(self, deployment: Deployment, bases: Mapping[str, Any]) -> Mapping[str, Any]:
        """What one deployment says, in the words of the language; what it does not say is not there."""
        params = deployment.params
        provider, model = _split(deployment)
        timeout = params.get("timeout")
        base = params.get("api_base") or bases.get(deployment.credential)
        found = {
            "provider": provider
            if base == self.addresses.get(provider or "")
            else f"{provider} at {base or 'its usual address'}",
            "model": model,
            **{field: params.get(name) for field, name in LIMITS.items()},
            "timeoutMs": round(timeout * 1000) if isinstance(timeout, int | float) else timeout,
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


def _endpoint(said: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What deployments say together; `said` is by keyId, the first to serve first."""
    names = sorted({name for each in said.values() for name in each})
    found = {name: _together({key_id: each.get(name) for key_id, each in said.items()}) for name in names}
    limits = {name: found.pop(name) for name in LIMITS if name in found}
    return {**found, **({"rateLimits": limits} if limits else {}), "fallbackStrategy": DEFAULT_STRATEGY}


def _together(values: Mapping[str, Any]) -> Any:
    """The value that all have; otherwise a text that tells who has another, which no manifest can ask for."""
    first = next(iter(values.values()))
    others = [f"{value} of {key_id}" for key_id, value in values.items() if value != first]
    return f"{first}, but {', '.join(others)}" if others else first


def _serves(group: str, deployment: Deployment, masks: Mapping[str, Any]) -> bool:
    """Whether it serves with the key that belongs to it: somebody else's may have a key of its own."""
    name = deployment.credential
    if deployment.blocked or (name and name not in masks):
        return False
    key_id = key_of(group, deployment.id)
    return key_id is None or name == remote_id(group, key_id)


def hint(masked: Any) -> str:
    """What a mask reveals: two characters behind its stars, or nothing."""
    return masked.rpartition("*")[2] if isinstance(masked, str) and "*" in masked else ""
