"""Nova's hypervisor where packets flow: a running server is a network namespace, its ports plugged into the switch."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from .. import nova_driver

CONTROL = Path("run/ovn/control.sock")  # below the cloud's directory, in which every service runs
PATIENCE = 30.0  # seconds; the network service may be starting again


def ask(**question: object) -> None:
    """Ask the network service to do something; raise OSError if it does not."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(os.fsencode(CONTROL))
                connection.sendall(json.dumps(question).encode() + b"\n")
                answer = json.loads(connection.makefile("rb").readline() or b"null")
        except (OSError, ValueError):
            answer = None
        if answer is not None:
            break
        if time.monotonic() > deadline:
            raise OSError("the network service does not answer")
        time.sleep(0.1)
    if "error" in answer:
        raise OSError(answer["error"])


def port(instance: Any, vif: Any) -> dict[str, Any]:
    """Return what the network service must know of a port."""
    subnets = vif["network"]["subnets"]
    first = [one for one in subnets if one["version"] == 4][:1]
    return {
        "id": vif["id"],
        "network": vif["network"]["id"],
        "project": instance.project_id,
        "mac": vif["address"],
        "mtu": vif["network"]["meta"].get("mtu") or 1442,
        "addresses": [f"{ip['address']}/{one['cidr'].split('/')[1]}" for one in first for ip in one["ips"]],
        "gateway": next((one["gateway"]["address"] for one in first if one["gateway"]), None),
    }


class Hypervisor(nova_driver.Hypervisor):
    """The fake hypervisor, with servers that send and receive packets."""

    def spawn(self, context: Any, instance: Any, *args: Any, network_info: Any = None, **kwargs: Any) -> None:
        """Start a server."""
        super().spawn(context, instance, *args, network_info=network_info, **kwargs)
        self._plug(instance, network_info)

    def power_on(self, context: Any, instance: Any, network_info: Any, *args: Any, **kwargs: Any) -> None:
        """Turn on."""
        super().power_on(context, instance, network_info, *args, **kwargs)
        self._plug(instance, network_info)

    def power_off(self, instance: Any, *args: Any, **kwargs: Any) -> None:
        """Turn off."""
        super().power_off(instance, *args, **kwargs)
        ask(op="unplug", server=instance.uuid)

    def reboot(self, context: Any, instance: Any, network_info: Any, *args: Any, **kwargs: Any) -> None:
        """Reboot: the system of a server asks for its addresses again."""
        super().reboot(context, instance, network_info, *args, **kwargs)
        self._plug(instance, network_info)
        ask(op="reboot", server=instance.uuid)

    def destroy(self, context: Any, instance: Any, *args: Any, **kwargs: Any) -> None:
        """Delete a server."""
        super().destroy(context, instance, *args, **kwargs)
        ask(op="unplug", server=instance.uuid)

    def attach_interface(self, context: Any, instance: Any, image_meta: Any, vif: Any) -> None:
        """Attach a port to a running server."""
        super().attach_interface(context, instance, image_meta, vif)
        self._plug(instance, [vif])

    def detach_interface(self, context: Any, instance: Any, vif: Any) -> None:
        """Detach a port from a server."""
        super().detach_interface(context, instance, vif)
        ask(op="unplug", server=instance.uuid, port=vif["id"])

    def _plug(self, instance: Any, network_info: Any) -> None:
        for vif in network_info or ():
            ask(op="plug", server=instance.uuid, port=port(instance, vif))
