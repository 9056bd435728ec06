"""
What a study costs, over every place at which a shape can change, against the bound of its plan.

For each step end of the small shape the losses of the pilots are those of laws that fall equally fast there.  So the
whole study is carried out in memory: laws are fitted, the place is decided, and every attempt is charged: training by
the built-in runner's own clock, shape by shape, with seconds a step that were measured, and start-up and scoring.
"""

from functools import cache

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from promo.base.canonical import from_exact
from promo.base.classes import frozen
from promo.decision.agenda import Agenda
from promo.decision.rehearse import Rehearsal
from promo.decision.values import Grounds
from promo.ledger.chain import GENESIS
from promo.ledger.losses import Loss
from promo.ledger.values import AttemptFailed, AttemptLost, ResultAccepted, RunStatus, Work
from promo.run.runners.gpt.clock import Clock
from promo.study.values import BudgetKind
from support import compiled

STEPS = 80
"""Steps of the small shape in the whole budget: so few that three digits tell each of them."""
UNIT = 46_080 * 256
"""Operations of such a step."""
PILOTS = (6, 12, 24, 48)
HEAD = """promo 1

study changes {
  title   "Changes"
  measure val_bpb in bpb, lower is better
  runner  gpt
}

data words {
  source   "builtin:synth/1"
  holdout  5%
  score    2_048tok in windows of 32tok
}

host here {
  device   "cpu" on any
  slots    2
  price    2usd
}

factor depth: layers in [1, 2] default 1
factor aspect: ratio in [8, 16] default 16
factor head_size: channels in [16]
factor context: tokens in [16]
factor total_batch: tokens in [256]
factor window: pattern in ["L"]

candidate small as reference
candidate large {
  depth  = 2
  aspect = 8
}
candidate moving follows growing
"""
STAGE = """
stage {name} {{
  train     {who} for {flop}flop
  cap       {cap}s
  allowance {allowance}s
  on        here
  seeds     {seeds}
{rest}}}
"""
REST = """
law falling {
  of    small, large
  from  s0, s1, s2, s3
  form  compute
  reach 20 times
  draws 5 seed 1
}

schedule growing {
  shapes small -> large by interleave
  law    falling
  else   hold
}

frozen rule pays {
  judge   moving against large at whole
  require mean gain at least 0.001bpb
  missing rerun 1, then stop
}
"""
CAP_S = 80
ALLOWANCE_S, ENDING_S = 60, 10
"""What an attempt may take beside its cap, and until all that it began is gone."""


def stage(**parts):
    return STAGE.format(allowance=ALLOWANCE_S, **parts)


@cache
def sound():
    text = HEAD
    for number, steps in enumerate(PILOTS):
        flop, cap = steps * UNIT, CAP_S * steps // STEPS + 1
        rest = "  report only\n"
        text += stage(name=f"s{number}", who="small, large", flop=flop, cap=cap, seeds=number + 1, rest=rest)
    who, seeds = "moving, small, large", "10, 11"
    return compiled(
        text + stage(name="whole", who=who, flop=STEPS * UNIT, cap=CAP_S, seeds=seeds, rest="") + REST
    ).sound()


SMALL = (1.0, 30.0, 0.5)
"""Floor, factor and exponent, in steps."""


def law_that_takes_over(at):
    """A law of floor 0.5 that falls as fast as the small shape's after *at* steps, at the loss that it has then."""
    floor, factor, exponent = SMALL
    loss, fall = floor + factor * at**-exponent, exponent * factor * at ** (-exponent - 1)
    above = loss - 0.5
    place = 0.55 * above / fall
    return 0.5, above * place**0.55, 0.55


@frozen
class Machine:
    """Seconds of a step in either shape, of start-up with warm-up, and of scoring."""

    small: float
    large: float
    begin: float = 20.0
    score: float = 10.0
    loses: int = 0
    """Attempts of each run that are lost at the end of all their time, before one is not."""


MEASURED = Machine(small=0.053, large=0.068)
"""
A step of the large shape takes 1.28 times as long, for 1.47 times the operations.

As measured with four layers of width 32 and two of them on two busy cores, where an operation of two layers takes 1.15
times as long as one of four: 53 ms for 1,024 tokens of 245,760 operations, 84 ms for as many of 442,368.
"""
SLOWER = Machine(small=1.4, large=1.796)
"""So slow that runs that change late are ended, and those that change early are not."""
WORST = Machine(small=0.99, large=1.27, begin=45.0, score=15.0, loses=4)
"""Every run takes all the time it may, after as many lost attempts as a study allows."""


