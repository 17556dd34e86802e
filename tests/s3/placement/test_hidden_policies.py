"""A class that is mapped to a policy of which Swift says only by a refusal that it does not have it."""

import asyncio
from functools import partial
from typing import Any

import pytest
from openstack.connection import Connection

from adapters.errors import BackendError
from adapters.openstack.swift.cache import SwiftCache
from adapters.openstack.swift.swift import Swift
from adapters.types.objects import Limits
from shim.config import Settings
from shim.errors import AwsError
from shim.s3.errors import translate
from shim.s3.multipart.multipart import create_multipart_upload
from shim.s3.objects.objects import put_object
from tests.s3.in_process import calling
from tests.s3.placement.small_swift import body_of

ASKED = {"Key": "k", "StorageClass": "STANDARD_IA"}


async def sent(connection: Connection, action: Any, asked: dict[str, Any]) -> AwsError:
    """Return S3's refusal by a gateway of a Swift that hides its `/info`."""
    cache = SwiftCache()
    cache.keep_limits(str(connection.object_store.get_endpoint()).partition("/v1/")[0], Limits())
    async with calling(connection, "PutObject", partial(Swift, cache=cache)) as call:
        call.settings = Settings.model_validate({"s3_storage_classes": {"STANDARD_IA": "nowhere"}})
        with pytest.raises(BackendError) as refused:
            await action(call, asked)
        return translate(refused.value, call.operation, asked)


def test_it_is_refused_and_leaves_no_container(bucket: str, openstack_main: Connection) -> None:
    body = {"Body": body_of(b"bytes")}
    for action, more in ((put_object, body), (create_multipart_upload, {})):
        error = asyncio.run(sent(openstack_main, action, {"Bucket": bucket, **ASKED, **more}))
        assert (error.code, error.status) == ("InvalidStorageClass", 400)
        assert error.extra == {"StorageClassRequested": "STANDARD_IA"}
    store = openstack_main.object_store
    assert store.get(f"/{bucket}+segments?format=json").json() == []
    assert store.head(f"/{bucket}+segments+nowhere").status_code == 404
