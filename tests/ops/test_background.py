"""The demo's gateway: kept while nothing has changed, made anew where the cloud or the code has, and private."""

import stat
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from shim.cli.background import Background
from shim.cli.demo import gateway, report
from shim.cli.tour import TourError
from tests.ops.test_cli import CLOUDS
from tests.support.wire import free_port, get


@pytest.fixture
def background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Background]:
    """A state directory with a clouds.yaml; nothing listens where it points, which keeps no gateway from starting."""
    monkeypatch.delenv("PASSERELLE_ZONES", raising=False)  # what the developer has set would come before the demo's
    (tmp_path / "clouds.yaml").write_text(CLOUDS)
    found = Background(tmp_path)
    yield found
    found.stop()


def test_one_gateway_while_nothing_changes(background: Background) -> None:
    first = gateway(background, background.state_dir, free_port())
    assert gateway(background, background.state_dir, free_port()) == first
    assert get(f"{first.url}/healthcheck")[::2] == (200, b"OK")


def test_it_gives_the_zones_of_the_embedded_cloud_letters(background: Background) -> None:
    running = gateway(background, background.state_dir, free_port())
    environment = Path(f"/proc/{running.pid}/environ").read_text().split("\0")
    assert 'PASSERELLE_ZONES=["nova", "nova-b", "nova-c"]' in environment


def test_a_cloud_that_moved_has_a_new_gateway_at_the_old_address(
    background: Background, capsys: pytest.CaptureFixture[str]
) -> None:
    first = gateway(background, background.state_dir, free_port())
    (background.state_dir / "clouds.yaml").write_text(CLOUDS.replace("127.0.0.1:1/", "127.0.0.1:2/"))
    second = gateway(background, background.state_dir, free_port())
    assert second.url == first.url
    assert second.pid != first.pid
    assert not first.alive()
    assert second.alive()
    assert "starting it anew" in capsys.readouterr().out


def test_what_an_older_version_remembered_is_stopped_too(background: Background) -> None:
    first = gateway(background, background.state_dir, free_port())
    memory = background.state_dir / "gateway.json"
    memory.write_text(memory.read_text().partition(', "made_of"')[0] + "}")
    assert gateway(background, background.state_dir, free_port()).pid != first.pid
    assert not first.alive()


def test_its_files_are_their_owners_alone(background: Background) -> None:
    gateway(background, background.state_dir, free_port())
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in background.state_dir.glob("gateway.*")}
    assert modes == dict.fromkeys(("gateway.json", "gateway.log", "gateway.out"), 0o600)


def test_a_tour_that_fails_costs_nobody_the_exports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def tour() -> None:
        raise TourError("aws s3 mb: exit status 1")

    with pytest.raises(click.ClickException, match=r"the tour failed.*aws s3 mb"):
        report(Background(tmp_path), {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_SECRET_ACCESS_KEY": "a b"}, tour)
    block = "export AWS_ENDPOINT_URL=http://127.0.0.1:1\nexport AWS_SECRET_ACCESS_KEY='a b'\n"
    assert block in capsys.readouterr().out
    assert (tmp_path / "demo.env").read_text() == block
    assert stat.S_IMODE((tmp_path / "demo.env").stat().st_mode) == 0o600
