"""Managed prefix lists: Neutron's address groups, which rules of security groups name.

An address group has no tags and no room for descriptions of entries.  Its own description holds the facts that Neutron
lacks (`ec2:pl max=10 version=2 family=IPv4`); one without them is OpenStack's own and has as many entries as it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from ipaddress import ip_network
from typing import Any

from adapters.types.network import AddressGroup
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.client_tokens import DIGEST, TOKEN
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import PREFIX_LIST
from shim.ec2.network import ip_permissions as permissions
from shim.ec2.network.security_groups import owner_of
from shim.ec2.service import action
from shim.ec2.tags.creating import CreateRequest, creates, creating
from shim.errors import AwsError
from shim.undo import undoing

_FACTS = re.compile(
    r"ec2:pl max=([0-9]{1,4}) version=([0-9]{1,9}) family=(IPv[46])(?: ct=([0-9a-f]{64}) cth=([0-9a-f]{64}))?"
)
_MOST_ENTRIES = 1000  # "You can create a prefix list with up to 1000 entries"
_SORT = "prefix list"

LISTS = Table(
    items="PrefixLists",
    id="PrefixListId",
    ids="PrefixListIds",
    resource_type=PREFIX_LIST,
    most=100,
    filters={"owner-id": "OwnerId", "prefix-list-id": "PrefixListId", "prefix-list-name": "PrefixListName"},
)
ENTRIES = Table(items="Entries", id="Cidr", resource_type=PREFIX_LIST, most=100, filters={})


@dataclass(frozen=True, slots=True)
class _Facts:
    most: int
    version: int
    family: str
    token: str = ""
    digest: str = ""

    def written(self) -> str:
        token = f" ct={self.token} cth={self.digest}" if self.token else ""
        return f"ec2:pl max={self.most} version={self.version} family={self.family}{token}"


def _facts(group: AddressGroup) -> _Facts:
    if found := _FACTS.fullmatch(group.description):
        return _Facts(int(found[1]), int(found[2]), found[3], found[4] or "", found[5] or "")
    family = "IPv6" if any(":" in one for one in group.addresses) else "IPv4"
    return _Facts(max(len(group.addresses), 1), 1, family)


def _row(call: Call, group: AddressGroup) -> dict[str, Any]:
    facts, owner = _facts(group), owner_of(call, group.project_id)
    named = ids.aws(PREFIX_LIST.prefix, group.id)
    return {
        "PrefixListId": named,
        "PrefixListArn": ids.arn(PREFIX_LIST, named, call.region, owner),
        "PrefixListName": group.name,
        "AddressFamily": facts.family,
        "MaxEntries": facts.most,
        "Version": facts.version,
        "State": "create-complete" if facts.version == 1 else "modify-complete",
        "Tags": [],
        "OwnerId": owner,
    }


@describes(LISTS, supports="PrefixListIds Filters MaxResults NextToken")
async def describe_managed_prefix_lists(call: Call, asked: Question) -> list[Row]:
    """Describe prefix lists: one OpenStack call."""
    return [_row(call, group) for group in await call.cloud.network.address_groups()]


@describes(ENTRIES, supports="PrefixListId MaxResults NextToken")
async def get_managed_prefix_list_entries(call: Call, asked: Question) -> list[Row]:
    """List the entries of a prefix list, sorted by block."""
    group = await _one(call, asked.req["PrefixListId"])
    return [{"Cidr": one} for one in sorted(group.addresses)]


@dataclass(frozen=True, slots=True)
class _New:
    family: str
    most: int
    entries: tuple[str, ...]


def _read(settings: Settings, req: Mapping[str, Any]) -> _New:
    family, most = req["AddressFamily"], int(req["MaxEntries"])
    if family not in ("IPv4", "IPv6"):
        raise _invalid(f"Value ({family}) for parameter AddressFamily is invalid.", "AddressFamily")
    if not 1 <= most <= _MOST_ENTRIES:
        raise _invalid(f"Value ({most}) for parameter MaxEntries is invalid. It must be 1 to 1000.", "MaxEntries")
    if not req["PrefixListName"] or len(req["PrefixListName"]) > 255:
        raise _invalid("The name of a prefix list has 1 to 255 characters.", "PrefixListName")
    if req["PrefixListName"].startswith("com.amazonaws"):
        raise _invalid("The name of a prefix list cannot start with com.amazonaws.", "PrefixListName")
    entries = _blocks(req.get("Entries") or (), family)
    _check_room(entries, most)
    return _New(family, most, tuple(entries))


@action(
    supports="PrefixListName Entries.Cidr MaxEntries AddressFamily ClientToken",
    read=creates(PREFIX_LIST, read=_read),
)
async def create_managed_prefix_list(call: Call, asked: CreateRequest[_New]) -> Mapping[str, Any]:
    """Create a prefix list."""
    wanted, new, network = asked.read, creating(call, asked), call.cloud.network
    token, digest = (sha256(new.token[TOKEN].encode()).hexdigest(), new.token[DIGEST]) if new.token else ("", "")

    async def find(_: Mapping[str, str]) -> Iterable[tuple[AddressGroup, Mapping[str, str]]]:
        found = [(group, _facts(group)) for group in await network.address_groups()]
        return [(group, {DIGEST: facts.digest}) for group, facts in found if facts.token == token]

    async with new.once(find):
        if new.earlier:
            group = new.earlier[0]
        else:
            facts = _Facts(wanted.most, 1, wanted.family, token, digest)
            group = await network.create_address_group(asked.params["PrefixListName"], facts.written(), wanted.entries)
    return {"PrefixList": _row(call, group)}


@action(supports="PrefixListId CurrentVersion PrefixListName MaxEntries AddEntries.Cidr RemoveEntries.Cidr")
async def modify_managed_prefix_list(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add and remove entries, or change the name or the number of entries; changed entries make another version."""
    named = ids.uuid(PREFIX_LIST, req["PrefixListId"])
    async with call.locks.hold(_SORT, call.caller.project_id, named):
        group = await _one(call, req["PrefixListId"])
        facts = _facts(group)
        add = set(_blocks(req.get("AddEntries") or (), facts.family))
        remove = set(_blocks(req.get("RemoveEntries") or (), facts.family))
        most = int(req.get("MaxEntries") or facts.most)
        _check_version(req, facts, changed=bool(add or remove))
        if absent := remove - {*group.addresses}:
            raise _invalid(f"The prefix list has no entry {min(absent)}.", "RemoveEntries")
        if (add or remove) and req.get("MaxEntries"):
            raise AwsError("InvalidParameterCombination", "MaxEntries and entries cannot be changed in one request.")
        add -= {*group.addresses} - remove
        after = {*group.addresses} - remove | add
        _check_room(after, most)
        changed = replace(facts, most=most, version=facts.version + 1 if add or remove else facts.version)
        await _change(call, group, add - remove, remove - add, req.get("PrefixListName"), changed)
    return {
        "PrefixList": {
            **_row(call, replace(group, name=req.get("PrefixListName") or group.name, description=changed.written())),
            "State": "modify-complete",
        }
    }


