"""What a bucket's listing of versions shows, in a form that tests can compare."""

from typing import Any


def enable(s3: Any, bucket: str) -> None:
    """Enable versioning."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def suspend(s3: Any, bucket: str) -> None:
    """Suspend versioning."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def put(s3: Any, bucket: str, key: str, body: bytes) -> str:
    """Store an object and return the id of its version, `null` if the answer has none."""
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId", "null"))


def read(s3: Any, bucket: str, key: str, version: str = "") -> bytes:
    """Return an object's bytes."""
    answer = s3.get_object(Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))
    return bytes(answer["Body"].read())


def versions(s3: Any, bucket: str, **asked: Any) -> list[tuple[str, str, bool]]:
    """Return key, id and `is latest` of all versions of a bucket, in the order of the answer."""
    answer = s3.list_object_versions(Bucket=bucket, **asked)
    return [(row["Key"], row["VersionId"], row["IsLatest"]) for row in answer.get("Versions", ())]


def markers(s3: Any, bucket: str, **asked: Any) -> list[tuple[str, str, bool]]:
    """Return key, id and `is latest` of all delete markers of a bucket."""
    answer = s3.list_object_versions(Bucket=bucket, **asked)
    return [(row["Key"], row["VersionId"], row["IsLatest"]) for row in answer.get("DeleteMarkers", ())]
