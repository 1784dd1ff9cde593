"""Prompts, policies, schemas, prices, probes and routes, from files to what is declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine.assembly import select
from reconciler.manifest import LoadOptions, load
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.diagnostic import Severity
from reconciler.model.inference import (
    Channel,
    Engine,
    Expectations,
    History,
    Price,
    Response,
    SafetyAction,
    Sampling,
    Signature,
    SignatureScheme,
    Variable,
)
from reconciler.model.secret import SecretRef

EXAMPLES = Path(__file__).resolve().parents[2] / "manifests"
GPT4 = Address("prod", "Endpoint", "ep-gpt4-prod-01")
HEAD = "apiVersion: reconciler/v1\nkind: {}\nmetadata: {}\n"


def document(kind: str, metadata: str, spec: str) -> str:
    """One document; `spec` in flow style."""
    return HEAD.format(kind, metadata) + f"spec: {spec}\n"


def gateway(name: str, labels: str = "{}") -> str:
    """A tenant."""
    return document("Gateway", f"{{name: {name}, labels: {labels}}}", "{platform: cxone, url: 'https://a.example.com'}")


def endpoint(name: str, metadata: str = "", credentials: str = "[{keyId: k, priority: 1, apiKey: {env: K}}]") -> str:
    """An endpoint for gpt-4o."""
    return document(
        "Endpoint",
        f"{{name: {name}{metadata}}}",
        f"{{provider: openai, model: gpt-4o, credentials: {credentials}}}",
    )


TEMPLATE = document("PromptTemplate", "{name: hello}", '{engine: braces, user: "Hello"}')


def read(folder: Path, *documents: str) -> Desired:
    """What is declared by one file."""
    (folder / "fleet.yaml").write_text("---\n".join(documents), encoding="utf-8")
    return load([Path("fleet.yaml")], LoadOptions(folder))


def codes(desired: Desired) -> list[str]:
    """Codes of what was found, in the order of lines."""
    return [finding.code for finding in desired.diagnostics]


def test_the_examples_are_without_a_finding() -> None:
    """They are what a newcomer copies."""
    desired = load([EXAMPLES], LoadOptions(EXAMPLES.parent))
    assert desired.diagnostics == ()
    found = desired.inference
    assert set(found.prompts) == {"support-answer", "fallback-routing"}
    assert set(found.safety) == {"customer-talk", "nothing-personal"}
    assert set(found.schemas) == {"routing-decision", "any-decision"}
    assert set(found.pricing) == {"list-prices"}
    assert set(found.probes) == {"gpt4-decides"}
    assert set(found.routes) == {
        *("cxone-bot", "cognigy-fallback"),
        *("cxone-bot-elsewhere", "cognigy-fallback-elsewhere"),
    }


def test_a_route_has_from_its_channel_what_it_leaves_out() -> None:
    """The contracts of both bot platforms are the defaults, so that the shortest manifest is the right one."""
    routes = load([EXAMPLES], LoadOptions(EXAMPLES.parent)).inference.routes
    cxone, cognigy = routes["cxone-bot"], routes["cognigy-fallback"]
    assert (cxone.path, cxone.channel, cxone.endpoint) == ("/webhook/cxone", Channel.CXONE, GPT4)
    assert cxone.fallback.startswith("I am currently experiencing high demand.")
    assert cxone.signature == Signature(SignatureScheme.HMAC, (SecretRef("env", ("CXONE_WEBHOOK_SECRET",)),))
    assert cxone.history == History("/api/v2/bot/bots/{botId}/sessions/{sessionId}/messages", 10, 2_000)
    assert (cxone.sampling, cxone.deadline_ms, cxone.threshold) == (Sampling(0.7, 1024), 15_000, 0.75)
    assert cxone.fallback_models == ("gpt-4o-mini",)
    assert cognigy.path == "/webhook/cognigy/fallback"
    assert cognigy.fallback.endswith("Connecting you to a specialist.")
    assert cognigy.signature is not None
    assert cognigy.signature.scheme is SignatureScheme.STANDARD
    assert cognigy.history == History("/api/v2/conversations/summaries", 10, 2_000)
    assert (cognigy.sampling, cognigy.deadline_ms) == (Sampling(0.2, 500), 7_000)
    assert cognigy.response == Response("routing-decision")
    assert (cognigy.safety, cognigy.pricing) == ("customer-talk", "list-prices")


def test_what_is_written_is_what_is_declared() -> None:
    """A field that is read from the wrong member would be found by the first customer."""
    found = load([EXAMPLES], LoadOptions(EXAMPLES.parent)).inference
    template = found.prompts["fallback-routing"]
    assert template.engine is Engine.JINJA2
    assert template.variables["detected_intent"] == Variable(required=False)
    assert template.variables["last_message"] == Variable(max_length=4000)
    policy = found.safety["nothing-personal"]
    assert (policy.on_input, policy.on_output) == (SafetyAction.REDACT, SafetyAction.BLOCK)
    assert policy.pii == ("email", "phone", "ssn", "credit-card", "iban", "ip-address")
    assert "bypass security" in found.safety["customer-talk"].blocked_terms
    assert found.safety["customer-talk"].max_input_characters == 4000
    assert found.schemas["any-decision"].repair_attempts == 0
    assert found.schemas["any-decision"].schema["required"] == ["classified_intent", "confidence"]
    assert found.pricing["list-prices"].models["gpt-4-turbo"] == Price(10.0, 30.0)
    probe = found.probes["gpt4-decides"]
    assert probe.endpoints == (GPT4,)
    assert probe.expect == Expectations("any-decision", 10_000, 5_000, 0.05, None, "nothing-personal", "stop")
    assert (probe.budget, probe.cheapest_models, probe.gate) == (0.1, True, True)
    assert probe.sampling == Sampling(0.2, 500)
    assert probe.source.position("/spec/budget").file == "manifests/probes.yaml"


def test_what_a_policy_and_a_template_leave_out_is_safe(tmp_path: Path) -> None:
    """A policy that names no detectors still looks, and a variable with a default need not be given."""
    found = read(
        tmp_path,
        document("SafetyPolicy", "{name: usual}", "{}"),
        document(
            "PromptTemplate",
            "{name: greeting}",
            '{engine: dollar, user: "$tone, that is $5", variables: {tone: {default: kindly}}}',
        ),
        document("Pricing", "{name: list}", "{models: {m: {prompt: 1, completion: 2}}}"),
    ).inference
    assert found.safety["usual"].pii == ("ssn", "credit-card", "phone")
    assert found.safety["usual"].on_output is SafetyAction.REDACT
    assert found.prompts["greeting"].variables == {"tone": Variable(required=False, default="kindly")}
    assert found.prompts["greeting"].system == ""
    assert found.pricing["list"].currency == "USD"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("one", ["dev/one", "prod/one"]),
        ("[two, one]", ["prod/two", "dev/one", "prod/one"]),
        ("{matchLabels: {tier: gold}}", ["prod/two"]),
        ("{matchLabels: {env: prod}}", ["prod/one", "prod/two"]),
        ("{matchLabels: {env: prod, tier: gold}}", ["prod/two"]),
    ],
)
def test_a_selector_finds_endpoints_by_name_or_labels_on_its_gateways(
    tmp_path: Path, selector: str, expected: list[str]
) -> None:
    """One probe serves many endpoints; one that asks others than it says proves nothing."""
    desired = read(
        tmp_path,
        gateway("prod", "{env: prod}"),
        gateway("dev", "{env: dev}"),
        endpoint("one", ", gateways: [prod, dev]"),
        endpoint("two", ", gateways: prod, labels: {tier: gold}"),
        TEMPLATE,
        document("Probe", "{name: p, gateways: [prod, dev]}", f"{{endpoints: {selector}, prompt: hello}}"),
    )
    assert codes(desired) == []
    assert [f"{a.gateway}/{a.name}" for a in desired.inference.probes["p"].endpoints] == expected


def test_a_run_on_some_gateways_probes_those_only(tmp_path: Path) -> None:
    """`--gateway dev` must not spend money on prod."""
    route = "{channel: cxone, prompt: hello, endpoint: one, signature: {secrets: [{env: S}]}}"
    desired = read(
        tmp_path,
        gateway("prod"),
        gateway("dev"),
        endpoint("one", ", gateways: [prod, dev]"),
        TEMPLATE,
        document("Probe", "{name: both, gateways: [prod, dev]}", "{endpoints: one, prompt: hello}"),
        document("Probe", "{name: prod-only, gateways: prod}", "{endpoints: one, prompt: hello}"),
        document("Route", "{name: bot, gateways: prod}", route),
    )
    assert codes(desired) == []
    narrowed = select(desired, ("dev",)).inference
    assert list(narrowed.probes) == ["both"]
    assert [a.gateway for a in narrowed.probes["both"].endpoints] == ["dev"]
    assert not narrowed.routes
    assert set(select(desired, ()).inference.routes) == {"bot"}


def test_one_mistake_has_no_consequences_to_read(tmp_path: Path) -> None:
    """A broken template must not also be unknown, nor a probe's endpoint unknown because its keys are."""
    probe = document("Probe", "{name: p}", "{endpoints: one, prompt: hello}")
    broken = TEMPLATE.replace("Hello", "Hello {{")
    assert codes(read(tmp_path, gateway("prod"), endpoint("one"), broken, probe)) == ["LLM001"]
    lost = endpoint("one", credentials="lost")
    assert codes(read(tmp_path, gateway("prod"), lost, TEMPLATE, probe)) == ["REF001"]


