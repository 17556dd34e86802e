"""The CLI's commands of its own for S3 (`aws s3 cp`): the operations that each makes, and their parameters.

The parameters are mapped by the CLI's own functions.  A transfer counts with the calls of a small object and with those
of a large one in parts.  https://docs.aws.amazon.com/cli/latest/topic/s3-config.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from awscli.customizations.s3.utils import RequestParamsMapper, find_bucket_key

from assess import sdk
from assess.shell.cli import Asked, UnfollowedError, known, parse
from assess.shell.words import PLACEHOLDER, Word

_S3: Final = "s3://"
_MAPPED: Final[Mapping[str, Callable[[dict[str, Any], dict[str, Any]], None]]] = MappingProxyType(
    {
        "PutObject": RequestParamsMapper.map_put_object_params,
        "GetObject": RequestParamsMapper.map_get_object_params,
        "CopyObject": RequestParamsMapper.map_copy_object_params,
        "HeadObject": RequestParamsMapper.map_head_object_params,
        "CreateMultipartUpload": RequestParamsMapper.map_create_multipart_upload_params,
        "UploadPart": RequestParamsMapper.map_upload_part_params,
        "UploadPartCopy": RequestParamsMapper.map_upload_part_copy_params,
        "DeleteObject": RequestParamsMapper.map_delete_object_params,
        "ListObjectsV2": RequestParamsMapper.map_list_objects_v2_params,
    }
)
_BUCKET_ONLY: Final = frozenset({"ListObjectsV2", "CreateBucket", "DeleteBucket", "PutBucketWebsite"})
# By whether the source, and the target, is S3's.
_TRANSFERS: Final = MappingProxyType({(False, True): "upload", (True, False): "download", (True, True): "copy"})
_OF_SOURCE: Final = frozenset({"GetObject", "HeadObject"})


def asked(words: Sequence[Word], command: Any, *, complete: bool) -> Iterator[Asked]:
    """Yield the calls of an `aws s3` command."""
    name = words[0].text if words else ""
    found = command.subcommand_table.get(name)
    if found is None:
        raise UnfollowedError("`aws s3` has no command of this name")
    found._build_subcommand_table()  # noqa: SLF001 - it is what adds the options of `sync`
    values = vars(parse(found.arg_table, words[1:]))
    paths = values.get("paths") or values.get("path") or []
    paths = [paths] if isinstance(paths, str) else list(paths)
    for operation, path in _calls(name, paths, values):
        params: dict[str, Any] = {}
        bucket, key = find_bucket_key(path.removeprefix(_S3))
        if bucket:
            params["Bucket"] = bucket
        if operation not in _BUCKET_ONLY and bucket:
            params["Key"] = PLACEHOLDER if not key or key.endswith("/") or values.get("dir_op") else key
        if operation in _MAPPED:
            _MAPPED[operation](params, values)
        if operation in ("CopyObject", "UploadPartCopy"):
            params["CopySource"] = PLACEHOLDER
        if operation == "PutBucketWebsite":
            params["WebsiteConfiguration"] = _website(values)
        plain, whole = known(params)
        yield Asked("s3", operation, plain, complete and whole, readable=False)


def _calls(name: str, paths: list[str], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the operations of a command, each with the path that it is about."""
    if name in ("cp", "mv", "sync"):
        yield from _transfer(name, paths, values)
        return
    path = paths[0] if paths else _S3
    many = values.get("dir_op") or values.get("force")
    for operation in {
        "ls": ["ListBuckets" if path.removeprefix(_S3) == "" else "ListObjectsV2"],
        "mb": ["CreateBucket"],
        "rm": ["ListObjectsV2", "DeleteObject"] if many else ["DeleteObject"],
        "rb": ["ListObjectsV2", "DeleteObject", "DeleteBucket"] if many else ["DeleteBucket"],
        "presign": ["GetObject"],
        "website": ["PutBucketWebsite"],
    }[name]:
        yield operation, path


def _transfer(name: str, paths: list[str], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if len(paths) != 2 or any(path.startswith(PLACEHOLDER) for path in paths):
        raise UnfollowedError("whether a path is a file's or S3's is known only when it runs")
    source, target = paths
    from_s3, to_s3 = source.startswith(_S3), target.startswith(_S3)
    kind = _TRANSFERS.get((from_s3, to_s3))
    if kind is None:
        raise UnfollowedError("none of the paths is S3's")
    lists = name == "sync" or values.get("dir_op")
    if name == "sync" and to_s3:
        yield "ListObjectsV2", target
    for operation in sdk.TRANSFERS[kind]:
        own = "ListObjectsV2" if lists and operation == "HeadObject" else operation
        yield own, source if operation in _OF_SOURCE else target
    if name == "mv" and from_s3:
        yield "DeleteObject", source
    if name == "sync" and to_s3 and values.get("delete"):
        yield "DeleteObject", target


def _website(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if values.get("index_document"):
        found["IndexDocument"] = {"Suffix": values["index_document"]}
    if values.get("error_document"):
        found["ErrorDocument"] = {"Key": values["error_document"]}
    return found
