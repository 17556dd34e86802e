"""Tags of instances, kept in servers' metadata, and of key pairs, kept in the comment of the public key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shim.context import Call
from shim.ec2.engine.resource_types import INSTANCE, KEY_PAIR
from shim.ec2.instances import key_pairs
from shim.ec2.instances import metadata as instance_metadata
from shim.ec2.instances.instances import servers_of
from shim.ec2.tags.stores import Held, Lists, Store, Work, limited, of_metadata, plan, register
from shim.errors import AwsError


async def _servers(lists: Lists, named: Sequence[str]) -> list[Held]:
    call = lists.call
    found = await servers_of(call, named) if named else await call.cloud.compute.servers()
    return [of_metadata(server.id, server.metadata) for server in found]


def _change_server(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    items, drop = plan(held, tags, gone)
    return lambda: limited(instance_metadata.change(call, held.id, items, drop))


async def _key_pairs(lists: Lists, named: Sequence[str]) -> list[Held]:
    call = lists.call
    rows = [key_pairs.row(call, pair) for pair in await call.cloud.compute.keypairs()]
    return [Held(row["KeyPairId"], {tag["Key"]: tag["Value"] for tag in row["Tags"]}, {}) for row in rows]


def _change_key_pair(call: Call, held: Held, tags: Mapping[str, str], gone: Sequence[str]) -> Work:
    # The tags are in the public key's comment, and Nova cannot change a key pair.
    raise AwsError(
        "UnsupportedOperation",
        "The tags of a key pair are given when it is made and cannot be changed.",
        refused="Tags",
    )


register(Store(INSTANCE, _servers, _change_server))
register(Store(KEY_PAIR, _key_pairs, _change_key_pair))
