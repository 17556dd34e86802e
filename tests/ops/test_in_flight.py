"""The number of calls being served: what the metrics tell while a call is under way, and after it."""

from __future__ import annotations

import pytest

from adapters.types.identity import Ec2Credential
from tests.security.door import Door, OneUser

PRESIGNED = "https://localhost:8788/b/k?AWSAccessKeyId=AKIDEXAMPLE&Expires=4000000000&Signature=AAAA"


class Watching(OneUser):
    """A Keystone that notes how many calls the gateway serves while it is asked."""

    def __init__(self, *, broken: bool) -> None:
        super().__init__()
        self.broken = broken
        self.seen: list[int] = []
        self.door = Door(self)

    async def ec2_credential(self, access: str) -> Ec2Credential | None:
        self.seen.append(self.door.gateway.in_flight)
        if self.broken:
            raise ZeroDivisionError
        return await super().ec2_credential(access)


@pytest.mark.parametrize(("broken", "status"), [(False, 403), (True, 500)])
def test_a_call_is_in_flight_until_it_has_its_answer(broken: bool, status: int) -> None:
    keystone = Watching(broken=broken)
    assert keystone.door.knock("GET", PRESIGNED, {}).status == status
    assert keystone.seen == [1]
    assert keystone.door.gateway.in_flight == 0
