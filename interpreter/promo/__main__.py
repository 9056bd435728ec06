"""`python -m promo`: the command, by the Python that it is installed in."""

from promo.cli.main import entry

entry()
