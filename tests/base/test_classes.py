"""Classes of values: attrs makes them, and not before there is a value."""

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

from promo.base.classes import define, evolve, field, fields, frozen, is_value

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
    """Whether attrs has not been asked to make a class: asking attrs itself would make it."""
    return "__later__" in vars(kind)


def test_attrs_makes_a_class_with_its_first_value_and_those_it_inherits_from():
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
