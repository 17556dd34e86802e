"""The bucket and its model between two steps: how a step is sent, and what is compared at the end."""

from __future__ import annotations

import shutil
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant
from openstack.connection import Connection

from shim.config import Settings
from shim.context import Call
from shim.errors import AwsError
from shim.keystore import KeyFile, add
from shim.s3.buckets.deletion import delete_bucket
from shim.s3.buckets.versioning import put_bucket_versioning
from shim.s3.buckets.versions import list_object_versions
from shim.s3.config import documents
from shim.s3.lifecycle.evaluation import Days
from shim.s3.lifecycle.registry import Entry
from shim.s3.lifecycle.rules import NAME
from shim.s3.objects.objects import get_object
from shim.sweeps.bucket import sweep_bucket
from shim.sweeps.pace import Pace
from shim.sweeps.tools import Tools
from tests.conftest import remove_bucket
from tests.s3.machine.killing import CLASS, Gateways, Killed
from tests.s3.machine.leftovers import cold_objects, orphans
from tests.s3.machine.model import ENABLED, NULL, SUSPENDED, Model, Version
from tests.support.names import unique
from tests.sweeps.memory import Memory

LATER = datetime.now(UTC) + timedelta(days=1)
READER = "a" * 32  # the canonical id of an account that may read some objects
Row = tuple[str, str, bool, bool]

_KEY = b"k" * 32
_CUSTOMERS = {
    "SSECustomerAlgorithm": "AES256",
    "SSECustomerKey": b64encode(_KEY).decode(),
    "SSECustomerKeyMD5": b64encode(md5(_KEY, usedforsecurity=False).digest()).decode(),
}
STORE, CUSTOMER = "AES256", "C"


def sealed(how: str) -> dict[str, str]:
    """Return the parameters of a write that encrypts."""
    return {"": {}, STORE: {"ServerSideEncryption": STORE}, CUSTOMER: _CUSTOMERS}[how]


def classed(*, cold: bool) -> dict[str, str]:
    """Return the parameters of a write whose object is to lie under a storage policy of its own."""
    return {"StorageClass": CLASS} if cold else {}


def opened(how: str, of: str = "") -> dict[str, str]:
    """Return the parameters of a read, or with `of` of a copy's source."""
    return {of + name: value for name, value in _CUSTOMERS.items()} if how == CUSTOMER else {}


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


