"""STS as a service: its model, and the decorator that registers its actions."""

from __future__ import annotations

from shim.protocol.service import Service

sts = Service("sts")
action = sts.action
