"""RestoreObject and the other operations for which S3 has no meaning here."""

from typing import Any

import pytest

from tests.s3.client_errors import refused


def test_an_object_that_is_not_archived_cannot_be_restored(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"body")
    with refused("InvalidObjectState", 403):
        s3.restore_object(Bucket=bucket, Key="k", RestoreRequest={"Days": 1})
    with refused("NoSuchKey", 404):
        s3.restore_object(Bucket=bucket, Key="absent", RestoreRequest={"Days": 1})


@pytest.mark.parametrize(
    "ask",
    [
        lambda s3, b: s3.get_object_torrent(Bucket=b, Key="k"),
        lambda s3, b: s3.put_bucket_abac(Bucket=b, AbacStatus={"Status": "Enabled"}),
        lambda s3, b: s3.rename_object(Bucket=b, Key="k", RenameSource="/b/k"),
        lambda s3, b: s3.select_object_content(
            Bucket=b,
            Key="k",
            Expression="SELECT * FROM s3object",
            ExpressionType="SQL",
            InputSerialization={"CSV": {}},
            OutputSerialization={"CSV": {}},
        ),
    ],
)
def test_what_has_no_meaning_here_is_refused_by_name(s3: Any, bucket: str, ask: Any) -> None:
    with refused("NotImplemented", 501):
        ask(s3, bucket)
