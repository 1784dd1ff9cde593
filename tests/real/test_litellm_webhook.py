"""The one webhook of a real LiteLLM: what cannot be read back is compared all the same, and what is sent arrives."""

from __future__ import annotations

import pytest
from litellm_bench import LitellmBench, endpoint, material, webhook
from litellm_person import Person
from litellm_webhook_bench import HOOK, OTHER, Try
from relay import ECHO, PASS, Relay

from reconciler.errors import Conflict, OutcomeUnknown, Rejected, Unsupported
from reconciler.model.live import Live
from reconciler.model.resource import Resource
from reconciler.platforms.litellm.alerting import HIDDEN
from reconciler.platforms.litellm.capabilities import EVENTS, MARK

pytestmark = pytest.mark.real


async def live_of(bench: LitellmBench, resource: Resource = HOOK) -> Live:
    found = await bench.adapter.read(resource.address, None)
    assert found is not None
    return found


def test_a_creation_cut_off_anywhere_is_hidden_told_and_completed(tried: Try, person: Person, relay: Relay) -> None:
    """Half a webhook is none, and the next run must neither take it for somebody's nor stumble over it."""

    async def deed(bench: LitellmBench) -> None:
        for cut in range(3):
            relay.hold_at(cut)
            with pytest.raises(OutcomeUnknown):
                await bench.adapter.create(HOOK, {})
            seen = await bench.adapter.observe()
            assert (seen.complete, seen.objects) == (True, ())
            assert [d.code for d in seen.diagnostics] == (["PLATFORM009"] if cut else [])
            relay.rule = lambda _write: PASS
            assert (await bench.adapter.create(HOOK, {})).spec == HOOK.spec
            assert (await bench.adapter.observe()).diagnostics == ()
            assert (person.alerting(), person.credentials()) == (["webhook"], [MARK])
            person.wipe()

    tried(deed)


def test_a_change_cut_off_anywhere_shows_both_addresses_until_it_is_done(tried: Try, relay: Relay) -> None:
    """Which of the two the proxy sends to nobody can tell any more, whatever the manifest comes to say."""

    async def deed(bench: LitellmBench) -> None:
        await bench.adapter.create(HOOK, {})
        for cut in range(3):
            relay.hold_at(cut)
            with pytest.raises(OutcomeUnknown):
                await bench.adapter.update(OTHER, await live_of(bench), {})
            relay.rule = lambda _write: PASS
            live = await live_of(bench)
            both = f"{HOOK.spec['url']}, or {OTHER.spec['url']}"
            assert live.spec["url"] == (both if cut else HOOK.spec["url"])
            assert (await bench.adapter.update(HOOK, live, {})).spec == HOOK.spec

    tried(deed)


def test_a_removal_cut_off_is_still_there_and_told_of_nothing(tried: Try, person: Person, relay: Relay) -> None:
    """What is left of it must be found again by whoever is to remove it."""

    async def deed(bench: LitellmBench) -> None:
        live = await bench.adapter.create(HOOK, {})
        relay.hold_at(1)
        with pytest.raises(OutcomeUnknown):
            await bench.adapter.delete(live)
        relay.rule = lambda _write: PASS
        assert (await live_of(bench)).spec == {**HOOK.spec, "events": []}
        await bench.adapter.delete(live)

    tried(deed)
    assert (person.alerting(), person.credentials()) == ([], [])


def test_a_refusal_in_the_middle_takes_the_mark_back(tried: Try, person: Person, relay: Relay) -> None:
    """A mark without its setting would stand for a webhook that nobody has."""

    async def deed(bench: LitellmBench) -> None:
        relay.once(lambda write: write.path == "/config/update", ECHO)
        with pytest.raises(Rejected):
            await bench.adapter.create(HOOK, {})

    tried(deed)
    assert (person.alerting(), person.credentials()) == (None, [])


def test_destinations_of_others_survive_a_whole_life(tried: Try, person: Person) -> None:
    """One list holds everybody's: a team's mails must not end because another team's webhook does."""
    person.alert("email")

    async def deed(bench: LitellmBench) -> None:
        live = await bench.adapter.create(HOOK, {})
        assert person.alerting() == ["email", "webhook"]
        live = await bench.adapter.update(OTHER, live, {})
        assert person.alerting() == ["email", "webhook"]
        await bench.adapter.delete(live)

    tried(deed)
    assert person.alerting() == ["email"]


