"""The plugin: its options, its fixtures, and what it does for suites that were written with moto.

Where no option of it is given and no fixture is asked for, it does nothing, and nothing further is imported.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_passerelle.account import Account
    from pytest_passerelle.clients import Clients
    from pytest_passerelle.state import State
    from pytest_passerelle.summary import Summary

STATE: pytest.StashKey[State] = pytest.StashKey()
SUMMARY: pytest.StashKey[Summary] = pytest.StashKey()
LEFT = pytest.StashKey[list[str]]()
USED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options."""
    group = parser.getgroup("passerelle", "Passerelle: an AWS API on a real OpenStack")
    add = group.addoption
    add("--passerelle-cloud", default="", metavar="NAME",
        help="Entry of clouds.yaml for the gateway's service user; without it, the embedded cloud.")  # fmt: skip
    add("--passerelle-admin", default="admin", metavar="NAME",
        help="Entry of clouds.yaml for an admin, who makes a project for each test (default: admin).")  # fmt: skip
    add("--passerelle-state-dir", default=os.environ.get("PASSERELLE_STATE", "~/.local/state/passerelle"),
        metavar="DIR", help="Directory of the embedded cloud [PASSERELLE_STATE].")  # fmt: skip
    add("--passerelle-default-vpc", default="auto", choices=["auto", "always", "never"],
        help="Whether an account has a default VPC: when EC2 is first called (auto), always or never.")  # fmt: skip
    add("--passerelle-keep", action="store_true",
        help="Leave the cloud and the gateway running, so that the next session finds them.")  # fmt: skip
    add("--passerelle-instead-of-moto", action="store_true",
        help="Let moto's mocks open an account on the gateway: a suite with mock_aws runs unchanged.")  # fmt: skip
    add("--passerelle-parity", choices=["moto"],
        help="Run each test that asks for an account on moto too, and fail where the two differ.")  # fmt: skip
    add("--passerelle-report", metavar="FILE", help="With --passerelle-instead-of-moto: each test's result as JSON.")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Take moto's mocks over, and note calls, before the first conftest.py imports moto."""
    options = early_config.known_args_namespace
    if options.passerelle_instead_of_moto or options.passerelle_parity:
        try:
            state_of(early_config).install(options.passerelle_instead_of_moto)
        except import_module("pytest_passerelle.moto_suites").MotoError as error:
            raise pytest.UsageError(f"--passerelle-instead-of-moto: {error}") from None


def pytest_configure(config: pytest.Config) -> None:
    """Begin the summary where there will be one."""
    if config.getoption("passerelle_instead_of_moto"):
        config.stash[SUMMARY] = import_module("pytest_passerelle.summary").Summary()
        config.pluginmanager.register(config.stash[SUMMARY], "passerelle-summary")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test on both sides where parity is asked for."""
    state = item.config.stash.get(STATE, None)
    if state is None:
        return None
    state.begin()
    if not item.config.getoption("passerelle_parity"):
        return None
    hook = item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in import_module("pytest_passerelle.parity").run_both(item, state):
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say in a report what its test called, if it used moto's mock."""
    report = yield
    state = item.config.stash.get(STATE, None)
    if state is not None and state.used_mock:
        summary = import_module("pytest_passerelle.summary")
        raised = call.excinfo.value if call.excinfo and report.failed else None
        setattr(report, summary.ATTRIBUTE, summary.told(state.calls, looks_into_moto(item), raised))
    return report


