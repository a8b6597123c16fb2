"""Every test card of Stripe's, and every other way to pay, through each of the doors by which a payment is settled.

The webhook comes first and the buyer afterwards; or the buyer comes first and the webhook afterwards; or no webhook
ever comes and `reconcile_credits` finds the payment. What it comes to is the same, and the buyer is told so.

Source: https://docs.stripe.com/testing
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.stripe.cards import BY_NUMBER
from sandbox.world import World
from tests.drivers.deep import deep_but_for
from tests.drivers.member import FREE, HTMX, TIMEOUT_S, MemberClient
from tests.drivers.stripe import Stripe
from tests.drivers.waiting import await_that
from tests.drivers.worlds import running_world


@dataclass(frozen=True)
class End:
    """What a purchase comes to: the session's status and payment status, and what the buyer sees and has."""

    session: tuple[str, str]
    outcome: str
    told: str
    history: str
    credits: int


THANKS: Final = "Thank you."
PAID: Final = End(("complete", "paid"), "already_credited", THANKS, "Paid", 10)
FREE_OF_CHARGE: Final = End(("complete", "no_payment_required"), "already_credited", THANKS, "Paid", 10)
REFUNDED: Final = End(("complete", "paid"), "already_credited", THANKS, "Refunded", 0)
PARTLY: Final = End(("complete", "paid"), "already_credited", THANKS, "Refunded in part", 7)
DISPUTED: Final = End(("complete", "paid"), "already_credited", THANKS, "Disputed", 0)
NOT_PAID: Final = End(
    ("open", "unpaid"), "pending", "not finished yet. Nothing was charged so far.", "No purchases yet.", 0
)
ON_ITS_WAY: Final = End(
    ("complete", "unpaid"), "pending", "Stripe has not confirmed the payment yet.", "Payment on its way", 0
)
BOUNCED: Final = End(
    ("complete", "unpaid"),
    "failed",
    "The payment failed at your bank, and nothing was charged.",
    "Payment failed",
    0,
)


@dataclass(frozen=True)
class Case:
    """What a buyer fills in, what the page says to that, and what banks and staff do afterwards.

    `says` is empty when the page lets the buyer go. `authentication` is what the buyer answers to 3-D Secure.
    """

    name: str
    form: dict[str, str]
    end: End
    says: str = ""
    authentication: str | None = None
    then: tuple[str, ...] = ()

    @property
    def pays_at_once(self) -> bool:
        """Whether the money is there when the buyer leaves Stripe's page."""
        return not self.says and "payment_method" not in self.form


def card(number: str, end: End, says: str = "", **more: Any) -> Case:
    """A card, and what becomes of it."""
    name = " ".join([number, *more.values()] if "authentication" in more else [number, *more.get("then", ())])
    return Case(name, {"card_number": number}, end, says, **more)


def debit(plan: str, end: End, *then: str) -> Case:
    """A bank debit, and what becomes of it."""
    return Case(" ".join([plan, *then]), {"payment_method": plan}, end, then=then)


CANNOT_VERIFY: Final = (
    "We are unable to authenticate your payment method. Please choose a different one and try again."
)
INSUFFICIENT: Final = "Your card has insufficient funds."
CASES: Final = (
    card("4242 4242 4242 4242", PAID),
    card("5555 5555 5555 4444", PAID),
    card("3782 822463 10005", PAID),
    card("4000 0000 0000 0077", PAID),
    card("4000 0000 0000 0002", NOT_PAID, "Your card was declined."),
    card("4000 0000 0000 9995", NOT_PAID, INSUFFICIENT),
    card("4000 0000 0000 9987", NOT_PAID, "Your card was declined."),
    card("4000 0000 0000 9979", NOT_PAID, "Your card was declined."),
    card("4000 0000 0000 0069", NOT_PAID, "Your card has expired."),
    card("4000 0000 0000 0127", NOT_PAID, "Your card's security code is incorrect."),
    card("4000 0000 0000 0119", NOT_PAID, "An error occurred while processing your card. Try again later."),
    card("4242 4242 4242 4241", NOT_PAID, "Your card number is incorrect."),
    card("4100 0000 0000 0019", NOT_PAID, "Your card was declined."),
    card("4000 0025 0000 3155", PAID, authentication="complete"),
    card("4000 0025 0000 3155", NOT_PAID, CANNOT_VERIFY, authentication="fail"),
    card("4000 0027 6000 3184", PAID, authentication="complete"),
    card("4000 0027 6000 3184", NOT_PAID, CANNOT_VERIFY, authentication="fail"),
    card("4000 0082 6000 3178", NOT_PAID, INSUFFICIENT, authentication="complete"),
    card("4000 0082 6000 3178", NOT_PAID, CANNOT_VERIFY, authentication="fail"),
    card("4000 0000 0000 0259", DISPUTED),
    card("4000 0000 0000 0259", PAID, then=("win",)),
    card("4000 0000 0000 0259", DISPUTED, then=("lose",)),
    card("4000 0000 0000 1976", PAID),
    card("4000 0000 0000 5423", PAID),
    card("4242 4242 4242 4242", PARTLY, then=("refund 150",)),
    card("4000 0000 0000 7726", REFUNDED, then=("refund",)),
    card("4000 0000 0000 7726", REFUNDED, then=("refund", "succeed")),
    card("4000 0000 0000 5126", PAID, then=("refund", "fail")),
    Case(FREE, {"promotion_code": FREE}, FREE_OF_CHARGE),
    debit("bank_debit_ok", ON_ITS_WAY),
    debit("bank_debit_ok", PAID, "settle"),
    debit("bank_debit_fails", BOUNCED, "bounce"),
)


