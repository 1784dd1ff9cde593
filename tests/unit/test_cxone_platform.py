"""CXone's pure half: what it cannot express, where a tenant lives, and how platforms are found."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import InputError
from reconciler.model.address import Address
from reconciler.model.diagnostic import Position
from reconciler.model.resource import Gateway, Lifecycle, Resource
from reconciler.model.secret import SecretRef
from reconciler.platforms import find, names
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import Target, connect

PLATFORM = find("cxone")
GATEWAY = Gateway("prod", "cxone", "https://x.example.com")


@dataclass(frozen=True)
class Lines:
    """A source that answers with the path itself as file, so that a test sees which path was asked for."""

    def position(self, path: str) -> Position:
        return Position(path, 1, 1)


ENDPOINT = Resource(
    Address("prod", "Endpoint", "ep-one"),
    {
        "provider": "openai",
        "model": "gpt-4o",
        "credentials": {"k1": {"priority": 2}, "k2": {"priority": 1}},
        "rateLimits": {"requestsPerMinute": 1, "concurrentConnections": 1, "maxTokensPerRequest": 1},
    },
    {f"/spec/credentials/{key}/apiKey": SecretRef("env", (key,)) for key in ("k1", "k2")},
    source=Lines(),
)
WEBHOOK = Resource(
    Address("prod", "Webhook", "hook"),
    {"name": "hook", "url": "https://h.example.com", "events": ["endpoint.updated", "endpoint.created"]},
    {"/spec/secret": SecretRef("env", ("S",))},
    source=Lines(),
)


def with_spec(resource: Resource, **members: Any) -> Resource:
    return replace(resource, spec={**resource.spec, **members})


LIMITS = ENDPOINT.spec["rateLimits"]
BROKEN: Mapping[str, tuple[Resource, str, str, str]] = {
    "field": (with_spec(ENDPOINT, timeoutMs=1), "PLATFORM001", "/spec/timeoutMs", "lifecycle.ignore"),
    "field of later": (with_spec(ENDPOINT, cacheSeconds=1), "PLATFORM001", "/spec/cacheSeconds", "lifecycle.ignore"),
    "limit of later": (
        with_spec(ENDPOINT, rateLimits={**LIMITS, "tokensPerDay": 5}),
        "PLATFORM001",
        "/spec/rateLimits/tokensPerDay",
        "take it out",
    ),
    "member of a credential": (
        with_spec(ENDPOINT, credentials={"k1": {"priority": 1, "region": "eu"}}),
        "PLATFORM001",
        "/spec/credentials/k1/region",
        "take it out",
    ),
    "provider": (with_spec(ENDPOINT, provider="mistral"), "PLATFORM003", "/spec/provider", "anthropic"),
    "strategy": (with_spec(ENDPOINT, fallbackStrategy="dice"), "PLATFORM003", "/spec/fallbackStrategy", "failover"),
    "no credentials": (with_spec(ENDPOINT, credentials={}), "PLATFORM002", "/spec/credentials", "add one"),
    "one rank twice": (
        with_spec(ENDPOINT, credentials={"k1": {"priority": 1}, "k2": {"priority": 1}}),
        "PLATFORM003",
        "/spec/credentials/k2/priority",
        "k1 has priority 1 as well",
    ),
    "no key": (
        replace(ENDPOINT, secrets={"/spec/credentials/k1/apiKey": SecretRef("env", ("k1",))}),
        "PLATFORM002",
        "/spec/credentials/k2",
        "refer to a secret",
    ),
    "no limits": (
        with_spec(ENDPOINT, rateLimits={"requestsPerMinute": 1, "concurrentConnections": 1}),
        "PLATFORM002",
        "/spec/rateLimits",
        "maxTokensPerRequest",
    ),
    "limit too high": (
        with_spec(ENDPOINT, rateLimits={**LIMITS, "concurrentConnections": 101}),
        "PLATFORM003",
        "/spec/rateLimits/concurrentConnections",
        "to 100",
    ),
    "kind": (
        replace(ENDPOINT, address=Address("prod", "Route", "r")),
        "PLATFORM004",
        "/metadata/name",
        "another platform",
    ),
    "event": (with_spec(WEBHOOK, events=["endpoint.gone"]), "PLATFORM003", "/spec/events", "endpoint.created"),
    "no events": (with_spec(WEBHOOK, events=[]), "PLATFORM002", "/spec/events", "add one"),
    "no secret": (replace(WEBHOOK, secrets={}), "PLATFORM002", "/spec/secret", "refer to one"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_expressed_is_said_at_its_field(case: str) -> None:
    """An error without its line and without what to do costs a search through the manifests."""
    resource, code, path, advice = BROKEN[case]
    (finding,) = PLATFORM.unsupported(resource, GATEWAY)
    assert (finding.code, finding.path, finding.address) == (code, path, resource.address)
    assert finding.position == Position(path, 1, 1)
    assert advice in finding.detail


def test_what_is_within_the_contract_is_not_reported() -> None:
    """A false alarm here stops every run."""
    assert not PLATFORM.unsupported(ENDPOINT, GATEWAY)
    assert not PLATFORM.unsupported(WEBHOOK, GATEWAY)


def test_nothing_is_dropped_unless_the_manifest_says_so() -> None:
    """Dropping in silence would show a field as applied that no gateway ever saw."""
    resource = with_spec(ENDPOINT, timeoutMs=1, rotationStrategy="X", rateLimits={**LIMITS, "burst": 9})
    ignore = ("/spec/timeoutMs", "/spec/rateLimits/burst")
    allowed = replace(resource, lifecycle=Lifecycle(ignore=ignore))
    assert [finding.path for finding in PLATFORM.unsupported(allowed, GATEWAY)] == ["/spec/rotationStrategy"]
    normal = PLATFORM.normalize(allowed)
    assert "timeoutMs" not in normal.spec
    assert normal.spec["rateLimits"] == LIMITS
    assert normal.spec["rotationStrategy"] == "X"
    assert PLATFORM.normalize(resource).spec["timeoutMs"] == 1


def test_ignoring_the_drift_of_a_field_does_not_leave_it_out() -> None:
    """`lifecycle.ignore` on a field that the platform has means its drift, as for every other platform."""
    resource = replace(with_spec(ENDPOINT, displayName="shown"), lifecycle=Lifecycle(ignore=("/spec/displayName",)))
    assert PLATFORM.normalize(resource).spec["displayName"] == "shown"


def test_defaults_are_those_of_a_read() -> None:
    """A default that is missing here would be a difference in every plan."""
    spec = PLATFORM.normalize(ENDPOINT).spec
    assert (spec["displayName"], spec["fallbackStrategy"]) == ("ep-one", "failover")
    assert PLATFORM.normalize(WEBHOOK).spec["events"] == ["endpoint.created", "endpoint.updated"]


PATHS: Mapping[str, tuple[str, str]] = {
    "a call that does not exist": ("endpoint-list", "/x"),
    "no id: a DELETE would reach them all": ("endpoint", "/api/endpoints"),
    "two ids": ("webhook", "/{id}/{id}"),
    "an id in a list": ("webhooks", "/{id}"),
    "another host: the token would go there": ("endpoints", "https://evil.example.com/endpoints"),
}


@pytest.mark.parametrize("case", PATHS)
def test_paths_that_cannot_be_used_are_refused_before_anything_is_sent(case: str) -> None:
    """`paths` is data from a manifest: what it leads to is written and deleted, with a credential."""
    name, path = PATHS[case]
    gateway = replace(GATEWAY, paths={name: path}, source=Lines())
    (finding,) = PLATFORM.unsupported(ENDPOINT, gateway)
    assert (finding.code, finding.position) == ("PLATFORM007", Position(f"/spec/paths/{name}", 1, 1))
    client = connect(Target("prod", "https://x.example.com"), FakeClock(), RecordingProgress())
    with pytest.raises(InputError):
        PLATFORM.open(gateway, client)


def test_a_path_may_be_overridden_and_tokens_may_come_from_elsewhere() -> None:
    """Real tenants sit behind other prefixes, and identity providers on other hosts."""
    gateway = replace(GATEWAY, paths={"token": "https://id.example.com/token", "endpoint": "/v2/{id}"})
    assert not PLATFORM.unsupported(ENDPOINT, gateway)
    assert PLATFORM.token_path(gateway) == "https://id.example.com/token"
    assert PLATFORM.token_path(GATEWAY) == "/oauth/token"


def test_a_tenant_name_becomes_a_host_and_nothing_else() -> None:
    """An org such as `evil.example.com/` would send the credential to another host."""
    tenant = Gateway("prod", "cxone", None, org="acme")
    assert PLATFORM.base_url(tenant) == "https://acme.platform.nicecxone.com"
    assert PLATFORM.base_url(GATEWAY) == "https://x.example.com"
    for org in (None, "", "a.b", "evil.example.com/", "a@b", "-a", "A", "a\n", "x" * 64):
        with pytest.raises(InputError):
            PLATFORM.base_url(replace(tenant, org=org))


def plug_in(folder: Path, module: str, code: str, *, name: str = "other") -> None:
    """Install a distribution that provides a platform."""
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    points = f"[reconciler.platforms]\n{name} = {module}:PLATFORM\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose distributions count as installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


WORKING = """
class Platform:
    name = "other"
    capabilities = None
    def unsupported(self, resource, gateway): ...
    def normalize(self, resource): ...
    def base_url(self, gateway): ...
    def token_path(self, gateway): ...
    def open(self, gateway, client): ...
