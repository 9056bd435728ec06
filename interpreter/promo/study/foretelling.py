"""
Forecasts and schedules from the tree: what laws are asked, and the stages that wait for their answers.

Both rest on a law and come before a stage: a forecast says what will come there, a schedule when the shape changes of
what is trained there.  So the stages that a law is fitted to end before that stage begins, and none of them may train
what the law decides about.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

from promo.base.classes import evolve
from promo.base.source import Span
from promo.study.conditions import Conditions
from promo.study.judgement import Gate, Projected, Rule, primitives
from promo.study.laws import Forecast, Form, Law, Otherwise, Schedule
from promo.study.names import Scope
from promo.study.values import HISTORY, BudgetKind, Candidate, Entrants, Stage, whole
from promo.syntax.clauses import words
from promo.syntax.nodes import Node, Token

COMPUTE = frozenset({BudgetKind.FLOPS, BudgetKind.WALL, BudgetKind.CPU})
"""Budgets in which a larger shape pays for being larger, so that laws of two shapes can be held against each other."""


class Foretelling:
    """Reads the forecasts and schedules of one text."""

    def __init__(self, scope: Scope, conditions: Conditions) -> None:
        self.scope, self.conditions = scope, conditions
        self.forecasts: dict[str, Forecast] = {}
        self.schedules: dict[str, Schedule] = {}
        self.laws: Mapping[str, Law] = {}
        self.stages: Mapping[str, Stage] = {}
        self.reach: Mapping[str, Entrants] = {}

    def settle(self, stages: dict[str, Stage]) -> None:
        """Let each stage that laws are asked about wait for the stages that those are fitted to."""
        for name, stage in list(stages.items()):
            laws = {clause.token("NAME").text for block in self._asked_of(stage) for clause in block.nodes("by_law")}
            laws |= {law for block in self._reading(name) for law in _laws_in(block)}
            needed = {name for law in laws for name in self._fitted_to(law)}
            stages[name] = evolve(stage, rests_on=tuple(one for one in stages if one in needed and one != name))

    def _asked_of(self, stage: Stage) -> Iterator[Node]:
        """Blocks of forecasts of a stage, and of schedules that candidates follow in it."""
        candidates = self.conditions.candidates
        followed = {candidates[name].follows for name in stage.candidates if name in candidates}
        for block in self.scope.of_kind("schedule"):
            if block.token("NAME").text in followed:
                yield block
        for block in self.scope.of_kind("forecast"):
            if any(clause.token("NAME").text == stage.name for clause in block.nodes("at_stage")):
                yield block

    def _reading(self, stage: str) -> Iterator[Node]:
        """Blocks of gates and rules that decide once a stage has ended."""
        for kind, clause, place in (("gate", "route", 0), ("rule", "judge", -1)):
            for block in self.scope.of_kind(kind):
                said = block.node(clause)
                names = [] if said is None else [one.text for one in _names_in(said)]
                if names and names[place] == stage:
                    yield block

    def _fitted_to(self, law: str) -> Iterator[str]:
        block = self.scope.declared.get(law)
        for clause in block.nodes("stages") if block is not None and block.kind == "law" else ():
            yield from (name.text for name in clause.tokens("NAME"))

    def read(self, laws: Mapping[str, Law], stages: Mapping[str, Stage], reach: Mapping[str, Entrants]) -> None:
        """Read everything; laws, stages and who can enter them are known."""
        self.laws, self.stages, self.reach = laws, stages, reach
        for block in self.scope.of_kind("forecast"):
            self.scope.used.add(block.token("NAME").text)
            self.scope.guard(block, self._forecast)
        for block in self.scope.of_kind("schedule"):
            self.scope.guard(block, self._schedule)

    # --- forecasts -----------------------------------------------------------------------------------------

    def _forecast(self, block: Node) -> Forecast | None:
        laws, reach = self.laws, self.reach
        scope, clauses = self.scope, self.scope.clauses(block)
        if not clauses.complete:
            return None
        of, at, by = (clauses.one(kind) for kind in ("fitted_to", "at_stage", "by_law"))
        named, stage, name_of_law = scope.all_meant(of), scope.meant(at), scope.meant(by)
        if named is None or stage is None or name_of_law is None:
            return None
        if name_of_law not in laws or stage not in reach:
            return None
        law = laws[name_of_law]
        candidates = tuple(dict.fromkeys(self.conditions.members(named)))
        absent = next((name for name in candidates if name not in reach[stage].possible), None)
        unknown = next((name for name in candidates if name not in law.candidates), None)
        if absent is not None:
            message = f"'{absent}' never enters '{stage}', so a forecast would never be tested"
            scope.report("P0803", message, of, "train it there, or leave it out")
            return None
        if unknown is not None and law.form is not Form.SIZE_AND_DATA:
            message = f"the law '{law.name}' is fitted to each candidate separately, and '{unknown}' is not one of them"
            scope.report("P0803", message, of, f"it is of: {', '.join(law.candidates)}")
            return None
        if not self._speaks_of(law, stage, candidates, at):
            return None
        found = Forecast(
            name=block.token("NAME").text,
            law=law.name,
            candidates=candidates,
            stage=stage,
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
        )
        self.forecasts[found.name] = found
        return found

    def check_asked(self, deciding: Iterable[Gate | Rule]) -> None:
        """Whether gates and rules ask laws what those can tell; everything was read."""
        laws, stages, reach = self.laws, self.stages, self.reach
        for one in deciding:
            source = one.source if isinstance(one, Gate) else one.stage
            at = one.where["keep" if isinstance(one, Gate) else "require"]
            there = reach[source].possible if source in reach else ()
            judged = (one.judged,) if isinstance(one, Rule) and isinstance(one.judged, str) else there
            for condition in one.asked if isinstance(one, Gate) else (one.require,):
                for part in primitives(condition):
                    if not isinstance(part, Projected) or part.law not in laws or part.stage not in stages:
                        continue
                    law = laws[part.law]
                    unknown = next((name for name in judged if name not in law.candidates), None)
                    if unknown is not None and law.form is not Form.SIZE_AND_DATA:
                        message = f"the law '{law.name}' is not fitted to '{unknown}', which it is asked about here"
                        self.scope.report("P0803", message, at, f"add it to the law: of {unknown}")
                    else:
                        self._speaks_of(law, part.stage, judged, at)

    def _speaks_of(self, law: Law, stage: str, candidates: Sequence[str], at: Node | Span) -> bool:
        """Whether a law may be asked about candidates at a stage; says why not."""
        refused = next(self._refused(law, stage, candidates), None)
        if refused is not None:
            message, hint = refused
            self.scope.report("P0803", message, at, hint)
        return refused is None

    def _refused(self, law: Law, stage: str, candidates: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Why a law does not speak of candidates at a stage, each with a way out."""
        stages = self.stages
        mine, theirs = stages[law.stages[0]].budget.kind, stages[stage].budget.kind
        if stage in law.stages:
            yield f"the law '{law.name}' is fitted to '{stage}' itself", "name a stage of a larger budget"
        elif mine is not theirs:
            message = f"the law '{law.name}' is one of {mine.value}, and the budget of '{stage}' is of {theirs.value}"
            yield message, "name a stage whose budget has the unit of the law's stages"
        elif stages[law.stages[0]].cooldown != stages[stage].cooldown:
            message = f"the runs of '{stage}' cool down by another share than those of the law '{law.name}'"
            yield message, "give both the same share: cooldown 25%"
        for name in candidates:
            strange = lies_on_none(self.conditions.candidates[name])
            if strange:
                yield strange, "ask it of candidates that train from scratch and keep their shape"
        for far in self._beyond(law, stage, candidates):
            yield far, "fit the law to closer runs, or extend its reach"

    def _beyond(self, law: Law, stage: str, candidates: Sequence[str]) -> Iterator[str]:
        """Where what is asked lies farther from the points of a law than it reaches, in any of its arguments."""
        stages, known = self.stages, self.conditions.candidates
        fitted = [
            place(stages, name, known[one], law.form)
            for name in law.stages
            for one in law.candidates
            if one in self.reach[name].possible
        ]
        both = law.form is Form.SIZE_AND_DATA
        whats = ("size", "amount of data") if both else ("budget",)
        for one in candidates:
            asked = place(stages, stage, known[one], law.form)
            who = f"'{one}' at '{stage}'" if both else f"'{stage}'"
            for what, value, points in zip(whats, asked, zip(*fitted, strict=True), strict=True):
                said = f"{who} lies beyond the reach of the law '{law.name}'"
                if value > law.reach * max(points):
                    yield f"{said}, {law.reach} times its largest {what}"
                if value * law.reach < min(points):
                    yield f"{said}: its smallest {what} is more than {law.reach} times as large"

    # --- schedules -----------------------------------------------------------------------------------------

    def _schedule(self, block: Node) -> Schedule | None:
        laws, scope, clauses = self.laws, self.scope, self.scope.clauses(block)
        if not clauses.complete:
            return None
        shapes, by, otherwise = (clauses.one(kind) for kind in ("shapes", "by_law", "otherwise"))
        named, name_of_law, way = scope.all_meant(shapes), scope.meant(by), shapes.node("by_way")
        word = otherwise.token("NAME")
        if word.text not in words("otherwise"):
            message = f"'{word.text}' is not a choice of what to train when the laws do not determine the change"
            scope.report("P0412", message, word, "write: else hold, else best or else largest")
            return None
        if named is None or name_of_law is None or name_of_law not in laws:
            return None
        found = Schedule(
            name=block.token("NAME").text,
            shapes=named,
            way=None if way is None else way.token("NAME").text,
            law=name_of_law,
            otherwise=Otherwise(word.text),
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
        )
        sound = self._shapes(found, shapes) and self._lawful(found, laws[name_of_law], block)
        if not sound:
            return None
        self.schedules[found.name] = found
        return found

    def _shapes(self, schedule: Schedule, at: Node) -> bool:
        """Whether training can go from each shape to the next."""
        candidates = [self.conditions.candidates.get(name) for name in schedule.shapes]
        moving = next((one for one in candidates if one is not None and one.follows), None)
        if moving is not None:
            message = f"'{moving.name}' follows a schedule itself, so it has no shape of its own"
            self.scope.report("P0804", message, at, "name candidates that keep their shape")
            return False
        sound = [one for one in candidates if one is not None]
        return len(sound) == len(candidates) and all(self._step(schedule, *two, at) for two in pairwise(sound))

    def _step(self, schedule: Schedule, before: Candidate, after: Candidate, at: Node) -> bool:
        runner, scope = self.conditions.runner, self.scope
        if not runner.name:
            return True  # the runner itself is at fault, which is said elsewhere
        can: Mapping[str, tuple[str, ...]] = getattr(runner, "shapes", {})  # a runner that keeps shapes names none
        mine, theirs = dict(before.levels), dict(after.levels)
        differ = [factor for factor in mine if mine[factor] != theirs[factor]]
        fixed = next((factor for factor in differ if factor not in can), None)
        two = f"'{before.name}' and '{after.name}'"
        if before.effective.settings == after.effective.settings:
            message, hint = f"{two} are the same model, so nothing changes", "name candidates of two shapes"
        elif fixed is not None:
            message = f"{two} differ in {fixed}, which the runner '{runner.name}' cannot change while it trains"
            hint = f"it changes: {', '.join(can)}" if can else "change shapes with: runner gpt"
        else:
            return self._way(schedule, before, after, [factor for factor in differ if can[factor]], at)
        scope.report("P0804", message, at, hint)
        return False

    def _way(self, schedule: Schedule, before: Candidate, after: Candidate, moved: list[str], at: Node) -> bool:
        """
        Whether the way of growing is one of the runner's, where weights change, and there is none where none do.

        What counts is the model and not its factors: four layers of aspect 8 are no narrower than two of aspect 16.
        """
        runner, way = self.conditions.runner, schedule.way
        can: Mapping[str, tuple[str, ...]] = getattr(runner, "shapes", {})
        sizes = {name: size for name, size in _sizes(before, after).items() if can.get(name) != ()}
        grown = [name for name in can if name in moved] if any(old < new for old, new in sizes.values()) else []
        known = can[grown[0]] if grown else ()
        smaller = [f"{name} would fall from {old} to {new}" for name, (old, new) in sizes.items() if new < old]
        if smaller:
            message, hint = (
                f"from '{before.name}' to '{after.name}' {' and '.join(smaller)}",
                "write the smaller shape first",
            )
        elif grown and way is None:
            message = f"weights of another {grown[0]} grow from those before, and the way is not given"
            hint = f"write: by {known[0]}; there are {', '.join(known)}"
        elif grown and way not in known:
            message, hint = f"the runner '{runner.name}' cannot grow {grown[0]} by {way}", f"write: by {known[0]}"
        elif not grown and way is not None:
            message, hint = "no weights change between these shapes, so none grow", f"leave out: by {way}"
        else:
            return True
        self.scope.report("P0804", message, at, hint)
        return False

    def _lawful(self, schedule: Schedule, law: Law, block: Node) -> bool:
        """Whether the law is one of compute of each shape, rests on nothing that it decides, and reaches far enough."""
        scope, stages, reach = self.scope, self.stages, self.reach
        at = next(block.nodes("by_law"))
        unknown = next((name for name in schedule.shapes if name not in law.candidates), None)
        kind = stages[law.stages[0]].budget.kind
        followers = [name for name, one in self.conditions.candidates.items() if one.follows == schedule.name]
        behind = next((name for name in law.stages if set(followers) & set(reach[name].possible)), None)
        if law.form is Form.SIZE_AND_DATA:
            message, hint = "a schedule needs a law of compute, fitted to each shape", "write in the law: form compute"
        elif kind not in COMPUTE:
            message = f"in a budget of {kind.value} a larger shape does not pay for being larger"
            hint = "fit the law to budgets of operations or of time"
        elif unknown is not None:
            message = f"the law '{law.name}' is not fitted to '{unknown}'"
            hint = f"add it to the law: of {', '.join((*law.candidates, unknown))}"
        elif behind is not None:
            message = f"the law '{law.name}' is fitted to '{behind}', which trains what the law decides about"
            hint = "fit it to stages of candidates that keep their shape"
        else:
            trained = [name for name, there in reach.items() if set(followers) & set(there.possible)]
            return all(self._speaks_of(law, name, schedule.shapes, at) for name in trained)
        scope.report("P0803", message, at, hint)
        return False


