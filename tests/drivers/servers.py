"""What a site has that goes live, round a world of the tests: PostgreSQL, Redis or Valkey, and nginx in front.

The environment says so, and `.ci/run` sets it: TEST_DATABASE_URL is of somebody who may make databases, since each
world has its own; TEST_CACHE_URL is a cache that they share; with TEST_PROXY, a world of several processes has nginx
before them, and is seen through it alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

from sandbox.world import HOST, World, free_port
from tests.drivers.nginx import nginx, trusting

DATABASE, CACHE, PROXY = (
    os.environ.get(f"TEST_{name}", "") for name in ("DATABASE_URL", "CACHE_URL", "PROXY")
)
# The database that PostgreSQL copies unless told otherwise.
EMPTY = "template1"
# The ports of three processes.
BEHIND_A_PROXY = (0, 0, 0)


@contextmanager
def database_and_cache(template: str = EMPTY) -> Iterator[dict[str, str]]:
    """The environment of a site with a database of its own, a copy of another, and its own names in the cache."""
    name = f"world_{uuid4().hex}"
    env = {"CACHE_URL": f"{CACHE}?key_prefix={name}"} if CACHE else {}
    if not DATABASE:
        yield env
        return
    # Nothing that makes or drops a database may stand in a transaction.
    with psycopg.connect(DATABASE, autocommit=True) as server:
        copy = SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template))
        server.execute(copy)
        try:
            yield env | {"DATABASE_URL": urlsplit(DATABASE)._replace(path=f"/{name}").geturl()}
        finally:
            server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def running_behind_nginx(world: World, folder: Path) -> Iterator[None]:
    """A world started with nginx before all its processes, at its `public_url`, until the block ends."""
    folder.mkdir()
    upstreams = [urlsplit(site.url).netloc for site in world.sites]
    proxy = nginx(folder, upstreams, urlsplit(world.site_url).port or 0)
    with trusting():
        # In this order: whom nginx has not reached once it leaves alone for ten seconds.
        world.start()
        proxy.start()
        try:
            proxy.await_answer("/healthz")
            yield
        finally:
            proxy.stop()


def public_url() -> str:
    """An address for nginx."""
    return f"https://{HOST}:{free_port()}"
