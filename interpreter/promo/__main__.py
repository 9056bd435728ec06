"""
The command: `promo`, and `python -m promo` by the Python that it is installed in.

What version this is needs none of what commands need, so that it is told before any of that is imported.
"""

import sys

from promo import __version__


def entry() -> None:
    """The installed `promo` command."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"promo {__version__}\n")
        return
    from promo.cli.main import entry as command

    command()


if __name__ == "__main__":
    entry()
