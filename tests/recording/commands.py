"""`passerelle` as a user runs it, with an environment of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from shim.cli import main
from tests.house.source import REPOSITORY
from tests.support.clients import REGION
from tests.support.target import Keys

BIN = Path(sys.executable).parent
PYTHON = sys.executable


@dataclass(frozen=True, slots=True)
class Passerelle:
    """Runs `passerelle` in a folder, for a user whose environment names an endpoint and keys."""

    home: Path
    url: str
    keys: Keys
    further: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self, *words: str | Path, check: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it; with `check` another status is an AssertionError that shows what was said."""
        done = subprocess.run(
            [BIN / "passerelle", *map(str, words)],
            env=self.environment() | environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert check is None or done.returncode == check, f"status {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def replay(self, *words: str | Path, check: int = 0, **environment: str) -> Result:
        """Run `passerelle replay` in this process, which has loaded it already."""
        with contextlib.chdir(self.home):
            asked = ["replay", *map(str, words)]
            done = CliRunner().invoke(main, asked, env=self.environment() | environment)
        assert done.exit_code == check, f"status {done.exit_code}\n{done.output}{done.exception!r}"
        return done

    def record(self, *words: str | Path, check: int | None = 0, **environment: str) -> list[dict[str, Any]]:
        """Record a command and return the lines."""
        self("record", "--", *words, check=check, **environment)
        return self.lines()

    def lines(self, name: str = "recording.jsonl") -> list[dict[str, Any]]:
        """Return the lines of a recording."""
        return [json.loads(line) for line in (self.home / name).read_text().splitlines()]

    def environment(self) -> dict[str, str]:
        """Return the user's environment."""
        return {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.keys.access,
            "AWS_SECRET_ACCESS_KEY": self.keys.secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            **self.further,
        }


def script(folder: Path, name: str, text: str) -> Path:
    """Write a script of the user's and return its path."""
    path = folder / name
    path.write_text(text)
    return path
