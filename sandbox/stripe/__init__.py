"""A stand-in for Stripe: its HTTP API, hosted payment page and webhooks, with state in one SQLite file.

It models one-time payments through Checkout (`mode=payment`, `ui_mode=hosted_page`) in API version
`2026-10-28.endive`. `standin.py` is the way in; `python -m sandbox.stripe` runs it by itself.

    errors, params      what a request may say, and how it is refused
    store, turn         SQLite; one request's work in one transaction
    bodies and its kin, expansion    the JSON of every object
    records             what simple objects take over of what they are given
    customers, catalog, coupons, checkout, payments, invoices, refunds, disputes, events
                        what the API and the pages do
    routes              which address does what
    pages, dashboard    the HTML that a buyer and a developer see
    courier             sends the webhooks that wait in the store
"""
