"""A team declares the webhook of a real LiteLLM and works with it through the command line."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from litellm_person import Person
from litellm_webhook_bench import manifest
from receiver import Receiver, receiving
from relay import Relay
from scenario_bench import Bench
from test_litellm_command_line import good, killed, settled

from reconciler.platforms.litellm.capabilities import MARK

pytestmark = pytest.mark.real


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who is told."""
    with receiving() as found:
        yield found


@pytest.fixture
def team(checkout: Bench, person: Person) -> Iterator[Bench]:
    """A team that works as an administrator who has had no test event yet."""
    checkout.environ["LITELLM_KEY"] = person.administrator()
    yield checkout
    person.wipe()


def test_a_webhook_lives_its_whole_life(team: Bench, person: Person, receiver: Receiver) -> None:
    """Made and proven by a delivery, found unchanged, moved, and removed with nothing left."""
    person.alert("ms_teams")
    team.manifests(manifest(f"{receiver.url}/hook"))
    good(team.apply())
    settled(team)
    assert [each.path for each in receiver.deliveries] == ["/hook"]
    assert person.alerting() == ["ms_teams", "webhook"]

    team.manifests(manifest(f"{receiver.url}/other"))
    plan = team.plan()
    assert [(c["address"], c["action"]) for c in plan.json["changes"]] == [("prod/Webhook/costs", "update")]
    good(team.apply())
    settled(team)

    team.manifests()
    good(team.apply("--allow-empty"))
    settled(team)
    assert (person.alerting(), person.credentials()) == (["ms_teams"], [])


@pytest.mark.parametrize("deed", ["switched off", "setting gone", "mark gone"])
def test_drift_by_hand_is_found_and_repaired(deed: str, team: Bench, person: Person, receiver: Receiver) -> None:
    """Whoever silences a channel for an hour forgets to switch it on again."""
    team.manifests(manifest(f"{receiver.url}/hook"))
    good(team.apply())
    if deed == "switched off":
        person.alert("ms_teams")
    elif deed == "setting gone":
        person.forget_alerting()
    else:
        person.alert()
        person.make(f"/credentials/{MARK}", None, "DELETE")
    seen = team.run("drift", "--format", "json")
    assert seen.code == 2, seen.out + seen.err
    assert [change["address"] for change in seen.json["drift"]] == ["prod/Webhook/costs"]
    good(team.apply())
    settled(team)
    assert person.alerting() == (["ms_teams", "webhook"] if deed == "switched off" else ["webhook"])


def test_without_its_mark_a_webhook_is_somebodys(team: Bench, person: Person, receiver: Receiver) -> None:
    """What nobody vouches for any more may have been set anew, and is not overwritten unasked."""
    team.manifests(manifest(f"{receiver.url}/hook"))
    good(team.apply())
    person.make(f"/credentials/{MARK}", None, "DELETE")
    run = team.apply()
    assert run.code != 0
    assert "set by hand" in run.out
    person.alert()
    good(team.apply())
    settled(team)


def test_a_new_name_takes_two_applies(team: Bench, person: Person, receiver: Receiver) -> None:
    """The proxy has room for one: the second is refused until the first is gone, and nothing is lost on the way."""
    team.manifests(manifest(f"{receiver.url}/hook"))
    good(team.apply())
    team.manifests(manifest(f"{receiver.url}/hook", "spend"))
    run = team.apply()
    assert run.code != 0
    assert "'costs'" in run.out
    good(team.apply())
    settled(team)
    assert (person.alerting(), person.credentials()) == (["webhook"], [MARK])


def test_what_was_set_up_by_hand_is_told_and_taken_over_only_when_asked(
    team: Bench, person: Person, receiver: Receiver
) -> None:
    """Its address cannot be read: it can be neither imported nor compared, only replaced on purpose."""
    person.alert("webhook", url=f"{receiver.url}/his")
    imported = good(team.run("import", "--format", "json"))
    assert imported["imported"] == []
    assert "does not show where it sends alerts" in str(imported["diagnostics"])

    team.manifests(manifest(f"{receiver.url}/ours", "webhook"))
    assert team.apply().code != 0
    team.manifests(manifest(f"{receiver.url}/ours", "webhook", "lifecycle: {adopt: true}\n"))
    good(team.apply())
    settled(team)
    assert [each.path for each in receiver.deliveries] == ["/ours"]


def test_killed_at_any_write_the_next_apply_finishes(
    team: Bench, person: Person, relay: Relay, receiver: Receiver
) -> None:
    """In a creation, in a change and in a removal: the same command must end where it should."""
    one, two = manifest(f"{receiver.url}/one"), manifest(f"{receiver.url}/two")
    for before, after in (("", one), (one, two), (one, "")):
        for index in range(10):
            person.wipe()
            shutil.rmtree(team.root / ".reconciler", ignore_errors=True)
            if before:
                team.manifests(before)
                good(team.apply())
            team.manifests(*([after] if after else []))
            was_held = killed(team, relay, index, "--allow-empty")
            good(team.apply("--allow-empty"))
            settled(team)
            assert person.credentials() == ([MARK] if after else [])
            assert person.alerting() == (["webhook"] if after else [])
            if not was_held:
                break
        assert index == (3 if after else 2)
