"""ACLs: their texts, the canned ones, and what they allow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.authz.acl import (
    ALL_USERS,
    AUTHENTICATED_USERS,
    CANNED,
    FULL_CONTROL,
    GROUPS,
    LOG_DELIVERY,
    Acl,
    Grant,
    canned,
    parsed,
    private,
)  # fmt: skip
from shim.authz.principals import Who

OWNER, OTHER = "0" * 32, "1" * 32
NOBODY = Who()
ANN = Who("111122223333", OTHER, "arn:aws:iam::111122223333:user/ann")
PERMISSIONS = (FULL_CONTROL, "READ", "WRITE", "READ_ACP", "WRITE_ACP")

grants = st.builds(Grant, st.sampled_from(PERMISSIONS), st.sampled_from([OWNER, OTHER, "1" * 12, *sorted(GROUPS)]))
acls = st.builds(lambda some: Acl(OWNER, tuple(some)), st.lists(grants, max_size=6))


@given(acls)
def test_a_text_says_all_of_an_acl(acl: Acl) -> None:
    assert parsed(acl.text()) == acl


@pytest.mark.parametrize("text", [f"{OWNER} X@all", f"{OWNER} R", f"{OWNER}  ", f"{OWNER} R@all "])
def test_a_damaged_text_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parsed(text)


@given(acls, st.sampled_from([NOBODY, ANN]), st.sampled_from(PERMISSIONS[1:]), st.booleans())
def test_an_acl_allows_what_a_grant_gives(acl: Acl, who: Who, permission: str, ignore: bool) -> None:
    groups = {ALL_USERS} if who is NOBODY else {ALL_USERS, AUTHENTICATED_USERS}
    mine = (set() if ignore else groups) | ({OTHER, "111122223333"} if who is ANN else set())
    expected = any(one.grantee in mine and one.permission in (permission, FULL_CONTROL) for one in acl.grants)
    assert acl.allows(who, permission, ignore_public=ignore) is expected


def test_an_owner_can_always_read_and_write_the_acl() -> None:
    acl = Acl(OTHER, ())
    assert acl.allows(ANN, "READ_ACP", ignore_public=False)
    assert acl.allows(ANN, "WRITE_ACP", ignore_public=False)
    assert not acl.allows(ANN, "READ", ignore_public=False)


@pytest.mark.parametrize("name", sorted(CANNED))
def test_canned(name: str) -> None:
    acl = canned(name, OTHER, OWNER)
    assert acl.grants[0] == Grant(FULL_CONTROL, OTHER)
    assert acl.public is (name in ("public-read", "public-read-write", "authenticated-read"))
    assert {one.grantee for one in acl.grants} <= {OTHER, OWNER, ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY}
    if name.startswith("bucket-owner"):  # it adds nothing to what the owner of both has
        assert canned(name, OWNER, OWNER) == private(OWNER)
