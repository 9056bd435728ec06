"""The codec: a value has one stored form, and nothing but that form is a value."""

import contextlib
import re
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from typing import Annotated, ClassVar, Literal, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import drawn
from promo.base.canonical import canonical, parse_canonical, parse_json
from promo.base.classes import frozen, hints, is_value
from promo.base.codec import from_json, to_json, union_from_json, value_digest
from promo.base.fields import (
    Count,
    Digest,
    Free,
    Large,
    Measured,
    Moment,
    Name,
    Range,
    Remark,
    Seconds,
    Silent,
    Undecodable,
    level_to_json,
)
from promo.decision.values import Decision
from promo.driver.bundle import Manifest
from promo.evidence.estimates import EffectTable
from promo.evidence.values import Evidence
from promo.ledger.values import Event, Happening
from promo.plans.values import Plan, SavedPlan
from promo.run.values import Body, Envelope, Exit, Point, Request
from promo.study.closure import Closure
from promo.study.lock import Lock
from promo.study.values import Study

STORED = (
    Body, Closure, Decision, EffectTable, Envelope, Event, Evidence, Exit, Lock, Manifest, Plan, Point, Request,
    SavedPlan, Study,
)  # fmt: skip
"""Whatever is a file, a line of one, or is digested."""
some = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


class Colour(Enum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


@frozen
class Square:
    """A member of a union."""

    TAG: ClassVar = "square"

    side: Count


@frozen
class Both:
    """A member that holds others."""

    TAG: ClassVar = "both"

    parts: tuple["Square | Both", ...]


@frozen
class Printed:
    """A field that says more narrowly what it takes than its kind does."""

    kept: Annotated[Count, Range(1_000, 10**9)]


def test_the_nearest_bound_of_a_field_counts():
    assert from_json(Printed, {"kept": 1_000}) == Printed(1_000)
    for beyond in (0, 999, 10**9 + 1):
        with pytest.raises(Undecodable):
            from_json(Printed, {"kept": beyond})


@frozen
class Pair:
    """A row."""

    ROW: ClassVar = True

    name: Name
    large: Large


@frozen
class Thing:
    """A field of every kind."""

    FORM: ClassVar = ("thing", 3)

    level: Fraction | str
    share: Fraction
    colour: Colour | None
    kinds: frozenset[str]
    shape: Square | Both
    rows: tuple[Pair, ...]
    at: tuple[int, bool]
    named: Mapping[str, Count]
    word: Literal["yes", "no"]
    mixed: int | str
    what: Free
    remark: Remark


THING = Thing(
    level="1/2",
    share=Fraction(1, 8),
    colour=Colour.BLUE,
    kinds=frozenset({"b", "a"}),
    shape=Both((Square(2), Both(()))),
    rows=(Pair("one", 2**70),),
    at=(-1, True),
    named={"x": 0},
    word="yes",
    mixed=7,
    what={"any": ["thing", None]},
    remark="said of it",
)
STORED_THING = {
    "thing": 3,
    "level": {"word": "1/2"},
    "share": "0.125",
    "colour": "blue",
    "kinds": ["a", "b"],
    "shape": {"is": "both", "parts": [{"is": "square", "side": 2}, {"is": "both", "parts": []}]},
    "rows": [["one", str(2**70)]],
    "at": [-1, True],
    "named": {"x": 0},
    "word": "yes",
    "mixed": 7,
    "what": {"any": ["thing", None]},
}


def test_the_stored_form_follows_from_the_class():
    assert to_json(THING) == STORED_THING


def test_what_is_read_back_is_the_value_without_what_means_nothing():
    read = from_json(Thing, STORED_THING)

    assert (read.remark, THING.remark) == ("", "said of it")
    assert to_json(read) == STORED_THING
    assert value_digest(read) == value_digest(THING)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"thing": 2}, "it is of format 2, and this promo reads format 3"),
        ({"thing": "3"}, "its thing is '3', and not 3"),
        ({"thing": 3.0}, "its thing is 3.0, and not 3"),
        ({"more": 1}, "a thing has no 'more'"),
        ({"remark": "back again"}, "a thing has no 'remark'"),
        ({"level": 0.5}, "level: 0.5 is neither a number as text nor a word"),
        ({"level": "0.50"}, "level: '0.50' is written 0.5"),
        ({"level": {"word": "half"}}, "level: 'half' reads as no number, so it is stored as it is"),
        ({"level": {"word": 1}}, "level: 1 is no text"),
        ({"level": {"wort": "1"}}, "level: .* is neither a number as text nor a word"),
        ({"share": 0}, "share: 0 is no exact number as text"),
        ({"share": "1/0"}, "share: '1/0' is no exact number as text"),
        ({"share": "2/4"}, "share: '2/4' is written 0.5"),
        ({"share": "1e3"}, "share: '1e3' is no exact number as text"),
        ({"share": "١"}, "share: '١' is no exact number as text"),
        ({"colour": "green"}, "colour: 'green' is none of red, blue"),
        ({"colour": ["red"]}, r"colour: \['red'\] is none of red, blue"),
        ({"kinds": ["b", "a"]}, "kinds: its entries are not sorted, each once"),
        ({"kinds": ["a", "a"]}, "kinds: its entries are not sorted, each once"),
        ({"shape": {"is": "circle", "side": 1}}, "shape: 'circle' is none of square, both"),
        ({"shape": {"side": 1}}, "shape: {'side': 1} is of no kind that may stand there"),
        ({"shape": {"is": "square", "side": -1}}, "shape.side: -1 is not between 0 and"),
        ({"shape": {"is": "square", "side": True}}, "shape.side: True is no whole number"),
        ({"shape": {"is": "square", "side": 1.0}}, "shape.side: 1.0 is no whole number"),
        ({"shape": {"is": "both", "parts": [None]}}, r"shape.parts\[0\]: None is of no kind"),
        ({"rows": [["one"]]}, r"rows\[0\]: \['one'\] is no list of 2"),
        ({"rows": [["one", 2]]}, r"rows\[0\].large: 2 is no whole number kept as text"),
        ({"rows": [["one", "02"]]}, r"rows\[0\].large: '02' is no whole number kept as text"),
        ({"rows": [["one", "-0"]]}, r"rows\[0\].large: '-0' is no whole number kept as text"),
        ({"rows": [["one", "1" * 41]]}, r"rows\[0\].large: .* is not between"),
        ({"rows": [["one", "1" * 42]]}, r"rows\[0\].large: .* is no whole number kept as text"),
        ({"rows": [["a b", "2"]]}, r"rows\[0\].name: 'a b' is no name"),
        ({"rows": [["a" * 300, "2"]]}, r"rows\[0\].name: a name has at most 256 characters, not 300"),
        ({"at": [1]}, r"at: \[1\] is no list of 2"),
        ({"at": [2**53, True]}, r"at\[0\]: .* is not between"),
        ({"named": []}, r"named: \[\] is no object"),
        ({"named": {"x": "0"}}, "named.x: '0' is no whole number"),
        ({"word": "perhaps"}, "word: 'perhaps' is not one of 'yes', 'no'"),
        ({"mixed": None}, "mixed: None is of no kind that may stand there"),
        ({"mixed": "\ud800"}, "mixed: '.' holds half of a character"),
        ({"what": 0.5}, "what: numbers that are not whole are kept as text"),
        ({"what": 2**53}, "what: .* is not between"),
        ({"what": {"\udc00": 1}}, "what: '.' holds half of a character"),
        ({"what": "x" * 70_000}, "what: a text has at most 65536 characters, not 70000"),
    ],
)
def test_anything_else_is_refused_with_its_place(damage, words):
    with pytest.raises(Undecodable, match=words):
        from_json(Thing, {**STORED_THING, **damage})


