"""Seals: every change of meaning breaks one, and nothing else does."""

import re
from pathlib import Path

import pytest

from promo.base.canonical import canonical, digest, parse_canonical
from promo.base.codec import to_json
from promo.base.edits import apply
from promo.base.errors import PromoError
from promo.base.fields import OtherForm
from promo.base.source import Source
from promo.driver.pipeline import compile_source
from promo.report.describe import closure_changes, describe_closure
from promo.study.closure import Reading, closure
from promo.study.judgement import also_read
from promo.study.lock import AFTERWARDS, Amending, check_seals, freeze, lock_from_json, reseal, seal_of
from promo.syntax.format import format_text
from support import SOUND, compiled, plan_of, spec, study_of

NOW = "2026-01-02T03:04:05Z"
ROOT = Path(__file__).parents[2]


def sealed(text: str):
    """A spec with its seals written in, and the lock."""
    made = compiled(text)
    assert made.study is not None
    return frozen_from(made, commit="abc")


def frozen_from(made, lock=None, *, now=NOW, commit=None, results=(), again=False):
    """What freezing a compiled spec gives."""
    known = dict(results)
    return freeze(
        made.study, made.tree, lock, now=now, commit=commit, results=known, again=again, changes=closure_changes
    )


def seals_of(text: str) -> dict[str, str]:
    return dict(plan_of(text).seals)


def test_freezing_writes_seals_that_check_accepts():
    frozen = sealed(spec())
    again = compile_source(Source("x", frozen.text), Path(), frozen.lock)

    assert frozen.sealed == ("pick", "close")
    assert again.diagnostics == ()
    assert {seal.sealed_at for seal in frozen.lock.seals.values()} == {NOW}


COSMETIC = {
    "formatted": lambda text: format_text(Source("x", text)),
    "comments": lambda text: text.replace("keep top 1", "keep top 1  # one").replace(
        "\nfrozen gate", "\n## doc\nfrozen gate"
    ),
    "seconds": lambda text: text.replace("for 1s", "for 1000ms"),
    "sums": lambda text: text.replace("keep top 1", "keep top 2 - 1"),
    "zeros": lambda text: text.replace("0.5pt", "0.500pt").replace("quality = 2", "quality = 2.0"),
    "title": lambda text: text.replace("A trial", "The trial"),
    "order": lambda text: "promo 1\n\n" + "\n\n".join(reversed(text.removeprefix("promo 1").strip().split("\n\n"))),
    "answer": lambda text: text.replace("  absent skip\n", '  absent skip\n  answer fails "No."\n'),
    "slots": lambda text: text.replace("slots 2", "slots 3\n  price 2usd"),
    "other stage": lambda text: text.replace("seeds 9", "seeds 9, 10"),
    "clause order": lambda text: text.replace("  keep top 1\n  always base\n", "  always base\n  keep top 1\n"),
}


@pytest.mark.parametrize("change", COSMETIC.values(), ids=COSMETIC)
def test_a_cosmetic_change_breaks_no_seal(change):
    assert change(spec()) != spec()
    assert seals_of(change(spec())) == seals_of(spec())


