"""Key pairs: Nova's key pairs, which belong to a user.

Nova keeps a name and a public key, no tags and no second fingerprint, and makes no keys from microversion 2.92 on.  So
the gateway makes the keys, and writes what else EC2 shows of a key pair into the comment of the OpenSSH public key:
`ssh-rsa AAAA... alice@host passerelle:<base64 of JSON>`.  The comment is deleted with the key pair, and OpenStack's own
tools can read it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from adapters.errors import absent_is
from adapters.types import compute as cloud
from shim.config import Settings
from shim.context import Call
from shim.ec2.engine import ids
from shim.ec2.engine.describe import Question, Table, describes
from shim.ec2.engine.filters import Row
from shim.ec2.engine.resource_types import KEY_PAIR
from shim.ec2.instances import key_material
from shim.ec2.service import action
from shim.ec2.tags import rules as tag_rules
from shim.ec2.tags.creating import CreateRequest, creates, creating
from shim.errors import AwsError


def _check(req: Mapping[str, Any]) -> None:
    for one in req.get("KeyPairIds") or ():
        ids.check(KEY_PAIR, one)


KEY_PAIRS = Table(
    items="KeyPairs",
    id="KeyName",
    resource_type=KEY_PAIR,
    check=_check,
    filters={
        "fingerprint": "KeyFingerprint",
        "key-name": "KeyName",
        "key-pair-id": "KeyPairId",
        "tag": "Tags",
    },
)
_NAME = re.compile(r"(?! )[A-Za-z0-9 ._@-]{1,255}(?<! )")
_MARK = "passerelle:"


class Import(NamedTuple):
    """What ImportKeyPair asks for: the public key with the name that it is to have, and the key's own comment."""

    name: str
    key: key_material.Key
    comment: str


@dataclass(frozen=True, slots=True)
class Note:
    """What the gateway stores with a key pair that it created or imported."""

    fingerprint: str
    created: int  # seconds since 1970
    tags: Mapping[str, str]

    def written(self) -> str:
        """Write the note as one word of a comment."""
        facts = json.dumps({"f": self.fingerprint, "c": self.created, "t": dict(self.tags)}, separators=(",", ":"))
        return _MARK + base64.urlsafe_b64encode(facts.encode()).decode()


def _read_name(settings: Settings, req: Mapping[str, Any]) -> str:
    return _named(req["KeyName"])


def _read_import(settings: Settings, req: Mapping[str, Any]) -> Import:
    return Import(_named(req["KeyName"]), *key_material.read(req["PublicKeyMaterial"]))


@action(supports="KeyName KeyType KeyFormat TagSpecifications", read=creates(KEY_PAIR, read=_read_name))
async def create_key_pair(call: Call, asked: CreateRequest[str]) -> Mapping[str, Any]:
    """Make a key pair, store its public key and return the private key, which is not stored."""
    name, req, new = asked.read, asked.params, creating(call, asked)
    make = partial(key_material.make, req.get("KeyType", "rsa"), req.get("KeyFormat", "pem"), name)
    key = await call.worker.run(call.caller.account_id, make)
    note = Note(key.fingerprint, int(datetime.now(UTC).timestamp()), new.tags)
    async with new.once():  # one call makes the key pair with its tags, so none is ever half done
        made = row(call, await call.cloud.compute.import_keypair(name, f"{key.public} {note.written()}"))
        return _brief(made) | {"KeyMaterial": key.private}


@action(supports="KeyName PublicKeyMaterial TagSpecifications", read=creates(KEY_PAIR, read=_read_import))
async def import_key_pair(call: Call, asked: CreateRequest[Import]) -> Mapping[str, Any]:
    """Store a public key that the client made."""
    (name, key, comment), new = asked.read, creating(call, asked)
    note = Note(key_material.fingerprint(key), int(datetime.now(UTC).timestamp()), new.tags)
    line = " ".join(word for word in (key_material.line(key), comment, note.written()) if word)
    async with new.once():
        return _brief(row(call, await call.cloud.compute.import_keypair(name, line)))


