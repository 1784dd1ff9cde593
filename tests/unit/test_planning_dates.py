"""Days that a person noted, against a day that the test gives."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from reconciler import wiring
from reconciler.manifest import LoadOptions, load
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Severity
from reconciler.model.secret import SecretRef
from reconciler.planning import due
from reconciler.planning.dates import NOTICE_DAYS

TODAY = date(2026, 6, 1)
FLEET = """\
apiVersion: reconciler/v1
kind: Gateway
metadata: {name: prod}
spec:
  platform: cxone
  url: https://llm.example.com
  auth:
    oauth:
      clientId: {env: ID}
      clientSecret: {env: SECRET, expiresOn: "2026-06-02"}
---
apiVersion: reconciler/v1
kind: CredentialMatrix
metadata: {name: keys}
spec:
  credentials:
    - {keyId: main, priority: 1, apiKey: {file: main.key, expiresOn: "2026-06-03"}}
    - {keyId: late, priority: 0, apiKey: {env: LATE, expiresOn: "2030-01-01"}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {name: one}
spec: {provider: openai, model: old, credentials: keys, rateLimits: {requestsPerMinute: 1}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {name: two}
spec:
  provider: openai
  model: new
  rateLimits: {requestsPerMinute: 1}
  credentials:
    - {keyId: own, priority: 1, apiKey: {command: [pass, own], expiresOn: "2026-06-04"}}
---
apiVersion: reconciler/v1
kind: Endpoint
metadata: {name: three}
spec: {provider: openai, model: new, credentials: keys, rateLimits: {requestsPerMinute: 1}, fallbackModels: [new, old]}
---
apiVersion: reconciler/v1
kind: Webhook
metadata: {name: hook}
spec:
  url: https://costs.example.com/hook
  events: [endpoint.created]
  secret: {env: HOOK, expiresOn: "2026-06-05"}
---
apiVersion: reconciler/v1
kind: Pricing
metadata: {name: list}
spec:
  models:
    old: {prompt: 1, completion: 2, retiresOn: "2026-06-10"}
    new: {prompt: 1, completion: 2}
    unused: {prompt: 1, completion: 2, retiresOn: "2026-06-01"}
---
apiVersion: reconciler/v1
kind: PromptTemplate
metadata: {name: ask}
spec: {engine: braces, user: "{{last_message}}", variables: {last_message: {}}}
---
apiVersion: reconciler/v1
kind: Route
metadata: {name: bot}
spec:
  channel: cxone
  signature: {secrets: [{env: A}, {env: B, expiresOn: "2026-06-06"}]}
  prompt: ask
  endpoint: two
  fallbackModels: [old]
  pricing: list
"""


def read(folder: Path, text: str = FLEET) -> Desired:
    (folder / "fleet.yaml").write_text(text, encoding="utf-8")
    desired = load([folder / "fleet.yaml"], LoadOptions(folder))
    assert desired.diagnostics == ()
    return desired


def line_of(words: str) -> int:
    return next(number for number, line in enumerate(FLEET.splitlines(), 1) if words in line)


def test_every_secret_that_is_named_is_looked_at(tmp_path: Path) -> None:
    """A key that ends unnoticed takes its endpoint, its gateway or its bot with it; a shared one is said once."""
    found = [f for f in due(read(tmp_path), TODAY) if f.code == "POLICY008"]
    assert [(f.position.line if f.position else 0, f.path) for f in found] == [
        (line_of("2026-06-02"), "/spec/auth/oauth/clientSecret/expiresOn"),
        (line_of("2026-06-03"), "/spec/credentials/main/apiKey/expiresOn"),
        (line_of("2026-06-04"), "/spec/credentials/own/apiKey/expiresOn"),
        (line_of("2026-06-05"), "/spec/secret/expiresOn"),
        (line_of("2026-06-06"), "/spec/signature/secrets/1/expiresOn"),
    ]
    assert {f.severity for f in found} == {Severity.WARNING}
    assert found[1].detail.startswith("file:main.key expires on 2026-06-03, in 2 days.")


def test_a_retired_model_is_said_wherever_it_would_be_asked(tmp_path: Path) -> None:
    """A fallback that is gone is found on the day when the first model fails too."""
    found = [f for f in due(read(tmp_path), TODAY) if f.code == "POLICY009"]
    assert [(f.address and f.address.name, f.path) for f in found] == [
        ("one", "/spec/model"),
        ("three", "/spec/fallbackModels/1"),
        (None, "/spec/fallbackModels/0"),
    ]
    assert "in 9 days" in found[0].detail
    assert f"fleet.yaml:{line_of('2026-06-10')}:" in found[0].detail


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (NOTICE_DAYS + 1, None),
        (NOTICE_DAYS, f"expires on 2026-07-01, in {NOTICE_DAYS} days"),
        (1, "expires on 2026-06-02, in 1 day."),
        (0, "expired on 2026-06-01"),
        (-400, "expired on 2025-04-27"),
    ],
)
def test_notice_is_given_in_time_and_until_it_is_heeded(tmp_path: Path, days: int, said: str | None) -> None:
    """A warning that always stands there is read by nobody, and one that stops is taken for a renewal."""
    noted = FLEET.replace("2026-06-02", str(TODAY + timedelta(days)))
    found = [f for f in due(read(tmp_path, noted), TODAY) if f.path == "/spec/auth/oauth/clientSecret/expiresOn"]
    assert len(found) == (said is not None)
    assert all(said in f.detail for f in found if said is not None)


def test_of_two_price_lists_the_earlier_day_counts(tmp_path: Path) -> None:
    """One list of several was brought up to date: who looks at the other one must not sleep well."""
    more = """---
apiVersion: reconciler/v1
kind: Pricing
metadata: {name: other}
spec: {models: {old: {prompt: 1, completion: 2, retiresOn: "2026-05-01"}}}
"""
    (tmp_path / "fleet.yaml").write_text(FLEET + more, encoding="utf-8")
    found = list(due(load([tmp_path / "fleet.yaml"], LoadOptions(tmp_path)), TODAY))
    assert {f.detail.partition(", as ")[0] for f in found if f.code == "POLICY009"} == {
        "'old' was retired on 2026-05-01"
    }


def test_a_note_is_no_part_of_a_reference() -> None:
    """Two references to one secret are one secret, whatever was noted about it."""
    noted = SecretRef("env", ("KEY",), TODAY)
    assert (noted, hash(noted), str(noted)) == (plain := SecretRef("env", ("KEY",)), hash(plain), str(plain))


def test_offline_checks_look_at_the_days(tmp_path: Path) -> None:
    """Whoever reviews a pull request is the one who can renew a key in time."""
    past = FLEET.replace("2026-06-02", "2001-01-01")
    assert "POLICY008" in {f.code for f in wiring.validate(read(tmp_path, past))}
