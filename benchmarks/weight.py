"""What a page weighs on the network at the first visit: `python -m benchmarks.weight`.

Its own bytes, and those of the scripts, styles and pictures that it names, compressed with gzip.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Final

from benchmarks.live_world import live_world
from benchmarks.table import Benchmark, Row, main
from tests.drivers.member import MemberClient

# A row is a page, and who looks at it.
PAGES: Final = {
    "Landing page": ("/", False),
    "Signing in": ("/sign-in/", False),
    "Home": ("/", True),
    "All haikus": ("/haikus/", True),
    "History": ("/history/", True),
    "Where somebody is signed in": ("/account/sessions/", True),
}


def rows() -> Iterator[Row]:
    """Each page once."""
    world = live_world()
    ada, stranger = MemberClient.at(world).sign_in(), MemberClient.at(world)
    ada.sync(ada.buy()).raise_for_status()
    for _ in range(10):
        ada.write().raise_for_status()
    for name, (path, is_member) in PAGES.items():
        client = ada if is_member else stranger
        page, text = _get(client, path)
        files = sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+)"', text)))
        sizes = [_get(client, file)[0] for file in files]
        cells = (
            f"{page:,}",
            f"{len(text.encode()):,}",
            f"{len(files)}",
            f"{sum(sizes):,}",
            f"{page + sum(sizes):,}",
        )
        yield Row((name, *cells))


def _get(client: MemberClient, path: str) -> tuple[int, str]:
    """The bytes of an answer on the network, and what they say."""
    answer = client.http.get(client.site + path, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=30)
    answer.raise_for_status()
    return int(answer.raw.headers.get("Content-Length", 0)), answer.text


BENCHMARK: Final = Benchmark(
    title="Weight of a page",
    columns=("", "Page", "Unpacked", "Files", "Their bytes", "First visit"),
    rows=tuple(PAGES),
    measure=rows,
    meaning=(
        "Bytes on the network. The files never change, so a second visit costs the bytes of the page only. Most of "
        "the first is htmx, which is the limit; nothing comes from another host."
    ),
    full={},
    quick={},
)

if __name__ == "__main__":
    sys.exit(main(BENCHMARK))
