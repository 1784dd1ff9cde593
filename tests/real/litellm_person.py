"""Somebody who works on a real LiteLLM by hand."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server_litellm import MASTER

RELOADED_SECONDS = 45


@dataclass
class Person:
    """Somebody with the master key and a shell, who knows nothing of this tool."""

    url: str
    key: str = MASTER

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any, Mapping[str, str]]:
        """One request: status, body, headers."""
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", "authorization": f"Bearer {self.key}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
                return answer.status, json.loads(answer.read()), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read()), dict(error.headers)

    def make(self, path: str, body: Any, method: str = "POST") -> Any:
        """A request that has to succeed."""
        status, answer, _ = self.call(method, path, body)
        assert status == 200, answer
        return answer

    def ask(self, model: str) -> tuple[str, str]:
        """A question to a model: the key that reached the provider, and the deployment that served."""
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        status, answer, headers = self.call("POST", "/v1/chat/completions", body)
        assert status == 200, answer
        said: str = answer["choices"][0]["message"]["content"]
        return said.removeprefix("Bearer "), headers["x-litellm-model-id"]

    def deployments(self) -> dict[str, dict[str, Any]]:
        """All that is listed: parameters and name by id."""
        listed = self.call("GET", "/v2/model/info?size=1000")[1]["data"]
        return {
            each["model_info"]["id"]: {"model_name": each["model_name"], **each["litellm_params"]} for each in listed
        }

    def credentials(self) -> list[str]:
        """Names of all credentials."""
        return sorted(each["credential_name"] for each in self.call("GET", "/credentials")[1]["credentials"])

    def fallbacks(self) -> dict[str, list[str]]:
        """Fallbacks by model."""
        entries = self.call("GET", "/router/settings")[1]["current_values"]["fallbacks"] or []
        return {name: models for entry in entries for name, models in entry.items()}

    def add(self, group: str, deployment: str, info: Mapping[str, Any] | None = None, **params: Any) -> None:
        """A deployment as people make them."""
        body = {"model_name": group, "litellm_params": params, "model_info": {"id": deployment, **(info or {})}}
        self.make("/model/new", body)

    def change(self, deployment: str, **params: Any) -> None:
        """A change as people make them."""
        name = urllib.parse.quote(deployment, safe="")
        self.make(f"/model/{name}/update", {"litellm_params": params}, "PATCH")

    def holds(self, wanted: set[str]) -> bool:
        """Whether these deployments and credentials, and no others, are there, or will be after the next reload.

        Credentials are listed from memory. A reload that read the database just before one was removed puts it back
        into the list, though it is gone, until the next reload half a minute later.
        """
        ends = time.monotonic() + RELOADED_SECONDS
        while not (found := set(self.deployments()) == set(self.credentials()) == wanted) and time.monotonic() < ends:
            time.sleep(1)
        return found

    def alerting(self) -> list[str] | None:
        """Where alerts go; None where nobody has said."""
        status, said, _ = self.call("GET", "/config/field/info?field_name=alerting")
        return said["field_value"] if status == 200 else None

    def alert(self, *destinations: str, url: str = "") -> None:
        """Say where alerts go, as people do."""
        settings = {"alerting": list(destinations)}
        self.make("/config/update", {"general_settings": settings, "environment_variables": {"WEBHOOK_URL": url}})

    def forget_alerting(self) -> None:
        """Take the setting away, which a running proxy does not notice."""
        self.make("/config/field/delete", {"config_type": "general_settings", "field_name": "alerting"})

    def administrator(self) -> str:
        """The key of a new administrator: LiteLLM sends its test event once a day for each."""
        key: str = self.make("/user/new", {"user_role": "proxy_admin"})["key"]
        return key

    def wipe(self) -> None:
        """Nothing is left for the next test."""
        if self.alerting() is not None:
            self.alert()
            self.forget_alerting()
        for name in self.fallbacks():
            self.make(f"/fallback/{name}", None, "DELETE")
        for deployment in self.deployments():
            self.make("/model/delete", {"id": deployment})
        for name in self.credentials():
            status, answer, _ = self.call("DELETE", f"/credentials/{urllib.parse.quote(name, safe='')}")
            assert status in {200, 404}, answer  # 404: listed, though it is gone (see `holds`)
