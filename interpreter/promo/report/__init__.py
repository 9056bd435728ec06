"""Decisions to text: wording and rounding happen here, templates hold loops and plain values."""
