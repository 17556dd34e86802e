"""Facts of an EC2 instance for which Nova has no field, kept as items of the server's metadata.

They are written at launch, readable by anybody who can see the server, and deleted with it.  The items of the
ClientToken are in `client_tokens`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

RESERVATION: Final = "ec2:rsv"  # the reservation's UUID, if instances were launched together
INDEX: Final = "ec2:idx"  # AmiLaunchIndex, if not 0
NO_TERMINATE: Final = "ec2:dat"  # disableApiTermination, if set
NO_STOP: Final = "ec2:das"  # disableApiStop, if set
ARCHITECTURE: Final = "ec2:arch"  # the image's, if not x86_64
PLATFORM: Final = "ec2:os"  # "windows"
EBS_OPTIMIZED: Final = "ec2:ebs"  # echoed
MONITORING: Final = "ec2:mon"  # echoed
GROUP: Final = "ec2:pg"  # the placement group's name
DHCP: Final = "ec2:dhcp"  # the interfaces get DHCP options at launch
PUBLIC: Final = "ec2:public"  # a public address is given at launch
PROFILE: Final = "ec2:iam"  # echoed: the instance profile's ARN
METADATA_OPTIONS: Final = "ec2:imds"  # echoed: the values of OPTIONS in order, joined by spaces

# The members of MetadataOptions that a request can set, with AWS's defaults.
OPTIONS: Final[Mapping[str, Any]] = {
    "HttpTokens": "optional",
    "HttpPutResponseHopLimit": 1,
    "HttpEndpoint": "enabled",
    "HttpProtocolIpv6": "disabled",
    "InstanceMetadataTags": "disabled",
}


def count(text: str) -> int | None:
    """Read a number that the gateway wrote; None for any other text, because users can edit metadata."""
    # `isdigit` accepts '¹', which `int` refuses; and EC2's integers have 32 bits.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def flag(metadata: Mapping[str, str], name: str) -> bool:
    """Tell whether a boolean fact is set."""
    return metadata.get(name) == "1"


def write_options(options: Mapping[str, Any]) -> str:
    """Write MetadataOptions as one item."""
    return " ".join(str(options.get(name, usual)) for name, usual in OPTIONS.items())


def read_options(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Read MetadataOptions; AWS's defaults if the launch set none."""
    words = metadata.get(METADATA_OPTIONS, "").split(" ")
    if len(words) != len(OPTIONS):
        return dict(OPTIONS)
    return {
        name: (count(word) or usual) if isinstance(usual, int) else word
        for (name, usual), word in zip(OPTIONS.items(), words, strict=True)
    }
