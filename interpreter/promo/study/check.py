"""
Tree to experiment: resolve every name, unit and default, and refuse what cannot be meant.

One run finds all faults of a text.  Parts that are at fault are left out and their names stay known, so that one
mistake is one message.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from promo.base.classes import frozen
from promo.base.diagnostics import Diagnostic, errors
from promo.study.brought import Imported
from promo.study.budget import one_currency, read_budget
from promo.study.conditions import Conditions
from promo.study.data import Curves, Data
from promo.study.devices import check_options, check_room
from promo.study.expressions import Expressions, Value, unquoted
from promo.study.flow import (
    Choosers,
    check_gates,
    check_guards,
    check_noise,
    check_stages,
    check_tests,
    entrants,
)
from promo.study.host import Host
from promo.study.hosts import read_host
from promo.study.judgement import Step
from promo.study.judging import check_rules
from promo.study.ladder import Ladder
from promo.study.laws import Law
from promo.study.lets import read_lets
from promo.study.limits import ATTEMPTS, MOST_ATTEMPTS
from promo.study.names import Clauses, Scope
from promo.study.neighbours import Neighbourhoods
from promo.study.ports import Runner, World
from promo.study.reduction import Reductions
from promo.study.rivals import Baseline
from promo.study.rules import Rules
from promo.study.setting import (
    agree_on_metric,
    for_factors,
    for_tokens,
    read_data,
    read_draw,
    read_measure,
    read_runner,
)
from promo.study.space import Factor
from promo.study.values import Effects, Entrants, Measure, Mode, RunnerChoice, Stage, Study
from promo.syntax.nodes import Node, Tree

if TYPE_CHECKING:
    from promo.study.foretelling import Foretelling
    from promo.study.growth import Growth

EDITION = 1
NO_STATE = "train from scratch: train ... for ...; or say in the runner file where it keeps its states: [state]"

LEAVES = ("gate", "rule", "stage", "grow", "baseline", "effects", "reduce", "law", "forecast")
"""Declarations that nothing else has to use."""


@frozen
class Checked:
    """A resolved study, if the text has no error, and everything there is to say about it."""

    study: Study | None
    diagnostics: tuple[Diagnostic, ...]
    values: Mapping[str, Value] = {}
    """Named values that are the same for every candidate; those that settled, even when something else is wrong."""


def check(tree: Tree, world: World) -> Checked:
    """
    Resolve a tree.

    Returns:
        The study when nothing is wrong, and all diagnostics in any case.
    """
    return _Check(Scope(tree, world)).run()


class _Check:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.values: dict[str, Value] = {}
        self.misread: set[str] = set()
        """Stages in blocks that something reads which cannot."""

    def run(self) -> Checked:
        scope = self.scope
        if not self._right_edition():
            return Checked(None, tuple(scope.found))
        scope.gather()
        block = self._only("study", "study NAME { ... }")
        study = self._study(block) if block else None
        found = tuple(scope.found)
        broken = any(errors(found))
        assert broken or study is None or _is_whole(scope, study), "a declaration was left out without a word"
        return Checked(None if broken else study, found, self.values)

    def _right_edition(self) -> bool:
        header = self.scope.tree.root.node("header")
        if header is None:
            return True
        edition = header.token("INT")
        if edition.text != str(EDITION):
            hint = "install a newer promo, or write: promo 1"
            self.scope.report("P0102", f"this promo reads edition {EDITION}, not {edition.text}", edition, hint)
            return False
        return True

    def _only(self, kind: str, example: str) -> Node | None:
        """The one declaration of a kind that a text must have."""
        blocks = [node for node in self.scope.tree.declarations if node.kind == kind]
        if not blocks:
            end = len(self.scope.tree.source.text)
            whole = Node("file", (), max(0, end - 1), end)
            self.scope.report("P0218", f"the file declares no {kind}", whole, f"add: {example}")
            return None
        for extra in blocks[1:]:
            self.scope.report("P0202", f"there are two {kind} blocks", extra.token("NAME"), "keep one")
        return blocks[0]

    def _study(self, block: Node) -> Study | None:
        """Every part of the text, in the order in which one needs the other."""
        clauses = self.scope.clauses(block)
        self._read_given(clauses)
        self._read_conditions()
        self._read_ladder(clauses)
        reach = self.reach
        if reach is None:
            return None
        if self.growth is not None:
            self.growth.check_stages(self.ladder.stages, reach)
        candidates = self.conditions.candidates
        trained = [name for there in reach.values() for name in there.possible if name in candidates]
        self.conditions.one_model_each(iter(dict.fromkeys(trained)))
        self._unused(self.conditions.factors)
        return self._made(block, clauses, reach) if clauses.complete else None

    def _read_given(self, clauses: Clauses) -> None:
        """What the study's own block and those beside the conditions say."""
        scope = self.scope
        self.measure, self.choice, runner = self._measured(clauses)
        self.imported = self._imported(f"{self.choice.name} {self.choice.version}")
        self.expressions = Expressions(scope, self.measure.unit or None, self.values)
        read_lets(scope, self.expressions, self.values)
        self.hosts = {**self.imported.hosts, **self._hosts()}
        self.noise = self._noise(clauses)
        self.data = self._data(runner)
        self.runner = for_factors(scope, for_tokens(scope, runner, self.data), self.imported.factors)

    def _read_conditions(self) -> None:
        """Factors, candidates and cohorts, in the order in which one needs the other."""
        self.conditions = Conditions(self.scope, self.expressions, self.runner, self.imported)
        self.conditions.read_factors()
        self.conditions.read_candidates()
        self.growth = self._growth()
        self.conditions.read_cohorts()
        self.near = Neighbourhoods(self.scope, self.conditions)
        self.near.read()

    def _read_ladder(self, clauses: Clauses) -> None:
        """Stages, what decides between them, and what is estimated from them; and the rest of the study's block."""
        scope, conditions = self.scope, self.conditions
        self.ladder = Ladder(
            scope, self.expressions, conditions.cohorts, self.near, conditions.designs, conditions.arrays
        )
        self.ladder.read()
        stages = self.ladder.stages
        if scope.blocked:
            from promo.study.blocked import misread

            self.misread = misread(scope)
        check_room(scope, self.hosts, stages.values())
        check_options(scope, self.hosts, stages.values())
        if self.growth is not None:
            self.growth.settle(stages)
        self.foretelling = self._foretelling()
        self._budgets()
        self.rules = Rules(scope, self.expressions, self.measure)
        self.rules.read()
        self.reductions = Reductions(scope, conditions, self.rules, self.near)
        self.reductions.read()
        self.reach = self._flow()
        reach = {} if self.reach is None else self.reach
        self.reductions.settle(reach)
        self.baselines, self.steps = self._baselines(reach)
        self.allowed = read_budget(scope, self.expressions, clauses, self.hosts)
        self.attempts = self._attempts(clauses)
        self.effects = self._effects(reach)
        self.laws = self._laws(reach)
        if self.foretelling is not None:
            self.foretelling.read(self.laws, stages, reach)
            self.foretelling.check_asked((*self.rules.gates.values(), *self.rules.rules.values()))
        self.reductions.check(self.effects)
        one_currency(scope, self.imported)
        self.curves, order = self._curves(), clauses.maybe("run_order")
        count = self.expressions.count
        self.order_seed = count(order.token("INT"), least=0, what="a seed") if order else None
        self.draw = read_draw(scope, clauses)

    def _measured(self, clauses: Clauses) -> tuple[Measure, RunnerChoice, Runner]:
        """What is measured and who trains; where the text names none, ones that accept all else that it says."""
        measure, chosen = read_measure(self.scope, clauses), read_runner(self.scope, clauses)
        if measure is not None and chosen is not None:
            agree_on_metric(self.scope, clauses, measure, chosen[1])
            return measure, *chosen
        from promo.study.stand_in import assumed_measure, stand_in

        choice, runner = chosen or (RunnerChoice("", 0), stand_in(self.scope))
        return measure or assumed_measure(self.scope), choice, runner

    def _made(self, block: Node, clauses: Clauses, reach: dict[str, Entrants]) -> Study:
        conditions, told, growth = self.conditions, self.foretelling, self.growth
        return Study(
            name=block.token("NAME").text,
            title=unquoted(clauses.one("title").token("STRING")),
            measure=self.measure,
            runner=self.choice,
            budget_s=self.allowed.budget_s,
            money=self.allowed.money,
            data=self.data,
            hosts=self.hosts,
            factors=conditions.factors,
            designs=conditions.designs,
            arrays=conditions.arrays,
            neighbourhoods=self.near.found,
            candidates=conditions.candidates,
            cohorts=conditions.cohorts,
            stages={name: self.ladder.stages[name] for name in reach},
            gates={**self.rules.gates, **(growth.gates if growth else {})},
            rules=self.rules.rules,
            reductions=self.reductions.reductions,
            account=self.ladder.account,
            curves=self.curves,
            grows=growth.grows if growth else {},
            schedules=told.schedules if told else {},
            baselines=self.baselines,
            steps=self.steps,
            effects=self.effects,
            laws=self.laws,
            forecasts=told.forecasts if told else {},
            noise=self.noise,
            anchor=clauses.maybe("anchor") is not None,
            draw=self.draw,
            order_seed=self.order_seed,
            entrants=reach,
            documentation=self.scope.tree.documentation(block),
            where={**self.scope.where(block), **self.allowed.places},
            attempts=self.attempts,
        )

    # Only a text that has such blocks pays for reading them: each of these rooms costs a cold start a millisecond.

    def _imported(self, runner: str) -> Imported:
        if not self._declares("use"):
            return Imported()
        from promo.study.imports import read_imports

        return read_imports(self.scope, runner)

    def _growth(self) -> "Growth | None":
        if not self.scope.of_kind("grow"):
            return None
        from promo.study.growth import Growth

        found = Growth(self.scope, self.expressions, self.conditions, self.measure)
        found.read_grows()
        return found

    def _baselines(self, reach: dict[str, Entrants]) -> tuple[dict[str, Baseline], dict[str, Step]]:
        if not self._declares("baseline"):
            return {}, {}
        from promo.study.baselines import Baselines

        found = Baselines(self.scope, self.expressions, self.conditions, self.ladder.stages, reach)
        found.read()
        return found.baselines, found.steps

    def _effects(self, reach: dict[str, Entrants]) -> dict[str, Effects]:
        if not self._declares("effects"):
            return {}
        from promo.study.comparing import Comparisons
        from promo.study.screening import Screening

        compared = Comparisons(self.scope, self.conditions.factors, self.conditions.levels.level)
        found = Screening(self.scope, self.expressions, self.conditions, compared, self.ladder.stages, reach)
        return found.read()

    def _laws(self, reach: dict[str, Entrants]) -> dict[str, Law]:
        if not self._declares("law"):
            return {}
        from promo.study.scaling import Scaling

        found = Scaling(self.scope, self.expressions, self.conditions, self.measure, self.ladder.stages, reach)
        return found.read()

    def _foretelling(self) -> "Foretelling | None":
        if not any(self._declares(kind) for kind in ("law", "forecast", "schedule")):
            return None
        from promo.study.foretelling import Foretelling

        found = Foretelling(self.scope, self.conditions)
        found.settle(self.ladder.stages)
        return found

    def _curves(self) -> Curves | None:
        if not self._declares("curves"):
            return None
        from promo.study.recorded import read_curves

        return read_curves(self.scope)

    def _declares(self, kind: str) -> bool:
        return any(node.kind == kind for node in self.scope.tree.declarations)

    def _budgets(self) -> None:
        """A trainer keeps to the kinds of budgets it knows, and carries runs on only if it can."""
        runner = self.runner
        for stage in self.ladder.stages.values():
            if stage.budget.kind not in runner.budgets:
                known = ", ".join(kind.value for kind in runner.budgets)
                message = f"the runner '{runner.name}' cannot keep a budget of {stage.budget.kind.value}"
                at = stage.where.get("train", stage.where["name"])
                self.scope.report("P0224", message, at, f"its budgets are of: {known}")
            if stage.continues and not runner.can_continue:
                message = f"the runner '{runner.name}' cannot continue a trained run"
                self.scope.report("P0225", message, stage.where[stage.mode.value], NO_STATE)
            elif stage.mode is Mode.FRESH and stage.cooldown is not None:
                self._cooldown(stage)

    def _cooldown(self, stage: Stage) -> None:
        """A stage's cool-down takes the place of the runner's own, so that one may not be under study as well."""
        runner = self.runner
        own = getattr(runner, "cooldown_factor", "")  # a runner of before has none
        at = stage.where["cooldown"]
        if not own:
            message = f"the runner '{runner.name}' keeps no constant-rate trunk to cool down from"
            self.scope.report("P0225", message, at, "remove the clause, or train with: runner gpt")
        elif own in self.conditions.factors:
            message = f"the stage's cool-down takes the place of the factor '{own}', so the factor would do nothing"
            self.scope.report("P0508", message, at, f"remove the factor '{own}', or this clause")

    def _noise(self, clauses: Clauses) -> Fraction | None:
        clause = clauses.maybe("noise")
        if clause is None:
            return None
        noise = self.expressions.given(clause)
        if noise is not None and noise <= 0:
            self.scope.report("P0302", "noise is a positive standard deviation", clause)
            return None
        return noise

    def _attempts(self, clauses: Clauses) -> int:
        """How often a run is tried in all; a fault is noted, and none is left out for it."""
        clause = clauses.maybe("attempts")
        if clause is None:
            return ATTEMPTS
        said = self.expressions.count_given(clause, most=MOST_ATTEMPTS, what="the number of attempts of a run")
        return ATTEMPTS if said is None else said

    def _hosts(self) -> dict[str, Host]:
        hosts: dict[str, Host] = {}

        def build(block: Node) -> Host | None:
            host = read_host(self.scope, self.expressions, block)
            if host is not None:
                hosts[host.name] = host
            return host

        for block in self.scope.tree.declarations:
            if block.kind == "host":
                self.scope.guard(block, build)
        return hosts

    def _data(self, runner: Runner) -> Data | None:
        scope, imported = self.scope, self.imported
        blocks = tuple(node for node in scope.tree.declarations if node.kind == "data")
        if imported.data and not blocks:
            name = next(iter(imported.data))
            scope.used.add(name)
            return imported.data[name]
        if not blocks:
            if runner.needs_data:
                message = f"the runner '{runner.name}' trains on text, and the file declares no data"
                study = next(node for node in scope.tree.declarations if node.kind == "study")
                scope.report("P0218", message, study.token("NAME"), 'add: data NAME { source "stdlib" ... }')
            return None
        for extra in blocks[1:]:
            scope.report("P0202", "there are two data blocks", extra.token("NAME"), "keep one")
        scope.used.add(blocks[0].token("NAME").text)
        return read_data(scope, self.expressions, blocks[0])

    def _flow(self) -> dict[str, Entrants] | None:
        """Who may enter each stage; None where that cannot be followed."""
        scope, ladder, rules = self.scope, self.ladder, self.rules
        if not self._declares("stage"):
            self._only("stage", "stage NAME { ... }")
            return None
        choosers: Choosers = {**rules.gates, **self.reductions.reductions}
        grown = self.growth.gates if self.growth else {}
        led = {name: gate for name, gate in grown.items() if gate.target in ladder.stages}
        reach = entrants(scope, ladder.stages, {**choosers, **led}, self.near.around)
        if reach is None:
            return None
        check_gates(scope, rules.gates.values(), reach)
        check_guards(scope, rules.gates.values(), reach, ladder.stages)
        check_rules(scope, rules.rules.values(), reach, ladder.stages, choosers)
        check_tests(scope, ladder.stages, choosers, rules.rules)
        check_noise(scope, ladder.stages, rules.gates, rules.rules, self.noise)
        own = [node.kind for node in scope.tree.declarations]
        names = [block.token("NAME").text for block in scope.of_kind("stage")]
        declared = {one for name in names for one in scope.blocked.get(name, (name,))}
        stages = {name: stage for name, stage in ladder.stages.items() if name in declared}  # without those of lags
        further = sum(len(parts) - 1 for parts in scope.blocked.values())
        read = {"stage": len(stages) - further, "gate": len(rules.gates), "rule": len(rules.rules)}
        if all(count == own.count(kind) for kind, count in read.items()):
            check_stages(scope, stages, rules.gates, rules.rules, self._screened())
        return reach

    def _screened(self) -> set[str]:
        """Stages that effects are estimated from."""
        clauses = [node for block in self.scope.of_kind("effects") for node in block.nodes("stages")]
        names = {name.text for node in clauses for name in node.tokens("NAME")} | self.misread
        return {one for name in names for one in self.scope.blocked.get(name, (name,))}

    def _unused(self, factors: dict[str, Factor]) -> None:
        """Things that are declared and never used are most often a slip."""
        scope = self.scope
        if any(errors(scope.found)):
            return  # what reading stopped at may be the very use that is missed
        for name, block in scope.declared.items():
            constant = name in factors and factors[name].domain == (factors[name].default,)
            if name in scope.used or name in scope.vague or constant or block.kind in LEAVES:
                continue
            hint = "use it or remove it"
            if block.kind == "factor":
                hint = "vary it, or give it one value only: in [ ... ]"
            scope.warn("P0203", f"{scope.title(block)} is never used", block.token("NAME"), hint)


def _is_whole(scope: Scope, study: Study) -> bool:
    """Whether everything that decides is in the study: a rule that vanishes is worse than any error."""
    own = [node.kind for node in scope.tree.declarations]
    made = sum(len(one.stages) for one in study.baselines.values())
    lags = {name for grow in study.grows.values() for name in grow.stages}
    made += sum(len(parts) - 1 for parts in scope.blocked.values())
    built = {
        "stage": len(study.stages) - made - len(lags),
        "baseline": len(study.baselines),
        "gate": len(study.gates.keys() - lags),
        "grow": len(study.grows),
        "rule": len(study.rules),
    }
    built |= {"effects": len(study.effects), "reduce": len(study.reductions), "law": len(study.laws)}
    built |= {"forecast": len(study.forecasts), "schedule": len(study.schedules)}
    return all(own.count(kind) == count for kind, count in built.items())
