"""The condition keys that a bucket's policy may name; a policy with any other key is refused.

The keys without a meaning here (a VPC, an organisation) are known: a request has no value for them, as a request to AWS
from outside of a VPC or an organisation has none.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from typing import Final

_GLOBAL: Final = """
CalledVia CalledViaFirst CalledViaLast CurrentTime EpochTime FederatedProvider MultiFactorAuthAge MultiFactorAuthPresent
PrincipalAccount PrincipalArn PrincipalIsAWSService PrincipalOrgID PrincipalOrgPaths PrincipalServiceName
PrincipalServiceNamesList PrincipalType Referer RequestedRegion ResourceAccount ResourceOrgID ResourceOrgPaths
SecureTransport SourceAccount SourceArn SourceIdentity SourceIp SourceOrgID SourceOrgPaths SourceOwner SourceVpc
SourceVpcArn SourceVpce TagKeys TokenIssueTime UserAgent userid username ViaAWSService VpcSourceIp
VpceAccount VpceOrgID VpceOrgPaths
"""
_S3: Final = """
AccessGrantsInstanceArn AccessPointNetworkOrigin authType DataAccessPointAccount DataAccessPointArn delimiter
destinationRegion if-match if-none-match InventoryAccessibleOptionalFields isReplicationPauseRequest LocationConstraint
max-keys object-lock-legal-hold object-lock-mode object-lock-remaining-retention-days object-lock-retain-until-date
ObjectCreationOperation prefix RequestObjectTagKeys ResourceAccount signatureAge signatureversion TlsVersion versionid
x-amz-acl x-amz-content-sha256 x-amz-copy-source x-amz-grant-full-control x-amz-grant-read x-amz-grant-read-acp
x-amz-grant-write x-amz-grant-write-acp x-amz-metadata-directive x-amz-object-ownership x-amz-server-side-encryption
x-amz-server-side-encryption-aws-kms-key-id x-amz-server-side-encryption-customer-algorithm x-amz-storage-class
x-amz-website-redirect-location
"""
# Keys that end with the name of a tag.
_FAMILIES: Final = (
    "aws:principaltag/",
    "aws:requesttag/",
    "aws:resourcetag/",
    "s3:buckettag/",
    "s3:existingobjecttag/",
    "s3:requestobjecttag/",
)
EXISTING_TAG: Final = "s3:existingobjecttag/"

_KNOWN: Final = frozenset(
    [f"aws:{name.lower()}" for name in _GLOBAL.split()] + [f"s3:{name.lower()}" for name in _S3.split()]
)


def normal(key: str) -> str:
    """Return a key in the one spelling that requests use: in lower case, except the name of a tag.

    "Condition key names are not case-sensitive" (IAM User Guide); the keys of S3's tags are.
    """
    family, slash, tag = key.strip().partition("/")
    return f"{family.lower()}{slash}{tag}"


def is_known(key: str) -> bool:
    """Tell whether a key, in its normal spelling, is one of AWS's for requests to S3."""
    return key in _KNOWN or any(key.startswith(family) and len(key) > len(family) for family in _FAMILIES)
