"""The OpenStack calls for each additional instance of a launch."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from shim.config import Settings
from shim.context import Call, Caller
from shim.ec2.launch.run_instances import run_instances
from shim.locks import Locks
from tests.ec2.acting import act
from tests.ec2.launch.test_launch_half_done import Cloud
from tests.ec2.launch.test_launch_request import ASKED
from tests.ec2.launch.test_launch_volumes import REQUEST, Cinder, Nova


class Counting:
    """A port that counts its calls."""

    def __init__(self, port: Any, counts: Counter[str]) -> None:
        self._port = port
        self._counts = counts

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: object, **options: object) -> Any:
            self._counts[name] += 1
            return await method(*args, **options)

        return call


def calls(request: dict[str, Any], count: int) -> Counter[str]:
    """Launch so many instances, and count the calls by name."""
    counts: Counter[str] = Counter()
    cinder = Cinder()
    cloud: Any = Cloud(Nova(cinder))
    cloud.block = cinder
    for port in ("compute", "network", "block", "images"):
        setattr(cloud, port, Counting(getattr(cloud, port), counts))
    caller = Caller("access", "u", "user", "p", "project", "123456789012", frozenset())
    call = Call(cloud, caller, "r", "us-east-1", "RunInstances", Settings.model_validate({}), Locks(""))
    answer = asyncio.run(act(run_instances, call, {**request, "MinCount": count, "MaxCount": count}))
    assert len(answer["Instances"]) == count
    return counts


@pytest.mark.parametrize(
    ("request_", "more"),
    [
        (ASKED, {"create_server": 1}),
        ({**ASKED, "ClientToken": "token"}, {"create_server": 1}),
        (REQUEST, {"create_server": 1, "set_volume_metadata": 1}),
    ],
)
def test_an_instance_more_costs_its_own_calls_alone(request_: dict[str, Any], more: dict[str, int]) -> None:
    few, many = calls(request_, 10), calls(request_, 60)
    assert {name: (many[name] - few[name]) / 50 for name in many if many[name] != few[name]} == more


@pytest.mark.parametrize("more", [{}, {"ClientToken": "token"}])
def test_one_instance_costs_at_most_twelve_calls(more: dict[str, Any]) -> None:
    """A flavor is remembered; a key pair would be one call more."""
    spent = calls({**ASKED, **more}, 1)
    assert spent.total() - spent["flavors"] <= 11, spent
