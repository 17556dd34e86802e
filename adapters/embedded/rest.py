"""The supervisor's HTTP calls for health checks and seeding: standard library only, and never through a proxy."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.embedded.errors import AnswerError

Json = Any  # each API has its own shape, and the seed reads only a few fields

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded answer: `body` is JSON (None when there is none); header names are lower case."""

    status: int
    body: Json
    headers: Mapping[str, str]


def call(
    method: str, url: str, *, body: Json = None, headers: Mapping[str, str] | None = None, timeout: float = 60
) -> Answer:
    """Send one request; raise AnswerError for a status of 400 or more, OSError if there is no answer.

    A body of bytes is sent unchanged, any other body as JSON.
    """
    raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, method=method, data=raw, headers=sent)  # noqa: S310 - our own http URLs
    try:
        try:
            response = _direct.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            response = error  # also for 300, the status of version lists, which urllib raises as an error
        with response:
            data = response.read()
    except http.client.HTTPException as error:  # an incomplete answer from a service that ended
        raise ConnectionError(f"{method} {url}: {error!r}") from error
    if response.status >= 400:
        raise AnswerError(method, url, response.status, data.decode(errors="replace"))
    return Answer(response.status, decode(data), {key.lower(): value for key, value in response.headers.items()})


def decode(data: bytes) -> Json:
    """Parse JSON; return None for anything else (health checks answer text)."""
    try:
        return json.loads(data)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Session:
    """Calls to one endpoint with a token, such as `get("/networks")`."""

    endpoint: str
    token: str = field(repr=False)

    def get(self, path: str) -> Json:
        """GET, decoded."""
        return call("GET", self.endpoint + path, headers=self.headers()).body

    def post(self, path: str, body: Json) -> Json:
        """POST, decoded."""
        return call("POST", self.endpoint + path, body=body, headers=self.headers()).body

    def put(self, path: str, body: Json = None, content_type: str = "application/json") -> Json:
        """PUT, decoded."""
        return call(
            "PUT", self.endpoint + path, body=body, headers=self.headers() | {"Content-Type": content_type}
        ).body

    def patch(self, path: str, body: Json) -> Json:
        """PATCH, decoded."""
        return call("PATCH", self.endpoint + path, body=body, headers=self.headers()).body

    def delete(self, path: str) -> None:
        """DELETE."""
        call("DELETE", self.endpoint + path, headers=self.headers())

    def headers(self) -> dict[str, str]:
        """Return the header that authenticates a request."""
        return {"X-Auth-Token": self.token}


def token(keystone: str, user: str, password: str, project: str) -> str:
    """Return a token of a user of the default domain for a project of that domain."""
    return log_in(keystone, user, password, project).headers["x-subject-token"]


def log_in(keystone: str, user: str, password: str, project: str) -> Answer:
    """Return Keystone's whole answer to a login: the token's body, and its id in X-Subject-Token."""
    identity = {"methods": ["password"], "password": {"user": {
        "name": user, "domain": {"id": "default"}, "password": password}}}  # fmt: skip
    scope = {"project": {"name": project, "domain": {"id": "default"}}}
    return call("POST", f"{keystone}/auth/tokens", body={"auth": {"identity": identity, "scope": scope}})