class Steps(RuleBasedStateMachine):
    """A bucket, its model, and the gateways that act on it; the rules are added by the machine."""

    s3: Any
    native: Connection

    def start(self, last_kill: int | None) -> None:
        """Make an empty bucket; `last_kill` is that of the gateway that deletes it."""
        self.last_kill = last_kill
        self.bucket, self.directory = unique("bucket"), tempfile.mkdtemp()
        add(keys := Path(self.directory, "keys.json"))
        self.gateways = Gateways(self.native, f"file://{self.directory}", KeyFile(keys))
        self.native.object_store.put(f"/{self.bucket}").raise_for_status()
        self.model, self.lock = Model(), False
        self.shaken = set[str]()  # keys of which a gateway that was killed in the last step may have left something
        self.left = set[str]()  # what it left: segments and records

    # --- a step, and what is seen after it ---

    def run(self, operation: str, action: Any, **asked: Any) -> Any:
        """Send a request to a gateway that lives."""
        return self.gateways.run(operation, action, {"Bucket": self.bucket, **asked})

    def ask(
        self, operation: str, action: Any, asked: Callable[[], dict[str, Any]], kill: int | None, *, leaves: bool = True
    ) -> list[Any]:
        """Send a request, again if the gateway is killed; return the answers, the first of which may be missing.

        `leaves` tells whether a gateway that is killed may leave segments behind that no request removes.
        """
        if kill is None:
            return [self.run(operation, action, **asked())]
        request = asked()
        try:
            return [self.gateways.run(operation, action, {"Bucket": self.bucket, **request}, kill)]
        except Killed:
            if leaves:
                many = request["Delete"]["Objects"] if "Delete" in request else [request]
                self.shaken.update(one["Key"] for one in many)
            return [None, self.run(operation, action, **asked())]

    @invariant()
    def only_a_kill_leaves_something(self) -> None:
        """Note what the gateway left that was killed in the last step: of the keys of that step alone."""
        if not self.shaken:
            return
        found = orphans(self.native, self.bucket, self.model)
        assert {key for name, key in found.items() if name not in self.left} <= self.shaken
        self.left.update(found)
        self.shaken.clear()

    def refused(self, code: str, operation: str, action: Any, **asked: Any) -> None:
        """Send a request that S3 refuses."""
        with pytest.raises(AwsError) as caught:
            self.run(operation, action, **asked)
        assert caught.value.code == code

    def rows(self) -> list[Row]:
        """Return all versions as a new gateway lists them, and then all delete markers."""
        told = self.run("ListObjectVersions", list_object_versions)
        table = told["Versions"]
        columns = (table.columns[name] for name in ("Key", "VersionId", "IsLatest"))
        rows = [(key, version, False, latest) for key, version, latest in zip(*columns, strict=True)]
        rows += [(row["Key"], row["VersionId"], True, row["IsLatest"]) for row in told["DeleteMarkers"]]
        return rows

    def newest(self, key: str) -> dict[str, str]:
        """Return the answer that a gateway could not give before it was killed: the version that it wrote."""
        return {"VersionId": next(version for at, version, _, latest in self.rows() if at == key and latest)}

    def written(self, answers: list[Any], key: str, made: Version) -> None:
        """Follow a write, or a deletion by a delete marker, which a killed gateway may have done once more before."""
        [*killed, answer] = answers
        if killed and self.model.status == ENABLED:
            known = {one.id for one in self.model.keys.get(key, [])}
            same = (row for row in self.rows() if row[0] == key and row[2] is made.is_marker)
            seen = [version for _, version, _, _ in same if version not in known]
            assert seen[:1] == [answer["VersionId"]]
            assert len(seen) <= 2
            for version in seen[:0:-1]:
                self.model.write(key, self.model.copied(made, version, made.sealed, cold=made.cold))
        version = answer.get("VersionId", NULL)
        if made.is_marker:
            self.model.delete(key, version)
            return
        assert version == self.model.new_id(version)
        made.id = version
        self.model.write(key, made)

    def version(self, key: str, place: int, *, readable: bool = True) -> Version | None:
        """Return one of a key's versions."""
        found = [one for one in self.model.keys.get(key, []) if not (readable and one.is_marker)]
        return found[place % len(found)] if found else None

    def turn(self, *, on: bool) -> None:
        """Enable or suspend the versions."""
        status = ENABLED if on else SUSPENDED
        self.run("PutBucketVersioning", put_bucket_versioning, VersioningConfiguration={"Status": status})
        self.model.status = status

    # --- lifecycle rules ---

    def sweep(self, action: dict[str, Any], kill: int | None) -> None:
        """Sweep by one rule, when everything is old enough, until nothing is left to do."""
        document = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {}, **action}], "Smallest": ""}
        self.gateways.work("sweep", lambda call: documents.write(call, self.bucket, NAME, document))
        if kill is not None:
            try:
                self.gateways.work("sweep", self._swept, 2 * kill)
            except Killed:
                self.shaken.update(self.model.keys, (key for key, _ in self.model.uploads))
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
        """Compare everything, delete it, and look for what is left."""
        if not hasattr(self, "bucket"):
            return
        try:
            self._check_answers()
            assert orphans(self.native, self.bucket, self.model).keys() <= self.left
            for key in self.model.keys:
                self.gateways.take_lock(self.bucket, key)
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
        uploads = self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        assert sorted((one["Key"], one["UploadId"]) for one in uploads) == sorted(self.model.uploads)
        for key, found in self.model.keys.items():
            for version in found:
                if not version.is_marker:
                    self._check_version(key, version)
        there = [version for found in self.model.keys.values() for version in found]
        assert cold_objects(self.native, self.bucket) == sum(version.cold for version in there)

    def _check_version(self, key: str, version: Version) -> None:
        which = {"Bucket": self.bucket, "Key": key, "VersionId": version.id}
        if version.sealed == STORE:  # the key store is the machine's own
            assert self.gateways.read(get_object, which) == version.body
        else:
            got = self.s3.get_object(**which, **opened(version.sealed))
            assert got["Body"].read() == version.body
            assert got.get("StorageClass", "") == (CLASS if version.cold else "")
            assert got.get("ObjectLockLegalHoldStatus", "OFF") == ("ON" if version.held else "OFF")
            assert got.get("ObjectLockMode", "") == ("GOVERNANCE" if version.retained else "")
        tags = self.s3.get_object_tagging(**which)["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == version.tags
        grants = self.s3.get_object_acl(**which)["Grants"]
        assert (READER in [one["Grantee"].get("ID") for one in grants]) is bool(version.reader)

    def _delete_all(self) -> None:
        for key, found in self.model.keys.items():
            for version in found:
                which = {"Bucket": self.bucket, "Key": key, "VersionId": version.id}
                if version.held:
                    self.s3.put_object_legal_hold(**which, LegalHold={"Status": "OFF"})
                self.s3.delete_object(**which, **({"BypassGovernanceRetention": True} if version.retained else {}))
        for key, upload in self.model.uploads:
            self.s3.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)

    def _check_nothing_is_left(self) -> None:
        assert "Uploads" not in self.s3.list_multipart_uploads(Bucket=self.bucket)
        native = self.native.object_store
        assert native.get(f"/{self.bucket}?versions&format=json").json() == []
        assert orphans(self.native, self.bucket, Model()).keys() <= self.left
        try:
            self.gateways.run("DeleteBucket", delete_bucket, {"Bucket": self.bucket}, self.last_kill)
        except Killed:
            with suppress(self.s3.exceptions.BucketAlreadyOwnedByYou):  # what is left goes with the next of that name
                self.s3.create_bucket(Bucket=self.bucket)
            self.s3.delete_bucket(Bucket=self.bucket)
        left = {one.name for one in native.containers() if one.name.startswith(self.bucket)}
        assert left == set()
