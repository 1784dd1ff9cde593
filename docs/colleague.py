"""What a colleague with a console does behind Git's back: change a webhook of the gateway at argv[1]."""

import json
import sys
import urllib.parse
import urllib.request


def call(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> dict[str, object]:
    """One HTTP call; the JSON answer."""
    request = urllib.request.Request(sys.argv[1].strip() + path, data=body, headers=headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
        found: dict[str, object] = json.loads(answer.read())
        return found


def main() -> None:
    """Read the webhook, take an event away, write it back."""
    pair = {"grant_type": "client_credentials", "client_id": "console", "client_secret": "console-secret"}
    form = urllib.parse.urlencode(pair).encode()
    token = call("POST", "/oauth/token", form, {"Content-Type": "application/x-www-form-urlencoded"})["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    listed = call("GET", "/api/v1/llm/gateway/webhooks", None, headers)["items"]
    assert isinstance(listed, list)  # noqa: S101 - the contract
    (webhook,) = listed
    webhook |= {"events": ["endpoint.created"], "secret": "whsec-colleague-6666"}
    body = json.dumps(webhook).encode()
    call("PUT", f"/api/v1/llm/gateway/webhooks/{webhook['id']}", body, headers)
    print(f"{webhook['name']} now listens to endpoint.created only")  # noqa: T201 - for the demo


if __name__ == "__main__":
    main()