PLATFORM = Platform()
"""

BROKEN_PLUG_INS: Mapping[str, tuple[str, str]] = {
    "does not import": ("import nothing_of_this_name", "ModuleNotFoundError"),
    "fails at import": ("1 / 0", "ZeroDivisionError"),
    "names nothing": ("X = 1", "AttributeError"),
    "lacks a part": (WORKING.replace("    def normalize(self, resource): ...\n", ""), "lacks normalize"),
    "is called otherwise": (WORKING.replace('"other"', '"another"'), "lacks the name 'other'"),
}


def test_a_plug_in_is_found(site: Path) -> None:
    """Third parties bring platforms without a change here."""
    plug_in(site, "plug_in_that_works", WORKING)
    assert find("other").name == "other"
    assert {"cognigy-rest", "cxone", "other"} <= set(names())


@pytest.mark.parametrize("case", BROKEN_PLUG_INS)
def test_a_broken_plug_in_is_named(case: str, site: Path) -> None:
    """A traceback from somebody else's module does not say what to uninstall."""
    module = "plug_in_that_" + case.replace(" ", "_")
    code, said = BROKEN_PLUG_INS[case]
    plug_in(site, module, code)
    try:
        with pytest.raises(LookupError) as raised:
            find("other")
    finally:
        sys.modules.pop(module, None)
    assert module in str(raised.value)
    assert said in str(raised.value)


def test_two_plug_ins_of_one_name_are_not_chosen_between(site: Path) -> None:
    """Which of them would get the credentials must not depend on the order of installation."""
    for module in ("plug_in_one", "plug_in_two"):
        plug_in(site, module, WORKING)
    with pytest.raises(LookupError, match="two plug-ins"):
        find("other")


def test_a_plug_in_cannot_take_the_place_of_a_built_in_platform(site: Path) -> None:
    """A package that somebody pulled in must not receive the credentials of every CXone tenant."""
    plug_in(site, "plug_in_thief", WORKING.replace('"other"', '"cxone"'), name="cxone")
    assert find("cxone") is PLATFORM


def test_an_unknown_platform_names_the_known_ones() -> None:
    """Most of the time it is a slip of the pen."""
    with pytest.raises(LookupError, match=r"known are .*cognigy-rest, cxone"):
        find("cxon")
