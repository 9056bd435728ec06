"""A run that changes its shape between two steps: what goes on, what is charged, and taking it up anywhere."""

import io
import time

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from hypothesis import given, settings
from hypothesis import strategies as st

from made import gpt_request, resolved, text_folder
from promo.base.canonical import digest_bytes, parse_json
from promo.base.classes import evolve
from promo.base.codec import from_json
from promo.run.contract import Recorder
from promo.run.runners.gpt.declare import RUNNER
from promo.run.runners.gpt.settings import settings_of
from promo.run.runners.gpt.train import _Training, train
from promo.run.runners.gpt.trainee import Trainee
from promo.run.segments import Done, misfit
from promo.run.values import Change, Continued, Grown, Keeping, Kept, Point, Resumed, RunStatus, Trunk

torch.set_num_threads(1)
ALWAYS = Keeping(at_end=True, every_s=0)
AT_END = Keeping(at_end=True, every_s=600)
STEP = 256
"""Tokens of a step of the first shape."""
FIRST = {"aspect": 16, "depth": 1, "head_size": 16, "context": 32, "total_batch": STEP}

KINDS = {
    **{way: ({"depth": 2, "aspect": 8}, way) for way in RUNNER.shapes["depth"]},
    "zero_pad": ({"aspect": 32}, "zero_pad"),
    "depth and width": ({"depth": 2, "aspect": 16}, "interleave"),
    "context": ({"context": 64}, None),
    "context, shorter": ({"context": 16}, None),
    "total batch": ({"total_batch": 2 * STEP}, None),
    "rows at once": ({"device_batch": 2}, None),
    "rates": ({"matrix_lr": "1/50", "weight_decay": "0.1"}, None),
    "everything": ({"depth": 3, "aspect": 16, "context": 64, "total_batch": 512, "head_lr": "0.002"}, "copy_top"),
}
"""Kinds of changes: levels of the new shape that differ, and the way."""


def change(at, levels, way=None):
    """A change at a place in the budget's unit."""
    made = resolved(**{**FIRST, **levels})
    return Change(at, way, dict(made.settings), made.parameters, made.flops_per_token)


def of_kind(name, at):
    return change(at, *KINDS[name])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return text_folder(tmp_path_factory.mktemp("shapes"))


class Cut(Recorder):
    """A recorder that breaks the run off once it was told so many points."""

    def __init__(self, study, name, most=0):
        self.told = io.StringIO()
        (study / name).mkdir(exist_ok=True)
        super().__init__(self.told, time.monotonic(), study, study / name)
        self.most = most

    def point(self, *counted, **values):
        super().point(*counted, **values)
        self.most -= 1
        if self.most == 0:
            raise KeyboardInterrupt

    @property
    def points(self):
        lines = self.told.getvalue().splitlines()
        return [evolve(from_json(Point, parse_json(line)), charged_s=None) for line in lines]


def asked(changes, *, kind="tokens", amount=12 * STEP, levels=None, **more):
    return gpt_request(kind, amount, levels={**FIRST, **(levels or {})}, changes=tuple(changes), **more)


def run(study, name, request, most=0, training=_Training):
    """Outcome and points of a run in a folder of its own."""
    recorder = Cut(study, name, most)
    return training(request, recorder).run(), recorder.points


def weights(study, name):
    """Name of the file of the kept tensors, which are called by their content."""
    (kept,) = (study / name).glob("checkpoint-*.safetensors")
    return kept.name


def without_seconds(segments):
    return [(one.steps, one.tokens, one.until, one.before) for one in segments]


