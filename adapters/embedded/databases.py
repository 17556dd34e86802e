"""The services' databases, migrated once for each set of packages and copied for each cloud.

The copy beside the virtual environment (the *seed*) contains no path, port or password, so that every cloud can start
from it: Keystone bootstraps itself when it starts, and the two paths that Nova stores are set after copying.
"""

import base64
import hashlib
import os
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from adapters.embedded.conf import cinder
from adapters.embedded.conf.ini import Section, text
from adapters.embedded.errors import CloudError
from adapters.embedded.install import digest
from adapters.embedded.layout import Layout, tail, write_private
from adapters.embedded.locks import locked
from adapters.embedded.processes import PACKAGE, environment

NAMES = ("keystone", "placement", "glance", "neutron", "nova_api", "nova_cell0", "nova_cell1", "cinder")
SEED_FORMAT = "1"  # raise it when the commands below change

# Chains of commands, the longest first; two chains run in parallel. {work} is the directory of the new databases.
MIGRATIONS = (
    (
        "nova-manage --config-file {work}/nova.conf api_db sync",
        "nova-manage --config-file {work}/nova.conf cell_v2 map_cell0 --database_connection sqlite:///{work}/nova_cell0.sqlite",
        "nova-manage --config-file {work}/nova.conf db sync",
        "nova-manage --config-file {work}/nova.conf cell_v2 create_cell --name cell1",
    ),
    ("cinder-manage --config-file {work}/cinder.conf db sync",),
    ("keystone-manage --config-file {work}/keystone.conf db_sync",),
    (f"python -P -m {PACKAGE}.neutron_tables {{work}}/neutron.sqlite",),
    ("glance-manage --config-file {work}/glance.conf db sync",),
    ("placement-manage --config-file {work}/placement.conf db sync",),
)


def migration_files(work: Path) -> dict[str, str]:
    """Return the configuration for the migrations: only the location of each database."""

    def connection(name: str) -> dict[str, object]:
        return {"connection": f"sqlite:///{work}/{name}.sqlite"}

    sections: dict[str, dict[str, Section]] = {
        "keystone": {"database": connection("keystone")},
        "placement": {"placement_database": connection("placement")},
        "glance": {"database": connection("glance")},
        # Cinder's first migration writes the current quotas into a table that overrides the configuration.
        "cinder": {"DEFAULT": dict.fromkeys(cinder.QUOTAS, -1), "database": connection("cinder")},
        "nova": {
            "DEFAULT": {"transport_url": "fake:///"},
            "api_database": connection("nova_api"),
            "database": connection("nova_cell1"),
        },
    }
    return {f"{name}.conf": text({**each, "oslo_concurrency": {"lock_path": work}}) for name, each in sections.items()}


def seed_key(migrations: tuple[tuple[str, ...], ...] = MIGRATIONS) -> str:
    """Return the seed's name, a digest of everything that its content depends on."""
    tables = (Path(__file__).parent / "services/neutron_tables.py").read_text()
    parts = (SEED_FORMAT, digest(), repr(migrations), repr(migration_files(Path("work"))), tables)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def seed_directory(place: Layout) -> Path:
    """Return the seed's path: beside the environment, or in the cloud's directory if that is read-only."""
    shared = place.venv.with_name(f"{place.venv.name}-databases-{seed_key()}")
    if shared.exists() or os.access(shared.parent, os.W_OK):
        return shared
    return place.root / shared.name


def make_seed(place: Layout, seed: Path, progress: Callable[[str], None]) -> None:
    """Run all migrations in a temporary directory, and rename it to the seed's when all have succeeded."""
    with locked(seed.with_name(f"{seed.name}.lock"), progress) as lock:
        if seed.exists():
            return
        for remains in seed.parent.glob(f"{seed.name}.????????"):  # left by an `up` that was killed
            shutil.rmtree(remains, ignore_errors=True)
        progress("creating the databases: this takes a minute, once per version")
        work = Path(tempfile.mkdtemp(prefix=f"{seed.name}.", dir=seed.parent))
        try:
            for name, content in migration_files(work).items():
                (work / name).write_text(content)
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda chain: migrate(place, chain, work, lock), MIGRATIONS))
            keep(work, seed)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def keep(work: Path, seed: Path) -> None:
    """Move the finished databases into place. They hold no secret, so all users of the environment may read them."""
    for name in NAMES:
        (work / f"{name}.sqlite").chmod(0o644)
    for file in work.iterdir():
        if file.stem not in NAMES or file.suffix != ".sqlite":
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    work.chmod(0o755)
    work.rename(seed)


def migrate(place: Layout, chain: tuple[str, ...], work: Path, lock: int) -> None:
    """Run one chain of commands."""
    log = place.log("databases")
    for line in chain:
        words = line.format(work=work).split()
        command = [str(place.venv / "bin" / words[0]), *words[1:]]
        variables = environment(place) | {"OS_NOVA_DISABLE_EVENTLET_PATCHING": "1"}
        with log.open("ab") as output:
            done = subprocess.run(
                command, stdout=output, stderr=output, env=variables, cwd=work, pass_fds=(lock,), check=False
            )
        if done.returncode:
            raise CloudError(f"{line} failed\n--- end of {log} ---\n{tail(log)}")


def prepare(place: Layout, progress: Callable[[str], None]) -> bool:
    """Copy the databases for a cloud that has none; return whether they were copied."""
    fresh = not place.databases.exists()
    if fresh:
        seed = seed_directory(place)
        if not seed.exists():
            make_seed(place, seed, progress)
        draft = place.root / "db.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        for name in NAMES:
            shutil.copyfile(seed / f"{name}.sqlite", draft / f"{name}.sqlite")
            (draft / f"{name}.sqlite").chmod(0o600)
        draft.rename(place.databases)
    point_cells(place)
    keystone_keys(place)
    return fresh


def point_cells(place: Layout) -> None:
    """Write the paths of this cloud's cell databases into Nova's API database."""
    with sqlite3.connect(place.database("nova_api"), timeout=20) as connection:
        for cell, name in (("cell0", "nova_cell0"), ("cell1", "nova_cell1")):
            connection.execute(
                "UPDATE cell_mappings SET database_connection = ? WHERE name = ? AND database_connection != ?",
                (url := f"sqlite:///{place.database(name)}", cell, url),
            )
    connection.close()


def keystone_keys(place: Layout) -> None:
    """Make the keys for tokens and stored credentials, as `keystone-manage fernet_setup` does in a second or two."""
    for repository in ("fernet-keys", "credential-keys"):
        for number in ("0", "1"):
            key = place.root / "keystone" / repository / number
            if not key.exists():
                write_private(key, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
