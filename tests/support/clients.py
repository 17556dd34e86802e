"""Unmodified clients: boto3 and the AWS CLI, with nothing changed but the endpoint."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.support.target import Keys

REGION = "us-east-1"


@dataclass(slots=True)
class Boto:
    """boto3 clients on one endpoint, made once for each combination of service, account and configuration."""

    url: str
    keys: dict[str, Keys]
    further: tuple[str, ...] = ()  # endpoints that take the requests in turn with `url`
    _sessions: dict[str, Any] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)

    def __call__(self, service: str, account: str = "main", region: str = REGION, **config: Any) -> Any:
        """Return a client; `config` goes to botocore's Config, and without it boto3's defaults hold."""
        key = f"{service} {account} {region} {sorted(config.items())}"
        if key not in self._clients:
            self._clients[key] = self.session(account).client(
                service, endpoint_url=self.url, region_name=region, config=Config(**config) if config else None
            )
            if self.further:
                self._clients[key].meta.events.register("before-call", self._in_turn())
        return self._clients[key]

    def _in_turn(self) -> Callable[..., None]:
        """Return a handler of botocore's event `before-call`, which comes before a request is signed."""
        turns = cycle((self.url, *self.further))

        def send_to_the_next(params: dict[str, Any], **_: Any) -> None:
            params["url"] = params["url"].replace(self.url, next(turns), 1)

        return send_to_the_next

    def session(self, account: str = "main") -> Any:
        """Return the boto3 session of an account; untyped, because service names come as variables."""
        if account not in self._sessions:
            keys = self.keys[account]
            self._sessions[account] = boto3.Session(aws_access_key_id=keys.access, aws_secret_access_key=keys.secret)
        return self._sessions[account]

    def close(self) -> None:
        """Close every client's connections."""
        for client in self._clients.values():
            client.close()


@dataclass(frozen=True, slots=True)
class AwsCli:
    """The real AWS CLI, with an environment that holds an endpoint and keys and a home of its own."""

    url: str
    keys: dict[str, Keys]
    home: Path

    def __call__(
        self, *words: str | Path, account: str = "main", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `aws WORDS…`; with `check` a failure raises AssertionError with what the CLI said."""
        done = subprocess.run(
            [Path(sys.executable).with_name("aws"), *map(str, words)],
            env=self.environment(account),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"aws {' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def json(self, *words: str | Path, account: str = "main") -> Any:
        """Run `aws WORDS…` and return what it printed, parsed."""
        return json.loads(self(*words, "--output", "json", account=account).stdout or "null")

    def environment(self, account: str = "main") -> dict[str, str]:
        """Return the CLI's environment: what a demo's export block sets, and no configuration of this machine."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.keys[account].access,
            "AWS_SECRET_ACCESS_KEY": self.keys[account].secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }
