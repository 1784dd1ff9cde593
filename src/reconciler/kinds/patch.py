"""Patch: what differs between environments. Policy: the team's own rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from reconciler.kinds.base import Document, Labels, Metadata, Name, RootMetadata, Strict, Text

FOR_INFERENCE = frozenset({"PromptTemplate", "SafetyPolicy", "ResponseSchema", "Pricing", "Probe", "Route"})


def _differs_by_gateway(kind: Any) -> Any:
    if kind in FOR_INFERENCE:
        raise ValueError(f"a patch changes what gateways have; {kind} is one for the fleet: declare a second one")
    return kind


PATCHABLE = Annotated[
    Literal["Endpoint", "CredentialMatrix", "RateLimit", "Webhook"], BeforeValidator(_differs_by_gateway)
]


class PatchTarget(Strict):
    """Documents by kind and name, or by labels."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["name"]}, {"required": ["matchLabels"]}]})

    kind: PATCHABLE
    name: Name = ""
    match_labels: Annotated[Labels, Field(min_length=1)] = {}

    @model_validator(mode="after")
    def _one(self) -> PatchTarget:
        given = self.model_fields_set & {"name", "match_labels"}
        if len(given) != 1:
            raise ValueError("give exactly one of name, matchLabels")
        return self


class PatchMerge(Strict):
    """A merge patch (RFC 7396): null removes a member. Identity cannot be patched."""

    spec: dict[str, Any] = {}
    lifecycle: dict[str, Any] = {}


class PatchSpec(Strict):
    """What is changed, and how."""

    target: PatchTarget
    merge: PatchMerge


class Patch(Document):
    """Applied in the order of files; each must match something."""

    kind: Literal["Patch"]
    metadata: Metadata
    spec: PatchSpec


class PolicyMatch(Strict):
    """What a policy is about; everything when left out."""

    kind: Literal["Endpoint", "Webhook"] | None = None
    match_labels: Labels = Field(default={}, description="Labels of the resource together with its gateway's.")


class PolicySpec(Strict):
    """A rule and forbidden actions."""

    match: PolicyMatch = Field(default_factory=PolicyMatch)
    rule: dict[str, Any] = Field(default={}, description="A JSON Schema that the effective resource must satisfy.")
    forbid: list[Literal["create", "update", "replace", "delete", "adopt", "move", "forget"]] = []
    message: Text
    severity: Literal["error", "warning"] = "error"


class Policy(Document):
    """The team's own rule."""

    kind: Literal["Policy"]
    metadata: RootMetadata
    spec: PolicySpec
