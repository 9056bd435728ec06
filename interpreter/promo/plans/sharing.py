"""
Runs of a stage to those that no earlier stage makes: a run that several stages ask for is trained and paid once.

A run is counted where it is made first, and later stages count what they add: nothing, or the attempts that they allow
beyond those allowed before.  An earlier stage can answer for a run in two cases only.  Either it counts everyone who
may enter it, or whoever enters the later stage must have entered it.  Any other run may be new, and a count that must
never be exceeded takes it as new.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from heapq import nlargest
from operator import attrgetter

from promo.base.classes import define, field
from promo.plans.values import PlannedRun, StagePlan
from promo.study.judgement import Gate
from promo.study.values import Entrants, Stage, Study

Enter = Callable[[Entrants], int]
"""How many of those who may enter a stage are counted."""
Tries = Callable[[str], int]
"""Stage -> attempts that are counted for each of its runs."""
PLANNED: Enter = attrgetter("planned")
MOST: Enter = attrgetter("most")


@define
class Sharing:
    """Stages in an order in which they can run, each with its runs."""

    study: Study
    ids: dict[str, list[str]] = field(factory=dict)
    """Stage -> its runs, in the order of stages."""
    known: set[str] = field(factory=set)
    """Runs of all of them."""
    alone: set[str] = field(factory=set)
    """Stages all of whose runs are new, as in most plans."""

    def add(self, stage: str, ids: list[str]) -> None:
        """The runs of the next stage, by their identities."""
        before = len(self.known)
        self.ids[stage] = ids
        self.known.update(ids)
        if len(self.known) == before + len(ids):
            self.alone.add(stage)

    def counted(self, stage: Stage, runs: Collection[PlannedRun], enter: Enter, tries: Tries) -> Mapping[str, int]:
        """
        Host -> attempts that a stage adds to those of the stages before it.

        Of those who may enter, the ones are taken who add most on each host.

        Args:
            stage: the stage; its runs have been added, and no later ones.
            runs: its runs.
            enter: how many of those who may enter it are counted, and of those of the earlier stages too.
            tries: attempts that a stage allows a run.
        """
        there, most = self.study.entrants, tries(stage.name)
        if stage.name in self.alone:
            return dict.fromkeys(stage.hosts, enter(there[stage.name]) * len(stage.seeds) * most)
        before = self._before(stage.name)
        full = cache(lambda name: enter(there[name]) >= len(there[name].possible))
        entered = cache(lambda who: frozenset(self._entered(stage, who)))
        added: dict[str, dict[str, int]] = {name: dict.fromkeys(stage.hosts, 0) for name in there[stage.name].possible}
        for run in runs:
            least = 0
            for one in before.get(run.id, ()):
                if full(one) or one in entered(run.candidate):
                    least = max(least, tries(one))
            added[run.candidate][run.host] += max(most - least, 0)
        entering = enter(there[stage.name])
        return {host: sum(nlargest(entering, (one[host] for one in added.values()))) for host in stage.hosts}

    def _before(self, stage: str) -> Mapping[str, Sequence[str]]:
        """Run of a stage -> the earlier ones that ask for it too, the first one first."""
        found: dict[str, list[str]] = {}
        own = set(self.ids[stage])
        for earlier, ids in self.ids.items():
            for one in own.intersection(ids) if earlier != stage else ():
                found.setdefault(one, []).append(earlier)
        return found

    def _entered(self, stage: Stage, who: str) -> Iterable[str]:
        """Earlier stages that a candidate must have entered, if it enters this one."""
        chooser = self.study.chooser(stage.name)
        led = stage.promoted and stage.around is None and who not in stage.candidates
        if led and isinstance(chooser, Gate):
            yield chooser.source
            yield from self._entered(self.study.stages[chooser.source], who)


def budget_of(study: Study, stages: Iterable[StagePlan], tries: Tries = lambda _: 1) -> int:
    """Device seconds that stages ask for by themselves, each run once, or as often as *tries* says, up to its cap."""
    sharing, total = Sharing(study), 0
    for stage in stages:
        sharing.add(stage.name, [run.id for run in stage.runs])
        runs = sharing.counted(study.stages[stage.name], stage.runs, PLANNED, tries)
        total += sum(many * study.width(stage.name, host) for host, many in runs.items()) * stage.budget.cap_s
    return total


def continued_s(study: Study, kept: Iterable[StagePlan], target: StagePlan, candidates: int) -> int:
    """Device seconds that a stage adds to the budget of others if so many candidates came to it straight from these."""
    sharing, there = Sharing(study), study.entrants[target.name]
    for one in (*kept, target):
        sharing.add(one.name, [run.id for run in one.runs])
    runs = sharing.counted(
        study.stages[target.name], target.runs, lambda one: candidates if one is there else one.planned, lambda _: 1
    )
    return sum(many * study.width(target.name, host) for host, many in runs.items()) * target.budget.cap_s
