"""What a candidate is called besides its name: the levels that changed."""

from fractions import Fraction

from promo.base.classes import evolve
from promo.report.changed import MOST_LETTERS, beside, changes
from promo.study.values import Role
from support import SOUND, spec, study_of


def of(candidates: str, **parts: str) -> dict[str, str]:
    study = study_of(spec("use", candidate=f"{SOUND['candidate']}\n{candidates}", **parts))
    return changes(study, study.candidates)


def test_levels_that_differ_from_the_reference_are_told_in_the_order_of_the_spec():
    found = of("candidate big like base {\n  ratio = 4\n  size = 16\n}")

    assert found["big"] == "size 16, ratio 4"
    assert (found["base"], found["good"]) == ("", "quality 1")
    assert beside("big", found["big"]) == "big (size 16, ratio 4)"
    assert beside("base", found["base"]) == "base"


def test_without_a_reference_levels_that_differ_from_the_commonest_are_told():
    study = study_of(spec("use"))
    found = changes(study, ["good", "fair", "poor"])

    assert found == {"good": "", "fair": "quality 3", "poor": "quality 4"}


def test_a_name_that_says_its_levels_is_left_alone():
    found = of(
        "candidate q5_s16 like base {\n  quality = 5\n  size = 16\n}\n"
        "candidate s1 like base { size = 16 }\n"
        'candidate slow_one like base { behaviour = "slow" }'
    )

    assert found["q5_s16"] == ""
    assert found["s1"] == "size 16"  # 1 is not 16
    assert found["slow_one"] == ""


def test_a_number_or_a_few_letters_in_a_name_are_not_a_level():
    found = of(
        "candidate v16 like base { size = 16 }\n"
        "candidate unit_32 like base { size = 32 }\n"
        'candidate soon like base { behaviour = "oom" }\n'
        'candidate shoomer like base {\n  behaviour = "oom"\n  size = 12\n}\n'
        "candidate sz_48 like base { size = 48 }"
    )

    assert found["v16"] == "size 16"  # a sixteenth version
    assert found["unit_32"] == "size 32"
    assert found["soon"] == "behaviour oom"
    assert found["shoomer"] == "size 12, behaviour oom"  # its letters are in the name, and are no word of it
    assert found["sz_48"] == ""


def test_many_changes_and_long_levels_are_bounded():
    study = study_of(spec("use"))
    base = study.candidates["base"]
    factors = {f"f{number}": study.factors["size"] for number in range(6)}
    plain = tuple((name, Fraction(1)) for name in factors)
    big = tuple((name, Fraction(2)) for name in factors)
    odd = (*plain[1:], ("f0", "x" * 99))
    levels = {"base": plain, "big": big, "odd": odd}
    candidates = {name: evolve(study.candidates.get(name, base), levels=one) for name, one in levels.items()}
    candidates |= {name: evolve(candidates[name], role=Role.PLAIN) for name in ("big", "odd")}
    found = changes(evolve(study, factors=factors, candidates=candidates), candidates)

    assert found["big"] == "f0 2, f1 2, f2 2, 3 more"
    assert found["odd"] == f"f0 {'x' * (MOST_LETTERS - 1)}…"
