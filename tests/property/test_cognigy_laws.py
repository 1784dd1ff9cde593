"""What goes to Cognigy.AI and what comes back: laws of the pure conversion."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ProtocolError, SecretMissing
from reconciler.model.address import Address
from reconciler.model.ports import Material
from reconciler.model.resource import EMPTY, Gateway, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.platforms.cognigy.convert import provider_body, read_provider

PLATFORM = find("cognigy")
GATEWAY = Gateway("bots", "cognigy", "https://x.example.com")

key_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def endpoints(draw: st.DrawFn) -> tuple[Resource, Material]:
    """An endpoint with its keys, each of whose values names its priority."""
    ranks = draw(st.dictionaries(key_ids, st.integers(0, 1_000_000), min_size=1, max_size=5))
    ranks = dict(zip(ranks, draw(st.permutations(range(len(ranks)))), strict=True))
    spec: dict[str, Any] = {
        "provider": draw(st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)),
        "model": draw(st.from_regex(r"\S{1,12}", fullmatch=True)),
        "credentials": {key_id: {"priority": rank} for key_id, rank in ranks.items()},
    }
    if draw(st.booleans()):
        spec["timeoutMs"] = draw(st.integers(1, 3_600_000))
    if draw(st.booleans()):
        spec["retryOnRateLimit"] = draw(st.booleans())
    if draw(st.booleans()):
        spec["displayName"] = draw(st.text(min_size=1, max_size=20))
    refs = {f"/spec/credentials/{key_id}/apiKey": SecretRef("env", (f"key-{rank}",)) for key_id, rank in ranks.items()}
    resource = PLATFORM.normalize(Resource(Address("bots", "Endpoint", "one"), spec, refs))
    return resource, {path: SecretValue(ref.locator[0]) for path, ref in resource.secrets.items()}


def stored(body: Any) -> dict[str, Any]:
    """What a gateway shows of a body afterwards."""
    rotation = body["apiKeyRotation"]
    return {**body, "version": 1, "apiKeyRotation": {**rotation, "keys": ["****" + k[-4:] for k in rotation["keys"]]}}


@given(endpoints())
def test_what_is_written_is_read_back_as_it_was_meant(drawn: tuple[Resource, Material]) -> None:
    """Apply, then plan, is empty; and keys stand in the order of their use."""
    resource, material = drawn
    assert not PLATFORM.unsupported(resource, GATEWAY)
    assert PLATFORM.normalize(resource) == resource
    body = provider_body(resource, material, EMPTY)
    ranks = [int(key.removeprefix("key-")) for key in body["apiKeyRotation"]["keys"]]
    assert ranks == sorted(ranks, reverse=True)
    live = read_provider("bots", stored(body), body["name"])
    assert live.spec == resource.spec
    assert live.hints.keys() == material.keys()


@given(endpoints(), st.dictionaries(st.from_regex("x[a-z]{1,4}", fullmatch=True), json_values, max_size=3))
def test_a_replacement_keeps_what_nobody_modelled(drawn: tuple[Resource, Material], unknown: dict[str, Any]) -> None:
    """A full replacement that drops a field of the vendor's would break it without anyone asking."""
    resource, material = drawn
    raw = stored(provider_body(resource, material, EMPTY))
    raw = {**unknown, **raw, "apiKeyRotation": {**unknown, **raw["apiKeyRotation"]}}
    body = provider_body(resource, material, raw)
    assert {name: body[name] for name in unknown} == unknown
    assert {name: body["apiKeyRotation"][name] for name in unknown} == unknown
    assert "version" not in body
    assert "****" not in json.dumps(body["apiKeyRotation"]["keys"])


@given(endpoints(), st.data())
def test_a_key_that_is_missing_or_masked_is_never_sent(drawn: tuple[Resource, Material], data: st.DataObject) -> None:
    """A list that is short by one key moves all the others up."""
    resource, material = drawn
    path = data.draw(st.sampled_from(sorted(material)))
    for poor in ({p: v for p, v in material.items() if p != path}, {**material, path: SecretValue("****1234")}):
        with pytest.raises(SecretMissing, match=path):
            provider_body(resource, poor, EMPTY)


MEMBERS = ("name", "type", "apiKeyRotation", "defaultModel", "timeoutMs", "retryOnRateLimit", "version")


@given(endpoints(), st.sampled_from(MEMBERS), json_values)
def test_any_object_is_read_or_refused(drawn: tuple[Resource, Material], member: str, wrong: Any) -> None:
    """A KeyError out of somebody's proxy page would stop a run with a stack trace."""
    raw = {**stored(provider_body(*drawn, EMPTY)), member: wrong}
    with suppress(ProtocolError):
        read_provider("bots", raw)
    del raw[member]
    with suppress(ProtocolError):
        read_provider("bots", raw)
