"""
Values that show themselves by one common method.

attrs writes a method of its own for every class, which is a third of the time a class takes to make; rooms with many
classes that every command imports say `@frozen(repr=False)` and take this one.  It is slower to call, and only
people read what it gives.
"""

from attrs import AttrsInstance, fields


class Shown:
    """Written as the call that makes it, as attrs would."""

    __slots__ = ()

    def __repr__(self: AttrsInstance) -> str:
        parts = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(type(self)) if one.repr)
        return f"{type(self).__qualname__}({', '.join(parts)})"
