"""Regions, zones, account attributes and instance types, compared with OpenStack's own answers."""

from typing import Any

from tests.ec2.conftest import refused


def test_regions(ec2: Any) -> None:
    regions = ec2.describe_regions()["Regions"]
    assert ec2.meta.region_name in [one["RegionName"] for one in regions]
    named = ec2.describe_regions(RegionNames=[ec2.meta.region_name], AllRegions=True)["Regions"]
    assert [(one["RegionName"], one["OptInStatus"]) for one in named] == [(ec2.meta.region_name, "opt-in-not-required")]
    assert {one["Endpoint"] for one in regions} == {ec2.meta.endpoint_url.split("//")[1]}
    with refused("InvalidParameterValue"):
        ec2.describe_regions(RegionNames=["nowhere"])


def test_zones_are_novas_under_names_of_the_region(ec2: Any, openstack_main: Any) -> None:
    zones = ec2.describe_availability_zones(Filters=[{"Name": "state", "Values": ["available"]}])["AvailabilityZones"]
    native = [zone.name for zone in openstack_main.compute.availability_zones() if zone.state["available"]]
    lettered = {"nova": "a", "nova-b": "b", "nova-c": "c"}
    named = [f"{ec2.meta.region_name}{letter}" for native_name, letter in lettered.items() if native_name in native]
    assert [one["ZoneName"] for one in zones] == [*named, *sorted(set(native) - set(lettered))]
    assert {one["RegionName"] for one in zones} == {ec2.meta.region_name}
    by_id = ec2.describe_availability_zones(ZoneIds=[zones[0]["ZoneId"]])["AvailabilityZones"]
    assert by_id == zones[:1]
    for bad in ({"ZoneNames": ["nowhere"]}, {"ZoneIds": ["nowhere"]}):
        with refused("InvalidParameterValue"):
            ec2.describe_availability_zones(**bad)


def test_account_attributes(ec2: Any, openstack_main: Any) -> None:
    def told(**asked: Any) -> dict[str, list[str]]:
        found = ec2.describe_account_attributes(**asked)["AccountAttributes"]
        return {one["AttributeName"]: [v["AttributeValue"] for v in one["AttributeValues"]] for one in found}

    assert told()["supported-platforms"] == ["VPC"]
    assert int(told()["max-instances"][0]) > 0
    assert told()["default-vpc"][0].startswith("vpc-")
    quota = openstack_main.network.get_quota(openstack_main.current_project_id).floating_ips
    most = [str(quota if quota >= 0 else 2**31 - 1)]
    assert told()["max-elastic-ips"] == told()["vpc-max-elastic-ips"] == most
    assert len(told()) == 6
    for name, values in told().items():
        assert told(AttributeNames=[name]) == {name: values}
    with refused("InvalidParameterValue"):
        told(AttributeNames=["max-happiness"])


def test_instance_types_are_flavors(ec2: Any, openstack_main: Any) -> None:
    pages = ec2.get_paginator("describe_instance_types").paginate(PaginationConfig={"PageSize": 5})
    types = {one["InstanceType"]: one for page in pages for one in page["InstanceTypes"]}
    flavors = {flavor.name: flavor for flavor in openstack_main.compute.flavors()}
    assert types.keys() == flavors.keys()
    for name, flavor in flavors.items():
        assert types[name]["VCpuInfo"]["DefaultVCpus"] == flavor.vcpus
        assert types[name]["MemoryInfo"]["SizeInMiB"] == flavor.ram
        assert types[name]["BurstablePerformanceSupported"] is False
    big = ec2.describe_instance_types(Filters=[{"Name": "memory-info.size-in-mib", "Values": ["2048"]}])[
        "InstanceTypes"
    ]
    assert {one["InstanceType"] for one in big} == {name for name, one in flavors.items() if one.ram == 2048}


def test_instance_types_that_are_not_there(ec2: Any) -> None:
    with refused("InvalidInstanceType"):
        ec2.describe_instance_types(InstanceTypes=["z9.enormous"])
    with refused("InvalidParameterValue"):
        ec2.describe_instance_types(MaxResults=101)
    with refused("InvalidParameterValue"):
        ec2.describe_instance_types(Filters=[{"Name": "colour", "Values": ["red"]}])


def test_offerings(ec2: Any, instance_type: str) -> None:
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    wanted = {
        "region": [ec2.meta.region_name],
        "availability-zone": [one["ZoneName"] for one in zones],
        "availability-zone-id": [one["ZoneId"] for one in zones],
        "outpost": [],
    }
    for location, places in wanted.items():
        found = ec2.describe_instance_type_offerings(
            LocationType=location, Filters=[{"Name": "instance-type", "Values": [instance_type]}]
        )["InstanceTypeOfferings"]
        assert found == [
            {"InstanceType": instance_type, "LocationType": location, "Location": place} for place in places
        ]
