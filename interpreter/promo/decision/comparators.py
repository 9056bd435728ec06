"""
Scores at rungs to a choice and its cost: the usual ways of sharing out budgets, to set a spec's gates beside.

All of them draw from the candidate list without replacement, because the list is finite and nobody pays for a run
twice; all of them carry a run on from rung to rung and pay only what is added.  The order in which candidates are
drawn is an argument, so that nothing here is random.  What a method of rungs costs follows from its rungs; for a fair
comparison `at_equal_cost` gives it the hours that another one had, no more and no fewer than it can use.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction

from promo.base.canonical import exact_sum
from promo.base.classes import field, frozen


@frozen
class Board:
    """What is known of every candidate at every rung; rung 0 is the smallest budget."""

    rungs: int
    scores: Mapping[tuple[str, int], Fraction | None]
    """(candidate, rung) -> score, lower is better; None where a cell has no value."""
    seconds: Mapping[tuple[str, int], Mapping[tuple[str, int], Fraction]]
    """(candidate, rung) -> cell -> its seconds from the start of that run to the rung."""
    widths: Mapping[int, Mapping[tuple[str, int], int]] = field(factory=dict)
    """Rung -> cell -> devices that a run has on its way there from the rung before; 1 where nothing is said."""

    @property
    def top(self) -> int:
        """The rung of the full budget."""
        return self.rungs - 1

    def cost(self, name: str, rungs: Iterable[int]) -> Fraction:
        """Device time of a candidate at some rungs; a cell that is there again is carried on, and pays what it adds."""
        paid, furthest = Fraction(0), dict[tuple[str, int], Fraction]()
        for rung in sorted(rungs):
            widths = self.widths.get(rung, {})
            for cell, seconds in self.seconds[name, rung].items():
                added = max(seconds - furthest.get(cell, Fraction(0)), Fraction(0))
                paid += added * widths.get(cell, 1)
                furthest[cell] = furthest.get(cell, Fraction(0)) + added
        return paid

    def ranked(self, names: Sequence[str], rung: int) -> list[str]:
        """Candidates by score, best first; those without one last, and equal ones as they were drawn."""

        def key(name: str) -> tuple[bool, Fraction]:
            score = self.scores[name, rung]
            return score is None, score if score is not None else Fraction(0)

        return sorted(names, key=key)


@frozen
class MethodResult:
    """A method over all draws."""

    name: str
    regret: Fraction | None
    """
    Mean of how much worse its choice is than the best at the full budget, in the metric's unit; None where it never
    chose anybody who is known there.
    """
    regret_interval: tuple[Fraction, Fraction] | None
    spent_s: Fraction
    """Mean device time in seconds."""
    spent_interval: tuple[Fraction, Fraction]
    trained: Fraction
    """Mean number of candidates it looked at."""
    without: int
    """Draws in which it chose nobody, or somebody unknown at the full budget; they are left out of the regret."""
    over_spec: Fraction | None
    """Mean of its regret less that of the spec in the same draw, over draws in which both chose somebody known."""
    over_spec_interval: tuple[Fraction, Fraction] | None


@frozen
class Comparison:
    """All methods beside each other."""

    best: str
    rungs: tuple[int, ...]
    cells: tuple[int, ...]
    """Hosts times seeds at each rung."""
    draws: int
    methods: tuple[MethodResult, ...]
    unknown: tuple[str, ...]
    """Candidates without a value at the full budget, of whom nobody can say how good they are."""
    stopped: int
    """Draws in which a gate or rule of the spec stopped the study."""
    held: int
    """Draws in which one waited for a person, so that nobody went on."""


@frozen
class Choice:
    """Whom a method takes in the end, and what it spent on the way."""

    candidate: str | None
    """None where nothing that it trained has a score."""
    spent_s: Fraction
    rungs: Mapping[str, frozenset[int]]
    """Whom it trained, and at which rungs."""

    @property
    def reached(self) -> dict[str, int]:
        """Whom it trained, and up to which rung."""
        return {name: max(rungs) for name, rungs in self.rungs.items()}

    @property
    def trained(self) -> int:
        """How many candidates it looked at."""
        return len(self.rungs)


class _Purse:
    """How far each candidate was trained, and what that cost."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.there: dict[str, set[int]] = {}

    def train(self, names: Iterable[str], rung: int) -> None:
        for name in names:
            self.there.setdefault(name, set()).add(rung)

    @property
    def spent_s(self) -> Fraction:
        """Device time of everything."""
        return exact_sum(self.board.cost(name, rungs) for name, rungs in self.there.items())

    def choice(self) -> Choice:
        """The best of those that came furthest; scores at different budgets are not compared."""
        spent = self.spent_s
        reached = {name: max(rungs) for name, rungs in self.there.items()}
        scored = {name: rung for name, rung in reached.items() if self.board.scores[name, rung] is not None}
        furthest = max(scored.values(), default=0)
        best = self.board.ranked([name for name, rung in scored.items() if rung == furthest], furthest)
        return Choice(best[0] if best else None, spent, {name: frozenset(one) for name, one in self.there.items()})


