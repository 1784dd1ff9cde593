"""Messages to a receiver on a real socket, verified by hand and by the library that receivers use."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import render_samples as samples
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st
from receiver import Delivery, receiving

from reconciler import wiring
from reconciler.cli.notify import LARGEST, payload, substance
from reconciler.errors import GatewayError, InputError
from reconciler.model.change import ABSENT, Action, Change, FieldChange, Origin
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.notify import Message, UnusableSecret, deliver, signature
from reconciler.render import json as documents
from reconciler.settings import Settings, Webhook

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = 1_700_000_000


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", KEY)


def send(url: str, root: Path, body: Any = None, **settings: Any) -> None:
    """One message, as a command sends it."""

    async def main() -> None:
        webhook = Webhook(url, SecretRef("env", ("HOOK",)))
        async with wiring.open_webhook(Settings(root, **settings), webhook) as (client, path, secret, _):
            await deliver(client, path, secret, Message("msg_1", NOW, body or {"type": "t", "word": "Grüße"}))

    asyncio.run(main())


def by_hand(one: Delivery) -> str:
    """The signature, worked out from the specification's words alone."""
    key = base64.b64decode(KEY.removeprefix("whsec_"))
    signed = b".".join([one.headers["webhook-id"].encode(), one.headers["webhook-timestamp"].encode(), one.content])
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def test_the_signature_is_that_of_the_specification() -> None:
    """The example that every implementation is held to."""
    content = b'{"test": 2432232314}'
    made = signature(SecretValue(KEY), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, content)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_verifies_what_it_gets(tmp_path: Path) -> None:
    """The signature is over the bytes that arrive, not over what they mean."""
    with receiving() as receiver:
        send(f"{receiver.url}/hook/a?b=c", tmp_path)
    [one] = receiver.deliveries
    assert one.path == "/hook/a?b=c"
    assert json.loads(one.content) == {"type": "t", "word": "Grüße"}
    assert one.headers["webhook-signature"] == by_hand(one)
    assert one.headers["content-type"] == "application/json"
    assert KEY not in str(one)


def test_the_library_of_receivers_agrees() -> None:
    """Receivers do not verify by our code; they refuse what their own does not take."""
    content = json.dumps({"a": 1})
    stamp = int(__import__("time").time())
    headers = {
        "webhook-id": "msg_2",
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature(SecretValue(KEY), "msg_2", stamp, content.encode()),
    }
    assert standardwebhooks.Webhook(KEY).verify(content, headers) == {"a": 1}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(KEY).verify(content + " ", headers)


@given(st.binary(min_size=1, max_size=64), st.binary())
def test_any_key_and_any_content_can_be_verified(key: bytes, content: bytes) -> None:
    """With and without the prefix, and whatever the bytes are."""
    text = base64.b64encode(key).decode()
    digest = hmac.new(key, b"m.7." + content, hashlib.sha256).digest()
    for secret in (text, f"whsec_{text}", f"{text}\n"):
        assert signature(SecretValue(secret), "m", 7, content) == "v1," + base64.b64encode(digest).decode()


@pytest.mark.parametrize("secret", ["", "whsec_", "not base64!", "pässword"])
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    """A signature by an empty key would be verified by anybody."""
    with pytest.raises(UnusableSecret) as raised:
        signature(SecretValue(secret), "m", 1, b"")
    assert not secret.removeprefix("whsec_") or secret not in str(raised.value)


@pytest.mark.parametrize(
    "refusal", [(503, {"Retry-After": "0"}, b""), (429, {"retry-after": "0"}, b""), (500, {}, b"")]
)
def test_a_repetition_is_the_same_message(refusal: tuple[int, dict[str, str], bytes], tmp_path: Path) -> None:
    """A receiver that was slow to say that it had it must be able to drop the second one."""
    with receiving(refusal, (200, {}, b"")) as receiver:
        send(receiver.url, tmp_path)
    first, second = receiver.deliveries
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert (first.content, first.headers["webhook-signature"]) == (second.content, second.headers["webhook-signature"])


