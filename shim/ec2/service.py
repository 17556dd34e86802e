"""The EC2 service: the registry that every resource file fills with its actions."""

from __future__ import annotations

from shim.protocol.service import Service

ec2 = Service("ec2")
action = ec2.action
