"""Tags of objects: given with the write or set later, copied, counted, limited, and deleted with the object."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from openstack.connection import Connection

from tests.s3.client_errors import refused
from tests.s3.multipart.test_multipart import complete, upload
from tests.support.names import unique

TAGS = {"colour": "dark red", "Größe": "a+b/ä", "empty": ""}
OTHERS = {"other": "1"}
# As much as S3 takes, which is more than Swift's metadata hold.
LARGEST = {f"{number}" + "k" * 127: "v" * 256 for number in range(10)}


def tag_set(tags: dict[str, str]) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tags_of(s3: Any, bucket: str, key: str = "k") -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}


def counted(s3: Any, bucket: str, key: str = "k") -> int | None:
    """Return x-amz-tagging-count, which must be the same on GET, HEAD and a range."""
    answers = (
        s3.get_object(Bucket=bucket, Key=key),
        s3.head_object(Bucket=bucket, Key=key),
        s3.get_object(Bucket=bucket, Key=key, Range="bytes=0-0"),
    )
    [count] = {answer.get("TagCount") for answer in answers}
    assert all(answer["Metadata"].keys() <= {"m"} for answer in answers)
    return count if count is None else int(count)


def records(connection: Connection, bucket: str) -> list[str]:
    """Return the names of a bucket's side records, from Swift."""
    answer = connection.object_store.get(f"/{bucket}+records?format=json")
    return [row["name"] for row in answer.json()] if answer.status_code == 200 else []


def test_tags_of_an_object(s3: Any, bucket: str) -> None:
    head = s3.put_object(Bucket=bucket, Key="k", Body=b"body", Metadata={"m": "1"}) and s3.head_object(
        Bucket=bucket, Key="k"
    )
    assert (tags_of(s3, bucket), counted(s3, bucket)) == ({}, None)
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(TAGS))
    assert (tags_of(s3, bucket), counted(s3, bucket)) == (TAGS, 3)
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(OTHERS))
    assert (tags_of(s3, bucket), counted(s3, bucket)) == (OTHERS, 1)
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert (tags_of(s3, bucket), counted(s3, bucket)) == ({}, None)
    after = s3.head_object(Bucket=bucket, Key="k")
    for name in ("LastModified", "ETag", "Metadata", "ContentType"):
        assert after[name] == head[name]


@pytest.mark.parametrize("size", [4, 2 << 20])
@pytest.mark.parametrize("tags", [TAGS, LARGEST], ids=["few", "largest"])
def test_tags_given_with_the_object(
    s3: Any, bucket: str, openstack_main: Connection, tags: dict[str, str], size: int
) -> None:
    given = {"Body": b"x" * size, "Metadata": {"m": "1" * 1000}, "Tagging": urlencode(tags)}
    s3.put_object(Bucket=bucket, Key="k", **given)
    assert (tags_of(s3, bucket), counted(s3, bucket)) == (tags, len(tags))
    assert bool(records(openstack_main, bucket)) is (tags is LARGEST)
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(OTHERS))
    assert (tags_of(s3, bucket), counted(s3, bucket)) == (OTHERS, 1)
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert (tags_of(s3, bucket), counted(s3, bucket)) == ({}, None)
    s3.put_object(Bucket=bucket, Key="k", **given, IfMatch=s3.head_object(Bucket=bucket, Key="k")["ETag"])
    assert tags_of(s3, bucket) == tags


@pytest.mark.parametrize("size", [4, 2 << 20])
def test_a_new_object_has_none_of_the_old_ones_tags(s3: Any, bucket: str, size: int) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(TAGS))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * size)
    assert (tags_of(s3, bucket), counted(s3, bucket)) == ({}, None)
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(OTHERS))
    assert tags_of(s3, bucket) == OTHERS


@pytest.mark.parametrize("tags", [TAGS, LARGEST], ids=["few", "largest"])
@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_a_copy_has_the_tags_of_its_source(s3: Any, bucket: str, tags: dict[str, str], later: bool) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging=urlencode({"old": "1"} if later else tags))
    if later:
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(tags))
    other = unique("other")
    s3.create_bucket(Bucket=other)
    copied: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, tags),
        ({"TaggingDirective": "COPY", "Tagging": "a=b"}, tags),
        ({"TaggingDirective": "COPY", "MetadataDirective": "REPLACE", "Tagging": "a=b"}, tags),
        ({"TaggingDirective": "REPLACE", "Tagging": "a=b"}, {"a": "b"}),
        ({"TaggingDirective": "REPLACE"}, {}),
    ]
    for asked, wanted in copied:
        s3.copy_object(Bucket=other, Key="copy", CopySource=f"{bucket}/k", **asked)
        assert (tags_of(s3, other, "copy"), counted(s3, other, "copy")) == (wanted, len(wanted) or None)
    s3.delete_object(Bucket=other, Key="copy")
    s3.delete_bucket(Bucket=other)


