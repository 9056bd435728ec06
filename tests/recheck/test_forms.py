"""The second verifier knows the form of all that is stored: it takes and refuses what promo takes and refuses."""

import json
import random
from enum import Enum
from typing import get_args, get_type_hints

import pytest
from promo.templates import recheck

import studies
from promo.base.canonical import Json
from promo.base.classes import fields
from promo.base.codec import from_json, union_from_json
from promo.base.fields import Undecodable, Unstored
from promo.ledger.outcomes import Because, Outcome
from promo.ledger.values import Event, Happening
from promo.plans.values import Plan
from promo.run.outside import Outside
from promo.run.values import Envelope, Exit, Request
from promo.study.closure import Closure
from promo.study.judgement import Condition, Deciding
from promo.study.lock import Lock

PROBES = (
    None,
    True,
    0,
    1,
    -1,
    7,
    10**6,
    2**53,
    -(2**53),
    1.5,
    "",
    "x",
    "0",
    "-0",
    "1",
    "01",
    "1.50",
    "0.5",
    "1/3",
    "2/4",
    "1e5",
    "-7",
    "nan",
    "9" * 401,
    "a" * 65_537,
    "0" * 64,
    "g" * 64,
    "2026-01-02T03:04:05Z",
    "2026-01-02",
    "runs/a/b-c-s1/attempt-1",
    [],
    {},
    [None],
    ["x"],
    [1],
    [[]],
    {"x": "x"},
    {"is": "first"},
    {"is": "settled"},
    {"word": "1"},
    {"word": "x"},
    "\u0661",
)
"""What is put in the place of every value."""

NARROWER = {
    "amount": "from 0",
    "cap_s": "from 0",
    "planned": "from 0",
    "most": "from 0",
    "count": "from 0",
    "threads": "from 0",
    "output_bytes": "from 1000",
    "slots": "from 1",
    "reruns": "few",
    "share": "up to all",
    "confidence": "above a half and below 1",
    "rate": "above 0 and below 1",
    "sigma": "above 0",
    "family": "one of three",
    "block": "of host and seed",
    "hosts": "one or more",
    "seeds": "one or more",
    "stages": "one or more",
    "sources": "one or more",
    "factors": "one or more",
    "designs": "one or more",
    "strategies": "one or more",
    "stack": "one or more",
    "ties": "one or more",
    "between": "one or more",
    "conditions": "one or more, or signs",
    "rows": "signs",
    "words": "signs",
    "generators": "signs",
}
"""Fields in which the second verifier takes less than the codec, and what a field there has to be."""


def stored_fields(kind):
    """Names of the fields of a class that are stored."""
    hints = get_type_hints(kind, localns={"Json": Json}, include_extras=True)
    marks = {one.name: getattr(hints[one.name], "__metadata__", ()) for one in fields(kind)}
    return {name for name, some in marks.items() if not any(isinstance(one, Unstored) for one in some)}


def form_fields(name):
    """Names of the fields of a form of the second verifier."""
    lines = recheck.re.sub(r"\n    ", " ", recheck.FORMS).split("\n")
    said = next(line.partition(":")[2] for line in lines if line.partition(":")[0] == name)
    return {one.strip().split(" ")[0] for one in said.split(",") if one.strip()}


UNIONS = {"happening": Happening, "because": Because, "outcome": Outcome, "deciding": Deciding, "asked": Condition}


@pytest.mark.parametrize("union", UNIONS)
def test_every_member_of_a_union_has_a_form_with_its_fields(union):
    names = {
        line.partition(":")[0].partition("/")[2] for line in recheck.FORMS.split("\n") if line.startswith(f"{union}/")
    }

    assert names == {one.TAG for one in get_args(UNIONS[union])}
    for one in get_args(UNIONS[union]):
        assert form_fields(f"{union}/{one.TAG}") == stored_fields(one)


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """Real values of every class that is stored: (class, form, value)."""
    found = []
    for name in (
        "rich",
        "screened",
        "guarded",
        "amended_late",
        "grown",
        "looked",
        "replayed",
        "continued",
        "decided",
        "failing",
        "outside",
        "stateful",
    ):
        folder = studies.made(name, tmp_path_factory) / "trial.study"
        lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_bytes().splitlines()]
        found += [(Event, recheck.EVENT, line) for line in lines]
        for file, kind, form in (("plan.json", Plan, recheck.PLAN), ("lock.json", Lock, recheck.LOCK)):
            found.append((kind, form, json.loads((folder / file).read_bytes())))
        found += [(Request, recheck.REQUEST, json.loads(path.read_bytes())) for path in folder.rglob("request.json")]
        found += [(Envelope, recheck.ENVELOPE, json.loads(path.read_bytes())) for path in folder.rglob("result.json")]
        found += [(Outside, recheck.OUTSIDE, json.loads(path.read_bytes())) for path in folder.rglob("outside.json")]
    found.append((Exit, recheck.EXIT, {"returncode": 0, "reason": "itself", "seconds": "1.5"}))
    return found


