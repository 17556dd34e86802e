"""Access logs on the real Swift: configured by S3, delivered into a bucket, read by S3 and natively."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from tests.conftest import WEBSITES, remove_bucket
from tests.s3.access_log.test_lines import FIELD
from tests.s3.client_errors import refused
from tests.support.clients import Boto
from tests.support.gateway import Gateway
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target
from tests.support.wire import get

SECONDS = 60.0  # that a delivery may take on a busy machine; its interval is a fraction of a second


@pytest.fixture(scope="module")
def delivering(cloud: Target) -> Iterator[Gateway]:
    """A gateway that delivers at once."""
    settings = {"access_log_seconds": "0.2", "s3_website_hosts": f'["{WEBSITES}"]'}
    with run_gateway(cloud, "access-log", settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def client(delivering: Gateway, cloud: Target) -> Iterator[Any]:
    clients = Boto(delivering.url, dict(cloud.keys))
    yield clients("s3")
    clients.close()


@pytest.fixture
def target(client: Any) -> Iterator[str]:
    name = unique("logs")
    client.create_bucket(Bucket=name)
    yield name
    remove_bucket(client, name)


@pytest.fixture
def source(client: Any, target: str) -> Iterator[str]:
    """A bucket whose log goes to `target`; it is ended before the target goes."""
    name = unique("source")
    client.create_bucket(Bucket=name)
    begin(client, name, target)
    yield name
    client.put_bucket_logging(Bucket=name, BucketLoggingStatus={})
    remove_bucket(client, name)


def begin(client: Any, bucket: str, target: str, **more: Any) -> dict[str, Any]:
    """Begin a bucket's log."""
    enabled = {"TargetBucket": target, "TargetPrefix": "log/", **more}
    client.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled})
    return enabled


def delivered(client: Any, target: str, *request_ids: str) -> dict[str, list[str]]:
    """Wait until the requests are in the log; return the fields of each by its id."""
    deadline = time.monotonic() + SECONDS
    while True:
        found: dict[str, list[str]] = {}
        for row in client.list_objects_v2(Bucket=target).get("Contents", ()):
            for text in client.get_object(Bucket=target, Key=row["Key"])["Body"].read().decode().splitlines():
                fields = FIELD.findall(text)
                found[fields[5]] = [row["Key"], *fields]
        if found.keys() >= set(request_ids):
            return {name: found[name] for name in request_ids}
        assert time.monotonic() < deadline, f"the log has {sorted(found)}, not {sorted(request_ids)}"
        time.sleep(0.2)


