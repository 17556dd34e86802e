"""Attributes of images, launch permissions above all: Glance's visibility and members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.errors import BackendError, Fault, absent_is
from adapters.types.images import Image
from shim.auth.accounts import account_id
from shim.concurrency import gather_all
from shim.context import Call, ProjectLists
from shim.ec2.engine import ids
from shim.ec2.images import uploads
from shim.ec2.images.images import DEPRECATED, SRIOV, row
from shim.ec2.images.registering import owned
from shim.ec2.service import action
from shim.errors import AwsError
from shim.protocol.values import but

_EVERYBODY = "all"
# Visibilities for every project; `public` is the operator's alone.
_OPEN = ("public", "community")
_CHANGEABLE = ("description", "launchPermission")
# Attributes of images that no request changes.
_FIXED = ("blockDeviceMapping", "bootMode", "kernel", "lastLaunchedTime", "productCodes", "ramdisk", "sriovNetSupport")


@action(supports="ImageId Attribute")
async def describe_image_attribute(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return one attribute of an image of the project's own."""
    attribute = req["Attribute"]
    image = await owned(call, req["ImageId"])
    seen = row(call, image)
    shown: dict[str, dict[str, Any]] = {
        "description": {"Description": _value(seen["Description"])},
        # EC2 leaves both members out where an image has neither.
        "kernel": {"KernelId": _value(seen["KernelId"]) or None},
        "ramdisk": {"RamdiskId": _value(seen["RamdiskId"]) or None},
        "productCodes": {"ProductCodes": []},
        "blockDeviceMapping": {"BlockDeviceMappings": seen["BlockDeviceMappings"]},
        "sriovNetSupport": {"SriovNetSupport": _value(image.properties.get(SRIOV))},
        "bootMode": {"BootMode": _value(seen["BootMode"])},
        "tpmSupport": {"TpmSupport": {}},
        "uefiData": {"UefiData": {}},
        "lastLaunchedTime": {"LastLaunchedTime": {}},
        "imdsSupport": {"ImdsSupport": {}},
        "deregistrationProtection": {"DeregistrationProtection": {"Value": "disabled"}},
    }
    if attribute == "launchPermission":
        permissions = await _permissions(call, image)
        return {"ImageId": ids.aws("ami", image.id), "LaunchPermissions": permissions}
    if attribute not in shown:
        raise _no_attribute(attribute)
    return {"ImageId": ids.aws("ami", image.id), **shown[attribute]}


@action(
    supports="ImageId Attribute Description LaunchPermission.Add.Group LaunchPermission.Add.UserId "
    "LaunchPermission.Remove.Group LaunchPermission.Remove.UserId OperationType UserGroups UserIds Value",
    values={"Attribute": but("imdsSupport")},
)
async def modify_image_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Change the description of an image, or the accounts that may launch it."""
    described, add, remove = _asked(req)
    image = await owned(call, req["ImageId"])
    if described is not None:
        await uploads.change(call, image.id, set={"description": described})
    if add or remove:
        uploads.check_uploaded(image)
        await _share(call, image, add, remove)


@action(supports="ImageId Attribute")
async def reset_image_attribute(call: Call, req: Mapping[str, Any]) -> None:
    """Make an image private to its project."""
    image = await owned(call, req["ImageId"])
    uploads.check_uploaded(image)
    members = await _members(call, image)
    await gather_all(absent_is(None, call.cloud.images.remove_image_member(image.id, one)) for one in members)
    await _show(call, image, "private")


@action(supports="ImageId DeprecateAt")
async def enable_image_deprecation(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep the time from which on an image is not listed for others."""
    moment: datetime = req["DeprecateAt"]
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).replace(second=0, microsecond=0)
    if moment <= datetime.now(UTC):
        raise AwsError("InvalidParameterValue", "The deprecation date must be in the future.", refused="DeprecateAt")
    image = await owned(call, req["ImageId"])
    await uploads.change(call, image.id, set={DEPRECATED: moment.isoformat()})
    return {"Return": True}


