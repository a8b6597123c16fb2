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
        database = [] if "code" in options else _copy_what_is_ready(data_dir)
        given = stack.enter_context(servers.database_and_cache(*database))
        if proxied := servers.PROXY and len(options.get("site_ports", ())) > 1:
            given["HTTPS_ONLY"] = "true"
            options |= {"public_url": servers.public_url(), "site_ports": servers.BEHIND_A_PROXY}
        world = World(data_dir, env=given | dict(env), is_prepared="code" not in options, **options)
        stack.callback(world.stop)
        if proxied:
            stack.enter_context(servers.running_behind_nginx(world, data_dir / "nginx"))
        else:
            world.start()
        yield world


def _copy_what_is_ready(data_dir: Path) -> list[str]:
    """Have a world of this version begin in a copy of one that is ready, and with this database, if any."""
    ready, database = _ready()
    shutil.copytree(ready, data_dir, dirs_exist_ok=True, ignore=shutil.ignore_patterns("static"))
    (data_dir / "static").symlink_to(ready / "static")
    return database


@functools.cache
def _ready() -> tuple[Path, list[str]]:
    """The folder of a world without a site, and the name of its database, if that is elsewhere.

    Making it ready takes longer than all that a world starts, so it is done once.
    """
    stack = ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(TemporaryDirectory()))
    given = stack.enter_context(servers.database_and_cache())
    world = World(folder, env=given, site_ports=(), deliver_webhooks=False)
    world.start()
    world.stop()
    return folder, [urlsplit(given["DATABASE_URL"]).path[1:]] if "DATABASE_URL" in given else []
