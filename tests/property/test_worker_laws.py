"""Laws of the two conversions that hold for whatever a manifest may say."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import Address
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.platforms.mlflow import convert
from reconciler.platforms.smg import convert as workers

WORD = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True)
NAME = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)
RANK = st.fixed_dictionaries({"priority": st.integers(0, 1_000_000)})
MATRIX = st.dictionaries(WORD, RANK, min_size=1, max_size=5)
ALONE = st.dictionaries(WORD, RANK, min_size=1, max_size=1)


@st.composite
def endpoints(draw: st.DrawFn, credentials: st.SearchStrategy[Any] = MATRIX) -> Resource:
    """What the language allows and both platforms take."""
    held = draw(credentials)
    spec = {
        "provider": "openai",
        "model": draw(WORD),
        "apiBase": f"http://{draw(NAME)}.example.com",
        "credentials": held,
    }
    secrets = {f"/spec/credentials/{key}/apiKey": SecretRef("env", ("K",)) for key in held}
    return Resource(Address("prod", "Endpoint", draw(NAME)), spec, secrets)


@given(endpoints())
def test_normalizing_twice_is_normalizing_once(resource: Resource) -> None:
    """Ranks of ranks are ranks; otherwise the second plan would differ from the first."""
    for platform in map(find, ("mlflow", "smg")):
        once = platform.normalize(resource)
        assert platform.normalize(once) == once


@given(MATRIX)
def test_ranks_keep_the_order_and_nothing_else(credentials: Any) -> None:
    """The key with the highest number is tried first, before and after."""
    ranks = convert.ranks(credentials)
    assert convert.ranked(ranks) == convert.ranked(credentials)
    assert sorted(each["priority"] for each in ranks.values()) == list(range(1, len(ranks) + 1))


@given(endpoints())
def test_what_mlflow_stores_reads_as_what_was_wanted(resource: Resource) -> None:
    """Five objects and their links, put together again, are the one that was taken apart."""
    wanted = find("mlflow").normalize(resource)
    assert not find("mlflow").unsupported(wanted, Gateway("prod", "mlflow", "http://x"))
    order = convert.ranked(wanted.spec["credentials"])
    secrets = {f"s-{key}": {"auth_config": convert.auth_config(wanted, {})} for key in order}
    definitions = {
        f"d-{key}": {
            "name": convert.part_name(wanted.address.name, key),
            "secret_id": f"s-{key}",
            "provider": wanted.spec["provider"],
            "model_name": wanted.spec["model"],
        }
        for key in order
    }
    linked = convert.linked(list(definitions))
    mappings = [
        {**config, "model_definition": definitions[config["model_definition_id"]]} for config in linked["model_configs"]
    ]
    raw = {"name": wanted.address.name, "model_mappings": mappings[::-1], "fallback_config": linked["fallback_config"]}
    live = convert.read_endpoint("prod", raw, secrets)
    assert live.spec == wanted.spec
    assert live.address == wanted.address


@given(endpoints(ALONE), st.integers(0, 9))
def test_what_smg_stores_reads_as_what_was_wanted(resource: Resource, others: int) -> None:
    """Whatever else stands on a worker, a creation and each later write read back as the manifest."""
    material = {path: SecretValue("sk-0123456789") for path in resource.secrets}
    body = workers.created(resource, material)
    shown = {name: value for name, value in body.items() if name not in {"api_key", "provider", "runtime"}}
    raw = {**shown, "id": "w-1", "status": "ready", "load": others, "labels": {**body["labels"], "team": "bots"}}
    live = workers.read("prod", raw)
    assert (live.spec, live.address, live.revision) == (resource.spec, resource.address, "1")
    put = workers.replaced(resource, material, raw)
    assert put["labels"]["team"] == "bots"
    assert workers.landed({"status": "ready", **put}, 2)
    assert not workers.landed(raw, 2)


@given(NAME, WORD, NAME, WORD)
def test_no_two_keys_share_a_part(one: str, first: str, other: str, second: str) -> None:
    """A name that two endpoints could both form would hand one team's key to another."""
    same = convert.part_name(one, first) == convert.part_name(other, second)
    assert same == ((one, first) == (other, second))
    assert convert.endpoint_of(convert.part_name(one, first)) == one
    assert convert.key_of(convert.part_name(one, first), one) == first
