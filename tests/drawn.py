"""Values of any stored class, drawn by what its fields declare."""

import re
import string
import types
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from functools import cache, partial
from operator import add
from typing import Annotated, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from promo.base.canonical import SAFE_INTEGER, Json
from promo.base.classes import fields
from promo.base.fields import Digest, Form, Name, Range, Undecodable, Unstored

words = st.text(st.characters(codec="utf-8"), max_size=8)
exact_numbers = st.builds(Fraction, st.integers(), st.integers(1, 1000))  # half the time of `st.fractions`
free = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE_INTEGER, SAFE_INTEGER) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)


_LETTERS = string.ascii_letters + string.digits + "_"
AT_ONCE = {
    Digest: st.binary(min_size=32, max_size=32).map(bytes.hex),
    Name: st.builds(add, st.sampled_from(_LETTERS), st.text(_LETTERS + ".+-", max_size=255)),
}
"""Every text of two frequent forms, drawn at once and not character by character as `from_regex` does."""


@cache
def is_taken(form, text):
    """Whether a text of a number lies in the range of its form."""
    try:
        return form(text) == text
    except Undecodable:
        return False


@cache
def of(hint):
    """Values of a declared type; of a class, fields that are not stored are what they are when read back."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(args)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(of, args))
    if origin is Literal:
        return st.sampled_from(args)
    if origin is tuple:
        return _tuples(args)
    if origin is frozenset:
        return st.frozensets(of(args[0]), max_size=3)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(of(args[0]), of(args[1]), max_size=3)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    return st.deferred(lambda: _instances(hint))


_PLAIN = {
    str: words,
    int: st.integers(-SAFE_INTEGER, SAFE_INTEGER),
    bool: st.booleans(),
    type(None): st.none(),
    Fraction: exact_numbers,
}


def _annotated(args):
    if "free form" in args or "vouched for" in args:
        return free
    if Annotated[args] in AT_ONCE:
        return AT_ONCE[Annotated[args]]
    for mark in reversed(args[1:]):
        if isinstance(mark, Range):
            return st.integers(mark.least, mark.most)
        if isinstance(mark, Form) and mark.pattern is not None:
            texts = st.from_regex(re.compile(mark.pattern, re.ASCII), fullmatch=True)
            return texts if mark.least is None else texts.filter(partial(is_taken, mark))
    return of(args[0])


def _tuples(args):
    if len(args) == 2 and args[1] is Ellipsis:
        return st.lists(of(args[0]), max_size=3).map(tuple)
    return st.tuples(*map(of, args))


@cache
def _instances(kind):
    hints = get_type_hints(kind, localns={"Json": Json}, include_extras=True)
    made = {}
    for one in fields(kind):
        marks = getattr(hints[one.name], "__metadata__", ())
        absent = next((mark for mark in marks if isinstance(mark, Unstored)), None)
        made[one.name] = of(hints[one.name]) if absent is None else st.just(absent.absent)
    return st.builds(kind, **made)
