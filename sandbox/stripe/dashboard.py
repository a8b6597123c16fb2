"""The dashboard: what happened, and buttons for what banks, buyers and networks may do next.

GET /dashboard/, /dashboard/sessions/, customers/, events/ (?about=<id>), webhooks/       ?before=<id> for older ones

Every button of `BUTTONS` is a form that a script can post as well: POST /dashboard/<collection>/<id>/<verb>, without
the id or the verb where there is none. The id of `payments` is that of the PaymentIntent. The answer is 303 to the
page that shows what was done (200 with the new secret for `roll`), or 4xx. What a form may have:

    payments refund     amount (in cents) or money (`1.50`), all that is left when neither is given; reason
    payments warn       fraud_type, such as `misc`
    payments dispute    kind: fraudulent or inquiry; amount or money
    delivery            nothing, twice, out_of_order: on when given; delay_s
    api                 away, mute: on when given
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from sandbox.serving import Request, Response
from sandbox.stripe import (
    checkout,
    customers,
    dashboard_pages,
    disputes,
    events,
    fraud_warnings,
    html,
    money,
    params,
    payments,
    refunds,
)
from sandbox.stripe.dashboard_pages import PAGES
from sandbox.stripe.errors import ApiError
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

PREFIX: Final = "/dashboard/"
# A session lives for a day, so a longer delay makes no sense.
LONGEST_DELAY_S: Final = 86_400
AMOUNT: Final[Callable[[object, str], int]] = params.integer(at_least=1)
Form = dict[str, str]
Press = Callable[[Turn, str, Form], object]


@dataclass(frozen=True, slots=True)
class Button:
    """What a press does to the object of an id, and what the page says afterwards."""

    press: Press
    said: str


def respond(turn: Turn, request: Request) -> Response:
    """One of the dashboard's pages, or one of its buttons."""
    rest = request.path.removeprefix(PREFIX)
    if request.method == "GET" and rest in PAGES:
        query = html.query_of(request)
        button = BUTTONS.get(tuple(query.get("done", "").split(".", 1)))
        return dashboard_pages.show(turn, rest, query, notice=None if button is None else button.said)
    if request.method != "POST":
        raise ApiError("There is no such page.", status=404)
    collection, _, tail = rest.partition("/")
    object_id, _, verb = tail.rpartition("/")
    button = BUTTONS.get((collection, verb))
    if button is None:
        raise ApiError("There is no such button.", status=404)
    form = html.form_of(request)
    done = button.press(turn, object_id, form)
    if isinstance(done, Response):
        return done
    page = form["page"] if form.get("page") in PAGES else PAGE_OF.get(collection, f"{collection}/")
    query = {"done": f"{collection}.{verb}"} | ({"about": form["about"]} if form.get("about") else {})
    return html.see_other(f"{PREFIX}{page}?{urlencode(query)}#{object_id}")


# Payments


def _sum(form: Form, currency: str) -> int | None:
    """The amount that a form names, in the currency's smallest unit; None when it names none."""
    in_money, in_units = form.get("money", "").strip(), form.get("amount", "").strip()
    if not in_money and not in_units:
        return None
    typed = _smallest_units(in_money, currency) if in_money else in_units
    return AMOUNT(typed, "amount")


def _smallest_units(typed: str, currency: str) -> str:
    """`1.5` or `1,50` dollars as `150`. Other text is returned unchanged, and the caller refuses it."""
    whole, _, part = typed.replace(",", ".").partition(".")
    exponent = money.exponent(currency)
    return typed if len(part) > exponent else whole + part.ljust(exponent, "0")


def _charge(turn: Turn, intent_id: str) -> Record:
    intent = turn.need("payment_intent", intent_id)
    if intent.body["latest_charge"] is None:
        raise state_error("This payment has no charge yet.")
    return turn.need("charge", intent.body["latest_charge"])


def _refund(turn: Turn, intent_id: str, form: Form) -> None:
    charge = _charge(turn, intent_id)
    amount = _sum(form, charge.body["currency"])
    given: Json = {} if amount is None else {"amount": amount}
    if form.get("reason"):
        given["reason"] = refunds.REASON(form["reason"], "reason")
    refunds.add(turn, charge, given)


def _dispute(turn: Turn, intent_id: str, form: Form) -> None:
    charge = _charge(turn, intent_id)
    kind = params.choice("fraudulent", "inquiry")(form.get("kind", "fraudulent"), "kind")
    amount = _sum(form, charge.body["currency"])
    disputes.open_dispute(turn, charge, inquiry=kind == "inquiry", amount=amount)


def _warn(turn: Turn, intent_id: str, form: Form) -> None:
    typed = form.get("fraud_type") or "made_with_stolen_card"
    fraud_type = fraud_warnings.FRAUD_TYPE(typed, "fraud_type")
    fraud_warnings.warn(turn, _charge(turn, intent_id), fraud_type=fraud_type)


