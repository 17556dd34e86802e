"""What DHCP announces in a VPC is changed whole, or not at all."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.errors import BackendError, Fault
from adapters.types.network import FixedAddress, Port, Router, Subnet, SubnetPool
from shim.ec2.network import dhcp, facts
from shim.ec2.routing import markers, vpc_dhcp
from tests.ec2.test_half_done import call

CIDR = facts.written(facts.CIDR, "10.0.0.0-16")
MARK = facts.written(facts.PORT_OPTIONS, "set")
SERVERS = facts.written(facts.NAME_SERVERS, "10.0.0.9")
DOWN = BackendError(Fault.UNAVAILABLE, service="network")


def port(id: str, *, owner: str = "", device: str = "", project: str = "p") -> Port:
    fixed = (FixedAddress("s", "10.0.0.5"),)
    return Port(id, "", "", project, "n", "m", "ACTIVE", device, owner, fixed, (), True, datetime.now(UTC), ())


class Network:
    """A VPC with a subnet and ports.

    The write with the number `fails_at` fails; with `effect` it does what it was to do all the same.  With `ended` all
    later ones fail too, as if the gateway were killed there.
    """

    def __init__(self, *ports: Port, fails_at: int = 0, effect: bool = False) -> None:
        door = port("door", owner="network:router_interface", device="r")
        self.tags: dict[str, tuple[str, ...]] = {"r": (CIDR,), "s": ()}
        self.held = {one.id: one for one in (door, *ports)}
        self.servers: tuple[str, ...] = ()
        self.fails_at, self.effect, self.ended, self.writes = fails_at, effect, False, 0
        self.written: list[str] = []

    @contextmanager
    def _write(self) -> Iterator[None]:
        self.writes += 1
        if self.ended and self.fails_at and self.writes > self.fails_at:
            raise DOWN
        if self.writes == self.fails_at and not self.effect:
            raise DOWN
        yield
        if self.writes == self.fails_at:
            raise DOWN

    async def routers(self) -> list[Router]:
        return [Router("r", "vpc", "p", "ACTIVE", self.tags["r"])]

    async def subnets(self) -> list[Subnet]:
        return [Subnet("s", "s", "p", "n", 4, "10.0.0.0/24", "10.0.0.1", (), self.tags["s"], (), self.servers)]

    async def ports(self, **_: Any) -> list[Port]:
        return list(self.held.values())

    async def subnet_pools(self) -> list[SubnetPool]:
        values = {"domain-name": ["example.org"]}
        return [SubnetPool("set", "set", "p", (f"ec2:kind={markers.OPTIONS}", *dhcp.written(values)))]

    async def add_tag(self, _: str, id: str, tag: str) -> None:
        with self._write():
            self.tags[id] = (*self.tags[id], tag)

    async def remove_tag(self, resource: str, id: str, tag: str) -> None:
        with self._write():
            if tag not in self.tags[id]:
                raise BackendError(Fault.NOT_FOUND, service="network", resource=resource.rstrip("s"), id=id)
            self.tags[id] = tuple(one for one in self.tags[id] if one != tag)

    async def set_name_servers(self, _: str, addresses: tuple[str, ...]) -> None:
        with self._write():
            self.servers = tuple(addresses)

    async def set_dhcp_options(self, id: str, options: Mapping[str, str | None]) -> None:
        self.written.append(id)
        with self._write():
            now = {**dict(self.held[id].dhcp_options), **options}
            kept = tuple((name, value) for name, value in now.items() if value is not None)
            self.held[id] = replace(self.held[id], dhcp_options=kept)

    def seen(self) -> tuple[Any, ...]:
        """Return everything that a change may leave behind, but for the tag that stays."""
        tags = {one: {*tags} - {facts.PORT_OPTIONS_USED} for one, tags in self.tags.items()}
        return tags, self.servers, self.given()

    def given(self) -> dict[str, dict[str, str]]:
        """Return the ports that have options, and which."""
        return {one.id: dict(one.dhcp_options) for one in self.held.values() if one.dhcp_options}


def retag(network: Network, **change: Any) -> None:
    async def run() -> None:
        here = call("AssociateDhcpOptions", network=network)
        await vpc_dhcp.retag(here, (await network.routers())[0], **change)

    asyncio.run(run())


def test_interfaces_get_options_and_lose_them() -> None:
    own = port("free"), port("used", owner="compute:nova", device="i")
    network = Network(*own, port("balancer", owner="Octavia"), port("stranger", project="q"))
    retag(network, new=[MARK, SERVERS])
    assert network.given() == {one.id: {"domain-name": "example.org"} for one in own}
    assert (network.tags["s"], network.servers) == ((MARK,), ("10.0.0.9",))
    retag(network, gone=[MARK, SERVERS])
    assert network.seen() == ({"r": {CIDR}, "s": set()}, (), {})


@pytest.mark.parametrize("effect", [False, True])
@pytest.mark.parametrize("back", [False, True])
def test_a_change_that_fails_is_taken_back(back: bool, effect: bool, caplog: pytest.LogCaptureFixture) -> None:
    def prepared() -> Network:
        network = Network(replace(port("held"), dhcp_options=(("domain-name", "old"),)), port("other"))
        if back:
            retag(network, new=[MARK, SERVERS])
        network.writes = 0
        return network

    change = {"gone" if back else "new": [MARK, SERVERS]}
    whole, start = prepared(), prepared().seen()
    retag(whole, **change)
    # Two tags of the router, and at first the one that stays; name servers, the subnet's tag, two ports.
    assert whole.writes == (6 if back else 7)
    for fails_at in range(1, whole.writes + 1):
        network = prepared()
        network.fails_at, network.effect = fails_at, effect
        with pytest.raises(BackendError) as failed:
            retag(network, **change)
        assert failed.value is DOWN
        assert network.seen() == start, fails_at
    assert "could not take back" not in caplog.text


def test_a_port_that_goes_meanwhile_is_no_failure() -> None:
    class Gone(Network):
        async def set_dhcp_options(self, id: str, options: Mapping[str, str | None]) -> None:
            self.held.pop(id, None)
            raise BackendError(Fault.NOT_FOUND, service="network", resource="port", id=id)

    network = Gone(port("gone"))
    retag(network, new=[MARK])
    assert network.tags["s"] == (MARK,)


def test_a_subnet_that_goes_meanwhile_is_no_failure() -> None:
    class Gone(Network):
        async def add_tag(self, resource: str, id: str, tag: str) -> None:
            if resource == "subnets":
                raise BackendError(Fault.NOT_FOUND, service="network", resource="subnet", id=id)
            await super().add_tag(resource, id, tag)

    network = Gone(port("there"))
    retag(network, new=[MARK])
    assert network.tags["r"] == (CIDR, facts.PORT_OPTIONS_USED, MARK)


def test_ports_with_options_are_written_again_when_the_name_servers_change() -> None:
    """ML2/OVN has a record of its own for each, which does not always follow its subnet."""
    other = (("mtu", "1400"),)
    ports = port("own"), port("other", owner="Octavia"), port("stranger", project="q")
    held = [replace(one, dhcp_options=other) for one in ports]
    network = Network(*held, port("plain"))
    retag(network, new=[facts.written(facts.DNS_SUPPORT, "false")])
    assert (network.servers, network.written) == (("0.0.0.0",), ["own", "other"])  # noqa: S104 - Neutron's word for none
    assert network.given() == {one.id: dict(other) for one in held}
    retag(network, new=[MARK, SERVERS])
    assert network.written == ["own", "other", "own", "plain", "other"]  # each once
    retag(network, gone=[MARK])
    assert network.written[5:] == ["own", "plain", "other"]


@pytest.mark.parametrize("change", [{"new": [MARK, SERVERS]}, {"gone": [MARK, SERVERS]}])
def test_a_change_whose_gateway_was_killed_is_made_whole_by_its_repetition(change: dict[str, list[str]]) -> None:
    """The repetition finds some or all tags of the router as it wants them."""

    def prepared() -> Network:
        network = Network(port("held"), port("other"))
        if "gone" in change:
            retag(network, new=[MARK, SERVERS])
        network.writes = 0
        return network

    whole = prepared()
    retag(whole, **change)
    for fails_at in range(1, whole.writes + 1):
        network = prepared()
        network.fails_at, network.ended = fails_at, True
        with pytest.raises(BackendError):
            retag(network, **change)
        network.fails_at = 0
        there = network.tags["r"]
        retag(
            network,
            new=[one for one in change.get("new", ()) if one not in there],
            gone=[one for one in change.get("gone", ()) if one in there],
        )
        assert network.seen() == whole.seen(), fails_at


def test_name_servers_of_openstacks_own_tools_stay_where_dns_support_changes() -> None:
    network, off = Network(), facts.written(facts.DNS_SUPPORT, "false")
    network.servers = ("8.8.8.8",)
    retag(network, new=[off], serves=False)
    retag(network, gone=[off], serves=False)
    assert (network.servers, network.tags["r"]) == (("8.8.8.8",), (CIDR,))


def test_name_servers_of_openstacks_own_tools_come_back_where_an_association_fails() -> None:
    network = Network(port("there"))
    network.servers, network.fails_at = ("8.8.8.8",), 5
    with pytest.raises(BackendError):
        retag(network, new=[MARK])
    assert (network.servers, network.writes > 5) == (("8.8.8.8",), True)
