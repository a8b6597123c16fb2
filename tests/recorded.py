"""The Stripe stand-in of the tests: it writes down what passes, where `STRIPE_RECORDING` names a folder for it.

`python -m tests.contract.stripe FOLDER` judges the folder afterwards, which is what `.ci/run` does.
"""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.recording import RecordedStripe, Recording

_FOLDER = os.environ.get("STRIPE_RECORDING")


class StripeStandIn(RecordedStripe):
    """A stand-in in this process; every one writes to the same file."""

    recording = Recording(Path(_FOLDER)) if _FOLDER else None
