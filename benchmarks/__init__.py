"""Measurements against the budgets, with peers beside ours: `python -m benchmarks --help`."""