# Webhooks, and the API itself


def _roll(turn: Turn, endpoint_id: str, form: Form) -> Response:
    secret = events.roll_secret(turn, endpoint_id)
    return dashboard_pages.show(turn, "webhooks/", {}, fresh={"endpoint": endpoint_id, "secret": secret})


def _set_delivery(turn: Turn, object_id: str, form: Form) -> None:
    delay_s = params.integer(at_least=0, at_most=LONGEST_DELAY_S)(form.get("delay_s") or "0", "delay_s")
    if _is_on(form, "nothing") != bool(turn.store.switches().get("nothing")):
        events.hold_all(turn, held=_is_on(form, "nothing"))
    for name in ("twice", "out_of_order"):
        turn.store.set_switch(name, float(_is_on(form, name)))
    turn.store.set_switch("delay_s", float(delay_s))


def _set_api(turn: Turn, object_id: str, form: Form) -> None:
    for name in ("away", "mute"):
        turn.store.set_switch(f"api_{name}", float(_is_on(form, name)))


def _is_on(form: Form, name: str) -> bool:
    return form.get(name, "") not in ("", "0", "off", "false")


def _by_id(act: Callable[..., object], **options: bool) -> Press:
    """A press that needs only the object's id, and nothing that was typed."""
    return lambda turn, object_id, form: act(turn, object_id, **options)


def _switch(*, disabled: bool) -> Press:
    return lambda turn, endpoint_id, form: events.update_endpoint(turn, {"disabled": disabled}, endpoint_id)


# By the collection and the verb of its address.
BUTTONS: Final[dict[tuple[str, ...], Button]] = {
    ("sessions", "expire"): Button(
        lambda turn, session_id, form: checkout.expire(turn, {}, session_id),
        "Expired. Whoever has the payment page open cannot pay any more.",
    ),
    ("payments", "refund"): Button(_refund, "Refunded."),
    ("payments", "dispute"): Button(_dispute, "The cardholder has complained to the bank."),
    ("payments", "warn"): Button(_warn, "The bank has warned of fraud. No money has moved."),
    ("payments", "settle"): Button(
        _by_id(payments.settle_debit, paid=True), "The bank debit has arrived; the payment is paid."
    ),
    ("payments", "fail"): Button(
        _by_id(payments.settle_debit, paid=False), "The bank debit has bounced; nothing was paid."
    ),
    ("refunds", "succeed"): Button(_by_id(refunds.succeed), "The refund has arrived."),
    ("refunds", "fail"): Button(
        _by_id(refunds.fail), "The refund has failed; the money is back with the shop."
    ),
    ("disputes", "win"): Button(_by_id(disputes.decide, won=True), "The shop has won the dispute."),
    ("disputes", "lose"): Button(
        _by_id(disputes.decide, won=False), "The dispute is closed, and not in favour of the shop."
    ),
    ("disputes", "escalate"): Button(
        _by_id(disputes.escalate), "The inquiry has become a chargeback; the money is gone for now."
    ),
    ("customers", "delete"): Button(
        lambda turn, customer_id, form: customers.delete(turn, {}, customer_id),
        "Deleted for good. What they paid stays.",
    ),
    ("events", "resend"): Button(
        _by_id(events.send_again), "On its way again, to every endpoint that wants it."
    ),
    ("events", "twice"): Button(_by_id(events.deliver_twice), "What waits of this event will arrive twice."),
    ("events", "hold"): Button(_by_id(events.hold), "This event is held back."),
    ("events", "release"): Button(_by_id(events.release), "This event is on its way."),
    ("endpoints", "disable"): Button(
        _switch(disabled=True), "Disabled. It hears of nothing that happens from now on."
    ),
    ("endpoints", "enable"): Button(
        _switch(disabled=False), "Enabled. It hears of what happens from now on."
    ),
    ("endpoints", "roll"): Button(_roll, "Rolled."),
    ("delivery", ""): Button(_set_delivery, "Saved; it counts for what happens from now on."),
    ("delivery", "hold"): Button(
        lambda turn, object_id, form: events.hold_all(turn, held=True),
        "Every webhook is held back from now on.",
    ),
    ("delivery", "release"): Button(
        lambda turn, object_id, form: events.hold_all(turn, held=False), "Nothing is held back any more."
    ),
    ("api", ""): Button(_set_api, "Saved."),
}
# The page that a button leads back to, where its collection has none of its own.
PAGE_OF: Final = {
    **dict.fromkeys(("payments", "refunds", "disputes"), ""),
    **dict.fromkeys(("endpoints", "delivery", "api"), "webhooks/"),
}
