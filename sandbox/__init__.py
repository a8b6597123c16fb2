"""Local stand-ins for Instant and Stripe, spoken to over HTTP like the real ones.

Nothing outside this folder and the tests imports it: the product only ever knows base URLs and keys.
"""
