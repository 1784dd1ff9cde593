"""A write of ours is several requests: in which order they leave, so that whatever cuts them off is mended.

| write  | requests, in this order                                        | cut off in between                         |
|--------|----------------------------------------------------------------|--------------------------------------------|
| create | the anchor's credential, marked unfinished; other credentials; | a group with the mark is no object: the    |
|        | deployments; fallbacks; the mark is taken off                  | next creation begins its deployments anew  |
| update | other credentials; deployments; what is not wanted is removed; | the next plan shows what is left to do, |
|        | fallbacks; the anchor's credential                             | and keys again: the ledger knows of none   |
| delete | fallbacks; all deployments but one; credentials; the last one  | the object is still there, with less in it |

The anchor is the key of the highest priority. All names are derived from the address, so nothing is made twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from reconciler.errors import Conflict, GatewayError, NotFound, OutcomeUnknown, Rejected, Unsupported
from reconciler.model.ports import Material
from reconciler.model.resource import Resource
from reconciler.model.secret import SecretValue
from reconciler.planning.pointer import join
from reconciler.platforms.body import revealed_key
from reconciler.platforms.litellm.api import Api
from reconciler.platforms.litellm.capabilities import ENFORCES
from reconciler.platforms.litellm.convert import (
    Deployment,
    Marks,
    Wire,
    clears,
    credential_body,
    deployment_body,
    group_of,
    lacks,
    parameters,
    remote_id,
    strange,
)
from reconciler.platforms.litellm.reading import Group, Page


@dataclass(frozen=True, slots=True)
class Writing:
    """One write of one resource. `page` is what the proxy held just before; `look` looks again."""

    api: Api
    resource: Resource
    material: Material
    page: Page
    group: Group
    addresses: Mapping[str, str]
    look: Callable[[], Awaitable[Page]]
    _stored: set[str] = field(default_factory=set)

    @property
    def _keys(self) -> Sequence[str]:
        credentials = self.resource.spec["credentials"]
        return sorted(credentials, key=lambda key_id: (-credentials[key_id]["priority"], key_id))

    @property
    def _anchor(self) -> str:
        return self._keys[0]

    def _secret(self, key_id: str) -> SecretValue:
        return self.material[join("/spec", ("credentials", key_id, "apiKey"))]

    def _name(self, key_id: str) -> str:
        return remote_id(group_of(self.resource), key_id)

    def require(self) -> None:
        """Refuse, before anything leaves, what LiteLLM would refuse half-way, or take and not do."""
        for key_id in self._keys:
            revealed_key(self.material, key_id)
            self._require_ours(self._name(key_id), self.page)
        unknown = [name for name in self.resource.spec.get("fallbackModels", ()) if name not in self.page.names()]
        if unknown:
            raise Rejected(
                f"the proxy has no model {', '.join(unknown)} to fall back to; make it first, and name it in "
                "lifecycle.dependsOn. Nothing was sent"
            )
        limited = "requestsPerMinute" in self.resource.spec.get("rateLimits", {})
        if limited and ENFORCES not in (self.page.router.get("optional_pre_call_checks") or ()):
            raise Unsupported(
                "this proxy enforces no requestsPerMinute: it would take the number for a weight. Put "
                f"{ENFORCES} into router_settings.optional_pre_call_checks of its configuration, or name "
                "/spec/rateLimits/requestsPerMinute in lifecycle.ignore. Nothing was sent"
            )

    def _require_ours(self, name: str, page: Page) -> None:
        if name in page.masks and not page.owns(name):
            raise Conflict(f"the proxy has a credential {name!r} that this tool did not make")

    async def create(self) -> None:
        """Make the group, or complete what was begun. Raises Conflict for a group that is there."""
        if self.group.fixed or self.group.visible:
            raise Conflict(f"the proxy has a model {self.group.name!r}")
        self.require()
        try:
            await self._make()
        except OutcomeUnknown:
            raise
        except GatewayError:
            await self._undo()
            raise
        await self._finish()

    async def _make(self) -> None:
        await self._store(self._anchor, unfinished=True)
        for deployment in self.group.made.values():
            await self.api.drop_deployment(deployment.id)
        await asyncio.gather(*(self._store(key_id, unfinished=False) for key_id in self._keys[1:]))
        for key_id in self._keys:
            await self._add(key_id, None)
        if self.resource.spec.get("fallbackModels"):
            await self._set_fallbacks()

    async def _undo(self) -> None:
        """After a refusal nothing may stay; where even that fails, the mark stays, for the next creation to go on."""
        with suppress(GatewayError):
            for key_id in self._keys:
                await self.api.drop_deployment(self._name(key_id))
            for key_id in (key_id for key_id in reversed(self._keys) if self._name(key_id) in self._stored):
                await self.api.drop_credential(self._name(key_id))

    async def _store(self, key_id: str, *, unfinished: bool) -> None:
        """Set one credential, whether or not it is there."""
        name, key = self._name(key_id), self._secret(key_id)
        body = credential_body(name, revealed_key(self.material, key_id), Marks(self.group.name, unfinished))
        if name not in self.group.owned or not await self._changed(body, key):
            await self._added(body, key)
        self._stored.add(name)

    async def _changed(self, body: Wire, key: SecretValue) -> bool:
        try:
            await self.api.change_credential(body, key)
        except NotFound:
            return False
        return True

    async def _added(self, body: Wire, key: SecretValue) -> None:
        """Where the name is taken after all, by an attempt of ours whose answer was lost, it is changed."""
        try:
            await self.api.add_credential(body, key)
        except Conflict:
            self._require_ours(body["credential_name"], await self.look())
            await self.api.change_credential(body, key)

    async def _finish(self) -> None:
        key = self._secret(self._anchor)
        value = revealed_key(self.material, self._anchor)
        await self.api.finish(credential_body(self._name(self._anchor), value, Marks(self.group.name)), key)

    async def _add(self, key_id: str, old: Deployment | None) -> None:
        wanted = parameters(self.resource, key_id, self.addresses)
        params = wanted if old is None else {**strange(old), **wanted}
        kept = {} if old is None else {name: value for name, value in old.info.items() if name != "blocked"}
        await self.api.add_deployment(deployment_body(self.resource, key_id, params, kept))

    async def _set_fallbacks(self) -> None:
        await self.api.set_fallbacks(self.group.name, self.resource.spec.get("fallbackModels", ()))

    async def update(self) -> None:
        """Make the group what is wanted. Parameters that nobody modelled stay."""
        self.require()
        anchored = self._name(self._anchor) in self.group.owned
        await asyncio.gather(*(self._store(k, unfinished=False) for k in self._keys[1 if anchored else 0 :]))
        for key_id in self._keys:
            await self._place(key_id, self.group.made.get(key_id))
        await self._remove_others()
        if list(self.resource.spec.get("fallbackModels", ())) != list(self.group.fallbacks):
            await self._set_fallbacks()
        await self._finish()

    async def _place(self, key_id: str, old: Deployment | None) -> None:
        """Merge where that is enough; somebody else's deployment goes once ours serves."""
        wanted = parameters(self.resource, key_id, self.addresses)
        if old is None:
            await self._add(key_id, None)
        elif old.id != self._name(key_id):
            await self._add(key_id, old)
            await self.api.drop_deployment(old.id)
        elif clears(wanted, old) or old.blocked or "litellm_credential_name" not in old.params:
            await self.api.drop_deployment(old.id)
            await self._add(key_id, old)
        elif missing := lacks(wanted, old):
            await self.api.change_deployment(old.id, missing)

    async def _remove_others(self) -> None:
        for key_id, deployment in self.group.made.items():
            if key_id not in self.resource.spec["credentials"]:
                await self.api.drop_deployment(deployment.id)
        for name in sorted(self.group.owned - {self._name(key_id) for key_id in self._keys}):
            await self.api.drop_credential(name)


async def remove(api: Api, group: Group) -> None:
    """Remove a group and the credentials of ours in it; credentials of others stay."""
    ids = sorted(deployment.id for deployment in group.made.values())
    if group.fallbacks:
        await api.set_fallbacks(group.name, ())
    for deployment in ids[1:]:
        await api.drop_deployment(deployment)
    for name in sorted(group.owned):
        await api.drop_credential(name)
    if ids:
        await api.drop_last(ids[0])
