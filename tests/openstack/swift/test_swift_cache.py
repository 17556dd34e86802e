"""The cache of containers: existence is cached for long, absence only briefly."""

from adapters.openstack.swift.cache import MOST_CONTAINERS, SwiftCache


def test_absence_is_believed_for_a_moment_and_presence_for_longer() -> None:
    now = 0.0
    cache = SwiftCache(lambda: now)
    cache.keep_container("here", True)
    cache.keep_container("gone", False)
    now = 1.9
    assert (cache.container("here"), cache.container("gone")) == (True, False)
    now = 2.0  # another gateway may have created it meanwhile
    assert (cache.container("here"), cache.container("gone")) == (True, None)
    now = 30.0
    assert cache.container("here") is None


def test_the_oldest_are_forgotten_first() -> None:
    cache = SwiftCache(lambda: 0.0)
    for number in range(MOST_CONTAINERS + 1):
        cache.keep_container(str(number), True)
    assert (cache.container("0"), cache.container("1")) == (None, True)
