"""
promo: decide honestly which short training runs earn the next budget.

The package is one arrow, and its folders are the values along it::

    text -> syntax -> spec -> plan -> run -> evidence -> decision -> report

`interpreter/README.md` walks through the rooms in that order.
"""

__version__ = "0.1.0"
