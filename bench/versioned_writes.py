"""Measures the cost of versions: Swift's object_versioning against a layout of the gateway's own (decision 14).

In the gateway's own layout each version is an object of a second container, and the name in the first one is a symbolic
link to the newest; a deletion stores an empty version and deletes the link.  Swift's middleware does the same inside
the proxy.  The measurement calls only Swift, with the login `main` of the embedded cloud, and deletes what it made.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import httpx

from bench.bucket_names import Account, account, measure
from bench.stage import Stage

SAMPLES = 150
ROWS = 300
_BODY = b"x" * 1024


@asynccontextmanager
async def container(client: httpx.AsyncClient, who: Account, **headers: str) -> AsyncIterator[str]:
    """Make a container, yield its URL, and delete it with all objects and versions after the block."""
    url = f"{who.url}/bench-{uuid.uuid4().hex}"
    (await client.put(url, headers=who.headers(**headers))).raise_for_status()
    try:
        yield url
    finally:
        while rows := (await client.get(f"{url}?versions&format=json&limit={ROWS}", headers=who.headers())).json():
            for row in rows:
                gone = f"{url}/{quote(row['name'])}?version-id={row['version_id']}"
                await client.delete(gone, headers=who.headers())
        await client.delete(url, headers=who.headers())


async def unversioned(client: httpx.AsyncClient, who: Account, samples: int) -> None:
    """Measure a container without versions."""
    own = who.headers()
    async with container(client, who) as url:
        await measure("none: PUT 1 KiB over an object", samples,
                      lambda _: client.put(f"{url}/k", headers=own, content=_BODY), 201)  # fmt: skip
        await measure("none: GET", samples, lambda _: client.get(f"{url}/k", headers=own), 200)
        await measure("none: HEAD", samples, lambda _: client.head(f"{url}/k", headers=own), 200)
        await fill(client, who, url)
        listing = f"{url}?format=json&limit={ROWS}"
        await measure(
            f"none: listing of {ROWS} objects", samples // 10, lambda _: client.get(listing, headers=own), 200
        )
        await measure("none: DELETE", samples, lambda n: client.delete(f"{url}/{n:05}", headers=own), 204)


async def swifts(client: httpx.AsyncClient, who: Account, samples: int) -> None:
    """Measure a container with Swift's own versions."""
    own, ids = who.headers(), list[str]()

    async def put(_: int) -> httpx.Response:
        answer = await client.put(f"{url}/k", headers=own, content=_BODY)
        ids.append(answer.headers["X-Object-Version-Id"])
        return answer

    async with container(client, who, X_Versions_Enabled="true") as url:
        await measure("Swift's: PUT 1 KiB over an object", samples, put, 201)
        await measure("Swift's: GET", samples, lambda _: client.get(f"{url}/k", headers=own), 200)
        await measure("Swift's: HEAD", samples, lambda _: client.head(f"{url}/k", headers=own), 200)
        await measure("Swift's: GET of an old version", samples,
                      lambda n: client.get(f"{url}/k?version-id={ids[n]}", headers=own), 200)  # fmt: skip
        await measure("Swift's: DELETE of an old version", samples - 1,
                      lambda n: client.delete(f"{url}/k?version-id={ids[n]}", headers=own), 204)  # fmt: skip
        await fill(client, who, url)
        listing = f"{url}?versions&format=json&limit={ROWS}"
        await measure(f"Swift's: listing of {ROWS} versions", samples // 10,
                      lambda _: client.get(listing, headers=own), 200)  # fmt: skip
        await measure(f"Swift's: listing of {ROWS} objects", samples // 10,
                      lambda _: client.get(f"{url}?format=json&limit={ROWS}", headers=own), 200)  # fmt: skip
        await measure("Swift's: DELETE", samples, lambda n: client.delete(f"{url}/{n:05}", headers=own), 204)


async def own_layout(client: httpx.AsyncClient, who: Account, samples: int) -> None:
    """Measure versions as objects of a second container, with links to the newest."""
    own = who.headers()

    async def put(number: int) -> httpx.Response:
        stored = f"{kept}/k/{number:05}"
        (await client.put(stored, headers=own, content=_BODY)).raise_for_status()
        target = quote(stored.removeprefix(who.url).lstrip("/"))
        return await client.put(f"{url}/k", headers=who.headers(X_Symlink_Target=target), content=b"")

    async def delete(number: int) -> httpx.Response:
        (await client.put(f"{kept}/{number:05}/marker", headers=own, content=b"")).raise_for_status()
        return await client.delete(f"{url}/{number:05}", headers=own)

    async def listing(_: int) -> httpx.Response:
        both = (client.get(f"{one}?format=json&limit={ROWS}", headers=own) for one in (url, kept))
        return (await asyncio.gather(*both))[1]

    async with container(client, who) as url, container(client, who) as kept:
        await measure("own: PUT 1 KiB over an object", samples, put, 201)
        await measure("own: GET", samples, lambda _: client.get(f"{url}/k", headers=own), 200)
        await measure("own: HEAD", samples, lambda _: client.head(f"{url}/k", headers=own), 200)
        await measure("own: GET of an old version", samples,
                      lambda n: client.get(f"{kept}/k/{n:05}", headers=own), 200)  # fmt: skip
        await measure("own: DELETE of an old version", samples - 1,
                      lambda n: client.delete(f"{kept}/k/{n:05}", headers=own), 204)  # fmt: skip
        await fill(client, who, url)
        await fill(client, who, kept)
        await measure(f"own: listing of {ROWS} versions", samples // 10, listing, 200)
        await measure("own: DELETE", samples, delete, 204)


async def fill(client: httpx.AsyncClient, who: Account, url: str) -> None:
    """Store as many objects as the listings have rows."""
    for start in range(0, ROWS, 8):
        puts = (client.put(f"{url}/{n:05}", headers=who.headers(), content=b"") for n in range(start, start + 8))
        for answer in await asyncio.gather(*puts):
            answer.raise_for_status()


async def compare(clouds: Path, samples: int) -> None:
    """Measure all three at the same time, so that other work on the machine slows them alike."""
    who = account(clouds, "main")
    print(f"{f'milliseconds, {samples} samples each':66} {'p50':>7} {'p95':>7}")
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        await asyncio.gather(*(part(client, who, samples) for part in (unversioned, swifts, own_layout)))


def run(stage: Stage) -> None:
    """Measure on the cloud of the stage."""
    asyncio.run(compare(stage.target.clouds_yaml, SAMPLES))
