"""What the webhook of a real LiteLLM is sent: its test event, and those of calls."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest
from litellm_bench import LitellmBench, endpoint, material, webhook
from litellm_person import Person
from litellm_webhook_bench import HOOK, Try
from receiver import Receiver
from server_litellm import Stack

from reconciler.model.run import Check, Verdict

pytestmark = pytest.mark.real


def verdicts(checks: Sequence[Check]) -> list[tuple[Verdict, Any]]:
    return [(check.verdict, check.value) for check in checks]


def test_verify_lets_a_test_event_arrive_and_tells_what_the_receiver_said(tried: Try, person: Person) -> None:
    """A webhook that nobody receives is worth nothing. What was delivered once is not sent again that day."""

    async def deed(bench: LitellmBench) -> None:
        receiver = bench.receiver
        resource = webhook(f"{receiver.url}/hook")
        live = await bench.adapter.create(resource, {})
        for status, verdict in ((404, Verdict.REJECTED), (503, Verdict.UNKNOWN), (429, Verdict.UNKNOWN)):
            receiver.answers[:] = [(status, {}, b"")]
            assert verdicts(await bench.adapter.verify(resource, live)) == [(verdict, status)]
        receiver.answers[:] = [(204, {}, b"")]
        receiver.deliveries.clear()
        for _ in range(2):
            assert verdicts(await bench.adapter.verify(resource, live)) == [(Verdict.READY, None)]
        [delivery] = receiver.deliveries
        assert (delivery.path, json.loads(delivery.content)["event"]) == ("/hook", "budget_crossed")
        assert not [name for name in delivery.headers if "signature" in name or "authorization" in name]

    tried(deed, person.administrator())


def test_a_receiver_that_is_not_there_is_a_doubt(tried: Try, person: Person) -> None:
    """It may only be restarting."""

    async def deed(bench: LitellmBench) -> None:
        live = await bench.adapter.create(HOOK, {})
        assert verdicts(await bench.adapter.verify(HOOK, live)) == [(Verdict.UNKNOWN, None)]

    tried(deed, person.administrator())


def test_a_destination_of_others_that_fails_leaves_a_doubt(tried: Try, person: Person) -> None:
    """LiteLLM tells only that some destination failed, so that ours can be called neither ready nor wrong."""
    person.alert("slack")

    async def deed(bench: LitellmBench) -> None:
        resource = webhook(f"{bench.receiver.url}/hook")
        live = await bench.adapter.create(resource, {})
        assert verdicts(await bench.adapter.verify(resource, live)) == [(Verdict.UNKNOWN, None)]
        assert bench.receiver.deliveries

    tried(deed, person.administrator())


def test_events_of_calls_follow_the_address_and_end_with_it(tried: Try, person: Person) -> None:
    """Settings that look well are not enough: a real event must arrive where the manifest says, and nowhere after."""

    async def deed(bench: LitellmBench) -> None:
        await bench.adapter.create(endpoint(), material(endpoint()))
        one, two = (webhook(f"{bench.receiver.url}/{path}") for path in ("one", "two"))
        live = await bench.adapter.create(one, {})
        assert spent(bench.receiver, person) == ["/one"]
        live = await bench.adapter.update(two, live, {})
        assert spent(bench.receiver, person) == ["/two"]
        person.forget_alerting()
        assert spent(bench.receiver, person) == ["/two"]
        await bench.adapter.delete(live)
        assert spent(bench.receiver, person, patience=3) == []

    tried(deed)


def test_a_restarted_proxy_goes_on_sending(tried: Try, person: Person, stack: Stack) -> None:
    """The settings are in the database: an upgrade of the proxy must not end what the manifest promises."""

    async def deed(bench: LitellmBench) -> None:
        resource = webhook(f"{bench.receiver.url}/hook")
        live = await bench.adapter.create(resource, {})
        stack.proxy.stop()
        stack.proxy.start()
        stack.proxy.wait()
        assert [each.spec for each in (await bench.adapter.observe()).objects] == [resource.spec]
        assert verdicts(await bench.adapter.verify(resource, live)) == [(Verdict.READY, None)]
        assert [each.path for each in bench.receiver.deliveries] == ["/hook"]

    tried(deed, person.administrator())


def spent(receiver: Receiver, person: Person, patience: float = 20) -> list[str]:
    """Where the event of a call by an end user arrives."""
    receiver.deliveries.clear()
    body = {"model": "chat", "messages": [{"role": "user", "content": "hello"}], "user": "customer-1"}
    person.make("/v1/chat/completions", body)
    ends = time.monotonic() + patience
    while not receiver.deliveries and time.monotonic() < ends:
        time.sleep(0.05)
    assert {json.loads(each.content)["event"] for each in receiver.deliveries} <= {"spend_tracked"}
    return [each.path for each in receiver.deliveries]
