"""One world for all benchmarks that ask the site over sockets; to start one takes longer than to measure."""

from __future__ import annotations

import atexit
import tempfile
from functools import cache
from pathlib import Path

from credits_site.descriptors import raise_limit
from sandbox.world import World
from tests.drivers.worlds import UNLIMITED

PROCESSES = 4
NO_LIMITS = dict.fromkeys(("STREAMS_PER_MEMBER", "STREAMS_PER_ADDRESS", "STREAMS_PER_PROCESS"), "100000")


@cache
def live_world() -> World:
    """Four processes of the site, with stand-ins that contend as PostgreSQL would; stopped when Python ends."""
    raise_limit()
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    world = World(
        Path(folder.name),
        site_ports=(0,) * PROCESSES,
        env=UNLIMITED | NO_LIMITS,
        deliver_webhooks=False,
        contention=True,
    )
    atexit.register(world.stop)
    world.start()
    return world
