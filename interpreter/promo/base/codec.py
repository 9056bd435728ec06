"""
Values to JSON and back: the one form in which a value is stored, sealed, sent or compared, derived from its class.

A class of values is an object of its fields; a member of a union (`TAG`) says which one it is under `is`; a file or
a line (`FORM`) says of which version it is; a row (`ROW`) is a list of its fields, for what exists in large numbers;
what follows from the fields (`DERIVED`) is stored beside them, and made anew by a value that is read back.
Exact numbers become text that loses nothing, names of choices their value, sets sorted lists.  Fields marked `Unstored`
(places in a text, documentation) are no part of what a value means and are left out; those marked `Silent` are left out
where they say nothing.

The way back takes nothing on trust: unknown and missing keys, another type, a number out of its range, a text that is
too long or of another form are refused with their place; so is a field that says nothing and should have been left out.
`cattrs` does the same and more; its import alone costs 12 ms of processor time, a seventh of what `promo check` may
take, and a compiled hook for each class comes on top.
"""

import re
import types
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from fractions import Fraction
from functools import cache
from itertools import repeat
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from promo.base.canonical import Json, digest, exact
from promo.base.classes import hints, is_value, names, of_all
from promo.base.fields import (
    MOST,
    SIMPLE,
    Decoder,
    Form,
    OtherForm,
    Range,
    Silent,
    Undecodable,
    Unstored,
    brief,
    choice,
    fraction,
    free,
    level,
    level_to_json,
    literal,
    shared,
)

T = TypeVar("T")
Encoder = Callable[[Any], Json]

TAG = "is"
"""Key under which a member of a union says which one it is; the class names it as `TAG`."""


def to_json(value: object) -> Any:
    """
    A value of a class of values, in its stored form.

    Raises:
        TypeError: its class, or one inside it, is of a kind that is not stored.
    """
    kind: Any = type(value)
    return _encoder_of(kind)(value)


def from_json(kind: type[T], stored: object, place: str = "") -> T:
    """
    The value of a class that a JSON value stands for.

    Args:
        kind: the class.
        stored: what was read.
        place: what the outermost value is called in messages.

    Raises:
        Undecodable: it is no such value.
    """
    return cast("T", union_from_json(kind, stored, place))


def union_from_json(members: Any, stored: object, place: str = "") -> Any:
    """The value of one of the members of a union; as `from_json`."""
    try:
        return _decoder(members)(stored)
    except Undecodable as fault:
        fault.within(place)
        raise
    except RecursionError as fault:  # in the decoders, or where a message shows what it found
        found = Undecodable("it nests too deep")
        found.within(place)
        raise found from fault


def value_digest(value: object) -> str:
    """SHA-256 of the canonical bytes of a value's stored form, 64 hex digits."""
    return digest(to_json(value))


# --- classes ---------------------------------------------------------------------------------------------------


@cache
def _declared(kind: Any) -> tuple[tuple[tuple[str, Any], ...], dict[str, object]]:
    """Name and declared type of every stored field, in order; and what the others are in a value that is read back."""
    declared, stored, absent = hints(kind), [*_derived(kind).items()], dict[str, object]()
    for name in names(kind):
        hint = declared[name]
        mark = next((mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Unstored)), None)
        if mark is None:
            stored.append((name, hint))
        else:
            absent[name] = mark.absent
    return tuple(stored), absent


def _derived(kind: Any) -> Mapping[str, Any]:
    """What stands beside the fields because it follows from them, and of which type it is."""
    return getattr(kind, "DERIVED", {})


@cache
def _silent(kind: Any) -> dict[str, object]:
    """Fields that are left out where they say nothing, and what they are then."""
    declared = hints(kind)
    marks = {name: getattr(declared[name], "__metadata__", ()) for name in names(kind)}
    return {name: mark.nothing for name, each in marks.items() for mark in each if isinstance(mark, Silent)}


