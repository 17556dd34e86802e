"""clouds.yaml, secure.yaml and `OS_*`, read as OpenStack's own clients read them."""

import os
import ssl
from pathlib import Path

import pytest
import yaml
from keystoneauth1.identity.generic import Password

from adapters.openstack import config

URL = "https://keystone.test:5000/v3"
LOGIN = {
    "auth_url": URL,
    "username": "gateway",
    "password": "hunter2",
    "project_name": "service",
    "user_domain_id": "default",
    "project_domain_id": "default",
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory as the only place for a clouds.yaml, and no `OS_*`."""
    for name in os.environ:
        if name.startswith("OS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    monkeypatch.setenv("OS_CLIENT_SECURE_FILE", str(tmp_path / "secure.yaml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(place: Path, file: str = "clouds.yaml", **cloud: object) -> None:
    (place / file).write_text(yaml.safe_dump({"clouds": {"passerelle": cloud}}))


def test_a_cloud_of_the_file(place: Path) -> None:
    write(place, auth=LOGIN, region_name="R1", interface="internal", network_endpoint_override="https://n.test/")
    found = config.load("passerelle")
    assert (found.name, found.auth_url, found.region, found.interface) == ("passerelle", URL, "R1", "internal")
    assert (found.verify, found.certificate, found.endpoints) == (True, None, {"network": "https://n.test"})


def test_settings_win_over_the_file(place: Path) -> None:
    write(place, auth=LOGIN, region_name="R1", interface="internal")
    found = config.load("passerelle", region="R2", interface="public")
    assert (found.region, found.interface) == ("R2", "public")


def test_without_a_word_the_interface_is_public(place: Path) -> None:
    write(place, auth=LOGIN)
    assert (config.load("passerelle").interface, config.load("passerelle").region) == ("public", "")


def test_the_secret_may_live_in_secure_yaml(place: Path) -> None:
    write(place, auth={k: v for k, v in LOGIN.items() if k != "password"})
    write(place, file="secure.yaml", auth={"password": "hunter2"})
    with_secret = config.load("passerelle").login
    write(place, auth=LOGIN)
    (place / "secure.yaml").unlink()
    assert config.load("passerelle").login == with_secret


def test_the_environment_stands_in_for_the_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOGIN.items():
        monkeypatch.setenv(f"OS_{name.upper()}", value)
    monkeypatch.setenv("OS_REGION_NAME", "R9")
    found = config.load("passerelle")
    assert (found.auth_url, found.region) == (URL, "R9")


def test_the_same_user_is_scoped_to_the_system(place: Path) -> None:
    write(place, auth=LOGIN)
    found = config.load("passerelle")
    assert isinstance(found.project, Password)
    assert isinstance(found.system, Password)
    assert found.project.get_cache_id_elements()["project_name"] == "service"
    elements = found.system.get_cache_id_elements()
    assert elements["username"] == "gateway"
    assert found.system._system_scope == "all"
    assert elements["project_name"] is None


def test_an_application_credential_keeps_its_scope(place: Path) -> None:
    auth = {"auth_url": URL, "application_credential_id": "a", "application_credential_secret": "s"}
    write(place, auth=auth, auth_type="v3applicationcredential")
    assert config.load("passerelle").system is None


def test_secrets_are_never_shown(place: Path) -> None:
    write(place, auth=LOGIN)
    assert "hunter2" not in repr(config.load("passerelle"))
    assert config.load("passerelle").login.hex() not in repr(config.load("passerelle"))


def test_keys_are_derived_from_the_login_alone(place: Path) -> None:
    write(place, auth=LOGIN)
    key = config.load("passerelle").derive_key("pages")
    assert len(key) == 32
    write(place, auth=LOGIN, region_name="R2")
    assert config.load("passerelle").derive_key("pages") == key
    assert config.load("passerelle").derive_key("other") != key
    write(place, auth={**LOGIN, "password": "hunter3"})
    assert config.load("passerelle").derive_key("pages") != key


@pytest.mark.parametrize(
    ("cloud", "named", "why"),
    [
        ({"auth": LOGIN}, "other", "no cloud 'other'"),
        ({"auth": {**LOGIN, "auth_url": ""}}, "passerelle", "auth_url"),
        ({"auth": {"auth_url": URL}, "auth_type": "nothing"}, "passerelle", "nothing"),
        ({"auth": {"endpoint": URL}, "auth_type": "none"}, "passerelle", "Keystone"),
        ({"auth": {**LOGIN, "endpoint": URL}, "auth_type": "none"}, "passerelle", "unexpected"),
        ({"auth": LOGIN, "cacert": "/no/such/file"}, "passerelle", "/no/such/file"),
    ],
)
def test_a_problem_is_told_in_words(place: Path, cloud: dict[str, object], named: str, why: str) -> None:
    (place / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"passerelle": cloud}}))
    assert why in config.problem_with(named)


def test_no_file_at_all_is_told(place: Path) -> None:
    assert "no cloud 'passerelle'" in config.problem_with("passerelle")


def test_a_file_that_is_no_yaml_is_told(place: Path) -> None:
    (place / "clouds.yaml").write_text("clouds:\n  passerelle: [password: hunter2\n")
    told = config.problem_with("passerelle")
    assert f"{place / 'clouds.yaml'} cannot be read: line 3" in told
    assert "hunter2" not in told


def test_a_file_of_another_shape_is_told(place: Path) -> None:
    (place / "clouds.yaml").write_text("clouds: [x]")
    assert config.problem_with("passerelle")


def test_a_usable_cloud_has_no_problem(place: Path) -> None:
    write(place, auth=LOGIN)
    assert config.problem_with("passerelle") == ""


def test_tls_follows_the_file(place: Path) -> None:
    write(place, auth=LOGIN)
    checked = config.load("passerelle").tls()
    assert (checked.verify_mode, checked.check_hostname) == (ssl.CERT_REQUIRED, True)
    write(place, auth=LOGIN, verify=False)
    unchecked = config.load("passerelle").tls()
    assert (unchecked.verify_mode, unchecked.check_hostname) == (ssl.CERT_NONE, False)
