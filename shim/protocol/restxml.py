"""The rest-xml protocol as S3 uses it: writes status, headers and a document, or a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shim.errors import AwsError
from shim.protocol import faults, headers, restparse
from shim.protocol import s3_router as resources
from shim.protocol.message import Reply, Request
from shim.protocol.operation import Dialect, Write
from shim.protocol.xml import write as xml

CONTENT_TYPE = "application/xml"

# Where the model is silent: the namespace, and the names of documents (Amazon S3 API reference, "Response Syntax" of
# each operation).  SDKs ignore them; older clients and people read them.
_NAMESPACES = {"s3": "http://s3.amazonaws.com/doc/2006-03-01/"}
_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycle": "LifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotification": "NotificationConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}
# The answer whose root element is its only member: `<LocationConstraint>eu-west-1</LocationConstraint>`.
_BARE = {"GetBucketLocation": "LocationConstraint"}
_TEXT_TYPES = {"GetBucketPolicy": "application/json"}

# Parameters that the gateway honours for every operation: the lengths and checksums that it verifies.  RequestPayer has
# no effect, as there are no requester-pays buckets here.
_ALWAYS = frozenset({"ContentLength", "ContentMD5", "RequestPayer"})

Body = Callable[[Mapping[str, Any], str], bytes]


def writer(model: Any) -> Write:
    """Compile an operation's writer.

    A result may have `ResponseMetadata` as botocore's answers do: `HTTPStatusCode` sets the status (206), `HTTPHeaders`
    adds headers.
    """
    shape = model.output_shape
    status = int(model.http.get("responseCode", 200))
    members = shape.members if shape else {}
    outside = _outside_writer(members)
    code_member = _located(shape, "statusCode")
    document, content_type, payload = _content(model)
    known = frozenset(members) | {"ResponseMetadata"}

    def write(result: Mapping[str, Any], request_id: str, request: Request) -> Reply:
        if not result.keys() <= known:
            raise LookupError(f"{model.name} answers no {sorted(result.keys() - known)}")
        out = faults.s3_ids(request_id)
        outside(result, out)
        reply = Reply(status, out)
        if payload and result.get(payload) is not None:
            reply.body = result[payload]
        elif document:
            reply.body = document(result)
        if content_type and reply.body:
            out.append(("Content-Type", content_type))
        if code_member in result:
            reply.status = result[code_member]
        if "ResponseMetadata" in result:
            _amend(reply, result["ResponseMetadata"])
        return reply

    return write


def _outside_writer(members: Mapping[str, Any]) -> Callable[[Mapping[str, Any], list[tuple[str, str]]], None]:
    strings, others, prefixes = headers.emitters(members)

    def write(result: Mapping[str, Any], out: list[tuple[str, str]]) -> None:
        name, add = "", out.append
        try:
            for name, value in result.items():
                if value is None:
                    continue
                if name in strings:
                    # Nearly every text is printable ASCII and needs no call of `safe`.
                    add((strings[name], value if value.isascii() and value.isprintable() else headers.safe(value)))
                elif name in others:
                    header, text = others[name]
                    add((header, text(value)))
                elif value and name in prefixes:
                    prefix = prefixes[name]
                    out += [(prefix + key, headers.encoded(said)) for key, said in value.items()]
        except (TypeError, AttributeError) as error:
            raise TypeError(f"{name}: {error}") from error

    return write


def _amend(reply: Reply, facts: Mapping[str, Any]) -> None:
    reply.status = facts.get("HTTPStatusCode", reply.status)
    reply.headers += facts.get("HTTPHeaders", {}).items()


def _located(shape: Any, location: str) -> str:
    for name, member in shape.members.items() if shape else ():
        if member.serialization.get("location") == location:
            return str(name)
    return ""


def _content(model: Any) -> tuple[Callable[[Mapping[str, Any]], bytes] | None, str, str]:
    """Return the document's writer, the content type, and the member whose value is the body unchanged."""
    shape = model.output_shape
    if shape is None:
        return None, "", ""
    payload = shape.serialization.get("payload", "")
    kind = shape.members[payload].type_name if payload else ""
    if kind == "blob":
        return None, "", payload
    if kind == "string":
        return _text(payload), _TEXT_TYPES.get(model.name, "text/plain"), ""
    metadata = model.metadata
    namespace = str(_NAMESPACES.get(metadata.get("endpointPrefix", ""), metadata.get("xmlNamespace", "")))
    if payload:
        member = shape.members[payload]
        tag = str(member.serialization.get("name", member.name))
        return _payload(payload, xml.Compiler(xml.escape_exactly).root(tag, member, namespace)), CONTENT_TYPE, ""
    elsewhere = frozenset(name for name, member in shape.members.items() if _outside(member))
    if len(elsewhere) == len(shape.members):
        return None, "", ""
    if model.name in _BARE:
        return _bare(_BARE[model.name], namespace), CONTENT_TYPE, ""
    tag = str(_ROOTS.get(model.name, shape.serialization.get("name", shape.name)))
    return _members(xml.Compiler(xml.escape_exactly).root(tag, shape, namespace, skip=elsewhere)), CONTENT_TYPE, ""


