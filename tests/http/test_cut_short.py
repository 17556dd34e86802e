"""A store that dies in the middle of a download: the client gets a broken connection, the operator no traceback."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from tests.ops.test_outage import elsewhere, once
from tests.support.clients import Boto
from tests.support.gateway import faults
from tests.support.gateway import gateway as run_gateway
from tests.support.target import Target

HEAD = "HTTP/1.1 200 OK\r\nEtag: 0\r\nLast-Modified: Mon, 23 Nov 2026 08:59:59 GMT\r\nContent-Length: {}\r\n\r\n"


CONTAINER = (
    "HTTP/1.1 204 No Content\r\nX-Timestamp: 1795424399.12345\r\n"
    "X-Container-Object-Count: 1\r\nX-Container-Bytes-Used: 1\r\n\r\n"
)


class Dying(socketserver.StreamRequestHandler):
    """Describes the container, and answers half of the length that the key names."""

    def handle(self) -> None:
        head = self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        if head.startswith(b"HEAD "):
            self.wfile.write(CONTAINER.encode())
            return
        length = int(head.split()[1].rpartition(b"/")[2])
        self.wfile.write(HEAD.format(length).encode() + bytes(length // 2))


@contextmanager
def dying() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dying) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/AUTH_x"
        server.shutdown()


# One that is read before the answer begins, one that the client's leaving is not watched for, one that it is.
@pytest.mark.parametrize(("length", "status"), [(60_000, 503), (200_000, 200), (1_000_000, 200)])
def test_a_store_that_dies_in_a_download(cloud: Target, tmp_path: Path, length: int, status: int) -> None:
    with dying() as store:
        target = elsewhere(cloud, tmp_path / "clouds.yaml", object_store_endpoint_override=store)
        with run_gateway(target, "dying") as running:
            aws = Boto(running.url, dict(cloud.keys))
            with pytest.raises((ClientError, IncompleteReadError, ResponseStreamingError)) as caught:
                once(aws, "s3").get_object(Bucket="bucket", Key=str(length))["Body"].read()
            aws.close()
            assert isinstance(caught.value, ClientError) == (status == 503)
        (line,) = running.lines(action="GetObject", message="call")
        assert (line["status"], line["code"]) == (status, "ServiceUnavailable")
        assert line["bytes_out"] <= length // 2
        assert not faults(running.log)
        (told,) = (one for one in running.lines(level="warning") if line["request_id"] in one["message"])
        assert "closed by Swift" in told["message"]
