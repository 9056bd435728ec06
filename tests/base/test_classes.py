"""Classes of values: as attrs makes them, and not before there is a value."""

import ast
import copy
import importlib
import inspect
import pickle
import pkgutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import ClassVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import promo
from promo.base import classes
from promo.base.classes import define, evolve, field, fields, frozen, is_value, names

PRODUCT = Path(__file__).parents[2] / "interpreter" / "promo"


def kinds(frozen=frozen, define=define, field=field):
    """Classes of which there is no value yet."""

    @frozen
    class Point:
        KIND: ClassVar[str] = "point"

        x: int
        y: int = 2
        label: str = field(default="", eq=False)
        tags: tuple[str, ...] = field(factory=tuple, repr=False)

    @frozen
    class Deep(Point):
        z: int = 5
        y: int = 9

    @define
    class Counter:
        count: int = 0
        half: float = field(init=False)

        def __attrs_post_init__(self):
            self.half = self.count / 2

    return Point, Deep, Counter


def many_kinds(frozen, define, field):
    """Classes that between them ask for all that classes of values may."""

    @frozen
    class Both:
        x: int
        y: str

    @frozen(kw_only=True)
    class Named:
        x: int
        y: int = 3

    @frozen
    class Led:
        x: int = 1
        y: int = field()

        @y.default
        def _(self):
            return self.x + 1

    @frozen
    class Drawn:
        x: int
        y: int = field()
        z: int = field()

        @y.default
        def _(self):
            return self.x + 1

        @z.default
        def _(self):
            return self.y + 1

    @define(eq=False)
    class Work:
        x: list[int] = field(factory=list)
        y: int = field(init=False, default=-1)

    @frozen(kw_only=True)
    class Under(Both):
        z: int

    @frozen
    class Nothing:
        pass

    @define
    class Kept:
        x: int
        _y: int = 4

    return *kinds(frozen, define, field), Both, Named, Led, Drawn, Work, Under, Nothing, Kept


def unmade(kind):
    """Whether a class was not made yet: asking attrs itself would make it."""
    return "__later__" in vars(kind)


def test_a_class_is_made_with_its_first_value_and_so_are_those_it_inherits_from():
    point, deep, counter = kinds()
    assert [unmade(kind) for kind in (point, deep, counter)] == [True] * 3

    value = deep(1, label="a")

    assert [unmade(kind) for kind in (point, deep, counter)] == [False, False, True]
    assert (value.x, value.y, value.z, value.tags) == (1, 9, 5, ())
    assert repr(value).endswith("Deep(x=1, label='a', z=5, y=9)")
    assert (counter(3).half, counter(3)) == (1.5, counter(3))


def test_values_are_equal_hashed_and_unchanging_as_attrs_has_it():
    point, deep, counter = kinds()

    assert point(1) == point(1, label="other")
    assert point(1) != deep(1)
    assert len({point(1), point(1, label="other"), point(2)}) == 2
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        point(1).x = 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(counter())


def test_the_fields_of_a_class_can_be_asked_for_before_there_is_a_value():
    point, deep, _ = kinds()

    assert is_value(deep)
    assert names(deep) == ("x", "label", "tags", "z", "y")
    assert [one.name for one in fields(deep)] == ["x", "label", "tags", "z", "y"]
    assert is_value(point(1))
    assert not is_value(int)


def test_attrs_own_functions_know_a_class_before_there_is_a_value():
    point, deep, counter = kinds()

    assert attrs.has(counter)
    assert [one.name for one in attrs.fields(deep)] == ["x", "label", "tags", "z", "y"]
    assert not unmade(point)
    assert attrs.asdict(point(1)) == {"x": 1, "y": 2, "label": "", "tags": ()}


@pytest.mark.parametrize("first", [False, True])
def test_a_class_that_attrs_makes_inherits_the_fields_of_one_with_and_without_values(first):
    point, _, _ = kinds()
    if first:
        point(1)

    for make in (attrs.frozen, attrs.define):  # what inherits from a frozen class is frozen

        @make
        class Mine(point):
            more: int = 7

        assert attrs.astuple(Mine(1)) == (1, 2, "", (), 7)
        assert Mine(1) == Mine(1) != point(1)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            Mine(1).more = 2


@frozen
class Sent:
    """What another process has made, and this one not yet."""

    x: int


