"""The EC2 face: importing this package registers every action that it knows."""

from shim.ec2 import (
    account,
    console,
    images,
    instance_actions,
    instance_attributes,
    instance_status,
    instance_types,
    instances,
    key_pairs,
    regions,
    security_group_rules,
    security_groups,
    subnets,
    volume_attachments,
    volumes,
    vpcs,
)

__all__ = [
    "account",
    "console",
    "images",
    "instance_actions",
    "instance_attributes",
    "instance_status",
    "instance_types",
    "instances",
    "key_pairs",
    "regions",
    "security_group_rules",
    "security_groups",
    "subnets",
    "volume_attachments",
    "volumes",
    "vpcs",
]
