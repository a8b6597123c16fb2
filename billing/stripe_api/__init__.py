"""Everything that this site asks of Stripe, and the only importer of `stripe`. Plain values leave this room.

Every call raises `StripeUnavailable` when no usable answer came and `StripeRefused` when Stripe said no.
"""
