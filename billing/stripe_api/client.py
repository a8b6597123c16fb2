"""The way to Stripe: one client with its time limits, its errors as ours, and the proof of a signature.

The only module that imports `stripe`. What is asked of Stripe is said in `stripe_gateway.py` (buying) and
`stripe_seller.py` (what is for sale, and who is told).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from billing.errors import StripeRefused, StripeUnavailable

TIMEOUT_S: Final = 10
NETWORK_RETRIES: Final = 2
SIGNATURE_TOLERANCE_S: Final = 300
STRIPE_API_BASE: Final = "https://api.stripe.com"
PAGE_SIZE: Final = 100
# How the keys begin that move real money.
LIVE_KEYS: Final = ("sk_live_", "rk_live_")

if TYPE_CHECKING:
    import stripe


class StripeConnection:
    """Stripe's own client for one account. `livemode` says whether the key moves real money.

    `http_client` is how Stripe's library sends what it has to say, by default with `requests`.
    """

    def __init__(
        self, *, secret_key: str, api_base: str, http_client: stripe.HTTPClient | None = None
    ) -> None:
        import stripe  # a tenth of a second, so only in a process that talks to Stripe

        # Telemetry would write a file into the home directory.
        stripe.enable_telemetry = False
        self._stripe = stripe
        self.livemode = secret_key.startswith(LIVE_KEYS)
        self.api_version = stripe.api_version
        self.v1 = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base},
            http_client=http_client or stripe.RequestsClient(timeout=TIMEOUT_S),
            max_network_retries=NETWORK_RETRIES,
        ).v1

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Stripe's errors as ours. What Stripe says is not passed on: it can hold what was sent."""
        try:
            yield
        except (
            self._stripe.APIConnectionError,
            self._stripe.RateLimitError,
            self._stripe.APIError,
        ) as exc:
            status = getattr(exc, "http_status", None)
            raise StripeUnavailable(f"No usable answer from Stripe (HTTP {status})") from exc
        except self._stripe.StripeError as exc:
            raise StripeRefused(
                status=exc.http_status,
                code=exc.code or type(exc).__name__,
                param=getattr(exc, "param", "") or "",
            ) from exc

    def is_signed(self, body: str, signature: str, secret: str) -> bool:
        """Whether whoever has `secret` signed `body` in the last minutes."""
        try:
            self._stripe.WebhookSignature.verify_header(body, signature, secret, SIGNATURE_TOLERANCE_S)
        except self._stripe.SignatureVerificationError:
            return False
        return True
