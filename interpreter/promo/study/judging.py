"""Whom rules judge, against who may be where: a rule is about somebody who is there, or says what follows."""

from collections.abc import Iterable, Mapping

from promo.study.flow import Choosers, before
from promo.study.judgement import BestOf, Promoted, Rule
from promo.study.names import Scope
from promo.study.values import Entrants, Stage


def _check_promoted(scope: Scope, rule: Rule, stage: Stage, there: Entrants) -> None:
    """A rule about those who were promoted needs a gate that promotes somebody it can tell from the others."""
    at = rule.where["judge"]
    if not stage.promoted:
        message = f"no candidate is promoted to '{stage.name}', so there is none to judge"
        scope.report("P0405", message, at, "name a candidate, or judge at a stage behind a gate")
    elif stage.around is not None:
        message = f"'{stage.name}' also trains neighbours, and it is not known which of them was promoted"
        scope.report("P0405", message, at, "name a candidate, or let a stage train the promoted alone")
    elif not set(there.possible) - {rule.reference, *stage.candidates}:
        message = f"only the reference and the candidates that '{stage.name}' names itself can be promoted to it"
        scope.report("P0405", message, at, "name a candidate")


def _check_best(
    scope: Scope,
    rule: Rule,
    best: BestOf,
    reach: Mapping[str, Entrants],
    stages: Mapping[str, Stage],
    choosers: Choosers,
) -> None:
    """The best of a stage is known before it is judged, may come that far, and is judged on other evidence."""
    at, chosen, there = rule.where["judge"], reach.get(best.stage), reach[rule.stage]
    who = f"the best of '{best.stage}'"
    if chosen is None:
        return
    if not before(stages, choosers, best.stage, rule.stage):
        scope.report("P0405", f"{who} is not known yet when '{rule.stage}' is read", at, "name an earlier stage")
    elif not (set(chosen.possible) & set(there.possible)) - {rule.reference}:
        scope.report("P0405", f"{who} is never trained at '{rule.stage}'", at, "judge at a stage that it can reach")
    elif _same_runs(stages, best.stage, rule.stage):
        note = "the luckiest of many looks best, and the same runs cannot tell luck from merit"
        message = f"{who} is judged by the runs that it was chosen by"
        scope.warn("P0424", message, at, "judge it at a later stage, with seeds of its own", notes=(note,))
    elif rule.absent is None and not set(chosen.possible) - {rule.reference} <= there.sure:
        note = f"as it stands, its absence counts as missing: {rule.missing.then.value}"
        message = f"{who} may not be promoted to '{rule.stage}'"
        scope.warn("P0405", message, at, "say what follows: absent skip  or  absent stop", notes=(note,))


def _same_runs(stages: Mapping[str, Stage], earlier: str, later: str) -> bool:
    """Whether a stage is another one, or carries its runs on."""
    before = stages[later].continues
    return earlier == later or (before is not None and before in stages and _same_runs(stages, earlier, before))


def check_rules(
    scope: Scope,
    rules: Iterable[Rule],
    reach: Mapping[str, Entrants],
    stages: Mapping[str, Stage],
    choosers: Choosers,
) -> None:
    """A rule should judge what is sure to be there, or say what follows when it is not."""
    for rule in rules:
        there = reach.get(rule.stage)
        if there is None:
            continue
        if isinstance(rule.judged, Promoted):
            _check_promoted(scope, rule, stages[rule.stage], there)
        elif isinstance(rule.judged, BestOf):
            _check_best(scope, rule, rule.judged, reach, stages, choosers)
        for name in (rule.judged if isinstance(rule.judged, str) else None, rule.reference):
            if name is None:
                continue
            if name not in there.possible:
                message = f"'{name}' is never trained at '{rule.stage}'"
                scope.report("P0405", message, rule.where["judge"], f"judge at a stage that '{name}' can reach")
            elif name not in there.sure and rule.absent is None:
                scope.warn(
                    "P0405",
                    f"'{name}' may not be promoted to '{rule.stage}'",
                    rule.where["judge"],
                    "say what follows: absent skip  or  absent stop",
                    notes=(f"as it stands, its absence counts as missing: {rule.missing.then.value}",),
                )
