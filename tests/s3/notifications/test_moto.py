"""The configuration of notifications as moto has it: the same documents are taken and returned."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.s3.notifications.conftest import Stage
from tests.support.moto_server import moto_clients
from tests.support.names import unique

SORTS = (("Topic", "TopicArn"), ("Queue", "QueueArn"), ("LambdaFunction", "LambdaFunctionArn"))


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    """A client of moto."""
    with moto_clients() as clients:
        yield clients("s3")


@pytest.fixture
def both(client: Any, moto: Any, source: str) -> Any:
    """Return a function that puts a document at both, and returns what each then returns, or its error's code."""
    other = unique("moto")
    moto.create_bucket(Bucket=other)

    def put(document: dict[str, Any]) -> tuple[Any, Any]:
        return told(client, source, document), told(moto, other, document)

    return put


def told(client: Any, bucket: str, document: dict[str, Any]) -> Any:
    try:
        client.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=document, SkipDestinationValidation=True
        )
    except ClientError as error:
        return error.response["Error"]["Code"]
    answer = client.get_bucket_notification_configuration(Bucket=bucket)
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_moto_returns_the_same(both: Any, stage: Stage) -> None:
    ends = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]
    for (sort, member), arn in zip(SORTS, (stage.topic, stage.queue, stage.function), strict=True):
        one = {"Id": "mine", member: arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"]}
        for document in (
            {f"{sort}Configurations": [one]},
            {f"{sort}Configurations": [{**one, "Filter": {"Key": {"FilterRules": ends}}}]},
            {},
        ):
            ours, theirs = both(document)
            assert ours == theirs == document
