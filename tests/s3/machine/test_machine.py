"""A bucket on the real Swift and a model of it side by side, while gateways are killed between two of their calls.

After a kill the client sends its request again, as SDKs do.  What the killed gateway had done by then may be seen: a
version more, or nothing.  At the end all is read through the public door, deleted, and nothing may be left over but
what the documentation names: segments of an object whose write or deletion was interrupted.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from openstack.connection import Connection

from shim.config import Settings
from shim.context import Call
from shim.errors import AwsError
from shim.s3.buckets.versioning import put_bucket_versioning
from shim.s3.buckets.versions import list_object_versions
from shim.s3.config import documents
from shim.s3.config.object_lock import put_object_lock_configuration
from shim.s3.lifecycle.evaluation import Days
from shim.s3.lifecycle.registry import Entry
from shim.s3.lifecycle.rules import NAME
from shim.s3.multipart.complete import complete_multipart_upload
from shim.s3.multipart.multipart import abort_multipart_upload, create_multipart_upload, upload_part
from shim.s3.objects.copying import copy_object
from shim.s3.objects.deleting import delete_object
from shim.s3.objects.object_lock import put_object_legal_hold
from shim.s3.objects.objects import put_object
from shim.s3.objects.tagging import put_object_tagging
from shim.sweeps.bucket import sweep_bucket
from shim.sweeps.pace import Pace
from shim.sweeps.tools import Tools
from tests.conftest import remove_bucket
from tests.s3.machine.killing import Gateways, Killed, body
from tests.s3.machine.model import ENABLED, NULL, SUSPENDED, Model, Version
from tests.support.names import unique
from tests.sweeps.memory import Memory

KEYS = st.sampled_from(["k", "k/1"])
BODIES = st.binary(min_size=1, max_size=3)
TAGS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"), max_size=2)
PLACES = st.sampled_from([0, 0, 0, 1, 2])  # of a version among those of a key; the newest is at 0
KILLS = st.none() | st.integers(0, 9)
EXAMPLES, STEPS = 4, 10
LATER = datetime.now(UTC) + timedelta(days=1)
Row = tuple[str, str, bool, bool]


@contextmanager
def ended_before(kill: int | None) -> Iterator[None]:
    """Let a request that is sent again after a kill find no upload, as the killed gateway had ended it."""
    try:
        yield
    except AwsError as error:
        if kill is None or error.code != "NoSuchUpload":
            raise


class NoCounts:
    """Counts nothing."""

    def lifecycle_action(self, action: str, outcome: str) -> None:
        """Count nothing."""

    def lifecycle_bucket(self, outcome: str) -> None:
        """Count nothing."""


class Machine(RuleBasedStateMachine):
    """Steps on a bucket and on its model."""

    s3: Any
    native: Connection

    @initialize(lock=st.booleans(), versioned=st.booleans(), data=st.lists(BODIES, max_size=3))
    def begin(self, lock: bool, versioned: bool, data: list[bytes]) -> None:
        self.bucket, self.lock, self.directory = unique("bucket"), lock, tempfile.mkdtemp()
        self.gateways = Gateways(self.native, f"file://{self.directory}")
        self.native.object_store.put(f"/{self.bucket}").raise_for_status()
        self.model, self.interrupted, self.uploads = Model(), False, list[tuple[str, str]]()
        if lock:
            self.switch(on=True)
            asked = {"Bucket": self.bucket, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
            self.gateways.run("PutObjectLockConfiguration", put_object_lock_configuration, asked)
        for one in data:
            self.put("k", one, {}, None)
            if versioned and not lock:
                self.switch(on=True)

    # --- a step, and what is seen after it ---

    def _ask(self, operation: str, action: Any, asked: Callable[[], dict[str, Any]], kill: int | None) -> list[Any]:
        """Send a request, again if the gateway is killed; return the answers, the first of which may be missing."""
        request = {"Bucket": self.bucket, **asked()}
        if kill is None:
            return [self.gateways.run(operation, action, request)]
        try:
            return [self.gateways.run(operation, action, request, kill)]
        except Killed:
            self.interrupted = True
            return [None, self.gateways.run(operation, action, {"Bucket": self.bucket, **asked()})]

    def _rows(self) -> list[Row]:
        """Return all versions as a new gateway lists them, and then all delete markers."""
        told = self.gateways.run("ListObjectVersions", list_object_versions, {"Bucket": self.bucket})
        table = told["Versions"]
        columns = (table.columns[name] for name in ("Key", "VersionId", "IsLatest"))
        rows = [(key, version, False, latest) for key, version, latest in zip(*columns, strict=True)]
        rows += [(row["Key"], row["VersionId"], True, row["IsLatest"]) for row in told["DeleteMarkers"]]
        return rows

    def _written(self, key: str, answers: list[Any], body: bytes | None, tags: dict[str, str] | None = None) -> None:
        """Follow a write, which a killed gateway may have done once more before."""
        [*killed, answer] = answers
        if killed and self.model.status == ENABLED:
            known = {one.id for one in self.model.keys.get(key, [])}
            same = (row for row in self._rows() if row[0] == key and row[2] is (body is None))
            seen = [version for _, version, _, _ in same if version not in known]
            assert seen[:1] == [answer["VersionId"]]
            assert len(seen) <= 2
            for version in seen[:0:-1]:
                self.model.write(key, Version(version, body, dict(tags or {})))
        if body is None:
            self.model.delete(key, answer.get("VersionId", NULL))
            return
        version = answer.get("VersionId", NULL)
        assert version == self.model.new_id(version)
        self.model.write(key, Version(version, body, dict(tags or {})))

    def _version(self, key: str, place: int, *, readable: bool = True) -> Version | None:
        found = [one for one in self.model.keys.get(key, []) if not (readable and one.is_marker)]
        return found[place % len(found)] if found else None

    # --- the steps ---

    @precondition(lambda self: not self.lock)
    @rule(on=st.booleans())
    def switch(self, on: bool) -> None:
        status = ENABLED if on else SUSPENDED
        asked = {"Bucket": self.bucket, "VersioningConfiguration": {"Status": status}}
        self.gateways.run("PutBucketVersioning", put_bucket_versioning, asked)
        self.model.status = status

    @rule(key=KEYS, data=BODIES, tags=TAGS, kill=KILLS)
    def put(self, key: str, data: bytes, tags: dict[str, str], kill: int | None) -> None:
        told = "&".join(f"{name}={value}" for name, value in tags.items())

        def asked() -> dict[str, Any]:
            return {"Key": key, "Body": body(data), **({"Tagging": told} if told else {})}

        self._written(key, self._ask("PutObject", put_object, asked, kill), data, tags)

    @rule(key=KEYS, data=BODIES, kill=KILLS)
    def put_in_parts(self, key: str, data: bytes, kill: int | None) -> None:
        where = {"Bucket": self.bucket, "Key": key}
        upload = self.gateways.run("CreateMultipartUpload", create_multipart_upload, where)["UploadId"]
        part = {**where, "UploadId": upload, "PartNumber": 1}
        etag = self.gateways.run("UploadPart", upload_part, {**part, "Body": body(data)})["ETag"]

        def asked() -> dict[str, Any]:  # anew each time, as the action empties the list
            return {**where, "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}

        answers = self._ask("CompleteMultipartUpload", complete_multipart_upload, asked, kill)
        self._written(key, answers, data)

    @rule(key=KEYS, data=BODIES, kill=KILLS)
    def upload_and_abort(self, key: str, data: bytes, kill: int | None) -> None:
        where = {"Bucket": self.bucket, "Key": key}
        upload = self.gateways.run("CreateMultipartUpload", create_multipart_upload, where)["UploadId"]
        part = {**where, "UploadId": upload, "PartNumber": 1}
        self.gateways.run("UploadPart", upload_part, {**part, "Body": body(data)})
        with ended_before(kill):
            self._ask("AbortMultipartUpload", abort_multipart_upload, lambda: {**where, "UploadId": upload}, kill)

    @rule(key=KEYS, other=KEYS, place=PLACES, kill=KILLS)
    def copy(self, key: str, other: str, place: int, kill: int | None) -> None:
        version = self._version(key, place)
        if version is None:
            return
        source = f"{self.bucket}/{key}?versionId={version.id}"
        if key == other and version is self.model.keys[key][0]:
            return  # S3 refuses to copy an object to itself without a change
        asked = {"Key": other, "CopySource": source}
        self._written(other, self._ask("CopyObject", copy_object, lambda: asked, kill), version.body, version.tags)

    @rule(key=KEYS, kill=KILLS)
    def delete(self, key: str, kill: int | None) -> None:
        answers = self._ask("DeleteObject", delete_object, lambda: {"Key": key}, kill)
        self._written(key, answers, None)

    @rule(key=KEYS, place=PLACES, kill=KILLS)
    def delete_version(self, key: str, place: int, kill: int | None) -> None:
        version = self._version(key, place, readable=False)
        if version is None:
            return
        asked = {"Bucket": self.bucket, "Key": key, "VersionId": version.id}
        if version.held:
            self._refused("DeleteObject", delete_object, asked)
            return
        self._ask("DeleteObject", delete_object, lambda: asked, kill)
        self.model.keys[key].remove(version)
        listed = self.native.object_store.get(f"/{self.bucket}?format=json").json()
        assert [row["name"] for row in listed] == self.model.current()

    def _refused(self, operation: str, action: Any, asked: dict[str, Any]) -> None:
        with pytest.raises(AwsError) as caught:
            self.gateways.run(operation, action, asked)
        assert caught.value.code == "AccessDenied"

    @rule(key=KEYS, place=PLACES, tags=TAGS, kill=KILLS)
    def tag(self, key: str, place: int, tags: dict[str, str], kill: int | None) -> None:
        version = self._version(key, place)
        if version is not None:
            tagging = {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}
            asked = {"Key": key, "VersionId": version.id, "Tagging": tagging}
            self._ask("PutObjectTagging", put_object_tagging, lambda: asked, kill)
            version.tags = tags

    @precondition(lambda self: self.lock)
    @rule(key=KEYS, place=PLACES, held=st.booleans(), kill=KILLS)
    def hold(self, key: str, place: int, held: bool, kill: int | None) -> None:
        version = self._version(key, place)
        if version is not None:
            asked = {"Key": key, "VersionId": version.id, "LegalHold": {"Status": "ON" if held else "OFF"}}
            self._ask("PutObjectLegalHold", put_object_legal_hold, lambda: asked, kill)
            version.held = held

    # --- lifecycle rules ---

    @rule(kept=st.integers(0, 2), kill=KILLS)
    def expire_noncurrent(self, kept: int, kill: int | None) -> None:
        expiration = {"NoncurrentDays": 1, **({"NewerNoncurrentVersions": kept} if kept else {})}
        self._sweep({"NoncurrentVersionExpiration": expiration}, kill)
        if self.model.status:
            self.model.expire_noncurrent(kept)

    @rule(kill=KILLS)
    def remove_lone_markers(self, kill: int | None) -> None:
        self._sweep({"Expiration": {"ExpiredObjectDeleteMarker": True}}, kill)
        self.model.remove_lone_markers()

    @rule(kill=KILLS)
    def expire(self, kill: int | None) -> None:
        self._sweep({"Expiration": {"Days": 1}}, kill)
        self.model.expire()
        rows = self._rows()
        for key, found in self.model.keys.items():
            for version in found:
                if version.id == "new":
                    version.id = next(one for at, one, _, latest in rows if at == key and latest)

    def _sweep(self, action: dict[str, Any], kill: int | None) -> None:
        """Sweep by one rule, when everything is old enough, until nothing is left to do."""
        document = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {}, **action}], "Smallest": ""}
        self.gateways.work("sweep", lambda call: documents.write(call, self.bucket, NAME, document))
        if kill is not None:
            try:
                self.gateways.work("sweep", self._swept, 2 * kill)
            except Killed:
                self.interrupted = True
        for _ in range(2):  # in the first sweep a delete marker becomes alone
            self.gateways.work("sweep", self._swept)
        self.gateways.work("sweep", lambda call: documents.delete(call, self.bucket, NAME))

    async def _swept(self, call: Call) -> None:
        async def service(project: str, request: str) -> Any:
            return call.cloud

        clouds: Any = SimpleNamespace(service=service)
        given = Settings.model_validate({})
        tools = Tools(given, clouds, call.locks, NoCounts(), Pace(1e9), Days(1.0), now=lambda: LATER)
        memory: Any = Memory()
        await sweep_bucket(tools, memory, Entry(call.caller.project_id, self.bucket))

    # --- the end ---

    def teardown(self) -> None:
        if not hasattr(self, "bucket"):
            return
        try:
            self._check_answers()
            self._delete_all()
            self._check_nothing_is_left()
        except BaseException:
            remove_bucket(self.s3, self.bucket)
            raise
        finally:
            shutil.rmtree(self.directory)

    def _check_answers(self) -> None:
        """Compare what S3's clients read with the model."""
        answer = self.s3.list_object_versions(Bucket=self.bucket)
        shown = [
            (row["Key"], row["VersionId"], is_marker, row["IsLatest"])
            for name, is_marker in (("Versions", False), ("DeleteMarkers", True))
            for row in answer.get(name, [])
        ]
        model = self.model.shown()
        assert shown == [row for row in model if not row[2]] + [row for row in model if row[2]]
        listed = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        assert [row["Key"] for row in listed] == self.model.current()
        for key, found in self.model.keys.items():
            for version in found:
                self._check_version(key, version)

    def _check_version(self, key: str, version: Version) -> None:
        which = {"Bucket": self.bucket, "Key": key, "VersionId": version.id}
        if version.is_marker:
            return
        got = self.s3.get_object(**which)
        assert got["Body"].read() == version.body
        assert got.get("ObjectLockLegalHoldStatus", "OFF") == ("ON" if version.held else "OFF")
        tags = self.s3.get_object_tagging(**which)["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == version.tags

    def _delete_all(self) -> None:
        for key, found in self.model.keys.items():
            for version in found:
                which = {"Bucket": self.bucket, "Key": key, "VersionId": version.id}
                if version.held:
                    self.s3.put_object_legal_hold(**which, LegalHold={"Status": "OFF"})
                self.s3.delete_object(**which)

    def _check_nothing_is_left(self) -> None:
        assert "Uploads" not in self.s3.list_multipart_uploads(Bucket=self.bucket)
        native = self.native.object_store
        names = {one.name for one in native.containers()}
        assert native.get(f"/{self.bucket}?versions&format=json").json() == []
        if not self.interrupted:
            for behind in ("segments", "records"):
                container = f"{self.bucket}+{behind}"
                assert container not in names or not native.get(f"/{container}?format=json").json()
        self.s3.delete_bucket(Bucket=self.bucket)
        left = {one.name for one in native.containers() if one.name.startswith(self.bucket)}
        assert left == set()


def test_a_bucket_and_its_model(s3: Any, openstack_main: Connection) -> None:
    machine = type("MachineOnSwift", (Machine,), {"s3": s3, "native": openstack_main})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],  # a failure is told as it is: to make it smaller takes many runs
            suppress_health_check=list(HealthCheck),
        ),
    )
