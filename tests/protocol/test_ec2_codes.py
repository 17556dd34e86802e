"""EC2's codes for parameters where they differ from those of other query services."""

import pytest

from shim.errors import AwsError
from shim.protocol.service import Service
from tests.protocol.requests import form, identified

EC2 = Service("ec2")


@EC2.action(supports="ImageId Attribute")
async def reset_image_attribute(call: object, req: object) -> None: ...


@pytest.mark.parametrize(
    ("image", "attribute", "code", "message"),
    [
        ("", "launchPermission", "MissingParameter", "The request must contain the parameter ImageId"),
        (
            "ami-1",
            "bogus",
            "InvalidRequest",
            "Value (bogus) for parameter Attribute is invalid. Member must satisfy enum value set: [launchPermission]",
        ),
    ],
)
def test_an_empty_text_is_missing_and_an_attribute_of_images_unknown(
    image: str, attribute: str, code: str, message: str
) -> None:
    request = form("ResetImageAttribute", ImageId=image, Attribute=attribute)
    with pytest.raises(AwsError) as refused:
        EC2.parse(identified(EC2, request), request, b"")
    assert (refused.value.status, refused.value.code, refused.value.message) == (400, code, message)
