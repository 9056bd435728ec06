"""Classes of values: made as attrs makes them, and not before there is a value."""

import ast
import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import ClassVar

import attrs
import pytest

from promo.base.classes import MANY, define, evolve, field, fields, frozen, is_value

PRODUCT = Path(__file__).parents[2] / "interpreter" / "promo"


def kinds():
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


def unmade(kind):
    """Whether a class has not been made yet."""
    return "__fields__" not in vars(kind)


def test_a_class_is_made_with_its_first_value_and_those_it_inherits_from():
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


def declared(make, given):
    """A class of every kind of field, as promo and as attrs make it."""

    @make
    class Every:
        plain: int
        _hidden: int = 3
        several: list = given(factory=list)
        later: str = given(init=False)
        counted: dict = given(init=False, factory=dict)
        fixed: int = given(init=False, default=-1)
        twice: int = given(eq=False, repr=False)

        @twice.default
        def _twice(self):
            return 2 * self.plain + self._hidden

    return Every


@pytest.mark.parametrize(("ours", "theirs"), [(frozen, attrs.frozen), (define, attrs.define)])
@pytest.mark.parametrize("options", [{}, {"kw_only": True}, {"eq": False}, {"repr": False}])
def test_a_value_is_what_attrs_makes_of_the_same_class(ours, theirs, options):
    kinds = declared(ours(**options), field), declared(theirs(slots=False, **options), attrs.field)
    calls = [
        lambda kind: kind(plain=1),
        lambda kind: kind(1, 2, [3], 4),
        lambda kind: kind(plain=1, hidden=5, twice=0, several=None),
        lambda kind: kind(),
        lambda kind: kind(1, fixed=2),
        lambda kind: kind(1, _hidden=2),
        lambda kind: evolve(kind(plain=1), hidden=7),
        lambda kind: attrs.evolve(kind(plain=1), plain=7),
    ]

    for call in calls:
        found = []
        for kind in kinds:
            try:
                value = call(kind)
            except TypeError as fault:
                found.append(str(fault))
                continue
            with pytest.raises(AttributeError):
                _ = value.later
            value.__dict__["later"] = "set"
            said = repr(value).rpartition(">.")[2] if options != {"repr": False} else ""  # attrs leaves out where
            found.append((value.__dict__, said, value == copy.copy(value), kind.__match_args__))
        assert found[0] == found[1]


def test_a_value_needs_no_attrs():
    script = (
        "import sys; from promo.base.classes import *\n"
        "@frozen\nclass Kind:\n    x: int\n    y: tuple = field(factory=tuple)\n"
        "one = Kind(1)\n"
        "assert evolve(one, x=2) != one == Kind(1) and hash(one) == hash(Kind(1)) and repr(one) == 'Kind(x=1, y=())'\n"
        "assert [each.name for each in fields(Kind)] == ['x', 'y'] and is_value(one)\n"
        "assert not {'attr', 'attrs', 'inspect'} & {*sys.modules}\n"
        "try: one.x = 2\nexcept AttributeError as fault: assert type(fault).__module__.startswith('attr')\n"
        "assert 'attrs' in sys.modules and Kind(1) == one"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert done.returncode == 0, done.stderr.decode()


def test_a_class_of_many_values_is_made_by_attrs_and_its_values_stay_equal():
    point, _, _ = kinds()
    first = point(1, tags=("a",))
    for _ in range(MANY):
        last = point(1, tags=("a",))

    assert point.__init__ is point.__attrs_init__
    assert (first, repr(first), first.__dict__) == (last, repr(last), last.__dict__)


def test_what_attrs_made_is_inherited_by_no_class_that_it_does_not_make():
    @attrs.frozen
    class Theirs:
        x: int

    @frozen
    class Ours(Theirs):
        y: int

    with pytest.raises(TypeError, match=r"attrs made .*Theirs, so it has to make .*Ours too"):
        Ours(1, 2)


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
    taken = {
        (path.relative_to(PRODUCT).as_posix(), one.name)
        for path in PRODUCT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in ("attr", "attrs", "dataclasses")
        for one in node.names
        if path.relative_to(PRODUCT).as_posix() != "base/classes.py"
    }

    assert {name for _, name in taken} <= {"asdict"}, taken
