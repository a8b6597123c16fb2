"""The end of a process, as its server tells of it."""

from __future__ import annotations

import asyncio
from typing import Any

from billing.workers import workers
from credits_site.asgi import application
from credits_site.signals import site_stops


def test_whoever_has_something_to_finish_does_before_the_process_ends() -> None:
    happened: list[str] = []
    told = iter(["lifespan.startup", "lifespan.shutdown"])

    def finish(sender: object, **kwargs: object) -> None:
        happened.append("finished")

    async def receive() -> dict[str, str]:
        return {"type": next(told)}

    async def send(message: dict[str, Any]) -> None:
        happened.append(message["type"])

    async def live() -> None:
        await application({"type": "lifespan"}, receive, send)

    site_stops.connect(finish)
    try:
        asyncio.run(live())
    finally:
        site_stops.disconnect(finish)
        workers.cache_clear()  # those of this process have stopped, and other tests want some
    assert happened == ["lifespan.startup.complete", "finished", "lifespan.shutdown.complete"]
