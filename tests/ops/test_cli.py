"""The command line: every setting an option, every problem named, no secret shown."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from shim.cli import main
from shim.config import Settings
from tests.support.certificates import self_signed

CLOUDS = """
clouds:
  passerelle:
    auth: {auth_url: "http://127.0.0.1:1/v3", username: u, password: p, project_name: service,
           user_domain_id: default, project_domain_id: default}
"""


@pytest.fixture
def clouds(tmp_path: Path) -> str:
    """A clouds.yaml with the gateway's entry; nothing listens where it points."""
    path = tmp_path / "clouds.yaml"
    path.write_text(CLOUDS)
    return str(path)


def run(*words: str, **variables: str) -> Result:
    """Run `passerelle` with no settings in the environment but these."""
    cleared: dict[str, str | None] = {name: None for name in os.environ if name.startswith(("PASSERELLE_", "OS_"))}
    return CliRunner().invoke(main, words, env={**cleared, **variables})


def test_every_setting_is_an_option_except_secrets() -> None:
    shown = run("serve", "--help").output
    secrets = {"page_token_key", "session_key"}
    for name in set(Settings.model_fields) - secrets:
        assert f"--{name.replace('_', '-')}" in shown
    for name in secrets:
        assert f"--{name.replace('_', '-')}" not in shown


def test_options_win_over_variables_and_variables_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "gateway.env"
    file.write_text("PASSERELLE_PORT=1001\nPASSERELLE_HOST=192.0.2.1\nPASSERELLE_REGION=file\n")
    found = json.loads(
        run(
            "config",
            "--json",
            "--env-file",
            str(file),
            "--port",
            "3003",
            PASSERELLE_PORT="2002",
            PASSERELLE_REGION="env",
        ).output
    )
    assert (found["port"], found["host"], found["region"]) == (3003, "192.0.2.1", "env")


def test_lists_and_tables_are_repeated_options() -> None:
    words = ["--s3-hosts", "s3.example.org", "--s3-hosts", "b.example.org", "--account-ids", "p1=123456789012"]
    found = json.loads(run("config", "--json", *words).output)
    assert found["s3_hosts"] == ["s3.example.org", "b.example.org"]
    assert found["account_ids"] == {"p1": "123456789012"}


def test_both_names_of_the_state_directory(tmp_path: Path) -> None:
    for name in ("PASSERELLE_STATE", "PASSERELLE_STATE_DIR"):
        assert json.loads(run("config", "--json", **{name: str(tmp_path)}).output)["state_dir"] == str(tmp_path)


def test_secrets_are_masked() -> None:
    shown = run("config", PASSERELLE_PAGE_TOKEN_KEY="do-not-show").output
    assert "PASSERELLE_PAGE_TOKEN_KEY=****" in shown
    assert "do-not-show" not in shown


def test_all_malformed_settings_are_named_and_none_repeated() -> None:
    found = run("config", "check", PASSERELLE_PORT="secret1", PASSERELLE_LOG_LEVEL="secret2")
    assert found.exit_code == 1
    assert "PASSERELLE_PORT: " in found.output
    assert "PASSERELLE_LOG_LEVEL: " in found.output
    assert "secret" not in found.output


@pytest.mark.parametrize("hosts", ["localhost", "Web.example", "web.example:80", "web.example.", ""])
def test_a_host_of_websites_is_a_name_of_its_own(hosts: str) -> None:
    found = run("config", "check", PASSERELLE_S3_WEBSITE_HOSTS=json.dumps([hosts]))
    assert found.exit_code == 1
    assert "PASSERELLE_S3_WEBSITE_HOSTS: " in found.output


def test_websites_need_names_of_the_whole_cloud(clouds: str) -> None:
    words = ("config", "check", "--s3-website-hosts", "web.example")
    assert run(*words, OS_CLIENT_CONFIG_FILE=clouds).exit_code == 0
    found = run(*words, "--bucket-names", "project", OS_CLIENT_CONFIG_FILE=clouds)
    assert found.exit_code == 1
    assert "PASSERELLE_S3_WEBSITE_HOSTS: " in found.output


def test_a_usable_configuration_passes(clouds: str) -> None:
    found = run("config", "check", OS_CLIENT_CONFIG_FILE=clouds)
    assert (found.exit_code, found.output) == (0, "the settings are usable\n")


