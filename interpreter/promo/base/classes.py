"""
Classes of values: each is made when its first value is, as attrs would make it.

promo has some five hundred, every process imports a hundred or more, and uses a few.  attrs writes the methods of a
class in source and compiles them, and to import attrs alone is a fifth of what the start of a worker costs; so `frozen`
and `define` put all of it off until there is a value, and a class whose fields are plain does without attrs.  Whoever
asks for more has attrs make it then: `attrs.fields`, `attrs.asdict`, a class of a plug-in that inherits from one, a
wrong call, a value that must not change, and whoever makes thousands of values.  The class stays the same object, which
is why none has slots; type checkers read all of this as attrs' own.
"""

from _thread import RLock
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

__all__ = ["define", "evolve", "field", "fields", "frozen", "is_value"]

LOCK = RLock()
"""Two threads may make the first value of a class at once."""
MANY = 2_000
"""Values of a class after which it pays to import attrs: what it compiles makes a value in a third of the time."""
NOTHING = object()
"""Stands for a value that was not given."""


class Field:
    """A field of a class, and what it is beyond its type; *options* are as attrs takes them."""

    name: str
    type: Any

    def __init__(
        self,
        *,
        default: object = NOTHING,
        factory: Callable[[], object] | None = None,
        init: bool = True,
        eq: bool = True,
        repr: bool = True,  # noqa: A002 - as attrs calls it
    ) -> None:
        self.given, self.factory, self.init, self.eq, self.repr = default, factory, init, eq, repr
        self.rests: Callable[[Any], object] | None = None

    def default(self, rests: Callable[[Any], object]) -> Callable[[Any], object]:
        """A default that rests on the fields before it; as attrs' own."""
        self.rests = rests
        return rests

    @property
    def alias(self) -> str:
        """What it is called where a value is made."""
        return self.name.lstrip("_")

    @property
    def plain(self) -> bool:
        """Whether it is given, under its own name, where a value is made, or is what it is by default."""
        return self.init and self.rests is None and self.alias == self.name

    @property
    def for_attrs(self) -> Any:
        """The same, as attrs has it in the body of a class."""
        import attrs

        given: dict[str, Any] = {} if self.given is NOTHING else {"default": self.given}
        given |= {} if self.factory is None else {"factory": self.factory}
        given |= {} if self.rests is None else {"default": attrs.Factory(self.rests, takes_self=True)}
        return attrs.field(init=self.init, eq=self.eq, repr=self.repr, **given)


