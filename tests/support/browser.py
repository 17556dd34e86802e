"""A real browser, without a head: runs a script in a page of its own origin, and returns what the script found."""

import json
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOUND = next((path for path in map(shutil.which, NAMES) if path), "")
_SECONDS = 120.0  # a browser that starts on a busy machine
_PAGE = """<!doctype html><meta charset="utf-8"><title>test</title><script type="module">
const given = %s;
const main = async () => { %s };
const told = await main().then(value => ({value}), error => ({error: String(error)}));
await fetch("/told", {method: "POST", body: JSON.stringify(told)});
</script>"""


@dataclass
class Browser:
    """A browser, and the site of its pages; `origin` is that site's."""

    origin: str
    profile: Path
    pages: dict[str, str] = field(default_factory=dict)
    told: Queue[dict[str, Any]] = field(default_factory=Queue)

    def run(self, script: str, **given: Any) -> Any:
        """Run the body of an async function in a page; `given` is there under that name, its result is returned."""
        self.pages["/"] = _PAGE % (json.dumps(given).replace("<", "\\u003c"), script)
        return self.visit(f"{self.origin}/")

    def visit(self, url: str) -> Any:
        """Open a page of any site, whose script sends what it found to this site's `/told`; return that."""
        answer = self._ask(url)
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def _ask(self, url: str) -> dict[str, Any]:
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage")
        process = subprocess.Popen(
            [FOUND, *options, f"--user-data-dir={self.profile}", url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return self.told.get(timeout=_SECONDS)
        except Empty:
            raise AssertionError(f"{FOUND} told nothing (status {process.poll()})") from None
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


@contextmanager
def browser() -> Iterator[Browser]:
    """Serve pages on a port of their own until the block ends."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = site.pages.get(self.path, "").encode()
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def do_POST(self) -> None:
            site.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server, tempfile.TemporaryDirectory() as profile:
        site = Browser(f"http://127.0.0.1:{server.server_port}", Path(profile))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
