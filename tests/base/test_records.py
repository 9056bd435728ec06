"""Values made by `promo.base.records` behave as those of attrs do, which the rooms further on use."""

import copy
import pickle

import attrs
import pytest

from promo.base.records import define, evolve, field, frozen


@frozen
class Place:
    """A value with all that a field can say."""

    name: str
    at: int = 3
    where: tuple[int, ...] = field(eq=False, shown=False, factory=tuple)


@attrs.frozen
class Same:
    """The same, by attrs."""

    name: str
    at: int = 3
    where: tuple[int, ...] = attrs.field(eq=False, repr=False, factory=tuple)


@define
class Found:
    """A value that grows."""

    names: list[str] = field(factory=list)


@frozen(eq=False)
class Alone:
    """A value that is equal to itself alone."""

    name: str


@pytest.mark.parametrize("kind", [Place, Same])
def test_both_kinds_of_values_behave_alike(kind):
    one = kind("a", where=(1,))
    assert (one.name, one.at, one.where, kind("a").where) == ("a", 3, (1,), ())
    assert repr(one) == f"{kind.__name__}(name='a', at=3)"
    assert one == kind("a") and one != kind("b") and one != kind("a", 4) and one != ("a", 3)
    assert hash(one) == hash(kind("a")) and len({one, kind("a"), kind("b")}) == 2
    for change in (lambda: setattr(one, "at", 4), lambda: delattr(one, "at"), lambda: setattr(one, "other", 4)):
        with pytest.raises(AttributeError):
            change()
    for copied in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert copied == one and copied.where == (1,)
    for wrong in (lambda: kind(), lambda: kind("a", 1, (), 2), lambda: kind("a", other=1)):
        with pytest.raises(TypeError):
            wrong()
    assert not hasattr(one, "__dict__")
    match one:
        case kind(name, at):
            assert (name, at) == ("a", 3)


@pytest.mark.parametrize("change", [evolve, attrs.evolve])
@pytest.mark.parametrize("kind", [Place, Same])
def test_changes_and_fields_cross_between_both(kind, change):
    assert change(kind("a", where=(1,)), at=5).at == 5
    assert change(kind("a", where=(1,)), at=5).where == (1,)
    assert attrs.asdict(kind("a")) == {"name": "a", "at": 3, "where": ()}


def test_a_default_is_made_anew_for_each_value():
    one, two = Found(), Found()
    one.names.append("a")
    assert two == Found([]) and one == Found(["a"])
    with pytest.raises(TypeError):
        hash(one)


def test_values_without_equality_are_equal_to_themselves_alone():
    one = Alone("a")
    assert one != Alone("a") and len({one, Alone("a"), one}) == 2


def test_fields_are_not_inherited():
    with pytest.raises(TypeError, match="not inherited"):

        @frozen
        class Below(Place):
            more: int