class Purchase:
    """A case that somebody carries out in a world: a member of its own, and their checkout."""

    def __init__(self, world: World, case: Case) -> None:
        self.world = world
        self.case = case
        self.buyer = MemberClient.at(world).sign_in()
        self.stripe = Stripe(world)
        self.checkout_id = ""
        self.said = ""  # by Stripe's page; nothing when it let the buyer go

    def pay(self) -> None:
        """Fill in Stripe's page as the case has it."""
        page = self.buyer.open_checkout()
        self.checkout_id = urlsplit(page).path.rsplit("/", 1)[1]
        answer = self._post(page, self.case.form)
        if self.case.authentication is not None:
            assert answer.headers["Location"].endswith("/authenticate")
            answer = self._post(answer.headers["Location"], {"outcome": self.case.authentication})
        if answer.status_code == 402:
            self.said = html.unescape("".join(re.findall(r'role="alert">([^<]+)<', answer.text)))
        else:
            assert f"session_id={self.checkout_id}" in answer.headers["Location"]

    def carry_out(self) -> None:
        """The whole case, from the payment on."""
        self.pay()
        for step in self.case.then:
            self.do(step)

    def _post(self, url: str, form: dict[str, str]) -> requests.Response:
        return requests.post(url, data=form, timeout=TIMEOUT_S, allow_redirects=False)

    def do(self, step: str) -> None:
        """Have a bank or the staff do what the case says they do afterwards."""
        verb, _, amount = step.partition(" ")
        payment = self.stripe.payment_of(self.checkout_id)
        match verb:
            case "settle":
                self.stripe.post(f"/dashboard/payments/{payment}/settle")
            case "bounce":
                self.stripe.post(f"/dashboard/payments/{payment}/fail")
            case "refund":
                self.stripe.post(f"/dashboard/payments/{payment}/refund", amount=amount)
            case "win" | "lose":
                self.stripe.post(f"/dashboard/disputes/{self.stripe.newest('disputes', payment)}/{verb}")
            case "succeed" | "fail":
                self._end_refund(payment, verb)

    def _end_refund(self, payment: str, verb: str) -> None:
        refund = self.stripe.newest("refunds", payment)
        # Refused when the refund was faster: it ends by itself some seconds after it began.
        self._post(f"{self.world.stripe.url}/dashboard/refunds/{refund}/{verb}", {})
        ended = {"succeed": "succeeded", "fail": "failed"}[verb]
        assert self.stripe.ask(f"/v1/refunds/{refund}")["status"] == ended

    def await_deliveries(self) -> None:
        """Wait until the site has heard of everything that happened to this purchase."""
        session = self.stripe.ask(f"/v1/checkout/sessions/{self.checkout_id}")
        ours = {self.checkout_id, session["payment_intent"]} - {None}

        def is_all_told() -> bool:
            waiting = self.stripe.ask("/v1/events", delivery_success="false", limit="100")["data"]
            told_of = (event["data"]["object"] for event in waiting)
            return not any(ours & {each["id"], each.get("payment_intent")} for each in told_of)

        await_that(is_all_told)

    def found(self) -> End:
        """What it came to. The balance is read before the site is asked to look at the purchase again."""
        credits = self.buyer.credits()
        session = self.stripe.ask(f"/v1/checkout/sessions/{self.checkout_id}")
        history = self.buyer.get("/history/").text
        synced = self.buyer.sync(self.checkout_id).json()
        assert synced["credits"] == credits
        told = self.buyer.sync(self.checkout_id, **HTMX).text
        end = self.case.end
        return End(
            (session["status"], session["payment_status"]),
            synced["status"],
            end.told if end.told in told else told,
            end.history if re.search(rf">{re.escape(end.history)}<", history) else history,
            credits,
        )


