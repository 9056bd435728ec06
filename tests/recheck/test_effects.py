"""Effects of random tables, lost runs and all, come out the same from both programs; and every statement is met."""

import json
import random
from fractions import Fraction
from types import SimpleNamespace
from typing import get_args

from promo.templates import recheck

from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.evidence.effects import estimate_effects
from promo.evidence.estimates import Method
from promo.evidence.statements import Statement
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.study.design import effects_up_to, folded, standard_rows
from promo.study.families import Procedure, Rest
from promo.study.space import Design
from promo.study.values import Effects

FACTORS = ("a", "b", "c", "d")
HALF = {"d": (1, ("a", "b", "c"))}
BLOCKS = (("host", "seed"), ("host",), ("seed",), ())


def design(name, rows, *, centre):
    """A design of these rows, for its points alone."""
    levels = (Fraction(-1),) * 4, (Fraction(1),) * 4
    numbers = tuple(range(1, len(rows) + 1))
    middle = (Fraction(0),) * 4 if centre else None
    middles = ((0, 0, 0, 0),) if centre else ()
    if centre and len(rows) % 3:
        middles = ((0, 0, 0, -1), (0, 0, 0, 1))
    return Design(
        name, FACTORS, *levels, numbers, tuple(rows), middle, middles, (), (), False, (), "full", None, None, where={}
    )


def study_of(draw):
    """Designs and effects at random."""
    rows = standard_rows(FACTORS, draw.choice([{}, HALF, {"c": (1, ("a", "b")), "d": (-1, ("a", "b"))}]))
    lost = [row for row in rows if draw.random() < draw.choice([0, 0, 0.3])]
    first = design("x", [row for row in rows if row not in lost] or rows, centre=draw.random() < 0.4)
    designs = {"x": first}
    if draw.random() < 0.4:
        half = [row for row in folded(FACTORS, first.rows, "a") if row[1] > 0]
        designs["y"] = design("y", half, centre=False) if half else first
    terms = tuple(term for term in effects_up_to(FACTORS, 3) if len(term) > 1 and draw.random() < 0.1)
    pairs = draw.random() < 0.5
    terms = tuple(term for term in terms if len(term) > 2 or not pairs)
    family, rate = draw.choice(["main", "all"] + ["pairs"] * pairs), Fraction(draw.choice([1, 5, 20]), 100)
    asked = Effects("e", ("s", "t"), tuple(designs), pairs, terms, draw.choice(BLOCKS), family, rate, "", where={})
    return SimpleNamespace(designs=designs), asked


