"""
Values that show and compare themselves by common methods.

attrs writes methods of its own for every class and compiles them each time the class is imported, which is most of
what a class costs; with slots it makes each class twice.  Rooms with many classes that every command imports say
`@frozen(**LEAN)` and inherit from `Shown`.  These methods are slower to call, so what is compared or hashed in large
numbers (tokens, spans, quantities) keeps its own, and slots.
"""

from typing import TypedDict

from attrs import AttrsInstance


class Options(TypedDict):
    """What attrs is asked not to make."""

    eq: bool
    repr: bool
    slots: bool


LEAN: Options = {"eq": False, "repr": False, "slots": False}
"""For `@frozen(**LEAN)`: a class that costs little to import; its methods are those of `Shown`."""


class Shown:
    """Written as the call that makes it, and equal to what has the same class and fields, as attrs would."""

    __slots__ = ()

    def __repr__(self: AttrsInstance) -> str:
        parts = (f"{one.name}={getattr(self, one.name)!r}" for one in self.__attrs_attrs__ if one.repr)
        return f"{type(self).__qualname__}({', '.join(parts)})"

    def __eq__(self: AttrsInstance, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        names = (one.name for one in self.__attrs_attrs__ if one.eq)
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __hash__(self: AttrsInstance) -> int:
        return hash((type(self), *(getattr(self, one.name) for one in self.__attrs_attrs__ if one.eq)))
