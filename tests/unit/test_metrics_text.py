"""Gauges, read back by the parser of those who made the format."""

from __future__ import annotations

from dataclasses import replace

import render_samples as samples
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from reconciler.model.plan import Tally
from reconciler.render.metrics import Measured, text

PLACE = {"command": "drift", "gateway": "prod", "kind": "Endpoint"}


def read(written: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Values by name and labels."""
    return {
        family.name: {tuple(sorted(sample.labels.items())): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(written)
    }


def labels(**given: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({"command": "drift", **given}.items()))


def test_a_drift_run_has_all_its_gauges() -> None:
    """An alarm is written against these names and labels: they are an interface."""
    tallies = {("prod", "Endpoint"): Tally(unchanged=12), ("prod", "Webhook"): Tally(unmanaged=3)}
    plan = replace(samples.PLAN, tallies=tallies, diagnostics=samples.FINDINGS[2:])
    found = read(text(Measured("drift", 2, 1_700_000_000.5, 1.25, plan, requests={"prod": 7})))
    assert found["reconciler_last_run_timestamp_seconds"] == {labels(): 1_700_000_000.5}
    assert found["reconciler_last_run_duration_seconds"] == {labels(): 1.25}
    assert found["reconciler_last_run_exit_code"] == {labels(): 2}
    assert found["reconciler_plan_complete"] == {labels(): 1}
    assert found["reconciler_last_run_requests"] == {labels(gateway="prod"): 7}
    endpoint, webhook = labels(gateway="prod", kind="Endpoint"), labels(gateway="prod", kind="Webhook")
    assert found["reconciler_drifted_objects"] == {endpoint: 1, webhook: 1}
    assert found["reconciler_unchanged_objects"] == {endpoint: 12, webhook: 0}
    assert found["reconciler_unmanaged_objects"] == {endpoint: 0, webhook: 3}
    assert found["reconciler_pending_changes"] == {endpoint: 4, webhook: 2}
    caused = labels(gateway="prod", kind="Webhook", cause="deleted out of band")
    assert found["reconciler_drift_causes"][caused] == 1


def test_an_apply_counts_how_its_changes_ended() -> None:
    """A failed write must be seen by whoever watches graphs and not logs."""
    found = read(text(Measured("apply", 4, 1.0, 1.0, samples.PLAN, samples.RUN.outcomes)))
    ended = {
        dict(key)["action"] + " " + dict(key)["status"]: n for key, n in found["reconciler_last_run_changes"].items()
    }
    assert ended == {"create applied": 1, "update rolled_back": 1, "replace blocked": 1, "delete unknown": 1}


def test_what_could_not_be_looked_at_is_a_value() -> None:
    """A metric that is missing looks like a collector that is broken."""
    found = read(text(Measured("drift", 1, 1.0, 1.0)))
    assert found["reconciler_plan_complete"] == {labels(): 0}
    assert found["reconciler_last_run_exit_code"] == {labels(): 1}


def test_every_metric_says_what_it_is() -> None:
    """Help and type are what makes a name found and drawn right."""
    for family in text_string_to_metric_families(text(Measured("drift", 0, 1.0, 1.0, samples.PLAN))):
        assert family.type == "gauge"
        assert family.documentation
        assert family.name.startswith("reconciler_")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_name_breaks_out_of_its_label(name: str) -> None:
    """A gateway may be called anything, and a collector drops the whole file for one bad line."""
    found = read(text(Measured("drift", 0, 1.0, 1.0, None, requests={name: 3})))
    assert found["reconciler_last_run_requests"] == {labels(gateway=name): 3}