def refusal(call: Any, **params: Any) -> str:
    """Return the id of a request that is refused."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    return str(caught.value.response["ResponseMetadata"]["RequestId"])


def test_refused_requests_are_in_the_log(
    client: Any, delivering: Gateway, cloud: Target, source: str, target: str
) -> None:
    clients = Boto(delivering.url, dict(cloud.keys))
    alt, nobody = clients("s3", "alt"), clients("s3", signature_version=UNSIGNED)
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{source}/*"}
    client.put_bucket_policy(Bucket=source, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    try:
        made = [refusal(one.get_object, Bucket=source, Key="k") for one in (client, alt, nobody)]
        found = delivered(client, target, *made)
        for request_id, requester in zip(made, ("main", "alt", ""), strict=True):
            fields = found[request_id]
            assert fields[5] == "-" if not requester else fields[5].endswith(f":user/{requester}")
            assert fields[7] == "REST.GET.OBJECT"
            assert "403 AccessDenied" in " ".join(fields)
    finally:
        client.delete_bucket_policy(Bucket=source)
        clients.close()


def test_what_an_import_reads_is_in_the_log(
    client: Any, delivering: Gateway, cloud: Target, source: str, target: str
) -> None:
    clients = Boto(delivering.url, dict(cloud.keys))
    disk = {"Format": "RAW", "UserBucket": {"S3Bucket": source, "S3Key": "missing"}}
    with pytest.raises(ClientError) as caught:
        clients("ec2").import_snapshot(DiskContainer=disk)
    clients.close()
    made = str(caught.value.response["ResponseMetadata"]["RequestId"])
    fields = delivered(client, target, made)[made]
    assert (fields[4], fields[7], fields[8]) == ("-", "REST.GET.OBJECT", "missing")
    assert fields[5].endswith(":user/main")
    assert "404 NoSuchKey" in " ".join(fields)


def asked(answer: dict[str, Any]) -> str:
    return str(answer["ResponseMetadata"]["RequestId"])


def test_requests_are_delivered_in_awss_format(
    client: Any, openstack_main: Any, sts: Any, source: str, target: str
) -> None:
    put = asked(client.put_object(Bucket=source, Key="a b", Body=b"12345"))
    got = asked(client.get_object(Bucket=source, Key="a b"))
    with pytest.raises(client.exceptions.NoSuchKey) as missing:
        client.get_object(Bucket=source, Key="none")
    listed = asked(client.list_objects_v2(Bucket=source))
    none = asked(missing.value.response)
    tagged = asked(client.put_bucket_tagging(Bucket=source, Tagging={"TagSet": []}))
    log = delivered(client, target, put, got, none, listed, tagged)
    project = openstack_main.current_project_id
    arn = sts.get_caller_identity()["Arn"]
    for name, said in (
        (put, ["REST.PUT.OBJECT", "a%20b", f'"PUT /{source}/a%20b HTTP/1.1"', "200", "-", "-", "5"]),
        (got, ["REST.GET.OBJECT", "a%20b", f'"GET /{source}/a%20b HTTP/1.1"', "200", "-", "5", "5"]),
        (none, ["REST.GET.OBJECT", "none", f'"GET /{source}/none HTTP/1.1"', "404", "NoSuchKey"]),
        (tagged, ["REST.PUT.TAGGING", "-", f'"PUT /{source}?tagging HTTP/1.1"', "204", "-", "-", "-"]),
    ):
        assert log[name][7 : 7 + len(said)] == said
        assert log[name][1:3] == [project, source]
        assert log[name][4:6] == ["127.0.0.1", arn]
        assert log[name][20:23] == ["SigV4", "-", "AuthHeader"]
    assert log[listed][7:9] == ["REST.GET.BUCKET", "-"]
    assert log[put][0].startswith("log/20")
    native = openstack_main.object_store.download_object(log[put][0], target)
    assert put.encode() in native


def test_a_partitioned_key_names_account_region_and_bucket(client: Any, sts: Any, source: str, target: str) -> None:
    for date in ("EventTime", "DeliveryTime"):
        wanted = begin(
            client, source, target, TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": date}}
        )
        assert client.get_bucket_logging(Bucket=source)["LoggingEnabled"] == wanted
        head = asked(client.head_bucket(Bucket=source))
        key = delivered(client, target, head)[head][0]
        account = sts.get_caller_identity()["Account"]
        assert key.startswith(f"log/{account}/us-east-1/{source}/20")
        assert ("-00-00-00-" in key) is (date == "EventTime")


def test_visits_of_a_website_are_delivered(client: Any, delivering: Gateway, source: str, target: str) -> None:
    client.put_bucket_website(Bucket=source, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    host = f"{source}.{WEBSITES}"
    _, headers, _ = get(f"{delivering.url}/docs/?q=1", {"host": host, "user-agent": "browser"})
    visit = headers["x-amz-request-id"]
    log = delivered(client, target, visit)[visit]
    wanted = ["-", visit, "WEBSITE.GET.OBJECT", "docs/", '"GET /docs/?q=1 HTTP/1.1"', "403", "AccessDenied"]
    assert (log[5:12], log[17], log[23]) == (wanted, '"browser"', host)


def test_a_log_that_is_ended_gets_no_more(client: Any, source: str, target: str) -> None:
    assert client.get_bucket_logging(Bucket=source)["LoggingEnabled"]["TargetBucket"] == target
    client.put_bucket_logging(Bucket=source, BucketLoggingStatus={})
    after = asked(client.head_bucket(Bucket=source))
    assert "LoggingEnabled" not in client.get_bucket_logging(Bucket=source)
    begin(client, source, target)
    later = asked(client.head_bucket(Bucket=source))
    delivered(client, target, later)
    with pytest.raises(AssertionError):
        assert delivered_now(client, target, after)


def delivered_now(client: Any, target: str, request_id: str) -> bool:
    rows = client.list_objects_v2(Bucket=target).get("Contents", ())
    return any(request_id.encode() in client.get_object(Bucket=target, Key=row["Key"])["Body"].read() for row in rows)


def test_what_waits_is_delivered_when_the_gateway_ends(cloud: Target, client: Any, source: str, target: str) -> None:
    with run_gateway(cloud, "access-log-end", settings={"access_log_seconds": "3600"}) as running:
        clients = Boto(running.url, dict(cloud.keys))
        head = asked(clients("s3").head_bucket(Bucket=source))
        clients.close()
        assert running.stop() == 0
        assert delivered(client, target, head)


def test_wrong_targets_and_formats_are_refused(client: Any, alt_s3: Any, source: str, target: str) -> None:
    other = unique("other")
    alt_s3.create_bucket(Bucket=other)
    try:
        for wrong in (unique("none"), other, f"{source}+segments"):
            with refused("InvalidTargetBucketForLogging", 400):
                begin(client, source, wrong)
    finally:
        alt_s3.delete_bucket(Bucket=other)
    both = {"SimplePrefix": {}, "PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    never = {"PartitionedPrefix": {"PartitionDateSource": "Never"}}
    formats: list[dict[str, Any]] = [both, {}, {"PartitionedPrefix": {}}, never]
    for wrong_format in formats:
        with refused("MalformedXML", 400):
            begin(client, source, target, TargetObjectKeyFormat=wrong_format)
    grants = [{"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}}]
    with refused("NotImplemented", 501):
        begin(client, source, target, TargetGrants=grants)
    with refused("NoSuchBucket", 404):
        begin(client, unique("none"), target)
    assert client.get_bucket_logging(Bucket=source)["LoggingEnabled"]["TargetPrefix"] == "log/"
