"""Networks as VPCs: with a router, without one, and the default VPC."""

from datetime import UTC, datetime

from adapters.types.network import Network, Port
from shim.ec2.network.layout import VpcLayout, layout_by_ports, vpc_layout_of

A, B, C = (f"00000000-0000-4000-8000-00000000000{digit}" for digit in "abc")
R, S = (f"00000000-0000-4000-9000-00000000000{digit}" for digit in "12")


def network(
    id: str, name: str = "", *, external: bool = False, project: str = "p", tags: tuple[str, ...] = ()
) -> Network:
    return Network(id, name, project, external, False, "ACTIVE", (), (), tags)


def port(network_id: str, router: str, owner: str = "network:router_interface") -> Port:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return Port("x", "", "", "p", network_id, "", "ACTIVE", router, owner, (), (), True, when, ())


def fold(networks: list[Network], ports: list[Port]) -> VpcLayout:
    return vpc_layout_of(networks, ports, name="default", project_id="p")


def vpc(uuid: str) -> str:
    return "vpc-" + uuid.replace("-", "")


def test_networks_on_one_router_are_one_vpc() -> None:
    found = fold([network(A), network(B), network(C)], [port(A, R), port(B, R, "network:router_interface_distributed")])
    assert found.vpcs == {A: vpc(R), B: vpc(R), C: vpc(C)}


def test_of_two_routers_one_is_the_vpc_whatever_the_order() -> None:
    ports = [port(A, S), port(A, R)]
    assert fold([network(A)], ports).vpcs == fold([network(A)], ports[::-1]).vpcs == {A: vpc(R)}


def test_ports_alone_tell_the_vpc_of_a_network_that_has_one_router_or_none() -> None:
    networks, ports = [network(A), network(B)], [port(A, R), port(B, "x", "compute:nova"), port(C, R), port(C, S)]
    told = layout_by_ports([A, B], ports)
    assert told is not None
    assert [told.vpc_of(one) for one in (A, B)] == [fold(networks, ports).vpc_of(one) for one in (A, B)]
    assert layout_by_ports([A, C], ports) is None


def test_other_ports_make_no_vpc() -> None:
    found = fold([network(A)], [port(A, R, "compute:nova"), port(A, R, "network:dhcp"), port(A, "")])
    assert found.vpcs == {A: vpc(A)}


def test_external_networks_are_outside() -> None:
    found = fold([network(A, external=True)], [])
    assert found.vpcs == {}
    assert found.vpc_of(A) == vpc(A)  # for a server that is there nevertheless


def test_the_default_is_the_projects_own_network_of_that_name() -> None:
    theirs, ours = network(A, "default", project="q"), network(B, "default")
    assert fold([theirs, ours], [port(B, R)]).default_vpc == vpc(R)
    assert fold([theirs, network(C, "other")], []).default_vpc is None
    assert fold([network(C, "default"), ours], []).default_network == B


def test_without_it_the_default_networks_are_those_that_ec2_made() -> None:
    made = [network(one, tags=("ec2:default",)) for one in (B, C)]
    ports = [port(B, R), port(C, R)]
    found = fold(made, ports)
    assert (found.default_vpc, found.default_networks, found.openstacks_vpc) == (vpc(R), (B, C), None)
    # One that OpenStack's tools took from its VPC is none, and OpenStack's own network comes first.
    assert fold(made, ports[1:]).default_networks == (C,)
    assert fold([*made, network(A, tags=("ec2:default",), project="q")], [*ports, port(A, S)]).default_networks == (
        B,
        C,
    )
    both = fold([*made, network(A, "default")], ports)
    assert (both.default_networks, both.default_vpc, both.openstacks_vpc) == ((A,), vpc(A), vpc(A))
