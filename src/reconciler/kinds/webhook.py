"""Webhook: where the gateway reports events to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from reconciler.kinds.base import Document, LifecycleModel, ObjectMetadata, SecretReference, Strict
from reconciler.kinds.gateway import parsable

HOOK = r"^(https://[^\s/@?#\\]+|http://(localhost|127\.[0-9]+\.[0-9]+\.[0-9]+|\[::1\])(:[0-9]+)?)(/[^\s]*)?$"
EVENT = r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$"


def _distinct(events: list[str]) -> list[str]:
    if len(set(events)) != len(events):
        raise ValueError("an event stands twice")
    return events


class WebhookSpec(Strict):
    """https only, loopback excepted, and no credentials in the URL."""

    display_name: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = Field(
        default=None, description="Remote name; the default is metadata.name."
    )
    url: Annotated[str, StringConstraints(pattern=HOOK), AfterValidator(parsable)]
    events: Annotated[
        list[Annotated[str, StringConstraints(pattern=EVENT)]],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_distinct),
    ]
    secret: SecretReference | None = None


class Webhook(Document):
    """Ensured, never posted twice."""

    kind: Literal["Webhook"]
    metadata: ObjectMetadata
    spec: WebhookSpec
    lifecycle: LifecycleModel = Field(default_factory=LifecycleModel)
