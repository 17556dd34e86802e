"""RunInstances: create MinCount to MaxCount servers, or none."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from adapters.errors import BackendError, Fault
from adapters.types.compute import NewServer, Server
from shim.concurrency import gather_all, gather_outcomes
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine.resource_types import INSTANCE, INTERFACE, VOLUME
from shim.ec2.instances import facts as instance_facts
from shim.ec2.instances import profiles
from shim.ec2.instances.instances import servers_of
from shim.ec2.instances.states import PENDING, RUNNING, state
from shim.ec2.interfaces.chosen import replace_marks
from shim.ec2.launch import addresses, answer, repeated
from shim.ec2.launch import volumes as launch_volumes
from shim.ec2.launch.placement import groups_apart, ipv6_wishes
from shim.ec2.launch.plan import Plan, devices_again, plan
from shim.ec2.launch.repeated import LaunchToken, launched_before, take_back, token_of
from shim.ec2.launch.request import FORBIDS, VALUES, Launch, read
from shim.ec2.network import dhcp
from shim.ec2.network.interface_rows import ENDS, PLACE
from shim.ec2.network.ipv6.asked import SUPPORTS as IPV6
from shim.ec2.service import action, ec2
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.creating import CreateRequest, Creation, creates, creating
from shim.ec2.templates import merging
from shim.errors import AwsError
from shim.undo import to_the_end

log = logging.getLogger(__name__)

_SIDE_BY_SIDE = 8
_SOFT = frozenset({Fault.QUOTA, Fault.NO_CAPACITY})  # "launches the largest possible number above MinCount"
_PASSING = frozenset({Fault.UNAVAILABLE, Fault.THROTTLED})  # the client can retry with its ClientToken
_EBS = "BlockDeviceMappings.Ebs"
BESIDE = (VOLUME, INTERFACE)  # types that a launch also creates


def _read_launch(settings: Settings, req: Mapping[str, Any]) -> Launch | None:
    """Read a launch; one from a template is read once the template is known."""
    if req.get("LaunchTemplate"):
        return None
    profiles.check(settings, req.get("IamInstanceProfile"))
    return read(req, settings.launch_max)


async def _from_template(call: Call, asked: CreateRequest[Launch | None]) -> CreateRequest[Launch | None]:
    """Return a request with the parameters of its launch template, checked like those of any request."""
    merged = await merging.merged(call, asked.params)
    if refused := ec2.operations["RunInstances"].unsupported(merged.params, call.caller.account_id):
        raise refused
    for one in FORBIDS:
        one.check(merged.params)
    tags = {kind: tag_rules.specified(merged.params, kind, *asked.tags) for kind in asked.tags}
    tags[INSTANCE.name] = {**tags[INSTANCE.name], **merged.tags}
    return replace(asked, params=merged.params, tags=tags, read=_read_launch(call.settings, merged.params))


@action(
    supports="ImageId InstanceType MinCount MaxCount KeyName SecurityGroupIds SecurityGroups SubnetId PrivateIpAddress"
    " NetworkInterfaces.DeviceIndex NetworkInterfaces.SubnetId NetworkInterfaces.Groups"
    " NetworkInterfaces.NetworkInterfaceId NetworkInterfaces.PrivateIpAddress NetworkInterfaces.DeleteOnTermination"
    " NetworkInterfaces.AssociatePublicIpAddress NetworkInterfaces.PrimaryIpv6"
    f" {' '.join(f'{one} NetworkInterfaces.{one}' for one in IPV6)}"
    " Placement.AvailabilityZone Placement.Tenancy Placement.GroupName"
    f" Placement.GroupId LaunchTemplate IamInstanceProfile CpuOptions.CoreCount CpuOptions.ThreadsPerCore"
    " CapacityReservationSpecification.CapacityReservationPreference MaintenanceOptions NetworkPerformanceOptions"
    " PrivateDnsNameOptions EnablePrimaryIpv6"
    f" UserData BlockDeviceMappings.DeviceName BlockDeviceMappings.NoDevice {_EBS}.VolumeSize {_EBS}.VolumeType"
    f" {_EBS}.DeleteOnTermination {_EBS}.SnapshotId {_EBS}.Encrypted {_EBS}.Iops {_EBS}.Throughput TagSpecifications"
    " ClientToken DisableApiTermination DisableApiStop InstanceInitiatedShutdownBehavior HibernationOptions"
    " EnclaveOptions",
    ignores={
        "Monitoring": "echoed; Nova measures alike whether asked or not",
        "EbsOptimized": "echoed; there is no second path to a volume to choose",
        "MetadataOptions": "echoed; Nova's metadata service has no such switches for a single server",
        "CreditSpecification": "no instance type here is burstable",
    },
    values={**VALUES, "IamInstanceProfile": profiles.NEEDS_SETTING},
    ends_with_client=True,
    forbids=FORBIDS,
    read=creates(INSTANCE, *BESIDE, read=_read_launch),
)
async def run_instances(call: Call, asked: CreateRequest[Launch | None]) -> Mapping[str, Any]:
    """Launch instances; for a repeated ClientToken, return the earlier launch, or complete it if it is half done."""
    if asked.read is None:
        asked = await _from_template(call, asked)
    assert asked.read is not None  # no template names another
    launch, new = asked.read, creating(call, asked)
    token, planned, given = token_of(call, new.token), None, None
    async with new.once(partial(launched_before, call, token, launch.least) if token else None):
        if new.earlier:
            servers = new.earlier
        else:
            for one in new.half_done:
                new.undo(take_back, call, token, one.id)
            planned = await plan(call, launch, new.tags, len(new.half_done))
            servers = await _complete(call, launch, planned, new, token)
        if token is None and planned is not None:
            given = await _equip(call, launch, planned, servers, new)
    if planned is None:
        return await _answered_again(call, launch, servers, new)
    if token is not None:
        given = await _finish(call, launch, planned, servers, new, token)
    return await answer.launched(call, launch, servers, planned.placement, planned.server.devices, given)


async def _answered_again(
    call: Call, launch: Launch, servers: Sequence[Server], new: Creation[Server]
) -> Mapping[str, Any]:
    """Answer a request whose ClientToken's launch is whole; mark volumes and give addresses if that is still to do."""
    volume_tags = new.tags_of(VOLUME)
    devices = await devices_again(call, launch) if launch.devices or volume_tags else ()
    alive = [one for one in servers if state(one) in (PENDING, RUNNING)]
    await launch_volumes.mark(call, alive, devices, volume_tags, again=True)
    apart: Sequence[Sequence[str] | None] = ()
    with suppress(AwsError):  # groups that the first request named may be deleted
        apart = await groups_apart(call, launch)
    await addresses.regroup(call, alive, apart)
    await addresses.place(call, alive, launch)
    if any(one.ipv6.some for one in launch.interfaces) or any(a.version == 6 for one in alive for a in one.addresses):
        with suppress(AwsError):  # as above
            await addresses.give_ipv6(call, alive, launch, await ipv6_wishes(call, launch))
    if any(instance_facts.flag(one.metadata, instance_facts.DHCP) for one in alive):
        await addresses.give_dhcp(call, alive, launch, await dhcp.of_subnets(call, await call.cloud.network.subnets()))
    await addresses.give(call, alive)
    return await answer.launched(call, launch, servers, None, devices)