def test_the_mark_is_no_part_of_an_endpoint(tried: Try, person: Person) -> None:
    """It is a credential like those of endpoints: it must not be told as one that is half made, nor go with one."""

    async def deed(bench: LitellmBench) -> None:
        await bench.adapter.create(HOOK, {})
        live = await bench.adapter.create(endpoint(), material(endpoint()))
        seen = await bench.adapter.observe()
        assert sorted(each.address.kind for each in seen.objects) == ["Endpoint", "Webhook"]
        assert seen.diagnostics == ()
        await bench.adapter.delete(live)

    tried(deed)
    assert person.credentials() == [MARK]


def test_a_second_webhook_is_refused_before_anything_is_sent(tried: Try, relay: Relay) -> None:
    """The proxy has one address: a second one would take the first one's events away."""

    async def deed(bench: LitellmBench) -> None:
        await bench.adapter.create(HOOK, {})
        relay.writes.clear()
        with pytest.raises(Conflict, match="'costs'"):
            await bench.adapter.create(webhook("http://127.0.0.1:9/second", "second"), {})
        assert relay.writes == []
        assert (await live_of(bench)).spec == HOOK.spec

    tried(deed)


def test_what_somebody_set_up_is_shown_and_not_overwritten(tried: Try, person: Person, relay: Relay) -> None:
    """His address cannot be read, so that nobody could give it back to him."""
    person.alert("webhook", url="http://127.0.0.1:9/his")

    async def deed(bench: LitellmBench) -> None:
        [live] = (await bench.adapter.observe()).objects
        assert (live.address.name, live.spec["url"], live.spec["events"]) == ("webhook", HIDDEN, sorted(EVENTS))
        with pytest.raises(Conflict, match="set by hand"):
            await bench.adapter.create(HOOK, {})
        assert relay.writes == []
        ours = webhook("http://127.0.0.1:9/hook", "webhook")
        assert (await bench.adapter.update(ours, live, {})).spec == ours.spec

    tried(deed)
    assert person.credentials() == [MARK]


def test_a_credential_of_that_name_which_somebody_made_is_left_alone(tried: Try, person: Person) -> None:
    """It may hold a key that serves."""
    body = {"credential_name": MARK, "credential_values": {"api_key": "sk-his"}, "credential_info": {"by": "hand"}}
    person.make("/credentials", body)

    async def deed(bench: LitellmBench) -> None:
        with pytest.raises(Conflict, match="did not make"):
            await bench.adapter.create(HOOK, {})

    tried(deed)
    assert (person.alerting(), person.credentials()) == (None, [MARK])


def test_an_address_that_somebody_else_sent_is_not_seen(tried: Try, person: Person) -> None:
    """The reference says so: nobody should rely on a plan for what the proxy does not show."""

    async def deed(bench: LitellmBench) -> None:
        await bench.adapter.create(HOOK, {})
        person.alert("webhook", url="http://127.0.0.1:9/his")
        assert (await live_of(bench)).spec == HOOK.spec

    tried(deed)


def test_alert_types_without_budgets_are_drift_and_refused(tried: Try, person: Person, relay: Relay) -> None:
    """A setting of all destinations silences most of what the manifest promises: it is not ours to change."""
    usual = ["llm_exceptions", "budget_alerts"]

    def alert_types(*types: str) -> None:
        person.make("/config/update", {"general_settings": {"alert_types": list(types)}})

    async def deed(bench: LitellmBench) -> None:
        live = await bench.adapter.create(HOOK, {})
        alert_types("llm_exceptions")
        silent = await live_of(bench)
        assert silent.spec["events"] == ["spend_tracked"]
        relay.writes.clear()
        with pytest.raises(Unsupported, match="budget_alerts"):
            await bench.adapter.update(HOOK, silent, {})
        assert relay.writes == []
        alert_types(*usual)
        assert (await live_of(bench)).spec == live.spec

    try:
        tried(deed)
    finally:
        alert_types(*usual)
        person.make("/config/field/delete", {"config_type": "general_settings", "field_name": "alert_types"})
