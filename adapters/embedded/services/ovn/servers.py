"""Servers as network namespaces: each port is a virtual Ethernet pair, one end on the switch, one in the namespace.

A server asks for its address by DHCP, as a cloud image does, when it is plugged and when it reboots.
"""

import array
import fcntl
import json
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import metadata, namespaces
from .programs import Programs

OUTSIDE = "outside"  # the host on the external network that stands for the internet
MTU = 1442  # of a Geneve network on Ethernet
OUTSIDE_ADDRESS = "172.24.0.1/16"  # the gateway of the external subnet
DHCP_SCRIPT = Path(__file__).with_name("dhcp.sh")

SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM = 0x17

Port = dict[str, Any]


def without_offload(namespace: int, interface: str) -> None:
    """Let the kernel write checksums: the userspace datapath drops TCP and UDP whose checksum is left to the device."""

    def switch_off() -> None:
        namespaces.checked(namespaces.libc.setns(namespace, namespaces.CLONE_NEWNET))
        value = array.array("B", struct.pack("II", ETHTOOL_STXCSUM, 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", interface.encode(), value.buffer_info()[0]))

    namespaces.apart(switch_off)


class Servers:
    """The plugged servers, remembered in a file for a restart of this service."""

    def __init__(self, programs: Programs, file: Path, known: Mapping[str, Any]) -> None:
        self._programs, self._file = programs, file
        self._metadata = metadata.Metadata(known, self.caller)
        self._metadata_spaces: dict[str, int] = {}
        self._lock = threading.RLock()
        self._spaces: dict[str, int] = {}
        self._ports: dict[str, dict[str, Port]] = {}

    def connect_outside(self) -> None:
        """Plug the host on the external network."""
        space = self._spaces[OUTSIDE] = namespaces.new()
        self._pair("outside0", space, "eth0", "br-ex")
        namespaces.run(space, "ip", "address", "add", OUTSIDE_ADDRESS, "dev", "eth0")

    def plug_again(self) -> None:
        """Plug what an earlier process had plugged."""
        if not self._file.exists():
            return
        for server, ports in json.loads(self._file.read_text()).items():
            for port in ports.values():
                self.plug(server, port)

    def plug(self, server: str, port: Port) -> None:
        """Connect a port of a server: `id`, `mac`, `mtu`, `addresses` (with prefix length) and `gateway`."""
        with self._lock:
            known = self._ports.setdefault(server, {})
            if port["id"] in known:
                return
            if server not in self._spaces:
                self._spaces[server] = namespaces.new()
            taken = {one["interface"] for one in known.values()}
            name = port.get("interface") or next(f"eth{n}" for n in range(64) if f"eth{n}" not in taken)
            self._pair(tap(port["id"]), self._spaces[server], name, "br-int", port)
            known[port["id"]] = {**port, "interface": name}
            self._save()
            try:
                self._serve_metadata(port["network"])
            except OSError as error:  # the server runs without it
                print(f"network {port['network']}: no metadata: {error}", flush=True)
        self._ask_address(server, known[port["id"]])

    def caller(self, network: str, address: str) -> metadata.Caller | None:
        """Return the server that has an address on a network."""
        with self._lock:
            for server, ports in self._ports.items():
                for port in ports.values():
                    if port["network"] == network and address in [one.split("/")[0] for one in port["addresses"]]:
                        return metadata.Caller(server, port["project"])
        return None

    def unplug(self, server: str, port_id: str | None = None) -> None:
        """Disconnect a port of a server, or all of them; a server without ports has no namespace."""
        with self._lock:
            known = self._ports.get(server, {})
            for one in [port_id] if port_id else list(known):
                if known.pop(one, None):
                    self._programs.vsctl("--if-exists", "del-port", "br-int", tap(one))
                    namespaces.run(self._programs.switch_space, "ip", "link", "del", tap(one))
            if not known:
                self._ports.pop(server, None)
                if (space := self._spaces.pop(server, None)) is not None:
                    os.close(space)
            self._save()

    def reboot(self, server: str) -> None:
        """Ask for the addresses of a server again."""
        for port in list(self._ports.get(server, {}).values()):
            self._ask_address(server, port)

    def namespace(self, server: str) -> int:
        """Return the file descriptor of a server's namespace; raise LookupError for one that is not plugged."""
        try:
            return self._spaces[server]
        except KeyError:
            raise LookupError(f"server {server} does not run, or has no port") from None

    def _pair(self, tap_name: str, space: int, interface: str, bridge: str, port: Port | None = None) -> None:
        """Make a virtual Ethernet pair between a bridge of the switch and a namespace."""
        switch = self._programs.switch_space
        lines = [f"link add {tap_name} type veth peer name {interface} netns /proc/{os.getpid()}/fd/{space}"]
        namespaces.run(switch, "ip", "-batch", "-", given="\n".join([*lines, f"link set {tap_name} up"]))
        without_offload(space, interface)
        set_link = f"link set {interface} address {port['mac']} mtu {port['mtu']}\n" if port else ""
        namespaces.run(space, "ip", "-batch", "-", given=f"{set_link}link set {interface} up")
        words = ["add-port", bridge, tap_name]
        if port:
            facts = {"iface-id": port["id"], "attached-mac": port["mac"], "iface-status": "active"}
            words += [
                "--",
                "set",
                "Interface",
                tap_name,
                *(f'external_ids:{key}="{value}"' for key, value in facts.items()),
            ]
        self._programs.vsctl(*words)

    def _serve_metadata(self, network: str) -> None:
        """Plug the metadata port of a network, once, and serve its requests."""
        found = metadata.port_of(network, f"unix:{self._programs.run}/nb.sock")
        if network in self._metadata_spaces or found is None:
            return
        space = self._metadata_spaces[network] = namespaces.new()
        port = {"id": found.id, "mac": found.mac, "mtu": MTU}
        self._pair(tap(found.id), space, "eth0", "br-int", port)
        lines = [f"address add {one} dev eth0" for one in (*found.addresses, f"{metadata.ADDRESS}/32")]
        namespaces.run(space, "ip", "-batch", "-", given="\n".join(lines))
        self._metadata.serve(network, space)

    def _ask_address(self, server: str, port: Port) -> None:
        """Run the DHCP client once, beside what goes on here: the port is bound a moment later."""
        space = os.dup(self.namespace(server))

        def ask() -> None:
            client = ["busybox", "udhcpc", "-i", port["interface"], "-n", "-q", "-f", "-t", "20", "-T", "1"]
            options = ["-O", "staticroutes", "-O", "mtu", "-s", str(DHCP_SCRIPT)]
            try:
                command = namespaces.inside(space, *client, *options)
                done = subprocess.run(command, capture_output=True, text=True, pass_fds=(space,), check=False)
                if done.returncode:
                    print(f"port {port['id']}: no answer by DHCP; its address is set by hand", flush=True)
                    by_hand(space, port)
            except OSError as error:
                print(f"port {port['id']}: {error}", flush=True)
            finally:
                os.close(space)

        threading.Thread(target=ask, daemon=True, name=f"dhcp-{port['id']}").start()

    def _save(self) -> None:
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(self._ports))
        draft.replace(self._file)


def by_hand(space: int, port: Port) -> None:
    """Give an interface the addresses that Neutron gave its port, as on a subnet without DHCP."""
    lines = [f"address replace {one} dev {port['interface']}" for one in port["addresses"]]
    if port.get("gateway"):
        lines.append(f"route replace default via {port['gateway']} dev {port['interface']}")
    namespaces.run(space, "ip", "-batch", "-", given="\n".join(lines))


def tap(port_id: str) -> str:
    """Return the name of a port's interface on the switch: Linux allows 15 characters."""
    return f"tap{port_id[:11]}"
