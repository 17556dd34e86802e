"""The demo's tour, recorded on the gateway and replayed on moto and there: every difference is explained."""

import json
from pathlib import Path

from tests.house.source import REPOSITORY
from tests.recording.commands import PYTHON, Passerelle
from tests.support.clients import Boto
from tests.support.gateway import Gateway
from tests.support.target import Target

KNOWN = REPOSITORY / "docs" / "known-differences.toml"


def test_each_difference_of_the_tour_is_explained(gateway: Gateway, cloud: Target, moto: Boto, tmp_path: Path) -> None:
    here = Passerelle(tmp_path, gateway.url, cloud.keys["main"])
    assert len(here.record(PYTHON, "-m", "tests.recording.tour")) >= 13
    moto_keys = moto.keys["main"]
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        f"[moto]\naws_access_key_id = {moto_keys.access}\naws_secret_access_key = {moto_keys.secret}\n"
    )
    words = ("replay", "recording.jsonl", "--on", f"moto@{moto.url}", "--on", gateway.url, "--yes")
    done = here(*words, "--known", KNOWN, "--format", "json", "-o", "report.json", check=None)
    found = json.loads((tmp_path / "report.json").read_text())
    unexplained = [one for one in found["differences"] if one["known"] is None]
    assert not unexplained
    assert not found["skipped"]
    assert not found["stale"]
    assert done.returncode == 0, done.stderr
