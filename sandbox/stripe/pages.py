"""The hosted payment page. It works without JavaScript, so a script can post its forms too.

GET  /c/pay/<session>                 the page; `?card=` or `?iban=` fills in a number
POST /c/pay/<session>                 303 to the success URL when paid; 402 declined; 422 bad code or email;
                                      410 expired
     card_number, expiry, cvc, name, email        all but the number may be left out
     promotion_code                               applied before paying
     payment_method                               card (default), bank_debit_ok, bank_debit_fails, sepa_debit
     iban                                         with sepa_debit; alone it means sepa_debit too
     action                                       pay (default), apply, remove, quantity
     quantity_<line item>                         with action=quantity
GET  /c/pay/<session>/authenticate    3D Secure; a card that asks for it answers 303 to here
POST /c/pay/<session>/authenticate    outcome: complete or fail
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from sandbox.serving import Request, Response
from sandbox.stripe import cards, html, invoices, invoicing, orders, params, payments
from sandbox.stripe.cards import Card, Decline
from sandbox.stripe.errors import ApiError
from sandbox.stripe.store import Json, Record
from sandbox.stripe.turn import Turn, state_error

PREFIX: Final = "/c/pay/"
PLACEHOLDER: Final = "{CHECKOUT_SESSION_ID}"
USUAL_CARD: Final = cards.CARDS[0].number
NOTHING_TYPED: Final[Mapping[str, str]] = MappingProxyType({})
BANK_DEBITS: Final[dict[str, cards.DebitPlan]] = {"bank_debit_ok": "ok", "bank_debit_fails": "fails"}
BANK_DEBIT_LABELS: Final = {
    "bank_debit_ok": "Bank debit (settles later)",
    "bank_debit_fails": "Bank debit that bounces later",
}
SEPA: Final = "sepa_debit"
BAD_EMAIL: Final = "Your email address is incomplete."
# Which field of the form a refusal is about; the number, unless it says otherwise.
FIELD_OF: Final = {
    "expired_card": "expiry",
    "incomplete_expiry": "expiry",
    "invalid_expiry_month": "expiry",
    "invalid_expiry_year": "expiry",
    "incorrect_cvc": "cvc",
    "invalid_cvc": "cvc",
    "invalid_iban": "iban",
    "payment_method_provider_decline": "iban",
}


def respond(turn: Turn, request: Request) -> Response:
    """Any page that is not the dashboard's."""
    asset = html.asset(request.path)
    if asset is not None:
        return asset
    if request.path == "/" and request.method == "GET":
        return html.see_other("/dashboard/")
    if request.path.startswith(invoicing.PREFIX):
        return invoices.respond(turn, request)
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
        return _pay_page(turn, session, form=_chosen(html.query_of(request)))
    return _posted(turn, session, html.form_of(request))


def _chosen(query: Mapping[str, str]) -> Mapping[str, str]:
    """The form as a click on a test card or account fills it in."""
    if "iban" in query:
        return {"payment_method": SEPA, "iban": query["iban"]}
    return {"card_number": query["card"]} if "card" in query else NOTHING_TYPED


def _closed(session: Record, *, posted: bool) -> Response:
    """A page of a session that is over. A second payment, such as by a double click, leads where the first did."""
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
    form: Mapping[str, str] = NOTHING_TYPED,
    status: int = 200,
    problems: Mapping[str, str] = NOTHING_TYPED,
) -> Response:
    """The form as it was filled in; `problems` says by field what is wrong with it."""
    number = form.get("card_number", USUAL_CARD)
    card = cards.read_number(number)
    methods = _methods(session)
    return html.page(
        "pay.html",
        status=status,
        session=session.body,
        items=session.hidden["items"],
        adjustable=any(
            (item["adjustable_quantity"] or {}).get("enabled") for item in session.hidden["items"]
        ),
        discount=_discount(turn, session),
        email=known_email(turn, session),
        methods=methods,
        cards=cards.CARDS if "card" in methods else (),
        accounts=cards.BANK_ACCOUNTS if SEPA in methods else (),
        number=card.grouped if isinstance(card, Card) else number,
        brand=card.brand if isinstance(card, Card) else None,
        form=form,
        problems=problems,
        says=cards,
        bad_email=BAD_EMAIL,
    )


def _methods(session: Record) -> dict[str, str]:
    """What the page offers: the label of each choice, by what the form posts as `payment_method`."""
    *_, last = accepted = session.body["payment_method_types"]
    offered = {"card": "Card"} if "card" in accepted else {}
    if last == "card":
        return offered
    return offered | ({SEPA: "SEPA Direct Debit"} if last == SEPA else BANK_DEBIT_LABELS)


