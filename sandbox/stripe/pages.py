"""The hosted payment page. Works without JavaScript, so a script can post its forms just as well.

GET  /c/pay/<session>                 the page; `?card=` fills in a number
POST /c/pay/<session>                 303 to the success URL when paid; 402 declined; 422 bad code; 410 expired
     card_number, expiry, cvc, name, email        all but the number may be left out
     promotion_code                               applied before paying
     payment_method                               card (default), bank_debit_ok, bank_debit_fails
     action                                       pay (default), apply, remove, quantity
     quantity_<line item>                         with action=quantity
GET  /c/pay/<session>/authenticate    3D Secure; a card that asks for it answers 303 to here
POST /c/pay/<session>/authenticate    outcome: complete or fail
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs

from sandbox.serving import Request, Response
from sandbox.stripe import cards, html, orders, payments
from sandbox.stripe.cards import Card, Decline
from sandbox.stripe.errors import ApiError
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

PREFIX: Final = "/c/pay/"
PLACEHOLDER: Final = "{CHECKOUT_SESSION_ID}"
USUAL_CARD: Final = cards.CARDS[0].number
BANK_DEBITS: Final[dict[str, payments.DebitPlan]] = {"bank_debit_ok": "ok", "bank_debit_fails": "fails"}


def respond(turn: Turn, request: Request) -> Response:
    """Any page that is not the dashboard's."""
    if request.path == html.STYLESHEET:
        return html.stylesheet()
    if request.path == "/" and request.method == "GET":
        return html.see_other("/dashboard/")
    session_id, _, rest = request.path.removeprefix(PREFIX).partition("/")
    if not request.path.startswith(PREFIX) or rest not in ("", "authenticate"):
        error = ApiError(f"Unrecognized request URL ({request.method}: {request.path}).", status=404)
        return Response.json(error.as_json(), status=404)
    if request.method not in ("GET", "POST"):
        raise ApiError("This page knows GET and POST.", status=405)
    session = turn.need("checkout.session", session_id)
    if rest == "authenticate":
        return _authenticate(turn, session, request)
    return _payment(turn, session, request)


def _payment(turn: Turn, session: Record, request: Request) -> Response:
    if session.body["status"] != "open":
        return _closed(session, posted=request.method == "POST")
    if request.method == "GET":
        prefilled = parse_qs(request.query).get("card", [USUAL_CARD])[0]
        return _pay_page(turn, session, form={"card_number": prefilled})
    return _posted(turn, session, html.form_of(request))


def _closed(session: Record, *, posted: bool) -> Response:
    """The session is over. Whoever pays a second time, say by a double click, is sent where the first was."""
    complete = session.body["status"] == "complete"
    if posted and complete:
        return _success(session)
    back = _success_url(session) if complete else session.body["cancel_url"]
    status = 410 if posted else 200
    return html.page("closed.html", status=status, session=session.body, back=back)


def _success_url(session: Record) -> str:
    return str(session.body["success_url"]).replace(PLACEHOLDER, session.id)


def _success(session: Record) -> Response:
    return html.see_other(_success_url(session))


def _pay_page(
    turn: Turn,
    session: Record,
    *,
    form: dict[str, str],
    status: int = 200,
    problem: str | None = None,
    code_problem: str | None = None,
) -> Response:
    discount = next(iter(session.body["discounts"]), None)
    code = None
    if discount is not None and discount["promotion_code"] is not None:
        code = turn.need("promotion_code", discount["promotion_code"]).body["code"]
    typed = cards.read_number(form.get("card_number", ""))
    return html.page(
        "pay.html",
        status=status,
        session=session.body,
        items=session.hidden["items"],
        email=known_email(turn, session),
        discount=discount,
        code=code,
        cards=cards.CARDS,
        number=typed.grouped if isinstance(typed, Card) else form.get("card_number", ""),
        form=form,
        problem=problem,
        code_problem=code_problem,
        debit=session.body["payment_method_types"][-1] != "card",
        card_accepted="card" in session.body["payment_method_types"],
        adjustable=any(
            (item["adjustable_quantity"] or {}).get("enabled") for item in session.hidden["items"]
        ),
    )


def email_of(turn: Turn, session: Record) -> str | None:
    """The buyer's email: what they gave or, before that, what the shop or their customer's record says."""
    given = (session.body["customer_details"] or {}).get("email")
    return given or known_email(turn, session)


