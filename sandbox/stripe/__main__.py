"""`python -m sandbox.stripe`: the stand-in on a port, with its courier."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path

from sandbox.faults import FaultyHandler
from sandbox.recording import RecordedStripe, Recording
from sandbox.serving import serve
from sandbox.stripe.courier import Courier
from sandbox.stripe.refusals import refusal


def main(arguments: list[str] | None = None) -> None:
    """Run until the process is told to stop."""
    options = _parser().parse_args(arguments)
    public_url = options.public_url or f"http://127.0.0.1:{options.port}"
    standin = RecordedStripe(
        database=options.data,
        clock=time.time,
        rng=random.SystemRandom(),
        secret_key=options.secret_key,
        webhook_secret=options.webhook_secret,
        public_url=public_url,
        webhook_url=options.webhook_url,
        debit_settles_after_s=options.debit_settles_after,
        refund_turns_after_s=options.refund_turns_after,
    )
    if options.record is not None:
        standin.recording = Recording(options.record)
    for price_id, unit_amount, currency, name in options.price:
        standin.ensure_price(price_id, unit_amount, currency, name)
    courier = Courier(standin, time.time)
    courier.start()
    where = {
        "api_base": public_url,
        "secret_key": standin.secret_key,
        "webhook_secret": standin.webhook_secret,
        "dashboard": f"{public_url}/dashboard/",
    }
    sys.stdout.write(json.dumps(where) + "\n")
    sys.stdout.flush()
    try:
        serve(FaultyHandler(standin.handle, refusal), port=options.port)
    finally:
        courier.stop()
        standin.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.stripe", description=__doc__)
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--data", type=Path, default=Path("var/stripe.sqlite3"), help="the SQLite file")
    parser.add_argument(
        "--secret-key", metavar="sk_test_…", help="default: that of the last start, or a new one"
    )
    parser.add_argument("--webhook-secret", metavar="whsec_…", help="of --webhook-url; default: likewise")
    parser.add_argument(
        "--webhook-url", help="where the site listens; without, only who asks by the API is told"
    )
    parser.add_argument("--public-url", help="where a browser finds this server, if not at 127.0.0.1")
    parser.add_argument(
        "--price", action="append", default=[], type=price, metavar="ID:CENTS:CURRENCY:NAME", help="to sell"
    )
    parser.add_argument("--debit-settles-after", type=float, metavar="SECONDS", help="default: by hand")
    parser.add_argument("--refund-turns-after", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FOLDER",
        default=os.environ.get("STRIPE_RECORDING") or None,
        help="write what passes to a file in here, each shape of it once (default: STRIPE_RECORDING)",
    )
    return parser


def price(text: str) -> tuple[str, int, str, str]:
    """`price_sandbox_10:500:usd:10 credits` as its four parts."""
    parts = text.split(":", 3)
    if len(parts) != 4 or not parts[1].isdecimal():
        raise argparse.ArgumentTypeError(f"not ID:CENTS:CURRENCY:NAME: {text}")
    price_id, unit_amount, currency, name = parts
    return price_id, int(unit_amount), currency.lower(), name


if __name__ == "__main__":
    main()