async def _equip(
    call: Call, launch: Launch, planned: Plan, servers: Sequence[Server], new: Creation[Server]
) -> addresses.Given | None:
    """Do what can only be done once Nova builds the servers: tag volumes, set groups and indexes, give addresses."""
    await launch_volumes.mark(call, servers, planned.server.devices, new.tags_of(VOLUME))
    await addresses.regroup(call, servers, planned.placement.apart)
    await addresses.place(call, servers, launch)
    await addresses.give_ipv6(call, servers, launch, planned.placement.ipv6)
    await addresses.give_dhcp(call, servers, launch, planned.placement.dhcp)
    return await addresses.give(call, servers, None if new.half_done else planned.placement.outside)


async def _finish(
    call: Call, launch: Launch, planned: Plan, servers: Sequence[Server], new: Creation[Server], token: LaunchToken
) -> addresses.Given | None:
    """Mark the volumes of a launch with a ClientToken and give public addresses, without the token's lock.

    This waits for Cinder and Neutron.

    If this request is cancelled, the servers stay: a repeated request may have been answered with them.  A repeated
    request finds the launch by its token, marks the volumes and gives the addresses.
    """
    try:
        return await _equip(call, launch, planned, servers, new)
    except (AwsError, BackendError) as error:
        if not _passes(error):
            await to_the_end(_take_all_back(call, servers, new, token))
        raise


def _passes(error: AwsError | BackendError) -> bool:
    return error.status >= 500 if isinstance(error, AwsError) else error.fault in _PASSING


async def _take_all_back(call: Call, servers: Sequence[Server], new: Creation[Server], token: LaunchToken) -> None:
    """Delete every server, and log those that could not be deleted; the caller raises the earlier error.

    A server that Nova does not delete is still marked as undone, so a repeated request deletes it and launches again
    (`launched_before`).
    """
    try:
        async with new.alone():
            outcomes = await gather_outcomes(take_back(call, token, one.id) for one in servers)
    except BackendError as error:  # the lock is not available
        outcomes = [error for _ in servers]
    for server, outcome in zip(servers, outcomes, strict=True):
        if isinstance(outcome, Exception):
            log.error("could not take back server %s", server.id, exc_info=outcome)


