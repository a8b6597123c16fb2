"""`python -m sandbox`: the whole site on this machine, with no account anywhere."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final

from sandbox.world import HOST, World, WorldError

WATCH_PAUSE_S: Final = 0.3
# What a world makes in its data directory; `--reset` removes this and nothing else.
MADE = ("*.sqlite3", "*.sqlite3-*", "*.log", "keys.json", "sandbox.json*", "mail", "static")
BANNER = """
  Instant Credits is running. No account needed, and no money moves.

  Site              {site}
  Staff             {site}/admin/   {staff[username]} / {staff[password]}
  Stripe stand-in   {stripe[dashboard]}
  Instant stand-in  {instant[api_uri]}

  Sign in with any email; the code appears here.
  Cards    4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined
  Code     TESTING100 makes an order free
  Written  {file}

  Ctrl-C stops everything; what was bought is still there at the next start.
"""


def main() -> int:
    """Run until Ctrl-C; 1 when something did not start or stopped by itself."""
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    data_dir: Path = options.data_dir
    if options.reset:
        _reset(data_dir)
    busy = [port for port in (options.port, options.instant_port, options.stripe_port) if _is_busy(port)]
    if busy:
        _say(
            f"In use already: port {', '.join(map(str, busy))}. Choose others, or 0 for a free one (--help)."
        )
        return 1
    world = World(
        data_dir,
        site_ports=[options.port],
        instant_port=options.instant_port,
        stripe_port=options.stripe_port,
    )
    try:
        _say("Starting…")
        world.start()
        file = _write_description(world)
        _say(BANNER.format(**world.describe(), file=file))
        _watch(world)
    except WorldError as exc:
        _say(str(exc))
        return 1
    except KeyboardInterrupt:
        _say("Stopping…")
    finally:
        world.stop()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="of the site; 0 picks a free one (8000)")
    parser.add_argument("--instant-port", type=int, default=8888, help="of the Instant stand-in (8888)")
    parser.add_argument("--stripe-port", type=int, default=12111, help="of the Stripe stand-in (12111)")
    parser.add_argument("--data-dir", type=Path, default=Path("var"), help="where everything is kept (var)")
    parser.add_argument("--reset", action="store_true", help="forget everything first")
    return parser.parse_args()


def _watch(world: World) -> None:
    """Print each sign-in code as its mail is written; raises `WorldError` when a part stops."""
    codes = _codes(world.mail_dir)
    next(codes)
    while True:
        for part in world.parts:
            if not part.is_running:
                raise WorldError(f"{part.name} stopped by itself; see the logs in {world.data_dir}")
        for line in next(codes):
            _say(line)
        time.sleep(WATCH_PAUSE_S)


def _codes(mail_dir: Path) -> Iterator[list[str]]:
    """At each step, a line for every mail that came since the step before."""
    read: dict[Path, int] = {}
    while True:
        lines = []
        for path in sorted(mail_dir.iterdir()):
            text = path.read_text()[read.get(path, 0) :]
            to, code = re.search(r"^To: (.+)$", text, re.M), re.search(r"^Subject: (\d{6})", text, re.M)
            if to and code:
                read[path] = read.get(path, 0) + len(text)
                lines.append(f"  Sign-in code for {to[1]}: {code[1]}")
        yield lines


def _write_description(world: World) -> Path:
    """Write `sandbox.json` whole or not at all: a script waits for it to appear."""
    file = world.data_dir / "sandbox.json"
    draft = world.data_dir / "sandbox.json.new"
    draft.write_text(json.dumps(world.describe(), indent=2))
    return draft.replace(file)


def _reset(data_dir: Path) -> None:
    for pattern in MADE:
        for path in data_dir.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _is_busy(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
