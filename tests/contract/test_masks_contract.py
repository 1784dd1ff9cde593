"""No platform sends a mask: there is one way to a secret's text, and it refuses them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import reconciler.platforms
from reconciler.errors import SecretMissing, Unsupported
from reconciler.model.address import Address
from reconciler.model.resource import Resource
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.platforms.body import rest, revealed
from reconciler.platforms.cognigy.convert import provider_body
from reconciler.platforms.cognigy_rest.capabilities import PROVIDERS
from reconciler.platforms.cognigy_rest.convert import connection_fields
from reconciler.platforms.cxone.convert import endpoint_body, webhook_body
from reconciler.platforms.mlflow import convert as mlflow
from reconciler.platforms.smg.convert import created, replaced

ROOT = Path(reconciler.platforms.__file__).parent

MASKS = (
    "****",
    "****abcd",
    "***",
    "sk-****abcd",
    "ab****cd",
    "********",
    "sk-...1111",
    "REDACTED",
    "[REDACTED]",
    "<redacted:key>",
    "REDACTED_BY_PROXY",
    "(secret)",
    "(sensitive #1)",
    "<hidden>",
    "xxxxxxxx",
    "sk-xxxxxxxx",
    "null",
    "os.environ/OPENAI_API_KEY",
    "•••••abcd",
)
NO_SECRETS = ("", " ", "sk-1\r", "sk-1\n", " sk-1", '"sk-1"', "'sk-1", "sk-1\u200b", "sk-\u20131", "sk-1\x07")
REAL = (
    "sk-proj-4f9aQ",
    "sk-demo-aaaa-0000",
    "00123456789012345",
    "AKIAEXAMPLE:abc/def+ghi==",
    "a..b",
    "x1",
    "pass word",
)
KEY = "/spec/credentials/k1/apiKey"


def resource() -> Resource:
    spec = {
        "displayName": "one",
        "provider": "openai",
        "model": "gpt-4o",
        "apiBase": "https://api.example.com",
        "credentials": {"k1": {"priority": 1}},
        "rateLimits": {},
        "fallbackStrategy": "failover",
        "rotationStrategy": "ROUND_ROBIN_ON_FAILURE",
        "timeoutMs": 1000,
        "retryOnRateLimit": True,
    }
    return Resource(Address("prod", "Endpoint", "one"), spec, {KEY: SecretRef("env", ("KEY",))})


def hook() -> Resource:
    spec = {"name": "one", "url": "https://hooks.example.com", "events": ["endpoint.created"]}
    return Resource(Address("prod", "Webhook", "one"), spec, {"/spec/secret": SecretRef("env", ("HOOK",))})


@pytest.mark.parametrize("text", [*MASKS, *NO_SECRETS])
def test_no_platform_sends_what_is_no_secret(text: str) -> None:
    """A mask that is stored takes the place of the key, and the endpoint is dead with nothing to show why."""
    material = {KEY: SecretValue(text), "/spec/secret": SecretValue(text)}
    for send in (
        lambda: endpoint_body(resource(), material, {}),
        lambda: webhook_body(hook(), material, {}),
        lambda: provider_body(resource(), material, {}),
        lambda: connection_fields(PROVIDERS["openai"], "k1", material),
        lambda: created(resource(), material),
        lambda: replaced(resource(), material, {}),
        lambda: mlflow.api_key("k1", material),
        lambda: mlflow.webhook_body(hook(), material),
    ):
        with pytest.raises(SecretMissing) as raised:
            send()
        assert len(text) < 3 or text not in str(raised.value)


@pytest.mark.parametrize("text", REAL)
def test_a_real_secret_is_sent(text: str) -> None:
    """A check that refuses good keys is taken out."""
    assert revealed({KEY: SecretValue(text)}, KEY) == text


def test_there_is_one_way_to_a_secret() -> None:
    """A copy of the check is where the next mask gets through; this law holds for platforms that come later too."""
    users = {
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if re.search(r"\.reveal\(", path.read_text("utf-8"))
    }
    assert users == {"body.py"}


@pytest.mark.parametrize("mask", ["****", "****abcd", "sk-****abcd", "ab****cd", "sk-...1111", "[REDACTED]"])
def test_an_unknown_field_is_never_sent_back_masked(mask: str) -> None:
    """What nobody modelled goes back as it came: a mask among it would destroy what it stands for."""
    with pytest.raises(Unsupported, match=r"theirs\.0"):
        rest({"theirs": [mask], "ours": mask}, ("ours",))
    assert rest({"theirs": "none", "ours": mask}, ("ours",)) == {"theirs": "none"}
