"""Call: what an action may use to serve a request, beside the parameters."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from adapters.errors import BackendError, Fault
from adapters.ports.cloud import Cloud
from adapters.types.identity import Token
from shim.auth.keys import Keys
from shim.auth.sessions import Session
from shim.auth.tokens import Tokens
from shim.auth.unknown_keys import UnknownLimit
from shim.cache import Cache
from shim.concurrency import Jobs
from shim.config import Settings
from shim.errors import AwsError
from shim.keystore import KeyStore
from shim.locks import Locks
from shim.notices.spool import Notices
from shim.worker import Worker


class Opened(NamedTuple):
    """An object that is read: its size, its bytes, and the function that ends the reading."""

    size: int
    pieces: AsyncIterable[bytes]
    close: Callable[[], None]


class Upload(NamedTuple):
    """A multipart upload of an object."""

    bucket: str
    key: str
    id: str


class Buckets(Protocol):
    """S3's objects for the actions of other services, with the rights of the caller alone.

    Each function raises what S3's own actions raise.
    """

    async def open(self, call: Call, bucket: str, key: str, span: str = "") -> Opened:
        """Read an object, or a `span` of it (the value of a Range header)."""
        ...

    async def check_write(self, call: Call, bucket: str, key: str) -> None:
        """Raise the error of a write of an object, if the caller may not write it or there is no such bucket."""
        ...

    async def begin(self, call: Call, bucket: str, key: str) -> Upload:
        """Begin to write an object."""
        ...

    async def add(self, call: Call, upload: Upload, number: int, pieces: AsyncIterator[bytes], size: int) -> str:
        """Store a part of exactly `size` bytes; return its ETag."""
        ...

    async def complete(self, call: Call, upload: Upload, etags: Sequence[str]) -> None:
        """Make the object of its parts, from the first to the last."""
        ...

    async def abort(self, call: Call, upload: Upload) -> None:
        """Delete an unfinished upload with its parts."""
        ...


class Imports(NamedTuple):
    """What imports and exports of disks need: the objects of buckets, and the work that goes on after the answer.

    `uploads` are the jobs that watch uploads of images, and `late_changes` what they write at the end, by the image's
    UUID: properties, or None to delete one.
    """

    buckets: Buckets
    jobs: Jobs
    uploads: Jobs
    late_changes: dict[str, dict[str, str | None]]


class Caller(NamedTuple):
    """A Keystone user and the project in which it acts, with the project's AWS account id; all are '' for nobody."""

    access_key: str
    user_id: str
    user_name: str
    project_id: str
    project_name: str
    account_id: str  # 12 digits, computed from the project id
    roles: frozenset[str]
    session: Session | None = None

    @property
    def arn(self) -> str:
        """The user's ARN, as that of an IAM user of the project's account; '' for nobody."""
        return f"arn:aws:iam::{self.account_id}:user/{self.user_name}" if self.account_id else ""


NOBODY = Caller("", "", "", "", "", "", frozenset())


class ProjectCloud(Cloud, Protocol):
    """The cloud of a project whose name is known."""

    @property
    def project_name(self) -> str:
        """Return the project's name."""
        ...


class ServiceClouds(Protocol):
    """Makes clouds with the gateway's own user, for work that no caller's token can do.

    `service` and `own` raise BackendError FORBIDDEN or UNSUPPORTED where the operator has not enabled that.
    """

    async def service(self, project_id: str, request_id: str, *, contained: bool = False) -> ProjectCloud:
        """Return the cloud of a project; a contained one reads no object through another one's name."""
        ...

    async def own(self, request_id: str) -> Cloud:
        """Return the cloud of the gateway's own project."""
        ...

    async def shared(self, request_id: str) -> Cloud | None:
        """Return the cloud of the gateway's own project; None if its user can act in no other project."""
        ...


@runtime_checkable
class ProjectLists(Protocol):
    """Service clouds that can also list projects, to find the one of an account: its id is computed from the project's.

    Raises BackendError FORBIDDEN where the gateway's own user may not list them.
    """

    async def project_ids(self) -> list[str]:
        """List the ids of the cloud's projects."""
        ...


