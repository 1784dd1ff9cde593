"""What the diagnostics of this room mean."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "PLATFORM001": (
        "The platform cannot express this field. Nothing is dropped in silence: take the field out, or say that it "
        "may be left out by naming it in `lifecycle.ignore`."
    ),
    "PLATFORM002": "The platform needs this field, and the manifest does not give it. Add it.",
    "PLATFORM003": (
        "The platform takes only certain values here, and would refuse this one in the middle of an apply. Choose one "
        "of those that the message names."
    ),
    "PLATFORM004": (
        "Objects of this kind do not exist on the platform. Take the resource out, or bind it to another gateway with "
        "`metadata.gateways`."
    ),
    "PLATFORM005": (
        "The gateway does not offer a list of this kind of object, so nothing is known of what lives there and "
        "nothing of that kind can be planned. If the list stands under another path, name it in `paths` of the Gateway."
    ),
    "PLATFORM006": (
        "A list could not be read to its end. What was not seen may neither be created nor forgotten, so the plan is "
        "incomplete and can never be applied. Plan again when the gateway answers."
    ),
    "PLATFORM008": (
        "The platform offers nothing to configure, so that its endpoints can be verified and questioned but neither "
        "made nor changed. The manifest must not promise more than that: write `lifecycle: {manage: observe}`."
    ),
    "PLATFORM007": (
        "The Gateway cannot be reached as its manifest describes it: `org` is no tenant name, or `paths` names a call "
        "that the platform does not have, lacks the place of an id (`{id}`), or leads to another host, or `transport` "
        "is one that it does not speak over, or `webSocketUrl` an address that nobody would open. Credentials go to "
        "one host only, and a path without its id would reach all objects at once."
    ),
    "PLATFORM009": (
        "On the gateway are objects that are named as parts of an endpoint, and the endpoint is not there: a run was "
        "interrupted while it made one. Nothing uses them. Declare the endpoint again, and the next apply completes "
        "it, or remove them by hand: they hold keys."
    ),
}
