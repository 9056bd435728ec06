"""The record of forecasts: what counts, and how often."""

from fractions import Fraction

from promo.decision.values import Told
from promo.report.forecasts import Scored, outcome_cells, tally, tally_words


def score(candidate="small", came="2.55", low="2.4", high="2.6", by="before"):
    told = Told(candidate, "whole", "2.5", low, high)
    return Scored("a", "falling", by, told, told.candidate, Fraction(came), 2, replayed=False)


def test_a_schedule_that_keeps_a_shape_does_not_count_it_again():
    once = tally([score()])

    assert tally([score(), score("moving", by="deepening")]) == once
    assert tally([score(), score("moving", came="2.56")]).outcomes == 2


def test_a_forecast_without_spread_has_no_interval_to_lie_in():
    exact = score(low="2.5", high="2.5")

    assert exact.inside is None
    assert "2.5" in outcome_cells(exact)[0]
    assert outcome_cells(exact)[1] == outcome_cells(exact)[-1] == "–"
    assert next(tally_words([exact])).startswith("None of the forecasts of 1 outcome has an interval")
    assert next(tally_words([exact, score("large")])).startswith("1 of 1 outcome inside the 95% interval")
