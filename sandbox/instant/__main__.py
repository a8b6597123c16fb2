"""`python -m sandbox.instant`: the stand-in on a port, with its data in one file."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Final

from sandbox.faults import FaultyHandler
from sandbox.instant.contention import Contention
from sandbox.instant.standin import InstantStandIn
from sandbox.serving import serve

DEFAULT_PORT: Final = 8888


def main() -> None:
    """Make the app if it is not there, say where it is, and answer until told to stop."""
    options = _options()
    standin = InstantStandIn(
        database=options.data,
        clock=time.time,
        rng=random.SystemRandom(),
        mailer=_print_mail,
        contention=Contention() if options.contention else None,
    )
    app = standin.ensure_app(options.title, options.app_id, options.admin_token)
    where = {
        "api_uri": f"http://127.0.0.1:{options.port}",
        "app_id": app.id,
        "admin_token": app.admin_token,
    }
    sys.stdout.write(json.dumps(where) + "\n")
    sys.stdout.flush()
    if options.print_app:
        return
    try:
        serve(FaultyHandler(standin.handle), port=options.port)
    finally:
        standin.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.instant", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--data", type=Path, default=Path("var/instant.sqlite3"), help="the SQLite file")
    parser.add_argument("--title", default="Instant Credits")
    parser.add_argument("--app-id", help="the app to serve; made if it is not there")
    parser.add_argument("--admin-token", help="its admin token; replaces the stored one")
    parser.add_argument(
        "--contention", action="store_true", help="let transacts take time, wait for each other and deadlock"
    )
    parser.add_argument("--print-app", action="store_true", help="only print where the app is, then stop")
    return parser.parse_args()


def _print_mail(email: str, code: str) -> None:
    sys.stderr.write(f"Mail to {email}: your code is {code}\n")


if __name__ == "__main__":
    main()
