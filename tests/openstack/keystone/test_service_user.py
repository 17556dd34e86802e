"""The gateway's own user on other projects: enabled where the operator granted a role, disabled elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from keystoneauth1 import exceptions
from keystoneauth1.session import Session as BlockingSession

from adapters.errors import BackendError, Fault
from adapters.openstack import config
from adapters.openstack.cloud import CloudFactory
from adapters.openstack.keystone.login import Login
from adapters.openstack.keystone.service_user import ScopeMemory, ServiceScope, ServiceUser
from adapters.types.objects import Listing
from tests.openstack.keystone.test_login import CONFIG, Clock, Plugin
from tests.support.target import Target


class Rescoping:
    """Makes plugins for projects; Keystone accepts those for the `granted` projects."""

    def __init__(self, *granted: str) -> None:
        self.clock = Clock()
        self.granted = set(granted)
        self.down = False
        self.plugins: list[Plugin] = []
        self.made: list[str] = []

    def __call__(self, project_id: str) -> Plugin:
        self.made.append(project_id)
        refused = exceptions.ConnectFailure() if self.down else exceptions.Unauthorized("none")
        self.plugins.append(
            Plugin(self.clock, project_id, None if project_id in self.granted and not self.down else refused)
        )
        return self.plugins[-1]

    def user(self, most: int = 1000) -> ServiceUser:
        known = config.CloudConfig(
            CONFIG.name, CONFIG.auth_url, "R1", "public", True, None, {}, None, None, b"", rescope=self
        )
        return ServiceUser(known, BlockingSession(), monotonic=self.clock.monotonic, most=most)


def fault_of(work: Awaitable[object]) -> Fault:
    async def go() -> None:
        await work

    with pytest.raises(BackendError) as caught:
        asyncio.run(go())
    return caught.value.fault


def test_a_project_is_logged_into_once() -> None:
    keystone = Rescoping("a")
    user = keystone.user()
    assert asyncio.run(user.login("a")) is asyncio.run(user.login("a"))
    assert keystone.made == ["a"]


def test_a_refusal_is_remembered_for_a_while() -> None:
    keystone = Rescoping()
    user = keystone.user()
    for _ in range(3):
        assert fault_of(user.login("a")) is Fault.FORBIDDEN
    assert keystone.made == ["a"]
    keystone.granted.add("a")
    keystone.clock.seconds += 61
    asyncio.run(user.login("a"))


def test_logins_are_bounded() -> None:
    keystone = Rescoping("a", "b", "c")
    user = keystone.user(most=2)
    for project in ("a", "b", "c", "a"):
        asyncio.run(user.login(project))
    assert keystone.made == ["a", "b", "c", "a"]


def test_many_callers_at_once_share_one_login_and_one_failure() -> None:
    keystone = Rescoping("a")
    user = keystone.user()

    async def work(project: str) -> set[object]:
        outcomes = await asyncio.gather(*(user.login(project) for _ in range(20)), return_exceptions=True)
        return {one.fault if isinstance(one, BackendError) else type(one) for one in outcomes}

    assert asyncio.run(work("a")) == {Login}
    keystone.down = True
    assert asyncio.run(work("b")) == {Fault.UNAVAILABLE}
    assert keystone.made == ["a", "b"]
    assert keystone.plugins[-1].logins == 1


def test_where_the_user_can_act_is_asked_once_for_all() -> None:
    clock, asked = Clock(), list[float]()
    answers: list[ServiceScope | BackendError] = [
        BackendError(Fault.UNAVAILABLE, service="identity"),
        ServiceScope("gw", "service", 3, movable=True),
        BackendError(Fault.UNAVAILABLE, service="identity"),
    ]

    async def ask() -> ServiceScope:
        asked.append(clock.seconds)
        await asyncio.sleep(0)
        answer = answers.pop(0)
        if isinstance(answer, BackendError):
            raise answer
        return answer

    memory = ScopeMemory(ask, monotonic=clock.monotonic)

    async def callers() -> set[object]:
        outcomes = await asyncio.gather(*(memory.get() for _ in range(20)), return_exceptions=True)
        return {one.fault if isinstance(one, BackendError) else one for one in outcomes}

    async def work() -> None:
        known = answers[1]
        assert [await callers(), await callers()] == [{Fault.UNAVAILABLE}] * 2
        clock.seconds = 1.0
        assert await callers() == {known}
        clock.seconds = 602.0  # Keystone is down again, and what it said lately serves on
        assert [await callers(), await callers()] == [{known}] * 2
        assert asked == [0.0, 1.0, 602.0]

    asyncio.run(work())


def test_a_login_that_is_bound_to_its_project() -> None:
    user = ServiceUser(CONFIG, BlockingSession())
    assert fault_of(user.login("a")) is Fault.UNSUPPORTED


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        (ServiceScope("gw", "service", 3, movable=True), "service identity: on; user gw has a role on 3 projects"),
        (ServiceScope("gw", "service", 0, movable=True), "service identity: off; user gw has a role on no project but"),
        (ServiceScope("gw", "service", 3, movable=False), "service identity: off; the login is bound to project"),
    ],
)
def test_it_is_told(scope: ServiceScope, said: str) -> None:
    assert scope.summary().startswith(said)
    assert scope.enabled is said.startswith("service identity: on")


def test_a_password_can_be_scoped_to_another_project_and_an_application_credential_cannot(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text(
        """
