"""Effects of factors with more than two levels come out the same from both programs, lost runs and all."""

import json
from types import SimpleNamespace

import pytest
from promo.templates import recheck

from grids import drawn
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.evidence.effects import estimate_effects
from promo.study.families import Rest


def derived(study, asked, evidence, stored):
    """The same by the second verifier."""
    arrays = {name: to_json(one) for name, one in study.arrays.items()}
    plan = SimpleNamespace(study={"designs": {}, "arrays": arrays})
    tables = {stage: to_json(one) for stage, one in evidence.items()}
    digests = {stage: one.digest for stage, one in evidence.items()}
    return recheck.effects_of(to_json(asked), plan, tables, digests, stored)


def met(table):
    """What a table shows, by kind."""
    for fit in table.fits:
        yield from (type(one).TAG for one in fit.statements)
        yield fit.method.value
        yield from ["joint"] * any(one.p for one in fit.joints) + ["step"] * any(one.p for one in fit.steps)
        for one in fit.estimates:
            yield from ["aliases"] * bool(one.aliases) + ["host p"] * bool(one.host_p)
            yield from ["chain"] * (len(one.chain) > 1) + ["lost"] * (one.value is None)
    yield from ("paired" if one.runs else "independent" for one in table.changes if one.error)


@pytest.mark.parametrize("part", range(4))
def test_effects_of_more_levels_are_derived_alike(part):
    kinds = {"joint", "step", "aliases", "host p", "lost", "paired", "independent", "not distinguished"}
    kinds, seen = kinds | {"lenth", "least squares"}, set()
    for number in range(30):
        seed = 100 * part + number
        if number >= 8 and kinds <= seen:
            break
        study, asked, evidence = drawn(seed)
        table = estimate_effects(study, asked, evidence)
        stored = json.loads(json.dumps(to_json(table)))

        assert recheck.first_difference(derived(study, asked, evidence, stored), stored) == "", seed
        seen.update(met(table))

    assert kinds <= seen


@pytest.mark.parametrize("where", ["joints", "steps", "estimates"])
def test_a_forged_number_is_found(where):
    key = {"joints": "f", "steps": "value", "estimates": "value"}[where]
    for seed in range(20):
        study, asked, evidence = drawn(seed)
        stored = json.loads(json.dumps(to_json(estimate_effects(study, asked, evidence))))
        one = next((one for one in stored["fits"][0].get(where, ()) if one[key] not in (None, "0")), None)
        if one is not None:
            one[key] = f"{float(one[key]) * 1.001:.6g}"

            assert recheck.first_difference(derived(study, asked, evidence, stored), stored).startswith("fits")
            return
    raise AssertionError("no table with such a number was drawn")


def test_what_a_model_leaves_out_is_error_or_listed_alike():
    listed = set()
    for seed in range(700, 706):
        study, asked, evidence = drawn(seed)
        for rest in (Rest.ERROR, Rest.LISTED):
            table = estimate_effects(study, evolve(asked, rest=rest), evidence)
            stored = json.loads(json.dumps(to_json(table)))
            again = derived(study, evolve(asked, rest=rest), evidence, stored)

            assert recheck.first_difference(again, stored) == "", (seed, rest)
            listed |= {(rest, bool(fit.rest)) for fit in table.fits}
    assert listed == {(Rest.ERROR, False), (Rest.LISTED, False), (Rest.LISTED, True)}