def known_email(turn: Turn, session: Record) -> str | None:
    """The email that the buyer need not type."""
    email: str | None = session.body["customer_email"]
    if session.body["customer"] is not None:
        email = turn.need("customer", session.body["customer"]).body.get("email")
    return email


# Posting


def _posted(turn: Turn, session: Record, form: dict[str, str]) -> Response:
    action = ACTIONS.get(form.get("action", "pay"))
    if action is None:
        raise state_error(f"action is one of {', '.join(ACTIONS)}.")
    return action(turn, session, form)


def _apply(turn: Turn, session: Record, form: dict[str, str]) -> Response:
    applied = orders.apply_code(turn, session.id, form.get("promotion_code", ""))
    if isinstance(applied, str):
        return _pay_page(turn, session, form=form, status=422, code_problem=applied)
    return html.see_other(str(session.body["url"]))


def _remove(turn: Turn, session: Record, form: dict[str, str]) -> Response:
    # A discount that the seller gave is not the buyer's to remove.
    if session.body["allow_promotion_codes"]:
        orders.remove_discount(turn, session)
    return html.see_other(str(session.body["url"]))


def _change_quantities(turn: Turn, session: Record, form: dict[str, str]) -> Response:
    wanted = {name.removeprefix("quantity_"): n for name, n in form.items() if name.startswith("quantity_")}
    orders.set_quantities(turn, session, wanted)
    return html.see_other(str(session.body["url"]))


def _pay(turn: Turn, session: Record, form: dict[str, str]) -> Response:
    typed = form.get("promotion_code", "").strip()
    if typed:
        applied = orders.apply_code(turn, session.id, typed)
        if isinstance(applied, str):
            return _pay_page(turn, session, form=form, status=422, code_problem=applied)
        session = applied
    problem = orders.discount_problem(turn, session)
    if problem is not None:
        orders.remove_discount(turn, session)
        return _pay_page(turn, session, form=form, status=422, code_problem=problem)
    buyer = {
        "email": known_email(turn, session) or form.get("email") or None,
        "name": form.get("name") or None,
    }
    if session.body["amount_total"] == 0:
        payments.pay_nothing(turn, session, buyer)
        return _success(session)
    if form.get("payment_method") in BANK_DEBITS:
        payments.pay_by_debit(turn, session, BANK_DEBITS[form["payment_method"]], buyer)
        return _success(session)
    return _pay_by_card(turn, session, form, buyer)


def _pay_by_card(turn: Turn, session: Record, form: dict[str, str], buyer: Json) -> Response:
    if "card" not in session.body["payment_method_types"]:
        raise state_error("This session does not take cards.")
    card = cards.read_number(form.get("card_number", ""))
    declined: Decline | None
    if isinstance(card, Decline):
        declined = card
    else:
        today = datetime.fromtimestamp(turn.now, UTC)
        declined = cards.check_details(
            expiry=form.get("expiry", ""), cvc=form.get("cvc", ""), now_year_month=(today.year, today.month)
        )
        if declined is None and card.asks_3ds:
            payments.ask_for_authentication(turn, session, card, buyer)
            return html.see_other(f"{session.body['url']}/authenticate")
        if declined is None:
            declined = payments.pay_by_card(turn, session, card, buyer)
    if declined is not None:
        return _pay_page(turn, session, form=form, status=402, problem=declined.message)
    return _success(session)


def _authenticate(turn: Turn, session: Record, request: Request) -> Response:
    if session.body["status"] != "open":
        return _closed(session, posted=request.method == "POST")
    if session.hidden["awaiting"] is None:
        return html.see_other(str(session.body["url"]))
    if request.method == "GET":
        return html.page("authenticate.html", session=session.body)
    outcome = html.form_of(request).get("outcome")
    if outcome not in ("complete", "fail"):
        raise state_error("outcome is complete or fail.")
    declined = payments.finish_authentication(turn, session, passed=outcome == "complete")
    if declined is not None:
        return _pay_page(
            turn, session, form={"card_number": USUAL_CARD}, status=402, problem=declined.message
        )
    return _success(session)


ACTIONS: Final[dict[str, Callable[[Turn, Record, dict[str, str]], Response]]] = {
    "pay": _pay,
    "apply": _apply,
    "remove": _remove,
    "quantity": _change_quantities,
}