def _discount(turn: Turn, session: Record) -> Json | None:
    """The discount of an order, for the page: the code that was typed, and what it takes off."""
    chosen = next(iter(session.body["discounts"]), None)
    if chosen is None:
        return None
    code, coupon_id = None, chosen["coupon"]
    if chosen["promotion_code"] is not None:
        promotion = turn.need("promotion_code", chosen["promotion_code"]).body
        code, coupon_id = promotion["code"], promotion["promotion"]["coupon"]
    coupon = turn.store.find("coupon", coupon_id)
    percent_off = None if coupon is None else coupon.body["percent_off"]
    return {
        "code": code,
        "percent_off": percent_off,
        "amount": session.body["total_details"]["amount_discount"],
    }


def email_of(turn: Turn, session: Record) -> str | None:
    """The buyer's email: the one they typed, or else the shop's or the customer's."""
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
        return _refused(turn, session, form, "promotion_code", applied)
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
            return _refused(turn, session, form, "promotion_code", applied)
        session = applied
    problem = orders.discount_problem(turn, session)
    if problem is not None:
        orders.remove_discount(turn, session)
        return _refused(turn, session, form, "promotion_code", problem)
    email = known_email(turn, session) or form.get("email", "").strip() or None
    if email is not None and not params.EMAIL.fullmatch(email):
        return _refused(turn, session, form, "email", BAD_EMAIL)
    if _asks_for_terms(session) and form.get("terms_of_service") != "accepted":
        return _refused(turn, session, form, "terms_of_service", "Accept the terms to go on.")
    buyer = {"email": email, "name": form.get("name") or None}
    if session.body["amount_total"] == 0:
        payments.pay_nothing(turn, session, buyer)
        return _success(session)
    method = form.get("payment_method") or (SEPA if form.get("iban") else "card")
    if method in BANK_DEBITS:
        payments.pay_by_debit(turn, session, BANK_DEBITS[method], buyer)
        return _success(session)
    pay = _pay_by_iban if method == SEPA else _pay_by_card
    return pay(turn, session, form, buyer)


def _asks_for_terms(session: Record) -> bool:
    return (session.body["consent_collection"] or {}).get("terms_of_service") == "required"


def _refused(turn: Turn, session: Record, form: dict[str, str], field: str, problem: str) -> Response:
    """The page again with a problem that was found before asking a bank."""
    return _pay_page(turn, session, form=form, status=422, problems={field: problem})


def _declined(turn: Turn, session: Record, form: Mapping[str, str], decline: Decline) -> Response:
    problems = {FIELD_OF.get(decline.code, "card_number"): decline.message}
    return _pay_page(turn, session, form=form, status=402, problems=problems)


def _pay_by_iban(turn: Turn, session: Record, form: dict[str, str], buyer: Json) -> Response:
    if SEPA not in session.body["payment_method_types"]:
        raise state_error("This session does not take SEPA debits.")
    account = cards.read_iban(form.get("iban", ""))
    if isinstance(account, Decline):
        return _declined(turn, session, form, account)
    payments.pay_by_debit(turn, session, account.plan, buyer, account=account)
    return _success(session)


def _pay_by_card(turn: Turn, session: Record, form: dict[str, str], buyer: Json) -> Response:
    if "card" not in session.body["payment_method_types"]:
        raise state_error("This session does not take cards.")
    card = cards.read_number(form.get("card_number", ""))
    if isinstance(card, Decline):
        return _declined(turn, session, form, card)
    today = datetime.fromtimestamp(turn.now, UTC)
    decline = cards.check_details(
        expiry=form.get("expiry", ""), cvc=form.get("cvc", ""), now_year_month=(today.year, today.month)
    )
    if decline is None and card.asks_3ds:
        payments.ask_for_authentication(turn, session, card, buyer)
        return html.see_other(f"{session.body['url']}/authenticate")
    decline = decline or payments.pay_by_card(turn, session, card, buyer)
    return _success(session) if decline is None else _declined(turn, session, form, decline)


def _authenticate(turn: Turn, session: Record, request: Request) -> Response:
    if session.body["status"] != "open":
        return _closed(session, posted=request.method == "POST")
    if session.hidden["awaiting"] is None:
        return html.see_other(str(session.body["url"]))
    if request.method == "GET":
        card = cards.BY_NUMBER[session.hidden["awaiting"]["card"]]
        return html.page("authenticate.html", session=session.body, card=card)
    outcome = html.form_of(request).get("outcome")
    if outcome not in ("complete", "fail"):
        raise state_error("outcome is complete or fail.")
    decline = payments.finish_authentication(turn, session, passed=outcome == "complete")
    return _success(session) if decline is None else _declined(turn, session, NOTHING_TYPED, decline)


ACTIONS: Final[dict[str, Callable[[Turn, Record, dict[str, str]], Response]]] = {
    "pay": _pay,
    "apply": _apply,
    "remove": _remove,
    "quantity": _change_quantities,
}