def test_a_warning_stays_when_a_file_is_read_again(tmp_path: Path) -> None:
    """What is said once and then kept silent by a cache is what reviewers never see."""
    (tmp_path / "a.yaml").write_text(
        document("PromptTemplate", "{name: a}", '{engine: braces, user: "Hi", variables: {tone: {}}}'),
        encoding="utf-8",
    )
    options = LoadOptions(tmp_path, cache=tmp_path / "cache")
    first = load([Path("a.yaml")], options)
    second = load([Path("a.yaml")], options)
    assert codes(first) == ["REF009", "LLM003"]
    assert second.diagnostics == first.diagnostics
    assert {finding.severity for finding in first.diagnostics} == {Severity.WARNING}
    assert set(second.inference.prompts) == {"a"}


@pytest.mark.parametrize("kind", ["PromptTemplate", "SafetyPolicy", "ResponseSchema", "Pricing", "Probe", "Route"])
def test_a_patch_says_why_it_cannot_change_what_the_fleet_shares(tmp_path: Path, kind: str) -> None:
    """Such a patch would change one thing for all gateways, whatever gateways it names."""
    patch = document("Patch", "{name: p}", f"{{target: {{kind: {kind}, name: a}}, merge: {{spec: {{a: 1}}}}}}")
    (finding,) = read(tmp_path, gateway("prod"), patch).diagnostics
    assert finding.code == "KIND005"
    assert f"{kind} is one for the fleet" in finding.detail


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ('{"$schema": "https://example.com/none", type: object}', "no dialect"),
        ('{"$ref": "https://example.com/other.json"}', "another document"),
        ('{properties: {a: {"$ref": "#/definitions/b"}}}', "leads nowhere"),
        ('{properties: {a: {pattern: "[a-"}}}', "linear time"),
    ],
)
def test_a_schema_that_would_fail_at_the_first_answer_is_refused(tmp_path: Path, schema: str, words: str) -> None:
    """What a meta-schema lets pass may still be nothing that an answer can be checked against offline."""
    desired = read(tmp_path, document("ResponseSchema", "{name: a}", f"{{schema: {schema}}}"))
    assert codes(desired) == ["LLM007"]
    assert words in desired.diagnostics[0].detail


