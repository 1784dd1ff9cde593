"""A write of a Webhook is several requests: in which order they leave, so that whatever cuts them off is mended.

| write  | requests, in this order                                 | cut off in between                              |
|--------|---------------------------------------------------------|-------------------------------------------------|
| create | the mark, unfinished; the settings; the mark, finished  | no object yet: the next creation completes it   |
| update | the mark, with both addresses; the settings; the mark   | drift: `url` tells both until a write ends      |
| delete | the settings; the mark                                  | still there without events: the next removes it |

The mark has one name for the whole proxy, so that LiteLLM itself refuses a second one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from reconciler.errors import Conflict, GatewayError, OutcomeUnknown, Rejected, Unsupported
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.live import Live
from reconciler.model.resource import Gateway, Resource
from reconciler.model.run import Check
from reconciler.platforms.litellm import verify
from reconciler.platforms.litellm.alerting import DESTINATION, Alerting, Mark, alerting
from reconciler.platforms.litellm.api import Api
from reconciler.platforms.litellm.capabilities import BUDGETS, MARK

MOST_LOOKS = 3
PAUSE_SECONDS = 0.5
"""LiteLLM shows no settings for some milliseconds while it loads them anew."""


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The webhook of one proxy, if it has one."""

    gateway: Gateway
    api: Api

    async def look(self) -> Alerting:
        """What there is of it. What belies the mark is believed only if it stays."""
        for _ in range(MOST_LOOKS - 1):
            seen = await self._look()
            if not seen.belied:
                return seen
            await self.api.client.clock.sleep(PAUSE_SECONDS)
        return await self._look()

    async def _look(self) -> Alerting:
        found = await asyncio.gather(
            self.api.credentials(), self.api.setting("alerting"), self.api.setting("alert_types")
        )
        return alerting(self.gateway.name, *found)

    async def read(self, name: str) -> Live | None:
        """The one that is there, if it is called so."""
        return (await self.look()).live(name)

    def leftover(self, seen: Alerting) -> Sequence[Diagnostic]:
        """What an interrupted creation left."""
        if seen.mark is None or not seen.mark.unfinished:
            return ()
        detail = (
            f"gateway {self.gateway.name!r}: Webhook {seen.mark.name!r} is half made by an interrupted run, and may be "
            f"told events already. Apply its manifest, which completes it, or delete the credential {MARK!r} at the "
            "proxy and take webhook out of general_settings.alerting."
        )
        position = self.gateway.source.position("/spec/url")
        return (Diagnostic(Severity.WARNING, "PLATFORM009", "something unfinished is left", detail, position),)

    async def create(self, resource: Resource) -> Live:
        """Set it up, or complete what was begun. Raises Conflict where the proxy has one."""
        seen = await self._surely()
        name, url = resource.spec["name"], resource.spec["url"]
        self._require_reach(seen)
        self._require_place(seen)
        await self._note(seen, Mark(name, url, unfinished=True))
        try:
            await self.api.configure(seen.switched_on(url))
        except OutcomeUnknown:
            raise
        except GatewayError:
            await self._undo(seen)
            raise
        return await self._finish(Mark(name, url))

    async def _surely(self) -> Alerting:
        """Nothing is taken for free by one look: somebody's address that is written over cannot be had back."""
        seen = await self.look()
        if seen.on:
            return seen
        await self.api.client.clock.sleep(PAUSE_SECONDS)
        return await self.look()

    def _require_reach(self, seen: Alerting) -> None:
        """Refuse, before anything leaves, what LiteLLM would refuse half-way, or take and not do."""
        if seen.fixed and (seen.mark is None or not seen.on):
            raise Rejected(
                "the proxy's configuration file says where alerts go (general_settings.alerting), which its API "
                "cannot change; take the setting out there. Nothing was sent",
                gateway=self.gateway.name,
            )
        if not seen.budgets:
            raise Unsupported(
                f"general_settings.alert_types of this proxy leaves out {BUDGETS}, so that a webhook is told of no "
                f"budget. It is a setting of all destinations: put {BUDGETS} in. Nothing was sent",
                gateway=self.gateway.name,
            )

    def _require_place(self, seen: Alerting) -> None:
        if seen.name is not None:
            whose = f"that of Webhook {seen.name!r}" if seen.mark is not None else "set by hand"
            raise Conflict(
                f"the proxy has one address for alerts of all kinds, and it is {whose}. Take that one out first, or, "
                f"if it was set by hand, call yours {DESTINATION!r} with lifecycle.adopt. Nothing was sent",
                gateway=self.gateway.name,
            )

    async def _undo(self, seen: Alerting) -> None:
        """After a refusal nothing of it may stay; where even that fails, the next creation goes on with it."""
        if seen.mark is None:
            with suppress(GatewayError):
                await self.api.drop_credential(MARK)

    async def _note(self, seen: Alerting, mark: Mark) -> None:
        """Set the mark, whether or not it is there."""
        if seen.mark is not None:
            await self.api.change_credential(mark.body())
            return
        try:
            await self.api.add_credential(mark.body())
        except Conflict:
            await self._require_ours(mark)

    async def _require_ours(self, mark: Mark) -> None:
        """The name may be taken by an attempt of ours whose answer was lost; by nobody else."""
        if (await self.look()).mark != mark:
            raise Conflict(f"the proxy has a credential {MARK!r} that this run did not make", gateway=self.gateway.name)

    async def _finish(self, mark: Mark) -> Live:
        await self.api.finish(mark.body())
        try:
            found = await self.read(mark.name)
        except GatewayError as error:
            raise OutcomeUnknown(f"the write cannot be read back: {error}", gateway=self.gateway.name) from error
        if found is None:
            raise OutcomeUnknown(f"Webhook {mark.name!r} was written and is not there", gateway=self.gateway.name)
        return found

    async def update(self, resource: Resource, live: Live) -> Live:
        """Send another address, switch on again what somebody switched off, or make somebody's ours."""
        seen = await self.look()
        self._require_reach(seen)
        name, url = resource.spec["name"], resource.spec["url"]
        before = Mark(live.remote_id, url, unfinished=True) if seen.mark is None else replace(seen.mark, pending=url)
        await self._note(seen, before)
        await self.api.configure(seen.switched_on(url))
        return await self._finish(Mark(name, url))

    async def delete(self, live: Live) -> None:
        """Take it out and forget its address; destinations of others stay. What is gone already counts."""
        seen = await self.look()
        if seen.name != live.remote_id:
            return
        await self.api.configure(seen.switched_off())
        await self.api.drop_last_credential(MARK)

    async def verify(self) -> Sequence[Check]:
        """Let the proxy send its test event."""
        try:
            await self.api.send_test()
        except GatewayError as error:
            return (verify.undelivered(error),)
        return (verify.delivered(),)
