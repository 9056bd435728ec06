"""
The methods of `promo compare` beside NePS and Syne Tune: the same table, the same order of candidates, the same rungs.

    python tests/bench/comparators.py [--curves FOLDER] [--orders 50]

Neither package is needed by promo.  It was tried with neural-pipeline-search 0.17.0 and syne-tune 0.16.0.  Their
samplers are left out, because they draw with replacement from a space; what is compared is who goes how far.  Where a
package has another rule on purpose, the rule is written down here in a few lines and held to the package, so that
the difference is the rule and nothing else.
"""

import argparse
import datetime
import logging
import random
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import pandas as pd
from neps.optimizers.utils.brackets import (
    Async,
    Hyperband,
    PromoteAction,
    SampleAction,
    Sync,
    calculate_hb_bracket_layouts,
)
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice
from syne_tune.optimizer.scheduler import SchedulerDecision
from syne_tune.optimizer.schedulers.asha import AsynchronousSuccessiveHalving

from promo.curves.collect import collect_curves
from promo.curves.reach import reach
from promo.curves.read import read_sheet
from promo.curves.values import Column, Settings
from promo.decision.comparators import Board, asha, brackets, hyperband, integer_rungs, successive_halving

ETA = 3
Reached = dict[str, int]
"""Candidate -> the furthest rung that it was trained to."""


def synthetic(count: int, rungs: int, seed: int) -> Board:
    """Candidates whose early scores are noisy signs of late ones, all different."""
    draw = random.Random(seed)
    final = {f"c{number}": draw.gauss(0, 1) for number in range(count)}
    scores = {
        (name, rung): Fraction(value + draw.gauss(0, 1.5 / (rung + 1)))
        for name, value in final.items()
        for rung in range(rungs)
    }
    return Board(rungs, scores, {key: {("box", 1): Fraction(ETA ** key[1])} for key in scores})


def golf(folder: Path) -> Board:
    """Real curves of 30 configurations; their first recorded run at 66, 200 and 600 seconds."""
    sheet = read_sheet("golf_10min.csv.gz", (folder / "golf_10min.csv.gz").read_bytes())
    curves, faults = collect_curves(sheet, Settings(), "val_bpb", "bpb")
    assert not faults
    first = {curve.config: curve for curve in reversed(curves)}
    scores: dict[tuple[str, int], Fraction | None] = {}
    seconds = {}
    for name, curve in first.items():
        for rung, amount in enumerate((66, 200, 600)):
            found = reach(curve, Column.SECONDS, amount, interpolate=False)
            value = None if isinstance(found, str) else found.value
            # A bracket of NePS needs some number everywhere; promo ranks who has none last, and so does this.
            scores[name, rung] = Fraction(10**6 + len(scores)) if value is None else value
            seconds[name, rung] = {("box", 1): Fraction(amount)}
    return Board(3, scores, seconds)


# --- NePS ------------------------------------------------------------------------------------------------------------


class NepsTable:
    """Trials as NePS keeps them: (id, rung) -> configuration and score."""

    def __init__(self, board: Board, order: Sequence[str]) -> None:
        self.board, self.order = board, order
        self.rows: dict[tuple[int, int], float] = {}
        self.drawn = 0

    def frame(self) -> pd.DataFrame:
        index = pd.MultiIndex.from_tuples(list(self.rows) or [(0, 0)], names=["id", "rung"])
        values = list(self.rows.values()) or [0.0]
        frame = pd.DataFrame({"config": [{"id": key[0]} for key in index], "perf": values}, index=index).sort_index()
        return frame if self.rows else frame.iloc[:0]

    def act(self, action: object) -> bool:
        """Carry an action out; whether there was anything to do."""
        match action:
            case SampleAction(rung=rung) if self.drawn < len(self.order):
                self._train(self.drawn, rung)
                self.drawn += 1
            case PromoteAction(id=number, new_rung=rung):
                self._train(int(number), rung)
            case _:
                return False
        return True

    def _train(self, number: int, rung: int) -> None:
        score = self.board.scores[self.order[number], rung]
        assert score is not None
        self.rows[number, rung] = float(score)

    def reached(self) -> Reached:
        found: Reached = {}
        for number, rung in self.rows:
            name = self.order[number]
            found[name] = max(rung, found.get(name, rung))
        return found


