"""
Classes of values, declared as attrs has it and made when their first value is.

promo has some five hundred, every process imports a hundred or more, and uses a few.  To import attrs, and to have it
write and compile the methods of each class, was a third of what `promo check` took; so the methods that a value needs
are made here, of closures alone, and behave as those of attrs do, which a test holds for every class.  attrs makes a
class that has many values, and one that somebody asks it for the fields of, inherits from with it, or calls wrongly.
The class stays the same object, which is why none has slots; type checkers read all of this as attrs' own.
"""

import sys
from _thread import RLock
from functools import cache, partial
from operator import attrgetter
from types import GenericAlias
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

__all__ = ["define", "evolve", "field", "fields", "frozen", "hints", "is_value", "names", "of_all"]

LOCK = RLock()
"""Two threads may make the first value of a class at once."""
T = TypeVar("T")
MISSING: Any = object()
"""No default."""
MANY = 4_000
"""After so many values of a class, what attrs compiles for it saves more than to compile it costs."""


class Field:
    """What a field is beyond its name and its type."""

    name = alias = ""
    """What a value has it under, and what a call names it."""

    def __init__(  # named as in attrs
        self,
        *,
        default: Any = MISSING,
        factory: Any = None,
        init: bool = True,
        eq: bool = True,
        repr: bool = True,  # noqa: A002
    ) -> None:
        self.given, self.factory, self.init, self.eq, self.repr = default, factory, init, eq, repr
        self.made: Any = None

    def default(self, made: Any) -> Any:
        """A default that rests on the fields before it; as attrs' own."""
        self.made = made
        return made

    def late(self) -> Any:
        """A function that makes its default for a value; None where it has none, or always the same."""
        factory = self.factory
        return self.made if factory is None else lambda _: factory()

    def of_attrs(self) -> Any:
        """As attrs has it."""
        import attrs

        default = {} if self.given is MISSING else {"default": self.given}
        made = attrs.field(factory=self.factory, init=self.init, eq=self.eq, repr=self.repr, **default)
        if self.made is not None:
            made.default(self.made)
        return made


class Plain(Field):
    """One that has a name, a type and perhaps a default, as nearly all."""

    factory = made = None
    init = eq = repr = True

    def __init__(self, given: Any) -> None:
        self.given = given

    def late(self) -> None:
        """A default that is always the same."""


