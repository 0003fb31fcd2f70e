"""Slow and obvious oracles, and tiny files written without the package: nothing here imports masr."""
