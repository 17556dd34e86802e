"""Every filter that AWS documents for a supported action is implemented, and its path exists in the answer."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.model import ListShape, Shape, StructureShape

from adapters.types.compute import Zone
from shim.ec2.account import regions, unoffered
from shim.ec2.attributes import options, physical, profile_associations
from shim.ec2.engine import ids
from shim.ec2.engine import zones as availability_zones
from shim.ec2.engine.describe import Table, question
from shim.ec2.engine.filters import Row, select
from shim.ec2.images import export_tasks, images, tasks
from shim.ec2.instances import instances, key_pairs
from shim.ec2.instances import status as instance_status
from shim.ec2.instances import types as instance_types
from shim.ec2.launch import placement_groups
from shim.ec2.network import (
    addresses,
    group_references,
    prefix_lists,
    security_group_rules,
    security_groups,
    subnet_rows,
    vpcs,
)
from shim.ec2.network import interfaces as network_interfaces
from shim.ec2.peering import connections
from shim.ec2.routing import absent, dhcp_options, internet_gateways, nat_gateways, network_acls, route_tables
from shim.ec2.service import ec2
from shim.ec2.tags import tags
from shim.ec2.templates import templates, versions
from shim.ec2.volumes import modifications, snapshots, volumes
from shim.errors import AwsError
from tests.ec2.acting import act
from tests.ec2.instances.test_instance_costs import Counted
from tests.ec2.instances.test_instance_rows import SERVER
from tests.ec2.test_half_done import call

TABLES = {
    "DescribeAddresses": addresses.ADDRESSES,
    "DescribeAvailabilityZones": availability_zones.ZONES,
    "DescribeExportImageTasks": export_tasks.EXPORTS,
    "DescribeIamInstanceProfileAssociations": profile_associations.ASSOCIATIONS,
    "DescribeImages": images.IMAGES,
    "DescribeImportImageTasks": tasks.IMAGE_IMPORTS,
    "DescribeImportSnapshotTasks": tasks.SNAPSHOT_IMPORTS,
    "DescribeInstanceCreditSpecifications": options.CREDITS,
    "DescribeInstanceTopology": physical.TOPOLOGY,
    "DescribeInstanceStatus": instance_status.STATUSES,
    "DescribeInstanceTypeOfferings": instance_types.OFFERINGS,
    "DescribeInstanceTypes": instance_types.TYPES,
    "DescribeInstances": instances.INSTANCES,
    "DescribeKeyPairs": key_pairs.KEY_PAIRS,
    "DescribeLaunchTemplateVersions": versions.VERSIONS,
    "DescribeLaunchTemplates": templates.TEMPLATES,
    "DescribeNetworkInterfaces": network_interfaces.INTERFACES,
    "DescribePlacementGroups": placement_groups.GROUPS,
    "DescribeRegions": regions.REGIONS,
    "DescribeSecurityGroupRules": security_group_rules.RULES,
    "DescribeSecurityGroups": security_groups.GROUPS,
    "DescribeSnapshots": snapshots.SNAPSHOTS,
    "DescribeSubnets": subnet_rows.SUBNETS,
    "DescribeTags": tags.TAGS,
    "DescribeVolumeStatus": volumes.STATUSES,
    "DescribeVolumes": volumes.VOLUMES,
    "DescribeVolumesModifications": modifications.MODIFICATIONS,
    "DescribeVpcs": vpcs.VPCS,
    "DescribeDhcpOptions": dhcp_options.OPTIONS,
    "DescribeInternetGateways": internet_gateways.GATEWAYS,
    "DescribeNatGateways": nat_gateways.NAT_GATEWAYS,
    "DescribeNetworkAcls": network_acls.ACLS,
    "DescribeRouteTables": route_tables.ROUTE_TABLES,
    **{name: one.table for name, one in absent.ABSENT.items()},
    "DescribeVpcPeeringConnections": connections.PEERINGS,
    **{name: one.table for name, one in unoffered.UNOFFERED.items() if name != "DescribeConversionTasks"},
    "DescribeManagedPrefixLists": prefix_lists.LISTS,
    "GetSecurityGroupsForVpc": group_references.FOR_VPC,
}
# Values of a filter that the documentation formats like filters.
NO_FILTERS = {"critical", "high", "medium", "low", "informational"}
# Refused as unknown, because an empty answer would be wrong: tags of interfaces and switches that the row does not
# contain.
REFUSED = {
    "DescribeImages": {"image-allowed"},
    "DescribeInstances": {
        "metadata-options.http-protocol-ipv4",
        "network-interface.tag-key",
        "network-interface.tag-value",
    },
    "DescribeLaunchTemplateVersions": {"http-protocol-ipv4"},
}
# Rows of these have more than the answer's own members.
OWN = {"Place", "Itself"}


def described(operation: str) -> set[str]:
    """Return the names of an action's filters from botocore's model, without tag filters."""
    shape = ec2.model.operation_model(operation).input_shape
    assert shape is not None
    text = shape.members["Filters" if "Filters" in shape.members else "Filter"].documentation
    names = {name.strip() for name in re.findall(r"<li>\s*<p>\s*<code>([^<]+)</code>", text)}
    return {name for name in names if re.fullmatch(r"[a-z0-9.-]+", name) and not name.startswith("tag")} - NO_FILTERS


def test_every_action_with_filters_is_looked_at() -> None:
    models = {name: ec2.model.operation_model(name).input_shape for name in ec2.handlers}
    assert {name for name, shape in models.items() if shape and shape.members.keys() & {"Filter", "Filters"}} == set(
        TABLES
    )


@pytest.mark.parametrize("operation", TABLES)
def test_no_documented_filter_is_missing(operation: str) -> None:
    assert described(operation) - set(TABLES[operation].filters) == REFUSED.get(operation, set())


def test_the_documentation_is_read() -> None:
    assert {"boot-mode", "image-id", "owner-alias"} <= described("DescribeImages")
    assert sum(len(described(operation)) for operation in TABLES) > 250


@pytest.mark.parametrize("operation", TABLES)
def test_every_path_leads_into_the_answer(operation: str) -> None:
    table = TABLES[operation]
    assert [path for path in paths(table) if not leads(row_of(operation, table), path.split("."))] == []


def test_zones_are_found_by_their_ids() -> None:
    counts: Counter[str] = Counter()
    compute = Counted(counts, zones=[Zone("b", True), Zone("a", True), Zone("internal", True)])

    def rewritten(*values: str) -> list[Row]:
        asked = {"Filters": [{"Name": "availability-zone-id", "Values": [*values]}, {"Name": "size", "Values": ["1"]}]}
        here = call("DescribeVolumes", compute=compute)
        found = question(here.settings, here.caller.project_id, here.operation, volumes.VOLUMES, asked)
        size = found.filters[1]
        asyncio.run(availability_zones.resolve_zone_ids(here, found, volumes.VOLUMES))
        assert found.filters[1] is size
        return asyncio.run(select([{"AvailabilityZone": zone} for zone in ("a", "b", "")], found.filters[:1]))

    assert rewritten("us-east-1-az1") == [{"AvailabilityZone": "a"}]
    assert rewritten("us-east-1-az?") == [{"AvailabilityZone": "a"}, {"AvailabilityZone": "b"}]
    assert rewritten("us-east-1-az3") == []


def test_zones_are_read_for_that_filter_alone() -> None:
    counts: Counter[str] = Counter()
    here = call("DescribeVolumes", compute=Counted(counts))
    req = {"Filters": [{"Name": "size", "Values": ["1"]}]}
    asked = question(here.settings, here.caller.project_id, here.operation, volumes.VOLUMES, req)
    asyncio.run(availability_zones.resolve_zone_ids(here, asked, volumes.VOLUMES))
    assert len(asked.filters) == 1
    assert counts == {}


@pytest.mark.parametrize(("more", "code"), [
    ({"Filters": [{"Name": "bogus", "Values": ["1"]}]}, "InvalidParameterValue"),
    ({"MaxResults": 5}, "InvalidParameterCombination"),
])  # fmt: skip
def test_questions_about_what_does_not_run_are_checked_too(more: dict[str, Any], code: str) -> None:
    stopped = replace(SERVER, status="SHUTOFF")
    named = {"InstanceIds": [ids.aws("i", stopped.id)]}

    def ask(**params: Any) -> Any:
        compute = Counted(Counter(), server=stopped)
        return asyncio.run(
            act(instance_status.describe_instance_status, call("", compute=compute), {**named, **params})
        )

    assert ask() == {"InstanceStatuses": []}
    assert len(ask(IncludeAllInstances=True)["InstanceStatuses"]) == 1
    with pytest.raises(AwsError) as refused:
        ask(**more)
    assert refused.value.code == code


def row_of(operation: str, table: Table) -> Shape:
    shape = ec2.model.operation_model(operation).output_shape
    assert shape is not None
    rows = shape.members[table.items]
    assert isinstance(rows, ListShape)
    return rows.member


def paths(table: Table) -> Iterator[str]:
    return (path for path in table.filters.values() if isinstance(path, str) and path not in OWN)


def leads(shape: Shape, steps: list[str]) -> bool:
    """Return whether a path leads through the members of a shape to a value."""
    if isinstance(shape, ListShape):
        return leads(shape.member, steps)
    if steps in (["Tags"], ["TagSet"]):
        return True
    if isinstance(shape, StructureShape):
        return bool(steps) and steps[0] in shape.members and leads(shape.members[steps[0]], steps[1:])
    return not steps
