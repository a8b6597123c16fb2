"""How fast the site is, measured: `python -m benchmarks`."""
