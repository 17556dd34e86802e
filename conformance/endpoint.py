"""Calls of an endpoint: AWS's operations by unmodified clients, and plain requests as browsers make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import boto3
import urllib3
from botocore import UNSIGNED, xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody

_CONNECTIONS: Final = 32
_SECONDS: Final = 60
_SHOWN: Final = 120  # characters of an answer that cannot be read
_FIRST_REGION: Final = "us-east-1"
# How endpoints say that they do not offer something at all.
NOT_OFFERED: Final = frozenset(
    {"NotImplemented", "NotImplementedError", "UnsupportedOperation", "InvalidAction", "UnknownOperationException"}
)


class EndpointError(Exception):
    """No answer came: the endpoint is not reachable, or a client could not read what it said."""


@dataclass(slots=True, eq=False)  # not frozen: a context manager sets the traceback of what it lets through
class Refusal(Exception):  # noqa: N818 - an answer of the endpoint, and no error of ours
    """An error that the endpoint answered."""

    code: str
    status: int
    message: str

    @property
    def not_offered(self) -> bool:
        """Whether the endpoint says that it does not offer this at all."""
        return self.code in NOT_OFFERED or self.status == 501

    def __str__(self) -> str:
        status = f" ({self.status})" if self.status else ""
        return f"{self.code}{status}" + (f": {self.message}" if self.message else "")


@dataclass(slots=True)
class Endpoint:
    """An endpoint, and one client for each service and signer."""

    url: str
    session: boto3.Session
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _plain: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=_CONNECTIONS, timeout=_SECONDS, retries=False)
    )

    def client(self, service: str, *, unsigned: bool = False, credentials: Mapping[str, str] | None = None) -> Any:
        """Return a client with boto3's defaults, and links signed by version 4."""
        signer = "nobody" if unsigned else (credentials or {}).get("SessionToken", "")
        with self._lock:  # a session is not safe for threads, its clients are
            if (service, signer) not in self._clients:
                self._clients[service, signer] = self._made(service, unsigned, credentials)
            return self._clients[service, signer]

    def _made(self, service: str, unsigned: bool, credentials: Mapping[str, str] | None) -> Any:
        config = Config(max_pool_connections=_CONNECTIONS, read_timeout=_SECONDS)
        if unsigned:
            config = config.merge(Config(signature_version=UNSIGNED))
        elif service == "s3":
            # boto3 signs links and forms by version 2 where it knows no region to refuse that, as before an endpoint of
            # one's own. AWS's regions since 2014 take version 4 alone, and so do many other stores.
            config = config.merge(Config(signature_version="s3v4"))
        keys = (
            {
                "aws_access_key_id": credentials["AccessKeyId"],
                "aws_secret_access_key": credentials["SecretAccessKey"],
                "aws_session_token": credentials["SessionToken"],
            }
            if credentials
            else {}
        )
        made: Any = self.session.client  # untyped, because the name of the service is a variable
        return made(service, endpoint_url=self.url, config=config, **keys)

    def call(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Make a call; the body of the answer is read and is text.

        A bucket is made in the client's region: "If you don't specify a Region, the bucket is created in the US East
        (N. Virginia) Region (us-east-1) by default", and other regions refuse a CreateBucket that names none.
        """
        region = client.meta.region_name
        if operation == "CreateBucket" and region != _FIRST_REGION:
            parameters = {"CreateBucketConfiguration": {"LocationConstraint": region}, **parameters}
        with _told():
            answer = getattr(client, xform_name(operation))(**parameters)
            return {name: _read(value) for name, value in answer.items()}

    def own(self, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out an action that is no operation of AWS."""
        return _OWN[action](self, parameters)

    def fetch(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Make a request as it stands, without a signature; an error of HTTP is an answer like any other.

        A form's file comes last, since what is behind it is not read.
        """
        form = (
            {"fields": [*asked["Form"].items(), ("file", ("file", asked["File"]))]}
            if "Form" in asked
            else {"body": asked.get("Body")}
        )
        try:
            answer = self._plain.request(
                asked.get("Method", "GET"), asked["Url"], headers=asked.get("Headers"), redirect=False, **form
            )
        except urllib3.exceptions.HTTPError as error:
            raise EndpointError(str(error)) from error
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return {
            "Headers": headers,
            "Body": answer.data.decode(errors="replace"),
            "ResponseMetadata": {"HTTPStatusCode": answer.status},
        }

    def presign(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the presigned URL of a call."""
        with _told():
            url = self.client("s3").generate_presigned_url(
                xform_name(asked["Operation"]), asked["Parameters"], ExpiresIn=asked.get("ExpiresIn", 300)
            )
        return {"Url": url, "ResponseMetadata": {"HTTPStatusCode": 200}}

    def presign_post(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the URL and the fields of a browser's form."""
        with _told():
            made = self.client("s3").generate_presigned_post(**asked)
        return {"Url": made["url"], "Fields": made["fields"], "ResponseMetadata": {"HTTPStatusCode": 200}}

    def empty_bucket(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Delete whatever a bucket holds: uploads, objects, versions, those under a retention too."""
        client, bucket = self.client("s3"), asked["Bucket"]
        for upload in self._rows(client, "ListMultipartUploads", "Uploads", bucket):
            named = {"Bucket": bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
            self.call(client, "AbortMultipartUpload", named)
        for version in [
            *self._rows(client, "ListObjectVersions", "Versions", bucket),
            *self._rows(client, "ListObjectVersions", "DeleteMarkers", bucket),
        ]:
            self._delete_version(client, bucket, version)
        for entry in self._rows(client, "ListObjectsV2", "Contents", bucket):  # where there are no versions at all
            self.call(client, "DeleteObject", {"Bucket": bucket, "Key": entry["Key"]})
        return {"ResponseMetadata": {"HTTPStatusCode": 200}}

    def _rows(self, client: Any, operation: str, member: str, bucket: str) -> list[dict[str, Any]]:
        """Return the rows of a listing; none where the endpoint has no such listing."""
        try:
            with _told():
                pages = client.get_paginator(xform_name(operation)).paginate(Bucket=bucket)
                return [row for page in pages for row in page.get(member, ())]
        except Refusal as refusal:
            if refusal.code == "NoSuchBucket" or operation == "ListObjectsV2":
                raise
            return []

    def _delete_version(self, client: Any, bucket: str, version: Mapping[str, Any]) -> None:
        named = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
        try:
            self.call(client, "DeleteObject", named)
        except Refusal:  # it is locked, or the endpoint knows no versions
            if version["VersionId"] == "null":
                return
            hold = {**named, "LegalHold": {"Status": "OFF"}}
            for operation, further in (("PutObjectLegalHold", hold), ("DeleteObject", named | _BYPASS)):
                self.call(client, operation, further)


@contextmanager
def _told() -> Iterator[None]:
    """Tell whatever a client raises as one of the two errors of this module."""
    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise Refusal(str(told.get("Code", "")), status, str(told.get("Message", ""))) from None
    except (ResponseParserError, LookupError, TypeError, AttributeError) as error:  # botocore's, of odd documents
        raise Refusal("an answer that no client can read", 0, str(error)[:_SHOWN]) from None
    except (BotoCoreError, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise EndpointError(str(error)) from error


_BYPASS: Final = {"BypassGovernanceRetention": True}
_OWN: Final[Mapping[str, Callable[[Endpoint, Mapping[str, Any]], dict[str, Any]]]] = {
    "fetch": Endpoint.fetch,
    "presign": Endpoint.presign,
    "presign-post": Endpoint.presign_post,
    "empty-bucket": Endpoint.empty_bucket,
}


def _read(value: Any) -> Any:
    return value.read().decode(errors="replace") if isinstance(value, StreamingBody) else value
