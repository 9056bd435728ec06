"""The record of a study: one append-only file of hash-chained events, and what those events add up to."""