@pytest.mark.parametrize("absent", [name for name in STORED_THING if name != "colour"])
def test_a_key_that_is_not_there_is_refused(absent):
    with pytest.raises(Undecodable, match=f"a thing has '{absent}', and it is not there"):
        from_json(Thing, {name: value for name, value in STORED_THING.items() if name != absent})


def test_even_a_choice_that_is_none_is_there():
    with pytest.raises(Undecodable, match="colour"):
        from_json(Thing, {name: value for name, value in STORED_THING.items() if name != "colour"})

    assert from_json(Thing, {**STORED_THING, "colour": None}).colour is None


@pytest.mark.parametrize("depth", [66, 900])
def test_free_form_is_bounded_in_depth(depth):
    nested = parse_json("[" * depth + "]" * depth)

    with pytest.raises(Undecodable, match="what: it nests deeper than 64"):
        from_json(Thing, {**STORED_THING, "what": nested})


@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"is":"both","parts":[', "]}"), ('{"a":', "}")])
@pytest.mark.parametrize("key", ["shape", "share", "named", "kinds"])
def test_what_nests_too_deep_for_python_is_refused_at_any_depth(key, opening, closing):
    for depth in (*range(100, 1001, 100), *range(900, 1001)):
        with contextlib.suppress(ValueError):
            nested = parse_json(opening * depth + ("1" if opening == '{"a":' else "") + closing * depth)
            from_json(Thing, {**STORED_THING, key: nested})


def test_a_name_that_is_none_is_said_before_its_value():
    with pytest.raises(Undecodable, match=r"named\.a b: 'a b' is no name"):
        union_from_json(Mapping[Name, Count], {"a b": "0"}, "named")


@pytest.mark.parametrize(
    ("form", "sound", "unsound"),
    [
        (Digest, ["a" * 64], ["a" * 63, "A" * 64, "a" * 65, "", 1]),
        (Measured, ["-2.5", "1e-05", "1/3", "0", "1e999"], ["nan", "inf", "1/0", "0.5/3", ".5", "1e9999", " 1", "1_0"]),
        (Seconds, ["0", "12.5"], ["-1", "1e3", "1.", ""]),
        (Moment, ["2026-01-02T03:04:05Z"], ["2026-01-02", "2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05Z\n"]),
    ],
)
def test_forms_of_text(form, sound, unsound):
    assert [union_from_json(form, one) for one in sound] == sound
    for one in unsound:
        with pytest.raises(Undecodable):
            union_from_json(form, one)


@given(st.one_of(drawn.words, drawn.exact_numbers, drawn.exact_numbers.map(str)))
def test_a_level_is_a_number_or_a_word_and_never_the_other(level):
    stored = parse_canonical(canonical(level_to_json(level)))

    read = union_from_json(Fraction | str, stored)
    assert (type(read), read) == (type(level), level)


@given(drawn.of(Measured))
def test_every_measured_text_is_a_number(text):
    Fraction(text)


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.__name__)
def test_every_stored_class_survives_its_bytes(kind):
    @some
    @given(drawn.of(kind))
    def survives(value):
        stored = canonical(to_json(value))
        read = from_json(kind, parse_canonical(stored))

        assert read == value
        assert canonical(to_json(read)) == stored

    survives()


def test_every_event_has_a_tag_of_its_own():
    tags = [kind.TAG for kind in Happening.__args__]

    assert len(set(tags)) == len(tags)


def silent(kind):
    """Keys that are left out of what is stored where they say nothing."""
    hints = get_type_hints(kind, include_extras=True)
    return {name for name, hint in hints.items() if any(isinstance(one, Silent) for one in get_args(hint)[1:])}


@some
@given(drawn.of(Event), st.data())
def test_a_stored_event_with_any_key_gone_or_added_is_none(event, data):
    stored = to_json(event)
    place, kind = data.draw(st.sampled_from([(stored, Event), (stored["event"], type(event.event))]))
    if data.draw(st.booleans()):
        del place[data.draw(st.sampled_from(sorted(place.keys() - silent(kind))))]
    else:
        place["another"] = data.draw(drawn.free)

    with pytest.raises(Undecodable):
        from_json(Event, stored)


@some
@given(drawn.free)
def test_whatever_json_is_read_it_is_a_value_or_undecodable(stored):
    for kind in (*STORED, Thing):
        try:
            from_json(kind, stored)
        except Undecodable:
            continue
        raise AssertionError(f"{stored} is a {kind}")


@frozen
class Narrowed:
    """A number of a kind that has bounds, with bounds of its own."""

    size: Annotated[Count, Range(10, 20)]


@pytest.mark.parametrize("size", [0, 9, 21])
def test_bounds_of_a_field_count_and_not_those_of_its_kind(size):
    assert from_json(Narrowed, {"size": 10}) == Narrowed(10)
    with pytest.raises(Undecodable):
        from_json(Narrowed, {"size": size})


def reached(kind, found):
    """The classes of values that are stored in one, itself included."""
    if isinstance(kind, type) and is_value(kind) and kind not in found:
        found.add(kind)
        for hint in hints(kind).values():
            reached(hint, found)
    for part in get_args(kind):
        reached(part, found)
    return found


def test_fields_of_stored_classes_are_declared_as_typing_says_it():
    kinds = set().union(*(reached(kind, set()) for kind in STORED))

    assert len(kinds) > 100
    for kind in kinds:
        said = get_type_hints(kind, localns={"Json": None}, include_extras=True)
        assert hints(kind).keys() == said.keys()
        assert {name: hint for name, hint in hints(kind).items() if "Json" not in str(hint)} == {
            name: said[name] for name, hint in hints(kind).items() if "Json" not in str(hint)
        }


@frozen
class Written:
    """Declared in expressions, as `from __future__ import annotations` has it."""

    size: "Annotated[Count, Range(10, 20)]"
    colours: "tuple[Colour, ...]" = ()


def test_a_class_whose_fields_are_declared_in_expressions_is_stored_as_any_other():
    value = Written(10, (Colour.RED,))

    assert from_json(Written, to_json(value)) == value
    with pytest.raises(Undecodable):
        from_json(Written, {"size": 9, "colours": []})


@given(st.text(alphabet="-+0123 _.\u0661", max_size=6) | st.integers(-(10**43), 10**43).map(str))
def test_a_large_number_is_text_as_str_writes_it(text):
    written = re.fullmatch(r"0|-?[1-9][0-9]{0,40}", text) is not None and abs(int(text)) <= 10**40

    try:
        found = from_json(Pair, ["a", text]).large
    except Undecodable:
        assert not written
    else:
        assert written and str(found) == text
