"""Live objects as documents of the language. Pure: nothing is read, nothing is written.

| of the live object                      | in the manifest                                                      |
|-----------------------------------------|----------------------------------------------------------------------|
| a name that is valid and free           | metadata.name                                                        |
| any other name                          | the nearest valid and free one; the original as remoteId/displayName |
| credentials that several endpoints have | a CredentialMatrix, where the gateway shows that the keys are equal  |
| limits that several endpoints have      | a RateLimit                                                          |
| a secret                                | a reference to a variable with a derived name, to be filled in       |
| what the language cannot say            | left out as a whole, with the reason                                 |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler import kinds
from reconciler.manifest.alike import limits_name, limits_of, matrix_of
from reconciler.manifest.naming import LONGEST, Unique, is_name, slug, variable
from reconciler.model.address import Address
from reconciler.model.live import Live

ENDPOINT, WEBHOOK, MATRIX, LIMITS = "Endpoint", "Webhook", "CredentialMatrix", "RateLimit"
ORDER = (ENDPOINT, MATRIX, LIMITS, WEBHOOK)

_FIELDS = ("fallbackStrategy", "fallbackModels", "timeoutMs", "retryOnRateLimit", "options")
_PLACEHOLDER = {"env": "NAME"}

Written = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """Names that are in use: of documents by kind, and of environment variables."""

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Blank:
    """A secret to fill in: the variable, and what it is for."""

    variable: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Composed:
    """Documents by kind, in the order of their names; which live object each address stands for.

    `blanks` are by the kind of the document that refers to them.
    """

    documents: Mapping[str, Sequence[Written]]
    objects: Mapping[Address, Live]
    blanks: Mapping[str, Sequence[Blank]]
    left_out: Sequence[tuple[Live, str]] = ()


def compose(
    gateway: str, binding: Written, objects: Sequence[Live], write_only: Mapping[str, Any], taken: Taken
) -> Composed:
    """Documents for `objects`, all of one gateway.

    `binding` is what `metadata` says of membership, empty where there is one gateway. `write_only` names the
    secret leaves by kind, as a platform's capabilities do.
    """
    told = list(_inexpressible(objects, write_only))
    out = {id(live) for live, _ in told}
    kept = sorted((live for live in objects if id(live) not in out), key=_order)
    return _Composer(gateway, binding, write_only, taken).composed(kept, told)


def _order(live: Live) -> tuple[str, bool, str, str]:
    """Names that are valid come first, so that each keeps its own."""
    return (live.address.kind, not is_name(live.address.name), live.address.name, live.remote_id)


def _inexpressible(objects: Sequence[Live], write_only: Mapping[str, Any]) -> Iterator[tuple[Live, str]]:
    known = [live for live in objects if live.address.kind in _BODIES]
    yield from (
        (live, f"the language has no {live.address.kind}.") for live in objects if live.address.kind not in _BODIES
    )
    drafts = [_BODIES[live.address.kind](live, write_only) for live in known]
    found: dict[int, list[str]] = {}
    for index, problem in kinds.problems(drafts):
        found.setdefault(index, []).append(f"{'.'.join(map(str, problem.keys))}: {problem.message}")
    for index, problems in found.items():
        yield known[index], "; ".join(problems) + "."


def _head(kind: str, metadata: Written) -> dict[str, Any]:
    return {"apiVersion": "reconciler/v1", "kind": kind, "metadata": dict(metadata)}


def _endpoint_draft(live: Live, write_only: Mapping[str, Any]) -> Written:  # noqa: ARG001 - one signature for all kinds
    credentials = [
        {"keyId": key_id, "priority": held.get("priority"), "apiKey": _PLACEHOLDER}
        for key_id, held in live.spec.get("credentials", {}).items()
    ]
    metadata = {"name": "draft", "remoteId": live.remote_id}
    return _head(ENDPOINT, metadata) | {"spec": endpoint_spec(live, credentials, live.spec.get("rateLimits"))}


def endpoint_spec(live: Live, credentials: Any, limits: Any, name: str = "") -> dict[str, Any]:
    """The spec of an endpoint in the order of the language; what is not there is not written."""
    spec = live.spec
    shown = spec.get("displayName")
    found = {
        "displayName": None if shown == name else shown,
        "provider": spec.get("provider"),
        "model": spec.get("model"),
        "apiBase": spec.get("apiBase"),
        "credentials": credentials,
        "rateLimits": limits or None,
        **{key: spec.get(key) for key in _FIELDS},
    }
    return {key: value for key, value in found.items() if value not in (None, [])}


def _webhook_draft(live: Live, write_only: Mapping[str, Any]) -> Written:
    return _head(WEBHOOK, {"name": "draft"}) | {"spec": _webhook_spec(live, "", _secret_of(write_only, _PLACEHOLDER))}


def _secret_of(write_only: Mapping[str, Any], reference: Written) -> Written:
    return {"secret": reference} if "/spec/secret" in write_only.get(WEBHOOK, ()) else {}


def _webhook_spec(live: Live, name: str, secret: Written) -> dict[str, Any]:
    shown = live.spec.get("name")
    named = {} if shown == name else {"displayName": shown}
    return {**named, "url": live.spec.get("url"), "events": list(live.spec.get("events", ())), **secret}


_BODIES = {ENDPOINT: _endpoint_draft, WEBHOOK: _webhook_draft}


class _Composer:
    """Gives names and gathers documents of one gateway."""

    def __init__(self, gateway: str, binding: Written, write_only: Mapping[str, Any], taken: Taken) -> None:
        self._gateway = gateway
        self._binding = binding
        self._write_only = write_only
        self._names = {kind: Unique(taken.names.get(kind, ()), "-", LONGEST) for kind in ORDER}
        self._variables = Unique(taken.variables, "_")
        self._documents: dict[str, list[Written]] = {kind: [] for kind in ORDER}
        self._blanks: dict[str, list[Blank]] = {kind: [] for kind in ORDER}
        self._objects: dict[Address, Live] = {}
        self._parts: dict[tuple[str, Any], str] = {}

    def composed(self, objects: Sequence[Live], left_out: Sequence[tuple[Live, str]]) -> Composed:
        endpoints = [live for live in objects if live.address.kind == ENDPOINT]
        shared = {
            MATRIX: Counter(map(matrix_of, endpoints)),
            LIMITS: Counter(map(limits_of, endpoints)),
        }
        for live in objects:
            name = self._names[live.address.kind].take(self._wished(live))
            self._objects[Address(self._gateway, live.address.kind, name)] = live
            if live.address.kind == ENDPOINT:
                self._endpoint(live, name, shared)
            else:
                self._webhook(live, name)
        documents = {
            kind: sorted(found, key=lambda document: str(document["metadata"]["name"]))
            for kind, found in self._documents.items()
            if found
        }
        return Composed(documents, self._objects, self._blanks, left_out)

    def _wished(self, live: Live) -> str:
        name = live.address.name
        return name if is_name(name) else slug(name, live.address.kind.lower())

    def _endpoint(self, live: Live, name: str, shared: Mapping[str, Counter[Any]]) -> None:
        limits: Any = live.spec.get("rateLimits")
        key = limits_of(live)
        if key is not None and shared[LIMITS][key] > 1:
            limits = self._limits(key, limits)
        matrix = matrix_of(live)
        apart = live.spec.get("rotationStrategy") is not None
        if apart or (matrix is not None and shared[MATRIX][matrix] > 1):
            credentials: Any = self._matrix(live, name, matrix)
        else:
            credentials = self._credentials(live, ENDPOINT, name)
        remote = {} if live.remote_id == name else {"remoteId": live.remote_id}
        spec = endpoint_spec(live, credentials, limits, name)
        self._add(ENDPOINT, {"name": name, **remote}, {"spec": spec, "lifecycle": {"adopt": True}})

    def _webhook(self, live: Live, name: str) -> None:
        secret: Written = {}
        if _secret_of(self._write_only, _PLACEHOLDER):
            secret = _secret_of(self._write_only, self._blank(WEBHOOK, (name, "secret"), f"Webhook {name}"))
        spec = _webhook_spec(live, name, secret)
        self._add(WEBHOOK, {"name": name}, {"spec": spec, "lifecycle": {"adopt": True}})

    def _limits(self, key: tuple[Any, ...], limits: Mapping[str, Any]) -> str:
        known = self._parts.get((LIMITS, key))
        if known is None:
            known = self._parts[LIMITS, key] = self._names[LIMITS].take(slug(limits_name(limits), "limits"))
            self._add(LIMITS, {"name": known}, {"spec": dict(limits)})
        return known

    def _matrix(self, live: Live, endpoint: str, key: tuple[Any, ...] | None) -> str:
        """Credentials that cannot be told to be equal are kept apart: a wrong guess would send one's key to another."""
        place = (MATRIX, key if key is not None else (endpoint,))
        known = self._parts.get(place)
        if known is None:
            first = _ranked(live)[0][0]
            known = self._names[MATRIX].take(slug(f"{live.spec.get('provider')}-{first}", "keys"))
            self._parts[place] = known
            rotation = live.spec.get("rotationStrategy")
            spec = {} if rotation is None else {"rotationStrategy": rotation}
            self._add(
                MATRIX, {"name": known}, {"spec": {**spec, "credentials": self._credentials(live, MATRIX, known)}}
            )
        return known

    def _credentials(self, live: Live, kind: str, name: str) -> Sequence[Written]:
        return [
            {
                "keyId": key_id,
                "priority": member["priority"],
                "apiKey": self._blank(kind, (name, key_id), f"{kind} {name}, key {key_id}"),
            }
            for key_id, member in _ranked(live)
        ]

    def _blank(self, kind: str, words: Sequence[str], purpose: str) -> Written:
        name = self._variables.take(variable(self._gateway, *words))
        self._blanks[kind].append(Blank(name, purpose))
        return {"env": name}

    def _add(self, kind: str, metadata: Written, rest: Written) -> None:
        self._documents[kind].append({**_head(kind, {**metadata, **self._binding}), **rest})


def _ranked(live: Live) -> Sequence[tuple[str, Any]]:
    return sorted(live.spec["credentials"].items(), key=lambda item: -item[1]["priority"])