# --- what goes on ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_a_run_trains_on_in_the_new_shape_and_says_what_it_did_in_each(study, name):
    request = asked([of_kind(name, 5 * STEP)], amount=13 * STEP, checkpoint=AT_END)
    outcome, points = run(study, "once", request)
    new = request.changes[0]
    tokens, size = 8 * STEP, new.settings["total_batch"]

    assert outcome.status is RunStatus.OK
    assert without_seconds(outcome.segments) == [
        (5, 5 * STEP, str(5 * STEP), str(4 * STEP)),
        (tokens // size, tokens, str(13 * STEP), str(13 * STEP - size)),
    ]
    assert outcome.work.flops == 5 * STEP * request.flops_per_token + tokens * new.flops_per_token
    assert outcome.details["parameters"] == new.parameters
    assert misfit(request, Done(outcome.segments, outcome.work, outcome.used)) == ""
    assert [point.step for point in points if "val_bpb" in point.metrics].count(5) == 2


def test_a_change_beyond_the_budget_is_not_reached_and_leaves_no_trace(study):
    plain = run(study, "plain", asked([], checkpoint=AT_END))
    later = run(study, "later", asked([of_kind("everything", 13 * STEP)], checkpoint=AT_END))

    assert later[1] == plain[1]
    assert later[0].metrics == plain[0].metrics
    assert weights(study, "later") == weights(study, "plain")
    assert without_seconds(later[0].segments) == [(12, 12 * STEP, str(12 * STEP), str(11 * STEP))]


def test_a_change_at_the_very_end_of_the_budget_is_left_to_whoever_carries_the_run_on(study):
    first = asked([of_kind("interleave", 6 * STEP)], amount=6 * STEP, checkpoint=AT_END)
    short, _ = run(study, "short", first)
    onward = Continued("short", short.checkpoint, 6 * STEP, None)
    longer, _ = run(study, "longer", asked(first.changes, amount=6 * STEP, continues=onward))

    assert without_seconds(short.segments) == [(6, 6 * STEP, str(6 * STEP), str(5 * STEP))]
    assert [one.steps for one in longer.segments] == [6, 6]


def test_a_change_into_the_same_shape_changes_no_bit(study):
    """So momentum, means of gradients, the number of the step, and the place in the text are carried over whole."""
    plain, _ = run(study, "plain", asked([], checkpoint=AT_END))
    same, _ = run(study, "same", asked([change(5 * STEP, {}), change(7 * STEP, {})], checkpoint=AT_END))

    assert same.metrics == plain.metrics
    assert weights(study, "same") == weights(study, "plain")
    assert [one.steps for one in same.segments] == [5, 2, 5]


def losses_at_the_change(points, step):
    return [float(point.metrics["val_bpb"]) for point in points if point.step == step and "val_bpb" in point.metrics]


@pytest.mark.parametrize(("name", "kept"), [("identity", True), ("zero_pad", True), ("interleave", False)])
def test_the_loss_right_after_a_change_is_that_before_it_where_the_way_keeps_the_function(study, name, kept):
    before, after = losses_at_the_change(run(study, "once", asked([of_kind(name, 5 * STEP)]))[1], 5)

    assert (abs(after - before) < 1e-5) == kept


def test_rates_of_the_new_settings_hold_from_the_change_on(study):
    kept = []

    class Watching(_Training):
        def _change(self, clock):
            kept.append({name: one.clone() for name, one in self.trainee.tensors().items()})
            super()._change(clock)

        def _keep(self, clock, *file):
            kept.append(self.trainee.tensors())
            return super()._keep(clock, *file)

    still = {"matrix_lr": 0, "embedding_lr": 0, "head_lr": "0.002"}
    run(study, "still", asked([change(5 * STEP, still)], checkpoint=AT_END), training=Watching)
    before, after = kept
    moved = {
        name for name in ("attention", "mixing", "embedding", "head") if not torch.equal(before[name], after[name])
    }

    assert moved == {"head"}


def test_two_changes_that_are_due_at_one_step_end_are_made_there_in_order(study):
    request = asked([of_kind("identity", 5 * STEP - 9), change(5 * STEP - 1, {"depth": 2, "context": 64}, "zero_pad")])
    outcome, points = run(study, "once", request)

    assert [one.steps for one in outcome.segments] == [5, 0, 7]
    assert misfit(request, Done(outcome.segments, outcome.work, outcome.used)) == ""
    assert len(losses_at_the_change(points, 5)) == 2


@pytest.mark.parametrize("kind", ["steps", "tokens", "flops", "wall", "cpu", "upstream"])
def test_a_change_stands_at_the_first_step_end_behind_its_place_whatever_is_counted(study, kind):
    small, large = resolved(**FIRST), resolved(**{**FIRST, "depth": 2, "aspect": 8})
    at, amount = {
        "steps": (5, 12),
        "tokens": (4 * STEP + 1, 12 * STEP),
        "flops": (4 * STEP * small.flops_per_token + 1, STEP * (5 * small.flops_per_token + 7 * large.flops_per_token)),
    }.get(kind, (1, 2))
    request = asked([of_kind("interleave", at)], kind=kind, amount=amount)
    outcome, _ = run(study, "once", request)

    assert outcome.status is RunStatus.OK
    assert len(outcome.segments) == 2
    assert misfit(request, Done(outcome.segments, outcome.work, outcome.used)) == ""
    if kind in ("steps", "tokens", "flops"):
        assert [one.steps for one in outcome.segments] == [5, 7]


def test_the_rows_that_a_change_leaves_under_way_are_trained_on_behind_it(study):
    class Ahead(_Training):
        def _text_stays(self, text_bytes):
            return text_bytes > 0

    request = asked([of_kind("everything", 5 * STEP)], levels={"device_batch": 2})

    assert run(study, "ahead", request, training=Ahead)[0].metrics == run(study, "here", request)[0].metrics


def test_every_shape_is_warmed_up_before_the_clock_starts_and_what_waits_has_weights_alone(study):
    warmed, seen = [], []

    class Watched(Trainee):
        def warm_up(self):
            warmed.append(self.settings.depth)
            super().warm_up()

        def step(self, progress):
            seen.append((self.settings.depth, hasattr(later[0], "optimizer") if later else None))
            return super().step(progress)

    later = []

    class Watching(_Training):
        trainee_kind = Watched

        def _begin(self):
            seen.clear()
            later.append(self.trainees[1])
            return super()._begin()

    run(study, "watched", asked([of_kind("interleave", 5 * STEP)]), training=Watching)

    assert warmed == [1, 2]
    assert seen == [(1, False)] * 5 + [(2, True)] * 7


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_compiler_takes_every_shape_of_a_run():
    from torch._dynamo import config

    from promo.run.runners.gpt.model import Gpt
    from promo.run.runners.gpt.optimizer import compile_for

    config.fail_on_recompile_limit_hit = True
    compile_for(5)
    for depth in range(1, 6):
        built = Gpt(settings_of(dict(resolved(**{**FIRST, "depth": depth}).settings)), 32)
        built.initialise(torch.Generator().manual_seed(1))
        forward = torch.compile(built, dynamic=False, backend="eager")
        for rows in (4, 2, 1):
            text = torch.zeros((rows, 32), dtype=torch.int64)
            found = forward(text, text)

            assert torch.equal(found, built(text, text))


# --- taking it up ----------------------------------------------------------------------------------------------------


def resumed(study, name):
    return Resumed(name, digest_bytes((study / name / "checkpoint.json").read_bytes()))


@pytest.fixture(scope="module")
def unbroken(study):
    """Makes the run of a kind of change, once; its outcome, points and tensors."""
    made = {}

    def make(name):
        if name not in made:
            request = asked([of_kind(name, 5 * STEP)], checkpoint=AT_END)
            outcome, points = run(study, "unbroken", request)
            made[name] = request, outcome, points, weights(study, "unbroken")
        return made[name]

    return make


def taken_up_as_unbroken(study, unbroken, name, most):
    request, outcome, points, tensors = unbroken(name)
    with pytest.raises(KeyboardInterrupt):
        run(study, f"lost {name} {most}", evolve(request, checkpoint=ALWAYS), most)
    if not (study / f"lost {name} {most}" / "checkpoint.json").exists():
        return  # it was broken off before it kept a state
    again, curve = run(study, "again", evolve(request, resume=resumed(study, f"lost {name} {most}")))

    assert "resume_rejected" not in again.details
    assert (again.metrics, again.used, again.segments) == (outcome.metrics, outcome.used, outcome.segments)
    assert again.work.flops == outcome.work.flops
    assert curve == points
    assert weights(study, "again") == tensors


@given(name=st.sampled_from(sorted(KINDS)), most=st.integers(2, 16))
@settings(max_examples=20, deadline=None)
def test_a_run_that_is_broken_off_anywhere_ends_with_the_bits_of_the_unbroken_one(study, unbroken, name, most):
    taken_up_as_unbroken(study, unbroken, name, min(most, len(unbroken(name)[2]) - 1))


def test_also_right_before_at_and_right_after_the_change(study, unbroken):
    points = unbroken("everything")[2]
    first = next(place for place, point in enumerate(points, 1) if point.step == 5)
    for most in range(first - 1, first + 5):
        taken_up_as_unbroken(study, unbroken, "everything", most)


@pytest.mark.parametrize("at", [10, 24, 30])
def test_a_branch_across_a_change_has_the_bits_of_the_fresh_run(study, at):
    """Its trunk ends at step 24, behind the change, at it, or before it."""
    changes = (of_kind("everything", at * STEP),)
    fresh, _ = run(study, "fresh", asked(changes, amount=50 * STEP, trunk=Trunk(40 * STEP, keep=False)))
    trunk = asked(changes, amount=30 * STEP, trunk=Trunk(24 * STEP, keep=True))
    short, _ = run(study, "short", trunk)
    onward = Continued("short", short.trunk, 24 * STEP, None)
    branch = asked(changes, amount=26 * STEP, continues=onward, trunk=Trunk(40 * STEP, keep=False))
    found, _ = run(study, "branch", branch)

    assert found.metrics == fresh.metrics
    assert found.segments == fresh.segments
    assert misfit(branch, Done(found.segments, found.work, found.used)) == ""


@pytest.mark.parametrize("at", [3, 6, 9])
def test_a_run_that_is_carried_on_across_a_change_has_the_bits_of_the_whole_one(study, at):
    """Where no rate follows the budget."""
    constant = {"levels": {"warmdown": 0, "weight_decay": 0}}
    made = resolved(**{**FIRST, **constant["levels"], "depth": 2, "aspect": 8})
    changes = (Change(at * STEP, "copy_block", dict(made.settings), made.parameters, made.flops_per_token),)
    whole, _ = run(study, "whole", asked(changes, checkpoint=AT_END, **constant))
    first, _ = run(study, "first", asked(changes, amount=6 * STEP, checkpoint=AT_END, **constant))
    onward = Continued("first", first.checkpoint, 6 * STEP, None)
    more = asked(changes, amount=6 * STEP, continues=onward, checkpoint=AT_END, **constant)
    found, _ = run(study, "more", more)

    assert found.metrics == whole.metrics
    assert weights(study, "more") == weights(study, "whole")
    assert found.segments == whole.segments
    assert misfit(more, Done(found.segments, found.work, found.used)) == ""


@pytest.mark.parametrize("changes", [[], [("interleave", 9)], [("identity", 5), ("identity", 8)]])
def test_a_state_whose_shape_was_changed_elsewhere_is_not_taken_up(study, changes):
    kept = asked([of_kind("interleave", 5 * STEP)], amount=7 * STEP, checkpoint=AT_END)
    first, _ = run(study, "kept", kept)
    other = [of_kind(name, at * STEP) for name, at in changes]
    if len(other) == 2:
        other[0] = change(3 * STEP, {"depth": 1, "aspect": 16})
    continued, _ = run(study, "on", asked(other, continues=Continued("kept", first.checkpoint, 7 * STEP, None)))
    lost, _ = run(study, "anew", asked(other, resume=resumed(study, "kept")))
    plain, _ = run(study, "plain", asked(other))

    assert continued.status is RunStatus.INVALID
    assert "the state in kept has" in continued.cause
    assert "the state in kept has" in lost.details["resume_rejected"]
    assert lost.metrics == plain.metrics


@pytest.mark.parametrize("most", [3, 6, 10])
def test_a_run_that_is_carried_on_across_a_change_and_lost_is_taken_up_where_it_was(study, most):
    changes = (of_kind("everything", 9 * STEP),)
    first, _ = run(study, "begun", asked(changes, amount=6 * STEP, checkpoint=AT_END))
    onward = Continued("begun", first.checkpoint, 6 * STEP, None)
    request = asked(changes, amount=12 * STEP, continues=onward)
    whole, points = run(study, "on", request)
    inherited = len(points) - len([one for one in points if one.step > 6])
    with pytest.raises(KeyboardInterrupt):
        run(study, f"broken {most}", evolve(request, checkpoint=ALWAYS), inherited + most)
    again, curve = run(study, "again", evolve(request, resume=resumed(study, f"broken {most}")))

    assert "resume_rejected" not in again.details
    assert (again.metrics, again.used, again.segments) == (whole.metrics, whole.used, whole.segments)
    assert curve == points


def test_a_run_that_began_from_a_grown_state_changes_its_shape_too(study):
    parent, _ = run(study, "parent", asked([], amount=6 * STEP, checkpoint=AT_END))
    grow = Grown("parent", parent.checkpoint, Kept.CHECKPOINT, "interleave")
    deeper = {"depth": 2, "aspect": 8}
    request = asked([change(5 * STEP, {**deeper, "context": 64})], levels=deeper, grow=grow)
    outcome, points = run(study, "grown", request)

    assert [one.steps for one in outcome.segments] == [5, 7]
    assert misfit(request, Done(outcome.segments, outcome.work, outcome.used)) == ""
    assert [point.step for point in points if "val_bpb" in point.metrics] == [0, 2, 3, 5, 5, 6, 12]


# --- what cannot be asked for ----------------------------------------------------------------------------------------


def like(one, **more):
    return evolve(one, settings={**one.settings, **more})


DEEPER = change(5 * STEP, {"depth": 2, "aspect": 8}, "interleave")
WIDER = change(5 * STEP, {"aspect": 32}, "zero_pad")
MALFORMED = {
    "not in order": ([DEEPER, evolve(DEEPER, at=4 * STEP, way=None)], "change 2: it is to be made at 1024, which"),
    "twice at once": ([DEEPER, evolve(DEEPER, way=None)], "change 2: it is to be made at 1280, which is not behind"),
    "before the start": ([evolve(DEEPER, at=0)], "change 1: it is to be made at 0, which is not behind 0"),
    "far before the start": ([evolve(DEEPER, at=-7)], "change 1: it is to be made at -7"),
    "another vocabulary": ([like(DEEPER, vocabulary=300)], "change 1: the settings make "),
    "another head": ([change(9, {"head_size": 8})], "change 1: no change moves head_size"),
    "another window": ([change(9, {"window": "SL"})], "change 1: no change moves window"),
    "another schedule": ([change(9, {"warmdown": "0.1"})], "change 1: no change moves warmdown"),
    "fewer layers": ([DEEPER, change(6 * STEP, {}, "interleave")], "change 2: its depth is smaller"),
    "fewer channels": ([WIDER, change(6 * STEP, {}, "zero_pad")], "change 2: its width is smaller"),
    "no way": ([evolve(DEEPER, way=None)], "change 1: layers are not added by no way"),
    "an unknown way": ([evolve(DEEPER, way="magic")], "change 1: layers are not added by 'magic'"),
    "a way of layers": ([evolve(WIDER, way="interleave")], "change 1: channels are not added by 'interleave'"),
    "a way of nothing": ([change(9, {"context": 64}, "zero_pad")], "change 1: nothing grows by 'zero_pad'"),
    "other operations": ([evolve(DEEPER, flops_per_token=0)], "change 1: the settings make"),
    "a setting too few": ([evolve(DEEPER, settings={"depth": 2})], "change 1: settings: a settings has 'context'"),
    "a setting too many": ([like(DEEPER, colour="red")], "change 1: settings: a settings has no 'colour'"),
    "a size that is none": ([like(DEEPER, depth=0)], "change 1: settings.depth: 0 is not between 1 and"),
    "a rate that is none": ([like(DEEPER, matrix_lr="fast")], "change 1: settings.matrix_lr: 'fast' is no exact"),
    "a rate below 0": ([like(DEEPER, matrix_lr="-1")], "change 1: settings: a rate or share is below 0"),
    "a broken row": ([like(DEEPER, total_batch=250)], "change 1: settings: a step of 250 tokens holds no whole"),
    "broken heads": ([like(DEEPER, heads=3)], "change 1: settings: 3 heads of 16 channels make no width of 16"),
    "too many": ([change(at, {}) for at in range(1, 66)], "65 changes of shape are asked for, and at most 64"),
    "longer than the text": ([change(9, {"context": 2**16, "total_batch": 2**16})], "a row takes 65536 tokens"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_cannot_be_changed_is_invalid_with_one_cause(study, name):
    changes, cause = MALFORMED[name]
    outcome = train(asked(changes), Cut(study, "malformed"))

    assert outcome.status is RunStatus.INVALID
    assert outcome.cause.startswith(cause)


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"context": 33}, "settings: a step of 256 tokens holds no whole number of rows of 33"),
        ({"window": "S"}, "settings.window: 'S' is not one of 'L', 'SL', 'SSL', 'SSSL'"),
        ({"depth": 2}, "the settings make 14340 parameters and 73728 operations a token, and it says "),
    ],
)
def test_a_first_shape_that_cannot_be_trained_is_invalid_with_one_cause(study, more, cause):
    outcome = train(like(asked([]), **more), Cut(study, "malformed"))

    assert outcome.status is RunStatus.INVALID
    assert outcome.cause.startswith(cause)
