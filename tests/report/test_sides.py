"""A test that fails says which part of it does: the value, or only the confidence that was asked for."""

import pytest

from promo.decision.decide import decide_rule
from promo.report.decided import decision_words, finding_words
from verdicts import BASE, judged

SURE = "at 95% over cells"
FLIPPED = "mean gap at most 0.5pt at 75% over cells by sign_flip"


@pytest.mark.parametrize(
    ("require", "good", "says"),
    [
        (f"mean gap at most 0.5pt {SURE}", ("2.1", "3.2"), "+0.1500 pt, 0.0343 inside"),
        (
            f"mean gap at most 0.5pt {SURE}",
            ("2.1", "3.5"),
            "+0.3000 pt, the value inside, its confidence 1.0628 beyond",
        ),
        (f"mean gap at most 0.5pt {SURE}", ("2.6", "3.6"), "+0.6000 pt, 0.1000 beyond"),
        (
            f"mean gap at least 0.2pt {SURE}",
            ("2.1", "3.5"),
            "+0.3000 pt, the value inside, its confidence 1.1628 beyond",
        ),
        (
            f"equivalent to base within 0.5pt {SURE}",
            ("2.1", "3.5"),
            "pt, the value inside, its confidence 1.0628 beyond",
        ),
        (f"equivalent to base within 0.5pt {SURE}", ("2.7", "3.8"), "+0.7500 pt, 0.5657 beyond"),
        (FLIPPED, ("2.1", "3.8"), "+0.4500 pt, 0.0500 inside, but p is too large for the confidence"),
        (FLIPPED, ("2.9", "3.9"), "+0.9000 pt, 0.4000 beyond"),
        (FLIPPED, ("2.1", "3.2"), "+0.1500 pt, 0.3500 inside"),
    ],
)
def test_a_finding_says_on_which_side_its_value_and_its_confidence_are(require, good, says):
    study, rule, evidence = judged(require, good, BASE)
    decision = decide_rule(study, rule, evidence)
    (finding,) = decision.found.findings

    assert says in finding_words(finding, study, str)


def test_a_rule_that_fails_for_want_of_confidence_says_so():
    study, rule, evidence = judged(f"mean gap at most 0.5pt {SURE}", ("2.1", "3.5"), BASE)

    said = decision_words(decide_rule(study, rule, evidence), study, str)

    assert "seen +0.3000 pt, the value inside the bound, its confidence 1.0628 beyond" in said
