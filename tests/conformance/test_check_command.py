"""`passerelle check`: choosing, formats, statuses, and a run that is interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from conformance import formats
from conformance.results import Outcome, Report
from conformance.results import Result as Found
from conformance.scenario import Scenario
from shim.cli.check import check
from tests.support.clients import Boto

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
BAD = "<script>alert(1)</script> \x00"


def run(*words: Any, **variables: str) -> Result:
    environment = {"AWS_ACCESS_KEY_ID": "AKIDMOTO", "AWS_SECRET_ACCESS_KEY": "secret", **variables}
    return CliRunner().invoke(check, [str(word) for word in words], env=environment)


def report() -> Report:
    scenarios = [Scenario(*one, "AWS says so.", "https://docs.aws.amazon.com/x", "", (), ()) for one in ROWS]
    outcomes = (Outcome.PASSES, Outcome.REFUSED, Outcome.DIFFERS)
    found = [
        Found(one, outcome, "" if outcome is Outcome.PASSES else f"{outcome.value} {BAD}", 0.5)
        for one, outcome in zip(scenarios, outcomes, strict=True)
    ]
    return Report("http://here", found, 3, 1.5)


ROWS = (("s3", "objects", "a"), ("s3", "objects", "b"), ("ec2", "tags", "c | d"))


def test_the_summary_of_one_scenario_speaks_of_one() -> None:
    whole = report()
    alone = replace(whole, results=whole.results[:1], planned=1)
    assert alone.summary == "1 of 1 scenario passes."


def test_scenarios_are_listed_and_chosen() -> None:
    lines = run("--list").stdout.splitlines()
    assert "s3/objects/an object is read back as it was written" in lines
    assert run("--list", "--only", "s3/obj*RANGE of").stdout.splitlines() == ["s3/objects/a range of bytes is read"]
    assert all(line.startswith("s3/") for line in run("--list", "--service", "s3").stdout.splitlines())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "--on is missing"),
        (["--on", "nowhere"], "nowhere is no URL"),
        (["--list", "--only", "moonshine"], "no scenario is chosen"),
        (["--on", "http://127.0.0.1:9", "--profile", "nobody-has-this"], "nobody-has-this"),
    ],
)
def test_misuse_is_told(words: list[str], why: str) -> None:
    found = run(*words, AWS_MAX_ATTEMPTS="1")
    assert found.exit_code == 2
    assert why in found.stderr


def test_the_status_tells_whether_all_pass(moto: Boto) -> None:
    passes = run("--on", moto.url, "--only", "a range of bytes is read")
    assert (passes.exit_code, "1 of 1 scenario passes." in passes.stdout) == (0, True)
    fails = run("--on", moto.url, "--only", "a wrong MD5 is refused", "--format", "json")
    assert fails.exit_code == 1
    [one] = json.loads(fails.stdout)["scenarios"]
    assert (one["outcome"], one["why"]) == ("differs", "PutObject succeeds, expected BadDigest")


def test_every_format_has_the_summary() -> None:
    summary = "1 of 3 scenarios pass. 1 is refused as not offered. 1 differs from AWS's documentation."
    for name in ("table", "json", "html", "markdown"):
        assert summary.split(". ")[0] in formats.FORMATS[name](report()), name
    assert report().summary == summary
    scores = [(one.service, one.capability, one.passed, one.total) for one in report().scores]
    assert scores == [("s3", "objects", 1, 2), ("ec2", "tags", 0, 1)]


def test_junit_fails_what_does_not_pass() -> None:
    suite = ET.fromstring(formats.junit(report()))  # noqa: S314
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("3", "2")
    assert [one.attrib["type"] for one in suite.iter("failure")] == ["refused", "differs"]


def test_junit_fails_what_could_not_be_deleted() -> None:
    left = replace(report(), shared_left=("DeleteVpc VpcId vpc-1: DependencyViolation (400)",))
    suite = ET.fromstring(formats.junit(left))  # noqa: S314
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("4", "3")
    assert [one.text for one in suite.iter("failure")][-1] == left.shared_left[0]


def test_the_page_loads_nothing_and_escapes_what_an_endpoint_says() -> None:
    page = formats.html(report())
    assert not re.search(r"\bsrc=|url\(|@import|<link", page)
    assert set(re.findall(r'href="([^"]*)"', page)) == {"https://docs.aws.amazon.com/x"}
    assert "<script" not in page


def test_markdown_keeps_its_columns() -> None:
    [row] = [line for line in formats.markdown(report()).splitlines() if "c \\| d" in line]
    assert "<script" not in row


def test_an_interrupted_run_takes_back_what_it_made(moto: Boto, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIDMOTO", "AWS_SECRET_ACCESS_KEY": "secret", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "shim", "check", "--on", moto.url, "--service", "s3", "--format", "json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | keys)
    try:
        deadline = time.monotonic() + 120
        while not moto("s3").list_buckets()["Buckets"]:
            assert time.monotonic() < deadline
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "not run" in json.loads(output)["summary"]
    assert moto("s3").list_buckets()["Buckets"] == []
