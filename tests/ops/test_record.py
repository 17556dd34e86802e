"""Request ids: what clients and OpenStack's logs call a request by."""

import uuid

from shim.record import new_request_id


def test_a_request_id_is_a_random_uuid() -> None:
    ids = [new_request_id() for _ in range(1000)]
    for one in ids:
        assert str(uuid.UUID(one)) == one
        assert (uuid.UUID(one).version, uuid.UUID(one).variant) == (4, uuid.RFC_4122)
    assert len(set(ids)) == len(ids)
