"""The unmodified AWS CLI: trees with unusual names, a file of 200 MB, presigned URLs."""

import filecmp
import os
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import AwsCli

pytestmark = pytest.mark.tool

NAMES = [
    "plain.txt",
    "with space.txt",
    "é/accent.txt",
    "日本語/キー.txt",
    "deep/er/est/x",
    "plus+plus",
    "100%.txt",
    "a;b,c",
]
YESTERDAY = time.time() - 86_400


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in NAMES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        # Sync sends a file of the same second again: it is newer than Last-Modified, which has whole seconds.
        os.utime(path, (YESTERDAY, YESTERDAY))
    return root


def same(left: Path, right: Path) -> bool:
    names = {str(path.relative_to(left)) for path in left.rglob("*") if path.is_file()}
    assert names == {str(path.relative_to(right)) for path in right.rglob("*") if path.is_file()}
    return all(filecmp.cmp(left / name, right / name, shallow=False) for name in names)


def test_a_tree_goes_and_comes(aws_cli: AwsCli, bucket: str, tree: Path, tmp_path: Path) -> None:
    aws_cli("s3", "cp", "--recursive", tree, f"s3://{bucket}/top/")
    aws_cli("s3", "cp", "--recursive", f"s3://{bucket}/top/", tmp_path / "back")
    assert same(tree, tmp_path / "back")
    assert aws_cli("s3", "sync", tree, f"s3://{bucket}/top/").stdout == ""
    (tree / "plain.txt").write_text("changed now")
    (tree / "with space.txt").unlink()
    told = aws_cli("s3", "sync", "--delete", "--no-progress", tree, f"s3://{bucket}/top/").stdout
    assert len(told.splitlines()) == 2
    aws_cli("s3", "sync", "--delete", f"s3://{bucket}/top/", tmp_path / "back")
    assert same(tree, tmp_path / "back")
    aws_cli("s3", "mv", "--recursive", f"s3://{bucket}/top/", f"s3://{bucket}/moved/")
    listed = aws_cli("s3", "ls", "--recursive", f"s3://{bucket}/").stdout
    assert len(listed.splitlines()) == len(NAMES) - 1
    assert "top/" not in listed
    aws_cli("s3", "rm", "--recursive", f"s3://{bucket}/")
    assert aws_cli("s3", "ls", "--recursive", f"s3://{bucket}/", check=False).stdout == ""


def test_a_file_of_200_megabytes(aws_cli: AwsCli, s3: Any, bucket: str, tmp_path: Path) -> None:
    there, back = tmp_path / "large", tmp_path / "back"
    with there.open("wb") as file:
        for _ in range(200):
            file.write(os.urandom(1 << 20))
    aws_cli("s3", "cp", "--no-progress", there, f"s3://{bucket}/large")
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-25"')
    aws_cli("s3", "cp", "--no-progress", f"s3://{bucket}/large", back)
    assert filecmp.cmp(there, back, shallow=False)
    aws_cli("s3", "cp", "--no-progress", f"s3://{bucket}/large", f"s3://{bucket}/copy")
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == 200 << 20


def test_a_bucket_by_the_command_line(aws_cli: AwsCli) -> None:
    from tests.support.names import unique

    name = unique("cli")
    aws_cli("s3", "mb", f"s3://{name}")
    aws_cli("s3api", "wait", "bucket-exists", "--bucket", name)
    assert name in aws_cli("s3", "ls").stdout
    aws_cli("s3", "rb", f"s3://{name}")


def test_a_presigned_link(aws_cli: AwsCli, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b/é", Body=b"linked")
    link = aws_cli("s3", "presign", f"s3://{bucket}/a b/é").stdout.strip()
    with urllib.request.urlopen(link) as answer:  # noqa: S310 - the gateway's own address
        assert answer.read() == b"linked"