def test_every_test_card_has_its_case() -> None:
    tried = {case.form.get("card_number", "").replace(" ", "") for case in CASES}
    assert tried >= BY_NUMBER.keys()


# Every fifth comes first, so that few are of many kinds.
MIXED: Final = [case for start in range(5) for case in CASES[start::5]]
SOME: Final = len(CASES[::5])
some_cases = pytest.mark.parametrize("case", deep_but_for(SOME, MIXED), ids=lambda case: case.name)


@some_cases
def test_the_webhook_settles_it_before_the_buyer_is_back(case: Case, world: World) -> None:
    purchase = Purchase(world, case)
    purchase.carry_out()
    purchase.await_deliveries()
    assert (purchase.said, purchase.found()) == (case.says, case.end)


@pytest.fixture
def held_deliveries(stripe: Stripe) -> Iterator[Stripe]:
    """The dashboard of a world whose webhooks wait until somebody lets them go."""
    stripe.post("/dashboard/delivery", nothing="1")
    yield stripe
    stripe.post("/dashboard/delivery")


@some_cases
def test_the_buyer_is_back_before_the_webhook_which_then_adds_nothing(
    case: Case, world: World, held_deliveries: Stripe
) -> None:
    purchase = Purchase(world, case)
    purchase.pay()
    first = purchase.buyer.sync(purchase.checkout_id).json()["status"]
    assert (first == "credited") == case.pays_at_once
    for step in case.then:
        purchase.do(step)
        purchase.buyer.sync(purchase.checkout_id)
    assert (purchase.said, purchase.found()) == (case.says, case.end)
    entries = purchase.buyer.history()
    held_deliveries.post("/dashboard/delivery")
    purchase.await_deliveries()
    assert purchase.found() == case.end
    assert purchase.buyer.history() == entries


@dataclass(frozen=True)
class Unheard:
    """Cases carried out in a world that hears of nothing, and what `reconcile_credits` said of them."""

    world: World
    purchases: list[Purchase]
    foreseen: list[str]
    runs: list[list[str]]


@pytest.fixture(scope="module")
def unheard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unheard]:
    """The cases after a dry run and two runs at once."""
    with running_world(tmp_path_factory.mktemp("unheard"), deliver_webhooks=False) as world:
        purchases = [Purchase(world, case) for case in MIXED]
        for purchase in purchases:
            purchase.carry_out()
        foreseen = reconcile(world, "--dry-run")
        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(lambda _: reconcile(world), range(2)))
        yield Unheard(world, purchases, foreseen, runs)


def reconcile(world: World, *arguments: str) -> list[str]:
    """The lines that `reconcile_credits` prints when all goes well."""
    done = world.manage("reconcile_credits", *arguments)
    assert "Traceback" not in done.stderr
    return done.stdout.splitlines()


@pytest.mark.deep
def test_reconcile_settles_it_though_no_webhook_ever_comes(unheard: Unheard) -> None:
    found = {each.case.name: (each.said, each.found()) for each in unheard.purchases}
    assert found == {each.case.name: (each.case.says, each.case.end) for each in unheard.purchases}


@pytest.mark.deep
def test_reconcile_foresees_each_payment_credits_it_once_and_leaves_nothing_to_do(unheard: Unheard) -> None:
    paid = sorted(each.checkout_id for each in unheard.purchases if each.case.end.session[1] != "unpaid")
    assert sorted(line.split()[0] for line in unheard.foreseen[:-1]) == paid
    credited = [line.split()[0] for run in unheard.runs for line in run[:-1] if "credited" in line]
    assert sorted(credited) == paid
    (summary,) = reconcile(unheard.world, "--all")
    assert summary.endswith("checkouts looked at, nothing to do.")
    audited = unheard.world.manage("audit_credits", "--json")
    assert json.loads(audited.stdout)["violations"] == []