def integer_rungs(least: int, most: int, eta: int) -> tuple[int, ...]:
    """
    Budgets from *least* to *most*, each *eta* times the one before, by whole numbers only.

    A floating logarithm loses a rung where *most* is a power of *eta*: log(243) / log(3) is 4.999...

    Raises:
        ValueError: *eta* is below 2, *least* below 1, or *most* is not *least* times a power of *eta*.
    """
    if eta < 2 or least < 1:
        raise ValueError("eta is at least 2 and the least budget at least 1")
    rungs = [least]
    while rungs[-1] < most:
        rungs.append(rungs[-1] * eta)
    if rungs[-1] != most:
        raise ValueError(f"{most} is not {least} times a power of {eta}")
    return tuple(rungs)


def random_search(board: Board, order: Sequence[str], allowance_s: Fraction) -> Choice:
    """
    Train candidates at the full budget as they are drawn, while the allowance lasts; one in any case.

    Source:
        Bergstra & Bengio (2012), JMLR 13; without replacement.
    """
    purse, spent = _Purse(board), Fraction(0)
    for name in order:
        spent += board.cost(name, [board.top])
        if purse.there and spent > allowance_s:
            break
        purse.train([name], board.top)
    return purse.choice()


def greedy_walk(
    board: Board,
    order: Sequence[str],
    levels: Mapping[str, Mapping[str, object]],
    start: str,
    allowance_s: Fraction,
) -> Choice:
    """
    From *start*, try at the full budget whoever differs in one factor; go over to the first that is better, and on.

    It ends where nobody untried is one factor away, or where the next would cost more than the allowance leaves.

    Args:
        board: scores and costs.
        order: candidates as they were drawn; who comes first is tried first.
        levels: candidate -> factor -> level.
        start: a candidate, trained in any case.
        allowance_s: device time that the walk may spend.
    """
    purse, here, spent = _Purse(board), start, board.cost(start, [board.top])
    purse.train([start], board.top)
    while True:
        near = [
            name
            for name in order
            if name not in purse.there and sum(levels[here][one] != levels[name][one] for one in levels[here]) == 1
        ]
        if not near or spent + board.cost(near[0], [board.top]) > allowance_s:
            return purse.choice()
        spent += board.cost(near[0], [board.top])
        purse.train(near[:1], board.top)
        if board.scores[near[0], board.top] is not None:
            here = board.ranked([here, near[0]], board.top)[0]


def successive_halving(board: Board, order: Sequence[str], eta: int) -> Choice:
    """
    Train all at the smallest budget, and let the best 1/eta, rounded down and at least one, go on at every rung.

    Source:
        Jamieson & Talwalkar (2016), AISTATS; with a factor eta as in Li et al. (2018), algorithm 1.
    """
    purse = _Purse(board)
    _halve(board, purse, order, eta, 0)
    return purse.choice()