@pytest.mark.parametrize("tags", [TAGS, LARGEST], ids=["few", "largest"])
def test_tags_of_a_multipart_object(s3: Any, bucket: str, tags: dict[str, str]) -> None:
    upload_id, parts, _ = upload(s3, bucket, "k", (3,), Tagging=urlencode(tags), Metadata={"m": "1"})
    complete(s3, bucket, "k", upload_id, parts)
    assert (tags_of(s3, bucket), counted(s3, bucket)) == (tags, len(tags))
    assert complete(s3, bucket, "k", upload_id, parts)["ETag"]  # once more, as after a lost answer
    assert tags_of(s3, bucket) == tags


@pytest.mark.parametrize("many", [False, True], ids=["DeleteObject", "DeleteObjects"])
def test_records_go_with_their_objects(s3: Any, bucket: str, openstack_main: Connection, many: bool) -> None:
    keys = ["a", "a!", "a/b", "a/null", "z", "ä" * 512]
    for number, key in enumerate([*keys, "stays"]):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        s3.put_object_tagging(Bucket=bucket, Key=key, Tagging=tag_set({"of": str(number)}))
    assert len(records(openstack_main, bucket)) == 7
    for number, key in enumerate([*keys, "stays"]):
        assert tags_of(s3, bucket, key) == {"of": str(number)}
    if many:
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    else:
        for key in keys:
            s3.delete_object(Bucket=bucket, Key=key)
    assert records(openstack_main, bucket) == ["stays/null"]
    assert tags_of(s3, bucket, "stays") == {"of": "6"}


def test_records_go_with_their_bucket(s3: Any, openstack_main: Connection) -> None:
    name = unique("tagged")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    s3.put_object_tagging(Bucket=name, Key="k", Tagging=tag_set(TAGS))
    assert records(openstack_main, name)
    openstack_main.object_store.delete(f"/{name}/k")
    s3.delete_bucket(Bucket=name)
    assert not [one.name for one in openstack_main.object_store.containers() if one.name.startswith(name)]


def test_what_swifts_own_users_do(s3: Any, bucket: str, openstack_main: Connection) -> None:
    """An object that Swift's own users store again, or describe anew, has none of the tags that it had."""
    store = openstack_main.object_store
    store.put(f"/{bucket}/k", data=b"body")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(TAGS))
    assert tags_of(s3, bucket) == TAGS
    store.put(f"/{bucket}/k", data=b"body")
    assert (tags_of(s3, bucket), counted(s3, bucket)) == ({}, None)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=b")
    store.post(f"/{bucket}/k", headers={"X-Object-Meta-M": "1"})
    assert (tags_of(s3, bucket), counted(s3, bucket)) == ({}, None)
    store.put(f"/{bucket}+records/k/null", data=b"broken")
    with refused("InternalError", 500):
        s3.get_object_tagging(Bucket=bucket, Key="k")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(TAGS))
    assert tags_of(s3, bucket) == TAGS


def test_what_is_missing(s3: Any, bucket: str) -> None:
    for ask in (s3.get_object_tagging, s3.delete_object_tagging):
        with refused("NoSuchKey", 404):
            ask(Bucket=bucket, Key="k")
        with refused("NoSuchBucket", 404):
            ask(Bucket=unique("absent"), Key="k")
        with refused("NoSuchVersion", 404):
            ask(Bucket=bucket, Key="k", VersionId="1000000000.00000")
    with refused("NoSuchKey", 404):
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set(TAGS))


@pytest.mark.parametrize(
    ("header", "code", "message"),
    [
        ("&".join(f"k{number}=v" for number in range(11)), "InvalidTag", "Object tags cannot be greater than 10"),
        ("a=1&a=2", "InvalidArgument", "The header 'x-amz-tagging' shall be encoded as UTF-8"),
        ("=1", "InvalidArgument", "The header 'x-amz-tagging' shall be encoded as UTF-8"),
        ("a=%zz", "InvalidArgument", "The header 'x-amz-tagging' shall be encoded as UTF-8"),
        ("a=%ff", "InvalidArgument", "The header 'x-amz-tagging' shall be encoded as UTF-8"),
        ("k" * 129 + "=1", "InvalidTag", "The TagKey you have provided is invalid"),
        ("k=" + "v" * 257, "InvalidTag", "The TagValue you have provided is invalid"),
        ("aws:k=v", "InvalidTag", "Your TagKey cannot be prefixed with aws:"),
    ],
)
def test_tags_that_are_refused(s3: Any, bucket: str, header: str, code: str, message: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    asks: tuple[Callable[[], Any], ...] = (
        lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging=header),
        lambda: s3.create_multipart_upload(Bucket=bucket, Key="k", Tagging=header),
        lambda: s3.copy_object(
            Bucket=bucket, Key="k", CopySource=f"{bucket}/source", TaggingDirective="REPLACE", Tagging=header
        ),
    )
    for ask in asks:
        with refused(code, 400) as seen:
            ask()
        assert seen["Message"].startswith(message)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["source"]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_too_many_tags_set_later(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=b")
    with refused("InvalidTag", 400) as seen:
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tag_set({str(number): "" for number in range(11)}))
    assert seen["Message"] == "Object tags cannot be greater than 10"
    assert tags_of(s3, bucket) == {"a": "b"}