clouds:
  password: {auth: {auth_url: "http://k/v3", username: u, password: p, project_name: service,
             user_domain_id: default, project_domain_id: default}}
  application: {auth_type: v3applicationcredential, auth: {auth_url: "http://k/v3", application_credential_id: i,
                application_credential_secret: s}}
"""
    )
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    rescope = config.load("password").rescope
    assert rescope is not None
    scope = rescope("p1").get_cache_id_elements()
    assert (scope["project_id"], scope["project_name"], scope["username"]) == ("p1", None, "u")
    assert config.load("application").rescope is None


def on_cloud(cloud: Target, login: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that runs work with a factory whose own user is `login`."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.clouds_yaml))

    def run(work: Callable[[CloudFactory], Awaitable[Any]]) -> Any:
        async def go() -> Any:
            factory = await CloudFactory.open(config.load(login))
            try:
                return await work(factory)
            finally:
                await factory.aclose()

        return asyncio.run(go())

    return run


def test_with_the_grant_the_gateway_sees_a_project_as_its_owner_does(
    cloud: Target, s3: Any, openstack_main: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    async def work(factory: CloudFactory) -> None:
        scope = await factory.service_scope()
        assert scope.enabled
        seen = await factory.service(openstack_main.current_project_id, "r1")
        assert [row["name"] for row in await seen.objects.objects(bucket, Listing())] == ["k"]
        # Only Swift's policy names the role.
        with pytest.raises(BackendError) as caught:
            await seen.compute.servers()
        assert caught.value.fault is Fault.FORBIDDEN

    on_cloud(cloud, cloud.cloud, monkeypatch)(work)


def test_without_the_grant_it_is_off(cloud: Target, openstack_alt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(factory: CloudFactory) -> None:
        assert not (await factory.service_scope()).enabled
        with pytest.raises(BackendError) as caught:
            await factory.service(openstack_alt.current_project_id, "r1")
        assert caught.value.fault is Fault.FORBIDDEN

    on_cloud(cloud, "main", monkeypatch)(work)


def test_the_log_says_at_start_up_what_is_on(gateway: Any) -> None:
    def told() -> list[str]:
        return [line["message"] for line in gateway.lines() if line["message"].startswith("service identity: ")]

    assert told()
    assert told()[-1].startswith("service identity: on; user passerelle has a role on ")
