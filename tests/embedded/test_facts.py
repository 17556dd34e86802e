"""facts.json comes back as it was written; clouds.yaml is read by the SDK whose file it is."""

from pathlib import Path

import openstack.config
import pytest

from adapters.embedded import Account, CloudError, CloudFacts, facts

FACTS = CloudFacts(
    "http://127.0.0.1:20000/v3",
    "RegionOne",
    {"keystone": 20000},
    {
        "admin": Account("admin", "admin", "u0", "p0", password="admin-password"),
        "passerelle": Account("passerelle", "service", "u1", "p1", password="its-password"),
        "main": Account("main", "main", "u2", "p2", password="main-password", access="AK", secret="main-secret"),
    },
)


def test_facts_survive_writing_and_reading(tmp_path: Path) -> None:
    facts.save(tmp_path / "facts.json", FACTS)
    assert facts.load(tmp_path / "facts.json") == FACTS
    assert (tmp_path / "facts.json").stat().st_mode & 0o777 == 0o600


def test_without_facts_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="bring the cloud up first"):
        facts.load(tmp_path / "facts.json")


def test_no_secret_is_in_a_repr() -> None:
    assert "password" not in repr(FACTS)
    assert "main-secret" not in repr(FACTS)


def test_environment_of_a_member_and_of_the_system() -> None:
    assert facts.environment(FACTS, "main")["OS_PROJECT_NAME"] == "main"
    system = facts.environment(FACTS, "passerelle-system")
    assert system["OS_USERNAME"] == "passerelle"
    assert system["OS_SYSTEM_SCOPE"] == "all"
    assert "OS_PROJECT_NAME" not in system


def test_environment_of_a_stranger_names_those_there_are() -> None:
    with pytest.raises(CloudError, match="admin, passerelle, main"):
        facts.environment(FACTS, "nobody")


@pytest.mark.filterwarnings("ignore:Support for InfluxDB")  # the SDK says so to everybody
def test_the_sdk_reads_clouds_yaml(tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text(facts.clouds_yaml(FACTS))
    loader = openstack.config.OpenStackConfig(config_files=[str(file)], load_envvars=False)
    assert set(loader.get_cloud_names()) == {"admin", "passerelle", "main", "passerelle-system"}
    main = loader.get_one("main")
    assert main.config["auth"]["password"] == "main-password"
    assert main.config["auth"]["project_name"] == "main"
    assert loader.get_one("passerelle-system").config["auth"]["system_scope"] == "all"
