"""S3: its buckets are Swift's containers, its objects Swift's objects.

Importing this package registers every action; what no file here defines is answered with 501 NotImplemented.
"""

from shim.s3 import (
    acl,
    attributes,
    buckets,
    copying,
    deleting,
    listing,
    multipart,
    multipart_complete,
    multipart_lists,
    objects,
    versions,
)
from shim.s3.errors import translate
from shim.s3.service import s3

__all__ = [
    "acl",
    "attributes",
    "buckets",
    "copying",
    "deleting",
    "listing",
    "multipart",
    "multipart_complete",
    "multipart_lists",
    "objects",
    "s3",
    "translate",
    "versions",
]
