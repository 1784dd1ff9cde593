"""What the diagnostics of the router mean."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "ROUTER001": (
        "The manifests declare no Route, so the router would answer nobody. A Route says at which path which bot "
        "platform calls, what is asked of which endpoint, and what is said when nothing can answer."
    ),
    "ROUTER002": (
        "The secret that a route's callers sign with cannot be used: it is shorter than 24 bytes, so that it could be "
        "guessed, or, for Standard Webhooks, it is not base64. It is not shown. Make a new one, such as by `openssl "
        "rand -base64 32`, and write it on both sides; two may stand side by side while it changes."
    ),
    "ROUTER003": "The router cannot listen there: the port is taken, or the address is not one of this machine.",
    "ROUTER004": "The router needs the extra `serve`: `pip install 'reconciler[serve]'`.",
}
