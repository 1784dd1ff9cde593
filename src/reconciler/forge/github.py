"""GitHub's REST API, as far as comments and issues need it; GitHub Enterprise alike."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

from reconciler.errors import Forbidden, GatewayError, NotFound, ProtocolError, Rejected, Unsupported
from reconciler.forge.protocol import Comment, Issue
from reconciler.transport import Answer, Client, Repeat, segment

MOST_PAGES = 200
PER_PAGE = "100"
GONE = 410
BOT = "[bot]"
JOBS_OWN = f"github-actions{BOT}"
"""Whom the token of a job speaks for, unless it was asked for in another app's name."""

_HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
_NEXT = re.compile(r'<([^<>]*)>\s*;[^,]*\brel="?next"?')


class GitHub:
    """Implements the protocol Forge. `base_url` is the API's; the client was opened with that host, without a path."""

    def __init__(self, client: Client, base_url: str, repository: str) -> None:
        owner, _, name = repository.partition("/")
        self._client = client
        self._base = base_url.rstrip("/")
        self._root = urlsplit(self._base).path
        self._name = repository
        self._repository = f"/repos/{segment(owner)}/{segment(name)}"
        self._login: str | None = None

    async def issues(self, label: str) -> Sequence[Issue]:
        """All issues with this label, open and closed; pull requests, which the API lists as well, left out."""
        query = {"labels": label, "state": "all", "sort": "created", "direction": "asc", "per_page": PER_PAGE}
        await self._learn_who()
        return [
            Issue(int(item["number"]), str(item.get("body") or ""), item.get("state") == "open", self._ours(item))
            async for item in self._pages(f"{self._repository}/issues", query)
            if "pull_request" not in item
        ]

    async def open_issue(self, title: str, body: str, label: str) -> int:
        """Open an issue. One that did not get its label could never be found again, so it is closed at once."""
        await self._require_label(label)
        made = await self._send("POST", "/issues", {"title": title, "body": body, "labels": [label]})
        number = int(made["number"])
        if label.lower() not in {_name(item).lower() for item in made.get("labels", ())}:
            await self.close_issue(number, body)
            raise ProtocolError(f"issue {number} did not get the label {label!r}, which needs a token that may write")
        return number

    async def rewrite_issue(self, number: int, body: str) -> None:
        """Replace the text."""
        await self._again(f"/issues/{number}", {"body": body})

    async def reopen_issue(self, number: int, body: str) -> None:
        """Open it again."""
        await self._again(f"/issues/{number}", {"state": "open", "body": body})

    async def close_issue(self, number: int, body: str) -> None:
        """Close it."""
        await self._again(f"/issues/{number}", {"state": "closed", "state_reason": "completed", "body": body})

    async def comments(self, number: int) -> Sequence[Comment]:
        """All comments, page by page."""
        await self._learn_who()
        path = f"{self._repository}/issues/{number}/comments"
        return [
            Comment(int(item["id"]), str(item.get("body") or ""), self._ours(item))
            async for item in self._pages(path, {"per_page": PER_PAGE})
        ]

    async def add_comment(self, number: int, body: str) -> None:
        """Write a comment."""
        await self._send("POST", f"/issues/{number}/comments", {"body": body})

    async def rewrite_comment(self, comment: int, body: str) -> None:
        """Replace the text of a comment."""
        await self._again(f"/issues/comments/{comment}", {"body": body})

    async def remove_comment(self, comment: int) -> None:
        """Remove a comment."""
        with suppress(NotFound):
            await self._gone_is_not_found("DELETE", f"/issues/comments/{comment}", None, Repeat.ALWAYS)

    async def merged_by(self, commit: str, base: str) -> Sequence[int]:
        """Merged pull requests; one that is open, or went into another branch or repository, approves nothing here."""
        path = f"{self._repository}/commits/{segment(commit)}/pulls"
        found = [item async for item in self._pages(path, {"per_page": PER_PAGE}) if item.get("merged_at")]
        return [int(item["number"]) for item in found if self._went_into(item.get("base"), base)]

    def _went_into(self, there: Any, base: str) -> bool:
        repository = _text(there.get("repo"), "full_name") if isinstance(there, dict) else None
        return _text(there, "ref") == base and (repository or "").lower() == self._name.lower()

    async def _require_label(self, label: str) -> None:
        """A label that an issue is to be found by must be there first: unknown ones may be dropped without a word."""
        try:
            await self._ask("GET", f"{self._repository}/labels/{segment(label)}")
        except NotFound:
            with suppress(Rejected):  # 422: somebody else has made it meanwhile
                about = "Kept by reconciler; found by this label."
                await self._send("POST", "/labels", {"name": label, "color": "d93f0b", "description": about})

    async def _learn_who(self) -> None:
        """Whom the token speaks for, by the table.

        | the token is               | who it is says                                        |
        |----------------------------|-------------------------------------------------------|
        | a person's                 | `/user`                                               |
        | an app's, also a job's     | the viewer of GraphQL, since `/user` is none of its business |
        | one of which neither tells | nobody: the one that jobs have by themselves is taken |
        """
        if self._login is not None:
            return
        try:
            answer = await self._ask("GET", "/user")
            self._login = _text(answer.body, "login") or JOBS_OWN
        except (Forbidden, NotFound):
            self._login = await self._viewer() or JOBS_OWN

    async def _viewer(self) -> str | None:
        """The login of an app's account, as its comments bear it; None where GraphQL does not say."""
        query = {"query": "query { viewer { login } }"}
        try:
            answer = await self._client.request(
                "POST", _graphql(self._root), body=query, headers=_HEADERS, repeat=Repeat.ALWAYS
            )
        except (Forbidden, NotFound, Rejected, Unsupported):
            return None
        data = answer.body.get("data") if isinstance(answer.body, dict) else None
        login = _text(data.get("viewer"), "login") if isinstance(data, dict) else None
        return login and f"{login.removesuffix(BOT)}{BOT}"

    def _ours(self, item: Mapping[str, Any]) -> bool:
        """A person may be called like an app, but for the ending that only apps have."""
        author = item.get("user")
        kind = "Bot" if (self._login or "").endswith(BOT) else "User"
        return _text(author, "login") == self._login and _text(author, "type") == kind

    async def _ask(self, method: str, path: str, body: Any = None, repeat: Repeat = Repeat.BY_METHOD) -> Answer:
        return await self._client.request(method, self._root + path, body=body, headers=_HEADERS, repeat=repeat)

    async def _again(self, path: str, body: Mapping[str, Any]) -> None:
        """A replacement, which sent twice is the same as sent once."""
        await self._gone_is_not_found("PATCH", path, body, Repeat.ALWAYS)

    async def _send(self, method: str, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = await self._gone_is_not_found(method, path, body, Repeat.BY_METHOD)
        if not isinstance(answer, dict):
            raise ProtocolError(f"{method} {path}: the answer is no object")
        return answer

    async def _gone_is_not_found(self, method: str, path: str, body: Mapping[str, Any] | None, repeat: Repeat) -> Any:
        try:
            answer = await self._ask(method, self._repository + path, body, repeat)
        except GatewayError as error:
            if error.status == GONE:
                raise NotFound(str(error), gateway=error.gateway, status=error.status) from error
            raise
        return answer.body

    async def _pages(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Mapping[str, Any]]:
        """Every object of a list, by the Link header of each page."""
        target: str | None = f"{path}?{urlencode(query)}"
        seen: set[str] = set()
        while target is not None:
            if target in seen or len(seen) >= MOST_PAGES:
                raise ProtocolError(f"GET {path}: the list does not end")
            seen.add(target)
            answer = await self._ask("GET", target)
            if not isinstance(answer.body, list) or not all(isinstance(item, dict) for item in answer.body):
                raise ProtocolError(f"GET {path}: the answer is no list of objects")
            for item in answer.body:
                yield item
            target = self._following(path, answer.headers.get("link", ""))

    def _following(self, path: str, link: str) -> str | None:
        """The next page as a path: a token is never taken to another host, whatever a header says."""
        found = _NEXT.search(link)
        if found is None:
            return None
        base, there = urlsplit(self._base), urlsplit(found.group(1))
        if (there.scheme, there.netloc) != (base.scheme, base.netloc) or not there.path.startswith(base.path + "/"):
            raise ProtocolError(f"GET {path}: the next page would be somewhere else")
        return f"{there.path.removeprefix(base.path)}?{there.query}"


def _graphql(root: str) -> str:
    """Beside the other API on GitHub Enterprise (`/api/v3`), below it elsewhere."""
    return f"{root.removesuffix('/v3')}/graphql"


def _text(item: Any, name: str) -> str | None:
    found = item.get(name) if isinstance(item, dict) else None
    return found if isinstance(found, str) else None


def _name(item: Any) -> str:
    return _text(item, "name") or ""
