"""The gateway's own login: shared by callers, renewed in time, few retries, and failures that are not the client's."""

import asyncio
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from keystoneauth1 import exceptions
from keystoneauth1.session import Session as BlockingSession

from adapters.errors import BackendError, Fault
from adapters.openstack.config import CloudConfig
from adapters.openstack.keystone.login import Login
from tests.openstack.stage import PROJECT

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CONFIG = CloudConfig("passerelle", "http://keystone.test/v3", "R1", "public", True, None, {}, None, None, b"")


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


# Keystone's own shape: a service may have no endpoint, and an endpoint may name its region in one of two places.
CATALOGUE = [
    {"type": "identity", "endpoints": [{"region_id": "R1"}, {"region_id": "RegionTwo", "region": "x"}]},
    {"type": "compute", "endpoints": [{"region": "Oslo"}, {"url": "http://c"}, {"region_id": None}]},
    {"type": "empty"},
]


class Plugin:
    """Logs in as keystoneauth's plugins do: blocking, with a new token each time, or with an error."""

    def __init__(self, clock: Clock, name: str, error: Exception | None = None) -> None:
        self.logins = 0
        self.error = error
        self._clock = clock
        self._name = name
        self._lock = threading.Lock()

    def get_auth_ref(self, _: BlockingSession) -> Any:
        with self._lock:
            self.logins += 1
            number = self.logins
        time.sleep(0.01)
        if self.error is not None:
            raise self.error
        return SimpleNamespace(
            auth_token=f"{self._name}-{number}",
            expires=self._clock.now() + timedelta(hours=1),
            user_id="g",
            username="gateway",
            project_id=PROJECT,
            project_name="service",
            user_domain_id="default",
            role_names=["service"],
            service_catalog=SimpleNamespace(url_for=self._no_url, catalog=CATALOGUE),
        )

    def _no_url(self, **_: object) -> None:
        raise exceptions.EndpointNotFound("none")


def stage(*errors: Exception | None) -> tuple[Clock, list[Plugin], Login]:
    clock = Clock()
    plugins = [Plugin(clock, f"scope{n}", error) for n, error in enumerate(errors)]
    login = Login(plugins, BlockingSession(), CONFIG, now=clock.now, monotonic=clock.monotonic)
    return clock, plugins, login


def test_a_hundred_callers_share_one_login() -> None:
    _, [plugin], login = stage(None)

    async def work() -> None:
        tokens = await asyncio.gather(*(login.token() for _ in range(100)))
        assert {token.id for token in tokens} == {"scope0-1"}
        assert (await login.token()).catalog == {"identity": "http://keystone.test/v3"}

    asyncio.run(work())
    assert plugin.logins == 1


def test_a_token_near_its_end_is_replaced() -> None:
    clock, [plugin], login = stage(None)

    async def work() -> None:
        assert (await login.token()).id == "scope0-1"
        clock.seconds = 3500
        assert (await login.token()).id == "scope0-1"
        clock.seconds = 3550
        assert (await login.token()).id == "scope0-2"

    asyncio.run(work())
    assert plugin.logins == 2


def test_a_refused_token_is_replaced_once_for_all_who_hold_it() -> None:
    clock, [plugin], login = stage(None)

    async def work() -> None:
        stale = await login.token()
        clock.seconds = 60
        renewed = await asyncio.gather(*(login.renew(stale) for _ in range(20)))
        assert {token.id for token in renewed} == {"scope0-2"}

    asyncio.run(work())
    assert plugin.logins == 2


def test_refusals_in_a_row_do_not_become_a_storm_of_logins() -> None:
    clock, [plugin], login = stage(None)

    async def work() -> None:
        for _ in range(100):
            await login.renew(await login.token())
            clock.seconds += 0.05

    asyncio.run(work())
    assert plugin.logins == 1


@pytest.mark.parametrize("refusal", [exceptions.Unauthorized(), exceptions.Forbidden()])
def test_a_refused_scope_falls_back_to_the_next(refusal: Exception) -> None:
    _, [system, project], login = stage(refusal, None)
    assert asyncio.run(login.token()).id == "scope1-1"
    assert (system.logins, project.logins) == (1, 1)


@pytest.mark.parametrize(
    "error",
    [
        exceptions.Unauthorized("wrong password hunter2"),
        exceptions.ConnectFailure("http://10.0.0.7 refused"),
        exceptions.ServiceUnavailable(),
        exceptions.DiscoveryFailure(),
        exceptions.SSLError(),
    ],
)
def test_a_login_that_fails_is_the_clouds_fault_and_not_the_clients(error: Exception) -> None:
    clock, [plugin], login = stage(error)

    async def work() -> None:
        with pytest.raises(BackendError) as caught:
            await login.token()
        assert (caught.value.fault, caught.value.service) == (Fault.UNAVAILABLE, "identity")
        assert "10.0.0.7" not in str(caught.value)
        plugin.error = None
        clock.seconds += 1
        assert (await login.token()).id == "scope0-2"

    asyncio.run(work())


def test_callers_share_a_login_that_fails_and_the_next_one_is_a_second_later() -> None:
    """While Keystone is down it is asked once a second, however many requests come."""
    clock, [plugin], login = stage(exceptions.ConnectFailure())

    async def work() -> None:
        for _ in range(2):
            outcomes = await asyncio.gather(*(login.token() for _ in range(100)), return_exceptions=True)
            assert all(isinstance(one, BackendError) and one.fault is Fault.UNAVAILABLE for one in outcomes)
        assert plugin.logins == 1
        clock.seconds += 1
        with pytest.raises(BackendError):
            await login.token()
        assert plugin.logins == 2

    asyncio.run(work())


def test_a_cancelled_caller_does_not_stop_the_others() -> None:
    _, _, login = stage(None)

    async def work() -> None:
        first = asyncio.create_task(login.token())
        second = asyncio.create_task(login.token())
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).user_name == "gateway"
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(work())


def test_a_login_tells_the_other_regions_of_the_catalogue() -> None:
    _, _, login = stage(None)
    assert login.other_regions == frozenset()
    asyncio.run(login.token())
    assert login.other_regions == {"regiontwo", "oslo"}


def test_no_region_is_another_one_where_the_own_has_no_name() -> None:
    clock = Clock()
    nameless = Login([Plugin(clock, "scope", None)], BlockingSession(), replace(CONFIG, region=""), now=clock.now)
    asyncio.run(nameless.token())
    assert nameless.other_regions == frozenset()
