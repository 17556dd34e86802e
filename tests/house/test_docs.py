"""Generated pages say what the code says."""

from tests.house.docs import pages
from tests.house.source import REPOSITORY


def test_generated_pages_are_fresh() -> None:
    written = {name: (REPOSITORY / "docs" / name).read_text(encoding="utf-8") for name in pages()}
    assert not [name for name, page in pages().items() if page != written[name]], "stale: run `make docs`"
