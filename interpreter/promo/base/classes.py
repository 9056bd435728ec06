"""
Classes of values: attrs makes each of them when its first value is made.

promo has some five hundred, every process imports a hundred or more, and uses a few.  attrs writes the methods of a
class in source and compiles them, wherever the module is imported; so `frozen` and `define` put that off until there is
a value, or somebody asks for the fields, be it attrs for a class of a plug-in that inherits from one.  A process that
makes no value never imports attrs.  The class stays the same object, which is why none has slots; type checkers read
all of this as attrs' own.
"""

from _thread import RLock
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["define", "evolve", "field", "fields", "frozen", "is_value"]

LOCK = RLock()
"""Two threads may make the first value of a class at once."""


class Field:
    """What a field is beyond its type, until attrs is asked to make it."""

    def __init__(self, **options: Any) -> None:
        self.options, self.made = options, None

    def default(self, made: Any) -> Any:
        """A default that rests on the fields before it; as attrs' own."""
        self.made = made
        return made


class Asked:
    """Stands where attrs looks at a class, and has attrs make it when anybody looks, attrs included."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, value: object, kind: Any) -> Any:
        for one in kind.__mro__[::-1]:
            _made(one)
        return getattr(kind if value is None else value, self.name)


if TYPE_CHECKING:
    from attrs import Attribute, define, evolve, field, frozen
else:
    field = Field

    def frozen(kind=None, /, **options):
        """As `attrs.frozen`, without slots, when the first value is made."""
        return _later(kind, "frozen", options)

    def define(kind=None, /, **options):
        """As `attrs.define`, without slots, when the first value is made."""
        return _later(kind, "define", options)

    def evolve(value, /, **changes):
        """As `attrs.evolve`."""
        import attrs

        return attrs.evolve(value, **changes)


def fields(kind: Any) -> "tuple[Attribute[Any], ...]":
    """As `attrs.fields`, of a class or of the class of a value, which is made for it."""
    import attrs

    return tuple(attrs.fields(_made(kind if isinstance(kind, type) else type(kind))))


def is_value(kind: Any) -> bool:
    """Whether a class, or the class of something, is one of values."""
    return hasattr(kind, "__later__") or hasattr(kind, "__attrs_attrs__")


def _later(kind: Any, how: str, options: dict[str, Any]) -> Any:
    if kind is None:
        return partial(_later, how=how, options=options)

    def __init__(self: Any, *given: object, **named: object) -> None:  # noqa: N807 - its own takes this place
        _made(kind)
        kind.__init__(self, *given, **named)

    kind.__init__ = __init__
    kind.__setstate__ = _unpickled
    kind.__attrs_attrs__ = Asked("__attrs_attrs__")
    if how == "frozen":
        kind.__setattr__ = Asked("__setattr__")
    kind.__later__ = (how, options)
    return kind


def _made(kind: Any) -> Any:
    """The class with what attrs gives it, and the classes that it inherits from before it."""
    with LOCK:
        if "__later__" in kind.__dict__:
            import attrs

            how, options = kind.__later__
            for base in kind.__mro__[:0:-1]:
                _made(base)
            for name, given in list(kind.__dict__.items()):
                if isinstance(given, Field):
                    setattr(kind, name, attrs.field(**given.options))
                    if given.made is not None:
                        kind.__dict__[name].default(given.made)
            if how == "frozen":
                del kind.__setattr__
            getattr(attrs, how)(kind, slots=False, init=False, **{**options, "eq": False, "repr": False})
            _compared(kind, how, **options)
            kind.__attrs_init__.__name__, kind.__attrs_init__.__qualname__ = "__init__", f"{kind.__qualname__}.__init__"
            kind.__init__ = kind.__attrs_init__  # the last of all: until then another thread waits for the lock
            del kind.__later__
    return kind


def _unpickled(self: Any, state: dict[str, Any]) -> None:
    """A copy, or a value that another process made: no `__init__` is called for it."""
    _made(type(self))
    self.__dict__.update(state)


def _compared(kind: Any, how: str, *, eq: bool = True, repr: bool = True, kw_only: bool = False) -> None:  # noqa: A002
    """Methods that need no source of their own, in place of those which attrs would compile for each class."""
    own = kind.__dict__
    if repr and "__repr__" not in own:
        kind.__repr__ = _shown
    if eq and "__eq__" not in own:
        names = [one.name for one in kind.__attrs_attrs__ if one.eq]
        kind.__compared__ = attrgetter(*names) if names else _nothing
        kind.__eq__ = _equal
        kind.__hash__ = _hash if how == "frozen" else None


def _nothing(_: object) -> tuple[()]:
    return ()


def _shown(self: Any) -> str:
    parts = (f"{one.name}={getattr(self, one.name)!r}" for one in self.__attrs_attrs__ if one.repr)
    return f"{type(self).__qualname__}({', '.join(parts)})"


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    contents = self.__class__.__compared__
    return contents(self) == contents(other)


def _hash(self: Any) -> int:
    return hash(self.__class__.__compared__(self))
