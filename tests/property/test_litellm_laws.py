"""What holds for every endpoint on LiteLLM, and for everything that a proxy may answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ProtocolError
from reconciler.model.address import Address
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import SecretRef
from reconciler.platforms import find
from reconciler.platforms.litellm import verify
from reconciler.platforms.litellm.alerting import alerting
from reconciler.platforms.litellm.capabilities import MARK, PROVIDERS
from reconciler.platforms.litellm.convert import (
    Deployment,
    Marks,
    clears,
    credential_body,
    deployment_body,
    group_of,
    key_of,
    lacks,
    parameters,
    remote_id,
)
from reconciler.platforms.litellm.reading import Page, Reader

PLATFORM = find("litellm")
ADDRESSES = {"azure": "https://acme.example.com"}
READER = Reader("prod", ADDRESSES)
GATEWAY = Gateway("prod", "litellm", "https://x.example.com", paths=ADDRESSES)

key_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
groups = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True) | st.text(min_size=1, max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def endpoints(draw: st.DrawFn) -> Resource:
    """An endpoint that the language and LiteLLM can say."""
    matrix = draw(st.lists(key_ids, min_size=1, max_size=4, unique=True))
    ranks = draw(st.lists(st.integers(0, 1_000_000), min_size=len(matrix), max_size=len(matrix), unique=True))
    spec: dict[str, Any] = {
        "provider": draw(st.sampled_from(PROVIDERS)),
        "model": draw(st.sampled_from(["gpt-4o", "meta/llama-3", "claude"])),
        "credentials": {key_id: {"priority": rank} for key_id, rank in zip(matrix, ranks, strict=True)},
    }
    limits = {name: draw(st.none() | st.integers(1, 9999)) for name in ("requestsPerMinute", "concurrentConnections")}
    spec["rateLimits"] = {name: value for name, value in limits.items() if value is not None}
    timeout = draw(st.none() | st.integers(1, 3_600_000))
    if timeout is not None:
        spec["timeoutMs"] = timeout
    spec["fallbackModels"] = draw(st.lists(st.sampled_from(["^spare", "^other"]), unique=True))
    secrets = {f"/spec/credentials/{key_id}/apiKey": SecretRef("env", (key_id,)) for key_id in matrix}
    return PLATFORM.normalize(
        Resource(Address("prod", "Endpoint", "chat"), spec, secrets, remote_id=draw(st.none() | groups))
    )


def stored(resource: Resource) -> tuple[list[Mapping[str, Any]], Mapping[str, Any], Mapping[str, Any]]:
    """What a proxy lists after it has carried out our requests."""
    deployments: list[Mapping[str, Any]] = []
    credentials: list[Mapping[str, Any]] = []
    for key_id in resource.spec["credentials"]:
        body = deployment_body(resource, key_id, parameters(resource, key_id, ADDRESSES), {})
        info = {**body["model_info"], "db_model": True, "max_tokens": 4096, "rpm": None}
        deployments.append({**body, "model_info": info, "litellm_params": {**body["litellm_params"], "use_x": False}})
        body = credential_body(remote_id(group_of(resource), key_id), "sk-0123", Marks(group_of(resource)))
        credentials.append({**body, "credential_values": {"api_key": "sk****23"}})
    fallbacks = [{group_of(resource): resource.spec["fallbackModels"]}] if "fallbackModels" in resource.spec else None
    return deployments, {"credentials": credentials}, {"current_values": {"fallbacks": fallbacks}}


def page_of(resource: Resource) -> Page:
    return READER.page(*stored(resource))


@given(endpoints())
def test_what_is_written_is_what_is_read(resource: Resource) -> None:
    """Apply, then plan, is empty for every endpoint and not for those that somebody thought of."""
    page = page_of(resource)
    [group] = page.groups()
    live = READER.live(group, page)
    assert live.spec == resource.spec
    assert live.remote_id == group_of(resource)
    assert set(live.hints.values()) == {"23"}


@given(endpoints())
def test_what_can_be_written_is_supported(resource: Resource) -> None:
    """Normalizing must not lead to something that is then refused."""
    assert not list(PLATFORM.unsupported(resource, GATEWAY))
    assert PLATFORM.normalize(resource) == resource


@given(endpoints(), endpoints())
def test_a_merge_or_a_new_deployment_ends_in_what_is_wanted(before: Resource, after: Resource) -> None:
    """LiteLLM merges: either what is lacking makes the deployment right, or something has to be cleared."""
    key_id = next(iter(after.spec["credentials"]))
    old = parameters(before, next(iter(before.spec["credentials"])), ADDRESSES)
    wanted = parameters(after, key_id, ADDRESSES)
    deployment = Deployment("x", old)
    merged = {**old, **lacks(wanted, deployment)}
    assert (merged == wanted) is not bool(clears(wanted, deployment))


@given(groups, key_ids, groups, key_ids)
def test_an_id_belongs_to_one_key_of_one_group(group: str, key_id: str, other: str, another: str) -> None:
    """Two addresses under one id would overwrite each other's keys."""
    assert key_of(group, remote_id(group, key_id)) == key_id
    same = remote_id(group, key_id) == remote_id(other, another)
    assert same is ((group, key_id) == (other, another))
    assert "/" not in remote_id(group, key_id)


