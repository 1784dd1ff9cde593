"""The published OpenAPI document: fresh, and kept by the router whatever is sent to it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from router_bench import SECRET, STANDARD, routing
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as openapi_checks

from reconciler.router import document

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "schemas" / "router.openapi.json"


def test_the_document_is_fresh() -> None:
    """Callers generate their clients from the file: it must be what the router does."""
    assert PUBLISHED.read_text(encoding="utf-8") == document.text()


def test_the_document_names_the_members_of_the_contract() -> None:
    """Names are the contract; a rename that nobody meant would break every caller."""
    shapes = json.loads(document.text())["components"]["schemas"]
    assert set(shapes["CxoneAnswer"]["properties"]) == {
        "messages",
        "source",
        "reason",
        "error",
        "document",
        "metrics",
    }
    assert {"status", "conversationId", "routing_decision", "fallback_action", "suggested_response"} <= set(
        shapes["CognigyAnswer"]["properties"]
    )
    assert set(shapes["Decision"]["properties"]) == {
        "classified_intent", "confidence", "extracted_parameters", "suggested_response", "requires_human_agent",
    }  # fmt: skip


class Signed(requests.auth.AuthBase):
    """Signs what is sent, for both channels at once."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body
        assert isinstance(content, bytes)
        call, seconds = uuid.uuid4().hex, str(int(time.time()))
        key = base64.b64decode(STANDARD.removeprefix("whsec_"))
        signed = hmac.new(key, f"{call}.{seconds}.".encode() + content, hashlib.sha256).digest()
        request.headers["X-Webhook-Signature"] = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
        request.headers["webhook-id"], request.headers["webhook-timestamp"] = call, seconds
        request.headers["webhook-signature"] = "v1," + base64.b64encode(signed).decode()
        return request


@contextmanager
def served(root: Path) -> Iterator[str]:
    """A router in a thread of its own, for a client that waits."""
    ready, ended = threading.Event(), asyncio.Event()
    found: dict[str, Any] = {}

    async def main() -> None:
        async with routing(root / "checkout", {"models": ["gpt-4o"]}) as bench:
            await bench.router.service.readiness.look()
            found.update(url=bench.router.url, loop=asyncio.get_running_loop())
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(20)
    try:
        yield found["url"]
    finally:
        found["loop"].call_soon_threadsafe(ended.set)
        thread.join(20)


@pytest.mark.slow
def test_whatever_is_sent_the_answer_is_the_documents(tmp_path: Path) -> None:
    """Events that the document allows are taken, others are refused as it says, and nothing is a server's error."""
    load_all_checks()
    schema = schemathesis.openapi.from_path(PUBLISHED)
    seen: set[int] = set()
    with served(tmp_path) as url:
        for result in schema.get_all_operations():
            assert isinstance(result, Ok)
            _tried(result.ok(), url, seen)
    assert {200, 422} <= seen


def _tried(operation: Any, url: str, seen: set[int]) -> None:
    """Only a webhook has something to get wrong."""
    modes = schemathesis.GenerationMode if operation.method == "post" else [schemathesis.GenerationMode.POSITIVE]
    for mode in modes:

        @settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def attempt(case: Any) -> None:
            response = case.call(base_url=url, auth=Signed())
            seen.add(response.status_code)
            case.validate_response(response, checks=_CHECKS)

        attempt()


_CHECKS: Any = (
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
)