@action(supports="PrefixListId")
async def delete_managed_prefix_list(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete a prefix list that no rule names."""
    group = await _one(call, req["PrefixListId"])
    # Neutron would delete the rules with it.
    if any(rule.remote_address_group_id == group.id for rule in await call.cloud.network.rules()):
        raise AwsError(PREFIX_LIST.in_use, PREFIX_LIST.in_use_says.format(id=req["PrefixListId"]))
    await call.cloud.network.delete_address_group(group.id)
    return {"PrefixList": {**_row(call, group), "State": "delete-complete"}}


async def _change(
    call: Call, group: AddressGroup, add: set[str], remove: set[str], name: str | None, facts: _Facts
) -> None:
    network = call.cloud.network
    async with undoing() as undo:
        if add:
            await network.add_addresses(group.id, add)
            undo(network.remove_addresses, group.id, add)
        if remove:
            await network.remove_addresses(group.id, remove)
            undo(network.add_addresses, group.id, remove)
        await network.update_address_group(group.id, name=name or None, description=facts.written())


async def _one(call: Call, prefix_list_id: str) -> AddressGroup:
    uuid = ids.uuid(PREFIX_LIST, prefix_list_id)
    for group in await call.cloud.network.address_groups():
        if group.id == uuid:
            return group
    raise ids.missing(PREFIX_LIST, [prefix_list_id])


def _blocks(entries: Sequence[Mapping[str, Any]], family: str) -> list[str]:
    """Return the blocks of entries in canonical form."""
    found = [permissions.cidr(one.get("Cidr", ""), 6 if family == "IPv6" else 4) for one in entries]
    if len(set(found)) < len(found):
        raise _invalid("The same entry is given twice.", "Entries")
    return [str(ip_network(one)) for one in found]


def _check_version(req: Mapping[str, Any], facts: _Facts, *, changed: bool) -> None:
    """Check CurrentVersion, which must be given to change entries."""
    current = req.get("CurrentVersion")
    if current is None:
        if changed:
            raise AwsError(
                "MissingParameter", "The request must contain the parameter CurrentVersion", refused="CurrentVersion"
            )
    elif current != facts.version:
        raise AwsError("PrefixListVersionMismatch", "The prefix list has the incorrect version number.")


def _check_room(entries: Iterable[str], most: int) -> None:
    if len([*entries]) > most:
        raise AwsError("PrefixListMaxEntriesExceeded", f"The prefix list can have {most} entries.")


def _invalid(message: str, refused: str) -> AwsError:
    return AwsError("InvalidParameterValue", message, refused=refused)