rows = st.fixed_dictionaries(
    {},
    optional={
        "model_name": st.just("chat") | json_values,
        "litellm_params": st.dictionaries(
            st.sampled_from(["model", "order", "rpm", "timeout", "api_base", "litellm_credential_name"]), json_values
        )
        | json_values,
        "model_info": st.fixed_dictionaries({"id": st.text(max_size=4)}, optional={"db_model": json_values})
        | json_values,
    },
)
marks = st.fixed_dictionaries(
    {"credential_name": st.text(max_size=4)},
    optional={"credential_info": json_values, "credential_values": json_values},
)


@given(
    st.lists(rows, max_size=3),
    st.fixed_dictionaries({"credentials": st.lists(marks, max_size=2) | json_values}) | json_values,
    st.fixed_dictionaries({"current_values": st.fixed_dictionaries({"fallbacks": json_values}) | json_values}),
)
def test_whatever_a_proxy_lists_is_read_or_refused_by_name(deployments: Any, credentials: Any, router: Any) -> None:
    """A crash in a plan would hide all other objects."""
    with suppress(ProtocolError):
        page = READER.page(deployments, credentials, router)
        for group in page.groups():
            if group.visible:
                assert READER.live(group, page).spec["fallbackStrategy"] == "failover"


said = st.dictionaries(st.sampled_from(["managed_by", "name", "url", "pending", "unfinished"]), json_values)
answers = st.dictionaries(st.sampled_from(["field_value", "source"]), json_values) | json_values


@given(said | said.map(lambda info: {**info, "managed_by": "reconciler"}) | json_values, answers, answers)
def test_whatever_a_proxy_says_of_alerts_is_read_or_refused_by_name(info: Any, alerts: Any, types: Any) -> None:
    """The same for its settings and for what may have become of the mark."""
    row = {"credential_name": MARK, "credential_info": info}
    with suppress(ProtocolError):
        seen = alerting("prod", {"credentials": [row]}, alerts, types)
        live = None if seen.name is None else seen.live(seen.name)
        assert (live is None) is (seen.name is None)
        assert live is None or live.address.name == live.spec["name"]


@given(json_values | st.dictionaries(st.sampled_from(["healthy_endpoints", "unhealthy_endpoints"]), json_values))
def test_whatever_health_says_is_judged_or_refused_by_name(answer: Any) -> None:
    """The same for the answers of checks."""
    with suppress(ProtocolError):
        assert len(verify.of_health(answer, {"k": "id"})) == 1
    with suppress(ProtocolError):
        assert verify.of_connection("k", answer).name == "key k"
