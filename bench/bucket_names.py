"""Measures the look-up of another project's bucket: a registry of names in Swift, against Swift's own container ACLs.

It calls only Swift, with the logins `main`, `alt` and `admin` of the embedded cloud; `admin` represents the gateway's
service user, which would own the registry.  It deletes what it made.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from openstack.config import OpenStackConfig

from bench.stage import Stage

SAMPLES = 200
RACES, RACERS = 50, 16
Request = Callable[[int], Awaitable[httpx.Response]]


@dataclass(frozen=True, slots=True)
class Account:
    """A login: its token, the URL of its Swift account, its project and its user."""

    token: str
    url: str
    project: str
    user: str

    def headers(self, **more: str) -> dict[str, str]:
        """Return request headers with the token."""
        return {"X-Auth-Token": self.token, **{name.replace("_", "-"): value for name, value in more.items()}}


def account(clouds: Path, name: str) -> Account:
    """Log in."""
    session = OpenStackConfig(config_files=[str(clouds)], load_envvars=False).get_one(cloud=name).get_session()
    url = session.get_endpoint(service_type="object-store", interface="public")
    return Account(session.get_token(), url, session.get_project_id(), session.get_user_id())


async def measure(what: str, samples: int, request: Request, expected: int) -> None:
    """Time sequential requests, and print the median and the 95th percentile."""
    seconds = []
    for number in range(samples):
        started = time.perf_counter()
        answer = await request(number)
        seconds.append(time.perf_counter() - started)
        if answer.status_code != expected:
            raise SystemExit(f"{what}: {answer.status_code} instead of {expected}: {answer.text[:200]}")
    cuts = statistics.quantiles(seconds, n=20)
    print(f"{what:66} {cuts[9] * 1e3:7.2f} {cuts[18] * 1e3:7.2f}", flush=True)


@asynccontextmanager
async def containers(client: httpx.AsyncClient, *places: tuple[Account, str]) -> AsyncIterator[None]:
    """Make containers, and delete them with their content after the block."""
    try:
        for who, name in places:
            (await client.put(f"{who.url}/{name}", headers=who.headers())).raise_for_status()
        yield
    finally:
        for who, name in places:
            listed = (await client.get(f"{who.url}/{name}", headers=who.headers())).text.split()
            for key in listed:
                await client.delete(f"{who.url}/{name}/{key}", headers=who.headers())
            await client.delete(f"{who.url}/{name}", headers=who.headers())


async def reads(client: httpx.AsyncClient, main: Account, alt: Account, registry: Account, samples: int) -> None:
    """Measure a small GET by its owner, and by another project in both ways."""
    name, names = f"bench-{uuid.uuid4().hex}", f"bench-names-{uuid.uuid4().hex}"
    async with containers(client, (main, name), (registry, names)):
        key = f"{main.url}/{name}/k"
        (await client.put(key, headers=main.headers(), content=b"x" * 1024)).raise_for_status()
        entry = f"{registry.url}/{names}/{name}"
        stored = registry.headers(X_Object_Meta_Project=main.project)
        (await client.put(entry, headers=stored, content=b"")).raise_for_status()
        own = main.headers()

        await measure("GET 1 KiB by its owner", samples, lambda _: client.get(key, headers=own), 200)
        await measure("GET refused by Swift (another project, no ACL)", samples,
                      lambda _: client.get(key, headers=alt.headers()), 403)  # fmt: skip
        await measure("HEAD of a container that one's own project does not have", samples,
                      lambda _: client.head(f"{alt.url}/{name}", headers=alt.headers()), 404)  # fmt: skip
        await measure(
            "registry: HEAD of a name", samples, lambda _: client.head(entry, headers=registry.headers()), 200
        )
        await measure("registry: HEAD of a name that nobody has", samples,
                      lambda _: client.head(f"{entry}-none", headers=registry.headers()), 404)  # fmt: skip
        await measure("registry: HEAD of a name that is kept as a container", samples,
                      lambda _: client.head(f"{registry.url}/{names}", headers=registry.headers()), 204)  # fmt: skip
        acl = main.headers(X_Container_Read=f"{alt.project}:*")
        (await client.post(f"{main.url}/{name}", headers=acl)).raise_for_status()
        await measure("ACL: GET 1 KiB by another project with its own token", samples,
                      lambda _: client.get(key, headers=alt.headers()), 200)  # fmt: skip
        anyone = main.headers(X_Container_Read=".r:*")
        (await client.post(f"{main.url}/{name}", headers=anyone)).raise_for_status()
        await measure("ACL: GET 1 KiB by anybody, without a token", samples, lambda _: client.get(key), 200)


async def creation(client: httpx.AsyncClient, main: Account, registry: Account, samples: int) -> None:
    """Measure the creation of a bucket, without and with a claim of its name, and concurrent claims of one name."""
    names = f"bench-names-{uuid.uuid4().hex}"
    made = [f"bench-{uuid.uuid4().hex}" for _ in range(samples)]
    claim = registry.headers(If_None_Match="*", X_Object_Meta_Project=main.project)
    async with containers(client, (registry, names), *((main, name) for name in made[:1])):
        try:
            await measure("PUT of a container", samples - 1,
                          lambda n: client.put(f"{main.url}/{made[n + 1]}", headers=main.headers()), 201)  # fmt: skip
            await measure("registry: PUT of a name, If-None-Match: *", samples,
                          lambda n: client.put(f"{registry.url}/{names}/{made[n]}", headers=claim, content=b""),
                          201)  # fmt: skip
            await measure("registry: PUT of a name that is taken", samples,
                          lambda n: client.put(f"{registry.url}/{names}/{made[n]}", headers=claim, content=b""),
                          412)  # fmt: skip
        finally:
            for name in made[1:]:
                await client.delete(f"{main.url}/{name}", headers=main.headers())
        await races(client, "object, If-None-Match: *", f"{registry.url}/{names}", claim)
    await races(client, "container", registry.url, registry.headers())


async def races(client: httpx.AsyncClient, what: str, place: str, claim: dict[str, str]) -> None:
    """Let many clients claim one name at the same time, and count the answers 201 Created of each race."""
    winners: Counter[int] = Counter()
    for _ in range(RACES):
        url = f"{place}/bench-race-{uuid.uuid4().hex}"
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(client.put(url, headers=claim, content=b"")) for _ in range(RACERS)]
        winners[[task.result().status_code for task in tasks].count(201)] += 1
        await client.delete(url, headers={"X-Auth-Token": claim["X-Auth-Token"]})
    told = ", ".join(f"{count} with {number}" for number, count in sorted(winners.items()))
    print(f"{RACES} races of {RACERS} for one name ({what}), winners: {told}", flush=True)


async def compare(clouds: Path, samples: int) -> None:
    """Measure everything."""
    main, alt, registry = (account(clouds, name) for name in ("main", "alt", "admin"))
    print(f"{f'milliseconds, {samples} samples each':66} {'p50':>7} {'p95':>7}")
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        await reads(client, main, alt, registry, samples)
        await creation(client, main, registry, samples)


def run(stage: Stage) -> None:
    """Measure on the cloud of the stage."""
    asyncio.run(compare(stage.target.clouds_yaml, SAMPLES))