@action(supports="ImageId")
async def disable_image_deprecation(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Forget the time of an image's deprecation."""
    image = await owned(call, req["ImageId"])
    if DEPRECATED in image.properties:
        await uploads.change(call, image.id, set={}, drop=[DEPRECATED])
    return {"Return": True}


@action(supports="ImageId")
async def disable_image(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Deactivate an image: nobody can launch it, and it is no longer shared."""
    image = await owned(call, req["ImageId"])
    await call.cloud.images.set_image_active(image.id, active=False)
    members = await _members(call, image)
    await gather_all(absent_is(None, call.cloud.images.remove_image_member(image.id, one)) for one in members)
    await _show(call, image, "private")
    return {"Return": True}


@action(supports="ImageId")
async def enable_image(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Reactivate an image."""
    image = await owned(call, req["ImageId"])
    await call.cloud.images.set_image_active(image.id, active=True)
    return {"Return": True}


def _value(value: str | None) -> dict[str, str]:
    return {"Value": value} if value else {}


def _no_attribute(name: str) -> AwsError:
    return AwsError("InvalidParameterValue", f"Value ({name}) for parameter attribute is invalid.", refused="Attribute")


def _asked(req: Mapping[str, Any]) -> tuple[str | None, list[Mapping[str, str]], list[Mapping[str, str]]]:
    """Return the new description, None where it stays, and the permissions to add and to remove."""
    attribute = req.get("Attribute")
    if attribute in _FIXED:
        raise AwsError(
            "InvalidParameter",
            f"Parameter ({attribute}) for attribute is invalid: it cannot be modified.",
            refused="Attribute",
        )
    described = (req.get("Description") or {}).get("Value")
    if attribute == "description" and described is None:
        if "Value" not in req:
            raise AwsError("MissingParameter", "The request must contain the parameter value", refused="Value")
        described = req["Value"]
    add, remove = _changes(req)
    if attribute not in (None, *_CHANGEABLE) or (described is None and not add and not remove):
        # "Indicates an incorrect combination of parameters, or a missing parameter."
        raise AwsError("InvalidParameterCombination", "No attributes specified.", refused="Attribute")
    if described is not None and len(described) > 255:
        raise AwsError(
            "InvalidParameterValue", "The description must be at most 255 characters long.", refused="Description"
        )
    return described, add, remove


def _changes(req: Mapping[str, Any]) -> tuple[list[Mapping[str, str]], list[Mapping[str, str]]]:
    """Return the permissions to add and those to remove, from either of the two ways to name them."""
    change = req.get("LaunchPermission") or {}
    add, remove = list(change.get("Add") or ()), list(change.get("Remove") or ())
    plain = [{"UserId": one} for one in req.get("UserIds") or ()]
    plain += [{"Group": one} for one in req.get("UserGroups") or ()]
    if plain:
        operation = req.get("OperationType")
        if operation not in ("add", "remove"):
            raise AwsError("InvalidParameterValue", f"Value ({operation}) for parameter operationType is invalid.")
        (add if operation == "add" else remove).extend(plain)
    for one in (*add, *remove):
        if one.get("Group") and one["Group"] != _EVERYBODY:
            raise AwsError(
                "InvalidAMIAttributeItemValue", f'Invalid attribute item value "{one["Group"]}" for group item type.'
            )
    return add, remove


async def _permissions(call: Call, image: Image) -> list[dict[str, str]]:
    if image.visibility in _OPEN:
        return [{"Group": _EVERYBODY}]
    accounts = [account_id(one, call.settings.account_ids) for one in await _members(call, image)]
    return [{"UserId": one} for one in sorted(accounts)]


async def _members(call: Call, image: Image) -> list[str]:
    """Return the projects with which an image is shared; Glance has members of shared images alone."""
    return await call.cloud.images.image_members(image.id) if image.visibility == "shared" else []


async def _share(
    call: Call, image: Image, add: Iterable[Mapping[str, str]], remove: Iterable[Mapping[str, str]]
) -> None:
    """Change an image's members and visibility: `community` for all, else `shared` while there are members."""
    port = call.cloud.images
    more = [await _project(call, one["UserId"]) for one in add if one.get("UserId")]
    less = [account for one in remove if (account := one.get("UserId"))]
    everybody = any(one.get("Group") for one in add)
    nobody = any(one.get("Group") for one in remove)
    opened = everybody or (image.visibility in _OPEN and not nobody)
    if opened and more:
        raise AwsError(
            "UnsupportedOperation",
            "An image of this cloud is either shared with accounts or open to all of them.",
            refused="LaunchPermission",
        )
    members = await _members(call, image)
    gone = [one for one in members if account_id(one, call.settings.account_ids) in less]
    if opened:
        if everybody:
            await _show(call, image, "community")
        return
    if more:
        await _show(call, image, "shared")
        await gather_all(_add(call, image.id, one) for one in more if one not in members)
    await gather_all(absent_is(None, port.remove_image_member(image.id, one)) for one in gone)
    if nobody and not more and image.visibility in _OPEN:
        await _show(call, image, "private")


async def _add(call: Call, image_id: str, project: str) -> None:
    try:
        await call.cloud.images.add_image_member(image_id, project)
    except BackendError as error:
        if error.fault is not Fault.DUPLICATE:
            raise


async def _show(call: Call, image: Image, visibility: str) -> None:
    if image.visibility != visibility:
        async with uploads.alone(call, image.id):
            await call.cloud.images.set_visibility(image.id, visibility)


async def _project(call: Call, account: str) -> str:
    """Return the project of an account: the caller's own, one of the operator's table, or one that Keystone lists."""
    if account == call.caller.account_id:
        return call.caller.project_id
    known = [*call.settings.account_ids, *await _projects(call)]
    for project in known:
        if account_id(project, call.settings.account_ids) == account:
            return project
    raise AwsError("InvalidAMIAttributeItemValue", f'Invalid attribute item value "{account}" for userId item type.')


async def _projects(call: Call) -> list[str]:
    """List all projects; none where the gateway's own user may not list them."""
    if not isinstance(call.clouds, ProjectLists):
        return []
    try:
        return await call.clouds.project_ids()
    except BackendError as error:
        if error.fault is not Fault.FORBIDDEN:
            raise
        return []