@cache
def _encoder_of(kind: Any) -> Encoder:
    if issubclass(kind, Enum):
        return _value_of
    if not is_value(kind):
        return _encoder(kind)
    parts = tuple((name, _encoder(hint)) for name, hint in _declared(kind)[0])
    if getattr(kind, "ROW", False):
        return lambda value: [one(getattr(value, name)) for name, one in parts]
    head = _head(kind)
    silent = _silent(kind)
    plain = tuple(name for name, one in parts if one is _same and name not in silent)
    made = tuple((name, one) for name, one in parts if one is not _same and name not in silent)
    spoken = tuple((name, one, silent[name]) for name, one in parts if name in silent)

    def encode(value: Any) -> Json:
        stored = dict(head)
        for name in plain:
            stored[name] = getattr(value, name)
        for name, one in made:
            stored[name] = one(getattr(value, name))
        for name, one, nothing in spoken:
            if (said := getattr(value, name)) != nothing:
                stored[name] = one(said)
        return stored

    return encode


@cache
def _decoder_of(kind: Any) -> Decoder:
    stored_fields, absent = _declared(kind)
    parts = tuple((name, _decoder(hint)) for name, hint in stored_fields)
    if getattr(kind, "ROW", False):
        return _row_decoder(kind, parts)
    head, form = _head(kind), getattr(kind, "FORM", None)
    keys = frozenset({*head, *(name for name, _ in parts)})
    assert len(keys) == len(head) + len(parts), f"{kind} has a field that is called like its tag or form"
    silent = _silent(kind)
    spoken = tuple(part for part in parts if part[0] not in silent)
    others = tuple(part for part in parts if part[0] in silent)
    must, usual, derived = keys - silent.keys(), {**absent, **silent}, _derived(kind)

    def decode(stored: Any) -> Any:
        if type(stored) is not dict:
            raise Undecodable(f"{brief(stored)} is no {_called(kind)}")
        if form and stored.get(form[0], form[1]) != form[1] and type(stored[form[0]]) is int:
            raise OtherForm(stored[form[0]], form[1])
        for key, value in head.items():
            if key in stored and (stored[key] != value or type(stored[key]) is not type(value)):
                raise Undecodable(f"its {key} is {brief(stored[key])}, and not {brief(value)}")
        if stored.keys() != must and not (must <= stored.keys() <= keys):
            raise _wrong_keys(kind, stored, keys, must)
        found, name = usual.copy(), ""
        try:
            for name, one in spoken:
                found[name] = one(stored[name])
            for name, one in others:
                if name in stored:
                    found[name] = _said(one(stored[name]), silent[name])
        except Undecodable as fault:
            fault.within(f".{name}")
            raise
        for name in derived:
            del found[name]
        try:
            return of_all(kind, found)
        except Undecodable:
            raise
        except ValueError as fault:
            raise Undecodable(str(fault)) from fault

    return decode


def _head(kind: type) -> dict[str, Json]:
    """What stands in the object of a class besides its fields: which member of a union, and of which version."""
    tag, form = getattr(kind, "TAG", None), getattr(kind, "FORM", None)
    return {**({TAG: tag} if tag is not None else {}), **({form[0]: form[1]} if form is not None else {})}


