"""An OpenAI-compatible gateway as the engine sees it: asked whether it works, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from reconciler.errors import GatewayError
from reconciler.model.resource import Gateway
from reconciler.model.run import Check
from reconciler.platforms.openai import verify
from reconciler.platforms.openai.api import Api
from reconciler.platforms.openai.capabilities import CAPABILITIES
from reconciler.platforms.watching import WatchingAdapter


def watching(gateway: Gateway, api: Api) -> WatchingAdapter:
    """The adapter of one gateway."""
    return WatchingAdapter(gateway, CAPABILITIES, partial(_ask, api))


async def _ask(api: Api, model: str) -> Sequence[Check]:
    """Ask for health and models side by side; no model is questioned, so that it costs nothing."""
    health, models = await asyncio.gather(_health(api), _models(api))
    return verify.checks(health, models, model)


async def _health(api: Api) -> GatewayError | None:
    try:
        await api.health()
    except GatewayError as error:
        return error
    return None


async def _models(api: Api) -> frozenset[str] | GatewayError:
    try:
        return await api.models()
    except GatewayError as error:
        return error
