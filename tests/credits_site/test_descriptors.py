"""The descriptors of a process are shared out so that some are left."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest
from django.conf import settings

SHARES = """
import json, resource
from credits_site import descriptors
descriptors.raise_limit()
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
print(json.dumps([limit, *(each() for each in (
    descriptors.for_connections, descriptors.for_streams, descriptors.for_threads))]))
"""


def shares(soft: int, hard: int) -> list[int]:
    """In a process of these limits: what it raised its own to, and how many it lets in of each."""
    done = subprocess.run(  # noqa: S603  our own text
        [sys.executable, "-c", SHARES],
        cwd=settings.BASE_DIR,
        capture_output=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
    )
    return [int(number) for number in json.loads(done.stdout)]


@pytest.mark.parametrize("hard", [512, 1024, 4096])
def test_a_process_takes_what_it_may_have_and_keeps_some_free(hard: int) -> None:
    limit, connections, streams, threads = shares(256, hard)
    assert limit == hard
    assert min(connections, streams, threads) > 0
    assert connections + 5 * threads + 320 <= max(limit, 520)
    assert streams < connections