MEANING = {
    "keep": ("keep top 1", "keep top 2", {"pick"}),
    "statistic": ("by mean loss", "by median loss", {"pick"}),
    "always": ("always base", "always good", {"pick"}),
    "reruns": ("rerun 1", "rerun 2", {"pick"}),
    "missing": ("then drop", "then stop", {"pick"}),
    "ties": ("ties by name", "ties by order", {"pick"}),
    "bound": ("0.5pt", "0.6pt", {"close"}),
    "side": ("mean gap", "mean gain", {"close"}),
    "every": ("mean gap", "every gap", {"close"}),
    "kind of bound": ("at most", "at least", {"close"}),
    "judged": ("judge good", "judge fair", {"close"}),
    "those promoted": ("judge good", "judge promoted", {"close"}),
    "the best": ("judge good", "judge best of short", {"close"}),
    "absent": ("absent skip", "absent stop", {"close"}),
    "short budget": ("for 1s\n  on box\n  seeds 1, 2", "for 2s\n  on box\n  seeds 1, 2", {"pick"}),
    "long budget": ("promoted for 2s", "promoted for 3s", {"close"}),
    "short seeds": ("seeds 1, 2", "seeds 1, 5", {"pick"}),
    "long seeds": ("seeds 3, 4", "seeds 3, 5", {"close"}),
    "device": ('device "cpu" on any', 'device "cpu" on linux', {"pick", "close"}),
    "threads": ("slots 2", "slots 2\n  threads 2", {"pick", "close"}),
    "devices of the host": ("slots 2", "slots 2\n  devices 2", {"pick", "close"}),
    "devices of the long stage": ("seeds 3, 4", "seeds 3, 4\n  devices 2", {"close"}),
    "a candidate": ("candidate poor like base { quality = 4 }", "candidate poor like base { quality = 5 }", {"pick"}),
    "the reference": ("as reference { quality = 2 }", "as reference { quality = 2.5 }", {"pick", "close"}),
    "the cohort": ("members base, good, fair, poor", "members base, good, fair", {"pick"}),
    "a default": (
        "factor size: units in 1..64 step 1 default 8",
        "factor size: units in 1..64 step 1 default 9",
        {"pick", "close"},
    ),
    "metric": ("measure loss in pt, lower", "measure gain in pt, higher", {"pick", "close"}),
}


@pytest.mark.parametrize(("old", "new", "broken"), MEANING.values(), ids=MEANING)
def test_a_change_of_meaning_breaks_the_seals_it_touches(old, new, broken):
    text = spec()
    assert old in text
    changed = text.replace(old, new)
    if "gain in pt" in new:
        changed = changed.replace("by mean loss", "by mean gain")
    before, after = seals_of(text), seals_of(changed)

    assert {name for name in before if before[name] != after[name]} == broken


def test_every_number_and_choice_inside_the_published_gates_is_sealed():
    """One-token edits of every number and word of choice in sealed blocks: accepted ones break their seal."""
    text = (ROOT / "specs" / "staged_promotion.promo").read_text(encoding="utf-8")
    folder = ROOT / "specs"
    before = compile_source(Source("x", text), folder, None).sound()[1].seals
    edits = 0
    for block in re.finditer(r"^frozen \w+ (\w+)[^{]*\{(.*?)^\}", text, re.MULTILINE | re.DOTALL):
        for found in re.finditer(r"\d+(?:\.\d+)?|\bmean\b|\bdrop\b|\bbridge\b|\bname\b|\bwithin\b", block[2]):
            start = block.start(2) + found.start()
            new = {"mean": "median", "drop": "stop", "bridge": "greedy", "name": "order", "within": "at most"}.get(
                found[0], found[0] + "1"
            )
            changed = compile_source(Source("x", text[:start] + new + text[start + len(found[0]) :]), folder, None)
            if changed.plan is not None:
                edits += 1
                assert changed.plan.seals[block[1]] != before[block[1]], (block[1], found[0])

    assert edits >= 15


def test_a_broken_seal_says_in_words_what_changed():
    frozen = sealed(spec())
    changed = compile_source(Source("x", frozen.text.replace("keep top 1", "keep top 2")), Path(), frozen.lock)

    (found,) = changed.diagnostics

    assert found.code == "P0401"
    assert found.notes == ("gate pick, keep: top 1 -> top 2",)


def test_a_broken_seal_without_a_lock_says_so():
    frozen = sealed(spec())
    changed = compile_source(Source("x", frozen.text.replace("keep top 1", "keep top 2")), Path(), None)

    (found,) = changed.diagnostics

    assert "no lock file" in found.notes[0]


def test_a_changed_rule_is_not_sealed_again_unasked():
    frozen = sealed(spec())
    changed = compiled(frozen.text.replace("keep top 1", "keep top 2"))

    with pytest.raises(PromoError, match="changed after") as fault:
        frozen_from(changed, frozen.lock)
    again = frozen_from(changed, frozen.lock, now="later", again=True)

    assert fault.value.details == ("gate pick, keep: top 1 -> top 2",)
    assert again.sealed == ("pick",)
    assert again.lock.seals["pick"].replaces == frozen.lock.seals["pick"].digest
    assert again.lock.seals["close"].sealed_at == NOW


