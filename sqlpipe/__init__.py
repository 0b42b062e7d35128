"""sqlpipe: write SELECTs; it finds the order, what changed, and publishes only rows that passed their checks."""

__version__ = "0.1.0"
