"""An OpenStack service that is down, hangs or answers nonsense: 503 with Retry-After, and no traceback."""

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from tests.support.clients import Boto
from tests.support.gateway import Gateway, faults
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target
from tests.support.wire import free_port, get


def answering(status: int, body: bytes) -> type[http.server.BaseHTTPRequestHandler]:
    """Return a handler that answers everything alike, as a proxy before a dead service does."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if self.command != "HEAD" else b"")

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    return Handler


@contextmanager
def listening(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run an HTTP server and give its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def silent() -> Iterator[str]:
    """Listen, take connections, and never say a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def elsewhere(target: Target, path: Path, **changes: str) -> Target:
    """Return the target with a clouds.yaml that leads the gateway elsewhere: endpoint overrides, or auth_url."""
    clouds = yaml.safe_load(target.clouds_yaml.read_text())
    entry = clouds["clouds"][target.cloud]
    for name, value in changes.items():
        (entry["auth"] if name == "auth_url" else entry)[name] = value
    path.write_text(yaml.safe_dump(clouds))
    return replace(target, clouds_yaml=path)


@pytest.fixture(scope="module")
def broken(cloud: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose Keystone is well and whose other services are each broken in another way."""
    with ExitStack() as stack:
        target = elsewhere(
            cloud,
            tmp_path_factory.mktemp("broken") / "clouds.yaml",
            compute_endpoint_override=stack.enter_context(silent()),
            network_endpoint_override=f"http://127.0.0.1:{free_port()}/",
            block_storage_endpoint_override=stack.enter_context(listening(answering(500, b"<html>Traceback</html>"))),
            image_endpoint_override=stack.enter_context(listening(answering(200, b"<html>Welcome</html>"))),
            object_store_endpoint_override=stack.enter_context(listening(answering(502, b"Bad Gateway"))),
        )
        settings = {"upstream_timeout_seconds": "5", "object_idle_seconds": "5"}  # Keystone's are among the answers
        yield stack.enter_context(run_gateway(target, "broken", settings=settings))


CALLS: dict[str, Callable[[Boto], Any]] = {
    "nova hangs": lambda aws: once(aws, "ec2").describe_key_pairs(),
    "neutron is gone": lambda aws: once(aws, "ec2").describe_security_groups(),
    "cinder answers 500": lambda aws: once(aws, "ec2").describe_volumes(),
    "glance answers a web page": lambda aws: once(aws, "ec2").describe_images(),
    "swift answers 502": lambda aws: once(aws, "s3").list_buckets(),
    "swift cannot store": lambda aws: once(aws, "s3").put_object(Bucket=unique("bucket"), Key="k", Body=b"x"),
    "swift cannot read": lambda aws: once(aws, "s3").get_object(Bucket=unique("bucket"), Key="k"),
}


def once(aws: Boto, service: str) -> Any:
    """Return a client that does not try again."""
    return aws(service, retries={"total_max_attempts": 1})


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_service_that_is_down(broken: Gateway, cloud: Target, call: Callable[[Boto], Any]) -> None:
    aws = Boto(broken.url, dict(cloud.keys))
    with pytest.raises(ClientError) as caught:
        call(aws)
    aws.close()
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert int(answer["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) >= 1
    assert answer["Error"]["Code"] in {"Unavailable", "ServiceUnavailable", "SlowDown"}
    assert "Traceback" not in str(answer)
    assert "127.0.0.1" not in answer["Error"]["Message"]
    assert not faults(broken.log)
    assert broken.call(answer)["status"] == 503


def test_what_needs_no_broken_service_still_works(broken: Gateway, cloud: Target) -> None:
    aws = Boto(broken.url, dict(cloud.keys))
    assert aws("sts").get_caller_identity()["Account"]
    aws.close()
    assert get(f"{broken.url}/healthcheck")[0] == 200


def test_keystone_that_is_down(cloud: Target, tmp_path: Path) -> None:
    target = elsewhere(cloud, tmp_path / "clouds.yaml", auth_url=f"http://127.0.0.1:{free_port()}/v3")
    with run_gateway(target, "no-keystone") as running:
        aws = Boto(running.url, dict(cloud.keys))
        for service, call in (("s3", "list_buckets"), ("ec2", "describe_images"), ("sts", "get_caller_identity")):
            with pytest.raises(ClientError) as caught:
                getattr(once(aws, service), call)()
            metadata = caught.value.response["ResponseMetadata"]
            assert metadata["HTTPStatusCode"] == 503
            assert int(metadata["HTTPHeaders"]["retry-after"]) >= 1
        aws.close()
        assert get(f"{running.url}/healthcheck")[::2] == (200, b"OK")
        assert get(f"{running.url}/healthcheck/ready")[::2] == (503, b"IDENTITY: UNAVAILABLE")
        assert not faults(running.log)
