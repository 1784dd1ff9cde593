"""What holds for every endpoint and webhook on CXone, and for everything that a gateway may answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.embedded.validation import Refused, check_endpoint, check_webhook
from reconciler.errors import ProtocolError, SecretMissing, Unsupported
from reconciler.model.address import Address
from reconciler.model.ports import Material
from reconciler.model.resource import EMPTY, Gateway, Lifecycle, Resource
from reconciler.model.secret import SecretRef, SecretValue, unfit
from reconciler.platforms import find
from reconciler.platforms.body import hint
from reconciler.platforms.cxone.convert import Reader, endpoint_body, webhook_body

PLATFORM = find("cxone")
GATEWAY = Gateway("prod", "cxone", "https://x.example.com")
READER = Reader("prod")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
key_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
keys = st.text(st.characters(min_codepoint=32, max_codepoint=255), min_size=1, max_size=40).filter(
    lambda key: unfit(key) is None
)


def maybe(valid: st.SearchStrategy[Any], wrong: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what the contract takes, for nothing would be accepted otherwise."""
    return st.one_of(valid, valid, valid, valid, valid, valid, valid, wrong)


@st.composite
def endpoints(draw: st.DrawFn, *, faulty: bool = False) -> tuple[Resource, Material]:
    """An endpoint with its keys; a faulty one may break the contract anywhere."""
    wrong = json_values if faulty else st.nothing()
    number = st.integers(-1, 3_000_000) if faulty else st.nothing()
    least = 0 if faulty else 1
    matrix = draw(st.dictionaries(key_ids, keys, min_size=least, max_size=4))
    ranks = draw(st.lists(st.integers(0, 9), min_size=len(matrix), max_size=len(matrix), unique=not faulty))
    spec: dict[str, Any] = {
        "provider": draw(maybe(st.sampled_from(["openai", "azure", "anthropic", "bedrock"]), wrong)),
        "model": draw(maybe(st.sampled_from(["gpt-4o", "claude"]), wrong)),
        "credentials": {key_id: {"priority": rank} for key_id, rank in zip(matrix, ranks, strict=True)},
        "rateLimits": {
            "requestsPerMinute": draw(maybe(st.integers(1, 10_000), number)),
            "concurrentConnections": draw(maybe(st.integers(1, 100), number)),
            "maxTokensPerRequest": draw(maybe(st.integers(1, 2_000_000), number)),
        },
    }
    if draw(st.booleans()):
        spec["displayName"] = draw(maybe(st.sampled_from(["shown", "é ✓"]), wrong))
    if draw(st.booleans()):
        spec["fallbackStrategy"] = draw(maybe(st.just("failover"), wrong))
    if faulty and draw(st.integers(0, 5)) == 0:
        spec["rateLimits"].pop(draw(st.sampled_from(sorted(spec["rateLimits"]))))
    extra = draw(st.sets(st.sampled_from(["timeoutMs", "retryOnRateLimit", "rotationStrategy", "later"])))
    spec |= dict.fromkeys(extra, 1)
    material = {f"/spec/credentials/{key_id}/apiKey": SecretValue(key) for key_id, key in matrix.items()}
    refs = {path: SecretRef("env", ("KEY",)) for path in material}
    ignore = tuple(f"/spec/{name}" for name in extra) if not faulty or draw(st.booleans()) else ()
    return Resource(Address("prod", "Endpoint", "ep-one"), spec, refs, lifecycle=Lifecycle(ignore=ignore)), material


def stored(body: Mapping[str, Any], version: int = 1) -> dict[str, Any]:
    """What a gateway shows of a body afterwards."""
    masked = [{**c, "apiKey": "****" + c["apiKey"][-4:]} for c in body["credentials"]]
    return {"endpointId": "ep-one", "version": version, **body, "credentials": masked}


@given(endpoints(faulty=True))
def test_what_the_gateway_refuses_is_reported(given_endpoint: tuple[Resource, Material]) -> None:
    """What passes the offline check must never come back as a 400 in the middle of an apply."""
    resource, material = given_endpoint
    try:
        check_endpoint(endpoint_body(PLATFORM.normalize(resource), material, EMPTY))
    except (Refused, TypeError, KeyError):
        assert PLATFORM.unsupported(resource, GATEWAY)


@given(
    url=st.sampled_from(["https://h.example.com", "", None]),
    events=st.lists(st.sampled_from(["endpoint.created", "endpoint.updated", "endpoint.rateLimited", "x"])),
    secret=st.booleans(),
)
def test_what_the_gateway_refuses_of_a_webhook_is_reported(url: str | None, events: list[str], secret: bool) -> None:  # noqa: FBT001 - drawn
    """A webhook is refused in the middle of an apply just as well."""
    refs = {"/spec/secret": SecretRef("env", ("S",))} if secret else {}
    resource = Resource(Address("prod", "Webhook", "hook"), {"name": "hook", "url": url, "events": events}, refs)
    normal = PLATFORM.normalize(resource)
    assert PLATFORM.normalize(normal) == normal
    material = {path: SecretValue("s") for path in refs}
    try:
        check_webhook(webhook_body(normal, material, EMPTY))
    except (Refused, SecretMissing):
        assert PLATFORM.unsupported(resource, GATEWAY)
    else:
        assert not PLATFORM.unsupported(resource, GATEWAY)


