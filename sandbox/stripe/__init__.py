"""A stand-in for Stripe: its HTTP API, hosted payment page and webhooks, with state in one SQLite file.

It models one-time payments through Checkout (`mode=payment`, `ui_mode=hosted_page`) in API version
`2026-10-28.endive`. `standin.py` is the way in; `python -m sandbox.stripe` runs it by itself.

    errors, params      what a request may say, and how it is refused
    store, turn         SQLite; one request's work in one transaction
    bodies, payment_bodies    the JSON of every object
    reading             one object by its id, and lists of them
    records             what simple objects take over of what they are given
    expansion           ids replaced by the objects that they name
    customers, catalog, coupons, checkout, orders, payments, balance, invoicing, invoices, refunds, disputes,
    fraud_warnings, events
                        what the API and the pages do
    routes              which address does what
    pages, dashboard    the HTML that a buyer and a developer see
    courier             sends the webhooks that wait in the store
"""
