"""The one webhook of a proxy: what is sent for it, and what can be told of it. Pure.

LiteLLM has one place for it and never shows the address again, so a credential of ours, the mark, says what was sent.

| manifest      | wire                                                                                        |
|---------------|---------------------------------------------------------------------------------------------|
| a Webhook     | ``webhook`` among general_settings.alerting                                                 |
| metadata.name | the mark                                                                                    |
| url           | environment_variables.WEBHOOK_URL, and in clear in the mark                                 |
| events        | nothing: LiteLLM sends all, those of budgets only while alert_types has ``budget_alerts``   |

| the mark                 | alerting has it | what is told                                                        |
|--------------------------|-----------------|---------------------------------------------------------------------|
| none                     | no              | nothing                                                             |
| none                     | yes             | a Webhook ``webhook`` whose address is not shown: somebody set it   |
| none                     | by the file     | nothing: the API cannot change it                                   |
| of a cut off creation    | yes or no       | nothing: the next creation completes it                             |
| of a cut off change      | yes or no       | a text in `url`, such as ``https://…, or https://…``                |
| finished                 | yes             | what was sent                                                       |
| finished                 | no              | the same without events: it is told nothing                         |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import ProtocolError
from reconciler.model.address import Address
from reconciler.model.live import Live
from reconciler.platforms.litellm.capabilities import BUDGETS, EVENTS, MARK, OWNER, SPENT, WEBHOOK
from reconciler.platforms.litellm.convert import Wire

DESTINATION = "webhook"
"""What `alerting` calls it, and what one is called that somebody else set up."""

HIDDEN = "not shown by the proxy"


@dataclass(frozen=True, slots=True)
class Mark:
    """What our credential says: `pending` is the address that a change is about to send."""

    name: str
    url: str
    pending: str = ""
    unfinished: bool = False

    def body(self) -> Wire:
        """The body of POST or PATCH of the credential, which LiteLLM takes only with some value."""
        info = {
            "managed_by": OWNER,
            "kind": WEBHOOK,
            "name": self.name,
            "url": self.url,
            "pending": self.pending,
            "unfinished": self.unfinished,
        }
        return {"credential_name": MARK, "credential_values": {"kind": WEBHOOK}, "credential_info": info}


@dataclass(frozen=True, slots=True)
class Alerting:
    """What one look at the proxy gave. `fixed`: its configuration file says where alerts go."""

    gateway: str
    destinations: Sequence[Any]
    fixed: bool
    budgets: bool
    mark: Mark | None

    @property
    def on(self) -> bool:
        """Whether anything is sent to a webhook."""
        return DESTINATION in self.destinations

    @property
    def belied(self) -> bool:
        """Whether the mark says that events are sent, and none are."""
        return self.mark is not None and not self.mark.unfinished and not self.on

    @property
    def name(self) -> str | None:
        """What the one that is there is called."""
        if self.mark is not None:
            return None if self.mark.unfinished else self.mark.name
        return DESTINATION if self.on and not self.fixed else None

    def live(self, name: str) -> Live | None:
        """The one that is there, if it is called so."""
        return self._shown(name) if name == self.name else None

    def _shown(self, name: str) -> Live:
        spec = {"name": name, "url": self._url(), "events": self._events()}
        return Live(Address(self.gateway, WEBHOOK, name), name, spec)

    def _url(self) -> str:
        if self.mark is None:
            return HIDDEN
        return f"{self.mark.url}, or {self.mark.pending}" if self.mark.pending else self.mark.url

    def _events(self) -> list[str]:
        if not self.on:
            return []
        return sorted(EVENTS) if self.budgets else [SPENT]

    def switched_on(self, url: str) -> Wire:
        """What makes LiteLLM send to `url`; destinations of others are named only where the list has to change."""
        return self._settings([*self.destinations, DESTINATION], url) if not self.on else _address(url)

    def switched_off(self) -> Wire:
        """What makes it stop. The list is sent even if empty: without one the running proxy goes on as before."""
        return self._settings([each for each in self.destinations if each != DESTINATION], "")

    def _settings(self, destinations: Sequence[Any], url: str) -> Wire:
        return {"general_settings": {"alerting": list(destinations)}, **_address(url)}


def _address(url: str) -> Wire:
    return {"environment_variables": {"WEBHOOK_URL": url}}


def alerting(gateway: str, credentials: Any, destinations: Any, types: Any) -> Alerting:
    """Check the shape of three answers; settings that are not set are empty. Raises ProtocolError."""
    listed = credentials.get("credentials") if isinstance(credentials, dict) else None
    if not isinstance(listed, list) or not isinstance(destinations, dict) or not isinstance(types, dict):
        raise ProtocolError("the proxy answered with settings of another shape than it documents", gateway=gateway)
    chosen = types.get("field_value")
    return Alerting(
        gateway,
        _list(destinations.get("field_value")),
        destinations.get("source") == "config",
        not isinstance(chosen, list) or BUDGETS in chosen,
        _mark(next((raw for raw in listed if isinstance(raw, dict) and raw.get("credential_name") == MARK), {})),
    )


def _mark(raw: Mapping[str, Any]) -> Mark | None:
    said = raw.get("credential_info")
    if not isinstance(said, dict) or said.get("managed_by") != OWNER:
        return None
    name, url, pending = (str(said.get(member) or "") for member in ("name", "url", "pending"))
    return Mark(name, url, pending, said.get("unfinished") is True) if name else None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
