"""The router of S3: finds a request's operation by its method, the shape of its address and its query keys.

`GET /bucket` alone is 36 operations.  They differ by the query keys that they require (`?lifecycle`, `uploadId` +
`partNumber`, `list-type=2`) and, for copies, by a header; the most specific operation that fits is chosen.  If the
request has a key of the model that the chosen operation does not take, the answer is 501: `DELETE /bucket?lifecycle`
must not delete the bucket.  `unknown_names` says which keys outside the model are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shim.errors import AwsError
from shim.protocol.message import Head, Request
from shim.protocol.unknown_names import AMZ, Known, ignores_query, known

# Query keys of presigned URLs, V4 and V2, and of the SDKs' name for the operation (`x-id`).
_V4 = (
    "X-Amz-Algorithm X-Amz-Credential X-Amz-Date X-Amz-Expires X-Amz-SignedHeaders X-Amz-Signature "
    "X-Amz-Security-Token X-Amz-Content-Sha256"
)
SIGNATURE = frozenset(_V4.lower().split())
_SIGNATURE_V2 = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
# boto's SigV2 moves these headers to the query when it signs a URL.
_HOISTED_V2 = frozenset({"content-type", "content-md5"})
# A query of only these names chooses no operation: it signs, as that of most presigned URLs, or names the operation
# (`x-id`).
SIGNS_ONLY = frozenset({"x-id", *_V4.split()})

_COPY = "x-amz-copy-source"

# Operations of other endpoints (S3 Express, Object Lambda) whose requests look like those of this endpoint.
_OTHER_ENDPOINTS = frozenset({"ListDirectoryBuckets", "WriteGetObjectResponse"})
_SHAPES = {"": 0, "{Bucket}": 1, "{Bucket}/{Key+}": 2}
_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE"})


@dataclass(frozen=True, slots=True)
class Route:
    """What a request must have to be one of an operation, and which query keys the operation takes."""

    operation: str
    required_keys: Mapping[str, str]  # query key → the value it must have, or ''
    copies: bool
    accepted_keys: frozenset[str]
    sub_resources: frozenset[str]  # the keys in its URI: `lifecycle`, `list-type`

    @property
    def weight(self) -> int:
        """How specific the route is."""
        return 2 * len(self.required_keys) + self.copies


def not_implemented(name: str, what: str = "Header") -> AwsError:
    """Return S3's 501 for a header, query key, parameter or operation that is not implemented.

    The message contains the name too, since SDKs and the AWS CLI show only the code and message of an error.
    """
    shown = name.encode("utf-8", "replace").decode()[:256]
    return AwsError(
        "NotImplemented",
        f"A header or query you provided implies functionality that is not implemented: {shown}",
        501,
        extra={what: shown},
        refused=shown,
    )


def router(model: Any) -> Callable[[Request], str]:
    """Compile the routes of a rest-xml model whose paths are S3's; return the function that picks one."""
    routes: dict[tuple[str, int], list[Route]] = {}
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].lstrip("/").partition("?")
        if path in _SHAPES and name not in _OTHER_ENDPOINTS and not operation.deprecated:
            routes.setdefault((operation.http["method"], _SHAPES[path]), []).append(_route(operation, query))
    for found in routes.values():
        found.sort(key=lambda route: (-route.weight, route.operation))
    plain = {key: next((one.operation for one in found if not one.weight), "") for key, found in routes.items()}
    names_known = known(model)

    def identify(request: Request) -> str:
        head = request.head
        bucket, key = request.address
        shape = 2 if key else 1 if bucket else 0  # as in _SHAPES
        base = plain.get((head.method, shape))
        if base and _COPY not in head.first and head.query_names <= SIGNS_ONLY:
            return base
        names, copies = _asked(head, names_known), _copies(head)
        if base and not names and not copies:
            return base
        return _choose(head, names, copies, routes.get((head.method, shape), ()), shape)

    return identify


def _route(operation: Any, query: str) -> Route:
    uri = dict(pair.partition("=")[::2] for pair in query.split("&")) if query else {}
    members = operation.input_shape.members if operation.input_shape else {}
    required = operation.input_shape.required_members if operation.input_shape else ()
    required_keys, accepted_keys, copies = dict(uri), set(uri), False
    for name, member in members.items():
        location, outside = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "querystring":
            accepted_keys.add(outside)
            if name in required:
                required_keys[outside] = ""
        elif location == "header" and outside == _COPY and name in required:
            copies = True
    return Route(operation.name, required_keys, copies, frozenset(accepted_keys), frozenset(uri))


def _copies(head: Head) -> bool:
    """Tell whether a copy source is given: in a header, or in the query, where a presigning client moves it."""
    return _COPY in head.first or (bool(head.raw_query) and _COPY in map(str.lower, head.query_names))


def _choose(head: Head, names: frozenset[str], copies: bool, routes: Iterable[Route], shape: int) -> str:
    values = dict(head.query)
    for route in routes:
        if copies >= route.copies and all(
            name in names and (not value or values[name] == value) for name, value in route.required_keys.items()
        ):
            _check_names(names, route, routes)
            return route.operation
    raise _nothing(head, names, shape)


def _asked(head: Head, names_known: Known) -> frozenset[str]:
    """Return the query's names that choose the operation or are its parameters.

    Leaves out the signature, `x-amz-*` headers that were moved to the query, and ignored names.
    """
    if not head.raw_query:
        return frozenset()
    elsewhere = _SIGNATURE_V2 | _HOISTED_V2 if "AWSAccessKeyId" in head.query_names else frozenset[str]()
    return frozenset(
        name
        for name, value in head.query
        if name not in elsewhere
        and not name.lower().startswith(AMZ)
        and not ignores_query(name, value, head.method, names_known)
    )


def _check_names(names: frozenset[str], route: Route, routes: Iterable[Route]) -> None:
    """Refuse the names that the operation of a route does not take."""
    unknown = names - route.accepted_keys
    if not unknown:
        return
    also = sorted(name for name in unknown if any(name in other.sub_resources for other in routes))
    if also and route.sub_resources:
        both = ", ".join(sorted({*also, *(route.sub_resources & names)}))
        raise AwsError(
            "InvalidArgument",
            f"Conflicting query string parameters: {both}",
            400,
            extra={"ArgumentName": "ResourceType", "ArgumentValue": also[0]},
            refused=also[0],
        )
    raise not_implemented(min(unknown))


def _nothing(head: Head, names: frozenset[str], shape: int) -> AwsError:
    """Return the error for a request that no operation fits."""
    if head.method in _METHODS and names:
        return not_implemented(min(names))
    if head.method == "POST" and shape == 1:
        if head.header("content-type").lower().startswith("multipart/form-data"):
            return not_implemented("multipart/form-data")
        return AwsError(
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
            412,
            extra={"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"},
        )
    return AwsError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        405,
        extra={"Method": head.method.encode("utf-8", "replace").decode()[:32]},
    )
