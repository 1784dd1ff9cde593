"""Manifests of a CXone tenant, moved to a real LiteLLM by another Gateway and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from litellm_bench import GATEWAY
from litellm_person import Person
from scenario_bench import Bench, webhook
from server_litellm import MASTER, Stack

pytestmark = pytest.mark.real

KEYS = """\
apiVersion: reconciler/v1
kind: CredentialMatrix
metadata: {name: openai-prod}
spec:
  credentials:
    - {keyId: key-primary-01, priority: 2, apiKey: {env: KEY_A}}
    - {keyId: key-fallback-02, priority: 1, apiKey: {env: KEY_B}}
"""

LIMITS = """\
apiVersion: reconciler/v1
kind: RateLimit
metadata: {name: standard}
spec:
  requestsPerMinute: 5000
  concurrentConnections: 50
  maxTokensPerRequest: 128000
"""

ENDPOINT = """\
apiVersion: reconciler/v1
kind: Endpoint
metadata: {name: ep-gpt4-prod-01}
spec:
  displayName: production-openai-gpt4
  provider: openai
  model: gpt-4-turbo
  credentials: openai-prod
  rateLimits: standard
  fallbackStrategy: failover
  readiness:
    quotaBaseline: 1000
    maxLatencyMs: 5000
    deadlineSeconds: 5
"""

IGNORING = """\
lifecycle:
  ignore:
    - /spec/displayName
    - /spec/rateLimits/maxTokensPerRequest
    - /spec/readiness/quotaBaseline
    - /spec/readiness/maxLatencyMs
"""

INEXPRESSIBLE = [
    ("manifests/endpoints.yaml", 5, "/spec/displayName"),
    ("manifests/endpoints.yaml", 12, "/spec/readiness/quotaBaseline"),
    ("manifests/endpoints.yaml", 13, "/spec/readiness/maxLatencyMs"),
    ("manifests/limits.yaml", 7, "/spec/rateLimits/maxTokensPerRequest"),
]
"""Where LiteLLM has no place for what CXone has one for."""


@pytest.fixture
def tenant(bench: Bench) -> Bench:
    """A team whose gateway is CXone's counterpart: a matrix, limits, an endpoint and a webhook."""
    bench.write("manifests/credentials.yaml", KEYS)
    bench.write("manifests/limits.yaml", LIMITS)
    bench.write("manifests/endpoints.yaml", ENDPOINT)
    bench.environ["LITELLM_KEY"] = MASTER
    return bench


def applied(bench: Bench) -> None:
    """Apply, and find nothing left to do."""
    run = bench.apply()
    assert run.code == 0, run.out + run.err
    plan = bench.plan()
    assert plan.code == 0, plan.out + plan.err
    assert plan.json["changes"] == plan.json["drift"] == []


def moved(bench: Bench, stack: Stack) -> None:
    """Another Gateway of the same name."""
    bench.write("manifests/gateway.yaml", GATEWAY.format(url=stack.url, upstream=stack.upstream))


def found(bench: Bench) -> Sequence[Any]:
    """What `validate` says."""
    findings: Sequence[Any] = bench.run("validate", "--format", "json").json["diagnostics"]
    return findings


def without(path: Path, lines: set[int]) -> None:
    """The file without these lines."""
    kept = [line for at, line in enumerate(path.read_text().splitlines(), 1) if at not in lines]
    path.write_text("\n".join([*kept, ""]))


def test_what_litellm_cannot_express_is_named_at_its_line_and_the_rest_moves(
    tenant: Bench, stack: Stack, person: Person
) -> None:
    """Leaving a vendor is a matter of one document and of the lines that `validate` names, or it is a project."""
    hook = tenant.write("manifests/webhooks.yaml", webhook("alerts"))
    applied(tenant)
    moved(tenant, stack)
    findings = found(tenant)
    hooks = [each for each in findings if each["file"] == "manifests/webhooks.yaml"]
    assert hooks
    places = [(each["file"], each["line"], each["path"]) for each in findings if each not in hooks]
    assert sorted(places) == INEXPRESSIBLE
    assert all(each["severity"] == "error" and each["line"] and each["column"] for each in findings)
    assert tenant.plan().code == 1
    assert person.deployments() == {}

    hook.unlink()
    for name in ("endpoints", "limits"):
        path = tenant.root / "manifests" / f"{name}.yaml"
        without(path, {line for file, line, _ in places if file == f"manifests/{name}.yaml"})
    assert found(tenant) == []
    applied(tenant)
    assert person.ask("ep-gpt4-prod-01") == (tenant.environ["KEY_A"], "ep-gpt4-prod-01:key-primary-01")


def test_a_manifest_that_says_what_may_be_left_out_moves_as_it_is(tenant: Bench, stack: Stack, person: Person) -> None:
    """One manifest for two gateways of different products needs no second version of itself."""
    tenant.write("manifests/endpoints.yaml", ENDPOINT + IGNORING)
    applied(tenant)
    assert tenant.endpoints()["ep-gpt4-prod-01"]["rateLimits"]["maxTokensPerRequest"] == 128000
    moved(tenant, stack)
    assert found(tenant) == []
    applied(tenant)
    assert person.deployments()["ep-gpt4-prod-01:key-fallback-02"]["rpm"] == 5000
    assert person.ask("ep-gpt4-prod-01") == (tenant.environ["KEY_A"], "ep-gpt4-prod-01:key-primary-01")
