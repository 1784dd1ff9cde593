"""The gateway in a box, asked by a bare client over a real socket: what others measure themselves against."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from box import API, FORM, KEY, ONE, ask, endpoint, gateway, hook

from reconciler.embedded import FaultPlan, serve, server


@pytest.mark.parametrize(
    ("form", "basic", "status"),
    [
        (FORM, None, 200),
        ({"grant_type": "client_credentials"}, ("team", "s3cret%2F%2B+%25"), 200),
        ({**FORM, "client_secret": "other"}, None, 401),
        ({"grant_type": "client_credentials"}, ("team", "other"), 401),
        ({**FORM, "grant_type": "password"}, None, 401),
        ({}, None, 401),
    ],
)
def test_the_token_endpoint_knows_one_client_in_both_notations(
    store: Path, form: dict[str, str], basic: tuple[str, str] | None, status: int
) -> None:
    """Clients send their pair in the form, or quoted in a header: a box that knew one way would hide a fault."""

    async def said(client: httpx.AsyncClient) -> None:
        del client.headers["authorization"]
        auth = httpx.Auth() if basic is None else httpx.BasicAuth(*basic)
        answer = await client.post("/oauth/token", data=form, auth=auth)
        assert answer.status_code == status
        assert ("access_token" in answer.json()) is (status == 200)

    ask(store, said, credentials=("team", "s3cret/+ %"))


@pytest.mark.parametrize("header", ["Basic !!!", "Basic YQ", "Basic", "Bearer x"])
def test_a_broken_authorization_is_a_bad_client(store: Path, header: str) -> None:
    """Whoever sends half a header wants to read what is wrong, not a 500."""

    async def said(client: httpx.AsyncClient) -> None:
        answer = await client.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, headers={"authorization": header}
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    ask(store, said)


def test_tokens_are_asked_for_expire_and_have_scopes(store: Path) -> None:
    """A client's renewal and its message about permissions can be tried out only where these are refused."""

    async def said(client: httpx.AsyncClient) -> None:
        assert (await client.get(ONE, headers={"authorization": "Bearer other"})).status_code == 401
        assert (await client.get(ONE, headers={"authorization": ""})).status_code == 401
        narrow = (await client.post("/oauth/token", data={**FORM, "scope": "llm:gateway:read"})).json()
        client.headers["authorization"] = f"Bearer {narrow['access_token']}"
        assert (await client.get(f"{API}/endpoints")).status_code == 200
        refused = await client.put(ONE, json=endpoint())
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_scope")

    async def expired(client: httpx.AsyncClient) -> None:
        assert (await client.get(ONE)).status_code == 401

    ask(store, said)
    ask(store, expired, {"token_seconds": -1})


def test_a_write_is_held_to_the_revision_it_names(store: Path) -> None:
    """Guards are the promise that nobody's change is overwritten unseen; here they are kept to the letter."""

    async def said(client: httpx.AsyncClient) -> None:
        async def put(**headers: str) -> httpx.Response:
            return await client.put(ONE, json=endpoint(), headers={k.replace("_", "-"): v for k, v in headers.items()})

        assert (await put(if_match='"1"')).status_code == 412
        made = await put(if_none_match="*")
        assert (made.status_code, made.headers["etag"], made.json()["version"]) == (201, '"1"', 1)
        assert (await put(if_none_match="*")).status_code == 412
        assert (await put(if_match='"2"')).status_code == 412
        replaced = await put(if_match='"1"')
        assert (replaced.status_code, replaced.headers["etag"]) == (200, '"2"')
        assert (await put(if_match="*")).json()["version"] == 3
        assert (await client.delete(ONE, headers={"if-match": '"2"'})).status_code == 412
        assert (await client.get(ONE)).headers["etag"] == '"3"'
        assert (await client.delete(ONE, headers={"if-match": '"3"'})).status_code == 204
        assert (await client.delete(ONE)).status_code == 404

    ask(store, said)


def test_pages_go_through_everything_once(store: Path) -> None:
    """A list that skipped or repeated an object would make a plan create or delete what is there."""

    async def said(client: httpx.AsyncClient) -> None:
        for number in range(7):
            await client.put(f"{API}/endpoints/ep-{number}", json=endpoint(name=f"ep-{number}"))
        found: list[str] = []
        token: str | None = ""
        while token is not None:
            page = (await client.get(f"{API}/endpoints", params={"pageSize": 3, "nextPageToken": token})).json()
            assert len(page["items"]) <= 3
            found += [item["endpointId"] for item in page["items"]]
            token = page["nextPageToken"]
        assert found == [f"ep-{number}" for number in range(7)]
        for size in ("0", "-1", "x", "²", "9" * 5000, ""):
            answer = await client.get(f"{API}/endpoints", params={"pageSize": size})
            assert answer.status_code == 200
            assert answer.json()["items"]

    ask(store, said)