def looks_into_moto(item: pytest.Item) -> list[str]:
    """Return what a test uses of moto's own."""
    function = getattr(item, "originalname", None) or item.name
    further = tuple(getattr(item, "fixturenames", ()))
    found: list[str] = import_module("pytest_passerelle.internals").looks_into_moto(item.path, function, further)
    return found


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the accounts of this process; the last process stops what was started."""
    config = session.config
    state = config.stash.get(STATE, None)
    used = state is not None and state.used
    left = state.end() if state is not None else []
    if hasattr(config, "workeroutput"):
        config.workeroutput["passerelle"] = {"used": used, "left": left}
        return
    config.stash.setdefault(LEFT, []).extend(left)
    if (used or config.stash.get(USED, False)) and not config.getoption("passerelle_keep"):
        import_module("pytest_passerelle.link").stop(wanted(config))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in what a worker of pytest-xdist says at its end."""
    said = getattr(node, "workeroutput", {}).get("passerelle", {"used": False, "left": []})
    config = node.config
    config.stash[USED] = config.stash.get(USED, False) or said["used"]
    config.stash.setdefault(LEFT, []).extend(said["left"])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print which of moto's tests ran here, and what could not be removed."""
    summary = config.stash.get(SUMMARY, None)
    if summary is not None and summary.tests:
        terminalreporter.section("Passerelle instead of moto")
        for line in summary.lines():
            terminalreporter.line(line)
    if summary is not None and (file := config.getoption("passerelle_report")):
        summary.write(Path(file))
    if left := config.stash.get(LEFT, []):
        terminalreporter.section("Passerelle could not remove", red=True)
        for line in left:
            terminalreporter.line(line)


def wanted(config: pytest.Config) -> dict[str, str]:
    """Return what the options say of the cloud, as the keeper takes it."""
    option = config.known_args_namespace
    return {
        "state": str(Path(option.passerelle_state_dir).expanduser().absolute()),
        "cloud": option.passerelle_cloud,
        "admin": option.passerelle_admin,
        "clouds_yaml": os.environ.get("OS_CLIENT_CONFIG_FILE", ""),
        "venv": os.environ.get("PASSERELLE_CLOUD_VENV", ""),
    }


def state_of(config: pytest.Config) -> State:
    """Return the state of this process, made when it is first asked for."""
    if STATE not in config.stash:

        def say(line: str) -> None:
            capture = config.pluginmanager.getplugin("capturemanager")
            with capture.global_and_fixture_disabled() if capture else nullcontext():
                print(f"\n  passerelle: {line}", end="", file=sys.__stderr__, flush=True)

        vpc = config.known_args_namespace.passerelle_default_vpc
        config.stash[STATE] = import_module("pytest_passerelle.state").State(wanted(config), say, vpc=vpc)
    return config.stash[STATE]


@pytest.fixture
def passerelle_accounts(pytestconfig: pytest.Config) -> Iterator[Callable[[], Account]]:
    """A function that makes an account; all that it made are removed after the test."""
    state = state_of(pytestconfig)
    made: list[Account] = []

    def make() -> Account:
        if made and state.on != "passerelle":
            pytest.skip("moto has one account")
        made.append(state.open())
        return made[-1]

    yield make
    for account in made:
        state.close(account)


@pytest.fixture
def passerelle_account(passerelle_accounts: Callable[[], Account]) -> Account:
    """The test's own account: an endpoint, keys, and nothing in it."""
    return passerelle_accounts()


@pytest.fixture
def passerelle_endpoint(passerelle_account: Account) -> str:
    """The URL of the AWS API."""
    return passerelle_account.endpoint_url


@pytest.fixture
def passerelle(passerelle_account: Account, pytestconfig: pytest.Config) -> Iterator[Clients]:
    """boto3 for the test's account: `passerelle.client("s3")`, `passerelle.resource("ec2")`."""
    clients: Clients = import_module("pytest_passerelle.clients").Clients(passerelle_account, state_of(pytestconfig))
    yield clients
    clients.close()


@pytest.fixture
def passerelle_environment(passerelle_account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The test's account in the environment, for programs and for code that makes its own clients."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    if boto3 := sys.modules.get("boto3"):  # its default session keeps the credentials that it found first
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in passerelle_account.environment.items():
        monkeypatch.setenv(name, value)
    return passerelle_account


@pytest.fixture
def passerelle_openstack(passerelle_account: Account) -> Iterator[Any]:
    """The same project by OpenStack's own API: an openstacksdk connection of the account's user."""
    if not passerelle_account.auth:
        pytest.skip("moto has no OpenStack")
    with warnings.catch_warnings():
        # It warns of its own defaults and its own calls, whenever it is used at all.
        warnings.filterwarnings("ignore", module=r"openstack\.")
        with import_module("openstack").connection.Connection(auth=dict(passerelle_account.auth)) as connection:
            yield connection
