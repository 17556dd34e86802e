"""An endpoint on which calls are made again, by an unmodified client of botocore."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from recording.calls import SERVICES
from recording.secrets import BYTES, Hider

_CONFIG: Final = Config(
    parameter_validation=False,  # the endpoint says what is wrong with a call, as it said to the recorded command
    read_timeout=600,
    retries={"mode": "standard", "total_max_attempts": 3},
)
_PIECE: Final = 1 << 20
_LOST: Final = (HTTPClientError, IncompleteReadError, ResponseParserError)  # the call may have been carried out
_AWS: Final = (".amazonaws.com", ".amazonaws.com.cn")


class EndpointError(Exception):
    """An endpoint that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `members` as AWS's model names them, without secrets; `text` is the sentence of an error.

    `lost` tells that the call was sent, and that no answer to it could be read.
    """

    status: int
    error: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    text: str = ""
    lost: bool = False


class Caller(Protocol):
    """Where calls are made."""

    where: str

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Answer:
        """Make a call and return what came back."""
        ...


class Endpoint:
    """One endpoint.  `where` is `URL`, `PROFILE@URL`, or a profile whose configuration has an endpoint."""

    def __init__(self, where: str) -> None:
        profile, _, url = where.rpartition("@") if "://" in where else (where, "", "")
        self.where = where
        self._url = url or None
        self._clients: dict[str, Any] = {}
        try:
            self._session = Session(profile=profile or None)
            self._region = self._session.get_config_variable("region") or "us-east-1"
            if self._session.get_credentials() is None:
                raise EndpointError(f"there are no credentials for {where}: write PROFILE@URL")
            if not url:  # a configuration may have an endpoint for one service, and leave another's to AWS
                for service in SERVICES:
                    self._refuse_aws(service)
        except (BotoCoreError, ValueError) as error:
            raise EndpointError(f"{where}: {error}") from None

    def _refuse_aws(self, service: str) -> None:
        host = urlsplit(self._client(service).meta.endpoint_url).hostname or ""
        if host.endswith(_AWS):
            raise EndpointError(
                f"{self.where} is no URL, and no profile whose configuration has an endpoint_url for {service}"
            )

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            client = self._session.create_client(
                service, endpoint_url=self._url, region_name=self._region, config=_CONFIG
            )
            client.meta.events.register("before-send", _Within(client.meta.endpoint_url))
            self._clients[service] = client
        return self._clients[service]

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Answer:
        """Make a call and return what came back; the bodies of answers are read and not kept."""
        try:
            shape = SERVICES[service].model.operation_model(operation).output_shape
            raw = getattr(self._client(service), xform_name(operation))(**params)
            status = int(raw.pop("ResponseMetadata")["HTTPStatusCode"])
            found = {name: _drained(one) if hasattr(one, "iter_chunks") else one for name, one in raw.items()}
            members = Hider().kept(found, shape) if shape is not None else {}
        except ClientError as error:
            told = error.response.get("Error", {})
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            return Answer(status, str(told.get("Code", status)), text=str(told.get("Message", "")))
        except Exception as error:  # noqa: BLE001 - whatever a recording holds, the rest is made, and all is undone
            return Answer(0, type(error).__name__, text=str(error), lost=isinstance(error, _LOST))
        return Answer(status, "", members, found)

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()


class _Within:
    """Refuses requests to other hosts: the SDK sends those for some ARNs to AWS, and follows its redirects there."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).hostname or ""

    def __call__(self, request: Any, **_: Any) -> None:
        host = urlsplit(request.url).hostname or ""
        if host != self._host and not host.endswith(f".{self._host}"):
            raise EndpointError(f"{host} is not the endpoint")


def _drained(body: Any) -> dict[str, Any]:
    """Read a body to its end and return its length and digest."""
    digest, length = hashlib.sha256(), 0
    for piece in body.iter_chunks(_PIECE):
        digest.update(piece)
        length += len(piece)
    return {BYTES: length, "sha256": digest.hexdigest()}
