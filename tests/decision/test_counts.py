"""Counts of runs: in every state of random ladders they are those of the state, and everybody shows the same ones."""

from random import Random

from ladders import sound_ladder
from promo.cli.seen import look, whole_lines
from promo.decision.agenda import Agenda
from promo.decision.counts import Counts
from promo.decision.rehearse import Rehearsal
from promo.ledger.chain import GENESIS
from promo.ledger.losses import Loss
from promo.ledger.state import AttemptState, StudyState
from promo.ledger.values import AttemptFailed, AttemptLost, Freezing, Installed, ResultAccepted, RunStatus, Work
from promo.report.progress import build_progress, progress_to_json
from promo.report.record import Record
from promo.report.view import build_view
from support import plan_of, spec, study_of

LADDERS = 80
NOW = "2026-01-01T00:00:00Z"
BAD = (RunStatus.TIMEOUT, RunStatus.NAN, RunStatus.CRASH, RunStatus.INVALID)


def walked(found, seed, watch):
    """A ladder carried out in a world of its own; *watch* is called with every state in which a run has begun."""
    study, plan = found.sound()
    random = Random(seed)
    ill = random.choice((0.0, 0.1, 0.5, 1.0))

    def answer(run, number):
        watch(at_noon(rehearsal.state))
        if random.random() < ill / 2:
            return AttemptLost(run.id, number, Loss.GONE, None, {}, None)
        if random.random() < ill / 2:
            return AttemptFailed(run.id, number, random.choice(BAD), "", None, "1", "2", {}, None)
        metrics, crowded = {"loss": str(random.randint(0, 9))}, random.choice(("0.1", "0.9"))
        seconds = {"train": random.choice(("3", "12"))}
        return ResultAccepted(run.id, number, GENESIS, metrics, seconds, Work(), crowded, "5", {}, None)

    rehearsal = Rehearsal(Agenda(study, plan), answer)
    rehearsal.carry_out()
    watch(at_noon(rehearsal.state))
    return rehearsal


def at_noon(state):
    """A state whose attempts all began at one time: what is carried out in memory has no clock."""
    for one in state.every_attempt():
        one.started = NOW
    return state


def record_of(study, plan, state):
    """What a report is made from, without results."""
    nothing: dict = {}
    state.frozen = Freezing("ladder", GENESIS, {}, {}, Installed("toy", 1, "", {}), "", "", None, None)
    return Record(study, plan, None, state, GENESIS, nothing, nothing, nothing, nothing, nothing, nothing, "", "")


def by_hand(study, plan, state):
    """Distinct runs of whoever has entered, and those of them whose last attempt counts."""
    there = {
        run.id
        for stage in plan.stages
        if stage.name in state.opened
        for run in stage.runs
        if run.candidate in state.opened[stage.name]
    }
    tried = {run: state.attempts.get(run, []) for run in there}
    return sum(any(one.state is AttemptState.ACCEPTED for one in those) for those in tried.values()), len(there)


def test_done_is_never_more_than_runs_and_live_view_status_and_report_agree():
    shared = flagged = repeated = 0
    for seed in range(LADDERS):
        found = sound_ladder(seed)
        study, plan = found.sound()
        counts, before = Counts(Agenda(study, plan)), []

        def agree(state, study=study, plan=plan, counts=counts, before=before):
            done, runs = by_hand(study, plan, state)
            count = counts.study(state)
            assert count.done == done <= count.runs
            assert count.runs >= runs
            assert not before or count.runs <= max(before), "who enters is no more than planned where nobody is asked"
            before.append(count.runs)
            shown = build_progress(study, plan, state, NOW)
            asked = progress_to_json(shown)
            report = record_of(study, plan, state)
            assert (shown.done, shown.runs) == (asked["done"], asked["runs"]) == (done, count.runs)
            assert (report.runs().done, report.runs().runs) == (done, count.runs)
            for stage in shown.stages:
                mine = report.runs(stage.name)
                assert (stage.done, stage.runs) == (mine.done, mine.runs)
                assert stage.done <= stage.runs
            assert sum(one.failed + one.excluded + one.lost + one.running for one in shown.stages) + sum(
                one.state is AttemptState.ACCEPTED for one in state.every_attempt()
            ) == len(list(state.every_attempt()))

        rehearsal = walked(found, seed, agree)
        state = rehearsal.state
        if state.study is StudyState.CLOSED:
            assert counts.study(state).runs == by_hand(study, plan, state)[1]
        flagged += any(one.flagged for one in state.every_attempt())
        repeated += any(len(tried) > 1 for tried in state.attempts.values())
        shared += sum(one.runs for one in build_progress(study, plan, state, NOW).stages) > counts.study(state).runs

    assert min(shared, flagged, repeated) > LADDERS // 10, (shared, flagged, repeated)


def test_the_report_and_the_log_print_these_counts(tmp_path):
    for seed in range(20):
        found = sound_ladder(seed)
        study, plan = found.sound()
        state = walked(found, seed, lambda state: None).state
        count = Counts(Agenda(study, plan)).study(state)
        view = build_view(record_of(study, plan, state))
        first = next(iter(whole_lines(look(study, plan, state, tmp_path), plan)))

        assert view.cost[-1].runs == f"{count.done} of {count.runs}"
        begun = {stage.name: stage.runs for stage in view.stages}
        assert {row.name: row.runs for row in view.cost if row.name in begun} == begun
        assert first.startswith(f"{count.done} of {count.runs} run")


def test_before_anything_opened_runs_in_common_are_one():
    twin = "stage twin {\n  train four for 10min\n  on box\n  seeds 1, 2 shared\n  report only\n}"
    text = spec("use", stage_short="stage short {\n  train four for 10min\n  on box\n  seeds 1, 2 shared\n}").replace(
        "frozen gate", f"{twin}\n\nfrozen gate", 1
    )
    study, plan = study_of(text), plan_of(text)
    rehearsal = Rehearsal(Agenda(study, plan), lambda run, number: None)

    count = Counts(Agenda(study, plan)).study(rehearsal.state)
    assert count.runs == plan.run_count.planned == sum(stage.run_count.planned for stage in plan.stages) - 8