@describes(KEY_PAIRS, supports="KeyNames KeyPairIds IncludePublicKey Filters")
async def describe_key_pairs(call: Call, asked: Question) -> list[Row]:
    """List the caller's key pairs."""
    names, wanted = asked.req.get("KeyNames") or [], asked.req.get("KeyPairIds") or []
    rows: list[Row] = [row(call, pair) for pair in await call.cloud.compute.keypairs()]
    for member, named in (("KeyName", names), ("KeyPairId", wanted)):
        if absent := [one for one in named if one not in {pair[member] for pair in rows}]:
            raise ids.missing(KEY_PAIR, absent)
    if names or wanted:
        rows = [pair for pair in rows if pair["KeyName"] in names or pair["KeyPairId"] in wanted]
    if not asked.req.get("IncludePublicKey"):
        rows = [{**pair, "PublicKey": None} for pair in rows]
    return rows


@action(supports="KeyName KeyPairId")
async def delete_key_pair(call: Call, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """Delete a key pair; succeeds if there is none ("returns true even if ... does not exist")."""
    name, wanted = req.get("KeyName"), req.get("KeyPairId")
    if not name and not wanted:
        raise AwsError(
            "MissingParameter", "The request must contain the parameter KeyName or KeyPairId", refused="KeyName"
        )
    if wanted:
        ids.check(KEY_PAIR, wanted)
    for pair in [row(call, one) for one in await call.cloud.compute.keypairs()]:
        if (pair["KeyPairId"] == wanted) if wanted else (pair["KeyName"] == name):
            await absent_is(None, call.cloud.compute.delete_keypair(pair["KeyName"]))
            return {"Return": True, "KeyPairId": pair["KeyPairId"]}
    return {"Return": True}


def row(call: Call, pair: cloud.KeyPair) -> dict[str, Any]:
    """Write a key pair as EC2 describes it."""
    public, note = split(pair.public_key)
    kind, computed = _algorithm(pair)
    return {
        # The id depends on the key too: AWS gives a new id to a new key with an old name.
        "KeyPairId": ids.derived("key", call.caller.user_id, pair.name, pair.fingerprint),
        "KeyName": pair.name,
        "KeyType": kind,
        "KeyFingerprint": note.fingerprint if note else computed,
        "PublicKey": public,
        "CreateTime": datetime.fromtimestamp(note.created, UTC) if note else None,
        "Tags": tag_rules.shown(note.tags if note else {}),
    }


def split(public_key: str) -> tuple[str, Note | None]:
    """Split a public key from Nova into the owner's key with comment and the gateway's note."""
    given, _, last = public_key.strip().rpartition(" ")
    if not last.startswith(_MARK):
        return public_key.strip(), None
    try:
        facts = json.loads(base64.urlsafe_b64decode(last.removeprefix(_MARK)))
        return given, Note(str(facts["f"]), int(facts["c"]), dict(facts["t"]))
    except (binascii.Error, ValueError, KeyError, TypeError):
        return public_key.strip(), None  # a user's comment that looks like a note


def _algorithm(pair: cloud.KeyPair) -> tuple[str | None, str]:
    """Return a key's algorithm and AWS's fingerprint; for algorithms that AWS lacks, None and Nova's fingerprint."""
    try:
        key, _ = key_material.read(" ".join(pair.public_key.split()[:2]).encode())
    except (AwsError, UnicodeEncodeError):
        return None, pair.fingerprint
    return key_material.type_of(key), key_material.fingerprint(key)


def _named(name: str) -> str:
    """Check a name against Nova's rules; AWS allows any "up to 255 ASCII characters"."""
    if not _NAME.fullmatch(name):
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({name}) for parameter KeyName is invalid. This cloud takes letters, digits, blanks inside, and"
            " any of ._@- in the name of a key pair.",
            refused="KeyName",
        )
    return name


def _brief(pair: Mapping[str, Any]) -> dict[str, Any]:
    return {member: pair[member] for member in ("KeyFingerprint", "KeyName", "KeyPairId", "Tags")}
