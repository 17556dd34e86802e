"""A valid request for every registered operation, made from the model, so that new actions are tested too."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from urllib.parse import urlencode

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.serialize import create_serializer

from shim.app import FRONTENDS
from shim.protocol.service import Service
from tests.security.door import ACCESS, HOST, SECRET


@dataclass
class Wire:
    """One request, not yet signed."""

    service: str
    operation: str
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"


def registered() -> Iterator[tuple[Service, str]]:
    """Every operation that the gateway answers."""
    for frontend in FRONTENDS.values():
        for name in sorted(frontend.service.handlers):
            yield frontend.service, name


def every_request() -> list[Wire]:
    """One valid, unsigned request for each registered operation."""
    return [wire(service, name) for service, name in registered()]


_ZEROS = "0" * 32
# Values of required members, by name: a request that is read before its dry run must have ids and blocks that are some.
_VALUES: dict[str, Any] = {
    "Cidr": "10.0.0.0/16",
    "CidrBlock": "10.0.0.0/16",
    "DestinationCidrBlock": "10.9.0.0/16",
    "DhcpOptionsId": f"dopt-{_ZEROS}",
    "ImageId": f"ami-{_ZEROS}",
    "InstanceId": f"i-{_ZEROS}",
    "NetworkAclId": f"acl-{_ZEROS}",
    "RouteTableId": f"rtb-{_ZEROS}",
    "SnapshotId": f"snap-{_ZEROS}",
    "SourceImageId": f"ami-{_ZEROS}",
    "SourceSnapshotId": f"snap-{_ZEROS}",
    "SubnetId": f"subnet-{_ZEROS}",
    "VolumeId": f"vol-{_ZEROS}",
    "VpcId": f"vpc-{_ZEROS}",
    "VpcPeeringConnectionId": f"pcx-{_ZEROS}",
}
_ENTRY = {"Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0", "RuleNumber": 100, "Egress": False}
_ROOT = [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": _VALUES["SnapshotId"]}}]
_DISK = {"Format": "RAW", "UserBucket": {"S3Bucket": "disks", "S3Key": "disk.raw"}}
# What AWS demands of a request beside what its model does.
_MORE: dict[str, dict[str, Any]] = {
    "CopyObject": {"CopySource": "source/key"},
    "CreateDefaultSubnet": {"AvailabilityZone": "nova"},
    "CreateDhcpOptions": {"DhcpConfigurations": [{"Key": "domain-name", "Values": ["example.org"]}]},
    "CreateManagedPrefixList": {"PrefixListName": "abc", "MaxEntries": 1, "AddressFamily": "IPv4"},
    "CreateNatGateway": {"SubnetId": _VALUES["SubnetId"], "AllocationId": f"eipalloc-{_ZEROS}"},
    "CreateNetworkAclEntry": _ENTRY,
    "CreateRoute": {"DestinationCidrBlock": "10.9.0.0/16", "GatewayId": f"igw-{_ZEROS}"},
    "CreateSubnet": {"CidrBlock": "10.0.0.0/24"},
    "CreateVpc": {"CidrBlock": "10.0.0.0/16"},
    "CreateVpcPeeringConnection": {"PeerVpcId": _VALUES["VpcId"]},
    "DeleteRoute": {"DestinationCidrBlock": "10.9.0.0/16"},
    "ModifyVolume": {"Size": 2},
    "ModifyVpcPeeringConnectionOptions": {
        "RequesterPeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": False}
    },
    "RegisterImage": {"RootDeviceName": "/dev/sda1", "BlockDeviceMappings": _ROOT},
    "ReplaceNetworkAclEntry": _ENTRY,
    "ReplaceRoute": {"DestinationCidrBlock": "10.9.0.0/16", "GatewayId": f"igw-{_ZEROS}"},
    "ResetInstanceAttribute": {"Attribute": "sourceDestCheck"},
    "CreateVolume": {"AvailabilityZone": "nova", "Size": 1},
    "DescribeLaunchTemplateVersions": {"LaunchTemplateId": f"lt-{'0' * 32}"},
    "ImportImage": {"DiskContainers": [_DISK]},
    "ImportSnapshot": {"DiskContainer": _DISK},
    "ImportKeyPair": {"PublicKeyMaterial": b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + b"A" * 43},
    "RunInstances": {"ImageId": f"ami-{'0' * 32}", "InstanceType": "m1.tiny"},
    "UploadPartCopy": {"CopySource": "source/key"},
}


def wire(service: Service, name: str, **more: Any) -> Wire:
    """A request for an operation with the least that its model demands, and `more` parameters."""
    model = service.model.operation_model(name)
    params = (minimal(model.input_shape) if model.input_shape else {}) | _MORE.get(name, {}) | more
    request = create_serializer(service.protocol).serialize_to_request(params, model)
    headers = {key: str(value) for key, value in request["headers"].items()}
    body = request["body"]
    query = request["query_string"]
    if isinstance(body, dict):  # a query protocol's form
        text = urlencode(body)
        return Wire(
            service.name,
            name,
            "POST",
            f"http://{HOST}/",
            {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
            text.encode(),
        )
    path = request["url_path"]
    pairs = urlencode(query, doseq=True) if isinstance(query, dict) else query
    glue = "&" if "?" in path else "?"
    url = f"http://{HOST}{path}{glue + pairs if pairs else ''}"
    raw = body.encode() if isinstance(body, str) else body
    if service.operations[name].checksum.required:
        headers["Content-MD5"] = b64encode(md5(raw, usedforsecurity=False).digest()).decode()
    return Wire(service.name, name, request["method"], url, headers, raw)


def minimal(shape: Any, depth: int = 0) -> Any:
    """A value that satisfies a shape with its required members only."""
    least = shape.metadata.get("min", 1)
    match shape.type_name:
        case "structure":
            # In a list an empty structure is nothing on the wire, so it gets a member.
            named = shape.required_members or (list(shape.members)[:1] if depth else [])
            return {name: _VALUES.get(name, minimal(shape.members[name], depth + 1)) for name in named if depth < 9}
        case "list":
            return [minimal(shape.member, depth + 1)] * max(least, 1)
        case "map":
            return {}
        case "string":
            return shape.enum[0] if shape.enum else "abc".ljust(least, "c")
        case "boolean":
            return True
        case "timestamp":
            return 0
        case "blob":
            return b"abc"
        case _:
            return max(least, 1)


def signed(
    request: Wire,
    *,
    access: str = ACCESS,
    secret: str = SECRET,
    service: str = "",
    region: str = "us-east-1",
    presigned: bool = False,
    payload: str = "",
) -> Wire:
    """The request signed by botocore, in the header or in the query; `payload` is x-amz-content-sha256's mode."""
    headers = dict(request.headers)
    if payload:
        headers["X-Amz-Content-SHA256"] = payload
    method, url, body = request.method, request.url, request.body
    s3 = request.service == "s3"
    if presigned and not s3:  # a presigned call of a query service is a GET
        method, url, body = "GET", f"{url}?{body.decode()}", b""
    # A presigned URL signs no body: whoever has it brings one.
    aws = AWSRequest(method, url, headers, b"" if presigned else body)
    credentials = Credentials(access, secret)
    name = service or request.service
    if presigned:
        signer: Any = (S3SigV4QueryAuth if s3 else SigV4QueryAuth)(credentials, name, region, expires=300)
    else:
        signer = (S3SigV4Auth if s3 else SigV4Auth)(credentials, name, region)
    signer.add_auth(aws)
    prepared = aws.prepare()
    found = {key: _text(value) for key, value in prepared.headers.items()}
    return Wire(request.service, request.operation, method, str(prepared.url), found, body)


class _Expired(S3SigV4QueryAuth):
    """Presigns URLs an hour ago."""

    def add_auth(self: Any, request: Any) -> None:
        request.context["timestamp"] = (datetime.now(UTC) - timedelta(hours=1)).strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))


def expired(request: Wire) -> Wire:
    """The request to S3 with a right signature in the query that held until 55 minutes ago."""
    aws = AWSRequest(request.method, request.url, dict(request.headers), b"")
    _Expired(Credentials(ACCESS, SECRET), "s3", "us-east-1", expires=300).add_auth(aws)
    prepared = aws.prepare()
    headers = {key: _text(value) for key, value in prepared.headers.items()}
    return replace(request, url=str(prepared.url), headers=headers)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def code_of(body: bytes) -> str:
    """The error's code, whatever the envelope."""
    found = re.search(rb"<Code>(.*?)</Code>", body)
    return found[1].decode() if found else ""
