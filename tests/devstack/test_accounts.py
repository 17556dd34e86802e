"""The script that seeds DevStack, run against a client that minds what the real one minds about names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("accounts.sh")
# `openstack`, as far as the script goes: it remembers what was made, and finds nothing by a name that several bear.
CLIENT = """#!{python}
import json, pathlib, sys
words = sys.argv[3:]
file = pathlib.Path({file!r})
made = json.loads(file.read_text()) if file.exists() else []
def find(kind, name):
    found = [one["id"] for one in made if one["kind"] == kind and name in (one["id"], one["name"])]
    if kind == "network" and name == "public":
        return name
    if len(found) != 1:
        sys.exit(f"{{len(found)}} of {{kind}} {{name}}")
    return found[0]
option = dict(zip(words, words[1:]))
if words[0] in ("network", "subnet", "router") and words[1] == "create":
    value = words.index("-f") if "-f" in words else len(words)
    new = {{"kind": words[0], "name": words[value - 1], "id": f"{{words[0]}}-{{len(made)}}"}}
    new["project"] = option["--project"]
    for flag in ("--network", "--external-gateway"):
        if flag in option:
            new["network"] = find("network", option[flag])
    made.append(new)
    print(new["id"])
elif words[:3] == ["router", "add", "subnet"]:
    made.append({{"kind": "interface", "name": "", "id": "", "router": find("router", words[3]),
                 "subnet": find("subnet", words[4])}})
else:
    print("done", *words)
file.write_text(json.dumps(made))
"""


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="the script is bash's")
def test_each_project_has_a_network_of_its_own_behind_a_router(tmp_path: Path) -> None:
    client, memory = tmp_path / "openstack", tmp_path / "made.json"
    client.write_text(CLIENT.format(python=sys.executable, file=str(memory)))
    client.chmod(0o700)
    done = subprocess.run(
        ["/bin/bash", str(SCRIPT)], env=os.environ | {"OPENSTACK_CLIENT": str(client)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = json.loads(memory.read_text())
    by_id = {one["id"]: one for one in made if one["id"]}
    joined = [(by_id[one["router"]], by_id[one["subnet"]]) for one in made if one["kind"] == "interface"]
    assert [subnet["project"] for _, subnet in joined] == ["main", "alt", "tenant"]
    for router, subnet in joined:
        assert router["project"] == subnet["project"] == by_id[subnet["network"]]["project"]
        assert router["network"] == "public"
    assert done.stdout.startswith("clouds:\n  passerelle:\n")
    assert "done" not in done.stdout
