"""What OpenStack lacks is an empty list where scripts only look, and a refusal where they would make it."""

from typing import Any

import pytest
from botocore import xform_name

from shim.ec2.account.unoffered import UNOFFERED
from tests.ec2.client_errors import code, refusal

PAGED = {name: one for name, one in UNOFFERED.items() if "MaxResults" in one.supports}
NAMED = {name: one.table for name, one in UNOFFERED.items() if one.table.ids}


def test_there_is_nothing_of_the_kind(ec2: Any) -> None:
    assert ec2.describe_bundle_tasks()["BundleTasks"] == []
    assert ec2.describe_classic_link_instances()["Instances"] == []
    assert ec2.describe_conversion_tasks()["ConversionTasks"] == []
    assert ec2.describe_export_tasks()["ExportTasks"] == []
    assert ec2.describe_fleets()["Fleets"] == []
    assert ec2.describe_hosts()["Hosts"] == []
    assert ec2.describe_ipam_pools()["IpamPools"] == []
    assert ec2.describe_moving_addresses()["MovingAddressStatuses"] == []
    assert ec2.describe_prefix_lists()["PrefixLists"] == []
    assert ec2.describe_reserved_instances(OfferingClass="standard")["ReservedInstances"] == []
    assert ec2.describe_reserved_instances_offerings(MaxDuration=1)["ReservedInstancesOfferings"] == []
    assert ec2.describe_scheduled_instances()["ScheduledInstanceSet"] == []
    assert ec2.describe_spot_instance_requests()["SpotInstanceRequests"] == []
    assert ec2.describe_spot_price_history(InstanceTypes=["m1.small"])["SpotPriceHistory"] == []
    assert ec2.describe_vpn_connections()["VpnConnections"] == []


@pytest.mark.parametrize("operation", UNOFFERED)
def test_filters_and_pages_are_checked_though_there_is_nothing(ec2: Any, operation: str) -> None:
    one, ask = UNOFFERED[operation].table, getattr(ec2, xform_name(operation))
    supports = UNOFFERED[operation].supports
    name = "Filter" if "Filter " in supports else "Filters"
    if name in supports.split():
        assert code(ask, **{name: [{"Name": "bogus", "Values": ["x"]}]}) == "InvalidParameterValue"
        for known in one.filters:
            assert ask(**{name: [{"Name": known.replace("tag", "tag-key"), "Values": ["x"]}]})[one.items] == []
    if operation in PAGED:
        assert code(ask, NextToken="bogus") == "InvalidParameterValue"
        members = ec2.meta.service_model.operation_model(operation).input_shape.members
        if "min" not in members["MaxResults"].metadata:  # botocore itself refuses less
            assert code(ask, MaxResults=4) == "InvalidParameterValue"
        assert ask(MaxResults=5)[one.items] == []
        if one.cut and "max" not in members["MaxResults"].metadata:
            assert ask(MaxResults=one.most + 1)[one.items] == []
        else:
            assert code(ask, MaxResults=one.most + 1) == "InvalidParameterValue"


@pytest.mark.parametrize("operation", NAMED)
def test_no_id_is_known(ec2: Any, operation: str) -> None:
    one, ask = NAMED[operation], getattr(ec2, xform_name(operation))
    prefix = one.resource_type.prefix
    absent = f"{prefix}-{'0' * 17}" if prefix else "none"
    assert refusal(ask, **{one.ids: [absent]}) == (
        one.resource_type.not_found,
        one.resource_type.one.format(id=absent),
    )
    if prefix:
        assert code(ask, **{one.ids: ["what"]}) == one.resource_type.malformed


def test_hosts_are_not_paged_beside_their_ids(ec2: Any) -> None:
    hosts = {"HostIds": ["h-" + "0" * 17], "MaxResults": 5}
    assert code(ec2.describe_hosts, **hosts) == "InvalidParameterCombination"


def test_what_would_make_one_is_refused(ec2: Any) -> None:
    made = {"CustomerGatewayId": "cgw-1", "Type": "ipsec.1"}
    assert code(ec2.create_customer_gateway, Type="ipsec.1", PublicIp="192.0.2.1") == "UnsupportedOperation"
    assert code(ec2.create_vpn_gateway, Type="ipsec.1") == "UnsupportedOperation"
    assert code(ec2.create_vpn_connection, **made) == "UnsupportedOperation"
    assert code(ec2.attach_vpn_gateway, VpcId="vpc-1", VpnGatewayId="vgw-1") == "UnsupportedOperation"
    route = {"GatewayId": "vgw-1", "RouteTableId": "rtb-1"}
    assert code(ec2.enable_vgw_route_propagation, **route) == "UnsupportedOperation"
    assert code(ec2.disable_vgw_route_propagation, **route) == "UnsupportedOperation"
    assert code(ec2.allocate_hosts, InstanceType="m1.small", AvailabilityZone="nova") == "UnsupportedOperation"
    assert code(ec2.request_spot_instances) == "UnsupportedOperation"
    assert code(ec2.purchase_host_reservation, HostIdSet=["h-1"], OfferingId="o") == "UnsupportedOperation"


def test_every_id_is_long(ec2: Any) -> None:
    formats = ec2.describe_id_format()["Statuses"]
    assert len(formats) == 31
    assert all(one["UseLongIds"] for one in formats)
    assert ec2.describe_id_format(Resource="vpc")["Statuses"] == [{"Resource": "vpc", "UseLongIds": True}]
    assert code(ec2.describe_id_format, Resource="bogus") == "InvalidParameterValue"
    root = f"arn:aws:iam::{'0' * 12}:root"
    assert ec2.describe_identity_id_format(PrincipalArn=root)["Statuses"] == formats
    ec2.modify_id_format(Resource="all-current", UseLongIds=True)
    ec2.modify_identity_id_format(Resource="vpc", UseLongIds=True, PrincipalArn="all")
    assert code(ec2.modify_id_format, Resource="vpc", UseLongIds=False) == "InvalidParameterValue"
    assert code(ec2.modify_identity_id_format, Resource="x", UseLongIds=True, PrincipalArn="all") == (
        "InvalidParameterValue"
    )