def takes(kind, value):
    try:
        made = from_json(kind, value)
        for seal in made.seals.values() if kind is Lock else ():
            from_json(Closure, seal.closure)  # which promo decodes when it is asked for
    except Undecodable:
        return False
    return True


def fits(form, value):
    try:
        recheck.fit(form, value, "it")
    except recheck.DiffersError:
        return False
    return True


def test_both_take_every_real_value(values):
    for kind, form, value in values:
        assert takes(kind, value), value
        recheck.fit(form, value, kind.__name__)


def places(value, path=()):
    """Every place inside a value, as a path."""
    yield path
    if isinstance(value, (dict, list)):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in inside:
            yield from places(one, (*path, key))


def put(value, path, other):
    """A value with another one in a place."""
    if not path:
        return other
    key, *rest = path
    if isinstance(value, dict):
        return {**value, key: put(value[key], rest, other)}
    return [*value[:key], put(value[key], rest, other), *value[key + 1 :]]


def test_both_refuse_the_same_values_in_every_place(values):
    """The second one never takes what promo refuses, and refuses what promo takes only where this says why."""
    seen = set()
    # Each place is tried in the smallest value that has it: all of the value is read again for every probe.
    for kind, form, value in sorted(values, key=lambda one: len(json.dumps(one[2]))):
        tag = value.get("event", {}).get("is", "") if isinstance(value, dict) else ""
        for path in places(value):
            shape = (kind, tag, *(key if isinstance(key, str) else "[]" for key in path))
            if shape in seen or not path:
                continue
            seen.add(shape)
            for probe in random.Random(f"{kind.__name__} {shape[1:]}").sample(PROBES, 4):
                changed = put(value, path, probe)
                theirs, mine = takes(kind, changed), fits(form, changed)

                assert theirs or not mine, (shape, probe)
                narrower = {key for key in path[-4:] if key in NARROWER}
                assert mine or not theirs or narrower, (shape, probe)
    assert len(seen) > 800


CHOICES = [{one.value for one in kind} for kind in Enum.__subclasses__() if kind.__module__.startswith("promo.")]
NOWHERE = {("absent", "worst"), ("otherwise", "worst"), ("otherwise", "drop"), ("otherwise", "skip")}
"""Field and word that a class can hold and the check lets no study have."""


def test_the_second_verifier_takes_every_word_of_every_choice_somewhere(values):
    """A word that a choice of promo's gains is one that the second verifier has to know."""
    seen, here, there = set(), set(), set()
    for kind, form, value in values:
        tag = value.get("event", {}).get("is", "") if isinstance(value, dict) else ""
        for path in places(value):
            word = value
            for key in path:
                word = word[key]
            shape = (kind, tag, *(key if isinstance(key, str) else "[]" for key in path))
            if type(word) is not str or not path or type(path[-1]) is not str or shape in seen:
                continue
            seen.add(shape)
            for other in {one for words in CHOICES if word in words for one in words}:
                changed, about = put(value, path, other), (path[-1], other)
                here |= {about} if takes(kind, changed) else set()
                there |= {about} if fits(form, changed) else set()

    assert here - there == NOWHERE
    assert len(here) > 80


def test_keys_that_are_missing_or_strange_are_refused(values):
    seen = set()
    for kind, form, value in values:
        for path in places(value):
            one = value
            for key in path:
                one = one[key]
            shape = (kind, *(key if isinstance(key, str) else "[]" for key in path))
            if not isinstance(one, dict) or not one or shape in seen:
                continue
            seen.add(shape)
            for other in ({**one, "strange": 1}, dict([*one.items()][1:])):
                changed = put(value, path, other)

                assert fits(form, changed) <= takes(kind, changed), (shape, other)
    assert len(seen) > 80


def test_a_member_of_a_union_is_refused_where_another_one_stands():
    assert takes_union(Condition, {"is": "first"})
    assert not fits(recheck.BASES["condition"], {"is": "last"})
    assert not fits(recheck.BASES["condition"], {"is": ["first"]})


def takes_union(union, value):
    try:
        union_from_json(union, value)
    except Undecodable:
        return False
    return True


def test_a_condition_that_nests_too_deeply_is_refused_with_one_message():
    asked = {"is": "first"}
    for _ in range(100_000):
        asked = {"is": "not", "condition": asked}

    with pytest.raises(recheck.DiffersError, match="it nests too deeply"):
        recheck.fit(recheck.BASES["condition"], asked, "a condition")


def test_the_closure_has_the_fields_of_its_class():
    assert form_fields("closure") == stored_fields(Closure) | {"promo_seal"}


def test_every_kind_of_event_and_of_condition_is_looked_at():
    for one in get_args(Happening):
        assert one.TAG in recheck.HAPPENED
        assert one.TAG == "study.frozen" or hasattr(recheck.Course, f"_{one.TAG.replace('.', '_')}")
    for one in get_args(Condition):
        assert one.TAG in ("not", "and", "or") or hasattr(recheck.Board, f"_{one.TAG}")
