"""
Where a program's run begins: anew, from the state of an attempt that was lost, or from the end of an earlier stage.

Whatever a run had spent before it was lost is charged to its budget once, and what an earlier stage had spent is not
charged again.  A program says what it counts anew when it goes on; everything else it reports counts from the very
beginning of the run.
"""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from promo.base.canonical import Json, exact
from promo.run.program import Literal, Program
from promo.run.runners.files.states import (
    NOTHING,
    Amounts,
    Keeper,
    KeptState,
    StateError,
    ahead_of,
    before_s,
    earlier_points,
    moved,
    take_up,
)
from promo.run.values import Request
from promo.study.limits import BudgetKind

COUNTED = {BudgetKind.STEPS: "steps", BudgetKind.TOKENS: "tokens", BudgetKind.CPU: "cpu_s"}
"""Budget -> what a state says of it; of wall-clock seconds, what was trained or how long its process lived."""


class Beginning:
    """
    Takes up what there is to take up, and works out what is spent from there on.

    Raises:
        StateError: what an earlier stage left is not what was asked for.
    """

    def __init__(self, request: Request, program: Program, study: Path, place: Path, points: str) -> None:
        self._request, self._program = request, program
        self.base = self.begun = NOTHING
        """What the run had spent where this attempt begins, and where its stage did."""
        self.state: KeptState | None = None
        self.rejected = ""
        """Why the state of a lost attempt was not taken up."""
        self._kept: Keeper | None = None
        if program.state is None:
            return
        taken = None
        if request.resume is not None:
            try:
                kept, taken = take_up(study, request.resume.folder, request.resume.state, place)
                if kept.run != request.run.id:
                    raise StateError(f"the state in {request.resume.folder} is that of another run")
                self.base, self.begun, self.state = taken.at, kept.begun, taken
                self._points(study / request.resume.folder / points, place.parent / points, kept.base)
            except StateError as fault:
                self.rejected, taken = str(fault), None
        continued = request.continues
        if taken is None and continued is not None and continued.folder is not None:
            _, self.state = take_up(study, continued.folder, continued.state or "", place)
            self.base = self.begun = self.state.at
        self._kept = Keeper(program.state, place, place.parent, request.run.id, self.begun, self.base)
        if self.state is not None:
            self._kept.adopt(self.state)

    def _points(self, there: Path, here: Path, before: Amounts) -> None:
        """Points that the lost attempt, which began at *before*, had written by its state: the curve goes on there."""
        states = self._program.state
        if states is not None and self.state is not None and self.state.step is not None:
            here.write_bytes(b"".join(earlier_points(there, states, before, self.state)))

    def whole(self, point: Mapping[str, float]) -> Mapping[str, float]:
        """A point that the program wrote, by the count of its run: what it counts anew is added to."""
        return point if self._program.state is None else moved(point, ahead_of(self._program.state, self.base))

    @property
    def keeper(self) -> Keeper | None:
        """Who watches for states; None for a program that keeps none."""
        return self._kept

    @property
    def resume(self) -> tuple[str, ...]:
        """Further arguments."""
        return () if self.state is None or self._program.state is None else self._program.state.resume

    def values(self, place: Path) -> Mapping[str, Literal]:
        """Places to fill in: what is spent and what is left of the budget, its whole, and the state."""
        amount = self._request.budget.amount
        earlier = 0 if self._request.continues is None else self._request.continues.earlier
        spent = self._spent(self._request.budget.kind)
        found = {
            "budget": amount + earlier,
            "spent": _literal(spent),
            "left": _literal(max(amount - spent, Fraction(0))),
        }
        return found if self.state is None else {**found, "state": str(place / self.state.name)}

    def _spent(self, kind: BudgetKind) -> Fraction:
        """What was spent of the stage's budget where this attempt begins, as far as the state tells."""
        if kind is BudgetKind.FLOPS:
            return self._difference("tokens") * self._request.flops_per_token
        if kind in COUNTED:
            return self._difference(COUNTED[kind])
        return self._difference("train_s" if self.base.get("train_s") is not None else "wall_s")

    def _difference(self, name: str) -> Fraction:
        return (self.base.get(name) or Fraction(0)) - (self.begun.get(name) or Fraction(0))

    def lived_s(self, elapsed: float) -> float:
        """Seconds that the processes of this run have lived, which it may say that it trained."""
        anew = self._program.state is None or "train_s" in self._program.state.restarts
        return elapsed if anew else elapsed + float(self.base.get("wall_s") or 0)

    def total(self, figures: Mapping[str, Fraction], elapsed: float, processor_s: float) -> dict[str, Fraction]:
        """What the run has spent and done from its very beginning."""
        restarts = () if self._program.state is None else self._program.state.restarts
        found = {name: value for name, value in figures.items() if name in ("train_s", "steps", "tokens")}
        for name in restarts:
            if name in found and self.state is not None:
                found[name] += before_s(self.base) if name == "train_s" else self.base.get(name) or 0
        found["wall_s"] = Fraction(f"{elapsed:.6f}") + (self.base.get("wall_s") or 0)
        found["cpu_s"] = Fraction(f"{processor_s:.6f}") + (self.base.get("cpu_s") or 0)
        return found

    def in_stage(self, total: Mapping[str, Fraction]) -> dict[str, Fraction]:
        """What of that is this stage's."""
        return {name: value - (self.begun.get(name) or 0) for name, value in total.items()}

    def told(self) -> dict[str, Json]:
        """What a result says of where its run began; nothing where it began anew."""
        told: dict[str, Json] = {}
        if self.rejected:
            told["resume_rejected"] = self.rejected
        if self.state is not None:
            spent = {name: value for name, value in self.base.known.items() if name in ("steps", "wall_s")}
            told["began_from"] = {"state": self.state.digest, **spent}
        if self._kept is not None and self._kept.refused:
            told["state_refused"] = self._kept.refused
        return told

    def leave(self, total: Mapping[str, Fraction], *, wanted: bool) -> tuple[str | None, str]:
        """
        The run is over: keep the state at its end, if that is *wanted* and asked for, and no other.

        Returns:
            Its digest, and why there is none although one is asked for.
        """
        keeper = self._kept
        if keeper is None:
            return None, ""
        wanted = wanted and self._request.checkpoint.at_end
        fault = self._no_end(keeper, total) if wanted else ""
        end = Amounts({name: exact(value) for name, value in total.items()}) if wanted and not fault else None
        return keeper.leave(end), fault

    @staticmethod
    def _no_end(keeper: Keeper, total: Mapping[str, Fraction]) -> str:
        if not keeper.kept:
            return (
                f"it left no state that another stage could carry on{f': {keeper.refused}' if keeper.refused else ''}"
            )
        steps, ended = keeper.kept[0].at.get("steps"), total.get("steps")
        if steps is not None and ended is not None and steps != ended:
            return f"its last state is that of step {exact(steps)}, and it ended at step {exact(ended)}"
        return ""


def _literal(value: Fraction) -> Literal:
    return int(value) if value.denominator == 1 else float(value)
