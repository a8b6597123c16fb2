"""The dashboard: what happened, and buttons for what banks and buyers may do next.

Every button is a form that a script can post as well; the answer is 303 back to the dashboard, or 4xx:

    POST /dashboard/sessions/<id>/expire
    POST /dashboard/payments/<payment intent>/refund     amount (in cents; all that is left when empty), reason
    POST /dashboard/payments/<payment intent>/dispute    kind: fraudulent or inquiry; amount
    POST /dashboard/payments/<payment intent>/settle     a bank debit arrives
    POST /dashboard/payments/<payment intent>/fail       a bank debit bounces
    POST /dashboard/refunds/<id>/succeed                 a pending refund arrives
    POST /dashboard/refunds/<id>/fail                    a refund, pending or not, comes back
    POST /dashboard/disputes/<id>/win | lose | escalate
    POST /dashboard/events/<id>/resend
    POST /dashboard/delivery                             nothing, twice, out_of_order: on when given; delay_s
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sandbox.serving import Request, Response
from sandbox.stripe import checkout, disputes, events, html, pages, params, payments, refunds
from sandbox.stripe.errors import ApiError
from sandbox.stripe.listing import equal
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

PREFIX: Final = "/dashboard/"
SHOWN: Final = 50
# More than a day would outlive the sessions.
LONGEST_DELAY_S: Final = 86_400
FLAGS: Final = ("nothing", "twice", "out_of_order")


def respond(turn: Turn, request: Request) -> Response:
    """The dashboard itself, or one of its buttons."""
    rest = request.path.removeprefix(PREFIX)
    if request.method == "GET" and rest == "":
        return html.page("dashboard.html", **_everything(turn))
    if request.method != "POST":
        raise ApiError("There is no such page.", status=404)
    form = html.form_of(request)
    if rest == "delivery":
        _set_delivery(turn, form)
        return html.see_other(PREFIX)
    collection, _, tail = rest.partition("/")
    object_id, _, verb = tail.partition("/")
    action = ACTIONS.get((collection, verb))
    if action is None:
        raise ApiError("There is no such button.", status=404)
    action(turn, object_id, form)
    return html.see_other(f"{PREFIX}#{object_id}")


def _everything(turn: Turn) -> Json:
    sessions = turn.store.newest("checkout.session", limit=SHOWN)
    shown = turn.store.newest("event", limit=SHOWN)
    endpoints = turn.store.newest("webhook_endpoint", oldest_first=True)
    return {
        "sales": [_sale(turn, session) for session in sessions],
        "events": [
            {"event": event.body, "deliveries": events.deliveries_of(turn, event.id)} for event in shown
        ],
        "switches": turn.store.switches(),
        "endpoints": [endpoint.body for endpoint in endpoints],
        "shown": SHOWN,
    }


def _sale(turn: Turn, session: Record) -> Json:
    """A session with all that hangs on its payment."""
    sale: Json = {"session": session.body, "intent": None, "charge": None, "refunds": [], "disputes": []}
    sale["email"] = pages.email_of(turn, session)
    intent = turn.store.find("payment_intent", session.body["payment_intent"] or "")
    if intent is not None:
        by_payment = [equal("payment_intent", intent.id)]
        charge = turn.store.find("charge", intent.body["latest_charge"] or "")
        sale["intent"] = intent.body
        sale["charge"] = None if charge is None else charge.body
        sale["refunds"] = [record.body for record in turn.store.newest("refund", by_payment)]
        sale["disputes"] = [record.body for record in turn.store.newest("dispute", by_payment)]
    return sale


def _set_delivery(turn: Turn, form: dict[str, str]) -> None:
    for name in FLAGS:
        turn.store.set_switch(name, float(form.get(name, "") not in ("", "0", "off", "false")))
    delay_s = params.integer(at_least=0, at_most=LONGEST_DELAY_S)(form.get("delay_s") or "0", "delay_s")
    turn.store.set_switch("delay_s", float(delay_s))


def _amount(form: dict[str, str]) -> int | None:
    typed = form.get("amount", "").strip()
    return params.integer(at_least=1)(typed, "amount") if typed else None


def _charge(turn: Turn, intent_id: str) -> Record:
    intent = turn.need("payment_intent", intent_id)
    if intent.body["latest_charge"] is None:
        raise state_error("This payment has no charge yet.")
    return turn.need("charge", intent.body["latest_charge"])


def _expire(turn: Turn, session_id: str, form: dict[str, str]) -> None:
    checkout.expire(turn, {}, session_id)


def _refund(turn: Turn, intent_id: str, form: dict[str, str]) -> None:
    given: Json = {"amount": _amount(form)} if _amount(form) is not None else {}
    if form.get("reason"):
        given["reason"] = refunds.CREATE.fields["reason"](form["reason"], "reason")
    refunds.add(turn, _charge(turn, intent_id), given)


def _dispute(turn: Turn, intent_id: str, form: dict[str, str]) -> None:
    kind = params.choice("fraudulent", "inquiry")(form.get("kind", "fraudulent"), "kind")
    disputes.open_dispute(turn, _charge(turn, intent_id), inquiry=kind == "inquiry", amount=_amount(form))


ACTIONS: Final[dict[tuple[str, str], Callable[[Turn, str, dict[str, str]], object]]] = {
    ("sessions", "expire"): _expire,
    ("payments", "refund"): _refund,
    ("payments", "dispute"): _dispute,
    ("payments", "settle"): lambda turn, intent_id, form: payments.settle_debit(turn, intent_id, paid=True),
    ("payments", "fail"): lambda turn, intent_id, form: payments.settle_debit(turn, intent_id, paid=False),
    ("refunds", "succeed"): lambda turn, refund_id, form: refunds.succeed(turn, refund_id),
    ("refunds", "fail"): lambda turn, refund_id, form: refunds.fail(turn, refund_id),
    ("disputes", "win"): lambda turn, dispute_id, form: disputes.decide(turn, dispute_id, won=True),
    ("disputes", "lose"): lambda turn, dispute_id, form: disputes.decide(turn, dispute_id, won=False),
    ("disputes", "escalate"): lambda turn, dispute_id, form: disputes.escalate(turn, dispute_id),
    ("events", "resend"): lambda turn, event_id, form: events.send_again(turn, event_id),
}
