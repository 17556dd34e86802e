"""A bucket on the real Swift and a model of it side by side, while gateways are killed between two of their calls.

After a kill the client sends its request again, as SDKs do.  What the killed gateway had done by then may be seen: a
version more, or nothing.  At the end all is read through the public door and compared with what Swift itself holds:
every segment, of whatever storage policy, belongs to a manifest or to an open upload, every side record to a version,
and no lock is held.  Only a step whose gateway was killed may leave segments behind, of its own keys.  Then all is
deleted, and nothing more may be left over.

PASSERELLE_TEST_MACHINE is the number of examples, chosen anew each time; without it there are a few that never change.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from openstack.connection import Connection

from shim.errors import AwsError
from shim.s3.config.acl import put_bucket_ownership_controls
from shim.s3.config.object_lock import put_object_lock_configuration
from shim.s3.multipart.complete import complete_multipart_upload
from shim.s3.multipart.multipart import abort_multipart_upload, create_multipart_upload, upload_part
from shim.s3.objects.acl import put_object_acl
from shim.s3.objects.copying import copy_object
from shim.s3.objects.deleting import delete_object, delete_objects
from shim.s3.objects.object_lock import put_object_legal_hold, put_object_retention
from shim.s3.objects.objects import head_object, put_object
from shim.s3.objects.tagging import put_object_tagging
from tests.s3.machine.killing import body
from tests.s3.machine.model import NULL, Version
from tests.s3.machine.steps import CUSTOMER, READER, STORE, Steps, classed, ended_before, opened, sealed

KEYS = st.sampled_from(["k", "k/1"])
BODIES = st.binary(min_size=1, max_size=3)
TAGS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"), max_size=2)
SEALED = st.sampled_from(["", "", STORE, CUSTOMER])
COLD = st.sampled_from([False, False, True])  # whether it has the class that is mapped to a storage policy
PLACES = st.sampled_from([0, 0, 0, 1, 2])  # of a version among those of a key; the newest is at 0
KILLS = st.none() | st.integers(0, 9)
CONDITIONS = st.sampled_from(["absent", "same", "other", "unless"])
EXAMPLES, STEPS = 5, 12
UNTIL = datetime.now(UTC) + timedelta(days=30)


class Machine(Steps):
    """Steps on a bucket and on its model."""

    @initialize(lock=st.booleans(), versioned=st.booleans(), data=st.lists(BODIES, max_size=3), last_kill=KILLS)
    def begin(self, lock: bool, versioned: bool, data: list[bytes], last_kill: int | None) -> None:
        self.start(last_kill)
        writers = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        self.run("PutBucketOwnershipControls", put_bucket_ownership_controls, OwnershipControls=writers)
        if lock:
            self.turn(on=True)
            enabled = {"ObjectLockEnabled": "Enabled"}
            self.run("PutObjectLockConfiguration", put_object_lock_configuration, ObjectLockConfiguration=enabled)
            self.lock = True
        for one in data:
            self.put("k", one, {}, "", False, None)
            if versioned and not lock:
                self.turn(on=True)

    @precondition(lambda self: not self.lock)
    @rule(on=st.booleans())
    def switch(self, on: bool) -> None:
        self.turn(on=on)

    # --- writes ---

    @rule(key=KEYS, data=BODIES, tags=TAGS, how=SEALED, cold=COLD, kill=KILLS)
    def put(self, key: str, data: bytes, tags: dict[str, str], how: str, cold: bool, kill: int | None) -> None:
        told = "&".join(f"{name}={value}" for name, value in tags.items())

        def asked() -> dict[str, Any]:
            tagging = {"Tagging": told} if told else {}
            return {"Key": key, "Body": body(data), **tagging, **sealed(how), **classed(cold=cold)}

        self.written(self.ask("PutObject", put_object, asked, kill), key, Version("", data, tags, how, cold=cold))

    @rule(key=KEYS, data=BODIES, condition=CONDITIONS, cold=COLD, kill=KILLS)
    def put_on_condition(self, key: str, data: bytes, condition: str, cold: bool, kill: int | None) -> None:
        there = self.model.readable(key)
        told = {} if there is None else self.run("HeadObject", head_object, Key=key, **opened(there.sealed))
        etag = told.get("ETag", '"0"')
        headers = {
            "absent": {"IfNoneMatch": "*"},
            "same": {"IfMatch": etag},
            "other": {"IfMatch": '"1"'},
            "unless": {"IfNoneMatch": etag},
        }[condition]
        refusal = self.model.refusal(key, condition)

        def asked() -> dict[str, Any]:
            return {"Key": key, "Body": body(data), **headers, **classed(cold=cold)}

        answers, code = list[Any](), ""
        try:
            answers = self.ask("PutObject", put_object, asked, kill)
        except AwsError as error:
            code = error.code
        if kill is not None and code == "PreconditionFailed" and not refusal:
            answers, code = [self.newest(key)], ""  # the condition holds no more, as the killed gateway has written
        assert code == refusal
        if refusal:
            return
        self.written(answers, key, Version("", data, cold=cold))

    @rule(key=KEYS, data=BODIES, tags=TAGS, how=SEALED, cold=COLD, again=st.booleans(), part_kill=KILLS, kill=KILLS)
    def put_in_parts(
        self,
        key: str,
        data: bytes,
        tags: dict[str, str],
        how: str,
        cold: bool,
        again: bool,
        part_kill: int | None,
        kill: int | None,
    ) -> None:
        told = {"Tagging": "&".join(f"{name}={value}" for name, value in tags.items())} if tags else {}
        upload = self._begun(key, **told, **sealed(how), **classed(cold=cold))
        stale = self._part(key, upload, b"stale", how, None) if again else ""
        etag = self._part(key, upload, data, how, part_kill)

        def asked() -> dict[str, Any]:  # anew each time, as the action empties the list
            return self._completion(key, upload, etag, how)

        if again:
            stale_parts = self._completion(key, upload, stale, how)
            self.refused("InvalidPart", "CompleteMultipartUpload", complete_multipart_upload, **stale_parts)
        answers = self.ask("CompleteMultipartUpload", complete_multipart_upload, asked, kill)
        self.written(answers, key, Version("", data, tags, how, cold=cold))
        same = self.run("CompleteMultipartUpload", complete_multipart_upload, **asked())
        names = ("ETag", "VersionId")
        assert [same.get(name) for name in names] == [answers[-1].get(name) for name in names]

    def _begun(self, key: str, **told: str) -> str:
        return str(self.run("CreateMultipartUpload", create_multipart_upload, Key=key, **told)["UploadId"])

    def _part(self, key: str, upload: str, data: bytes, how: str, kill: int | None) -> str:
        def asked() -> dict[str, Any]:
            return {"Key": key, "UploadId": upload, "PartNumber": 1, "Body": body(data), **opened(how)}

        return str(self.ask("UploadPart", upload_part, asked, kill, leaves=False)[-1]["ETag"])

    def _completion(self, key: str, upload: str, etag: str, how: str) -> dict[str, Any]:
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        return {"Key": key, "UploadId": upload, "MultipartUpload": parts, **opened(how)}

    @rule(key=KEYS, data=BODIES, cold=COLD, kill=KILLS)
    def upload_and_abort(self, key: str, data: bytes, cold: bool, kill: int | None) -> None:
        upload = self._begun(key, **classed(cold=cold))
        self._part(key, upload, data, "", None)
        with ended_before(kill):
            asked = {"Key": key, "UploadId": upload}
            self.ask("AbortMultipartUpload", abort_multipart_upload, lambda: asked, kill, leaves=False)
        self.refused("NoSuchUpload", "AbortMultipartUpload", abort_multipart_upload, Key=key, UploadId=upload)

    @rule(key=KEYS, data=BODIES, cold=COLD)
    def leave_an_upload_open(self, key: str, data: bytes, cold: bool) -> None:
        upload = self._begun(key, **classed(cold=cold))
        self._part(key, upload, data, "", None)
        self.model.uploads.append((key, upload))

    @rule(key=KEYS, other=KEYS, place=PLACES, how=SEALED, cold=COLD, kill=KILLS)
    def copy(self, key: str, other: str, place: int, how: str, cold: bool, kill: int | None) -> None:
        version = self.version(key, place)
        if version is None:
            return
        if key == other and version is self.model.keys[key][0]:
            return  # S3 refuses to copy an object to itself without a change
        source = {"CopySource": f"{self.bucket}/{key}?versionId={version.id}"}
        asked = {"Key": other, **source, **opened(version.sealed, "CopySource"), **sealed(how), **classed(cold=cold)}
        answers = self.ask("CopyObject", copy_object, lambda: asked, kill)
        self.written(answers, other, self.model.copied(version, "", how, cold=cold))

    # --- deletions ---

    @rule(key=KEYS, kill=KILLS)
    def delete(self, key: str, kill: int | None) -> None:
        self.written(self.ask("DeleteObject", delete_object, lambda: {"Key": key}, kill), key, Version(""))

    @rule(keys=st.sets(KEYS, min_size=1), kill=KILLS)
    def delete_some(self, keys: set[str], kill: int | None) -> None:
        asked = {"Delete": {"Objects": [{"Key": key} for key in sorted(keys)]}}
        *killed, answer = self.ask("DeleteObjects", delete_objects, lambda: asked, kill)
        assert not answer["Errors"]
        told = {one["Key"]: one for one in answer["Deleted"]}
        for key in sorted(keys):
            marker = told[key].get("DeleteMarkerVersionId")
            self.written([*killed, {"VersionId": marker} if marker else {}], key, Version(""))

    @rule(key=KEYS, place=PLACES, bypass=st.booleans(), kill=KILLS)
    def delete_version(self, key: str, place: int, bypass: bool, kill: int | None) -> None:
        version = self.version(key, place, readable=False)
        if version is None:
            return
        asked = {"Key": key, "VersionId": version.id, **({"BypassGovernanceRetention": True} if bypass else {})}
        if version.held or (version.retained and not bypass):
            self.refused("AccessDenied", "DeleteObject", delete_object, **asked)
            return
        self.ask("DeleteObject", delete_object, lambda: asked, kill)
        self.model.keys[key].remove(version)
        listed = self.native.object_store.get(f"/{self.bucket}?format=json").json()
        assert [row["name"] for row in listed] == self.model.current()

    @rule(key=KEYS)
    def read_what_is_not_there(self, key: str) -> None:
        if self.model.readable(key) is None:
            self.refused("NoSuchKey", "HeadObject", head_object, Key=key)
        found = self.model.keys.get(key, [])
        for marker in [one for one in found if one.is_marker and one.id != NULL][:1]:
            self.refused("MethodNotAllowed", "HeadObject", head_object, Key=key, VersionId=marker.id)

    # --- what is set later ---

    @rule(key=KEYS, place=PLACES, tags=TAGS, kill=KILLS)
    def tag(self, key: str, place: int, tags: dict[str, str], kill: int | None) -> None:
        if version := self.version(key, place):
            tagging = {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}
            asked = {"Key": key, "VersionId": version.id, "Tagging": tagging}
            self.ask("PutObjectTagging", put_object_tagging, lambda: asked, kill, leaves=False)
            version.tags = tags

    @rule(key=KEYS, place=PLACES, reader=st.sampled_from(["", READER]), kill=KILLS)
    def give(self, key: str, place: int, reader: str, kill: int | None) -> None:
        if version := self.version(key, place):
            acl = {"GrantRead": f'id="{reader}"'} if reader else {"ACL": "private"}
            asked = {"Key": key, "VersionId": version.id, **acl}
            self.ask("PutObjectAcl", put_object_acl, lambda: asked, kill, leaves=False)
            version.reader = reader

    @precondition(lambda self: self.lock)
    @rule(key=KEYS, place=PLACES, held=st.booleans(), kill=KILLS)
    def hold(self, key: str, place: int, held: bool, kill: int | None) -> None:
        if version := self.version(key, place):
            asked = {"Key": key, "VersionId": version.id, "LegalHold": {"Status": "ON" if held else "OFF"}}
            self.ask("PutObjectLegalHold", put_object_legal_hold, lambda: asked, kill, leaves=False)
            version.held = held

    @precondition(lambda self: self.lock)
    @rule(key=KEYS, place=PLACES, retained=st.booleans(), kill=KILLS)
    def retain(self, key: str, place: int, retained: bool, kill: int | None) -> None:
        if version := self.version(key, place):
            retention = {"Mode": "GOVERNANCE", "RetainUntilDate": UNTIL} if retained else {}
            asked: dict[str, Any] = {"Key": key, "VersionId": version.id, "Retention": retention}
            if version.retained and not retained:
                self.refused("AccessDenied", "PutObjectRetention", put_object_retention, **asked)
                asked["BypassGovernanceRetention"] = True
            self.ask("PutObjectRetention", put_object_retention, lambda: asked, kill, leaves=False)
            version.retained = retained

    # --- lifecycle rules ---

    @rule(kept=st.integers(0, 2), kill=KILLS)
    def expire_noncurrent(self, kept: int, kill: int | None) -> None:
        expiration = {"NoncurrentDays": 1, **({"NewerNoncurrentVersions": kept} if kept else {})}
        self.sweep({"NoncurrentVersionExpiration": expiration}, kill)
        if self.model.status:
            self.model.expire_noncurrent(kept)

    @rule(kill=KILLS)
    def remove_lone_markers(self, kill: int | None) -> None:
        self.sweep({"Expiration": {"ExpiredObjectDeleteMarker": True}}, kill)
        self.model.remove_lone_markers()

    @rule(kill=KILLS)
    def abort_uploads(self, kill: int | None) -> None:
        self.sweep({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}, kill)
        self.model.uploads.clear()

    @rule(kill=KILLS)
    def expire(self, kill: int | None) -> None:
        self.sweep({"Expiration": {"Days": 1}}, kill)
        self.model.expire()
        for key, found in self.model.keys.items():
            for version in found:
                if version.id == "new":
                    version.id = self.newest(key)["VersionId"]


@pytest.mark.timeout(7200)  # many examples take long
def test_a_bucket_and_its_model(s3: Any, openstack_main: Connection) -> None:
    machine = type("MachineOnSwift", (Machine,), {"s3": s3, "native": openstack_main})
    told = os.environ.get("PASSERELLE_TEST_MACHINE", "")
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(told) if told else EXAMPLES,
            stateful_step_count=3 * STEPS if told else STEPS,
            deadline=None,
            derandomize=not told,
            database=None,
            phases=[Phase.generate],  # a failure is told as it is: to make it smaller takes many runs
            suppress_health_check=list(HealthCheck),
        ),
    )
