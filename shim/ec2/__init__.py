"""The EC2 face: importing this package registers every action that it knows."""

from shim.ec2 import security_group_rules, security_groups

__all__ = ["security_group_rules", "security_groups"]
