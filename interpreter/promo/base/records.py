"""
Classes of named values: what a spec, a plan and the tree of a text are made of.

They behave as those of attrs do (slots, arguments by place or name, equality by fields) and cost a tenth of it when a
command starts: importing attrs brings `inspect` and a dozen other modules, and it compiles the methods of every class
as the class is made.  Here a method is compiled when it is first called, and of two hundred classes `promo check`
calls a third.  Rooms that no reading command imports use attrs.  The fields are told under the name that attrs gives
them, so that its `evolve`, `fields` and `asdict` take these values too.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


class _Unset:
    """There is no default; in an argument: none was given."""

    def __repr__(self) -> str:
        return "unset"


UNSET = _Unset()


class Field:
    """One named value of a class: how it is defaulted, and whether it is compared and shown."""

    __slots__ = ("alias", "default", "eq", "factory", "init", "name", "repr")

    def __init__(self, default: object, factory: Callable[[], object] | None, eq: bool, shown: bool) -> None:
        self.name = ""
        self.alias = ""
        self.init = True
        self.default = default
        self.factory = factory
        self.eq = eq
        self.repr = shown


def field(
    *, default: Any = UNSET, factory: Callable[[], Any] | None = None, eq: bool = True, shown: bool = True
) -> Any:
    """A field that has a *default* or a *factory* of it, or takes no part in equality or in what is shown."""
    return Field(default, factory, eq, shown)


@overload
def frozen(cls: type[T], /) -> type[T]: ...
@overload
def frozen(*, eq: bool = True, slots: bool = True) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: Any = None, /, *, eq: bool = True, slots: bool = True) -> Any:
    """A class whose values never change; without *eq* each is equal to itself alone, without *slots* it can cache."""
    return _made(cls, eq, slots, True) if cls else lambda late: _made(late, eq, slots, True)


@overload
def define(cls: type[T], /) -> type[T]: ...
@overload
def define(*, eq: bool = True, slots: bool = True) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(field_specifiers=(field,))
def define(cls: Any = None, /, *, eq: bool = True, slots: bool = True) -> Any:
    """A class whose values can change, and that has no hash if it has equality."""
    return _made(cls, eq, slots, False) if cls else lambda late: _made(late, eq, slots, False)


def evolve(value: T, /, **changes: Any) -> T:
    """A copy with some fields changed."""
    fields: tuple[Field, ...] = value.__attrs_attrs__  # type: ignore[attr-defined]
    return type(value)(**{one.alias: getattr(value, one.name) for one in fields if one.init} | changes)


def _made(cls: type, eq: bool, slots: bool, fixed: bool) -> type:
    """The class anew, because slots can only be given when a class is made."""
    if any(hasattr(base, "__attrs_attrs__") for base in cls.__bases__):
        raise TypeError(f"{cls.__name__}: fields are not inherited")
    space = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    fields = tuple(_field(name, space) for name in space.get("__annotations__", ()))
    names = tuple(one.name for one in fields)
    if slots:
        space["__slots__"] = (*names, "__weakref__")
    space["__attrs_attrs__"] = fields
    space["__match_args__"] = names
    space.setdefault("__repr__", _repr)
    space["__reduce__"] = _reduce
    if fixed:
        space["__setattr__"] = _no_change
        space["__delattr__"] = _no_change
    made: type = type(cls)(cls.__name__, cls.__bases__, space)
    _late(made, "__init__", _init)
    if eq:
        _late(made, "__eq__", _eq)
        if fixed:
            _late(made, "__hash__", _hash)
        else:
            made.__hash__ = None  # type: ignore[assignment]
    return made


def _field(name: str, space: dict[str, Any]) -> Field:
    default = space.pop(name, UNSET)
    found = default if isinstance(default, Field) else Field(default, None, True, True)
    found.name = name
    found.alias = name.lstrip("_")
    return found


def _late(cls: type, name: str, write: Callable[[type], tuple[str, Mapping[str, object]]]) -> None:
    """Give the class a method that writes itself when it is first called."""

    def first(self: object, *given: object, **named: object) -> object:
        text, known = write(cls)
        space = dict(known)
        exec(text, space)  # noqa: S102 (names of fields, and nothing that was read from anywhere)
        method = space[name]
        method.__qualname__ = f"{cls.__qualname__}.{name}"  # type: ignore[attr-defined]
        setattr(cls, name, method)
        return method(self, *given, **named)  # type: ignore[operator]

    setattr(cls, name, first)


def _init(cls: type) -> tuple[str, Mapping[str, object]]:
    words, lines = [], []
    known: dict[str, object] = {"UNSET": UNSET}
    slots = "__slots__" in vars(cls)
    for one in _fields(cls):
        value = one.alias
        if one.factory is not None:
            known[f"make_{value}"] = one.factory
            words.append(f"{value}=UNSET")
            value = f"make_{value}() if {value} is UNSET else {value}"
        elif one.default is not UNSET:
            known[f"default_{value}"] = one.default
            words.append(f"{value}=default_{value}")
        else:
            words.append(value)
        if slots:
            known[f"set_{one.name}"] = vars(cls)[one.name].__set__
            lines.append(f" set_{one.name}(self, {value})")
        else:
            lines.append(f" self.__dict__[{one.name!r}] = {value}")
    return f"def __init__({', '.join(['self', *words])}):\n" + "\n".join(lines or [" pass"]), known


def _eq(cls: type) -> tuple[str, Mapping[str, object]]:
    names = [one.name for one in _fields(cls) if one.eq]
    same = " and ".join(f"self.{name} == other.{name}" for name in names) or "True"
    head = "def __eq__(self, other):\n if other.__class__ is not self.__class__:\n  return NotImplemented\n"
    return f"{head} return {same}", {}


def _hash(cls: type) -> tuple[str, Mapping[str, object]]:
    names = [f"self.{one.name}" for one in _fields(cls) if one.eq]
    return f"def __hash__(self):\n return hash(({', '.join(['kind', *names])},))", {"kind": cls}


def _fields(cls: type) -> tuple[Field, ...]:
    return cls.__attrs_attrs__  # type: ignore[attr-defined, no-any-return]


def _repr(self: object) -> str:
    parts = (f"{one.name}={getattr(self, one.name)!r}" for one in _fields(type(self)) if one.repr)
    return f"{type(self).__qualname__}({', '.join(parts)})"


def _reduce(self: object) -> tuple[object, ...]:
    return type(self), tuple(getattr(self, one.name) for one in _fields(type(self)))


def _no_change(self: object, name: str, *_: object) -> None:
    raise AttributeError(f"{type(self).__qualname__}.{name} does not change")