def _outside(member: Any) -> bool:
    """Whether an answer's member is a header or the status."""
    return member.serialization.get("location") in ("header", "headers", "statusCode")


def _text(payload: str) -> Callable[[Mapping[str, Any]], bytes]:
    return lambda result: str(result.get(payload) or "").encode()


def _bare(member: str, namespace: str) -> Callable[[Mapping[str, Any]], bytes]:
    opening = f'{xml.DECLARATION}<{member} xmlns="{xml.escape(namespace)}"'

    def document(result: Mapping[str, Any]) -> bytes:
        value = result.get(member)
        return (f"{opening}>{xml.escape(value)}</{member}>" if value else f"{opening}/>").encode()

    return document


def _payload(member: str, emit: xml.Emit) -> Callable[[Mapping[str, Any]], bytes]:
    def document(result: Mapping[str, Any]) -> bytes:
        value = result.get(member)
        if value is None:
            return b""
        out = [xml.DECLARATION]
        emit(value, out.append)
        return "".join(out).encode()

    return document


def _members(emit: xml.Emit) -> Callable[[Mapping[str, Any]], bytes]:
    def document(result: Mapping[str, Any]) -> bytes:
        out = [xml.DECLARATION]
        if "ResponseMetadata" in result:
            result = {name: value for name, value in result.items() if name != "ResponseMetadata"}
        emit(result, out.append)
        return "".join(out).encode()

    return document


def _unsupported_operation(name: str) -> AwsError:
    return resources.not_implemented(name, "Operation")


def _unsupported_parameter(path: str, model: Any) -> AwsError:
    first = path.partition(".")[0]
    member = model.input_shape.members[first]
    outside = member.serialization.get("name", first) if member.serialization.get("location") else path
    return resources.not_implemented(outside)


def _unsupported_value(path: str, value: Any, model: Any) -> AwsError:
    return _unsupported_parameter(path, model)


def _always(model: Any) -> frozenset[str]:
    shape = model.input_shape
    if shape is None:
        return frozenset()
    found = {name for name, member in shape.members.items() if member.serialization.get("location") == "uri"}
    payload = shape.serialization.get("payload", "")
    if payload and shape.members[payload].type_name == "blob":
        found.add(payload)
    facts = model.http_checksum or {}
    algorithm = facts.get("requestAlgorithmMember")
    if algorithm:
        found |= {algorithm, *(f"Checksum{name}" for name in restparse.checksums(model))}
    return frozenset((found | _ALWAYS) & shape.members.keys())


DIALECT = Dialect(
    router=resources.router,
    parser=restparse.parser,
    writer=writer,
    failure=lambda model: faults.s3,
    unsupported_operation=_unsupported_operation,
    unsupported_parameter=_unsupported_parameter,
    unsupported_value=_unsupported_value,
    always=_always,
    head_parser=restparse.head_parser,
)
