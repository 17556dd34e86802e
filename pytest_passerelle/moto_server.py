"""A moto server for the parity runs: a process of its own, which ends when its input does."""

from __future__ import annotations

import logging
import subprocess
import sys
import urllib.request
import warnings
from dataclasses import dataclass
from importlib import import_module

from pytest_passerelle.account import Account
from pytest_passerelle.link import environment

KEY, ACCOUNT_ID = "AKIAMOTOMOTOMOTOMOTO", "123456789012"


class MotoError(Exception):
    """There is no moto server; the message says why."""


@dataclass(frozen=True, slots=True)
class MotoServer:
    """A running server."""

    process: subprocess.Popen[str]
    url: str

    @classmethod
    def start(cls) -> MotoServer:
        """Start a server on a free port of the loopback address."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pytest_passerelle.moto_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
        )
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            process.wait()
            raise MotoError("moto's server does not start: pip install 'moto[ec2,s3,sts,server]'")
        return cls(process, line.strip())

    def open(self) -> Account:
        """Return moto's account, emptied."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")  # noqa: S310 - our own address
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60):
            pass
        return Account(self.url, KEY, "moto", ACCOUNT_ID)

    def end(self) -> None:
        """Stop the server."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait()


def main() -> None:
    """Serve until the input ends."""
    warnings.simplefilter("ignore")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = import_module("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
