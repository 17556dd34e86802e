"""Where moto and the gateway part, and what AWS's documentation says of it.

An entry names an operation and a path by regular expressions.  One that explains nothing any more is an error: the
ledger holds what is so, not what once was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.parity.recording import Difference


@dataclass(frozen=True)
class Entry:
    operation: str
    path: str
    reason: str

    def explains(self, difference: Difference) -> bool:
        return bool(re.fullmatch(self.operation, difference.operation) and re.fullmatch(self.path, difference.path))


_I = r"(Reservations\[0\]\.)?Instances\[0\]\."

LEDGER = (
    # --- STS ---
    Entry("get_caller_identity", "Arn|UserId", "moto's one user is made up; ours is the Keystone user who signed"),
    # --- S3 ---
    Entry("head_bucket", "AccessPointAlias", "S3 API, HeadBucket: x-amz-access-point-alias is always sent; moto omits"),
    Entry(
        "put_object|get_object|copy_object|complete_multipart_upload",
        r"(.*\.)?(ChecksumType|ChecksumCRC32)",
        "S3 API: the type and value of a checksum are answered with it; moto keeps neither for all operations",
    ),
    Entry(
        "list_objects_v2",
        r"Contents\[\d\]\.ChecksumAlgorithm.*",
        "optional in the answer; Swift's listing does not carry metadata, and a HEAD for each key would not scale",
    ),
    Entry("list_objects_v2", "NextContinuationToken", "opaque"),
    Entry("list_objects", r"Contents\[0\]\.Owner\..*", "the owner is the project, not moto's made-up account"),
    Entry("list_objects|list_multipart_uploads", "Marker|Prefix", "S3 sends the empty element; moto leaves it out"),
    Entry("create_multipart_upload", "UploadId", "opaque"),
    Entry("complete_multipart_upload", "Location", "the endpoint that was asked, where moto names AWS's"),
    Entry("complete_multipart_upload", "VersionId", "S3 API: sent for versioned buckets only; moto always sends null"),
    Entry(
        "complete_multipart_upload",
        "error.code",
        "S3 API: parts out of order are InvalidPartOrder, whatever their size",
    ),
    Entry("head_object", "VersionId", "S3 API, HeadObject: the version of the object, here null; moto leaves it out"),
    Entry("list_object_versions", "EncodingType", "S3 API: in the answer where the request has it, as botocore's has"),
    Entry("list_object_versions", r".*\.Owner\..*", "the owner is the project, not moto's made-up account"),
    Entry("delete_object", "DeleteMarker", "S3 API: true too where the version that was deleted is a marker"),
    Entry("delete_objects", "Deleted.*", "S3 API: quiet answers have errors only"),
    Entry("put_bucket_tagging|put_bucket_policy", "status", "S3 API, the examples' answers are 204 No Content"),
    Entry(
        "put_object_tagging",
        "status|error.*",
        "S3 user guide, object tagging: keys 'must be unique', and 'up to 10 tags'; moto takes a key twice",
    ),
    Entry(
        "get_bucket_ownership_controls",
        "OwnershipControls.*|status|error.*",
        "S3 user guide: BucketOwnerEnforced is set on all new buckets; moto sets none",
    ),
    Entry("get_bucket_request_payment", "Payer", "S3 API, GetBucketRequestPayment: BucketOwner by default"),
    Entry(
        "put_bucket_lifecycle_configuration",
        "TransitionDefaultMinimumObjectSize",
        "S3 API: answered, all_storage_classes_128K by default",
    ),
    Entry("put_bucket_policy", "status|error.*", "S3 API: a policy that is no JSON is MalformedPolicy; moto takes it"),
    Entry("get_object_retention", "Retention.*|status|error.*", "moto fails with 500, with a retention or without"),
    # --- security groups ---
    Entry(
        "create_security_group|create_key_pair|create_volume",
        "Tags#",
        "an empty list where moto leaves the element out",
    ),
    Entry(
        "authorize_security_group_ingress|describe_security_group_rules",
        r"SecurityGroupRules\[\d\]\.(GroupOwnerId|SecurityGroupRuleArn)",
        "EC2 API, SecurityGroupRule: both are members of the answer; moto leaves them out",
    ),
    Entry(
        "revoke_security_group_ingress",
        "(RevokedSecurityGroupRules|UnknownIpPermissions).*",
        "EC2 API, RevokeSecurityGroupIngress: the revoked rules are answered; moto leaves them out",
    ),
    Entry("delete_security_group", "GroupId|Return", "EC2 API, DeleteSecurityGroup answers both; moto neither"),
    # --- addresses and interfaces ---
    Entry(
        "allocate_address|describe_addresses",
        r"(Addresses\[0\]\.)?(PublicIpv4Pool|NetworkBorderGroup)",
        "EC2 API, AllocateAddress and Address: both are answered; moto leaves them out",
    ),
    Entry(
        "describe_addresses",
        r"Addresses\[0\]\.(InstanceId|NetworkInterfaceId)",
        "EC2 sends neither for an address that is not associated; moto sends empty ones",
    ),
    Entry(
        "create_network_interface|describe_network_interfaces",
        r"NetworkInterfaces?(\[0\])?\.(AvailabilityZoneId|Ipv6Native|MacAddress|RequesterId)",
        "EC2 API, NetworkInterface: members that moto leaves out or makes up",
    ),
    Entry(
        "create_network_interface",
        r"NetworkInterface\.Status|ClientToken",
        "EC2 API, CreateNetworkInterface: pending in the answer; the token is made by botocore for each call",
    ),
    Entry(
        "assign_private_ip_addresses",
        "AssignedPrivateIpAddresses.*",
        "EC2 API: the addresses that were assigned; moto names the primary one too",
    ),
    # --- IPv6 ---
    Entry("create_vpc", r"Vpc\.State", "EC2 API, Vpc: the state of a new one is pending; moto's is there at once"),
    Entry(
        "(create|describe)_(vpcs?|subnets?)|(dis)?associate_.*_cidr_block",
        r".*\.(IpSource|Ipv6AddressAttribute|NetworkBorderGroup)",
        "EC2 API, VpcIpv6CidrBlockAssociation and SubnetIpv6CidrBlockAssociation: members that moto leaves out",
    ),
    Entry(
        "create_vpc|(dis)?associate_subnet_cidr_block",
        r".*\.Ipv6CidrBlockState\.State",
        "EC2 API, the examples' answers say associating and disassociating; moto has done it already",
    ),
    Entry(
        "(create|describe)_subnets?",
        r".*\.Ipv6CidrBlockState\.State",
        "EC2 API, SubnetCidrBlockState: a word; moto sends Python's text of a dictionary",
    ),
    Entry(
        "(create|describe)_subnets?",
        r"Subnets?(\[0\])?\.(AvailabilityZoneId|EnableDns64|MapCustomerOwnedIpOnLaunch)",
        "EC2 API, Subnet: members that moto leaves out; the zone's id is made of the region's name",
    ),
    Entry(
        "(create|describe)_network_interfaces?",
        r".*\.PrivateDnsName",
        "VPC user guide, DNS attributes: a private address has a private DNS hostname; moto gives it in some VPCs only",
    ),
    Entry(
        "assign_ipv6_addresses",
        "AssignedIpv6Addresses.*",
        "EC2 API: 'Existing IPv6 addresses that were assigned to the network interface before the request are not "
        "included'; moto includes them",
    ),
    Entry(
        "describe_vpcs",
        r"Vpcs\[0\]\.Ipv6CidrBlockAssociationSet.*",
        "EC2 API, Vpc: the blocks that are associated; moto lists one that is disassociated for ever",
    ),
    # --- volumes ---
    Entry(
        "create_volume|describe_volumes",
        r"(.*\.)?(MultiAttachEnabled|SnapshotId)",
        "EC2 API, Volume: on every volume; Ansible's modules read them without a default",
    ),
    Entry("create_volume", "State", "EC2 API: a new volume is creating; moto's is there at once"),
    # --- snapshots ---
    Entry("create_snapshot", "Progress|State", "EC2 API: a new snapshot is pending; moto's is complete at once"),
    Entry(
        "describe_snapshots",
        r"Snapshots\[0\]\.(Description|TransferType|VolumeId)",
        "EC2 API, Snapshot: a copy has an arbitrary volume ID and a transfer type; its empty description is sent",
    ),
    # --- key pairs ---
    Entry(
        ".*_key_pairs?",
        r"(.*\.)?KeyFingerprint|KeyMaterial",
        "another key each time; EC2 user guide: SHA-256 for ED25519",
    ),
    # --- instances ---
    Entry(".*", _I + "(Architecture|Platform|PlatformDetails|UsageOperation)", "moto's first image is Windows"),
    Entry(".*", _I + "BlockDeviceMappings.*", "an image-backed server has a disk of its host, no volume"),
    Entry(".*", _I + "ClientToken", "made by botocore for each call"),
    Entry(
        ".*",
        _I + "(CapacityReservationSpecification|CpuOptions|EnaSupport|EnclaveOptions|HibernationOptions|"
        "MaintenanceOptions|NetworkPerformanceOptions|PrivateDnsNameOptions).*",
        "EC2 API, Instance: members that Terraform reads; moto leaves them out",
    ),
    Entry(
        "run_instances",
        _I + "(NetworkInterfaces|Placement|Private|SourceDestCheck).*",
        "Nova makes the ports, and chooses the host, after it has answered; the answer of a launch may be pending too",
    ),
    Entry(
        "describe_instances",
        _I + r"NetworkInterfaces\[0\]\.(Association\..*|Attachment.DeleteOnTermination|Description|MacAddress"
        r"|PrivateIpAddresses\[0\]\.(Association\..*|PrivateDnsName))",
        "no public address is given at launch, and Nova deletes the port that it made with its server",
    ),
    Entry(".*", _I + "Public(DnsName|IpAddress)", "no public address is given at launch"),
    Entry(
        ".*", _I + "SecurityGroups.*", "EC2 user guide: the VPC's default group where none is named; moto names none"
    ),
    Entry(".*", _I + "SriovNetSupport", "EC2 API: set where enhanced networking by VF is; there is none here"),
    Entry(
        ".*",
        _I + "(StateReason.*|StateTransitionReason)",
        "EC2 API: 'This might be an empty string'; Nova keeps no reason for a stop or a start",
    ),
    Entry("describe_instance_status", r"InstanceStatuses\[0\]\.Events#", "an empty list where moto leaves it out"),
)


def judge(differences: list[Difference]) -> tuple[list[Difference], set[Entry]]:
    """Return the differences that no entry explains, and the entries that explained one."""
    used: set[Entry] = set()
    left = []
    for difference in differences:
        found = [entry for entry in LEDGER if entry.explains(difference)]
        used.update(found)
        if not found:
            left.append(difference)
    return left, used
