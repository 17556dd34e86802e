"""Checks of the files around the code: README, licences, Makefile, requirements."""

import re
import tomllib
from pathlib import Path

import pytest

from shim.config import Settings
from shim.log import fields
from shim.record import Record
from tests.house.source import REPOSITORY, files, text

MAKEFILE = text(Path("Makefile"))
TARGETS = re.findall(r"^([a-z][a-z-]*):.*?##", MAKEFILE, re.MULTILINE)
PROJECT = tomllib.loads(text(Path("pyproject.toml")))


def test_every_target_says_what_it_makes() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    assert set(phony[1].split()) - set(TARGETS) == {"lint", "unit"}  # the two halves of `check`


@pytest.mark.parametrize("target", ["demo", "test", "check", "bench"])
def test_the_readme_shows_the_main_targets(target: str) -> None:
    assert target in TARGETS
    assert f"make {target}" in text(Path("README.md"))


def test_every_target_is_documented() -> None:
    documented = text(Path("README.md")) + text(Path("CONTRIBUTING.md"))
    assert not [target for target in TARGETS if f"make {target}" not in documented]


def test_the_image_runs_as_nobody_special_and_is_watched() -> None:
    last_stage = text(Path("Dockerfile")).rpartition("\nFROM ")[2]
    user = re.search(r"^USER (\S+)$", last_stage, re.MULTILINE)
    assert user
    assert user[1].split(":")[0] not in {"root", "0"}
    assert "HEALTHCHECK" in last_stage
    assert "--require-hashes" in text(Path("Dockerfile"))


def test_the_image_gets_no_state_or_secrets() -> None:
    ignored = text(Path(".dockerignore")).split()
    assert {".git", ".state", "**/*.env", "**/clouds.yaml"} <= set(ignored)


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [("runtime.lock", PROJECT["project"]["dependencies"]), ("dev.lock", PROJECT["dependency-groups"]["dev"])],
)
def test_locks_hold_what_the_project_asks_for(lock: str, wanted: list[str]) -> None:
    pinned = set(re.findall(r"^([a-z0-9-]+)==", text(Path("requirements") / lock), re.MULTILINE))
    names = {re.split(r"[\[<>=~! ]", entry)[0].lower() for entry in wanted}
    assert names <= pinned


def test_the_vectors_are_those_of_the_botocore_in_use() -> None:
    pin = re.compile(r"^botocore==(\S+)", re.MULTILINE)
    used, vectors = (pin.search(text(Path("requirements") / lock)) for lock in ("runtime.lock", "vectors.lock"))
    assert used
    assert vectors
    assert used[1] == vectors[1]


def test_the_changelog_knows_the_version() -> None:
    assert f"## {PROJECT['project']['version']}" in text(Path("CHANGELOG.md"))


def test_every_setting_is_described() -> None:
    assert not [name for name, field in Settings.model_fields.items() if not (field.description or "").endswith(".")]


def test_every_field_of_the_log_is_documented() -> None:
    told = {"service": "s3", "operation": "GetObject", "status": 404, "code": "NoSuchKey", "account": "account"}
    call = Record("r", 0.0, "client", **told, project="project", access_key="access key")
    assert not [name for name in fields(call) if f"`{name}`" not in text(Path("docs/logs.md"))]


def test_links_between_documents_lead_somewhere() -> None:
    pages = {path: re.sub(r"```.*?```", "", text(path), flags=re.DOTALL) for path in files() if path.suffix == ".md"}
    links = [(path, link) for path, page in pages.items() for link in re.findall(r"\]\(([^)#\s]+)", page)]
    assert not [
        found for found in links if "://" not in found[1] and not (REPOSITORY / found[0].parent / found[1]).exists()
    ]
