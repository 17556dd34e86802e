"""Nova's fake hypervisor, extended by features of real ones that clients rely on.

Servers survive a restart of the process, each has its own console, a snapshot is a real image, and servers of both
common architectures can be scheduled.
"""

import io
import uuid
from typing import Any

import nova.conf
from nova.compute import power_state, task_states
from nova.image import glance
from nova.objects import fields
from nova.virt import fake, node

CONF = nova.conf.CONF
SNAPSHOT_BYTES = 65536

CONSOLE = """\
[    0.000000] Linux version 6.1.0-passerelle ({arch}) #1 SMP
[    0.000000] Command line: root=LABEL=root ro console=ttyS0
[    0.412000] Memory: {memory_kib}K available, {vcpus} CPU(s)
[    1.030000] virtio_net virtio0 eth0: link up
cloud-init: instance-id {uuid}
cloud-init: finished, up 2.10 seconds

{hostname} login: """


class Hypervisor(fake.FakeDriverWithoutFakeNodes):  # type: ignore[misc]
    """A driver without fake nodes: plain FakeDriver does not write its host's identity and fails at a second start."""

    capabilities = {**fake.FakeDriver.capabilities, "supports_image_type_qcow2": True}  # noqa: RUF012 - Nova's own shape
    # Enough for a thousand servers of any seeded flavor.
    vcpus = 16000
    memory_mb = 32 << 20
    local_gb = 1 << 20

    def __init__(self, virtapi: Any, read_only: bool = False) -> None:
        super().__init__(virtapi, read_only)
        self.host_status_base["supported_instances"] += [
            (fields.Architecture.AARCH64, fields.HVType.FAKE, fields.VMMode.HVM),
        ]

    def get_available_resource(self, nodename: str) -> Any:
        """Return the host's resources."""
        return {**super().get_available_resource(nodename), "uuid": self.node_id()}

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        """Return the one node."""
        return {self.node_id(): self.get_available_nodes()[0]}

    def node_id(self) -> str:
        """Return the node's UUID: Nova keeps one for each process, and here several hosts share one."""
        kept = str(node.get_local_node_uuid())
        return kept if self._host == CONF.host else str(uuid.uuid5(uuid.UUID(kept), self._host))

    def adopt(self, instance: Any) -> None:
        """Add a server that an earlier process spawned."""
        if instance.uuid in self.instances or instance.vm_state in ("building", "deleted"):
            return
        off = instance.power_state == power_state.SHUTDOWN
        state = power_state.SHUTDOWN if off else power_state.RUNNING
        self.instances[instance.uuid] = fake.FakeInstance(instance.name, state, instance.uuid)

    def get_info(self, instance: Any, use_cache: bool = True) -> Any:
        """Return the power state."""
        self.adopt(instance)
        return super().get_info(instance, use_cache)

    def power_on(self, context: Any, instance: Any, *args: Any, **kwargs: Any) -> None:
        """Turn on."""
        self.adopt(instance)
        super().power_on(context, instance, *args, **kwargs)

    def power_off(self, instance: Any, *args: Any, **kwargs: Any) -> None:
        """Turn off."""
        self.adopt(instance)
        super().power_off(instance, *args, **kwargs)

    def destroy(self, context: Any, instance: Any, *args: Any, **kwargs: Any) -> None:
        """Delete a server, known or not."""
        self.adopt(instance)
        super().destroy(context, instance, *args, **kwargs)

    def detach_interface(self, context: Any, instance: Any, vif: Any) -> None:
        """Detach a port from a server, also one that was attached before a restart."""
        self._interfaces.setdefault(vif["id"], vif)
        super().detach_interface(context, instance, vif)

    def snapshot(self, context: Any, instance: Any, image_id: str, update_task_state: Any) -> None:
        """Upload data for a server's snapshot: the stock driver leaves the image queued."""
        update_task_state(task_state=task_states.IMAGE_PENDING_UPLOAD)
        update_task_state(
            task_state=task_states.IMAGE_UPLOADING,
            expected_state=task_states.IMAGE_PENDING_UPLOAD,
        )
        images = glance.API()
        image = images.get(context, image_id)
        body = f"snapshot of {instance.uuid}\n".encode().ljust(SNAPSHOT_BYTES, b"\0")
        described = {
            "name": image["name"],
            "disk_format": "raw",
            "container_format": "bare",
            # The others stay (purge_props), so that what a client changes during the upload is not undone.
            "properties": {"image_state": "available"},
        }
        images.update(context, image_id, described, io.BytesIO(body), purge_props=False)

    def get_console_output(self, context: Any, instance: Any) -> str:
        """Return a boot log with this server's id and name."""
        properties = instance.image_meta.properties if instance.image_meta else None
        arch = properties.get("hw_architecture") if properties else None
        return CONSOLE.format(
            arch=arch or "x86_64",
            memory_kib=instance.flavor.memory_mb << 10,
            vcpus=instance.flavor.vcpus,
            uuid=instance.uuid,
            hostname=instance.hostname,
        )