def test_a_value_of_another_process_is_one_of_a_class_that_was_not_made_here():
    sent = pickle.dumps(Sent(1))

    script = (
        "import pickle, sys; sys.path[:0] = sys.argv[1:]; "
        "a, b = pickle.load(sys.stdin.buffer), pickle.load(sys.stdin.buffer);"
        "assert a == b and len({a, b}) == 1 and repr(a) == 'Sent(x=1)' and type(a).__match_args__ == ('x',)"
    )
    script = [sys.executable, "-c", script, *sys.path]
    done = subprocess.run(script, input=sent * 2, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert copy.deepcopy(Sent(1)) == copy.copy(Sent(1)) == Sent(1)


def test_a_wrong_call_is_the_same_mistake_each_time():
    point, _, _ = kinds()

    for _ in range(2):
        with pytest.raises(TypeError, match=r"Point\.__init__\(\) missing 1 required positional argument: 'x'"):
            point()
    assert evolve(point(1), x=3) == point(3)


def outcome(kind, first, second):
    """What a call gives, its mistake included."""
    try:
        made = kind(*first, **second)
    except TypeError as fault:
        return str(fault).replace("many_kinds.<locals>.", "").replace("kinds.<locals>.", "")
    same = type(made)(*first, **second)
    shown = repr(made) if "__repr__" in vars(kind) else ""
    return (
        vars(made),
        shown,
        made == same,
        hash(made) == hash(same) if type(made).__hash__ else None,
        kind.__match_args__,
    )


WORDS = st.sampled_from(["x", "y", "z", "label", "tags", "count", "half", "other"])


@given(st.data(), st.lists(st.integers(0, 3), max_size=5), st.dictionaries(WORDS, st.integers(0, 3), max_size=4))
def test_any_call_gives_what_attrs_gives_and_is_refused_in_its_words(data, first, second):
    which = data.draw(st.integers(0, len(MINE) - 1))
    if data.draw(st.booleans()):  # a sound call, or nearly
        asked = [one.alias for one in attrs.fields(THEIRS[which]) if one.init]
        second = dict(zip(asked[len(first) :], second.values(), strict=False))

    seen, expected = (outcome(kind, first, second) for kind in (MINE[which], THEIRS[which]))

    assert seen == expected


MINE = many_kinds(frozen, define, field)
THEIRS = many_kinds(
    *(lambda kind=None, how=how, **given: how(kind, slots=False, **given) for how in (attrs.frozen, attrs.define)),
    attrs.field,
)


def test_every_class_of_promo_is_as_attrs_makes_it():
    for one in pkgutil.walk_packages(promo.__path__, "promo."):
        if not one.name.endswith("__main__"):
            importlib.import_module(one.name)
    every = [
        kind
        for name, module in list(sys.modules.items())
        if name.split(".")[0] == "promo"
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == name and "__declared__" in vars(kind)
    ]

    assert len(every) > 450
    for kind in every:
        named = names(kind)
        theirs = attrs.fields(kind)  # attrs makes it for this
        assert named == tuple(one.name for one in theirs)
        assert [one.name for one in kind.__parts__ if one.init] == [one.name for one in theirs if one.init]
        assert [one.name for one in kind.__parts__ if one.repr] == [one.name for one in theirs if one.repr]
        assert [one.name for one in kind.__parts__ if one.eq] == [one.name for one in theirs if one.eq]
        parameters = list(inspect.signature(kind.__attrs_init__).parameters.values())[1:]
        assert kind.__match_args__ == tuple(one.name for one in theirs if one.init and not one.kw_only)
        assert [one.alias for one in kind.__parts__] == [one.alias for one in theirs]
        without = {one.alias for one in kind.__parts__ if one.init and one.given is classes.MISSING and not one.late()}
        assert without == {one.name for one in parameters if one.default is one.empty}


def test_what_attrs_compiles_takes_over_where_a_class_has_many_values():
    point, deep, _ = kinds()

    made = [deep(1, z=number) for number in range(classes.MANY + 10)]

    assert deep.__init__ is deep.__attrs_init__
    assert unmade(point) is False
    assert made[0] == deep(1, z=0)
    assert [one.z for one in made] == list(range(len(made)))
    with pytest.raises(TypeError, match=r"Deep\.__init__\(\) missing 1 required positional argument: 'x'"):
        deep()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made[0].x = 2


def test_a_value_needs_no_attrs():
    script = (
        "import sys; from promo.base.classes import *\n"
        "@frozen\nclass Kind:\n    x: int\n    y: tuple = field(factory=tuple)\n"
        "one = Kind(1)\n"
        "assert evolve(one, x=2) != one == Kind(1) and hash(one) == hash(Kind(1)) and repr(one) == 'Kind(x=1, y=())'\n"
        "assert names(Kind) == ('x', 'y') and is_value(one)\n"
        "assert not {'attr', 'attrs', 'inspect'} & {*sys.modules}\n"
        "try: one.x = 2\nexcept AttributeError as fault: assert type(fault).__module__.startswith('attr')\n"
        "assert 'attrs' in sys.modules and Kind(1) == one"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert done.returncode == 0, done.stderr.decode()


def test_what_attrs_made_is_inherited_by_no_class_that_it_does_not_make():
    @attrs.frozen
    class Theirs:
        x: int

    @frozen
    class Ours(Theirs):
        y: int

    with pytest.raises(TypeError, match=r"attrs made .*Theirs, so it has to make .*Ours too"):
        Ours(1, 2)


def test_threads_that_make_the_first_value_at_once_all_get_theirs():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(25):
                point, deep, _ = kinds()
                together = Barrier(8)

                def make(number, point=point, deep=deep, together=together):
                    together.wait(10)
                    kind = deep if number % 2 else point
                    return kind(number), kind(1) == kind(1) and hash(kind(1)) == hash(kind(1))

                assert [(one.x, same) for one, same in pool.map(make, range(8))] == [(n, True) for n in range(8)]
    finally:
        sys.setswitchinterval(before)


def test_promo_makes_its_classes_in_one_way():
    """What else is taken from attrs makes no class."""
    texts = {path.relative_to(PRODUCT).as_posix(): path.read_text(encoding="utf-8") for path in PRODUCT.rglob("*.py")}
    taken = {
        (name, one.name)
        for name, text in texts.items()
        if name != "base/classes.py" and ("attr" in text or "dataclass" in text)  # most files name neither
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module in ("attr", "attrs", "dataclasses")
        for one in node.names
    }

    assert {name for _, name in taken} <= {"asdict"}, taken
