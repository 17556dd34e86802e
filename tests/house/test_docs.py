"""Generated pages say what the code says."""

import pytest

from tests.house.docs import pages
from tests.house.source import REPOSITORY


@pytest.mark.parametrize("name", pages())
def test_a_generated_page_is_fresh(name: str) -> None:
    written = (REPOSITORY / "docs" / name).read_text(encoding="utf-8")
    assert written == pages()[name], "stale: run `make docs`"