def neps_halving(board: Board, order: Sequence[str]) -> Reached:
    """NePS' synchronous bracket with the rung sizes of promo's successive halving."""
    sizes = {rung: max(1, len(order) // ETA**rung) for rung in range(board.rungs)}
    table = NepsTable(board, order)
    while table.act(Sync.create_repeating(table.frame(), rung_sizes=sizes)[0].next()):
        pass
    return table.reached()


def neps_hyperband(board: Board, order: Sequence[str]) -> Reached:
    """One pass of NePS' Hyperband, each bracket served to its end before the next, with its own layouts."""
    _, layouts = calculate_hb_bracket_layouts((1, ETA ** (board.rungs - 1)), ETA)
    table = NepsTable(board, order)
    for number in range(len(layouts)):
        while table.act(_bracket(table, layouts, number).next()):
            pass
    return table.reached()


def _bracket(table: NepsTable, layouts: list[dict[int, int]], number: int) -> Sync:
    whole: Hyperband = Hyperband.create_repeating(table.frame(), bracket_layouts=layouts)[0]
    return whole.sh_brackets[number]


def neps_asha(board: Board, order: Sequence[str]) -> Reached:
    """NePS' asynchronous bracket, one worker, until everybody was drawn and nobody is left to promote."""
    table = NepsTable(board, order)
    while table.act(Async.create(table.frame(), rungs=list(range(board.rungs)), eta=ETA).next()):
        pass
    return table.reached()


def asha_of_the_rest(board: Board, order: Sequence[str]) -> Reached:
    """What NePS' bracket does: the places of a rung are counted over those that have not gone on yet."""
    there: list[list[str]] = [[] for _ in range(board.rungs)]
    waiting = list(order)
    while True:
        job = None
        for rung in range(board.top - 1, -1, -1):
            rest = [name for name in there[rung] if name not in there[rung + 1]]
            if len(rest) >= ETA:
                job = board.ranked(rest, rung)[0], rung + 1
                break
        if job is None and not waiting:
            return {name: rung for rung, names in enumerate(there) for name in names}
        name, rung = job or (waiting.pop(0), 0)
        there[rung].append(name)


# --- Syne Tune -------------------------------------------------------------------------------------------------------


def syne_asha(board: Board, order: Sequence[str]) -> Reached:
    """Syne Tune's ASHA, one worker, told score after score of one candidate after the other."""
    budgets = [ETA**rung for rung in range(board.rungs)]
    scheduler = AsynchronousSuccessiveHalving(
        {"name": choice(list(order))},
        metric="loss",
        max_t=budgets[-1],
        grace_period=1,
        reduction_factor=ETA,
        random_seed=0,
        searcher_kwargs={"points_to_evaluate": [{"name": name} for name in order]},
    )
    found: Reached = {}
    for number, name in enumerate(order):
        suggestion = scheduler.suggest()
        assert suggestion is not None
        assert suggestion.config["name"] == name
        trial = Trial(number, suggestion.config, datetime.datetime(2026, 1, 1))
        scheduler.on_trial_add(trial)
        for rung, budget in enumerate(budgets):
            found[name] = rung
            score = board.scores[name, rung]
            assert score is not None
            told = {"loss": float(score), "training_iteration": budget}
            if scheduler.on_trial_result(trial, told) == SchedulerDecision.STOP:
                break
    return found


def asha_by_stopping(board: Board, order: Sequence[str]) -> Reached:
    """What Syne Tune's ASHA does: whoever arrives goes on if at most a share 1/eta of those there is better."""
    seen: list[list[Fraction]] = [[] for _ in range(board.rungs)]
    found: Reached = {}
    for name in order:
        for rung in range(board.rungs):
            score = board.scores[name, rung]
            assert score is not None
            found[name] = rung
            better = sum(one < score for one in seen[rung])
            seen[rung].append(score)
            if len(seen[rung]) > 1 and better * ETA > len(seen[rung]):
                break
    return found


# --- the comparison --------------------------------------------------------------------------------------------------


def sizes(reached: Mapping[str, int], rungs: int) -> str:
    """How many were trained at each rung."""
    return "/".join(str(sum(rung >= at for rung in reached.values())) for at in range(rungs))


def compared(title: str, board: Board, orders: int, count: int) -> bool:
    """All methods over some orders of one table; whether everything that ought to agree does."""
    names = sorted({name for name, _ in board.scores})
    draw, fine = random.Random(1), True
    agree: dict[str, int] = {}
    shown: dict[str, str] = {}
    for _ in range(orders):
        order = draw.sample(names, count)
        own = {
            "successive halving": dict(successive_halving(board, order, ETA).reached),
            "hyperband": dict(hyperband(board, order, ETA).reached),
            "asha": dict(asha(board, order, ETA).reached),
        }
        pairs = {
            "successive halving = NePS": (own["successive halving"], neps_halving(board, order)),
            "hyperband = NePS": (own["hyperband"], neps_hyperband(board, order)),
            "asha by the rest = NePS": (asha_of_the_rest(board, order), neps_asha(board, order)),
            "asha by stopping = Syne Tune": (asha_by_stopping(board, order), syne_asha(board, order)),
            "asha of promo, and of NePS": (own["asha"], neps_asha(board, order)),
            "asha of promo, and of Syne Tune": (own["asha"], syne_asha(board, order)),
        }
        for name, (one, two) in pairs.items():
            agree[name] = agree.get(name, 0) + (one == two)
            shown.setdefault(name, f"{sizes(one, board.rungs)} and {sizes(two, board.rungs)}")
    print(f"\n{title}: {count} candidates, {board.rungs} rungs, {orders} orders")
    for name, number in agree.items():
        print(f"  {name:32} same in {number:3} of {orders}; at the rungs of the first: {shown[name]}")
        fine &= number == orders or " = " not in name
    return fine


def layouts() -> bool:
    """Hyperband's brackets as promo and NePS count them."""
    fine = True
    for most in (9, 27, 81, 243):
        rungs = integer_rungs(1, most, ETA)
        own = [count for count, _ in brackets(len(rungs), ETA)]
        theirs = [layout[min(layout)] for layout in calculate_hb_bracket_layouts((1, most), ETA)[1]]
        print(f"brackets for R = {most}: promo {own}, NePS {theirs}")
        fine &= own == theirs or most == 243  # its floating logarithm loses a rung
    return fine


def main() -> int:
    """Compare, and fail where something that ought to agree does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=Path, help="a folder with golf_10min.csv.gz")
    parser.add_argument("--orders", type=int, default=20)
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # Syne Tune prints every list of candidates that it is given
    fine = layouts()
    fine &= compared("synthetic, R = 81", synthetic(150, 5, 7), options.orders, 128)
    if options.curves:
        fine &= compared("golf, 66, 200 and 600 s", golf(options.curves), options.orders, 30)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
