"""A user who has the role `reader` alone is refused what changes something, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from openstack.connection import Connection

from shim.app import FRONTENDS
from tests.conftest import remove_bucket
from tests.security.requests import minimal
from tests.support.clients import Boto
from tests.support.names import unique

S3 = FRONTENDS["s3"].service
CHANGES = sorted(name for name in S3.handlers if S3.operations[name].mutating)


# Configurations that the bucket has: a request for each must be valid, else it is refused for that.
CONFIGURED: dict[str, dict[str, Any]] = {
    "Cors": {"CORSConfiguration": {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}},
    "Tagging": {"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}},
    "Website": {"WebsiteConfiguration": {"IndexDocument": {"Suffix": "index.html"}}},
}
GIVEN: dict[str, dict[str, Any]] = {
    **{f"PutBucket{name}": asked for name, asked in CONFIGURED.items()},
    "CopyObject": {"MetadataDirective": "REPLACE"},
    "PutBucketAcl": {"ACL": "private"},
    "PutBucketRequestPayment": {"RequestPaymentConfiguration": {"Payer": "BucketOwner"}},
    "PutBucketVersioning": {"VersioningConfiguration": {"Status": "Enabled"}},
    "PutObjectAcl": {"ACL": "private"},
}
# Requests that nobody may make of this bucket, or that have nothing to change.
WITHOUT_EFFECT = frozenset(
    (
        *("done", "InvalidObjectState", "InvalidRequest", "InvalidTargetBucketForLogging", "MalformedPolicy"),
        *("MalformedXML", "NoSuchConfiguration", "NotImplemented"),
    )
)


@pytest.fixture(scope="module")
def place(aws: Boto) -> Iterator[dict[str, Any]]:
    """What requests name: a bucket that has what they change."""
    s3, bucket = aws("s3"), unique("readers")
    s3.create_bucket(Bucket=bucket)
    for name, asked in CONFIGURED.items():
        getattr(s3, f"put_bucket_{name.lower()}")(Bucket=bucket, **asked)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=b")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    etag = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    yield {
        "Bucket": bucket,
        "Key": "k",
        "UploadId": upload,
        "CopySource": f"{bucket}/k",
        "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]},
        "Delete": {"Objects": [{"Key": "k"}]},
    }
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    remove_bucket(s3, bucket)


def seen(connection: Connection) -> dict[str, Any]:
    """Return all that Swift has in the project: its containers with their metadata, and their objects."""
    store, found = connection.object_store, {}
    for container in store.containers():
        told = store.head(f"/{container.name}").headers
        metadata = {name: value for name, value in told.items() if name.lower().startswith("x-container-")}
        objects = [(one.name, one.etag, one.last_modified_at) for one in store.objects(container.name)]
        found[container.name] = metadata, objects
    return found


def answer(s3: Any, name: str, params: dict[str, Any]) -> str:
    try:
        told = getattr(s3, xform_name(name))(**params)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return str(told["Errors"][0]["Code"]) if told.get("Errors") else "done"


def test_a_reader_changes_nothing_in_its_own_project(
    reader_aws: Boto, place: dict[str, Any], openstack_main: Connection
) -> None:
    """Swift knows the role, and refuses each change."""
    reader, found = reader_aws("s3", "reader"), {}
    assert reader.get_object(Bucket=place["Bucket"], Key="k")["Body"].read() == b"x"
    before = seen(openstack_main)
    for name in CHANGES:
        shape = S3.model.operation_model(name).input_shape
        named = {member: value for member, value in place.items() if shape and member in shape.members}
        found[name] = answer(reader, name, {**minimal(shape), **named, **GIVEN.get(name, {})})
    assert seen(openstack_main) == before
    assert {name: code for name, code in found.items() if code not in WITHOUT_EFFECT | {"AccessDenied"}} == {}
    objects = {name for name in CHANGES if "Object" in name or "Upload" in name}
    without = {name for name in objects if found[name] != "AccessDenied"}
    assert without == {"PutObjectLegalHold", "PutObjectLockConfiguration", "PutObjectRetention", "RestoreObject"}
    assert {f"{verb}Bucket{name}": "AccessDenied" for name in CONFIGURED for verb in ("Put", "Delete")}.items() <= (
        found.items()
    )
