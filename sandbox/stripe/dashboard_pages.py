"""What the dashboard shows, page by page. Nothing here changes anything; the buttons are in `dashboard.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sandbox.serving import Response
from sandbox.stripe import events, fraud_warnings, html, pages
from sandbox.stripe.reading import equal
from sandbox.stripe.store import Condition, DeliveryRow, Json, Record
from sandbox.stripe.turn import Turn

SHOWN: Final = 50
Query = Mapping[str, str]


def show(
    turn: Turn, path: str, query: Query, *, notice: str | None = None, fresh: Json | None = None
) -> Response:
    """The page at `path`, one of `PAGES`. `notice` says what was just done; `fresh` is a secret to show once."""
    name, contents = PAGES[path]
    switches = turn.store.switches()
    return html.page(
        f"dashboard/{name.lower()}.html",
        here=path,
        tabs={path: name for path, (name, _) in PAGES.items()},
        now=turn.now,
        switches=switches,
        waiting=turn.store.waiting(),
        query=query,
        notice=notice,
        fresh=fresh,
        **contents(turn, query),
    )


def _newest(turn: Turn, kind: str, query: Query, *conditions: Condition) -> tuple[list[Record], str | None]:
    """The newest objects of a kind, or those before one of them, and the id of the last one if there are more."""
    place = turn.store.place(kind, query.get("before", ""))
    older = [] if place is None else [("(created, seq) < (?, ?)", place)]
    found = turn.store.newest(kind, [*conditions, *older], limit=SHOWN + 1)
    return found[:SHOWN], found[SHOWN - 1].id if len(found) > SHOWN else None


def _payments(turn: Turn, query: Query) -> Json:
    intents, older = _newest(turn, "payment_intent", query)
    return {"sales": [_sale(turn, intent) for intent in intents], "older": older}


def _sale(turn: Turn, intent: Record) -> Json:
    """A payment with its session, refunds, disputes and warnings. There is no session if a discount made it free."""
    by_payment = [equal("payment_intent", intent.id)]
    charge = turn.store.find("charge", intent.body["latest_charge"] or "")
    session = turn.store.first("checkout.session", *by_payment)
    return {
        "intent": intent.body,
        "charge": None if charge is None else charge.body,
        "session": None if session is None else session.body,
        "email": None if session is None else pages.email_of(turn, session),
        "refunds": [record.body for record in turn.store.newest("refund", by_payment)],
        "disputes": [record.body for record in turn.store.newest("dispute", by_payment)],
        "warnings": [record.body for record in turn.store.newest(fraud_warnings.KIND, by_payment)],
    }


def _sessions(turn: Turn, query: Query) -> Json:
    sessions, older = _newest(turn, "checkout.session", query)
    return {"sessions": [_session(turn, session) for session in sessions], "older": older}


def _session(turn: Turn, session: Record) -> Json:
    invoice = turn.store.find("invoice", session.body["invoice"] or "")
    return {
        "session": session.body,
        "items": session.hidden["items"],
        "email": pages.email_of(turn, session),
        "receipt": None if invoice is None else invoice.body["hosted_invoice_url"],
    }


def _customers(turn: Turn, query: Query) -> Json:
    customers, older = _newest(turn, "customer", query)
    return {"customers": [customer.body for customer in customers], "older": older}


def _events(turn: Turn, query: Query) -> Json:
    about = query.get("about", "")
    mentioning: list[Condition] = [("instr(body, ?)", [about])] if about else []
    found, older = _newest(turn, "event", query, *mentioning)
    shown = [_event(turn, event) for event in found]
    return {"events": shown, "older": older, "most_attempts": events.MOST_ATTEMPTS}


def _event(turn: Turn, event: Record) -> Json:
    rows = turn.store.deliveries_of(event.id)
    waits = any(row.next_at is not None for row in rows)
    return {
        "event": event.body,
        "deliveries": [_delivery(turn, row) for row in rows],
        "waits": waits,
        "held": waits and events.is_held(turn, event.id),
    }


def _delivery(turn: Turn, row: DeliveryRow) -> Json:
    endpoint = turn.store.find("webhook_endpoint", row.endpoint)
    return {
        "row": row,
        "url": None if endpoint is None else endpoint.body["url"],
        "attempts": turn.store.attempts_of(row.id),
    }


def _webhooks(turn: Turn, query: Query) -> Json:
    endpoints = turn.store.newest("webhook_endpoint", oldest_first=True)
    shown = [
        {"endpoint": endpoint.body, "old_until": events.old_secret_until(endpoint, turn.now)}
        for endpoint in endpoints
    ]
    return {"endpoints": shown, "backoff": events.BACKOFF_S, "most_attempts": events.MOST_ATTEMPTS}


# By the path below the dashboard: the name of the page, and what it shows.
PAGES: Final[dict[str, tuple[str, Callable[[Turn, Query], Json]]]] = {
    "": ("Payments", _payments),
    "sessions/": ("Sessions", _sessions),
    "customers/": ("Customers", _customers),
    "events/": ("Events", _events),
    "webhooks/": ("Webhooks", _webhooks),
}
