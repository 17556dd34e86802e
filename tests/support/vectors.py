"""Fetch the vectors AWS publishes with botocore: `.vectors/protocols` and `.vectors/aws4_testsuite`.

They come from botocore's source distribution, pinned by version and hash; none of them is kept in this repository.
Run as `python -m tests.support.vectors` (`make vectors` does).
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ROOT = REPOSITORY / ".vectors"
PROTOCOLS = ROOT / "protocols"
SIGV4 = ROOT / "aws4_testsuite"

# directory in the source distribution → where the tests find it
WANTED = {
    "tests/unit/protocols/": PROTOCOLS,
    "tests/unit/auth/aws4_testsuite/": SIGV4,
}


def fetch() -> None:
    """Download, check the hash, unpack what the tests read; a half-done earlier run is swept away first."""
    shutil.rmtree(ROOT, ignore_errors=True)
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes"]
        command += ["-r", str(REPOSITORY / "requirements" / "vectors.lock"), "-d", directory]
        subprocess.run(command, check=True)
        (archive,) = Path(directory).glob("*.tar.gz")
        count = unpack(archive)
    (ROOT / ".complete").touch()
    print(f"{count} vector files in {ROOT.name}/")


def unpack(archive: Path) -> int:
    """Write the wanted files of a source distribution under ROOT; return how many there were."""
    count = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            _, _, inside = member.name.partition("/")
            for prefix, target in WANTED.items():
                if member.isfile() and inside.startswith(prefix) and (source := tar.extractfile(member)):
                    path = target / inside.removeprefix(prefix)
                    if not path.resolve().is_relative_to(target):
                        raise ValueError(f"{member.name} leaves its directory")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(source.read())
                    count += 1
    return count


if __name__ == "__main__":
    fetch()
