"""
Evidence to effects: what each factor of a design does, stage by stage.

Least squares on the runs that have a value, with a term of its own for every block (by default each cell of host and
seed), so that whatever runs of a cell share cancels.  An effect is mean(high) - mean(low), twice its coefficient; runs
at the centre of the design have a term of their own, the curvature, and what they differ among themselves is error.
Coefficients, residual sums of squares and ranks are exact rationals: values come as decimal text and columns are +1, -1
and 0, so rank deficiency is found, not guessed, and nothing cancels.  Only roots and tails are floats.

What the runs do not separate is named: effects with one column are a chain; an effect that depends on others or on the
blocks is listed as not estimable and left out of its family; and of an effect that the model leaves out it is told how
much of it each estimate takes up, by the alias matrix of the runs that there are.

Where no run is left for an error, Lenth's pseudo standard error over all contrasts takes its place.

Source: Montgomery (2013), "Design and analysis of experiments", chapters 6 to 8; Benjamini & Hochberg (1995); Box &
Wilson (1951) for the alias matrix.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from promo.base.classes import evolve, frozen
from promo.base.least_squares import Solved, solve
from promo.base.tails import t_quantile, t_tails
from promo.evidence.beside import beside, beyond_their_margin, listed_beside, pure_error, said_of_rows, said_of_runs
from promo.evidence.between import between_hosts
from promo.evidence.blocks import Blocked
from promo.evidence.changes import changes
from promo.evidence.digits import FIGURES, Digits, root
from promo.evidence.estimates import ORDERS, Curvature, EffectTable, Estimate, Fit, Joint, Method, Step
from promo.evidence.family import judged
from promo.evidence.lenth import Contrasts, lenth, orthogonal, pseudo_error
from promo.evidence.observed import Levels, Observed, Signs, moments, observe, pool
from promo.evidence.statements import (
    AllEqual,
    Constant,
    FollowUp,
    Name,
    NoError,
    NotDistinguished,
    PartOfDesign,
    Statement,
    Together,
    TooFew,
)
from promo.evidence.terms import Columns, columns_of, joint_tests, terms_of
from promo.evidence.values import Evidence
from promo.study.design import Word, contrasts
from promo.study.families import Rest
from promo.study.modelled import modelled
from promo.study.values import Effects, Study
from promo.study.varied import rows_of

ALIAS_DIGITS = 6
MOST_ROWS = 128
"""Contrasts beyond the model are looked at in designs of up to so many rows."""


def estimate_effects(study: Study, effects: Effects, evidence: Mapping[str, Evidence]) -> EffectTable:
    """Estimate effects from the evidence of their stages."""
    points, columns = rows_of(study, effects), columns_of(study, effects)
    seen = {stage: observe(evidence[stage], points) for stage in effects.stages}
    read = {stage: evidence[stage].digest for stage in effects.stages}
    if effects.pooled:
        return EffectTable(effects.name, (fit_pooled(effects, columns, list(seen.values())),), (), read)
    fits = tuple(fit_observed(effects, columns, stage, seen[stage]) for stage in effects.stages)

    def gained(stage: str, gains: Observed) -> Fit:
        return fit_observed(effects, columns, stage, gains)

    return EffectTable(effects.name, fits, tuple(changes(effects, fits, seen, gained)), read)


def fit_pooled(effects: Effects, columns: Columns, some: Sequence[Observed]) -> Fit:
    """The effects at all stages together; the fit is called by the last of them."""
    return _fit(effects, columns, effects.stages[-1], pool(some), some)


def fit_observed(effects: Effects, columns: Columns, stage: str, seen: Observed, *, figures: int = FIGURES) -> Fit:
    """The same, from values that have been read; *figures* significant digits are kept."""
    return _fit(effects, columns, stage, seen, [seen], figures)


def _fit(
    effects: Effects,
    columns: Columns,
    stage: str,
    seen: Observed,
    parts: Sequence[Observed],
    figures: int = FIGURES,
) -> Fit:
    """*parts* are what each stage planned for itself."""
    there = seen.only([len(absent) < len(seen.cells) for absent in seen.absent])
    corners = there.only([0 not in row for row in there.rows])
    empty = Fit(
        stage=stage,
        runs=seen.runs,
        planned=sum(len(one.names) * len(one.cells) for one in parts),
        degrees=0,
        freedom=None,
        sigma=None,
        method=Method.LEAST_SQUARES,
        pse=None,
        margin=None,
        simultaneous=None,
        contrasts=(),
        estimates=(),
        curvature=None,
        blocks=None,
        statements=(*(said for one in parts for said in said_of_runs(one)), *said_of_rows(corners)),
    )
    if len(set(corners.rows)) < 2:
        return _with(empty, TooFew())
    if there.runs * there.squares == sum(there.totals) ** 2:
        return _with(empty, AllEqual())
    return _Fit(effects, columns, there, corners, figures).fit(empty)


def _with(fit: Fit, *said: Statement) -> Fit:
    return evolve(fit, statements=(*fit.statements, *said))


@frozen
class _Error:
    """What tests rest on; *spread* is the standard deviation of a run, or of an effect where that is *lenth*."""

    spread: float
    freedom: float
    lenth: bool


class _Fit:
    def __init__(self, effects: Effects, columns: Columns, seen: Observed, corners: Observed, figures: int) -> None:
        self.effects, self.seen, self.corners = effects, seen, corners
        self.coding, self.columns = columns.coding, columns
        self.digits = Digits.of(seen.values, seen.unit, figures)
        self.unit = seen.unit * Fraction(10) ** self.digits.shift
        self.rows = list(dict.fromkeys(seen.rows))
        self.centred = [0 in row for row in self.rows]
        self.model = modelled(effects, self.coding.factors)
        terms = [effect for term in self.model for effect in self.coding.named(term)]
        named = set(terms)
        others = [effect for effect in self.coding.up_to(2) if effect not in named]
        chains = self.coding.chains([row for row in self.rows if 0 not in row], [*terms, *others])
        self.fixed = [effect for chain in chains if not chain[0][1] for _, effect in chain if effect]
        self.chains = [chain for chain in chains if chain[0][1] in named]
        self.omitted = [chain[0][1] for chain in chains if chain[0][1] and chain[0][1] not in named]
        self.left_out = self.omitted
        self.width = len(self.chains)
        """So many chains are the model's; those behind it are listed beside it."""
        self.hosts = seen.hosts()
        self.signs = Signs(corners)
        self.moments = moments(list(self.hosts.values()), self.rows, effects.block)
        if effects.rest is Rest.LISTED:
            self._list_rest()
        self.scales = [self.coding.scale(chain[0][1]) for chain in self.chains]
        self.blocked = Blocked(columns.signed, effects.block, effects.stages, self.hosts, self.rows, self.moments)
        self.blocks = self.blocked.count

    def fit(self, empty: Fit) -> Fit:
        columns = [self._column(chain[0][1]) for chain in self.chains]
        left_out = [self._column(effect) for effect in self.omitted]
        mains = [number for number, chain in enumerate(self.chains) if len(chain[0][1]) == 1]
        apart = [self._apart(columns[number]) for number in mains] if len(self.hosts) > 1 else []
        centre = self._centre()
        model = [*columns, *centre]
        solved = solve(self._on_hosts(model), self.moments, further=apart, omitted=self._on_hosts(left_out))
        left = self.seen.runs - self.blocks - solved.rank
        listed = self.effects.rest is Rest.LISTED
        residual, degrees = pure_error(self.moments, len(self.rows)) if listed else (solved.residual, left)
        said: list[Statement] = []
        lost = self._not_estimable(solved, said)
        fit, error = self._error(evolve(empty, degrees=degrees), columns, solved, residual / self.unit**2, said)
        reach = t_quantile(1 - float(self.effects.rate) / 2, error.freedom) if error else 0.0
        alone = self._alone(model)
        estimates = []
        for number, chain in enumerate(self.chains):
            if number in lost:
                estimates.append(_absent(chain))
                continue
            one = self._estimate(number, columns[number], solved, error, reach)
            if alone and len(chain[0][1]) == 1:
                one = evolve(one, hosts=tuple((host, self._own(number, there)) for host, there in alone.items()))
            estimates.append(one)
        if apart:
            null = () if self._complete() else self._null([*model, *left_out], apart)
            names = [one.effect for one in estimates]
            own = [there.null for there in alone.values()]
            tested = between_hosts(names, self.omitted, mains, lost, solved, left, null, own, self.digits)
            said += tested.statements
            for number, (p, adjusted) in tested.tails.items():
                estimates[number] = evolve(estimates[number], host_p=p, host_adjusted=adjusted)
        curvature = self._curvature(solved, error, reach) if any(self.centred) else None
        by_lenth = (error.spread, error.freedom) if error and error.lenth else None
        blocks = self.blocked.test(self._on_hosts(model), solved, by_lenth, self.digits, self.unit)
        said += self._follow_up(fit, [*columns[: self.width], *centre])
        of_model, rest = estimates[: self.width], tuple(estimates[self.width :])
        fit = evolve(
            fit, estimates=judged(of_model, self.effects, self.digits), rest=rest, curvature=curvature, blocks=blocks
        )
        if not self.coding.plain:
            joints = self._joints(columns, lost, residual if error else None, degrees)
            fit = evolve(fit, joints=joints, steps=tuple(self._steps(error, reach, columns[self.width :])))
        return _with(fit, *said)

    # --- columns -------------------------------------------------------------------------------------------

    def _column(self, effect: Name) -> list[int]:
        """An effect in every row: its sign where it has two levels; 0 at the centre."""
        return self.coding.column(effect, self.rows)

    def _centre(self) -> list[list[int]]:
        """The column of runs at the centre, where there are any."""
        return [[int(one) for one in self.centred]] if any(self.centred) else []

    def _list_rest(self) -> None:
        """Take contrasts beside the model into the fit, if all of them can be estimated with it."""
        corners = [row for row in self.rows if 0 not in row]
        named = contrasts(self.coding.factors, corners) if self.coding.plain and len(corners) <= MOST_ROWS else {}
        taken = {effect for chain in self.chains for _, effect in chain}
        effects = [effect for some in named.values() if taken.isdisjoint(some) for effect in some]
        whole = len(named) == len(corners) - 1
        chains = self.coding.chains(corners, effects if whole else self.omitted)
        chains = tuple(chain for chain in chains if chain[0][1])
        own = [*(self._column(chain[0][1]) for chain in self.chains), *self._centre()]
        others = [self._column(chain[0][1]) for chain in chains]
        there = listed_beside(self._on_hosts(own), self._on_hosts(others), self.moments)
        self.chains += [chains[number] for number in there]
        listed = {effect for number in there for _, effect in chains[number]}
        self.omitted = [effect for effect in self.omitted if effect not in listed]

    def _on_hosts(self, columns: Sequence[list[int]]) -> list[list[int]]:
        """Columns over the rows of every host."""
        return [column * len(self.hosts) for column in columns]

    def _apart(self, column: list[int]) -> list[list[int]]:
        """An effect's columns on each host but the first."""
        count, zeros = len(self.hosts), [0] * len(self.rows)
        return [[*zeros * host, *column, *zeros * (count - host - 1)] for host in range(1, count)]

    def _complete(self) -> bool:
        """Whether every host has a block with all rows, so that its differences are those of the others' as well."""
        count = len(self.rows)
        return all(
            any(sum(kind // count == host for kind in some.counts) == count for some in self.moments.blocks)
            for host in range(len(self.hosts))
        )

    def _null(self, columns: Sequence[list[int]], apart: Sequence[list[list[int]]]) -> Sequence[Sequence[Fraction]]:
        """What depends on what among columns and their differences between hosts."""
        every = [*self._on_hosts(columns), *(column for some in apart for column in some)]
        return solve(every, self.moments, variances=False).null

    def _not_estimable(self, solved: Solved, said: list[Statement]) -> set[int]:
        if self.fixed:
            said.append(Constant(tuple(self.fixed)))
        lost: set[int] = set()
        for vector in solved.null:
            terms = [number for number, one in enumerate(vector[: len(self.chains)]) if one]
            lost |= set(terms)
            said.append(NotDistinguished(tuple(self.chains[number][0][1] for number in terms)))
        for chain in self.chains:
            mains = [effect for _, effect in chain if len(effect) == 1]
            if len(mains) > 1:
                said.append(Together(tuple(mains)))
        return lost

    # --- the error -----------------------------------------------------------------------------------------

    def _error(
        self, fit: Fit, columns: Sequence[list[int]], solved: Solved, residual: Fraction, said: list[Statement]
    ) -> tuple[Fit, _Error | None]:
        """
        What tests rest on: Lenth's error where each row ran once and the rest is not declared to be error, or else the
        *residual* sum of squares, if either is there.
        """
        degrees, rest = fit.degrees, self.effects.rest
        again = self.seen.runs - self.corners.runs > sum(self.centred)
        once = self.corners.runs == len(set(self.corners.rows)) and not again and rest is not Rest.ERROR
        if once and self.coding.plain and (self.blocks == 1 or degrees <= 0):
            found, statement = self._lenth()
            if degrees <= 0 or not isinstance(statement, PartOfDesign):
                said.append(statement)
                return self._by_lenth(fit, found, of_runs=False) if found else (fit, None)
        saturated = self.seen.runs - self.blocks <= solved.rank
        if once and saturated and not self.coding.plain and orthogonal(self._on_hosts(columns), self.moments, solved):
            pairs = zip(self.chains, solved.coefficients, solved.variances, strict=True)
            sizes = [
                (chain[0][1], Fraction(float(scale * value / self.unit) / root(scale**2 * much)))
                for (chain, value, much), scale in zip(pairs, self.scales, strict=True)
            ]
            found, statement = pseudo_error(sizes, float(self.effects.rate))
            said.append(statement)
            return self._by_lenth(fit, found, of_runs=True) if found else (fit, None)
        if degrees <= 0 or not residual:
            said.append(NoError(perfect=bool(degrees)))
            return fit, None
        spread = root(residual / degrees)
        return evolve(fit, sigma=self.digits.text(spread), freedom=self.digits.bare(degrees)), _Error(
            spread, degrees, lenth=False
        )

    def _by_lenth(self, fit: Fit, found: Contrasts, *, of_runs: bool) -> tuple[Fit, _Error]:
        """Lenth's error in a fit, of effects, or of runs where contrasts were divided by their errors."""
        text = self.digits.text
        written = (lambda size: text(float(size))) if of_runs else self.digits.estimate
        fit = evolve(
            fit,
            method=Method.LENTH,
            freedom=self.digits.bare(found.freedom),
            pse=text(found.pse),
            margin=text(found.margin),
            simultaneous=text(found.simultaneous),
            contrasts=tuple((name, written(size)) for name, size in found.sizes),
        )
        return fit, _Error(found.pse, found.freedom, lenth=not of_runs)

    def _lenth(self) -> tuple[Contrasts | None, Statement]:
        values = {
            row: Fraction(sum(some)) / self.unit
            for row, some in zip(self.corners.rows, self.corners.values, strict=True)
        }
        return lenth(self.coding.factors, values, self._blocks_of_rows(), float(self.effects.rate))

    def _blocks_of_rows(self) -> list[list[Levels]]:
        """The rows of every block, where each row ran once."""
        found: dict[tuple[object, ...], list[Levels]] = {}
        for row, absent in zip(self.corners.rows, self.corners.absent, strict=True):
            cell = next(cell for cell in range(len(self.corners.cells)) if cell not in absent)
            host, seed = self.corners.cells[cell]
            said = {"host": host, "seed": seed, "stage": self.corners.stages[cell]}
            found.setdefault(tuple(said[name] for name in self.effects.block), []).append(row)
        return list(found.values())

    def _follow_up(self, fit: Fit, model: list[list[int]]) -> list[Statement]:
        """Contrasts that the model leaves out, and that lie beyond the margin of all of them at once."""
        taken = {effect for chain in self.chains[: self.width] for _, effect in chain}
        if fit.method is Method.LENTH:
            beyond = [
                (name, size)
                for name, size in fit.contrasts
                if name not in taken and abs(Fraction(size)) > Fraction(fit.simultaneous or 0)
            ]
            return [FollowUp(tuple(beyond))] if beyond else []
        corners = [row for row in self.rows if 0 not in row]
        if fit.sigma is None or len(corners) > MOST_ROWS:
            return []
        names = beside(self.coding, corners, self.left_out, taken)
        if not names:
            return []
        every = [*model, *map(self._column, names)]
        solved = solve(self._on_hosts(every), self.moments)
        if self.seen.runs - self.blocks <= solved.rank:
            return self._beyond_lenths(taken)
        numbered = list(enumerate(names, start=len(model)))
        found = beyond_their_margin(numbered, solved, self.seen.runs - self.blocks, self.coding, self.effects.rate)
        return (
            [FollowUp(tuple((name, self.digits.estimate(size / self.unit)) for name, size in found))] if found else []
        )

    def _beyond_lenths(self, taken: set[Name]) -> list[Statement]:
        """The same where each row ran once and what the model leaves is its error: by Lenth's, over all contrasts."""
        if not self.coding.plain or self.corners.runs != len(set(self.corners.rows)):
            return []
        found, _ = self._lenth()
        beyond = [
            (name, self.digits.estimate(size))
            for name, size in (found.sizes if found else ())
            if found and name not in taken and abs(float(size)) > found.simultaneous
        ]
        return [FollowUp(tuple(beyond))] if beyond else []

    # --- estimates -----------------------------------------------------------------------------------------

    def _estimate(
        self, number: int, column: Sequence[int], solved: Solved, error: _Error | None, reach: float
    ) -> Estimate:
        chain, scale = self.chains[number], self.scales[number]
        value = scale * solved.coefficients[number] / self.unit
        signs = dict(zip(self.rows, column, strict=True))
        told = self.coding.plain or len(chain[0][1]) == 1
        one = evolve(
            _absent(chain),
            aliases=tuple(
                (much, effect)
                for effect, biases in zip(self.omitted, solved.biases, strict=True)
                if (much := self._part(biases[number], scale, effect))
            ),
            value=self.digits.estimate(value),
            agree=self.signs.agreement(signs, value) if told else None,
        )
        if error is None:
            return one
        width = error.spread if error.lenth else error.spread * root(scale**2 * solved.variances[number])
        tested = self._tested(value, width, error.freedom, reach)
        return evolve(one, error=tested[0], t=tested[1], p=tested[2], low=tested[3], high=tested[4])

    def _part(self, bias: Fraction, scale: Fraction, effect: Name) -> Fraction:
        """How much of an effect an estimate takes up; of more levels to `ALIAS_DIGITS` places."""
        if self.coding.plain or not bias:
            return bias
        return Fraction(round(bias * scale / self.coding.scale(effect) * 10**ALIAS_DIGITS), 10**ALIAS_DIGITS)

    def _tested(self, value: Fraction, width: float, freedom: float, reach: float) -> tuple[str, str, str, str, str]:
        """Error, t, p and interval of an estimate."""
        t, far = float(value) / width, Fraction(reach * width)
        low, high = self.digits.estimate(value - far), self.digits.estimate(value + far)
        return self.digits.text(width), self.digits.bare(t), self.digits.bare(t_tails(t, freedom)), low, high

    def _joints(
        self, columns: Sequence[list[int]], lost: set[int], residual: Fraction | None, degrees: int
    ) -> tuple[Joint, ...]:
        """Every term beside all others."""
        terms = terms_of(self.model, self.coding, self.chains, lost)
        sizes, every = ORDERS[self.effects.family], self._on_hosts(columns)
        return joint_tests(
            terms, every, self.moments, residual, degrees, sizes, self.effects.procedure, self.digits, self.unit
        )

    def _steps(self, error: _Error | None, reach: float, rest: Sequence[list[int]]) -> Iterator[Step]:
        """The same model with every trend as steps from level to level: those that the runs separate from all else."""
        if self.columns.steps is None:
            return
        coding = self.columns.steps
        names = [name for term in self.model for name in coding.named(term)]
        columns = [*(coding.column(name, self.rows) for name in names), *rest]
        solved = solve(self._on_hosts(columns), self.moments)
        lost = {number for vector in solved.null for number, one in enumerate(vector) if one}
        for number, name in enumerate(names):
            if len(name) == 1 and name[0] in self.columns.pairs and number not in lost:
                scale = coding.scale(name)
                value = scale * solved.coefficients[number] / self.unit
                tested: tuple[str | None, ...] = (None,) * 5
                if error is not None:
                    width = error.spread * root(scale**2 * solved.variances[number])
                    tested = self._tested(value, width, error.freedom, reach)
                yield Step(*self.columns.pairs[name[0]], self.digits.estimate(value), *tested)

    def _curvature(self, solved: Solved, error: _Error | None, reach: float) -> Curvature | None:
        """The last column of the model: by how much runs at the centre lie above those at the corners."""
        number = len(self.chains)
        if any(vector[number] for vector in solved.null):
            return None
        value = -solved.coefficients[number] / self.unit
        runs = self.seen.runs - self.corners.runs
        if error is None:
            return Curvature(runs, self.digits.estimate(value), None, None, None, None, None)
        spread = error.spread * math.sqrt(self.seen.runs) / 2 if error.lenth else error.spread
        width = spread * root(solved.variances[number])
        return Curvature(runs, self.digits.estimate(value), *self._tested(value, width, error.freedom, reach))

    def _alone(self, columns: Sequence[list[int]]) -> dict[str, Solved]:
        """The model on each host alone, where there are two hosts or more."""
        hosts = self.hosts.items() if len(self.hosts) > 1 else ()
        return {
            host: solve(columns, moments([part], self.rows, self.effects.block), variances=False)
            for host, part in hosts
        }

    def _own(self, number: int, there: Solved) -> str | None:
        """An effect on one host alone; None where its runs do not separate it from others or from blocks."""
        if any(vector[number] for vector in there.null):
            return None
        return self.digits.estimate(self.scales[number] * there.coefficients[number] / self.unit)


def _absent(chain: tuple[Word, ...]) -> Estimate:
    return Estimate(chain[0][1], chain, (), None, None, None, None, None, None, None, (), None, None, None, False)