def test_a_key_goes_in_and_never_comes_out(store: Path) -> None:
    """Neither an answer nor the file may give a key back: of a short one, not even its end."""

    async def said(client: httpx.AsyncClient) -> None:
        short = {"keyId": "k0", "apiKey": "tiny-key", "priority": 9}
        body = endpoint(credentials=[short, *endpoint()["credentials"]])
        answers = [await client.put(ONE, json=body), await client.get(ONE), await client.get(f"{API}/endpoints")]
        answers += [await client.post(f"{API}/webhooks", json=hook()), await client.get(f"{API}/webhooks")]
        text = "".join(answer.text for answer in answers)
        assert answers[1].json()["credentials"][1]["apiKey"] == "****cdef"
        assert answers[1].json()["credentials"][0]["apiKey"] == "****"
        assert not [secret for secret in (KEY, "tiny-key", "whsec-0123456789") if secret in text]

    ask(store, said)
    kept = b"".join(path.read_bytes() for path in store.parent.iterdir())
    assert not [secret for secret in (KEY, "tiny-key", "whsec-0123456789") if secret.encode() in kept]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"provider": "other"}, "provider"),
        ({"provider": ["openai"]}, "provider"),
        ({"provider": {}}, "provider"),
        ({"name": ""}, "name"),
        ({"model": 4}, "model"),
        ({"rateLimits": []}, "rateLimits"),
        ({"rateLimits": {"requestsPerMinute": 10_001}}, "rateLimits.requestsPerMinute"),
        ({"rateLimits": {"requestsPerMinute": True}}, "rateLimits.requestsPerMinute"),
        ({"credentials": []}, "credentials"),
        ({"credentials": [7]}, "credentials"),
        ({"credentials": [{"keyId": "a", "apiKey": "****cdef", "priority": 1}]}, "credentials.apiKey"),
        ({"credentials": [{"keyId": "a", "apiKey": "x", "priority": "1"}]}, "credentials.priority"),
        ({"credentials": [{"keyId": k, "apiKey": "x", "priority": 1} for k in "ab"]}, "credentials.priority"),
        ({"credentials": [{"keyId": "a", "apiKey": "x", "priority": p} for p in (2, 1)]}, "credentials.keyId"),
    ],
)
def test_an_endpoint_that_breaks_the_contract_is_refused_at_its_field(
    store: Path, fields: dict[str, Any], field: str
) -> None:
    """The platform would refuse it as well: offline checks are measured against this."""

    async def said(client: httpx.AsyncClient) -> None:
        answer = await client.put(ONE, json=endpoint(**fields))
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
        assert (await client.get(ONE)).status_code == 404

    ask(store, said)


def test_one_name_is_one_endpoint_of_a_provider(store: Path) -> None:
    """The contract's names are unique per provider, not per tenant."""

    async def said(client: httpx.AsyncClient) -> None:
        await client.put(ONE, json=endpoint())
        taken = await client.put(f"{API}/endpoints/ep-two", json=endpoint())
        assert (taken.status_code, taken.json()["error"]["code"]) == (409, "duplicate_name")
        assert (await client.put(f"{API}/endpoints/ep-two", json=endpoint(provider="azure"))).status_code == 201

    ask(store, said)


def test_webhooks_get_their_id_from_the_gateway(store: Path) -> None:
    """Two of one name are two: the client must find out which is its own."""

    async def said(client: httpx.AsyncClient) -> None:
        first, second = [(await client.post(f"{API}/webhooks", json=hook())).json()["id"] for _ in range(2)]
        assert first != second
        path = f"{API}/webhooks/{first}"
        changed = await client.put(path, json=hook(url="https://other.example.com"), headers={"if-match": '"1"'})
        assert (changed.json()["url"], changed.json()["version"]) == ("https://other.example.com", 2)
        assert "secret" not in (await client.get(path)).json()
        wrong: list[dict[str, Any]] = [
            {"events": []},
            {"events": ["other"]},
            {"events": [["x"]]},
            {"secret": None},
            {"url": 1},
        ]
        for fields in wrong:
            assert (await client.put(path, json=hook(**fields))).status_code == 400
        assert (await client.delete(path)).status_code == 204
        assert (await client.put(path, json=hook())).status_code == 404
        assert len((await client.get(f"{API}/webhooks")).json()["items"]) == 1

    ask(store, said)


def test_objects_outlive_the_process(store: Path) -> None:
    """The next command of a quick start must find what the first one made."""

    async def made(client: httpx.AsyncClient) -> Any:
        await client.put(ONE, json=endpoint())
        return (await client.get(ONE)).json()

    async def seen(client: httpx.AsyncClient) -> Any:
        return (await client.get(ONE)).json()

    assert ask(store, made) == ask(store, seen)


