"""The S3 service: the registry that every resource file fills with its actions."""

from __future__ import annotations

from typing import Any, Final

from botocore.loaders import Loader

from shim.protocol.service import Service

# Members of writes that S3 refuses in reads and in parts.
ENCRYPTION_OF_WRITES: Final = ("ServerSideEncryption", "SSEKMSKeyId", "SSEKMSEncryptionContext")


def _model() -> dict[str, Any]:
    """Return botocore's model of S3 with the headers that S3 knows and the model lacks.

    A client that resumes a download sends If-Range; without it, it could get the rest of another object.  Of reads S3
    refuses x-amz-server-side-encryption: "Encryption request headers, like x-amz-server-side-encryption, should not be
    sent for GET requests" (GetObject), and of parts, which are encrypted as their upload says.  A completion's answer
    tells the customer's key as all other writes' do.  Names of events and of filters have errors of their own.  The
    answers to PutBucketPolicy and PutBucketTagging are "HTTP/1.1 204 No Content" (the examples of the API reference).
    """
    words: dict[str, Any] = Loader().load_service_model("s3", "service-2")
    for shape in ("GetObjectRequest", "HeadObjectRequest"):
        member = {"shape": "IfMatch", "location": "header", "locationName": "If-Range"}
        words["shapes"][shape]["members"]["IfRange"] = member
    for shape in ("GetObjectRequest", "HeadObjectRequest", "UploadPartRequest"):
        for name in ENCRYPTION_OF_WRITES:
            words["shapes"][shape]["members"][name] = words["shapes"]["PutObjectRequest"]["members"][name]
    for shape in ("FilterRuleName", "Event"):
        del words["shapes"][shape]["enum"]
    for operation in ("PutBucketPolicy", "PutBucketTagging"):
        words["operations"][operation]["http"]["responseCode"] = 204
    told = words["shapes"]["PutObjectOutput"]["members"]
    completed = words["shapes"]["CompleteMultipartUploadOutput"]["members"]
    completed.update({name: told[name] for name in ("SSECustomerAlgorithm", "SSECustomerKeyMD5")})
    return words


s3 = Service("s3", model=_model())
action = s3.action

# The reasons why some parameters are ignored, as the coverage table shows them.
NO_MFA = {"MFA": "buckets have no MFA delete that it could unlock"}
NOT_ARCHIVED = {"OptionalObjectAttributes": "asks for the state of restores, and no object is archived"}
