"""Jinja2 templates: loops and plain values; wording and rounding happen in `promo.report`."""
