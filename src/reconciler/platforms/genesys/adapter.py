"""Genesys Cloud as the engine sees it: asked whether it works, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from reconciler.errors import GatewayError
from reconciler.model.resource import Gateway
from reconciler.model.run import Check
from reconciler.platforms.genesys import verify
from reconciler.platforms.genesys.api import Api
from reconciler.platforms.genesys.capabilities import CAPABILITIES
from reconciler.platforms.watching import WatchingAdapter


def watching(gateway: Gateway, api: Api) -> WatchingAdapter:
    """The adapter of one gateway."""
    return WatchingAdapter(gateway, CAPABILITIES, partial(_ask, api))


async def _ask(api: Api, model: str) -> Sequence[Check]:
    """Fetch a token and ask the model for one word."""
    try:
        await api.invoke(model)
    except GatewayError as error:
        return verify.checks(error)
    return verify.checks(None)
