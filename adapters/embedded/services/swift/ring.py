"""Makes Swift's rings: `python -P -m passerelle_cloud.swift.ring DIRECTORY ACCOUNT-PORT CONTAINER-PORT OBJECT-PORT`.

The second storage policy has a ring of its own over the same device, where Swift keeps its objects apart.
"""

import sys
from pathlib import Path

HOST, DEVICE = "127.0.0.1", "d1"


def make(file: Path, port: int) -> None:
    """Write a ring of one replica on one device. The placement of names does not depend on the port."""
    from swift.common.ring import RingBuilder

    builder = RingBuilder(6, 1, 1)
    builder.add_dev({
        "id": 0, "region": 1, "zone": 1, "ip": HOST, "port": port, "replication_ip": HOST, "replication_port": port,
        "device": DEVICE, "weight": 1.0, "meta": "",
    })  # fmt: skip
    builder.rebalance()
    builder.get_ring().save(str(file))


def main(directory: Path, ports: list[int]) -> None:
    """Write the rings."""
    account, container, objects = ports
    for name, port in (("account", account), ("container", container), ("object", objects), ("object-1", objects)):
        make(directory / f"{name}.ring.gz", port)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(port) for port in sys.argv[2:]])
