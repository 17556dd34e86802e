"""Collects the records of logged buckets and delivers them into their target buckets.

"Server access log records are delivered on a best-effort basis" (Amazon S3 User Guide, Logging requests with server
access logging).  Records wait in memory, bounded for each project and in all, and are delivered at intervals, when a
bucket's batch is large, and when the gateway ends.  What Swift does not take for the moment is tried again at the next
interval.  The gateway's own user writes them, so no caller needs to be there.  See decision 17.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from adapters.errors import BackendError, Fault
from shim.auth.body import plain_body
from shim.auth.request_signature import RequestSignature
from shim.auth.tokens import Tokens
from shim.context import NO_CLOUD, NOBODY, Call
from shim.errors import AwsError
from shim.protocol.message import Head, Request
from shim.protocol.routing import website
from shim.record import Record, new_request_id
from shim.s3 import names
from shim.s3.access_log.actions import NAME
from shim.s3.access_log.lines import Entry, line, object_key
from shim.s3.access_log.permission import check_delivering
from shim.s3.config import documents
from shim.s3.config.configuration import configuration
from shim.s3.objects.objects import put_object

log = logging.getLogger(__name__)

_MOST_BYTES: Final = 16 << 20  # that wait in all; a line has some 500 bytes
_PROJECT_BYTES: Final = 4 << 20  # that wait for one project
_LARGE_BATCH: Final = 1 << 20  # a batch of this size does not wait for the interval
_LOOKING: Final = 100  # configurations that are read at one time for requests that left none behind
_LOGGED: Final = 1000  # buckets whose last call is remembered
_END_SECONDS: Final = 10.0  # that a gateway which ends gives the last delivery

# Faults after which a later try may succeed.
_PASSING: Final = frozenset((Fault.UNAVAILABLE, Fault.THROTTLED, Fault.NO_CAPACITY, Fault.CONFLICT))


class Served(Protocol):
    """A request that was served."""

    @property
    def call(self) -> Call | None: ...  # noqa: D102
    @property
    def head(self) -> Head: ...  # noqa: D102
    @property
    def request(self) -> Request: ...  # noqa: D102
    @property
    def record(self) -> Record: ...  # noqa: D102
    @property
    def signature(self) -> RequestSignature | None: ...  # noqa: D102
    @property
    def tokens(self) -> Tokens | None: ...  # noqa: D102


@dataclass
class _Batch:
    """The lines of one bucket that wait, by day; `call` is that of its last request, which tells project and region."""

    call: Call
    days: dict[str, list[str]] = field(default_factory=dict)
    size: int = 0


class AccessLog:
    """The access logs of all buckets: `note` is told of every request, and the block delivers until it ends.

    At most `most` bytes wait for their delivery, and `of_project` bytes of one project; what is more is dropped.
    """

    def __init__(self, interval: float, *, most: int = _MOST_BYTES, of_project: int = _PROJECT_BYTES) -> None:
        self._interval = interval
        self._most = most
        self._of_project = of_project
        self._batches: dict[tuple[str, str], _Batch] = {}
        self._waiting: dict[str, int] = {}  # bytes by project
        # The last call to each of some logged buckets, for requests that were refused before they had a call.
        self._logged: OrderedDict[tuple[str, str], Call] = OrderedDict()
        self._looking: set[asyncio.Task[None]] = set()
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0  # records, as too many waited
        self._told = 0  # of them, by the log

    def note(self, served: Served) -> None:
        """Take a request that was served, if its bucket has a log."""
        call, bucket = served.call, served.request.address.bucket
        if call is None:
            self._note_unproved(served, bucket)
            return
        configured = call.configurations.get(bucket)
        if configured is not None:
            if NAME in configured:
                self._add(call, bucket, _entry(call, served))
        elif bucket and served.record.code != "NoSuchBucket" and len(self._looking) < _LOOKING:
            # A change of the configuration drops what the request has read of it.
            task = asyncio.create_task(self._look(call, bucket, _entry(call, served)))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    def _note_unproved(self, served: Served, bucket: str) -> None:
        """Take a request with a signature that does not hold, or not any more.

        It must cost nothing, so it is only logged if the bucket is one of those that had logged requests lately, and
        belongs to the project of the key that the request names.
        """
        call = self._logged.get((served.tokens.credential.project_id, bucket)) if served.tokens else None
        if call is not None:
            nobody = replace(call, requester=NOBODY)
            self._add(call, bucket, _entry(nobody, served))

    async def __aenter__(self) -> AccessLog:
        """Begin to deliver at intervals."""
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Deliver what waits, for a limited time."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.end()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._interval)
            self._due.clear()
            await self.deliver()

    async def end(self) -> None:
        """Deliver what waits, for a limited time."""
        try:
            async with asyncio.timeout(_END_SECONDS):
                if self._looking:
                    await asyncio.wait(self._looking)
                await self.deliver()
        except TimeoutError:
            pass
        if lost := sum(len(lines) for batch in self._batches.values() for lines in batch.days.values()):
            log.warning("access logs: %d records were not delivered before the gateway ended", lost)

    async def deliver(self) -> None:
        """Deliver all that waits; what fails for the moment waits on."""
        for project, bucket in list(self._batches):
            batch = self._batches.pop((project, bucket))
            self._waiting[project] -= batch.size
            try:
                await _deliver(batch, bucket)
            except BackendError as error:
                if error.fault in _PASSING:
                    log.info("access log of bucket %r waits: %s", bucket, error)
                    self._keep_all(batch, bucket)
                else:
                    log.warning("access log of bucket %r is dropped: %s", bucket, error)
            except AwsError as error:
                log.warning("access log of bucket %r is dropped: %s %s", bucket, error.code, error.message)
            except asyncio.CancelledError:
                self._keep_all(batch, bucket)
                raise
            except Exception:
                log.exception("access log of bucket %r broke", bucket)
        self._waiting = {project: size for project, size in self._waiting.items() if size}
        if self.dropped > self._told:
            log.warning("access logs: %d records were dropped, as too many waited", self.dropped - self._told)
            self._told = self.dropped

    def _keep_all(self, batch: _Batch, bucket: str) -> None:
        for day, lines in batch.days.items():
            self._keep(batch.call, bucket, day, lines)

    async def _look(self, call: Call, bucket: str, entry: Entry) -> None:
        with contextlib.suppress(AwsError, BackendError):
            if NAME in await configuration(call, bucket):
                self._add(call, bucket, entry)

    def _add(self, call: Call, bucket: str, entry: Entry) -> None:
        named = call.caller.project_id, bucket
        self._logged[named] = call
        self._logged.move_to_end(named)
        if len(self._logged) > _LOGGED:
            self._logged.popitem(last=False)
        self._keep(call, bucket, f"{entry.time:%Y-%m-%d}", [line(entry)])

    def _keep(self, call: Call, bucket: str, day: str, lines: list[str]) -> None:
        project, size = call.caller.project_id, sum(map(len, lines))
        waiting = self._waiting.get(project, 0)
        if waiting + size > self._of_project or sum(self._waiting.values()) + size > self._most:
            self.dropped += len(lines)
            return
        batch = self._batches.setdefault((project, bucket), _Batch(call))
        batch.days.setdefault(day, []).extend(lines)
        batch.size += size
        batch.call = call
        self._waiting[project] = waiting + size
        if batch.size > _LARGE_BATCH:
            self._due.set()


async def _deliver(batch: _Batch, bucket: str) -> None:
    """Write a batch into the target bucket that the configuration names now; nothing where the log was ended."""
    last = batch.call
    call = replace(
        last,
        cloud=await last.clouds.service(last.caller.project_id, last.request_id),
        caller=last.caller._replace(access_key="", user_id="", user_name="", roles=frozenset()),
        signer=NO_CLOUD,  # no KMS key of whoever sent the last request encrypts the owner's log
        request_id=new_request_id(),
        operation="PutObject",
        at_end=[],
        configurations={},
    )
    kept: Mapping[str, Any] | None = await documents.current(call, bucket, NAME)
    if not kept:
        return
    partitioned = (kept.get("TargetObjectKeyFormat") or {}).get("PartitionedPrefix")
    partition = f"{call.caller.account_id}/{call.region}/{bucket}" if partitioned is not None else ""
    by_event = (partitioned or {}).get("PartitionDateSource") == "EventTime"
    for day in list(batch.days):
        written = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
        unique = secrets.token_hex(8).upper()
        key = object_key(kept["TargetPrefix"], written, datetime.now(UTC), unique, partition, by_event)
        upload = _upload(kept["TargetBucket"], key, "".join(batch.days[day]).encode())
        await check_delivering(call, bucket, upload["Bucket"], key)
        await put_object(call, upload)
        del batch.days[day]  # if the next one fails, this one is not written again


def _upload(bucket: str, key: str, data: bytes) -> Mapping[str, Any]:
    """Return the parameters of a PutObject of the gateway itself."""
    if not names.is_bucket(bucket):
        raise AwsError("InvalidTargetBucketForLogging", "The target bucket for logging does not exist", 400)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    head = Head("PUT", b"/", b"", (("content-length", str(len(data))),))
    return {"Bucket": bucket, "Key": key, "ContentType": "text/plain", "Body": plain_body(head, receive)}


def _entry(call: Call, served: Served) -> Entry:
    record, head, signature = served.record, served.head, served.signature
    bucket, key = served.request.address
    path = head.raw_path.decode("latin-1")
    query = head.raw_query.decode("latin-1")
    version = "" if signature is None else "SigV4" if signature.scope else "SigV2"
    return Entry(
        owner=call.caller.project_id,
        bucket=bucket,
        time=datetime.now(UTC) - timedelta(seconds=record.seconds),
        client=record.client,
        requester=call.requester.arn,
        request_id=record.request_id,
        operation=record.operation,
        method=head.method,
        key=key,
        uri=f"{path}?{query}" if query else path,
        status=record.status,
        code=record.code,
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
        seconds=record.seconds,
        referer=head.header("referer"),
        agent=head.header("user-agent"),
        version_id=head.values.get("versionId", ""),
        signature_version=version,
        signed_in="" if signature is None else "QueryString" if signature.presigned else "AuthHeader",
        host=head.header("host"),
        door="WEBSITE" if website(head.header("host"), call.settings.s3_website_hosts) else "REST",
    )
