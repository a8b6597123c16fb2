"""`python -m sandbox` as somebody starts it who read the README."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.drivers.waiting import await_that

START_LIMIT_S = 60.0


@contextmanager
def running(
    command: Sequence[str], *, cwd: Path, data_dir: Path, env: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """The command on free ports, until the block ends as Ctrl-C does; what it wrote to `sandbox.json`."""
    file = data_dir / "sandbox.json"
    file.unlink(missing_ok=True)
    ports = [word for name in ("--port", "--instant-port", "--stripe-port") for word in (name, "0")]
    process = subprocess.Popen(  # noqa: S603  our own command
        [*command, *ports], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        # Written whole in one go, but not before the site answers.
        await_that(lambda: file.exists() or process.poll() is not None, START_LIMIT_S)
        assert process.poll() is None, process.communicate()[0]
        yield json.loads(file.read_text())
    finally:
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=30)[0]
    assert process.returncode == 0, output
