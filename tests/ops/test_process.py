"""A gateway process seen from outside: health, draining, TLS, metrics, logs."""

import http.client
import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.support.certificates import self_signed
from tests.support.clients import Boto
from tests.support.gateway import STOP_SECONDS, Gateway, faults
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target
from tests.support.wire import get


@pytest.fixture
def switched(cloud: Target, tmp_path: Path) -> Iterator[tuple[Gateway, Path]]:
    """A gateway with a file that takes it out of the balancer, and a metrics port."""
    switch = tmp_path / "disabled"
    with run_gateway(cloud, "switched", "--disable-file", str(switch)) as running:
        yield running, switch


def test_health_metrics_and_logs_of_one_process(switched: tuple[Gateway, Path], cloud: Target) -> None:
    gateway, switch = switched
    check_health(gateway, switch)
    check_log_and_metrics(gateway, cloud)
    assert gateway.stop() == 0
    assert not faults(gateway.log)


def check_health(gateway: Gateway, switch: Path) -> None:
    for url in (gateway.url, gateway.metrics_url):
        assert get(f"{url}/healthcheck")[::2] == (200, b"OK")
        assert get(f"{url}/healthcheck/ready")[::2] == (200, b"OK")
        switch.touch()
        assert get(f"{url}/healthcheck")[::2] == (503, b"DISABLED BY FILE")
        switch.unlink()
    assert get(f"{gateway.url}/metrics")[0] == 404  # a bucket's name on the AWS port, like any other


def check_log_and_metrics(gateway: Gateway, cloud: Target) -> None:
    clients = Boto(gateway.url, dict(cloud.keys))
    s3 = clients("s3")
    answer = s3.list_buckets()
    with pytest.raises(ClientError, match="NoSuchBucket") as missing:
        s3.list_objects_v2(Bucket=unique("none"))
    gateway.call(missing.value.response)  # a call is counted before its line is written, and both after its answer
    url = s3.generate_presigned_url("list_buckets")
    status, headers, _ = get(url)
    assert status == 200
    gateway.call({"ResponseMetadata": {"RequestId": headers["x-amz-request-id"]}})
    clients.close()

    line = gateway.call(answer)
    assert (line["service"], line["action"], line["status"]) == ("s3", "ListBuckets", 200)
    assert line["upstream_calls"] >= 1
    assert line["access_key"] == f"…{cloud.keys['main'].access[-4:]}"
    written = gateway.log.read_text()
    for secret in (cloud.keys["main"].secret, cloud.keys["main"].access, *re.findall(r"Signature=([^&]+)", url)):
        assert secret not in written

    scraped = get(f"{gateway.metrics_url}/metrics")[2].decode()
    counted = 'passerelle_requests_total{code="",operation="ListBuckets",service="s3",status="2xx"} 2.0'
    assert counted in scraped
    assert 'code="NoSuchBucket",operation="ListObjectsV2",service="s3",status="4xx"} 1.0' in scraped


def test_a_bucket_may_be_called_healthcheck(s3: Any, gateway: Gateway) -> None:
    s3.create_bucket(Bucket="healthcheck")
    try:
        assert s3.list_objects_v2(Bucket="healthcheck")["KeyCount"] == 0
        assert get(f"{gateway.url}/healthcheck")[2] == b"OK"
    finally:
        s3.delete_bucket(Bucket="healthcheck")


def said_until_closed(url: str) -> set[tuple[int, bytes]]:
    """Ask until the port is closed; return the answers' statuses and bodies."""
    seen: set[tuple[int, bytes]] = set()
    while True:
        try:
            status, _, body = get(url)
        except ConnectionError:
            return seen
        seen.add((status, body))
        time.sleep(0.05)


def test_sigterm_lets_a_download_end(cloud: Target, s3: Any, bucket: str) -> None:
    body = bytes(range(256)) * (1 << 17)  # 32 MiB: more than any socket buffer swallows
    s3.put_object(Bucket=bucket, Key="large", Body=body)
    with run_gateway(cloud, "draining", settings={"drain_seconds": "3"}) as running:
        clients = Boto(running.url, dict(cloud.keys))
        url = urlsplit(clients("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "large"}))
        clients.close()
        with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)) as connection:
            connection.request("GET", f"{url.path}?{url.query}")
            answer = connection.getresponse()
            begun = answer.read(1 << 16)
            running.process.terminate()
            seen = said_until_closed(f"{running.url}/healthcheck")  # to the balancer, and to whoever still comes
            assert {(503, b"DRAINING")} <= seen <= {(200, b"OK"), (503, b"DRAINING")}
            with pytest.raises(ConnectionRefusedError):
                get(f"{running.url}/healthcheck")
            assert begun + answer.read() == body  # the download had not ended
        assert running.process.wait(STOP_SECONDS) == 0
        assert not faults(running.log)


def test_tls(cloud: Target, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with run_gateway(cloud, "tls", "--tls-certificate", str(certificate), "--tls-key", str(key)) as running:
        assert running.url.startswith("https://")
        clients = Boto(running.url, dict(cloud.keys))
        client = clients.session().client(
            "sts", endpoint_url=running.url, region_name="us-east-1", verify=str(certificate)
        )
        assert re.fullmatch("[0-9]{12}", client.get_caller_identity()["Account"])
        client.close()
