"""Names that `tests/sandbox/test_recording.py` imports from here; they are those of `driver.py`."""

from tests.sandbox.stripe.driver import (
    LIMIT_S,
    PRICE,
    SECRET_KEY,
    SUCCESS_URL,
    Clock,
    free_port,
    make_standin,
)

__all__ = ["LIMIT_S", "PRICE", "SECRET_KEY", "SUCCESS_URL", "Clock", "free_port", "make_standin"]
