"""The keys for SSE-S3 in Barbican: which key wraps, which keys are read, and what an outage changes."""

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from adapters.errors import BackendError, Fault
from shim.keystore import DataKey, KeyFile, KeySecrets, KeyStore, KeyStoreError, add

IDS = [f"{number:08}-0000-4000-8000-000000000000" for number in range(4)]
NAME = "gateway-keys"


class Barbican:
    """Barbican with the keys of one name; each id is a key of its digits."""

    available = True

    def __init__(self, *ids: str) -> None:
        self.ids = list(ids)
        self.fault: Fault | None = None
        self.asked: list[str] = []
        self.now = 0.0

    def store(self, older: KeyStore | None = None) -> KeySecrets:
        async def reached() -> Barbican:
            return self

        return KeySecrets(NAME, reached, older, clock=lambda: self.now)

    def _check(self) -> None:
        if self.fault:
            raise BackendError(self.fault, service="key-manager")

    async def key(self, id: str) -> bytes:
        self.asked.append(id)
        self._check()
        return raw(id)

    async def keys(self, name: str) -> list[str]:
        self.asked.append(name)
        self._check()
        return list(self.ids)

    async def create_key(self, name: str, key: bytes) -> str:
        raise NotImplementedError


def raw(id: str) -> bytes:
    return id.replace("-", "").encode()


def new(store: KeyStore) -> DataKey:
    return asyncio.run(store.new())


def unwrapped(store: KeyStore, made: DataKey) -> bytes:
    return asyncio.run(store.unwrapped(made.id, made.wrapped))


def test_the_newest_key_wraps_and_is_read_once() -> None:
    manager = Barbican(*IDS[:2])
    store = manager.store()
    made = [new(store) for _ in range(3)]
    assert {one.id for one in made} == {IDS[1]}
    assert len({one.raw for one in made}) == 3
    assert [one.wrapped for one in made] == [aes_key_wrap(raw(IDS[1]), one.raw) for one in made]
    assert [unwrapped(store, one) for one in made] == [one.raw for one in made]
    assert manager.asked == [NAME, IDS[1]]


def test_a_newer_key_is_found_by_each_gateway() -> None:
    manager = Barbican(IDS[0])
    store, replica = manager.store(), manager.store()
    old = new(store)
    manager.ids.append(IDS[1])
    assert new(store).id == IDS[0]
    made = new(replica)
    with pytest.raises(BackendError) as caught:
        unwrapped(store, made)
    assert caught.value.fault is Fault.UNAVAILABLE  # clients repeat the request
    manager.now = 1.0
    assert unwrapped(store, made) == made.raw  # which it did not know
    manager.now = 301.0
    assert new(store).id == IDS[1]
    assert unwrapped(replica, old) == old.raw


def test_only_keys_of_the_name_are_read() -> None:
    manager = Barbican(IDS[0])
    store = manager.store()
    new(store)
    for at, error in ((0.5, "not known yet"), (20.0, "there is no key"), (20.5, "not known yet")):
        manager.now = at
        with pytest.raises((KeyStoreError, BackendError), match=error):
            asyncio.run(store.unwrapped(IDS[3], aes_key_wrap(raw(IDS[3]), bytes(32))))
    assert manager.asked == [NAME, IDS[0], NAME]  # for made-up ids it is asked seldom
    with pytest.raises(KeyStoreError, match="did not wrap"):
        asyncio.run(store.unwrapped(IDS[0], bytes(40)))


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.FORBIDDEN, Fault.UNSUPPORTED])
def test_an_outage_is_nobodys_refusal(fault: Fault) -> None:
    manager = Barbican(IDS[0])
    made = new(manager.store())
    store = manager.store()
    manager.fault = fault
    for _ in range(2):
        for work in (store.new(), store.unwrapped(made.id, made.wrapped)):
            with pytest.raises(BackendError) as caught:
                asyncio.run(work)
            assert caught.value.fault is Fault.UNAVAILABLE
    manager.fault = None
    assert unwrapped(store, made) == made.raw


def test_keys_that_are_known_outlive_an_outage() -> None:
    manager = Barbican(IDS[0])
    store = manager.store()
    old = new(store)
    manager.fault, manager.now = Fault.UNAVAILABLE, 1000.0
    assert [new(store).id for _ in range(3)] == [IDS[0]] * 3
    assert unwrapped(store, old) == old.raw
    assert manager.asked == [NAME, IDS[0], NAME]  # one of three waited


def test_nothing_is_wrapped_by_a_key_that_is_gone() -> None:
    manager = Barbican(*IDS[:2])
    store = manager.store()
    assert new(store).id == IDS[1]
    manager.ids.remove(IDS[1])
    manager.now = 1000.0
    assert new(store).id == IDS[0]
    manager.ids.clear()
    manager.now = 2000.0
    with pytest.raises(BackendError, match="add-secret"):
        new(store)


def test_the_files_keys_still_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    add(path)
    file, manager = KeyFile(path), Barbican(IDS[0])
    old = new(file)
    store = manager.store(file)
    assert unwrapped(store, old) == old.raw
    assert manager.asked == []
    assert new(store).id == IDS[0]


def test_reprs_hold_no_key() -> None:
    store = Barbican(IDS[0]).store()
    new(store)
    assert repr(store) == f"KeySecrets({NAME})"
