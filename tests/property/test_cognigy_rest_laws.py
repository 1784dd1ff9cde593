"""Laws of the conversion: what is written is what is read, and normal forms stay as they are."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import Address
from reconciler.model.resource import Gateway, Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms import find
from reconciler.platforms.cognigy_rest.capabilities import FALLBACK, PROVIDERS, USE_CASES
from reconciler.platforms.cognigy_rest.convert import Wanted, connection_fields, model_body
from reconciler.platforms.cognigy_rest.project import Project

PLATFORM = find("cognigy-rest")
GATEWAY = Gateway("prod", "cognigy-rest", "https://x.example.com", paths={"project": "/projects/1"})
NAMES = st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,20}", fullmatch=True)
KEYS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
MODELS = st.from_regex(r"[a-z0-9][a-z0-9.:/-]{0,20}", fullmatch=True)
TEXTS = st.text("abc:/.-", min_size=1, max_size=12)


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    """Endpoints that the API can express."""
    provider = draw(st.sampled_from(sorted(PROVIDERS)))
    keys = draw(st.lists(KEYS, min_size=1, max_size=2, unique=True))
    places = draw(st.lists(st.integers(0, 1000), min_size=len(keys), max_size=len(keys), unique=True))
    options: dict[str, Any] = {name: draw(TEXTS) for name in PROVIDERS[provider].options if name != "apiType"}
    options |= draw(st.sampled_from([{}, {"default": True}, {"default": False}]))
    options["useCases"] = draw(st.lists(st.sampled_from(sorted(USE_CASES)), max_size=3))
    if provider != "openai-compatible" and draw(st.booleans()):
        options["custom"] = True
    fallback = draw(st.lists(MODELS, max_size=1)) if len(keys) == 1 else []
    spec = {
        "provider": provider,
        "model": draw(MODELS.filter(lambda model: model != "custom-model")),
        "credentials": {key: {"priority": place} for key, place in zip(keys, places, strict=True)},
        "fallbackModels": fallback,
        "options": options,
    }
    secrets = {f"/spec/credentials/{key}/apiKey": SecretRef("env", ("A",)) for key in keys}
    return Resource(Address("prod", "Endpoint", draw(NAMES)), spec, secrets)


def stored(wanted: Wanted) -> Project:
    """A project as it is after `wanted` was written."""
    connections = [
        {"_id": f"c{n}", "referenceId": f"r{n}", "name": f"{wanted.name}--{key}"} for n, key in enumerate(wanted.keys)
    ]
    model, models = wanted.fallback_model or wanted.model, []
    reference = "rf" if wanted.has_fallback else None
    if reference:
        body = model_body(wanted, model, f"r{len(wanted.keys) - 1}", None)
        models.append({"_id": "f", "referenceId": "rf", "name": wanted.name + FALLBACK, **body})
    body = {**model_body(wanted, wanted.model, "r0", reference), "isDefault": wanted.default}
    models.append({"_id": "m", "referenceId": "rm", "name": wanted.name, **body})
    return Project("prod", models, connections, {case: {"largeLanguageModelId": "rm"} for case in wanted.use_cases})


@given(resources())
def test_what_is_written_is_what_is_read(given: Resource) -> None:
    """A plan right after an apply is empty only if the two conversions are each other's inverse."""
    normal = PLATFORM.normalize(given)
    assert not PLATFORM.unsupported(normal, GATEWAY)
    project = stored(Wanted.of(normal))
    [live] = project.lives()
    assert live.spec == normal.spec
    assert live.address == normal.address
    assert project.leftovers() == []


@given(resources())
def test_a_normal_form_stays(given: Resource) -> None:
    """Otherwise two plans of one manifest would differ."""
    once = PLATFORM.normalize(given)
    assert PLATFORM.normalize(once) == once
    assert list(Wanted.of(once).keys) == sorted(
        given.spec["credentials"], key=lambda key: -given.spec["credentials"][key]["priority"]
    )


@given(resources(), st.dictionaries(st.sampled_from(["theirs", "more"]), st.integers()))
def test_what_nobody_modelled_goes_back(given: Resource, theirs: dict[str, int]) -> None:
    """A write that drops a member of the vendor's would change the model without anyone asking."""
    wanted = Wanted.of(PLATFORM.normalize(given))
    wire = wanted.provider.wire
    body = model_body(wanted, wanted.model, "r0", None, {wire: {**theirs, "customModel": "old"}})
    assert theirs.items() <= body[wire].items()
    assert body[wire].get("customModel") in (None, wanted.model)


@given(st.text("abc:+/=", min_size=1), st.text("abc:+/=", min_size=1))
def test_a_key_of_two_parts_is_cut_at_the_first_colon(first: str, second: str) -> None:
    """The second part of a cloud's key may hold any character, the first never a colon."""
    first = first.replace(":", "x")
    fields = connection_fields(
        PROVIDERS["bedrock"], "k", {"/spec/credentials/k/apiKey": SecretValue(f"{first}:{second}")}
    )
    assert fields == {"accessKeyId": first, "secretAccessKey": second}
