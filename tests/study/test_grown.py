"""What holds of every spec, shown on whole specs that are grown rather than written."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import grown
from promo.base.canonical import canonical, parse_canonical
from promo.base.codec import to_json
from promo.base.diagnostics import errors
from promo.base.source import Source
from promo.plans.values import plan_from_json
from promo.report.aloud import read_all
from promo.report.change import plan_changes
from promo.report.describe import closure_changes
from promo.report.planned import plan_text
from promo.study.lock import freeze, lock_from_json
from promo.syntax.format import format_text
from promo.syntax.parse import parse
from support import compiled

NOW = "2026-01-02T03:04:05Z"
few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def said(text: str) -> list[tuple[str, str]]:
    """Codes and messages, without places."""
    return sorted((found.code, found.message) for found in compiled(text).diagnostics)


@few
@given(grown.specs())
def test_a_grown_spec_parses_and_its_layout_is_settled_and_means_the_same(blocks):
    source = Source("x", grown.text(blocks))
    once = format_text(source)
    parsed = parse(source)

    assert parsed.diagnostics == ()
    assert format_text(Source("x", once)) == once
    assert parse(Source("x", once)).tree.root == parsed.tree.root
    assert said(once) == said(source.text)


@few
@given(grown.specs(), st.randoms(use_true_random=False))
def test_a_grown_spec_is_sound_with_a_plan_or_has_an_error_and_its_order_does_not_matter(blocks, draw):
    found = compiled(grown.text(blocks))
    shuffled = list(blocks)
    draw.shuffle(shuffled)
    other = compiled(format_text(Source("x", grown.text(shuffled))))

    assert (found.plan is None) == any(errors(found.diagnostics)), [one.message for one in found.diagnostics]
    assert (other.plan is None) == (found.plan is None)
    if found.plan is not None:
        study, plan = found.sound()
        assert plan.run_count.fewest <= plan.run_count.planned <= plan.run_count.most
        assert other.plan.seals == plan.seals
        assert {run.id for stage in other.plan.stages for run in stage.runs} == {
            run.id for stage in plan.stages for run in stage.runs
        }
        bytes_of_plan = canonical(to_json(plan))
        stored = plan_from_json(parse_canonical(bytes_of_plan))
        assert canonical(to_json(stored)) == bytes_of_plan
        assert list(plan_changes(stored, plan)) == []
        assert plan_text(study, plan)
        assert all(
            f"{rule.name}" in " ".join(read_all(study)) for rule in (*study.gates.values(), *study.rules.values())
        )


@few
@given(grown.specs())
def test_what_is_sealed_in_a_grown_spec_stays_sound_and_sealed_in_another_layout(blocks):
    found = compiled(grown.text(blocks))
    if found.study is None or found.plan is None or not found.plan.seals:
        return
    frozen = freeze(
        found.study, found.tree, None, now=NOW, commit="abc", results={}, again=False, changes=closure_changes
    )
    again = compiled(format_text(Source("x", frozen.text)))

    assert "P0401" not in {one.code for one in again.diagnostics}
    assert again.plan is not None
    assert again.plan.seals == found.plan.seals
    assert lock_from_json(parse_canonical(canonical(to_json(frozen.lock)))) == frozen.lock


def test_some_grown_specs_are_sound_and_some_are_not():
    """Or the properties above would hold of nothing."""
    sound = []

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(grown.specs())
    def count(blocks):
        sound.append(compiled(grown.text(blocks)).plan is not None)

    count()

    assert len(sound) / 6 < sum(sound) < len(sound)
