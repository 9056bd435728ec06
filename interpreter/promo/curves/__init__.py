"""Recorded learning curves: the bytes of a table to curves, and a budget to the point it reaches on one."""
