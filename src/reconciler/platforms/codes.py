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
    "PLATFORM007": (
        "The Gateway cannot be reached as its manifest describes it: `org` is no tenant name, or `paths` names a call "
        "that the platform does not have, lacks the place of an id (`{id}`), or leads to another host. Credentials "
        "go to one host only, and a path without its id would reach all objects at once."
    ),
    "PLATFORM008": (
        "A write that takes several requests was cut off, and what it made so far is on the gateway, with its keys. It "
        "is no object yet, so no plan removes it: apply the manifest it came from, which completes it, or remove it at "
        "the gateway."
    ),
}