async def _complete(
    call: Call, launch: Launch, planned: Plan, new: Creation[Server], token: LaunchToken | None
) -> list[Server]:
    """Create the servers of a launch, or those missing from the half-done launch of an earlier request."""
    known = new.half_done
    for port, marks in planned.placement.marks:
        new.undo(replace_marks, call, replace(port, tags=marks), (PLACE,), ())
        await replace_marks(call, port, (PLACE, ENDS), marks)
    if token is None:
        delete = call.cloud.compute.delete_server
        made = await _make(call, launch, planned, None, (), lambda server_id: new.undo(delete, server_id))
        return await _read(call, made)
    made = await _make(
        call, launch, planned, token, known, lambda server_id: new.undo(take_back, call, token, server_id)
    )
    return await _read_tagged(call, token, [*(one.id for one in known), *made])


async def _make(
    call: Call,
    launch: Launch,
    planned: Plan,
    token: LaunchToken | None,
    known: Sequence[Server],
    undo: Callable[[str], None],
) -> list[str]:
    """Create the servers of each batch concurrently: at least MinCount, then as many as quotas and hosts allow."""
    least = launch.least - len(known)
    made: list[str] = []
    for batch in _batches(launch, planned, token, known):
        done = await _asked(call, batch, undo)
        made += [one for one in done if isinstance(one, str)]
        failures = [one for one in done if isinstance(one, Exception)]
        if failures:
            soft = all(isinstance(one, BackendError) and one.fault in _SOFT for one in failures)
            if soft and len(made) >= least:
                return made
            raise _worded(failures[0])
    return made


def _batches(
    launch: Launch, planned: Plan, token: LaunchToken | None, known: Sequence[Server]
) -> list[list[NewServer]]:
    """Return the servers to create, in batches; the servers of a batch are created concurrently.

    The last of the MinCount servers is created after the others, because it makes the launch whole (`repeated`).
    """
    reservation = token.reservation if token else uuid.uuid4().hex
    metadata = dict(planned.server.metadata) | dict(token.marks if token else {})
    if launch.most > 1:
        metadata[instance_facts.RESERVATION] = reservation
    template = replace(planned.server, metadata=metadata, tags=(token.tag,) if token else ())
    there = {repeated.number(one) for one in known}
    first = [number for number in range(launch.least - 1) if number not in there]
    batches = (*_cut(first), [launch.least - 1], *_cut(range(launch.least, planned.most)))
    return [[_numbered(template, number, token) for number in batch] for batch in batches]


def _cut(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[start : start + _SIDE_BY_SIDE] for start in range(0, len(numbers), _SIDE_BY_SIDE)]


def _numbered(template: NewServer, number: int, token: LaunchToken | None) -> NewServer:
    index = {instance_facts.INDEX: str(number)} if number else {}
    description = token.description(number) if token else ""
    return replace(template, metadata={**template.metadata, **index}, description=description)


async def _asked(call: Call, specs: Sequence[NewServer], undo: Callable[[str], None]) -> list[str | Exception]:
    """Ask Nova for servers concurrently, and return the id or the error of each request.

    A server cannot be deleted before Nova has returned its id: if this call is cancelled, the requests still run to
    their end, and their servers are undone.
    """
    requests = asyncio.ensure_future(gather_outcomes(call.cloud.compute.create_server(one) for one in specs))
    try:
        return await to_the_end(requests)
    finally:
        for one in requests.result():
            if isinstance(one, str):
                undo(one)


async def _read(call: Call, made: Sequence[str]) -> list[Server]:
    named = set(made)
    return [one for one in await servers_of(call, made) if one.id in named]


async def _read_tagged(call: Call, token: LaunchToken, made: Sequence[str]) -> list[Server]:
    """Read the servers of a token, and delete duplicates that another gateway made for the same launch."""
    found = {one.id: one for one in await call.cloud.compute.servers(tag=token.tag)}
    absent = [one for one in made if one not in found]
    found |= {one.id: one for one in await gather_all(call.cloud.compute.server(one) for one in absent)}
    return await repeated.one_each(call, token, repeated.not_undone(found.values()))


def _worded(error: Exception) -> Exception:
    """Return EC2's specific error for a general quota error of Nova."""
    if isinstance(error, BackendError) and error.fault is Fault.QUOTA:
        if "metadata" in error.detail.lower():
            return tag_rules.limit_exceeded()
        if "cores" in error.detail.lower():
            return AwsError("VcpuLimitExceeded", error.detail)
        return AwsError("InstanceLimitExceeded", error.detail)
    return error
