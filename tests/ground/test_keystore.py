"""The file of keys for SSE-S3: made with tight permissions, refused with loose ones, rotated without losing a key."""

import asyncio
import json
import stat
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from shim.cli.keys import keys
from shim.keystore import KeyFile, KeyStoreError, add, read

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keys.json"
    key = add(path, NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.id.startswith("20260102-")
    assert [one.id for one in read(path)] == [key.id]
    assert list(path.parent.iterdir()) == [path]


def test_the_newest_key_wraps_and_every_key_unwraps(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    first = add(path)
    store = KeyFile(path)
    old = asyncio.run(store.new())
    second = add(path)
    later = KeyFile(path)
    new = asyncio.run(later.new())
    assert (old.id, new.id) == (first.id, second.id)
    assert old.wrapped == aes_key_wrap(first.raw, old.raw)
    assert asyncio.run(later.unwrapped(old.id, old.wrapped)) == old.raw
    # The older store reads the file again for a key that it does not know, and then wraps with that as well.
    assert asyncio.run(store.unwrapped(new.id, new.wrapped)) == new.raw
    assert asyncio.run(store.new()).id == second.id


def test_data_keys_differ(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    add(path)
    store = KeyFile(path)
    assert len({asyncio.run(store.new()).raw for _ in range(50)}) == 50


@pytest.mark.parametrize("wrapped", [b"", b"x" * 40, b"x" * 39])
def test_what_the_store_did_not_wrap(tmp_path: Path, wrapped: bytes) -> None:
    path = tmp_path / "keys.json"
    key = add(path)
    with pytest.raises(KeyStoreError):
        asyncio.run(KeyFile(path).unwrapped(key.id, wrapped))
    with pytest.raises(KeyStoreError, match="there is no key"):
        asyncio.run(KeyFile(path).unwrapped("other", bytes(40)))


KEY = {"id": "a", "made": "today", "key": b64encode(bytes(32)).decode()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({"keys": []}),
        json.dumps({"keys": [KEY, KEY]}),
        json.dumps({"keys": [KEY | {"key": "short"}]}),
        json.dumps({"keys": [KEY | {"key": b64encode(bytes(16)).decode()}]}),
        json.dumps({"keys": [KEY | {"id": "a.b"}]}),
        json.dumps({"keys": [{"id": "a"}]}),
    ],
)
def test_a_file_that_is_none_of_keys(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyStoreError) as caught:
        read(path)
    assert KEY["key"] not in str(caught.value)
    with pytest.raises(KeyStoreError):
        add(path)
    assert path.read_text() == text


def test_a_file_that_others_can_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    add(path)
    for mode in (0o640, 0o604):
        path.chmod(mode)
        with pytest.raises(KeyStoreError, match="chmod 600"):
            KeyFile(path)
    with pytest.raises(KeyStoreError, match="No such file"):
        KeyFile(tmp_path / "none")


def test_nothing_shows_a_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = add(path)
    store = KeyFile(path)
    made = asyncio.run(store.new())
    for shown in (key, store, made, read(path), vars(store)):
        for secret in (key.raw, made.raw):
            assert repr(secret)[2:-1] not in repr(shown)
            assert b64encode(secret).decode() not in repr(shown)


def test_the_command(tmp_path: Path) -> None:
    path, run = tmp_path / "keys.json", CliRunner().invoke
    for _ in range(2):
        assert run(keys, ["add", str(path)]).exit_code == 0
    listed: Any = run(keys, ["list", str(path)])
    assert [line.split()[0] for line in listed.output.splitlines()] == [key.id for key in read(path)]
    assert not any(b64encode(key.raw).decode() in listed.output for key in read(path))
    path.chmod(0o644)
    for words in (["add", str(path)], ["list", str(path)]):
        refused = run(keys, words)
        assert (refused.exit_code, "chmod 600" in refused.output) == (1, True)
