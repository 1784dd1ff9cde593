"""Generate a fleet: N endpoints, 100 documents a file, one matrix of two keys for ten endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PER_FILE = 100
PER_MATRIX = 10
ENVIRON = {
    "CLIENT_ID": "bench",
    "CLIENT_SECRET": "bench-client-secret",
    "KEY_A": "sk-bench-aaaaaaaaaaaaaaaa",
    "KEY_B": "sk-bench-bbbbbbbbbbbbbbbb",
}

_GATEWAY = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {{name: bench, labels: {{env: bench}}}}
spec:
  platform: cxone
  url: {url}
  auth: {{oauth: {{clientId: {{env: CLIENT_ID}}, clientSecret: {{env: CLIENT_SECRET}}}}}}
  limits: {{concurrency: 8}}
---
apiVersion: reconciler/v1
kind: RateLimit
metadata: {{name: standard}}
spec: {{requestsPerMinute: 5000, concurrentConnections: 50, maxTokensPerRequest: 128000}}
"""

_MATRIX = """\
apiVersion: reconciler/v1
kind: CredentialMatrix
metadata: {{name: matrix-{n:05}}}
spec:
  credentials:
    - {{keyId: key-primary, priority: 2, apiKey: {{env: KEY_A}}}}
    - {{keyId: key-fallback, priority: 1, apiKey: {{env: KEY_B}}}}
"""

_ENDPOINT = """\
apiVersion: reconciler/v1
kind: Endpoint
metadata:
  name: ep-{n:06}
  labels: {{team: support, tier: gold}}
spec:
  displayName: production-openai-{n:06}
  provider: openai
  model: {model}
  credentials: matrix-{matrix:05}
  rateLimits: standard
  fallbackStrategy: failover
  readiness:
    quotaBaseline: 1000
    maxLatencyMs: 5000
    deadlineSeconds: 60
lifecycle:
  protect: false
"""


def write(folder: Path, size: int, url: str) -> None:
    """Write the manifests of `size` endpoints."""
    folder.mkdir(parents=True)
    (folder / "gateway.yaml").write_text(_GATEWAY.format(url=url))
    matrices = range((size + PER_MATRIX - 1) // PER_MATRIX)
    for first in range(0, len(matrices), PER_FILE):
        text = "---\n".join(_MATRIX.format(n=n) for n in matrices[first : first + PER_FILE])
        (folder / f"matrices-{first // PER_FILE:04}.yaml").write_text(text)
    for first in range(0, size, PER_FILE):
        _write_file(folder, first, size, "gpt-4-turbo")


def change_one_percent(folder: Path, size: int) -> None:
    """Give every hundredth endpoint another model."""
    for first in range(0, size, PER_FILE):
        _write_file(folder, first, size, "gpt-4o")


def _write_file(folder: Path, first: int, size: int, model_of_first: str) -> None:
    text = "---\n".join(
        _ENDPOINT.format(n=n, matrix=n // PER_MATRIX, model=model_of_first if n == first else "gpt-4-turbo")
        for n in range(first, min(first + PER_FILE, size))
    )
    (folder / f"endpoints-{first // PER_FILE:04}.yaml").write_text(text)


def bodies(size: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Id and body of every PUT, for the bare loop."""
    for n in range(size):
        yield (
            f"ep-{n:06}",
            {
                "name": f"production-openai-{n:06}",
                "provider": "openai",
                "model": "gpt-4-turbo",
                "credentials": [
                    {"keyId": "key-primary", "apiKey": ENVIRON["KEY_A"], "priority": 2},
                    {"keyId": "key-fallback", "apiKey": ENVIRON["KEY_B"], "priority": 1},
                ],
                "rateLimits": {
                    "requestsPerMinute": 5000,
                    "concurrentConnections": 50,
                    "maxTokensPerRequest": 128000,
                },
                "fallbackStrategy": "failover",
            },
        )


def document_bytes() -> int:
    """The size of one endpoint's document."""
    return len(_ENDPOINT.format(n=0, matrix=0, model="gpt-4-turbo"))


if __name__ == "__main__":
    print(json.dumps({"document_bytes": document_bytes()}))
