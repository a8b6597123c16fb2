"""A whole world on real sockets: both stand-ins and the site."""

from __future__ import annotations

import atexit
import functools
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from sandbox.world import World
from tests.drivers import servers

# Every test signs somebody in, all from one address, and some write fast.
UNLIMITED = {"LIMITS_ENABLED": "false"}
# Where a fault ends with its test, the next one finds the service back at once.
BACK_AT_ONCE = UNLIMITED | {"DEAD_SERVICE_ASKED_EVERY_S": "0"}


@contextmanager
def running_world(
    data_dir: Path, *, env: Mapping[str, str] = BACK_AT_ONCE, **options: Any
) -> Iterator[World]:
    """A world until the block ends, among the servers that `tests/drivers/servers.py` gives it.

    The options are those of `World`.
    """
    with ExitStack() as stack:
        is_prepared = "code" not in options
        template = _copy_what_is_ready(data_dir) if is_prepared else servers.EMPTY
        given = stack.enter_context(servers.database_and_cache(template))
        if proxied := servers.PROXY and len(options.get("site_ports", ())) > 1:
            given["HTTPS_ONLY"] = "true"
            options |= {"public_url": servers.public_url(), "site_ports": servers.BEHIND_A_PROXY}
        world = World(data_dir, env=given | dict(env), is_prepared=is_prepared, **options)
        stack.callback(world.stop)
        if proxied:
            stack.enter_context(servers.running_behind_nginx(world, data_dir / "nginx"))
        else:
            world.start()
        yield world


def _copy_what_is_ready(data_dir: Path) -> str:
    """Have a world of this version begin with a copy of one that is ready; the database to copy for it."""
    ready, database = _ready()
    shutil.copytree(ready, data_dir, dirs_exist_ok=True, ignore=shutil.ignore_patterns("static"))
    (data_dir / "static").symlink_to(ready / "static")
    return database


@functools.cache
def _ready() -> tuple[Path, str]:
    """The folder of a world without a site, and its database, if that is not in the folder.

    Making it ready takes longer than all that a world starts, so it is done once.
    """
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(TemporaryDirectory()))
    given = stack.enter_context(servers.database_and_cache())
    world = World(folder, env=given, site_ports=(), deliver_webhooks=False)
    world.start()
    world.stop()
    return folder, urlsplit(given.get("DATABASE_URL", "")).path[1:] or servers.EMPTY
