"""Records which calls Terraform's AWS provider makes for each sort of resource, for `passerelle assess`.

PASSERELLE_TERRAFORM_MIRROR=... python -m tests.terraform.recorder [GROUP...]

It applies `resources.json` before moto, or before the gateway that AWS_ENDPOINT_URL names, with the keys of the
environment: the last group (4) asks for what moto lacks.  It makes of each sort a resource with what is required
(`base`), and one more for each further attribute.  What the second makes and the first does not is the attribute's.
Calls that were seen are kept in `.state/terraform-recorder`; from these `assess/terraform/recorded.json` is written,
also without a group.
"""

import json
import os
import sys
from pathlib import Path

from tests.house.source import REPOSITORY
from tests.support.target import Keys
from tests.terraform.conftest import MIRROR
from tests.terraform.recorder import derive, stage
from tests.terraform.recorder.observe import observed

SEEN = REPOSITORY / ".state" / "terraform-recorder"
WRITTEN = REPOSITORY / "assess" / "terraform" / "recorded.json"


def main(words: list[str]) -> None:
    """Record the groups that are named by their number, and write the data."""
    SEEN.mkdir(parents=True, exist_ok=True)
    for number in map(int, words):
        work = Path(SEEN / "work")
        stage.wiped(work)
        with observed(os.environ.get("AWS_ENDPOINT_URL", "")) as (url, observer):
            made = stage.prepared(work, os.environ[MIRROR], url, observer, _keys())
            seen = stage.record(made, stage.groups()[number])
        (SEEN / f"{number}.json").write_text(json.dumps(seen), encoding="utf-8")
        print(f"group {number}: {len(seen['calls'])} calls, not read: {observer.unread}", flush=True)
    seen_all = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(SEEN.glob("[0-9]*.json"))]
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(derive.data(seen_all), encoding="utf-8")


def _keys() -> Keys:
    return Keys(os.environ.get("AWS_ACCESS_KEY_ID", "AKIDMOTO"), os.environ.get("AWS_SECRET_ACCESS_KEY", "secret"))


if __name__ == "__main__":
    main(sys.argv[1:])
