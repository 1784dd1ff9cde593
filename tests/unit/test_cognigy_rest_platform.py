"""What Cognigy's REST API cannot express is refused before anything is sent, at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import InputError
from reconciler.manifest import LoadOptions, load
from reconciler.model.address import Address
from reconciler.model.resource import Gateway, Lifecycle, Resource
from reconciler.platforms import find
from reconciler.testing.fakes import FakeClock, RecordingProgress
from reconciler.transport import Target, connect

PLATFORM = find("cognigy-rest")
GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {name: prod}
spec:
  platform: cognigy-rest
  url: https://api-trial.cognigy.ai
  paths: {project: /projects/5f0c1e0a9b3d4c2e8a7f6b5d}
---
"""
HEAD = """\
apiVersion: reconciler/v1
kind: Endpoint
metadata: {name: ep-one}
spec:
"""
ONE_KEY = "  credentials: [{keyId: k1, priority: 1, apiKey: {env: A}}]\n"
PLAIN = "  provider: openai\n  model: gpt-4o\n" + ONE_KEY

REFUSED = {
    "rate limits": (PLAIN + "  rateLimits: {requestsPerMinute: 5}\n", "PLATFORM001", "/spec/rateLimits", 16),
    "a time-out": (PLAIN + "  timeoutMs: 5\n", "PLATFORM001", "/spec/timeoutMs", 16),
    "repeats": (PLAIN + "  retryOnRateLimit: true\n", "PLATFORM001", "/spec/retryOnRateLimit", 16),
    "a strategy": (PLAIN + "  fallbackStrategy: failover\n", "PLATFORM001", "/spec/fallbackStrategy", 16),
    "a quota gate": (
        PLAIN + "  readiness:\n    quotaBaseline: 5\n",
        "PLATFORM001",
        "/spec/readiness/quotaBaseline",
        17,
    ),
    "a latency gate": (PLAIN + "  readiness: {maxLatencyMs: 5}\n", "PLATFORM001", "/spec/readiness/maxLatencyMs", 16),
    "a strange option": (PLAIN + "  options:\n    region: eu\n", "PLATFORM001", "/spec/options/region", 17),
    "a strange use case": (
        PLAIN + "  options:\n    default: true\n    useCases: [nlu, cooking]\n",
        "PLATFORM003",
        "/spec/options/useCases",
        18,
    ),
    "use cases that are no list": (PLAIN + "  options: {useCases: nlu}\n", "PLATFORM003", "/spec/options/useCases", 16),
    "a default that is no truth": (PLAIN + "  options: {default: 'yes'}\n", "PLATFORM003", "/spec/options/default", 16),
    "a strange provider": (PLAIN.replace("openai", "cohere"), "PLATFORM003", "/spec/provider", 13),
    "three keys": (
        PLAIN.replace("]", ", {keyId: k2, priority: 2, apiKey: {env: B}}, {keyId: k3, priority: 3, apiKey: {env: C}}]"),
        "PLATFORM003",
        "/spec/credentials",
        15,
    ),
    "two fallback models": (PLAIN + "  fallbackModels: [a, b]\n", "PLATFORM003", "/spec/fallbackModels", 16),
    "two keys and a fallback model": (
        PLAIN.replace("]", ", {keyId: k2, priority: 2, apiKey: {env: B}}]") + "  fallbackModels: [a]\n",
        "PLATFORM003",
        "/spec/fallbackModels",
        16,
    ),
    "another shown name": (PLAIN + "  displayName: shown\n", "PLATFORM003", "/spec/displayName", 16),
    "a name like that of a part": (PLAIN + "  displayName: a--b\n", "PLATFORM003", "/spec/displayName", 16),
    "azure without a deployment": (
        PLAIN.replace("openai", "azure") + "  options: {resourceName: r}\n",
        "PLATFORM002",
        "/spec/options",
        16,
    ),
    "a gateway without its URL": (PLAIN.replace("openai", "openai-compatible"), "PLATFORM002", "/spec/options", 13),
    "a strange apiType": (
        PLAIN.replace("openai", "openai-compatible")
        + "  options:\n    baseCustomUrl: https://x\n    apiType: completions\n",
        "PLATFORM003",
        "/spec/options/apiType",
        18,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_at_its_line(case: str, tmp_path: Path) -> None:
    """A field that was dropped in silence would be believed to be in force."""
    spec, code, path, line = REFUSED[case]
    (tmp_path / "fleet.yaml").write_text(GATEWAY + HEAD + spec, encoding="utf-8")
    desired = load([tmp_path], LoadOptions(tmp_path))
    [resource] = desired.resources.values()
    [finding] = PLATFORM.unsupported(resource, desired.gateways["prod"])
    assert (finding.code, finding.path) == (code, path)
    assert finding.position is not None
    assert (finding.position.file, finding.position.line) == ("fleet.yaml", line)


def test_what_may_be_left_out_is_left_out(tmp_path: Path) -> None:
    """One manifest for two platforms says which of its fields one of them lacks."""
    more = PLAIN + "  timeoutMs: 5\n  options: {region: eu}\n"
    more += "lifecycle: {ignore: [/spec/timeoutMs, /spec/options/region]}\n"
    (tmp_path / "fleet.yaml").write_text(GATEWAY + HEAD + more, encoding="utf-8")
    desired = load([tmp_path], LoadOptions(tmp_path))
    [resource] = desired.resources.values()
    normal = PLATFORM.normalize(resource)
    assert not PLATFORM.unsupported(resource, desired.gateways["prod"])
    assert "timeoutMs" not in normal.spec
    assert normal.spec["options"] == {"default": False, "useCases": []}


def test_other_kinds_do_not_exist() -> None:
    """The API has no webhooks for configuration: a declared one would never fire."""
    hook = Resource(Address("prod", "Webhook", "hook"), {"name": "hook"}, lifecycle=Lifecycle())
    gateway = Gateway("prod", "cognigy-rest", "https://x", paths={"project": "/projects/1"})
    assert [finding.code for finding in PLATFORM.unsupported(hook, gateway)] == ["PLATFORM004"]
    assert PLATFORM.normalize(hook) is hook


@pytest.mark.parametrize(
    ("paths", "where"),
    [
        ({}, "/spec/paths/project"),
        ({"project": "/projects"}, "/spec/paths/project"),
        ({"project": "/projects/../connections"}, "/spec/paths/project"),
        ({"project": "https://elsewhere.example.com/projects/1"}, "/spec/paths/project"),
        ({"project": "/projects/1", "root": "https://elsewhere.example.com"}, "/spec/paths/root"),
        ({"project": "/projects/1", "connections": "/c"}, "/spec/paths/connections"),
    ],
)
def test_paths_stay_in_one_project_on_one_host(paths: dict[str, str], where: str) -> None:
    """The key goes wherever a path leads, and a gateway without its project would change another's."""
    gateway = Gateway("prod", "cognigy-rest", "https://x.example.com", paths=paths)
    client = connect(Target("prod", "https://x.example.com"), FakeClock(), RecordingProgress())
    with pytest.raises(InputError) as refused:
        PLATFORM.open(gateway, client)
    assert [(f.code, f.path) for f in refused.value.diagnostics] == [("PLATFORM007", where)]


def test_a_dedicated_installation_is_found_by_its_name() -> None:
    """A manifest that names the tenant need not know the vendor's scheme of hosts."""
    assert PLATFORM.base_url(Gateway("prod", "cognigy-rest", None, "acme")) == "https://api-acme.cognigy.cloud"