class _NoService:
    """Service clouds of a gateway without a service identity."""

    async def service(self, project_id: str, request_id: str, *, contained: bool = False) -> ProjectCloud:
        raise BackendError(Fault.UNSUPPORTED, service="identity", resource="project", id=project_id)

    async def own(self, request_id: str) -> Cloud:
        raise BackendError(Fault.UNSUPPORTED, service="identity", resource="project")

    async def shared(self, request_id: str) -> Cloud | None:
        return None


NO_SERVICE: ServiceClouds = _NoService()


class _NoCloud:
    """The cloud of an unsigned request: every use raises UNAUTHORIZED, as there is no token."""

    def __getattr__(self, port: str) -> Any:
        raise BackendError(Fault.UNAUTHORIZED, service=port, detail="nobody signed this request")


NO_CLOUD: Any = _NoCloud()


@dataclass(repr=False)
class Call:
    """One request, authenticated and parsed.

    `caller` has the project in which the call acts, and `cloud` is that project's.  They are the signer's own, except
    for a request to another project's bucket: that acts in the project of the bucket's owner, with the gateway's token.
    `requester` is the signer always.

    `region` is the region name that the client signed for and expects to read back; `regions` holds all names that mean
    the cloud's region.  `host` is the Host header of the request, `scheme` its scheme (http or https), `client` the
    client's address.  An action that opens something for as long as its answer is sent (a download) appends the
    function that closes it to `at_end`; the gateway calls these functions after the answer's last byte, or when the
    request ends early.  `cache`, `worker` and `keys` (of SSE-S3, if there are any) are shared by all requests;
    `configurations` holds the bucket configurations that this request has read.
    `clouds` makes the clouds of other projects, and of the gateway's own.  `signer` is always the cloud of the signer's
    own project with its own token, which decides what keys it may use; NO_CLOUD without a signature of version 4.
    `unknown_names` limits the look-ups of bucket names for nobody; `access_keys` has the keys and sessions, for STS.
    `imports` is what imports and exports of disks need.
    `notices` takes the records of events that buckets are configured for; None where the operator has named no
    destinations.

    What follows is set when a request to a bucket is authorised.
    `source` is the call that reads a copy's source, if it is in another one.
    `hidden` are the codes of errors that the requester may not see: it may not learn which objects there are.
    `acl` is the text of the ACL that the object gets that the request writes, '' for the usual one.
    `refusals`, if set, returns the errors of the entries of a request's body that the sender may not act on, by place.
    """

    cloud: Cloud
    caller: Caller
    request_id: str
    region: str
    operation: str
    settings: Settings
    locks: Locks
    regions: Container[str] = frozenset()
    host: str = ""
    scheme: str = "http"
    client: str = ""
    at_end: list[Callable[[], None]] = field(default_factory=list)
    cache: Cache = field(default_factory=Cache)
    worker: Worker = field(default_factory=Worker)
    keys: KeyStore | None = None
    configurations: dict[str, Mapping[str, str]] = field(default_factory=dict)
    requester: Caller = NOBODY
    clouds: ServiceClouds = NO_SERVICE
    unknown_names: UnknownLimit | None = None
    signer: Cloud = NO_CLOUD
    access_keys: Keys | None = None
    notices: Notices | None = None
    imports: Imports | None = None
    source: Call | None = field(init=False, default=None)
    hidden: frozenset[str] = field(init=False, default=frozenset())
    acl: str = field(init=False, default="")
    refusals: Callable[[Sequence[Mapping[str, Any]]], Awaitable[Mapping[int, AwsError]]] | None = field(
        init=False, default=None
    )

    def __repr__(self) -> str:
        """Name the request alone: the settings and the caller hold what no log may show."""
        return f"Call({self.request_id})"


class Tenants(ServiceClouds, Protocol):
    """Makes clouds for requests: of the tenant that signed one, which is cheap, and those of the gateway's own user."""

    def tenant(self, tokens: Tokens, token: Token, request_id: str) -> Cloud:
        """Return the cloud of the owner of these tokens; `token` is the current one."""
        ...
