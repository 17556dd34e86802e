"""The operator's file of destinations."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from shim.notices.destinations import Destination, Destinations, DestinationsError, account, read

ARN = "arn:aws:sns:us-east-1:123456789012:t"


def write(path: Path, told: Any, mode: int = 0o600) -> Path:
    path.write_text(told if isinstance(told, str) else json.dumps(told))
    path.chmod(mode)
    return path


def test_a_file_names_webhooks(tmp_path: Path) -> None:
    everybodys = "arn:aws:lambda:::function:f"
    told = {ARN: {"url": "https://example.org/a?b", "secret": "s"}, everybodys: {"url": "http://[::1]:80/"}}
    found = read(write(tmp_path / "f", told))
    assert found == {ARN: Destination("https://example.org/a?b", b"s"), everybodys: Destination("http://[::1]:80/")}
    assert (account(ARN), account(everybodys)) == ("123456789012", "")
    assert "s3cret" not in repr(Destination("u", b"s3cret"))


@pytest.mark.parametrize(
    "told",
    [
        "{",
        "[]",
        f'{{"{ARN}": {{"url": "http://a"}}, "{ARN}": {{"url": "http://b"}}}}',
        {"t": {"url": "http://a"}},
        {"arn:aws:s3:::b": {"url": "http://a"}},
        {ARN: "http://a"},
        {ARN: {}},
        {ARN: {"url": "http://a", "more": 1}},
        {ARN: {"url": "http://a", "secret": 1}},
        *(
            {ARN: {"url": url}}
            for url in ("ftp://a", "http://", "http://u:p@a", "http://a#b", "http://a:x", "http://a b", "")
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, told: Any) -> None:
    with pytest.raises(DestinationsError):
        read(write(tmp_path / "f", told))


def test_secrets_are_not_for_others(tmp_path: Path) -> None:
    with pytest.raises(DestinationsError, match="chmod 600") as caught:
        read(write(tmp_path / "f", {ARN: {"url": "http://a", "secret": "s3cret"}}, 0o644))
    assert "s3cret" not in str(caught.value)
    assert read(write(tmp_path / "f", {ARN: {"url": "http://a"}}, 0o644))
    with pytest.raises(DestinationsError):
        read(tmp_path / "none")


def test_a_changed_file_is_read_again_and_a_broken_one_is_not_believed(tmp_path: Path) -> None:
    file = write(tmp_path / "f", {ARN: {"url": "http://a"}})
    found = Destinations(file)

    def wait_for(url: str) -> None:
        while found.get(ARN) != Destination(url):
            time.sleep(0.05)

    for told, url in (
        ({ARN: {"url": "http://bb"}}, "http://bb"),
        ("{", "http://bb"),
        ({ARN: {"url": "http://c"}}, "http://c"),
    ):
        write(tmp_path / "new", told)
        (tmp_path / "new").replace(file)
        wait_for(url)
    time.sleep(1.1)
    assert found.get(ARN) == Destination("http://c")
