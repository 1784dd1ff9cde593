"""The bare minimum that any tool has to do, as a process of its own.

``read FOLDER URL``: one CSafeLoader pass over the files, then the lists page by page with bare httpx.
``write SIZE URL``: the same PUTs by a bare httpx loop, eight at once.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httpx

import fleet

API = "/api/v1/llm/gateway"


async def _authorized(client: httpx.AsyncClient) -> None:
    form = {"grant_type": "client_credentials", "client_id": "bench", "client_secret": "bench-client-secret"}
    answer = await client.post("/oauth/token", data=form)
    client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"


async def _list(client: httpx.AsyncClient, path: str) -> int:
    found, token = 0, None
    while True:
        query = {"pageSize": "100"} | ({"nextPageToken": token} if token else {})
        page = (await client.get(API + path, params=query)).raise_for_status().json()
        found += len(page["items"])
        token = page["nextPageToken"]
        if not token:
            return found


async def _read(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        await _authorized(client)
        await asyncio.gather(_list(client, "/endpoints"), _list(client, "/webhooks"))


async def _write(size: int, url: str) -> None:
    waiting = iter(list(fleet.bodies(size)))

    async def worker(client: httpx.AsyncClient) -> None:
        for name, body in waiting:
            answer = await client.put(f"{API}/endpoints/{name}", json=body, headers={"if-none-match": "*"})
            answer.raise_for_status()

    async with httpx.AsyncClient(base_url=url) as client:
        await _authorized(client)
        await asyncio.gather(*(worker(client) for _ in range(8)))


def main() -> None:
    """Do one of the two."""
    what, given, url = sys.argv[1:]
    if what == "write":
        asyncio.run(_write(int(given), url))
        return
    import yaml  # noqa: PLC0415 - the writing baseline must not pay for it

    documents = 0
    for path in sorted(Path(given).glob("*.yaml")):
        with path.open("rb") as file:
            documents += sum(1 for _ in yaml.load_all(file, Loader=yaml.CSafeLoader))
    asyncio.run(_read(url))


if __name__ == "__main__":
    main()