def _halve(board: Board, purse: _Purse, names: Sequence[str], eta: int, first: int) -> None:
    for rung in range(first, board.rungs):
        purse.train(names, rung)
        names = board.ranked(names, rung)[: max(1, len(names) // eta)]


def brackets(rungs: int, eta: int) -> tuple[tuple[int, int], ...]:
    """
    Hyperband's brackets: how many candidates each begins with, and at which rung, most explorative first.

    Source:
        Li et al. (2018), JMLR 18(185), table 1: R = 81 and eta = 3 give 81, 27, 9, 6 and 5 candidates, floor((s_max +
        1) / (s + 1)) times eta^s.  Algorithm 1 of the same paper rounds the whole product up: 81, 34, 15, 8 and 5.
    """
    last = rungs - 1
    return tuple(((rungs // (s + 1)) * eta**s, last - s) for s in range(last, -1, -1))


def hyperband(board: Board, order: Sequence[str], eta: int) -> Choice:
    """
    Successive halving from every rung, each bracket with candidates that no other has drawn.

    One pass over the brackets, as in the finite horizon.  They are served from the most explorative on; a finite list
    may be used up before the last one.  The best is taken among those that came furthest.

    Source:
        Li et al. (2018), JMLR 18(185), algorithm 1; without replacement.
    """
    purse, left = _Purse(board), list(order)
    for count, first in brackets(board.rungs, eta):
        drawn, left = left[:count], left[count:]
        if drawn:
            _halve(board, purse, drawn, eta, first)
    return purse.choice()


def asha(board: Board, order: Sequence[str], eta: int) -> Choice:
    """
    Asynchronous successive halving with one worker, by promotion, until nothing is left to promote or to draw.

    Source:
        Li et al. (2020), MLSys, algorithm 2; without replacement.
    """
    purse = _Purse(board)
    there: list[list[str]] = [[] for _ in range(board.rungs)]
    waiting = list(order)
    while True:
        job = _promotable(board, there, eta)
        if job is None:
            if not waiting:
                return purse.choice()
            job = (waiting.pop(0), 0)
        name, rung = job
        there[rung].append(name)
        purse.train([name], rung)


def _promotable(board: Board, there: Sequence[Sequence[str]], eta: int) -> tuple[str, int] | None:
    """The best candidate of the highest rung that is among its best 1/eta and has not gone on."""
    for rung in range(board.top - 1, -1, -1):
        for name in board.ranked(there[rung], rung)[: len(there[rung]) // eta]:
            if name not in there[rung + 1] and board.scores[name, rung] is not None:
                return name, rung + 1
    return None


def at_equal_cost(
    board: Board, order: Sequence[str], method: Callable[[Board, Sequence[str]], Choice], allowance_s: Fraction
) -> Choice:
    """
    A method of rungs with the hours of another one.

    It draws as many candidates as its allowance pays for, all if it can, and one in any case.  With what is then left
    it trains on, at the full budget, whom it had left behind, from the highest rung down and the best first, and after
    them those that it never drew; it ends with the first that would cost too much.

    Args:
        board: scores and costs.
        order: candidates as they were drawn.
        method: what it does with the candidates that it draws.
        allowance_s: device time that it may spend.
    """
    fits, fails = 1, len(order) + 1
    found = method(board, order)
    if found.spent_s <= allowance_s:
        fits = len(order)
    while fails - fits > 1 and fits < len(order):
        middle = (fits + fails) // 2
        if method(board, order[:middle]).spent_s <= allowance_s:
            fits = middle
        else:
            fails = middle
    found = method(board, order[:fits])
    purse = _Purse(board)
    purse.there = {name: set(rungs) for name, rungs in found.rungs.items()}
    spent, reached = found.spent_s, found.reached
    behind = [
        name
        for rung in range(board.top - 1, -1, -1)
        for name in board.ranked([one for one in order if reached.get(one) == rung], rung)
        if board.scores[name, rung] is not None
    ]
    for name in (*behind, *(one for one in order if one not in reached)):
        rungs = purse.there.get(name, set())
        more = board.cost(name, {*rungs, board.top}) - board.cost(name, rungs)
        if spent + more > allowance_s:
            break
        spent += more
        purse.train([name], board.top)
    return purse.choice()


def percentile_interval(values: Sequence[Fraction], level: Fraction) -> tuple[Fraction, Fraction]:
    """
    The values between which a share *level* of bootstrap replicates lies, as many below as above.

    Args:
        values: one statistic for each resample, at least one.
        level: between 0 and 1.

    Source:
        Efron & Tibshirani (1993), chapter 13: the percentile interval, order statistics rounded outwards.
    """
    ordered = sorted(values)
    tail = (1 - level) / 2 * len(ordered)
    outside = tail.numerator // tail.denominator
    return ordered[outside], ordered[len(ordered) - 1 - outside]