@frozen
class Course:
    """One course of the study."""

    before: int
    """Steps of what changes its shape before it does."""
    spent_s: float
    timeouts: int


class Walk:
    """A study in which shapes change after so many steps, on some machine."""

    def __init__(self, at: float, machine: Machine) -> None:
        self.study, self.plan = sound()
        self.machine = machine
        self.laws = {"small": SMALL, "large": law_that_takes_over(at)}
        self.before = STEPS
        self.rehearsal = Rehearsal(Agenda(self.study, self.plan), self.ended)

    def course(self) -> Course:
        self.rehearsal.carry_out()
        scheduling = self.rehearsal.decisions["growing"].found
        tried = list(self.rehearsal.state.every_attempt())
        timeouts = sum(one.status is RunStatus.TIMEOUT for one in tried)

        assert scheduling.grounds is Grounds.TOLD
        return Course(self.before, float(sum(from_exact(one.device_s) for one in tried)), timeouts)

    def ended(self, run, number):
        budget = self.study.stages[run.stage].budget
        limit_s = budget.cap_s + ALLOWANCE_S
        late_s = repr(float(limit_s + ENDING_S))
        if number <= self.machine.loses:
            return AttemptLost(run.id, number, Loss.GONE, late_s, {}, None)
        train_s = self.trained(run)
        whole_s = train_s + self.machine.begin + self.machine.score
        if whole_s > limit_s:
            return AttemptFailed(run.id, number, RunStatus.TIMEOUT, "", None, None, late_s, {}, None)
        floor, factor, exponent = self.laws.get(run.candidate, SMALL)
        value = floor + factor * (budget.amount / UNIT) ** -exponent
        told, phases = {"val_bpb": repr(value)}, {"train": repr(train_s)}
        return ResultAccepted(run.id, number, GENESIS, told, phases, Work(), None, repr(whole_s), {}, None)

    def trained(self, run):
        """Seconds of a run's training, step by step."""
        models = {name: self.study.candidates[name].effective.flops_per_token for name in ("small", "large")}
        seconds = {"small": self.machine.small, "large": self.machine.large}
        path = self.rehearsal.state.path("growing") if run.candidate == "moving" else ()
        shape, turns = (path[0].candidate if path else run.candidate), list(path[1:])
        amount = self.study.stages[run.stage].budget.amount
        clock = Clock(BudgetKind.FLOPS, float(amount), models[shape])
        while not clock.spent():
            if turns and clock.used() >= turns[0].at:
                shape = turns.pop(0).candidate
                clock.turn(models[shape])
                self.before = clock.ended[0].steps
            clock.charge(seconds[shape], seconds[shape], 256)
        assert clock.flops <= amount + 256 * max(models.values()), "a run ends within a step of its budget"
        return clock.wall_s


@pytest.fixture(scope="module")
def courses():
    """Machine -> a course for each place, the last one behind the budget."""
    places = [steps - 0.5 for steps in range(1, STEPS + 1)] + [2.0 * STEPS]
    found = {machine: [] for machine in (MEASURED, SLOWER, WORST)}
    for at in places:  # laws are fitted once for each
        for machine, some in found.items():
            some.append(Walk(at, machine).course())
    return found


def test_the_shape_changes_at_every_step_end_of_the_budget(courses):
    for some in courses.values():
        assert {one.before for one in some} == set(range(1, STEPS + 1))


def test_no_place_to_change_costs_more_than_the_bound_of_the_plan(courses):
    _, plan = sound()
    for some in courses.values():
        assert min(one.spent_s for one in some) > 0
        assert max(one.spent_s for one in some) <= plan.bound_s
    assert from_exact(str(plan.bound_s)) * 2 / 3600 == plan.money.bound


def test_on_the_worst_machine_some_place_all_but_reaches_it(courses):
    """And that machine is not beyond what the caps allow: no run is ended there."""
    _, plan = sound()
    share = max(one.spent_s for one in courses[WORST]) / plan.bound_s

    assert not any(one.timeouts for one in courses[WORST])
    assert 0.97 < share <= 1


def test_where_the_shape_changes_moves_the_cost(courses):
    """
    An operation of the large shape takes less time, so the sooner it changes the less a run costs.

    Every run ends with a whole step, so the cost does not fall evenly; a late change may be beyond the cap.
    """
    first, *_, last, never = courses[MEASURED]
    slow = courses[SLOWER]

    assert [one.before for one in (first, last, never)] == [1, STEPS, STEPS]
    assert last.spent_s - first.spent_s > 2 * 5 * MEASURED.large
    assert last.spent_s == never.spent_s
    assert slow[0].timeouts < slow[-1].timeouts