def test_a_broken_connection_is_tried_again(tmp_path: Path) -> None:
    """The receiver may restart at that moment."""
    with receiving((0, {}, b""), (204, {}, b"")) as receiver:
        send(receiver.url, tmp_path)
    assert len(receiver.deliveries) == 2


@pytest.mark.parametrize("body", [b"", b"ok", b"<html>", b'{"a": 1}'])
def test_any_2xx_is_a_delivery(body: bytes, tmp_path: Path) -> None:
    """Most receivers answer with a word."""
    with receiving((200, {"content-type": "text/plain"}, body)) as receiver:
        send(receiver.url, tmp_path)
    assert len(receiver.deliveries) == 1


@pytest.mark.parametrize("answer", [(301, {"location": "http://127.0.0.1:1/"}, b""), (400, {}, b""), (410, {}, b"")])
def test_a_refusal_is_an_error_and_is_not_repeated(answer: tuple[int, dict[str, str], bytes], tmp_path: Path) -> None:
    """A redirect could take the report anywhere, and a receiver that refuses will refuse again."""
    with receiving(answer) as receiver, pytest.raises(GatewayError):
        send(receiver.url, tmp_path)
    assert len(receiver.deliveries) == 1


def test_hosts_that_are_not_allowed_are_sent_nothing(tmp_path: Path) -> None:
    """The list holds for whatever leaves, not for gateways alone."""
    with receiving() as receiver:
        with pytest.raises(InputError) as raised:
            send(receiver.url, tmp_path, allowed_hosts=("*.example.com",))
        assert [d.code for d in raised.value.diagnostics] == ["NOTIFY001"]
        send(receiver.url, tmp_path, allowed_hosts=("127.0.0.1",))
    assert len(receiver.deliveries) == 1


def test_a_body_is_bounded_and_keeps_its_counts() -> None:
    """A receiver refuses what is too large, and then nobody is told of the largest drift of all."""
    many = tuple(
        Change(
            samples.ONE._replace(name=f"ep-{n:05}"),
            Action.UPDATE,
            "changed outside",
            (FieldChange("/spec/note", "x" * 400, ABSENT, Origin.DRIFT),),
        )
        for n in range(2000)
    )
    plan = replace(samples.PLAN, drift=many, changes=())
    body = payload(plan, 2)
    assert len(json.dumps(body).encode()) <= LARGEST
    assert body["truncated"] is True
    assert 0 < len(body["drift"]) < 2000
    assert body["summary"]["drifted"] == 2000
    assert payload(samples.EMPTY, 0)["truncated"] is False


def test_no_secret_is_in_a_body() -> None:
    """The body goes to a chat that the whole company reads."""
    hostile = FieldChange("/spec/key", samples.CANARY, samples.CANARY, Origin.SECRET, sensitive=True)
    plan = replace(samples.PLAN, drift=(Change(samples.ONE, Action.UPDATE, "", (hostile,)),))
    assert samples.CANARY not in documents.text(payload(plan, 2))


def test_the_substance_moves_with_what_differs_and_with_nothing_else() -> None:
    """It decides whether people are called: by a new value yes, by a new serial or another numbering no."""
    base = substance(samples.PLAN)
    assert substance(replace(samples.PLAN, created_at="later", diagnostics=(), digest="sha256:other")) == base
    drift = samples.PLAN.drift[0]
    fields = tuple(replace(f, before="(sensitive #7)") if f.sensitive else f for f in drift.fields)
    assert substance(replace(samples.PLAN, drift=(replace(drift, fields=fields), *samples.PLAN.drift[1:]))) == base
    moved = tuple(f if f.sensitive else replace(f, before=101) for f in drift.fields)
    assert substance(replace(samples.PLAN, drift=(replace(drift, fields=moved), *samples.PLAN.drift[1:]))) != base
    assert substance(replace(samples.PLAN, drift=samples.PLAN.drift[1:])) != base
