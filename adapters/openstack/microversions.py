"""The microversion that each service is asked for.

Nova and Cinder change their answers by microversion; without the header they answer as their oldest version does.  The
gateway asks for one known version, or for the newest of an older cloud; a port that depends on a later change asks
`Session.microversion()`.
"""

from __future__ import annotations

from typing import Final

Microversion = tuple[int, int]

WANTED: Final[dict[str, Microversion]] = {
    # 2.26 server tags; 2.37 `networks` is explicit; 2.42 device tags; 2.47 the flavor is embedded in the server;
    # 2.63 one `updated` shape; 2.67 volume type at boot; 2.71 server groups; 2.75 unknown list filters are 400, not
    # silently ignored; 2.79 delete_on_termination of attachments; 2.83 members may filter by key_name and more;
    # 2.85 delete_on_termination can be changed; 2.89 attachments name the attachment; 2.90 hostname can be set;
    # 2.93 volume-backed rebuild; 2.95 the last before extra placement fields.  Key pairs cannot be generated from
    # 2.92 on: that one call asks for less.
    "compute": (2, 95),
    # 3.27 attachments; 3.34 `like` filters; 3.40 revert to snapshot; 3.42 extend while in use; 3.45 counts;
    # 3.61 cluster names kept out; 3.66 snapshots of attached volumes need no `force`; 3.67 no project in the URL;
    # 3.70 encrypted transfers, the last with changes to volumes and snapshots.
    "block-storage": (3, 70),
}

# The service types that `OpenStack-API-Version` uses (not those of the catalog: Cinder's is "volume").
_HEADER_NAMES: Final = {"compute": "compute", "block-storage": "volume"}


def negotiate(service: str, newest: Microversion | None) -> Microversion | None:
    """Return the microversion to use with a service whose newest is `newest`, or None where it has none.

    A cloud that does not say which is its newest is asked for ours: 406 is a clearer answer than an old behaviour.
    """
    wanted = WANTED.get(service)
    if wanted is None:
        return None
    return wanted if newest is None else min(wanted, newest)


def header(service: str, version: str) -> dict[str, str]:
    """Return the request header that asks `service` for `version` ("2.95")."""
    name = _HEADER_NAMES.get(service)
    return {"OpenStack-API-Version": f"{name} {version}"} if name else {}
