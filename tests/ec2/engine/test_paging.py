"""Pages: every row once, in one order, despite concurrent changes; tokens that cannot be forged."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.ec2.engine import paging
from shim.ec2.engine.listings import listing
from shim.ec2.templates.templates import TEMPLATES
from shim.ec2.templates.versions import VERSIONS
from shim.errors import AwsError

KEY = b"k"
names = st.sets(st.text(alphabet="abcdef0123456789", min_size=1, max_size=6))
filters = st.lists(
    st.fixed_dictionaries({"Name": st.text(max_size=5), "Values": st.lists(st.text(max_size=5), max_size=3)}),
    max_size=3,
)


def rows(ids: Any) -> list[dict[str, str]]:
    return [{"Id": one} for one in ids]


def cut(ids: Any, size: int, after: str) -> tuple[list[Any], str]:
    page = listing(rows(ids), "Id").page(after, size)
    assert page is not None
    return page


def walk(ids: Any, size: int) -> list[str]:
    seen: list[str] = []
    after = ""
    while True:
        page, after = cut(ids, size, after)
        assert len(page) <= size
        seen += [row["Id"] for row in page]
        if not after:
            return seen


@given(names, st.integers(1, 7))
def test_pages_hold_every_row_once_in_order(ids: set[str], size: int) -> None:
    assert walk(ids, size) == sorted(ids)


@given(names, names, names, st.integers(1, 7))
def test_rows_that_stay_are_seen_once_though_others_come_and_go(
    stay: set[str], come: set[str], go: set[str], size: int
) -> None:
    seen: list[str] = []
    after, now = "", stay | go
    while True:
        page, after = cut(now, size, after)
        seen += [row["Id"] for row in page]
        if not after:
            break
        now = stay | come
    assert len(seen) == len(set(seen))
    assert stay <= set(seen)


def test_no_token_follows_a_last_page_that_is_full() -> None:
    assert cut("abc", 3, "") == (rows("abc"), "")


@given(st.text(max_size=20), st.text(max_size=20), filters)
def test_a_token_opens_for_its_question(operation: str, project: str, asked: list[dict[str, Any]]) -> None:
    question = paging.question(operation, project, asked)
    assert paging.unseal(KEY, question, paging.seal(KEY, question, "vol-1")) == "vol-1"


def test_the_order_of_filters_and_values_is_no_part_of_the_question() -> None:
    one = [{"Name": "a", "Values": ["1", "2"]}, {"Name": "b", "Values": ["3"]}]
    other = [{"Name": "b", "Values": ["3"]}, {"Name": "a", "Values": ["2", "1"]}]
    assert paging.question("X", "p", one) == paging.question("X", "p", other)


@pytest.mark.parametrize(
    ("operation", "project", "asked", "key"),
    [
        ("DescribeTags", "p", [], KEY),
        ("DescribeVolumes", "q", [], KEY),
        ("DescribeVolumes", "p", [{"Name": "size", "Values": ["8"]}], KEY),
        ("DescribeVolumes", "p", [], b"another"),
    ],
)
def test_a_token_opens_for_no_other_question(operation: str, project: str, asked: list[Any], key: bytes) -> None:
    token = paging.seal(KEY, paging.question("DescribeVolumes", "p", []), "vol-1")
    with pytest.raises(AwsError) as refused:
        paging.unseal(key, paging.question(operation, project, asked), token)
    assert refused.value.code == "InvalidParameterValue"


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_nobody_makes_up_a_token(token: str) -> None:
    with pytest.raises(AwsError) as refused:
        paging.unseal(KEY, b"question", token)
    assert (refused.value.code, refused.value.status) == ("InvalidParameterValue", 400)


@given(st.integers(min_value=0), st.integers(1, 255))
def test_one_changed_byte_closes_a_token(place: int, change: int) -> None:
    sealed = paging.seal(KEY, b"question", "vol-1")
    raw = bytearray(base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)))
    raw[place % len(raw)] ^= change
    with pytest.raises(AwsError):
        paging.unseal(KEY, b"question", base64.urlsafe_b64encode(raw).decode())


@pytest.mark.parametrize("wanted", [-1, 0, 4, 1001])
def test_a_page_has_its_bounds(wanted: int) -> None:
    with pytest.raises(AwsError) as refused:
        paging.limit(wanted, 1000)
    assert refused.value.code == "InvalidParameterValue"
    assert str(wanted) in refused.value.message


def test_bounds_are_inside() -> None:
    assert [paging.limit(wanted, 1000) for wanted in (None, 5, 1000)] == [None, 5, 1000]


def test_pages_of_launch_templates_may_have_one_row() -> None:
    """DescribeLaunchTemplates and DescribeLaunchTemplateVersions: "This value can be between 1 and 200."."""
    assert (TEMPLATES.least, TEMPLATES.most) == (VERSIONS.least, VERSIONS.most) == (1, 200)
    assert paging.limit(1, 200, least=TEMPLATES.least) == 1
