"""Bodies flow through the recorder: it holds no object, in neither direction."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.recording.commands import PYTHON, Passerelle, script
from tests.support.target import Keys

SIZE = 256 << 20
PIECE = 1 << 18


class Store(BaseHTTPRequestHandler):
    """Takes any object and forgets it; gives zeros."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, PIECE)))
        self.answer(0)

    def do_GET(self) -> None:
        if self.path == "/b/slow":
            self.answer(4)
            time.sleep(0.5)
            self.wfile.write(b"body")
            return
        self.answer(SIZE)
        for _ in range(SIZE // PIECE):
            self.wfile.write(bytes(PIECE))

    def answer(self, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Passerelle]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Passerelle(tmp_path, f"http://127.0.0.1:{server.server_port}", Keys("AKID", "secret"))
    server.shutdown()
    thread.join()
    server.server_close()


def test_memory_does_not_grow_with_an_object(store: Passerelle) -> None:
    text = f"""
import os, boto3
from pathlib import Path
def peak():
    status = Path(f"/proc/{{os.getppid()}}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
s3 = boto3.client("s3")
s3.put_object(Bucket="b", Key="small", Body=b"x")
before = peak()
with open("big", "wb") as file:
    file.truncate({SIZE})
with open("big", "rb") as file:
    s3.put_object(Bucket="b", Key="big", Body=file)
length = sum(map(len, s3.get_object(Bucket="b", Key="big")["Body"].iter_chunks(1 << 20)))
print(length, peak() - before)
"""
    done = store("record", "--", PYTHON, script(store.home, "stream.py", text))
    length, grown = map(int, done.stdout.split())
    assert length == SIZE
    assert grown < 32 << 10  # KiB
    put, get = store.lines()[1:]
    assert put["params"]["Body"] == get["answer"]["Body"] == {"$bytes": SIZE}


def test_a_client_that_leaves_ends_the_transfer(store: Passerelle) -> None:
    text = """
import os, socket
from urllib.parse import urlsplit
at = urlsplit(os.environ["AWS_ENDPOINT_URL"])
end = b" /b/k HTTP/1.1\\r\\nHost: h\\r\\n"
for request in (b"GET" + end + b"\\r\\n", b"PUT" + end + b"Content-Length: 4\\r\\n\\r\\nb"):
    with socket.create_connection((at.hostname, at.port)) as client:
        client.sendall(request)
        client.settimeout(1)
        try:
            client.recv(1000)
        except TimeoutError:
            pass
"""
    store("record", "--", PYTHON, script(store.home, "leaves.py", text))
    get, put = sorted(store.lines(), key=lambda line: line["operation"])
    assert (get["operation"], get["status"], get["unread"]) == ("GetObject", 200, "the client left before the end")
    assert get["answer"]["Body"]["$bytes"] < SIZE
    assert (put["operation"], put["status"], put["unread"]) == ("PutObject", 0, "the client left before the end")


def test_a_short_answer_is_told_whole_though_its_client_left(store: Passerelle) -> None:
    """A script that wants only an object's headers does not read its body: the line must not tell who was faster."""
    text = """
import os, socket
from urllib.parse import urlsplit
at = urlsplit(os.environ["AWS_ENDPOINT_URL"])
with socket.create_connection((at.hostname, at.port)) as client:
    client.sendall(b"GET /b/slow HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n")
    client.recv(1000)
"""
    store("record", "--", PYTHON, script(store.home, "leaves.py", text))
    [line] = store.lines()
    assert (line["operation"], line["status"], line.get("unread", "")) == ("GetObject", 200, "")
    assert line["answer"]["Body"] == {"$bytes": 4}


def test_a_web_page_gets_nothing_signed(store: Passerelle) -> None:
    text = """
import urllib.error, urllib.request, boto3
url = boto3.client("s3").generate_presigned_url("put_object", Params={"Bucket": "b", "Key": "k"})
for site in ("cross-site", "same-site", "none"):
    headers = {"Sec-Fetch-Site": site, "Content-Type": ""}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"x", headers, method="PUT")) as answer:
            print(answer.status)
    except urllib.error.HTTPError as error:
        print(error.code)
        error.close()
"""
    assert store("record", "--", PYTHON, script(store.home, "page.py", text)).stdout.split() == ["403", "403", "200"]
    assert len(store.lines()) == 1


def test_a_recorder_that_cannot_start_is_told(store: Passerelle) -> None:
    done = store("record", "--", "touch", "run", check=126, AWS_CA_BUNDLE="/no/such/bundle.pem")
    assert "the recorder could not be started" in done.stderr
    assert not (store.home / "run").exists()


def test_a_client_that_waits_is_told_to_continue(store: Passerelle) -> None:
    """RFC 9110, 10.1.1: the client "will wait for a 100 (Continue) response before" it sends its content."""
    text = """
import os, socket
from urllib.parse import urlsplit
at = urlsplit(os.environ["AWS_ENDPOINT_URL"])
with socket.create_connection((at.hostname, at.port)) as client:
    client.sendall(b"PUT /b/k HTTP/1.1\\r\\nHost: h\\r\\nContent-Length: 4\\r\\nExpect: 100-continue\\r\\n\\r\\n")
    print(client.recv(1000).split(b"\\r\\n")[0].decode())
    client.sendall(b"body")
    print(client.recv(1000).split(b"\\r\\n")[0].decode())
"""
    done = store("record", "--", PYTHON, script(store.home, "waits.py", text))
    assert done.stdout.splitlines() == ["HTTP/1.1 100 Continue", "HTTP/1.1 200 OK"]
    [line] = store.lines()
    assert line["params"] == {"Bucket": "b", "Key": "k", "Body": {"$bytes": 4}}
