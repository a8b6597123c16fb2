"""Stripe's dashboard and API as somebody sees them who is not the site."""

from __future__ import annotations

from typing import Any

import requests
import stripe

from sandbox.world import World
from tests.drivers.member import TIMEOUT_S


class Stripe:
    """One account: the buttons of its dashboard, and its API, also by Stripe's own package (`client`)."""

    def __init__(self, world: World) -> None:
        self._url = world.stripe.url
        self.dashboard = f"{self._url}/dashboard/"
        self._auth = (world.keys.stripe_secret, "")
        self.client = stripe.StripeClient(world.keys.stripe_secret, base_addresses={"api": self._url})

    def press(self, button: str, **form: str) -> None:
        """Press one of the buttons of the dashboard."""
        answer = requests.post(
            f"{self.dashboard}{button}", data=form, timeout=TIMEOUT_S, allow_redirects=False
        )
        assert answer.status_code == 303, answer.text

    def ask(self, path: str, **params: str) -> dict[str, Any]:
        """Ask the API."""
        answer = requests.get(f"{self._url}/v1/{path}", params=params, auth=self._auth, timeout=TIMEOUT_S)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def edit(self, checkout_id: str, **metadata: str) -> requests.Response:
        """Edit the metadata of a checkout."""
        answer = requests.post(
            f"{self._url}/v1/checkout/sessions/{checkout_id}",
            data={f"metadata[{name}]": value for name, value in metadata.items()},
            auth=self._auth,
            timeout=TIMEOUT_S,
        )
        assert answer.status_code == 200, answer.text
        return answer

    def payment(self, checkout_id: str) -> str:
        """The payment of a checkout."""
        return str(self.ask(f"checkout/sessions/{checkout_id}")["payment_intent"])

    def refund(self, checkout_id: str, cents: int) -> None:
        """Give so much of a checkout back."""
        self.press(f"payments/{self.payment(checkout_id)}/refund", amount=str(cents))

    def dispute(self, checkout_id: str) -> str:
        """Have a whole checkout disputed; the dispute's id."""
        payment = self.payment(checkout_id)
        self.press(f"payments/{payment}/dispute", kind="fraudulent")
        return str(self.newest("disputes", payment)["id"])

    def newest(self, collection: str, payment: str) -> dict[str, Any]:
        """The newest refund or dispute of a payment."""
        found: dict[str, Any] = self.ask(collection, payment_intent=payment)["data"][0]
        return found