class Asked:
    """Stands where attrs looks at a class, and has attrs make it when anybody looks, attrs included."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, value: object, kind: Any) -> Any:
        _given_to_attrs(_made(kind))
        return getattr(kind if value is None else value, self.name)


if TYPE_CHECKING:
    from attrs import define, evolve, field, frozen
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
        for one in fields(value):
            if one.init and one.alias not in changes:
                changes[one.alias] = getattr(value, one.name)
        return type(value)(**changes)


def fields(kind: Any) -> tuple[Field, ...]:
    """As `attrs.fields`, of a class or of the class of a value, which is made for it."""
    kind = kind if isinstance(kind, type) else type(kind)
    if "__later__" in vars(kind):
        return tuple(_made(kind).__fields__)
    import attrs

    return tuple(attrs.fields(kind))


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
    """The class with what it has of its own, and the classes that it inherits from before it."""
    with LOCK:
        if "__later__" in vars(kind) and "__fields__" not in vars(kind):
            how, options = kind.__later__
            every: dict[str, Field] = {}
            for base in kind.__mro__[:0:-1]:
                if "__attrs_attrs__" in vars(base) and "__later__" not in vars(base):
                    raise TypeError(f"attrs made {base.__qualname__}, so it has to make {kind.__qualname__} too")
                for one in vars(_made(base)).get("__own__", ()):
                    every.pop(one.name, None)
                    every[one.name] = one
            kind.__own__ = _declared(kind)
            for one in kind.__own__:
                every.pop(one.name, None)
                every[one.name] = one
            made = tuple(every.values())
            _compared(kind, how, made, **{name: given for name, given in options.items() if name != "kw_only"})
            if all(one.plain for one in made) and "kw_only" not in options:
                setattr(kind, "__match_args__", tuple(one.name for one in made))  # noqa: B010
                init = _init(kind, made)
            else:
                _given_to_attrs(kind)
                init = kind.__attrs_init__
            kind.__fields__ = made
            kind.__init__ = init  # the last of all: until then another thread waits for the lock
    return kind


def _declared(kind: Any) -> tuple[Field, ...]:
    """Fields that a class declares itself; what stands there for them in its body is taken out, as attrs does."""
    found = []
    for name, hint in kind.__annotations__.items():
        written = hint.startswith(("ClassVar", "typing.ClassVar")) if isinstance(hint, str) else False
        if written or hint is ClassVar or getattr(hint, "__origin__", None) is ClassVar:
            continue
        given = vars(kind).get(name, NOTHING)
        one = given if isinstance(given, Field) else Field(default=given)
        one.name, one.type = name, hint
        if given is not NOTHING:
            delattr(kind, name)
        found.append(one)
    return tuple(found)


def _init(kind: Any, made: tuple[Field, ...]) -> Any:
    """What makes a value; a wrong call is left to attrs, which says what is wrong about it."""
    parts = tuple((one.name, one.factory, one.given) for one in made)
    names = tuple(one.name for one in made)
    is_looked_at, more = hasattr(kind, "__attrs_post_init__"), MANY

    def __init__(self: Any, *given: object, **named: object) -> None:  # noqa: N807 - it is that of a class
        nonlocal more
        more -= 1
        if not more:
            _given_to_attrs(kind)
            kind.__init__ = kind.__attrs_init__
        put, left = self.__dict__, len(named)
        for name, value in zip(names, given):  # noqa: B905 - more than there are is seen below
            put[name] = value
        for name, factory, default in parts[len(given) :] if given else parts:
            value = named.get(name, NOTHING) if named else NOTHING
            if value is not NOTHING:
                put[name] = value
                left -= 1
            elif default is not NOTHING:
                put[name] = default
            elif factory is not None:
                put[name] = factory()
            else:
                left = -1
                break
        if left or len(given) > len(names):
            put.clear()
            _given_to_attrs(kind)
            kind.__attrs_init__(self, *given, **named)
        elif is_looked_at:
            self.__attrs_post_init__()

    return __init__


def _given_to_attrs(kind: Any) -> None:
    """Have attrs make a class too, and those that it inherits from; what was made stays."""
    with LOCK:
        for one in kind.__mro__[:0:-1]:
            _given_to_attrs(_made(one))
        if isinstance(vars(kind).get("__attrs_attrs__"), Asked):
            import attrs

            how, options = kind.__later__
            del kind.__attrs_attrs__
            if how == "frozen":
                del kind.__setattr__
            for one in kind.__own__:
                setattr(kind, one.name, one.for_attrs)
            getattr(attrs, how)(kind, slots=False, init=False, **{**options, "eq": False, "repr": False})
            kind.__attrs_init__.__name__, kind.__attrs_init__.__qualname__ = "__init__", f"{kind.__qualname__}.__init__"


def _unpickled(self: Any, state: dict[str, Any]) -> None:
    """A copy, or a value that another process made: no `__init__` is called for it."""
    _made(type(self))
    self.__dict__.update(state)


def _compared(kind: Any, how: str, made: tuple[Field, ...], *, eq: bool = True, repr: bool = True) -> None:  # noqa: A002
    """Methods that need no source of their own."""
    own = kind.__dict__
    if repr and "__repr__" not in own:
        kind.__repr__ = _shown
    if eq and "__eq__" not in own:
        names = [one.name for one in made if one.eq]
        kind.__compared__ = attrgetter(*names) if names else _nothing
        kind.__eq__ = _equal
        kind.__hash__ = _hash if how == "frozen" else None


def _nothing(_: object) -> tuple[()]:
    return ()


def _shown(self: Any) -> str:
    parts = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(parts)})"


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    contents = self.__class__.__compared__
    return contents(self) == contents(other)


def _hash(self: Any) -> int:
    return hash(self.__class__.__compared__(self))
