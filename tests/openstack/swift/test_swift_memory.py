"""What is remembered of containers: that one is there for long, that one is not for a moment."""

from adapters.openstack.swift.memory import MOST_CONTAINERS, SwiftMemory


def test_absence_is_believed_for_a_moment_and_presence_for_longer() -> None:
    now = 0.0
    memory = SwiftMemory(lambda: now)
    memory.keep_container("here", True)
    memory.keep_container("gone", False)
    now = 1.9
    assert (memory.container("here"), memory.container("gone")) == (True, False)
    now = 2.0  # another gateway may have made it meanwhile
    assert (memory.container("here"), memory.container("gone")) == (True, None)
    now = 30.0
    assert memory.container("here") is None


def test_the_oldest_are_forgotten_first() -> None:
    memory = SwiftMemory(lambda: 0.0)
    for number in range(MOST_CONTAINERS + 1):
        memory.keep_container(str(number), True)
    assert (memory.container("0"), memory.container("1")) == (None, True)