def test_a_check_takes_the_options_of_serve(clouds: str) -> None:
    words = {*run("serve", "--help").output.split()}
    options = {word for word in words if word.startswith("--") and word.strip("-")}
    assert options <= {*run("config", "check", "--help").output.split()}
    for line in (("config", "check", "--cloud", "elsewhere"), ("config", "--cloud", "elsewhere", "check")):
        found = run(*line, OS_CLIENT_CONFIG_FILE=clouds)
        assert found.exit_code == 1
        assert "PASSERELLE_CLOUD: no cloud 'elsewhere' in" in found.output
    last = run("config", "--cloud", "elsewhere", "check", "--cloud", "passerelle", OS_CLIENT_CONFIG_FILE=clouds)
    assert last.exit_code == 0, last.output


def test_a_malformed_setting_hides_no_other_problem(clouds: str) -> None:
    found = run(
        "config", "check", "--port", "x", "--region-names", "a b", "--log-level", "loud",
        OS_CLIENT_CONFIG_FILE=clouds, PASSERELLE_PROT="8788", PASSERELLE_CLOUD="elsewhere",
        PASSERELLE_DRAIN_SECONDS="soon",
    )  # fmt: skip
    assert found.exit_code == 1
    for problem in (
        "PASSERELLE_PROT: there is no such setting",
        "PASSERELLE_PORT: ",
        "PASSERELLE_LOG_LEVEL: ",
        "PASSERELLE_DRAIN_SECONDS: ",
        "PASSERELLE_REGION_NAMES: 'a b' is not the name of a region",
        "PASSERELLE_CLOUD: no cloud 'elsewhere' in",
    ):
        assert problem in found.output
    assert found.output.endswith("6 problems\n")


def test_every_problem_of_a_well_formed_configuration_is_named(clouds: str, tmp_path: Path) -> None:
    found = run(
        "config", "--tls-key", str(tmp_path / "key"), "--account-ids", "a=1", "--account-ids", "b=1",
        "--disable-file", str(tmp_path / "none" / "file"), "--cloud", "elsewhere", "check",
        OS_CLIENT_CONFIG_FILE=clouds, PASSERELLE_PROT="8788",
    )  # fmt: skip
    assert found.exit_code == 1
    for problem in (
        "PASSERELLE_PROT: there is no such setting",
        "PASSERELLE_TLS_CERTIFICATE and PASSERELLE_TLS_KEY: both or neither",
        "PASSERELLE_ACCOUNT_IDS: '1' for project a is not 12 digits",
        "projects a and b share the account id 1",
        "PASSERELLE_DISABLE_FILE: there is no directory",
        "PASSERELLE_CLOUD: no cloud 'elsewhere' in",
    ):
        assert problem in found.output
    assert found.output.endswith("5 problems\n")


def test_the_settings_refuse_two_projects_with_one_account_id() -> None:
    with pytest.raises(ValidationError, match="projects p1 and p3 share the account id 123456789012"):
        Settings.model_validate({"account_ids": {"p1": "123456789012", "p2": "123456789013", "p3": "123456789012"}})
    for malformed in ("1", "12345678901x", "١٢٣٤٥٦٧٨٩٠١٢"):
        with pytest.raises(ValidationError, match="is not 12 digits"):
            Settings.model_validate({"account_ids": {"p1": malformed}})


def test_storage_classes_are_mapped_to_names_of_policies() -> None:
    assert Settings.model_validate({"s3_storage_classes": {"GLACIER": "Cold-1"}}).s3_storage_classes == {
        "GLACIER": "cold-1"
    }
    for malformed in ("", "a/b", "a b", "kälte"):
        with pytest.raises(ValidationError, match="is not the name of a storage policy"):
            Settings.model_validate({"s3_storage_classes": {"GLACIER": malformed}})
    for unknown in ("STANDARD", "OUTPOSTS", "nonsense"):
        with pytest.raises(ValidationError, match="s3_storage_classes"):
            Settings.model_validate({"s3_storage_classes": {unknown: "cold"}})


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("bogus://elsewhere", "PASSERELLE_COORDINATION_URL: tooz has no driver 'bogus'"),
        ("nothing", "PASSERELLE_COORDINATION_URL: tooz has no driver ''"),
        ("redis://:do-not-show@192.0.2.1", "PASSERELLE_COORDINATION_URL: the driver 'redis' needs the package 'redis'"),
    ],
)
def test_a_coordination_url_without_a_driver(clouds: str, url: str, problem: str) -> None:
    for command in (("config", "check"), ("serve",)):
        found = run(*command, OS_CLIENT_CONFIG_FILE=clouds, PASSERELLE_COORDINATION_URL=url)
        assert found.exit_code == 1
        assert problem in found.output
        assert "do-not-show" not in found.output


