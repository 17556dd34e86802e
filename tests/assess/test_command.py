"""`passerelle assess`: the report in its formats, and the status."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from click.testing import CliRunner, Result

from shim.cli.assess import assess
from tests.assess.logs import event

WORKS = event("ec2", "DescribeInstances", {"maxResults": 10})
REFUSED = event("ec2", "CopyImage", {"encrypted": True})
ABSENT = event("kms", "Decrypt", {})


def log(folder: Path, *events: dict[str, Any]) -> Path:
    path = folder / "AWSLogs" / "2026" / "log.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"Records": events}), encoding="utf-8")
    return folder


def run(*words: Any) -> Result:
    return CliRunner().invoke(assess, [str(word) for word in words])


def test_the_status_tells_whether_a_call_is_refused(tmp_path: Path) -> None:
    assert run(log(tmp_path / "a", WORKS)).exit_code == 0
    assert run(log(tmp_path / "b", WORKS, REFUSED)).exit_code == 1


def test_the_report_opens_with_the_summary(tmp_path: Path) -> None:
    folder = log(tmp_path, WORKS, WORKS, REFUSED, ABSENT)
    summary = "2 of 4 calls run unchanged. This change makes 1 more run. 1 call is of an operation not offered here."
    assert " ".join(run(folder).stdout.split()).startswith(summary)
    found = json.loads(run(folder, "--format", "json").stdout)
    assert found["summary"] == summary
    assert [one["path"] for one in found["changes"]] == ["Encrypted"]
    assert found["counts"] == {"works": 2, "differs": 0, "refused": 2, "unknown": 0}
    assert summary in run(folder, "--format", "markdown").stdout
    assert summary in run(folder, "--format", "html").stdout


def test_the_summary_of_one_call_speaks_of_one(tmp_path: Path) -> None:
    assert run(log(tmp_path / "a", WORKS)).stdout.startswith("1 of 1 call runs unchanged.")
    assert run(log(tmp_path / "b", REFUSED)).stdout.startswith("0 of 1 call runs unchanged.")


def test_junit_fails_what_is_refused(tmp_path: Path) -> None:
    suite = ET.fromstring(run(log(tmp_path, WORKS, REFUSED), "--format", "junit").stdout)  # noqa: S314
    assert suite.attrib["failures"] == "1"
    [failure] = suite.iter("failure")
    assert failure.attrib["type"] == "UnsupportedOperation"


def test_the_page_refers_to_nothing_outside_and_escapes_what_a_log_says(tmp_path: Path) -> None:
    page = run(log(tmp_path, event("ec2", "<script>alert(1)</script>")), "--format", "html").stdout
    assert not re.search(r"\b(?:src|href)=|url\(|@import|https?:", page)
    assert "<script" not in page


def test_what_is_no_input_is_named(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    found = run(tmp_path / "picture.png")
    assert found.exit_code == 2
    assert "picture.png is no input" in found.stderr