@given(endpoints())
def test_a_valid_endpoint_is_accepted_and_read_back_as_it_was_meant(given_endpoint: tuple[Resource, Material]) -> None:
    """Apply, then plan, is empty: what a read shows of a write equals the normalized resource, key order and all."""
    resource, material = given_endpoint
    assert not PLATFORM.unsupported(resource, GATEWAY)
    normal = PLATFORM.normalize(resource)
    assert PLATFORM.normalize(normal) == normal
    body = endpoint_body(normal, material, EMPTY)
    priorities = [credential["priority"] for credential in body["credentials"]]
    assert all(first > second for first, second in pairwise(priorities))
    live = READER.endpoint(stored(body), "ep-one")
    assert live.spec == normal.spec
    assert live.hints.keys() == material.keys()


def has_mask(value: Any) -> bool:
    """Whether a mask stands anywhere in a JSON value."""
    if isinstance(value, dict):
        return any(map(has_mask, value.values()))
    if isinstance(value, list):
        return any(map(has_mask, value))
    return isinstance(value, str) and value.startswith("****")


@given(endpoints(), st.dictionaries(st.text(max_size=5), json_values | st.just("****abcd"), max_size=3), key_ids)
def test_a_replacement_keeps_the_unknown_and_sends_no_mask(
    given_endpoint: tuple[Resource, Material], unknown: dict[str, Any], stranger: str
) -> None:
    """A full replacement starts from what lives there: members nobody modelled stay, masks never go back."""
    resource, material = given_endpoint
    normal = PLATFORM.normalize(resource)
    known = {
        "name",
        "provider",
        "model",
        "credentials",
        "rateLimits",
        "fallbackStrategy",
        "endpointId",
        "id",
        "version",
    }
    unknown = {name: value for name, value in unknown.items() if name not in known | {"keyId", "apiKey", "priority"}}
    raw = stored(endpoint_body(normal, material, EMPTY))
    raw["credentials"] = [{**c, **unknown} for c in raw["credentials"]]
    raw["credentials"] += [{"keyId": f"not-ours-{stranger}", "apiKey": "****", "priority": 99}]
    raw = {**unknown, **raw, "rateLimits": {**unknown, **raw["rateLimits"]}}
    if has_mask(unknown):
        with pytest.raises(Unsupported):
            endpoint_body(normal, material, raw)
        return
    body = endpoint_body(normal, material, raw)
    for part in (body, body["rateLimits"], *body["credentials"]):
        assert {name: part[name] for name in unknown} == unknown or has_nan(unknown)
    assert not body.keys() & {"endpointId", "version"}
    assert not has_mask(body["credentials"])
    assert {c["keyId"] for c in body["credentials"]} == set(normal.spec["credentials"])


def has_nan(value: Any) -> bool:
    """NaN equals nothing, itself included."""
    if isinstance(value, dict | list):
        return any(map(has_nan, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and value != value  # noqa: PLR0124 - that is how NaN is told


@given(endpoints(), st.data())
def test_a_key_that_is_missing_or_masked_is_never_sent(
    given_endpoint: tuple[Resource, Material], data: st.DataObject
) -> None:
    """One credential without its key would delete that key on the gateway; a mask would overwrite it with stars."""
    resource, material = given_endpoint
    path = data.draw(st.sampled_from(sorted(material)))
    lacking = {p: value for p, value in material.items() if p != path}
    masked = {**material, path: SecretValue("****1234")}
    empty = {**material, path: SecretValue("")}
    for poor in (lacking, masked, empty):
        with pytest.raises(SecretMissing) as raised:
            endpoint_body(PLATFORM.normalize(resource), poor, EMPTY)
        assert path in str(raised.value)


def read_or_refused(raw: Any) -> None:
    """Reading ends in an object or in a ProtocolError, and in nothing else."""
    for read in (READER.endpoint, READER.webhook):
        with suppress(ProtocolError):
            json.dumps(dict(read(raw).spec), default=dict)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=5))
def test_any_json_object_is_read_or_refused(raw: dict[str, Any]) -> None:
    """A KeyError out of somebody's proxy page would stop a run with a stack trace."""
    read_or_refused(raw)


MEMBERS = ("name", "provider", "model", "credentials", "rateLimits", "fallbackStrategy", "endpointId", "version")
INNER = ("keyId", "apiKey", "priority")


@given(endpoints(), st.sampled_from((*MEMBERS, *INNER, "requestsPerMinute")), json_values, st.booleans())
def test_a_nearly_right_object_is_read_or_refused(
    given_endpoint: tuple[Resource, Material],
    member: str,
    wrong: Any,
    gone: bool,  # noqa: FBT001 - drawn
) -> None:
    """The shapes that go wrong in practice are right but for one member."""
    resource, material = given_endpoint
    raw = stored(endpoint_body(PLATFORM.normalize(resource), material, EMPTY))
    places = {**dict.fromkeys(INNER, raw["credentials"][0]), "requestsPerMinute": raw["rateLimits"]}
    place = places.get(member, raw)
    place.pop(member)
    if not gone:
        place[member] = wrong
    read_or_refused(raw)


@given(st.text(max_size=40), st.integers(0, 12))
def test_a_hint_is_never_more_than_four_characters(text: str, stars: int) -> None:
    """Hints are kept in the ledger: a gateway that masks badly must not bring a key there."""
    found = hint("*" * stars + text)
    assert len(found) <= 4
    assert text.endswith(found)
    if not stars and not text.startswith("*"):
        assert found == ""
