"""A deterministic simulator: the real product code on a network, a clock and a Stripe that misbehave by seed.

`python -m tests.simulation --seeds 1000` runs many histories; the same seed is always the same history.
"""
