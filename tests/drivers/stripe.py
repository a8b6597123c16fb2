"""Stripe's dashboard and API as somebody sees them who is not the site."""

from __future__ import annotations

from typing import Any

import requests
import stripe

from sandbox.world import World
from tests.drivers.member import TIMEOUT_S
from tests.drivers.stripe_api import VISA


class StripeUser:
    """The pages of one stand-in, and its API with one secret key, over `http`."""

    def __init__(self, url: str, secret_key: str, http: requests.Session) -> None:
        self._url = url
        self._key = secret_key
        self._http = http

    def post(self, path: str, **form: str) -> str:
        """Press a button on one of the pages; where it leads."""
        answer = self._http.post(self._url + path, data=form, timeout=TIMEOUT_S, allow_redirects=False)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def ask(self, path: str, *, method: str = "GET", **query: str) -> dict[str, Any]:
        """Ask the API."""
        found: dict[str, Any] = self._answer(path, method, query).json()
        return found

    def edit(self, checkout_id: str, **metadata: str) -> requests.Response:
        """Edit the metadata of a checkout; an empty value takes its key out."""
        form = {f"metadata[{name}]": value for name, value in metadata.items()}
        return self._answer(f"/v1/checkout/sessions/{checkout_id}", "POST", form)

    def pay(self, checkout_id: str, card: str = VISA, **form: str) -> str:
        """Pay for a checkout on its page; where it leads."""
        return self.post(f"/c/pay/{checkout_id}", card_number=card, **form)

    def session(self, checkout_id: str) -> dict[str, Any]:
        """The session of a checkout."""
        return self.ask(f"/v1/checkout/sessions/{checkout_id}")

    def customers(self) -> list[dict[str, Any]]:
        """Those who are not deleted."""
        found: list[dict[str, Any]] = self.ask("/v1/customers")["data"]
        return found

    def payment_of(self, checkout_id: str) -> str:
        """The payment of a checkout."""
        return str(self.session(checkout_id)["payment_intent"])

    def refund(self, checkout_id: str, amount: int) -> str:
        """Give so many cents back; the refund's id."""
        payment_id = self.payment_of(checkout_id)
        self.post(f"/dashboard/payments/{payment_id}/refund", amount=str(amount))
        return self.newest("refunds", payment_id)

    def dispute(self, checkout_id: str, *, amount: str = "", kind: str = "fraudulent") -> str:
        """The cardholder complains; the dispute's id."""
        payment_id = self.payment_of(checkout_id)
        self.post(f"/dashboard/payments/{payment_id}/dispute", amount=amount, kind=kind)
        return self.newest("disputes", payment_id)

    def warn(self, checkout_id: str, fraud_type: str = "made_with_stolen_card") -> None:
        """The bank of the card warns of fraud."""
        self.post(f"/dashboard/payments/{self.payment_of(checkout_id)}/warn", fraud_type=fraud_type)

    def newest(self, collection: str, payment_id: str) -> str:
        """The newest refund or dispute of a payment."""
        return str(self.ask(f"/v1/{collection}", payment_intent=payment_id, limit="1")["data"][0]["id"])

    def _answer(self, path: str, method: str, sent: dict[str, str]) -> requests.Response:
        answer = self._http.request(
            method,
            self._url + path,
            params=sent if method == "GET" else None,
            data=None if method == "GET" else sent,
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=TIMEOUT_S,
        )
        assert answer.status_code == 200, answer.text
        return answer


class Stripe(StripeUser):
    """The account of a world, also by Stripe's own package (`client`)."""

    def __init__(self, world: World) -> None:
        url, key = world.stripe.url, world.keys.stripe_secret
        super().__init__(url, key, requests.Session())
        self.dashboard = f"{url}/dashboard/"
        self.client = stripe.StripeClient(key, base_addresses={"api": url})