def test_nothing_is_sealed_once_its_stage_has_results():
    with pytest.raises(PromoError, match="3 results of its stage exist") as fault:
        frozen_from(compiled(spec()), results={"short": 3}, again=True)

    assert fault.value.hint == AFTERWARDS


def test_a_spec_without_frozen_rules_cannot_be_frozen():
    made = compiled(spec().replace("frozen ", ""))

    with pytest.raises(PromoError, match="nothing in this spec is frozen"):
        frozen_from(made)


def test_a_lock_survives_its_file():
    lock = sealed(spec()).lock

    assert lock_from_json(parse_canonical(canonical(to_json(lock)))) == lock


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: stored.update(promo_lock=1),
        lambda stored: stored.update(promo_lock="2"),
        lambda stored: stored.update(promo_seals=2),
        lambda stored: stored["seals"]["pick"].update(digest="0" * 64),
        lambda stored: stored["seals"]["pick"]["closure"]["rule"]["keep"].update(count=9),
        lambda stored: stored["seals"]["pick"]["closure"]["rule"].update(name="pock"),
        lambda stored: stored["seals"]["pick"]["closure"].update(promo_seal=1),
        lambda stored: stored["seals"]["pick"].update(name="pock"),
        lambda stored: stored["seals"]["pick"].update(results_then=-1),
        lambda stored: stored.pop("seals"),
        lambda stored: stored["seals"]["pick"].pop("closure"),
    ],
)
def test_a_damaged_lock_is_refused(damage):
    stored = parse_canonical(canonical(to_json(sealed(spec()).lock)))
    damage(stored)

    with pytest.raises(ValueError):
        lock_from_json(stored)


def forged(change):
    """A lock whose seal has the digest of what it holds, and holds no closure."""
    stored = parse_canonical(canonical(to_json(sealed(spec()).lock)))
    seal = stored["seals"]["pick"]
    change(seal["closure"])
    seal["digest"] = digest(seal["closure"])
    return lock_from_json(stored), seal["digest"]


@pytest.mark.parametrize("seal", ["as the lock", "as it means", "none", "of no rule"])
def test_a_seal_that_is_no_closure_is_refused_whatever_the_text_is_sealed_with(seal):
    lock, other = forged(lambda closure: closure.update(order=1))
    text = sealed(spec()).text
    text = {
        "as the lock": lambda: re.sub(r"gate pick sealed sha256:\w+", f"gate pick sealed sha256:{other[:12]}", text),
        "as it means": lambda: text,
        "none": spec,
        "of no rule": lambda: re.sub(r"\bpick\b", "other", spec()),
    }[seal]()

    with pytest.raises(
        PromoError, match="the lock is damaged: what 'pick' was sealed with cannot be read: order: 1 is no list"
    ):
        compile_source(Source("x", text), Path(), lock)


def test_a_seal_that_fits_the_text_is_not_decoded():
    frozen = sealed(spec())
    lock = lock_from_json(parse_canonical(canonical(to_json(frozen.lock))))

    assert compile_source(Source("x", frozen.text), Path(), lock).diagnostics == ()
    assert not any("content" in vars(seal) for seal in lock.seals.values())


def test_a_lock_with_seals_of_another_form_is_refused():
    with pytest.raises(OtherForm, match="it is of format 1, and this promo reads format 2"):
        forged(lambda closure: closure.update(promo_seal=1))


@pytest.mark.parametrize("content", [{"x": 1.5}, {"x": 2**60}, {"x": "\ud800"}])
def test_a_lock_with_what_has_no_digest_is_refused(content):
    stored = parse_canonical(canonical(to_json(sealed(spec()).lock)))
    stored["seals"]["pick"]["closure"] |= content

    with pytest.raises(ValueError, match="the seal of 'pick' does not fit its own closure"):
        lock_from_json(stored)


