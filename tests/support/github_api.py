"""A stand-in for GitHub's REST API on a loopback socket: issues, labels, comments, pull requests.

It keeps what it is told like the real one does, pages by Link header, checks tokens, and fails as it is asked to.
A process under test finds it by `GitHubApi.environ`.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

LONGEST_BODY = 65_536
JOB, PERSON, FORK = "ghs_job_token", "ghp_person_token", "ghs_read_only_token"

Answer = tuple[int, Any]


@dataclass(frozen=True)
class Account:
    """Whose token it is. A token of a job does not know its own login; `pushes` is leave to write."""

    login: str
    type: str = "User"
    pushes: bool = True


@dataclass
class Fault:
    """The next `times` requests that fit end like this. `status` 0 is an answer that never arrives.

    `carried_out` says whether the request had its effect all the same.
    """

    method: str
    path: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "as asked for"
    times: int = 1
    carried_out: bool = False
    body: Any = None

    def fits(self, method: str, path: str) -> bool:
        return self.times > 0 and method == self.method and re.fullmatch(self.path, path) is not None


@dataclass
class GitHubApi:
    """One repository, `owner/name`. `requests` are those that arrived, as ``METHOD path?query``."""

    url: str = ""
    repository: str = "acme/fleet"
    accounts: dict[str, Account] = field(
        default_factory=lambda: {
            JOB: Account("github-actions[bot]", "Bot"),
            PERSON: Account("ann"),
            FORK: Account("github-actions[bot]", "Bot", pushes=False),
        }
    )
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    brought: dict[str, list[int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    drops_labels: bool = False
    most_per_page: int = 100
    _next: int = 1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def environ(self, token: str = JOB) -> dict[str, str]:
        """What a job's environment says."""
        return {"GITHUB_REPOSITORY": self.repository, "GITHUB_API_URL": self.url, "GITHUB_TOKEN": token}

    def issue(self, body: str, *, login: str = "github-actions[bot]", **more: Any) -> int:
        """Somebody opens an issue."""
        number = self._number()
        author = {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}
        self.issues[number] = {
            "number": number,
            "title": "t",
            "body": body,
            "state": "open",
            "labels": [],
            "user": author,
            **more,
        }
        return number

    def pull_request(self, body: str = "please", **more: Any) -> int:
        """Somebody opens a pull request, which is an issue as well."""
        return self.issue(body, login="ann", pull_request={"url": f"{self.url}/pulls"}, **more)

    def merge(self, number: int, *commits: str, base: str = "main") -> None:
        """Somebody merges a pull request, which brings these commits, into a branch."""
        into = {"ref": base, "repo": {"full_name": self.repository}}
        self.issues[number] |= {"state": "closed", "merged_at": "2026-01-31T04:17:09Z", "base": into}
        for commit in commits:
            self.brought.setdefault(commit, []).append(number)

    def comment(self, number: int, body: str, *, login: str = "github-actions[bot]") -> int:
        """Somebody comments."""
        made = self._number()
        author = {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"}
        self.comments[made] = {"id": made, "issue": number, "body": body, "user": author}
        return made

    def delete_issue(self, number: int) -> None:
        """An administrator deletes an issue: from then on it is gone, not unknown."""
        del self.issues[number]
        self.deleted.add(number)

    def said(self, number: int) -> list[str]:
        """The comments on an issue, the oldest first."""
        return [c["body"] for c in self.comments.values() if c["issue"] == number]

    def writes(self) -> list[str]:
        """The requests that would change something."""
        asking = ("GET ", "POST /api/graphql")
        return [line for line in self.requests if not line.startswith(asking)]

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    def answer(self, method: str, target: str, token: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        """One request, from door to door."""
        with self._lock:
            parts = urlsplit(target)
            prefix = urlsplit(self.url).path
            path = unquote(parts.path.removeprefix(prefix))
            self.requests.append(f"{method} {path}" + (f"?{parts.query}" if parts.query else ""))
            fault = next((one for one in self.faults if one.fits(method, path)), None)
            if fault is not None:
                fault.times -= 1
                if fault.carried_out:
                    self._routed(method, path, dict(parse_qsl(parts.query)), token, body)
                said = {"message": fault.message} if fault.body is None else fault.body
                return fault.status, said, dict(fault.headers)
            status, found = self._routed(method, path, dict(parse_qsl(parts.query)), token, body)
            if method == "GET" and isinstance(found, list):
                page, link = self._page(found, parts.path, dict(parse_qsl(parts.query)))
                return status, page, link
            return status, found, {}

    def _page(self, found: list[Any], path: str, query: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
        size = min(int(query.get("per_page", "30")), self.most_per_page)
        page = int(query.get("page", "1"))
        links = []
        if page * size < len(found):
            links.append(("next", page + 1))
            links.append(("last", -(-len(found) // size)))
        base = self.url.removesuffix(urlsplit(self.url).path)
        said = ", ".join(f'<{base}{path}?{urlencode({**query, "page": n})}>; rel="{rel}"' for rel, n in links)
        return found[(page - 1) * size : page * size], {"Link": said} if said else {}

    def _routed(  # noqa: C901, PLR0911 - one refusal after the other
        self, method: str, path: str, query: dict[str, str], token: str, body: Any
    ) -> Answer:
        account = self.accounts.get(token)
        if account is None:
            return 401, {"message": "Bad credentials"}
        if path == "/user":
            integration = {"message": "Resource not accessible by integration"}
            return (200, {"login": account.login}) if account.type == "User" else (403, integration)
        if (method, path) == ("POST", "/api/graphql"):
            return 200, {"data": {"viewer": {"login": account.login}}}
        root = f"/repos/{self.repository}"
        if not path.startswith(root + "/"):
            return 404, {"message": "Not Found"}
        if method != "GET" and not account.pushes:
            return 403, {"message": "Resource not accessible by integration"}
        if isinstance(body, dict) and len(str(body.get("body", ""))) > LONGEST_BODY:
            return 422, {"message": "Validation Failed", "errors": [{"code": "too_long"}]}
        for routed, pattern, do in self._routes():
            found = re.fullmatch(pattern, path.removeprefix(root))
            if found and routed == method:
                return do(found.groups(), query, body or {}, account)
        return 404, {"message": "Not Found"}

    def _routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        return [
            ("GET", "/issues", self._list_issues),
            ("POST", "/issues", self._open),
            ("GET", r"/(?:issues|pulls)/(\d+)", self._get_issue),
            ("PATCH", r"/issues/(\d+)", self._edit_issue),
            ("GET", r"/issues/(\d+)/comments", self._list_comments),
            ("POST", r"/issues/(\d+)/comments", self._add_comment),
            ("PATCH", r"/issues/comments/(\d+)", self._edit_comment),
            ("DELETE", r"/issues/comments/(\d+)", self._delete_comment),
            ("GET", "/commits/([0-9a-f]{40})/pulls", self._pulls_of),
            ("GET", "/labels/(.+)", self._get_label),
            ("POST", "/labels", self._add_label),
        ]

    def _list_issues(self, _: Any, query: dict[str, str], *__: Any) -> Answer:
        wanted = [label.lower() for label in query.get("labels", "").split(",") if label]
        phase = query.get("state", "open")
        found = [
            issue
            for issue in self.issues.values()
            if phase in {"all", issue["state"]} and all(w in _names(issue) for w in wanted)
        ]
        found.sort(key=lambda issue: issue["number"], reverse=query.get("direction", "desc") == "desc")
        return 200, found

    def _open(self, _: Any, __: Any, body: Any, account: Account) -> Answer:
        labels = [] if self.drops_labels else [{"name": name} for name in body.get("labels", ())]
        number = self.issue(body["body"], login=account.login, title=body["title"], labels=labels)
        return 201, self.issues[number]

    def _missing(self, number: int) -> Answer:
        return (
            (410, {"message": "This issue was deleted"}) if number in self.deleted else (404, {"message": "Not Found"})
        )

    def _get_issue(self, found: Any, *_: Any) -> Answer:
        number = int(found[0])
        return (200, self.issues[number]) if number in self.issues else self._missing(number)

    def _edit_issue(self, found: Any, _: Any, body: Any, __: Any) -> Answer:
        number = int(found[0])
        if number not in self.issues:
            return self._missing(number)
        self.issues[number] |= body
        return 200, self.issues[number]

    def _list_comments(self, found: Any, *_: Any) -> Answer:
        number = int(found[0])
        if number not in self.issues:
            return self._missing(number)
        return 200, [comment for comment in self.comments.values() if comment["issue"] == number]

    def _add_comment(self, found: Any, _: Any, body: Any, account: Account) -> Answer:
        number = int(found[0])
        if number not in self.issues:
            return self._missing(number)
        return 201, self.comments[self.comment(number, body["body"], login=account.login)]

    def _edit_comment(self, found: Any, _: Any, body: Any, __: Any) -> Answer:
        made = int(found[0])
        if made not in self.comments:
            return 404, {"message": "Not Found"}
        self.comments[made] |= body
        return 200, self.comments[made]

    def _delete_comment(self, found: Any, *_: Any) -> Answer:
        return (204, None) if self.comments.pop(int(found[0]), None) else (404, {"message": "Not Found"})

    def _pulls_of(self, found: Any, *_: Any) -> Answer:
        return 200, [self.issues[number] for number in self.brought.get(found[0], ())]

    def _get_label(self, found: Any, *_: Any) -> Answer:
        label = self.labels.get(found[0].lower())
        return (200, label) if label else (404, {"message": "Not Found"})

    def _add_label(self, _: Any, __: Any, body: Any, ___: Any) -> Answer:
        if body["name"].lower() in self.labels:
            return 422, {"message": "Validation Failed", "errors": [{"code": "already_exists"}]}
        self.labels[body["name"].lower()] = body
        return 201, body


def _names(issue: Mapping[str, Any]) -> set[str]:
    return {label["name"].lower() for label in issue["labels"]}


@contextmanager
def serving(**given: Any) -> Iterator[GitHubApi]:
    """Serve on a loopback socket until the block ends; below a path, as GitHub Enterprise does."""
    api = GitHubApi(**given)

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            text = self.rfile.read(int(self.headers.get("content-length", "0")))
            token = self.headers.get("authorization", "").removeprefix("Bearer ")
            status, body, headers = api.answer(self.command, self.path, token, json.loads(text) if text else None)
            if status == 0:
                self.close_connection = True
                return
            content = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _any  # noqa: N815 - the server's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the server's signature
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}/api/v3"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
