"""Who may call the router: signatures, their times, and calls that come twice."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
import standardwebhooks
from router_bench import SECRET, STANDARD, hex_of, standard

from reconciler.model.inference import Signature, SignatureScheme
from reconciler.model.secret import SecretRef, SecretValue
from reconciler.router import UnfitSecret, Verifier, verifier
from reconciler.router.refusals import Refusal, Refused
from reconciler.router.replay import Taken
from reconciler.router.signature import Proof
from reconciler.testing.fakes import FakeClock

BODY = b'{"botId": "b"}'
NOW = 1_700_000_000
OTHER = "another-webhook-secret-0123456789"
REFS = (SecretRef("env", ("A",)),)


def plain(*secrets: str) -> Verifier:
    return verifier(Signature(SignatureScheme.HMAC, REFS), [SecretValue(secret) for secret in secrets or (SECRET,)])


def dated(*secrets: str) -> Verifier:
    chosen = [SecretValue(secret) for secret in secrets or (STANDARD,)]
    return verifier(Signature(SignatureScheme.STANDARD, REFS), chosen)


def refusal(check: Verifier, headers: dict[str, str], body: bytes = BODY, now: float = NOW) -> Refusal | None:
    try:
        check.check(headers, body, now)
    except Refused as refused:
        return refused.refusal
    return None


@pytest.mark.parametrize("given", [hex_of(BODY), hex_of(BODY).upper(), "sha256=" + hex_of(BODY), f" {hex_of(BODY)} "])
def test_a_hex_hmac_is_taken_as_senders_write_it(given: str) -> None:
    """Some senders put the algorithm before the digest, and refusing them would look like a wrong secret."""
    assert refusal(plain(), {"x-webhook-signature": given}) is None


@pytest.mark.parametrize(
    "given",
    ["", "é" * 64, "0" * 64, hex_of(BODY)[:-1], hex_of(BODY, OTHER), hex_of(b""), "sha256=", "\x00", "f" * 100_000],
)
def test_anything_else_is_no_signature(given: str) -> None:
    """Also what is not ASCII is refused, and not a crash: compare_digest refuses such text with an exception."""
    assert refusal(plain(), {"x-webhook-signature": given}) is Refusal.BAD_SIGNATURE


def test_an_empty_key_signs_nothing() -> None:
    """A service that falls back to an empty secret takes calls from everybody."""
    assert refusal(plain(), {"x-webhook-signature": hex_of(BODY, "")}) is Refusal.BAD_SIGNATURE
    with pytest.raises(UnfitSecret):
        verifier(Signature(SignatureScheme.HMAC, ()), [])


@pytest.mark.parametrize("secret", ["", "short", "x" * 23])
@pytest.mark.parametrize("scheme", list(SignatureScheme))
def test_a_secret_that_could_be_guessed_is_refused_before_the_first_call(scheme: SignatureScheme, secret: str) -> None:
    """A weak secret is as good as none, and the message must not show it."""
    text = secret if scheme is SignatureScheme.HMAC else base64.b64encode(secret.encode()).decode()
    with pytest.raises(UnfitSecret) as caught:
        verifier(Signature(scheme, REFS), [SecretValue(text)])
    assert not secret or secret not in str(caught.value)


def test_a_secret_of_standard_webhooks_is_base64() -> None:
    """Taken as text it would verify nothing that a sender signs."""
    with pytest.raises(UnfitSecret, match="base64"):
        dated("whsec_not base64 at all, but long enough")


def test_both_secrets_hold_while_one_rotates() -> None:
    """Sender and router cannot change at the same moment."""
    both = plain(OTHER, SECRET)
    assert refusal(both, {"x-webhook-signature": hex_of(BODY)}) is None
    assert refusal(both, {"x-webhook-signature": hex_of(BODY, OTHER)}) is None


def test_a_call_signed_by_the_standard_library_is_taken() -> None:
    """Senders use that library, so its signatures are the ones that count."""
    moment = datetime.fromtimestamp(NOW, UTC)
    signed = standardwebhooks.Webhook(STANDARD).sign("msg_1", moment, BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(NOW), "webhook-signature": "v1,bm8= v2,eA== " + signed}
    assert refusal(dated(), headers) is None


@pytest.mark.parametrize(
    ("off", "wanted"), [(300, None), (-300, None), (301, Refusal.OUT_OF_TIME), (-301, Refusal.OUT_OF_TIME)]
)
def test_a_call_is_taken_only_around_its_own_time(off: int, wanted: Refusal | None) -> None:
    """A recorded call must not be of use next week, nor one that was dated ahead."""
    assert refusal(dated(), standard(BODY, "m", NOW + off)) is wanted


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "other"},
        {"webhook-id": ""},
        {"webhook-id": "x" * 257},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "\u0661\u0667"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,!!!"},
        {"webhook-signature": "v1,é"},
        {"webhook-signature": "v1a," + "A" * 44},
    ],
)
def test_each_part_of_a_standard_webhook_is_signed(change: dict[str, str]) -> None:
    """A part that could be exchanged would let one call be used for another."""
    assert refusal(dated(), standard(BODY, "m", NOW) | change) is Refusal.BAD_SIGNATURE


def call(name: bytes, signed: int = 0, most: int = 2) -> Proof:
    return Proof(name, 600, signed, most)


def test_a_call_is_taken_once_and_may_be_forgotten_when_it_is_too_old() -> None:
    """Ids are kept exactly as long as their timestamps could pass, so that memory stays bounded."""
    clock = FakeClock()
    taken = Taken(clock)
    taken.take("bot", call(b"a"))
    with pytest.raises(Refused, match=Refusal.REPLAYED):
        taken.take("bot", call(b"a"))
    clock.advance(601)
    taken.take("bot", call(b"a", 601))
    assert dict(taken.remembered()) == {"bot": 1}


def test_a_route_that_remembers_all_it_can_refuses_and_says_until_when() -> None:
    """Forgetting one before its time would let whoever recorded it send it again."""
    clock = FakeClock()
    taken = Taken(clock)
    taken.take("bot", call(b"a"))
    clock.advance(100)
    taken.take("bot", call(b"b"))
    with pytest.raises(Refused, match=Refusal.REPLAY_MEMORY_FULL) as full:
        taken.take("bot", call(b"c"))
    assert full.value.retry == 500
    with pytest.raises(Refused, match=Refusal.REPLAYED):
        taken.take("bot", call(b"a"))
    clock.advance(500)
    taken.take("bot", call(b"c", 600))


def test_one_routes_calls_fill_no_others_memory() -> None:
    """A noisy bot must not silence the quiet ones, and ids are each sender's own."""
    taken = Taken(FakeClock())
    for number in range(2):
        taken.take("noisy", call(b"%d" % number))
    taken.take("quiet", call(b"0"))
    assert dict(taken.remembered()) == {"noisy": 2, "quiet": 1}


def test_a_memory_is_as_large_as_its_routes_rate_and_window() -> None:
    """Whoever is called often, or tolerates much, has more to remember; and there is an end to it."""
    check = verifier(Signature(SignatureScheme.STANDARD, REFS, "", 10, 7), [SecretValue(STANDARD)])
    assert check.check(standard(BODY, "m", NOW), BODY, NOW).most == 2 * 10 * 7
    assert dated().check(standard(BODY, "m", NOW), BODY, NOW).most == 2 * 300 * 200


def test_what_was_too_old_once_is_too_old_for_good() -> None:
    """A tolerance that is raised must not open the door to calls that were taken and forgotten."""
    clock = FakeClock()
    taken = Taken(clock)
    taken.take("bot", call(b"a", 1000))
    clock.advance(601)
    with pytest.raises(Refused, match=Refusal.OUT_OF_TIME):
        taken.take("bot", call(b"a", 1000))
    taken.take("bot", call(b"a", 1001))


def test_nothing_of_a_secret_is_shown() -> None:
    """A verifier stands in the table of routes, and tables end up in logs."""
    assert SECRET not in repr(plain())