def test_the_closure_names_everything_the_verdict_rests_on():
    study = study_of(spec())
    content = closure(study, study.gates["pick"])

    assert content.rule == study.gates["pick"]
    assert (content.measure, content.runner, content.data) == (study.measure, study.runner, study.data)
    assert set(content.stages) == {"short"}
    assert dict(content.machines) == {"box": study.hosts["box"].machine}
    assert set(content.candidates) == {"base", "good", "fair", "poor"}
    assert content.candidates["good"] == dict(study.candidates["good"].effective.settings)
    assert (content.grows, content.effects, content.neighbours) == ({}, None, None)
    assert (content.around, content.order) == (None, None)
    assert set(describe_closure(content)) == {"gate", "measure", "runner", "data", "stage", "host", "candidate"}


def test_a_closure_tells_of_a_stage_what_moves_its_evidence():
    study = study_of(spec())
    short = study.stages["short"]

    assert closure(study, study.gates["pick"]).stages["short"] == Reading(
        after=None,
        promoted=False,
        around=None,
        candidates=("base", "fair", "good", "poor"),
        mode=short.mode,
        continues=None,
        budget=short.budget,
        cooldown=None,
        hosts=("box",),
        seeds=(1, 2),
        devices=None,
        report_only=False,
    )


def test_the_order_of_declarations_is_sealed_where_ties_are_broken_by_it():
    study = study_of(spec().replace("ties by name", "ties by order"))

    assert closure(study, study.gates["pick"]).order == ("base", "good", "fair", "poor")


def test_an_amended_rule_is_sealed_with_who_amended_it_and_why():
    frozen = sealed(spec())
    changed = compiled(frozen.text.replace("keep top 1", "keep top 2"))
    content = closure(changed.study, changed.study.gates["pick"])
    why = Amending(1, "Ada", "one place was too few", post_hoc=True, head="0" * 64, time=NOW)
    seal = seal_of("pick", content, NOW, "abc", 0, frozen.lock.seals["pick"].digest, why)

    text, lock = reseal(changed.study, changed.source.text, frozen.lock, seal)

    assert compile_source(Source("x", text), Path(), lock).diagnostics == ()
    assert lock_from_json(parse_canonical(canonical(to_json(lock)))).seals["pick"].amendment == why


def test_edits_are_applied_from_the_end():
    made = compiled(spec())

    assert apply(made.source.text, []) == made.source.text
    assert list(check_seals(made.study, None, made.plan.seals, closure_changes)) == []


def test_a_rule_about_those_promoted_rests_on_everyone_who_may_be():
    text = spec().replace("judge good", "judge promoted")
    changed = text.replace("candidate poor like base { quality = 4 }", "candidate poor like base { quality = 5 }")
    before, after = seals_of(text), seals_of(changed)

    assert before["close"] != after["close"]
    assert seals_of(spec())["close"] == seals_of(spec().replace("quality = 4", "quality = 5"))["close"]


def test_a_rule_about_the_best_of_a_stage_rests_on_that_stage_too():
    text = spec().replace("judge good", "judge best of short")
    before, after = seals_of(text), seals_of(text.replace("seeds 1, 2", "seeds 1, 22"))

    assert before["close"] != after["close"]
    assert seals_of(spec())["close"] == seals_of(spec().replace("seeds 1, 2", "seeds 1, 22"))["close"]


AGAIN = """stage longer {
  after again
  train promoted for 3s
  on box
  seeds 5
  report only
}

frozen gate again {
  from long to longer
  rank by mean loss over host, seed
  keep top 1
  demand mean gap to base at most -100pt else keep top 1 and rank agreement of short, long at least -1
  missing drop
  crash as missing
  ties by name
}"""


def test_a_gate_rests_on_a_stage_that_only_a_condition_behind_else_ranks():
    study = study_of(spec(gate=SOUND["gate"].replace("keep top 1", "keep top 2"), extra=AGAIN))
    again = study.gates["again"]

    assert also_read(again) == ("long", "short")
    assert set(closure(study, again).stages) == {"short", "long"}
