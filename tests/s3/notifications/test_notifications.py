"""Event notifications on the real Swift: configured by S3, delivered to a webhook."""

import hashlib
import hmac
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import urllib3
from botocore import UNSIGNED

from tests.s3.client_errors import refused
from tests.s3.notifications.conftest import SECRET, Process, Stage
from tests.support.clients import Boto
from tests.support.gateway import Gateway, environment
from tests.support.gateway import gateway as run_gateway
from tests.support.wire import get

EVERYTHING = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put"]
PART = b"p" * (5 << 20)


def configure(client: Any, bucket: str, arn: str, *events: str, skip: bool = True, **more: Any) -> None:
    """Send events of a bucket to a topic."""
    topic = {"TopicArn": arn, "Events": list(events or EVERYTHING), "Id": "mine", **more}
    client.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"TopicConfigurations": [topic]}, SkipDestinationValidation=skip
    )


def named(records: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(record["eventName"], record["s3"]["object"]["key"]) for record in records]


def in_order(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: record["s3"]["object"].get("sequencer", ""))


@pytest.mark.usefixtures("delivering")
class TestDelivered:
    """What a webhook gets."""

    def test_a_record_has_awss_form(
        self, client: Any, clients: Boto, noting: Gateway, stage: Stage, source: str, openstack_main: Any
    ) -> None:
        configure(client, source, stage.topic, "s3:ObjectCreated:Put")
        answer = client.put_object(Bucket=source, Key="a dir/ä+b.txt", Body=b"12345")
        (record,) = stage.receiver.events(1, source)
        at = datetime.fromisoformat(record.pop("eventTime"))
        assert abs((datetime.now(UTC) - at).total_seconds()) < 600
        thing = record["s3"].pop("object")
        assert re.fullmatch("[0-9A-F]{18}", thing.pop("sequencer"))
        assert thing == {"key": "a+dir/%C3%A4%2Bb.txt", "size": 5, "eTag": answer["ETag"].strip('"')}
        user = clients("sts").get_caller_identity()["UserId"]
        told = answer["ResponseMetadata"]["HTTPHeaders"]
        assert record == {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": f"AWS:{user}"},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"x-amz-request-id": told["x-amz-request-id"], "x-amz-id-2": told["x-amz-id-2"]},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "mine",
                "bucket": {
                    "name": source,
                    "ownerIdentity": {"principalId": openstack_main.current_project_id},
                    "arn": f"arn:aws:s3:::{source}",
                },
            },
        }

    def test_every_way_to_write_is_an_event(self, client: Any, stage: Stage, source: str) -> None:
        configure(client, source, stage.topic)
        client.put_object(Bucket=source, Key="put", Body=b"1")
        copied = client.copy_object(Bucket=source, Key="copy", CopySource=f"{source}/put")
        form = client.generate_presigned_post(source, "post")
        urllib3.request("POST", form["url"], fields=[*form["fields"].items(), ("file", ("f", b"123"))])
        upload = client.create_multipart_upload(Bucket=source, Key="parts")["UploadId"]
        which = {"Bucket": source, "Key": "parts", "UploadId": upload}
        etags = [
            client.upload_part(**which, PartNumber=number, Body=body)["ETag"]
            for number, body in ((1, PART), (2, b"the end"))
        ]
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        done = client.complete_multipart_upload(**which, MultipartUpload={"Parts": parts})
        found = in_order(stage.receiver.events(4, source))
        assert named(found) == [
            ("ObjectCreated:Put", "put"),
            ("ObjectCreated:Copy", "copy"),
            ("ObjectCreated:Post", "post"),
            ("ObjectCreated:CompleteMultipartUpload", "parts"),
        ]
        assert [record["s3"]["object"]["size"] for record in found] == [1, 1, 3, len(PART) + 7]
        assert found[1]["s3"]["object"]["eTag"] == copied["CopyObjectResult"]["ETag"].strip('"')
        assert found[3]["s3"]["object"]["eTag"] == done["ETag"].strip('"')

    def test_a_completion_that_is_repeated_is_noted_again(self, client: Any, stage: Stage, source: str) -> None:
        configure(client, source, stage.topic)
        upload = client.create_multipart_upload(Bucket=source, Key="k")["UploadId"]
        which = {"Bucket": source, "Key": "k", "UploadId": upload}
        etag = client.upload_part(**which, PartNumber=1, Body=b"all")["ETag"]
        for _ in range(2):
            client.complete_multipart_upload(**which, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        found = stage.receiver.events(2, source)
        assert [one["s3"]["object"]["size"] for one in found] == [3, 3]

    def test_deletions_tags_and_acls_are_events(self, client: Any, stage: Stage, source: str) -> None:
        configure(client, source, stage.topic, "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put")
        etag = client.put_object(Bucket=source, Key="k", Body=b"1")["ETag"].strip('"')
        client.put_object_tagging(Bucket=source, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        client.delete_object_tagging(Bucket=source, Key="k")
        client.put_object_acl(Bucket=source, Key="k", ACL="bucket-owner-full-control")
        client.delete_object(Bucket=source, Key="k")
        keys = [{"Key": "x"}, {"Key": "y"}]
        client.delete_objects(Bucket=source, Delete={"Objects": [*keys, {"Key": "x"}]})
        found = stage.receiver.events(6, source)
        assert sorted(named(found)) == [
            ("ObjectAcl:Put", "k"),
            ("ObjectRemoved:Delete", "k"),
            ("ObjectRemoved:Delete", "x"),
            ("ObjectRemoved:Delete", "y"),
            ("ObjectTagging:Delete", "k"),
            ("ObjectTagging:Put", "k"),
        ]
        for record in found:
            thing = record["s3"]["object"]
            removed = record["eventName"].startswith("ObjectRemoved")
            assert record["eventVersion"] == ("2.1" if removed else "2.3")
            assert thing.get("eTag") == (None if removed else etag)
            assert ("sequencer" in thing) == removed

    def test_versions_are_named(self, client: Any, stage: Stage, source: str) -> None:
        client.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
        configure(client, source, stage.topic)
        version = client.put_object(Bucket=source, Key="k", Body=b"1")["VersionId"]
        marker = client.delete_object(Bucket=source, Key="k")["VersionId"]
        client.delete_object(Bucket=source, Key="k", VersionId=version)
        deleted = client.delete_objects(
            Bucket=source, Delete={"Objects": [{"Key": "k", "VersionId": marker}, {"Key": "other"}]}
        )["Deleted"]
        other = next(one["DeleteMarkerVersionId"] for one in deleted if one["Key"] == "other")
        found = stage.receiver.events(5, source)
        assert {(one["eventName"], one["s3"]["object"]["versionId"]) for one in found} == {
            ("ObjectCreated:Put", version),
            ("ObjectRemoved:DeleteMarkerCreated", marker),
            ("ObjectRemoved:Delete", version),
            ("ObjectRemoved:Delete", marker),
            ("ObjectRemoved:DeleteMarkerCreated", other),
        }

    def test_filters_choose_the_keys(self, client: Any, stage: Stage, source: str) -> None:
        rules = [{"Name": "Prefix", "Value": "in+a%2Fb/"}, {"Name": "suffix", "Value": ".jpg"}]
        configure(client, source, stage.topic, Filter={"Key": {"FilterRules": rules}})
        for key in ("in a/b/1.jpg", "in a/b/2.png", "out/3.jpg", "in a/b/4.jpg"):
            client.put_object(Bucket=source, Key=key, Body=b"")
        found = stage.receiver.events(2, source)
        assert sorted(one["s3"]["object"]["key"] for one in found) == ["in+a/b/1.jpg", "in+a/b/4.jpg"]

    def test_each_sort_of_destination_gets_its_events(self, client: Any, stage: Stage, source: str) -> None:
        client.put_bucket_notification_configuration(
            Bucket=source,
            NotificationConfiguration={
                "QueueConfigurations": [{"QueueArn": stage.queue, "Events": ["s3:ObjectCreated:*"]}],
                "LambdaFunctionConfigurations": [
                    {"LambdaFunctionArn": stage.function, "Events": ["s3:ObjectRemoved:Delete"]}
                ],
            },
            SkipDestinationValidation=True,
        )
        client.put_object(Bucket=source, Key="k", Body=b"")
        client.delete_object(Bucket=source, Key="k")
        stage.receiver.events(2, source)
        (signed,) = [one for one in stage.receiver.received if one.path.endswith("/signed") and source in str(one.body)]
        told = re.fullmatch("t=([0-9]+),v1=([0-9a-f]{64})", signed.headers["x-passerelle-signature"])
        assert told
        wanted = hmac.new(SECRET.encode(), told[1].encode() + b"." + signed.body, hashlib.sha256).hexdigest()
        assert told[2] == wanted
        (other,) = [one for one in stage.receiver.received if one.path == "/hook" and source in str(one.body)]
        assert "x-passerelle-signature" not in other.headers

    def test_what_is_refused_or_nobodys_business_is_no_event(self, client: Any, stage: Stage, source: str) -> None:
        configure(client, source, stage.topic)
        with refused("BadDigest", 400):
            client.put_object(Bucket=source, Key="k", Body=b"1", ContentMD5="MTIzNDU2Nzg5MDEyMzQ1Ng==")
        with refused("NoSuchKey", 404):
            client.put_object_tagging(Bucket=source, Key="k", Tagging={"TagSet": []})
        client.list_objects_v2(Bucket=source)
        client.put_object(Bucket=source, Key="last", Body=b"")
        assert named(stage.receiver.events(1, source)) == [("ObjectCreated:Put", "last")]

    def test_a_new_destination_is_sent_a_test_event(self, client: Any, stage: Stage, source: str) -> None:
        configure(client, source, stage.topic, skip=False)

        def found() -> list[Any]:
            return [one for one in stage.receiver.taken if one.get("Bucket") == source]

        (event,) = stage.receiver.wait(found)
        assert event.keys() == {"Service", "Event", "Time", "Bucket", "RequestId", "HostId"}
        assert event["Event"] == "s3:TestEvent"

    def test_a_stranger_is_named_as_the_one_who_did_it(
        self, client: Any, clients: Boto, stage: Stage, source: str
    ) -> None:
        configure(client, source, stage.topic)
        client.put_public_access_block(Bucket=source, PublicAccessBlockConfiguration={"BlockPublicPolicy": False})
        statement = f'{{"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::{source}/*"}}'
        client.put_bucket_policy(Bucket=source, Policy=f'{{"Version":"2012-10-17","Statement":[{statement}]}}')
        clients("s3", "alt").put_object(Bucket=source, Key="alt", Body=b"")
        clients("s3", signature_version=UNSIGNED).put_object(Bucket=source, Key="nobody", Body=b"")
        by_key = {one["s3"]["object"]["key"]: one for one in stage.receiver.events(2, source)}
        user = clients("sts", "alt").get_caller_identity()["UserId"]
        assert by_key["alt"]["userIdentity"] == {"principalId": f"AWS:{user}"}
        assert by_key["nobody"]["userIdentity"] == {"principalId": "Anonymous"}

    def test_a_webhook_that_is_down_keeps_nobody_else_waiting(
        self, client: Any, clients: Boto, delivering: Process, stage: Stage, source: str
    ) -> None:
        configure(client, source, stage.silent, Filter={"Key": {"FilterRules": [{"Name": "prefix", "Value": "a"}]}})
        for number in range(30):
            client.put_object(Bucket=source, Key=f"a{number}", Body=b"")
        configure(client, source, stage.everybodys)
        client.put_object(Bucket=source, Key="b", Body=b"")
        assert named(stage.receiver.events(1, source)) == [("ObjectCreated:Put", "b")]


def test_the_document_is_returned_and_ended(client: Any, stage: Stage, source: str) -> None:
    def told() -> dict[str, Any]:
        answer = client.get_bucket_notification_configuration(Bucket=source)
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    rules = [{"Name": "prefix", "Value": "a/"}, {"Name": "suffix", "Value": ".b"}]
    topic = {"TopicArn": stage.topic, "Events": ["s3:ObjectCreated:Put"], "Filter": {"Key": {"FilterRules": rules}}}
    queue = {"Id": "q", "QueueArn": stage.queue, "Events": ["s3:ObjectRemoved:*", "s3:ObjectAcl:Put"]}
    client.put_bucket_notification_configuration(
        Bucket=source,
        NotificationConfiguration={"TopicConfigurations": [topic], "QueueConfigurations": [queue]},
        SkipDestinationValidation=True,
    )
    found = told()
    assert found["TopicConfigurations"][0].pop("Id")
    assert found == {"TopicConfigurations": [topic], "QueueConfigurations": [queue]}
    client.put_bucket_notification_configuration(Bucket=source, NotificationConfiguration={})
    assert told() == {}


def test_a_client_may_name_only_its_own_destinations(client: Any, clients: Boto, stage: Stage, source: str) -> None:
    for arn in (stage.strangers, stage.topic + "x", "arn:aws:sns:us-east-1::http://127.0.0.1"):
        with refused("InvalidArgument", 400) as error:
            configure(client, source, arn)
        assert error["Message"] == "Unable to validate the following destination configurations"
    for arn in ("http://127.0.0.1/", stage.queue, ""):
        with refused("InvalidArgument", 400) as error:
            configure(client, source, arn)
        assert error["Message"] == "The ARN is not well formed"
    with refused("NotImplemented", 501):
        client.put_bucket_notification_configuration(
            Bucket=source, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    with refused("NoSuchBucket", 404):
        configure(client, f"{source}-none", stage.topic)
    with refused("AccessDenied", 403):
        configure(clients("s3", "alt"), source, stage.topic)


def test_notifications_wait_for_the_receiver(client: Any, stage: Stage, source: str) -> None:
    configure(client, source, stage.topic)
    client.put_object(Bucket=source, Key="before", Body=b"")
    stage.receiver.answer = lambda content: 500 if source in str(content) else 200
    with stage.notify():
        client.put_object(Bucket=source, Key="meanwhile", Body=b"")
        stage.receiver.wait(lambda: [one for one in stage.receiver.received if one.status == 500][3:])
        assert not [one for one in stage.receiver.records if one["s3"]["bucket"]["name"] == source]
        stage.receiver.answer = lambda _: 200
        found = stage.receiver.events(2, source)
    assert {key for _, key in named(found)} == {"before", "meanwhile"}


def test_what_lifecycle_rules_delete_is_an_event(client: Any, stage: Stage, source: str) -> None:
    configure(client, source, stage.topic, "s3:LifecycleExpiration:*", "s3:ObjectRemoved:*")
    client.put_object(Bucket=source, Key="plain", Body=b"1")
    rule: dict[str, Any] = {"ID": "all", "Filter": {"Prefix": ""}, "Status": "Enabled", "Expiration": {"Days": 1}}
    client.put_bucket_lifecycle_configuration(Bucket=source, LifecycleConfiguration={"Rules": [rule]})
    sweep(stage)
    client.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    version = client.put_object(Bucket=source, Key="versioned", Body=b"1")["VersionId"]
    sweep(stage)
    rule |= {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}}
    client.put_bucket_lifecycle_configuration(Bucket=source, LifecycleConfiguration={"Rules": [rule]})
    sweep(stage)
    with stage.notify():
        found = in_order(stage.receiver.events(3, source))
    assert [(one["eventName"], one["s3"]["object"]["key"]) for one in found[:3]] == [
        ("LifecycleExpiration:Delete", "plain"),
        ("LifecycleExpiration:DeleteMarkerCreated", "versioned"),
        ("LifecycleExpiration:Delete", "versioned"),
    ]
    assert found[2]["s3"]["object"]["versionId"] == version
    assert {one["userIdentity"]["principalId"] for one in found} == {"s3.amazonaws.com"}
    assert {one["requestParameters"]["sourceIPAddress"] for one in found} == {"s3.amazonaws.com"}


def sweep(stage: Stage) -> None:
    """Sweep once, when a day of half a second has passed."""
    time.sleep(1.1)
    settings = stage.settings | {"lifecycle_day_seconds": "0.5"}
    command = [sys.executable, "-m", "shim", "sweep", "--cloud", stage.target.cloud, "--once"]
    done = subprocess.run(command, env=environment(stage.target, settings), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_killed_gateway_and_a_killed_deliverer_lose_nothing(stage: Stage, client: Any, source: str) -> None:
    configure(client, source, stage.topic)
    wanted = {str(number) for number in range(20)}
    stage.receiver.answer = lambda content: 503 if source in str(content) else 200
    with run_gateway(stage.target, "killed", settings=stage.settings) as second:
        own = Boto(second.url, dict(stage.target.keys))
        for number in wanted:
            own("s3").put_object(Bucket=source, Key=number, Body=b"")
        second.process.kill()
        second.process.wait()
        own.close()
        with stage.notify() as first:
            stage.receiver.wait(lambda: [one for one in stage.receiver.received if one.status == 503])
            first.process.kill()
            first.process.wait()
    stage.receiver.answer = lambda _: 200
    with stage.notify():
        stage.receiver.wait(lambda: {key for _, key in named(stage.receiver.events(1, source))} == wanted)


def test_the_metrics_tell(client: Any, noting: Gateway, stage: Stage, source: str) -> None:
    configure(client, source, stage.topic)
    client.put_object(Bucket=source, Key="k", Body=b"")
    text = get(f"{noting.metrics_url}/metrics")[2].decode()
    found = re.search(
        rf'passerelle_notifications_total{{destination="{stage.topic}",outcome="stored"}} ([0-9.]+)', text
    )
    assert found
    assert float(found[1]) >= 1
