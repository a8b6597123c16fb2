"""`python -m tests.chaos`: kill real processes with SIGKILL, any number of times, and verify what is left."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from tests.chaos.run import ACCOUNTS, CUSTOMERS, Run


def main() -> int:
    """0 when nothing was lost and nothing invented; else 1, and the data directory is kept."""
    options = _options()
    data_dir = options.data_dir or Path(tempfile.mkdtemp(prefix="chaos-"))
    chaos = Run(
        data_dir,
        seed=options.seed,
        customers=options.customers,
        accounts=options.accounts,
        slow=options.slow,
    )
    try:
        with tqdm(total=options.cycles, desc="Kills", unit="", disable=None) as bar:
            report = chaos.run(options.cycles, survived=bar.update)
    except BaseException:
        sys.stderr.write(f"Stopped before the end; what there was is in {data_dir}\n")
        raise
    sys.stdout.write(f"{report}\n")
    if report.problems:
        return 1
    if options.data_dir is None:
        shutil.rmtree(data_dir)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--cycles", type=int, default=100, help="how many kills (100)")
    parser.add_argument("--seed", type=int, default=1, help="which parts are killed, and what people do (1)")
    customers = f"how many buy and write at once ({CUSTOMERS})"
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help=customers)
    accounts = f"how many accounts they share ({ACCOUNTS})"
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, help=accounts)
    parser.add_argument(
        "--slow", action="store_true", help="haikus take time, and credits are held meanwhile"
    )
    parser.add_argument("--data-dir", type=Path, help="a new folder for everything (a temporary one)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