def _called(kind: type) -> str:
    """What a value of a class is called in a message."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()


def _row_decoder(kind: type, parts: tuple[tuple[str, Decoder], ...]) -> Decoder:
    count, decoders = len(parts), [one for _, one in parts]

    def decode(stored: Any) -> Any:
        if type(stored) is not list or len(stored) != count:
            raise Undecodable(f"{brief(stored)} is no list of {count}")
        return kind(*_items(decoders, stored, lambda at: f".{parts[at][0]}"))

    return decode


def _said(value: object, nothing: object) -> object:
    """A field that is left out where it says nothing, and is there."""
    if value == nothing:
        raise Undecodable("it says nothing, so it is left out")
    return value


def _wrong_keys(kind: type, stored: Mapping[str, object], keys: frozenset[str], must: frozenset[str]) -> Undecodable:
    strange, absent = sorted(set(stored) - keys), sorted(must - set(stored))
    if strange:
        return Undecodable(f"a {_called(kind)} has no {brief(strange[0])}")
    return Undecodable(f"a {_called(kind)} has '{absent[0]}', and it is not there")


# --- kinds of fields ---------------------------------------------------------------------------------------------


def _same(value: Any) -> Any:
    return value


def _value_of(value: Any) -> Json:
    return cast("Json", value.value)


def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(hint), get_args(hint)


def _members(hint: Any) -> tuple[Any, ...]:
    """Members of a union, also of unions inside it; the type itself where it is none."""
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(member for part in get_args(hint) for member in _members(part))
    return (hint,)


def _is_level(members: Iterable[Any]) -> bool:
    return {Fraction, str} == set(members)


def _cached(make: Callable[[Any], T]) -> Callable[[Any], T]:
    """Each declared type is looked at once; one inside itself (a condition of conditions) is asked for when needed."""
    known: dict[Any, T] = {}

    def found(hint: Any) -> T:
        if hint not in known:
            known[hint] = make(hint)
        return known[hint]

    return found


@_cached
def _encoder(hint: Any) -> Encoder:
    if hint in (str, int, bool, type(None)):
        return _same
    origin, args = _parts(hint)
    if origin is Annotated:
        if "free form" in args or "vouched for" in args:
            return _same
        limits = next((one for one in args[:0:-1] if isinstance(one, Range)), None)  # the nearest one
        return limits.encode if limits is not None and limits.as_text else _encoder(args[0])
    if origin is Literal:
        return _same
    if origin in (Union, types.UnionType):
        return _union_encoder(_members(hint))
    if hint is Fraction:
        return exact
    if origin is tuple:
        return _tuple_encoder(args)
    if origin is frozenset:
        one = _encoder(args[0])
        return lambda value: sorted(value) if one is _same else sorted(map(one, value))  # type: ignore[type-var]
    if origin is not None and issubclass(origin, Mapping):
        key, item = _encoder(args[0]), _encoder(args[1])
        if key is _same and item is _same:
            return dict
        return lambda value: {str(key(name)): item(one) for name, one in value.items()}
    if isinstance(hint, type) and (issubclass(hint, Enum) or is_value(hint)):
        return _value_of if issubclass(hint, Enum) else _encoder_when_needed(hint)
    raise TypeError(f"{hint} has no stored form")


def _encoder_when_needed(kind: Any) -> Encoder:
    """A class may stand inside itself, so what is inside is looked up when there is a value of it."""
    return lambda value: _encoder_of(kind)(value)


def _decoder_when_needed(kind: Any) -> Decoder:
    return lambda stored: _decoder_of(kind)(stored)


def _tuple_encoder(args: tuple[Any, ...]) -> Encoder:
    if len(args) == 2 and args[1] is Ellipsis:
        item = _encoder(args[0])
        return list if item is _same else lambda value: [item(one) for one in value]
    each = tuple(_encoder(one) for one in args)
    return list if all(one is _same for one in each) else lambda value: [f(v) for f, v in zip(each, value, strict=True)]


def _union_encoder(members: tuple[Any, ...]) -> Encoder:
    real = [one for one in members if one is not type(None)]
    if _is_level(real):
        return lambda value: None if value is None else level_to_json(value)
    if len(real) == 1:
        inner = _encoder(real[0])
        return _same if inner is _same else lambda value: None if value is None else inner(value)
    by_class: dict[type, Encoder] = {}
    rest: list[Encoder] = []
    for one in real:
        bare = get_args(one)[0] if get_origin(one) is Annotated else one
        if isinstance(bare, type) and (issubclass(bare, (Enum, str, int)) or is_value(bare)):
            by_class[bare] = _encoder(one)
        else:
            rest.append(_encoder(one))

    def encode(value: Any) -> Json:
        if value is None:
            return None
        known = by_class.get(type(value))
        return (known or rest[0])(value)

    return encode


@_cached
def _decoder(hint: Any) -> Decoder:
    if hint in SIMPLE:
        return SIMPLE[hint]
    origin, args = _parts(hint)
    if origin is Annotated:
        if "free form" in args:
            return free
        if "vouched for" in args:
            return _same
        limits = next((one for one in args[:0:-1] if isinstance(one, (Form, Range))), None)  # the nearest one
        return limits or _decoder(args[0])
    if origin is Literal:
        return literal(args)
    if origin in (Union, types.UnionType):
        return _union_decoder(_members(hint))
    if hint is Fraction:
        return fraction
    if origin is tuple:
        return _tuple_decoder(args)
    if origin is frozenset:
        return _set_decoder(_decoder(args[0]))
    if origin is not None and issubclass(origin, Mapping):
        made = _mapping_decoder(args[0], _decoder(args[1]))
        return shared(made) if "free form" in get_args(args[1]) else made
    if isinstance(hint, type) and issubclass(hint, Enum):
        return choice(hint)
    if isinstance(hint, type) and is_value(hint):
        return _decoder_when_needed(hint)
    raise TypeError(f"{hint} has no stored form")


def _items(decoders: Iterable[Decoder], stored: Iterable[Any], step: Callable[[int], str] = "[{}]".format) -> list[Any]:
    """Entries of a list, each by its decoder; *step*: what the place of each is called."""
    found = list[Any]()
    try:
        for one, item in zip(decoders, stored, strict=False):
            found.append(one(item))
    except Undecodable as fault:
        fault.within(step(len(found)))
        raise
    return found


def _list(item: Decoder, stored: Any) -> list[Any]:
    if type(stored) is not list:
        raise Undecodable(f"{brief(stored)} is no list")
    if len(stored) > MOST:
        raise Undecodable(f"a list has at most {MOST} entries, not {len(stored)}")
    return _items(repeat(item), stored)


def _tuple_decoder(args: tuple[Any, ...]) -> Decoder:
    if len(args) == 2 and args[1] is Ellipsis:
        item = _decoder(args[0])
        return lambda stored: tuple(_list(item, stored))
    each = tuple(_decoder(one) for one in args)

    def decode(stored: Any) -> Any:
        if type(stored) is not list or len(stored) != len(each):
            raise Undecodable(f"{brief(stored)} is no list of {len(each)}")
        return tuple(_items(each, stored))

    return decode


def _set_decoder(item: Decoder) -> Decoder:
    def decode(stored: Any) -> Any:
        found = _list(item, stored)
        if stored != sorted(stored) or len(set(found)) != len(found):
            raise Undecodable("its entries are not sorted, each once")
        return frozenset(found)

    return decode


def _mapping_decoder(key: Any, item: Decoder) -> Decoder:
    name = _decoder(key)

    def decode(stored: Any) -> Any:
        if type(stored) is not dict or len(stored) > MOST:
            raise Undecodable(f"{brief(stored)} is no object, or one with over {MOST} entries")
        found, one = dict[Any, Any](), ""
        try:
            for one, value in stored.items():
                key = name(one)  # before the value: what is wrong with the name is said first
                found[key] = item(value)
        except Undecodable as fault:
            fault.within(f".{one[:80]}")
            raise
        return found

    return decode


def _union_decoder(members: tuple[Any, ...]) -> Decoder:
    """By the shape of what is stored: each member of a union has a shape, or a tag, of its own."""
    optional = type(None) in members
    real = [one for one in members if one is not type(None)]
    if _is_level(real):
        inner: Decoder = level
    elif len(real) == 1:
        inner = _decoder(real[0])
    else:
        inner = _by_shape(real)
    if not optional:
        return inner
    return lambda stored: None if stored is None else inner(stored)


def _by_shape(members: list[Any]) -> Decoder:
    tagged: dict[str, Decoder] = {}
    shaped: dict[type, Decoder] = {}
    for one in members:
        tag = getattr(one, "TAG", None) if isinstance(one, type) else None
        if tag is not None:
            tagged[tag] = _decoder(one)
            continue
        shape = _shape(one)
        assert shape not in shaped, f"two members of a union are stored as {shape}"
        shaped[shape] = _decoder(one)

    def decode(stored: Any) -> Any:
        if tagged and type(stored) is dict and type(stored.get(TAG)) is str:
            if stored[TAG] not in tagged:
                raise Undecodable(f"{brief(stored[TAG])} is none of {', '.join(tagged)}")
            return tagged[stored[TAG]](stored)
        found = shaped.get(type(stored))
        if found is None:
            raise Undecodable(f"{brief(stored)} is of no kind that may stand there")
        return found(stored)

    return decode


def _shape(member: Any) -> type:
    """The JSON type that a member of a union is stored as."""
    origin, args = _parts(member)
    if origin is Annotated:
        return _shape(args[0])
    if origin in (tuple, frozenset):
        return list
    if member in (str, int, bool):
        return cast("type", member)
    if member is Fraction or (isinstance(member, type) and issubclass(member, Enum)):
        return str
    return list if getattr(member, "ROW", False) else dict