def test_a_place_for_locks_that_cannot_be_made(clouds: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for place in (file, file / "below"):
        for command in (("config", "check"), ("serve",)):
            found = run(*command, OS_CLIENT_CONFIG_FILE=clouds, PASSERELLE_STATE=str(place))
            assert found.exit_code == 1
            assert "PASSERELLE_STATE_DIR: no directory can be made at" in found.output
    shared = run("config", "check", OS_CLIENT_CONFIG_FILE=clouds, PASSERELLE_STATE=str(file),
                 PASSERELLE_COORDINATION_URL="file:///tmp")  # fmt: skip
    assert shared.exit_code == 0, shared.output


def test_the_password_of_the_coordination_service_is_masked() -> None:
    for words in ((), ("--json",)):
        shown = run("config", *words, PASSERELLE_COORDINATION_URL="redis://user:do-not-show@192.0.2.1:6379?db=1").output
        assert "redis://user:***@192.0.2.1:6379?db=1" in shown
        assert "do-not-show" not in shown


def test_a_key_with_a_pass_phrase_is_refused_and_nobody_asked_for_it(clouds: str, tmp_path: Path) -> None:
    key = tmp_path / "encrypted.pem"
    phrase = serialization.BestAvailableEncryption(b"phrase")
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    key.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(*pem, phrase))
    certificate, _ = self_signed(tmp_path)
    found = run("config", "--tls-certificate", str(certificate), "--tls-key", str(key), "check",
                OS_CLIENT_CONFIG_FILE=clouds)  # fmt: skip
    assert found.exit_code == 1
    assert "PASSERELLE_TLS_KEY: it is encrypted, and the gateway asks nobody for a pass phrase" in found.output


def test_serve_refuses_the_same_problems(clouds: str) -> None:
    found = run("serve", "--tls-key", "/nowhere/key", OS_CLIENT_CONFIG_FILE=clouds)
    assert found.exit_code == 1
    assert "both or neither" in found.output


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("PASSERELLE_HOST", "no such host", "Error: cannot listen on no such host port 0 or 127.0.0.1 port 0: "),
        (
            "PASSERELLE_METRICS_HOST",
            "no such host",
            "Error: cannot listen on 127.0.0.1 port 0 or no such host port 0: ",
        ),
        ("PASSERELLE_STATE", "/proc/nowhere", "Error: cannot use /proc/nowhere: No such file or directory"),
        (
            "PASSERELLE_COORDINATION_URL",
            "file:///proc/nowhere",
            "Error: cannot use /proc/nowhere: No such file or directory",
        ),
    ],
)
def test_what_serve_finds_out_at_its_start_is_a_sentence(
    clouds: str, tmp_path: Path, variable: str, value: str, sentence: str
) -> None:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PASSERELLE_", "OS_"))}
    places = {"OS_CLIENT_CONFIG_FILE": clouds, "PASSERELLE_STATE": str(tmp_path), variable: value}
    done = subprocess.run(
        [sys.executable, "-m", "shim", "serve", "--port", "0", "--metrics-port", "0"],
        env=kept | places, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(sentence) or f"\n{sentence}" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_actions_as_text_and_as_data() -> None:
    found = json.loads(run("actions", "--json").output)
    assert {row["service"] for row in found} == {"ec2", "s3", "sts"}
    identity = next(row for row in found if row["operation"] == "GetCallerIdentity")
    assert identity == {
        "service": "sts",
        "operation": "GetCallerIdentity",
        "supports": [],
        "ignores": {},
        "values": {},
        "refuses": [],
    }
    text = run("actions", "--service", "sts").output
    assert "sts  GetCallerIdentity\n" in text
    assert text.endswith("\n4 actions\n")


def test_strangers_packages_are_refused(tmp_path: Path) -> None:
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / "__init__.py").write_text('"""A package that somebody else published."""\n')
    done = subprocess.run(
        [sys.executable, "-m", "shim", "config"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "is not Passerelle's" in done.stderr


def test_a_cloud_that_never_was_up_is_a_sentence(tmp_path: Path) -> None:
    found = run("cloud", "env", "--state-dir", str(tmp_path))
    assert found.exit_code == 1
    assert found.output.startswith("Error: ")
    assert "bring the cloud up first" in found.output


@pytest.mark.parametrize("flag", ["--dry-run", "--versions-too"])
def test_only_a_sweep_of_segments_has_these_flags(flag: str) -> None:
    found = CliRunner().invoke(main, ["sweep", flag])
    assert (found.exit_code, f"{flag} goes with --segments" in found.output) == (2, True)