class Asked:
    """Stands where attrs looks at a class, and has attrs make it when anybody looks, attrs included."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, value: object, kind: Any) -> Any:
        for one in kind.__mro__[::-1]:
            _by_attrs(one)
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
        kind, inside = type(value), value.__dict__
        simple = kind.__simple__
        if simple and simple.keys() >= changes.keys():
            return of_all(kind, {**{name: inside[name] for name in simple}, **changes})
        kept = {one.alias: getattr(value, one.name) for one in kind.__parts__ if one.init and one.alias not in changes}
        return kind(**kept, **changes)


def of_all(kind: type[T], given: dict[str, Any]) -> T:
    """The value of a class that is given every field by its name; it keeps what it is given."""
    simple = kind.__simple__  # type: ignore[attr-defined]
    if simple and simple.keys() == given.keys():
        made = object.__new__(kind)
        made.__dict__.update(given)
        return made
    return kind(**given)


def fields(kind: Any) -> "tuple[Attribute[Any], ...]":
    """As `attrs.fields`, of a class or of the class of a value, which is made for it."""
    import attrs

    return tuple(attrs.fields(kind if isinstance(kind, type) else type(kind)))


def names(kind: Any) -> tuple[str, ...]:
    """What the fields of a class are called, in their order."""
    return tuple(one.name for one in _made(kind).__parts__)


@cache
def hints(kind: Any) -> dict[str, Any]:
    """
    What the fields of a class are declared as, marks and what it inherits included.

    A class that is still to come stands there by its name, by itself or as one part (`tuple["Condition", ...]`).
    `typing.get_type_hints` compiles each as an expression and looks into all others, which takes eight times as long;
    it is asked where something is an expression, as `from __future__ import annotations` makes of each.
    """
    found = dict[str, Any]()
    for one in kind.__mro__[::-1]:
        known = vars(sys.modules[one.__module__])
        for name, hint in getattr(one, "__annotations__", {}).items():
            parts = hint.__args__ if isinstance(hint, GenericAlias) else (hint,)
            named = {part for part in parts if isinstance(part, str)}
            if not named <= known.keys():
                from typing import get_type_hints

                from promo.base.canonical import Json

                return get_type_hints(kind, localns={"Json": Json}, include_extras=True)  # which names itself
            if isinstance(hint, str):
                hint = known[hint]
            elif named:
                hint = hint.__origin__[tuple(known[part] if part in named else part for part in parts)]
            found[name] = hint
    return found


def is_value(kind: Any) -> bool:
    """Whether a class, or the class of something, is one of values."""
    return hasattr(kind, "__declared__")


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
        kind.__setattr__, kind.__delattr__ = Asked("__setattr__"), Asked("__delattr__")
    kind.__declared__ = kind.__later__ = (how, options)
    return kind


def _made(kind: Any) -> Any:
    """The class with all that its values need, and the classes that it inherits from before it."""
    if "__later__" not in kind.__dict__:
        return kind
    with LOCK:
        if "__later__" in kind.__dict__:
            how, options = kind.__later__
            own = {name: _field(kind, name) for name, hint in kind.__annotations__.items() if not _of_class(hint)}
            parts = dict[str, Field]()
            for base in kind.__mro__[:0:-1]:
                if "__attrs_attrs__" in base.__dict__ and "__declared__" not in base.__dict__:
                    raise TypeError(f"attrs made {base.__qualname__}, so it has to make {kind.__qualname__} too")
                for name, one in _made(base).__dict__.get("__own__", {}).items():
                    if name not in own:
                        parts.pop(name, None)
                        parts[name] = one
            kind.__own__, kind.__parts__ = own, (*parts.values(), *own.values())
            only = options.get("kw_only", False)
            in_order = tuple(one.name for one in kind.__parts__ if one.init and not (only and one.name in own))
            kind.__match_args__ = in_order  # type: ignore[misc]
            _compared(kind, how, **options)
            made = _init(kind, in_order)
            made.__qualname__ = f"{kind.__qualname__}.__init__"
            kind.__init__ = made  # the last of all: until then another thread waits for the lock
            del kind.__later__
    return kind


def _field(kind: Any, name: str) -> Field:
    """A field of a class by its name: what stands behind it there is one, or its default."""
    given = kind.__dict__.get(name, MISSING)
    one = given if isinstance(given, Field) else Plain(given)
    one.name, one.alias = name, name.lstrip("_")
    return one


def _of_class(hint: object) -> bool:
    """Whether what is declared belongs to a class and not to its values."""
    if isinstance(hint, str):
        return hint.startswith(("typing.ClassVar", "ClassVar"))
    return getattr(hint, "__origin__", hint) is ClassVar


def _init(kind: Any, in_order: tuple[str, ...]) -> Any:
    """The function that fills a value: what is given in order, what is named, and defaults."""
    parts, after, count, seen = kind.__parts__, getattr(kind, "__attrs_post_init__", None), len(in_order), 0
    whole = parts if len(parts) == count else sorted(parts, key=lambda one: one.name not in in_order)
    every, defaults, places, lates, plain = list[Any](), dict[str, Any](), dict[str, int](), list[Any](), after is None
    for one in whole:  # in one pass: some sixty classes are made in a tenth of a second
        name, late = one.name, one.late()
        places[name] = len(every)
        every.append((name, one.alias if one.init else None, one.given, late))
        if one.given is not MISSING:
            defaults[name] = one.given
        if late is not None:
            lates.append((name, late))
        if not one.init or one.alias != name:
            plain = False
    kind.__simple__ = simple = places if plain and every else None
    """All fields, where a value that is given each of them has nothing more to it."""
    simply = count if simple and count == len(every) else -1

    def __init__(self: Any, *given: object, **named: object) -> None:  # noqa: N807
        nonlocal seen
        seen += 1
        if seen > MANY:
            kind.__init__ = _by_attrs(kind).__attrs_init__
        inside, used = self.__dict__, len(given)
        if used == simply and not named:  # nearly all are made so
            inside.update(zip(in_order, given))  # noqa: B905
            return
        if simple and not used and named.keys() == simple.keys():
            inside.update(named)
            return
        if used > count:
            _wrong(kind, self, given, named)
        if not plain:
            _fill(kind, self, every, given, named)
            if after is not None:
                after(self)
            return
        inside.update(defaults)
        inside.update(zip(in_order, given))  # noqa: B905 - fewer are given than can be
        for name in named:
            if places.get(name, -1) < used:
                _wrong(kind, self, given, named)
        inside.update(named)
        waiting = [one for one in lates if one[0] not in inside]
        if len(inside) + len(waiting) != len(every):
            _wrong(kind, self, given, named)
        for name, late in waiting:
            inside[name] = late(self)

    return __init__


def _fill(kind: Any, value: Any, every: Any, given: tuple[object, ...], named: dict[str, object]) -> None:
    """The same where a default is made for each value, or a field is not asked for, or is called otherwise."""
    inside, used = value.__dict__, len(given)
    for place, (name, alias, default, late) in enumerate(every):
        if place < len(given):
            inside[name] = given[place]
        elif alias in named:
            inside[name] = named[alias]
            used += 1
        elif default is not MISSING:
            inside[name] = default
        elif late is not None:
            inside[name] = late(value)
        elif alias is not None:
            _wrong(kind, value, given, named)
    if used != len(given) + len(named):
        _wrong(kind, value, given, named)


def _wrong(kind: Any, value: object, given: tuple[object, ...], named: dict[str, object]) -> NoReturn:
    """A call that attrs refuses in its own words."""
    _by_attrs(kind).__attrs_init__(value, *given, **named)
    raise AssertionError(f"attrs takes {given} and {named} for a {kind}, and promo does not")


def _by_attrs(kind: Any) -> Any:
    """The class as attrs makes it, beside what it has; and the classes that it inherits from before it."""
    with LOCK:
        if isinstance(kind.__dict__.get("__attrs_attrs__"), Asked):
            import attrs

            how, options = _made(kind).__declared__
            for base in kind.__mro__[:0:-1]:
                _by_attrs(base)
            del kind.__attrs_attrs__
            if how == "frozen":
                del kind.__setattr__, kind.__delattr__
            for name, one in kind.__own__.items():
                setattr(kind, name, one.of_attrs())
            getattr(attrs, how)(kind, slots=False, init=False, **{**options, "eq": False, "repr": False})
            kind.__attrs_init__.__name__, kind.__attrs_init__.__qualname__ = "__init__", f"{kind.__qualname__}.__init__"
    return kind


def _unpickled(self: Any, state: dict[str, Any]) -> None:
    """A copy, or a value that another process made: no `__init__` is called for it."""
    _made(type(self))
    self.__dict__.update(state)


def _compared(kind: Any, how: str, *, eq: bool = True, repr: bool = True, kw_only: bool = False) -> None:  # noqa: A002
    """How values are shown and told apart."""
    own = kind.__dict__
    if repr and "__repr__" not in own:
        kind.__repr__ = _shown
    if eq and "__eq__" not in own:
        asked = [one.name for one in kind.__parts__ if one.eq]
        kind.__compared__ = attrgetter(*asked) if asked else _nothing
        kind.__eq__ = _equal
        kind.__hash__ = _hash if how == "frozen" else None


def _nothing(_: object) -> tuple[()]:
    return ()


def _shown(self: Any) -> str:
    parts = (f"{one.name}={getattr(self, one.name)!r}" for one in self.__parts__ if one.repr)
    return f"{type(self).__qualname__.rsplit('>.', 1)[-1]}({', '.join(parts)})"


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    contents = self.__class__.__compared__
    return contents(self) == contents(other)


def _hash(self: Any) -> int:
    return hash(self.__class__.__compared__(self))