def _names_in(node: Node) -> Iterator[Token]:
    for part in node.children:
        if isinstance(part, Node):
            yield from _names_in(part)
        elif part.kind == "NAME":
            yield part


def _laws_in(block: Node) -> Iterator[str]:
    """Laws that the conditions of a block ask."""
    for part in block.children:
        if isinstance(part, Node):
            yield from (part.token("NAME").text,) if part.kind == "by_law_of" else _laws_in(part)


def _sizes(before: Candidate, after: Candidate) -> dict[str, tuple[int, int]]:
    """Whole numbers of what two candidates train: those of the first, and of the second."""
    mine, theirs = before.effective.trained, after.effective.trained
    both = ((name, size, theirs.get(name)) for name, size in mine.items())
    return {name: (old, new) for name, old, new in both if isinstance(old, int) and isinstance(new, int)}


def lies_on_none(candidate: Candidate) -> str:
    """Why the runs of a candidate lie on no law; empty where they may."""
    if candidate.follows:
        return f"'{candidate.name}' changes its shape while it trains, so its runs do not lie on a single law"
    if HISTORY in dict(candidate.effective.settings):
        return f"'{candidate.name}' begins from a model that was trained before, so its runs do not lie on a law"
    return ""


def place(stages: Mapping[str, Stage], name: str, candidate: Candidate, form: Form) -> tuple[Fraction, ...]:
    """Where a law measures the runs of a candidate in a stage: at their whole budget, or at size and tokens."""
    amount, model = Fraction(whole(stages, stages[name])), candidate.effective
    if form is not Form.SIZE_AND_DATA:
        return (amount,)
    tokens = amount / model.flops_per_token if stages[name].budget.kind is BudgetKind.FLOPS else amount
    return Fraction(model.parameters), tokens