def test_two_gateways_over_one_file_hold_one_guard(store: Path) -> None:
    """Two commands at once each bring their own box: of two writes with one revision, one must lose."""

    async def race() -> list[int]:
        async with gateway(store) as one, gateway(store) as two:
            await one.put(ONE, json=endpoint())
            guarded = {"if-match": '"1"'}
            both = await asyncio.gather(*(c.put(ONE, json=endpoint(), headers=guarded) for c in (one, two)))
            return sorted(answer.status_code for answer in both)

    assert asyncio.run(race()) == [200, 412]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 200 + b"]" * 200,
        json.dumps(endpoint(model="\ud800")).encode(),
        json.dumps(endpoint(extra=float("nan"))).encode(),
        b'{"n":' + b"9" * 5000 + b"}",
        b"null",
        b"[]",
        b'"text"',
        b"",
    ],
    ids=["half", "bytes", "deep", "deeper", "closed", "surrogate", "nan", "number", "null", "list", "text", "empty"],
)
def test_garbage_is_refused_in_the_words_of_the_contract(
    store: Path, body: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """A box that falls over tells the user about itself and not about the request."""

    async def said(client: httpx.AsyncClient) -> None:
        for method, path in (("PUT", ONE), ("POST", f"{API}/webhooks"), ("PUT", "/_embedded/faults")):
            answer = await client.request(method, path, content=body)
            harmless = path.startswith("/_embedded") and body in {b"", b"null", b"[]"}
            assert answer.status_code == (200 if harmless else 400), (method, path)
            assert harmless or answer.json()["error"]["code"]
        assert (await client.get(f"{API}/endpoints")).json()["items"] == []

    ask(store, said, admin=True)
    assert capfd.readouterr() == ("", "")


def test_a_body_without_end_is_cut_off(store: Path) -> None:
    """Memory is not the sender's to use up, and the connection stays of use to others."""

    async def said(client: httpx.AsyncClient) -> None:
        answer = await client.put(ONE, content=b" " * (3 << 20))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
        assert (await client.get(f"{API}/endpoints")).status_code == 200

    ask(store, said)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", ONE, 405),
        ("PATCH", ONE, 405),
        ("DELETE", f"{API}/endpoints", 405),
        ("GET", "/oauth/token", 405),
        ("GET", "/", 404),
        ("GET", f"{API}/other", 404),
        ("GET", "/_embedded/requests", 404),
        ("GET", f"{API}/endpoints/a/b", 404),
    ],
)
def test_calls_that_do_not_exist_are_refused_as_json(store: Path, method: str, path: str, status: int) -> None:
    """A client reads every refusal with the same eyes."""

    async def said(client: httpx.AsyncClient) -> None:
        answer = await client.request(method, path)
        assert (answer.status_code, "code" in answer.json()["error"]) == (status, True)

    ask(store, said)


@pytest.mark.parametrize("key", ["%00", "..", "%2e%2e", "%F0%9F%98%80", "%FF", "a%20b", "'%3B--", "x" * 20_000, "%25"])
def test_an_id_is_only_a_text(store: Path, key: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What a path holds is looked up and never interpreted; strange ids come back as they went in."""

    async def said(client: httpx.AsyncClient) -> None:
        url = httpx.URL(str(client.base_url)).copy_with(raw_path=f"{API}/endpoints/{key}".encode())
        made = await client.put(url, json=endpoint())
        if made.status_code == 201:
            read = await client.get(url)
            assert (read.status_code, read.json()) == (200, made.json())
        else:
            assert made.status_code in {400, 404, 405}

    ask(store, said)
    assert capfd.readouterr() == ("", "")


def test_a_request_that_is_no_http_is_refused(store: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A port scanner must not end the process or fill the terminal."""

    async def scan() -> bytes:
        async with serve(store) as url:
            host, port = url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    assert asyncio.run(scan()).startswith(b"HTTP/1.1 400")
    assert "Traceback" not in capfd.readouterr().err


def test_a_gateway_is_gone_at_once(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command that brings its own box pays for its end, also while a client keeps a connection open."""
    monkeypatch.setattr(server, "GRACE_SECONDS", 3600.0)  # which is what it would take to wait for that client

    async def talk() -> None:
        async with asyncio.timeout(300), httpx.AsyncClient() as client, serve(store) as url:
            await client.post(url + "/oauth/token", data=FORM)

    asyncio.run(talk())


def test_an_answer_under_way_still_goes_out(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop of the box between a write and its answer would make the outcome unknown without need."""
    monkeypatch.setattr(server, "GRACE_SECONDS", 300.0)
    faults = FaultPlan.read({"rules": [{"match": {"path": "/oauth/*"}, "do": {"delay_ms": 500}}]})

    async def talk() -> int:
        async with httpx.AsyncClient(timeout=300) as client:
            async with serve(store, faults=faults, admin=True) as url:
                asked = asyncio.create_task(client.post(url + "/oauth/token", data=FORM))
                while not (await client.get(url + "/_embedded/requests")).json()["last"]:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.005)
            return (await asked).status_code

    assert asyncio.run(talk()) == 200


def test_a_port_that_is_taken_is_said_so(store: Path) -> None:
    """Two boxes on one port: the second must say why it cannot start, and leave nothing open."""

    async def twice() -> None:
        async with serve(store) as url:
            with pytest.raises(OSError, match="in use"):
                async with serve(store, port=int(url.rsplit(":", 1)[1])):
                    pass

    asyncio.run(twice())