@pytest.mark.parametrize(
    "schema",
    [
        '{"$schema": "http://json-schema.org/draft-07/schema#", allOf: [{"$ref": "#/allOf/1"}, {}]}',
        '{"$defs": {"a/b": {type: string}}, properties: {a: {"$ref": "#/$defs/a~1b"}, "$ref": {type: string}}}',
    ],
)
def test_references_within_a_schema_are_followed(tmp_path: Path, schema: str) -> None:
    """A right schema that is refused makes people take the check out."""
    assert codes(read(tmp_path, document("ResponseSchema", "{name: a}", f"{{schema: {schema}}}"))) == ["REF009"]


@pytest.mark.parametrize(
    "model",
    [
        "gpt-3.5-turbo",
        "gpt-4.1-mini",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "meta-llama/Llama-3.1-8B-Instruct",
        "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-3-haiku-20240307-v1:0",
    ],
)
def test_a_model_is_called_what_its_provider_calls_it(tmp_path: Path, model: str) -> None:
    """Names differ with every provider and every month: an expression for them refuses the next model."""
    written = endpoint("ep").replace("model: gpt-4o", f"model: '{model}'")
    desired = read(tmp_path, gateway("prod"), written)
    assert desired.diagnostics == ()
    assert [found.spec["model"] for found in desired.resources.values()] == [model]


@pytest.mark.parametrize("model", ["", "gpt-4o\\n", "gpt 4o"])
def test_a_model_without_a_name_or_with_a_space_is_none(tmp_path: Path, model: str) -> None:
    """A line's end that was pasted along is invisible in a review, and is part of a name to a gateway."""
    written = endpoint("ep").replace("model: gpt-4o", f'model: "{model}"')
    (finding,) = read(tmp_path, gateway("prod"), written).diagnostics
    assert finding.severity is Severity.ERROR
    assert "model" in finding.detail
