"""Everything that a worker cannot express or smg would refuse, offline, at its line.

| code        | meaning                                                                    |
|-------------|----------------------------------------------------------------------------|
| PLATFORM001 | a worker has no place for the field                                        |
| PLATFORM002 | a worker needs a field that is not given                                   |
| PLATFORM003 | a worker has exactly one key; a label takes printable ASCII without blanks |
| PLATFORM004 | there is no such kind                                                      |
| PLATFORM007 | the Gateway names an `org` or `paths`                                      |
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import Resource
from reconciler.planning.pointer import join
from reconciler.platforms.fields import Keys
from reconciler.platforms.findings import finding, inexpressible, keyless, no_place, no_such_kind
from reconciler.platforms.smg.capabilities import CAPABILITIES, CREDENTIAL_FIELDS, FIELDS, MOST_PRIORITY, NAME


def places(resource: Resource) -> Iterator[Keys]:
    """Where in the spec something stands that a worker has no place for."""
    return inexpressible(resource, FIELDS, CREDENTIAL_FIELDS)


def findings(resource: Resource) -> Iterator[Diagnostic]:
    """Everything in one resource that could not be written."""
    if resource.address.kind not in CAPABILITIES.kinds:
        yield no_such_kind(NAME, resource)
        return
    yield from no_place(NAME, resource, places(resource))
    yield from _texts(resource)
    yield from _one_key(resource)
    yield from keyless(resource, NAME)


def _texts(resource: Resource) -> Iterator[Diagnostic]:
    for name in ("provider", "model", "apiBase"):
        value = resource.spec.get(name)
        if not isinstance(value, str) or not value:
            yield finding(resource, "PLATFORM002", f"smg needs {name}; add it.", f"/spec/{name}")
        elif not (value.isascii() and value.isprintable() and " " not in value):
            detail = f"smg keeps {name} in a label, which takes printable ASCII without blanks."
            yield finding(resource, "PLATFORM003", detail, f"/spec/{name}")


def _one_key(resource: Resource) -> Iterator[Diagnostic]:
    credentials = resource.spec.get("credentials", {})
    if len(credentials) != 1:
        detail = f"a worker of smg has exactly one key, and here are {len(credentials)}; declare an Endpoint for each."
        yield finding(resource, "PLATFORM003", detail, "/spec/credentials")
    for key_id, credential in credentials.items():
        priority = credential.get("priority")
        if type(priority) is not int or not 0 <= priority <= MOST_PRIORITY:
            path = join("/spec/credentials", (key_id,))
            detail = f"smg orders workers by a whole number from 0 to {MOST_PRIORITY}; give one."
            yield finding(resource, "PLATFORM003", detail, path)