def values(draw, points, cells, base, scale):
    """A table; *base* holds what each run has at every stage."""
    places, missing = draw.choice([0, 1, 4, 9]), draw.choice([0, 0, 0.1, 0.5])
    own = draw.random() < 0.3
    active = {effect: draw.choice([0, 0, 1, 3]) for effect in effects_up_to(FACTORS, 3)}
    rows = []
    for name, row in sorted(points.items()):
        line = []
        for host, seed in cells:
            level = dict(zip(FACTORS, row, strict=True))
            told = sum(
                size * level[effect[0]] * level[effect[-1]] * level[effect[len(effect) // 2]]
                for effect, size in active.items()
                if size
            )
            value = told + base.setdefault((name, host, seed), draw.gauss(0, 1)) + draw.gauss(0, 0.1)
            gone = draw.random() < missing or (own and (row[0] * row[1] * row[2] > 0) == (host == "h"))
            text = None if gone else f"{value:.{places}f}" if scale is None else repr(value / 50 * 10.0**scale)
            line.append(Cell(host, seed, "x", CellStatus.NOT_RUN if gone else CellStatus.OK, text, 1, "e"))
        rows.append(Row(name, tuple(line)))
    return tuple(rows)


def drawn(seed):
    """A study, effects, and evidence of two stages that share all runs, some, or none."""
    draw = random.Random(seed)
    study, asked = study_of(draw)
    points = {name: row for one in study.designs.values() for name, row in one.points.items()}
    hosts, count, base = draw.choice(["h", "hg"]), draw.choice([1, 1, 2, 3]), {}
    scale = draw.choice([None, None, None, 0, 250, 307, -300])
    evidence = {}
    for stage, first in (("s", 1), ("t", draw.choice([1, 1, 2, 50]))):
        cells = tuple((host, seed) for seed in range(first, first + count) for host in hosts)
        evidence[stage] = Evidence(stage, "y", cells, values(draw, points, cells, base, scale))
    return study, asked, evidence


def met(table):
    """What a table shows, by kind."""
    for fit in table.fits:
        yield from (type(one).TAG for one in fit.statements)
        yield fit.method.value
        if fit.curvature is not None:
            yield "curvature" if fit.curvature.error else "curvature without error"
        for one in fit.estimates:
            yield from ["aliases"] * bool(one.aliases) + ["host p"] * bool(one.host_p)
    yield from ("paired" if one.runs else "independent" for one in table.changes if one.error)


def derived(study, asked, evidence, stored):
    """The same by the second verifier."""
    plan = SimpleNamespace(study={"designs": {name: to_json(one) for name, one in study.designs.items()}})
    tables = {stage: to_json(one) for stage, one in evidence.items()}
    digests = {stage: one.digest for stage, one in evidence.items()}
    return recheck.effects_of(to_json(asked), plan, tables, digests, stored)


def test_effects_of_any_table_are_derived_alike_and_everything_that_is_said_of_them_is_met():
    seen = set()
    for seed in range(240):
        study, asked, evidence = drawn(seed)
        table = estimate_effects(study, asked, evidence)
        stored = json.loads(json.dumps(to_json(table)))

        assert recheck.first_difference(derived(study, asked, evidence, stored), stored) == "", seed
        seen.update(met(table))

    statements = {one.TAG for one in get_args(Statement)} - {"all equal", "too few"}
    others = {"least squares", "lenth", "curvature", "curvature without error", "aliases", "host p"}
    assert statements | others | {"paired", "independent"} <= seen


def test_a_forged_number_is_found():
    study, asked, evidence = drawn(3)
    stored = json.loads(json.dumps(to_json(estimate_effects(study, asked, evidence))))
    one = next(one for one in stored["fits"][0]["estimates"] if one["value"] not in (None, "0"))
    one["value"] = f"{float(one['value']) * 1.001:.6g}"

    assert recheck.first_difference(derived(study, asked, evidence, stored), stored).startswith("fits")


def test_families_that_share_their_rate_otherwise_are_derived_alike():
    seen = set()
    for seed in range(400, 460):
        study, asked, evidence = drawn(seed)
        for procedure in (Procedure.HOLM, Procedure.HOCHBERG):
            asked = evolve(asked, procedure=procedure)
            table = estimate_effects(study, asked, evidence)
            stored = json.loads(json.dumps(to_json(table)))

            assert recheck.first_difference(derived(study, asked, evidence, stored), stored) == "", seed
            seen |= {(procedure, one.adjusted) for one in table.fits[0].estimates if one.adjusted}
    by = [{text for one, text in seen if one is procedure} for procedure in (Procedure.HOLM, Procedure.HOCHBERG)]
    assert by[0] - by[1]
    assert by[1] - by[0]


def test_what_a_model_leaves_out_is_error_or_listed_alike():
    methods, listed = set(), set()
    for seed in range(600, 624):
        study, asked, evidence = drawn(seed)
        for rest in (Rest.ERROR, Rest.LISTED):
            table = estimate_effects(study, evolve(asked, rest=rest), evidence)
            stored = json.loads(json.dumps(to_json(table)))
            again = derived(study, evolve(asked, rest=rest), evidence, stored)

            assert recheck.first_difference(again, stored) == "", (seed, rest)
            methods |= {(rest, fit.method) for fit in table.fits}
            listed |= {(rest, bool(fit.rest)) for fit in table.fits}
    assert (Rest.ERROR, Method.LENTH) not in methods
    assert {(Rest.LISTED, Method.LENTH), (Rest.LISTED, Method.LEAST_SQUARES)} <= methods
    assert listed == {(Rest.ERROR, False), (Rest.LISTED, False), (Rest.LISTED, True)}
