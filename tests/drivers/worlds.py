"""A whole world on real sockets: both stand-ins and the site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

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
        given = stack.enter_context(servers.database_and_cache())
        if proxied := servers.PROXY and len(options.get("site_ports", ())) > 1:
            given["HTTPS_ONLY"] = "true"
            options |= {"public_url": servers.public_url(), "site_ports": servers.BEHIND_A_PROXY}
        world = World(data_dir, env=given | dict(env), **options)
        stack.callback(world.stop)
        if proxied:
            stack.enter_context(servers.running_behind_nginx(world, data_dir / "nginx"))
        else:
            world.start()
        yield world
