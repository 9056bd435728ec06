"""Hover, outline, colours, hints, actions and layout of a document."""

from pathlib import Path

from lsprotocol import types

from promo.server.act import actions
from promo.server.colour import MODIFIERS, TYPES, colour
from promo.server.diagnose import diagnose
from promo.server.hints import hints
from promo.server.hover import hover
from promo.server.outline import outline
from promo.server.serve import make_server
from study.test_blocked import FOUR
from study.test_blocked import text as blocked
from support import opened, spec

ROOT = Path(__file__).parents[2]


def said(document, words: str, after: int = 1) -> str:
    found = hover(document, document.text.index(words) + after)
    return found.contents.value if found else ""


def applied(document, action) -> str:
    text = document.text
    (edits,) = action.edit.changes.values()
    for edit in sorted(edits, key=lambda one: document.positions.offset(one.range.start), reverse=True):
        start, end = (document.positions.offset(at) for at in (edit.range.start, edit.range.end))
        text = text[:start] + edit.new_text + text[end:]
    return text


# --- hover ---------------------------------------------------------------------------------------------------


def test_hover_tells_how_many_devices_a_stage_gives_its_runs():
    document = opened(spec().replace("seeds 3, 4", "devices 2\n  seeds 3, 4"))

    assert "2s a run on box, 2 devices each, seeds 3, 4" in said(document, "long {")
    assert "devices 8" in said(document, "devices 2")


def test_hover_tells_documentation_levels_and_what_the_runner_makes_of_a_candidate(staged):
    shown = said(staged, "d8_ar48 against")

    assert "The cheaper model" in shown
    assert "depth = 8" in shown
    assert "| width | 384 |" in shown


def test_hover_tells_who_enters_a_stage_and_what_it_costs(staged):
    shown = said(staged, "stage repeat_10min", 8)

    assert "9 of 12 candidates may enter" in shown
    assert "9 x 2 hosts x 2 seeds = 36 runs; budget 36 runs, 6 GPU-hours" in shown


def test_hover_tells_the_state_of_a_seal(staged):
    head = "gate pick_four"
    broken = opened(staged.text.replace("keep     top 3", "keep     top 4"))
    loose = opened(spec().replace("frozen gate", "gate"))
    unsealed = opened(spec())

    assert "when 0 results of its stages existed" in said(staged, head, 7)
    assert "the seal is broken" in said(broken, head, 7)
    assert "not frozen" in said(loose, "gate pick", 6)
    assert "not sealed yet" in said(unsealed, "gate pick", 6)


def test_hover_tells_the_unit_and_values_of_a_factor(staged):
    shown = said(staged, "factor depth", 8)

    assert "| unit | layers |" in shown
    assert "4, 6, 8, 10, 12, 14, 16" in shown


def test_hover_tells_the_levels_of_an_array():
    rows = "design nine array 9 {\n  vary quality in [1, 2, 3]\n  vary size in [2, 4, 8]\n}\n"
    document = opened(spec(extra=rows + "cohort some { rows nine [1, 2] }"))

    assert "9 rows over quality, size of 3 x 3 levels" in said(document, "design nine", 8)


def test_hover_tells_what_laws_schedules_forecasts_and_growths_come_to():
    shaped = opened((ROOT / "specs" / "adaptive_shape.promo").read_text(encoding="utf-8"))
    grown = opened((ROOT / "specs" / "grow_small.promo").read_text(encoding="utf-8"))

    law, schedule = said(shaped, "law falling", 5), said(shaped, "schedule deepening", 10)
    assert "How the loss of each shape falls" in law
    assert "| form | a law of compute, E + A C^-b |" in law
    assert "| shapes | shallow -> deep by interleave |" in schedule
    assert "| followed by | adaptive |" in schedule
    assert "| at | whole |" in said(shaped, "forecast before_the_end", 10)
    assert "| by | identity, copy_block, interleave, copy_top |" in said(grown, "grow taller", 6)


def test_hover_on_the_clauses_of_a_schedule_says_what_stands_in_them():
    shaped = opened((ROOT / "specs" / "adaptive_shape.promo").read_text(encoding="utf-8"))

    assert "clause of schedule: needed; names: candidate" in said(shaped, "shapes   shallow")
    assert "clause of schedule: needed; names: law" in said(shaped, "law      falling\n  else")
    assert "names: hold, best, largest" in said(shaped, "else     best")


def test_hover_tells_what_a_named_value_comes_to():
    document = opened(spec(extra="let pause = 2 * 30s\nlet both = size * 2"))

    assert "`2 * 30s` = 1min (a duration)" in said(document, "let pause", 5)
    assert "for each candidate only" in said(document, "let both", 5)


def test_hover_on_a_keyword_shows_what_the_grammar_takes(staged):
    assert "keep top 8" in said(staged, "keep     top")


def test_hover_on_a_clause_says_whether_its_block_needs_it_and_what_stands_in_it(staged):
    assert "clause of gate: needed; names: stage; names: stage" in said(staged, "from     screen_5min")
    assert "clause of gate: may be left out; names: candidate" in said(staged, "always   bridge")
    assert "clause of study: may be left out; as often as you like; device time or an amount of money" in said(
        staged, "budget   190gpu_h"
    )
    assert "clause of account: may be left out; as often as you like" in said(staged, "suppose  ")


def test_hover_never_shows_values_of_another_version(staged):
    wrong = opened(staged.text.replace("keep     top 8", "keep     topp 8"))

    assert "width" not in said(wrong, "d8_ar48 against")
    assert "once the errors" in said(wrong, "d8_ar48 against")


def test_every_place_can_be_hovered_over(staged):
    for offset in range(0, len(staged.text), 5):
        hover(staged, offset)


# --- outline, colours, hints -----------------------------------------------------------------------------------


def test_the_outline_lists_every_declaration_and_selects_its_name(staged):
    found = outline(staged)

    assert len(found) == len(staged.compiled.tree.declarations)
    assert [one.name for one in found if one.detail == "frozen gate"] == ["pick_nine", "pick_four", "pick_three"]
    for one in found:
        assert one.range.start <= one.selection_range.start <= one.selection_range.end <= one.range.end


def spelled(document) -> list[tuple[str, str, set[str]]]:
    """Tokens as (characters, type, modifiers)."""
    numbers, found, line, column = colour(document), [], 0, 0
    for index in range(0, len(numbers), 5):
        lines, columns, length, kind, bits = numbers[index : index + 5]
        line, column = line + lines, columns + (0 if lines else column)
        start = document.positions.offset(types.Position(line, column))
        end = document.positions.offset(types.Position(line, column + length))
        names = {name for bit, name in enumerate(MODIFIERS) if bits >> bit & 1}
        found.append((document.text[start:end], TYPES[kind], names))
    return found


def test_everything_inside_a_frozen_gate_is_marked_frozen_and_nothing_else():
    document = opened(spec().replace("frozen rule", "rule"))
    frozen = {word for word, _, names in spelled(document) if "frozen" in names}
    loose = {word for word, _, names in spelled(document) if "frozen" not in names}

    assert {"frozen", "gate", "pick", "keep", "ties"} <= frozen
    assert {"judge", "require", "study"} <= loose
    assert not frozen & {"judge", "require", "study"}


def test_a_soft_keyword_is_coloured_by_what_it_is_in_its_place():
    document = opened(spec(host='host seed {\n  device "🎯" on any\n  slots 2\n}').replace("on box", "on seed"))
    kinds = {(kind, "declaration" in names) for word, kind, names in spelled(document) if word == "seed"}

    assert kinds == {("struct", True), ("struct", False), ("property", False)}


def test_each_stage_carries_its_runs_and_cost(staged):
    found = hints(staged, 0, len(staged.text))

    assert [hint.label for hint in found] == [
        "budget 36 runs, 1.2 GPU-hours",
        "budget 24 runs, 2 GPU-hours",
        "budget 36 runs, 6 GPU-hours",
        "budget 16 runs, 16 GPU-hours",
        "budget 12 runs, 144 GPU-hours",
    ]
    assert "bound 180 attempts, 45.5 GPU-hours" in found[2].tooltip
    assert "at least 4 attempts" in found[2].tooltip


def test_hints_keep_to_the_part_that_is_asked_for_and_to_sound_texts(staged):
    start = staged.text.index("stage repeat_10min")

    assert len(hints(staged, start, start + 30)) == 1
    assert hints(opened(staged.text + "stage x {\n"), 0, len(staged.text)) == []


# --- diagnostics and actions -------------------------------------------------------------------------------------


def test_a_diagnostic_says_the_fact_the_arithmetic_and_what_to_do(staged):
    (found,) = diagnose(opened(staged.text.replace("169.2gpu_h", "170gpu_h")))
    (typo,) = diagnose(opened(spec().replace("always base", "always bade")))

    assert "169.2 h" in found.message and " over screen_2min" in found.message
    assert typo.message.endswith("help: did you mean 'base'?")


def test_a_repair_without_a_choice_is_offered_where_the_mistake_is():
    document = opened(spec().replace("always base", "always bade"))
    offset = document.text.index("bade")

    (repair,) = [one for one in actions(document, offset, offset) if one.kind == types.CodeActionKind.QuickFix]

    assert applied(document, repair) == spec()
    assert repair.diagnostics == diagnose(document)[:1]


def test_a_loose_gate_can_be_frozen_and_a_frozen_one_sealed():
    document = opened(spec().replace("frozen gate", "gate"))
    offset = document.text.index("gate pick")

    (freeze,) = actions(document, offset, offset)
    frozen = opened(applied(document, freeze))
    (seal,) = actions(frozen, offset, offset)

    assert frozen.text == spec()
    assert (seal.edit, seal.command.command) == (None, "promo.freeze")


def test_a_damaged_lock_is_told_and_the_text_is_still_read(staged, tmp_path):
    path = tmp_path / "one.promo"
    (tmp_path / "one.lock.json").write_text("{", encoding="utf-8")

    document = opened(staged.text, path)

    assert "is damaged" in diagnose(document)[0].message
    assert len(outline(document)) == 25


# --- the matrix of methods -----------------------------------------------------------------------------------------


def test_every_method_that_is_answered_is_in_the_matrix():
    matrix = (ROOT / "grammar" / "editors" / "README.md").read_text(encoding="utf-8")
    manager = make_server().protocol.fm

    for method in [*manager.features, *manager.commands]:
        assert f"`{method}`" in matrix or f"`{method.rpartition('/')[2]}`" in matrix, method


def test_a_stage_in_blocks_says_what_each_host_runs():
    document = opened(blocked(FOUR))
    told = said(document, "stage s {", 6)
    shown = hints(document, 0, len(document.text))

    assert "a run on h0, seeds 1, 2" in told
    assert "a run on h1, seeds 1, 2" in told
    assert told.count("8 x 1 hosts x 2 seeds = 16 runs") == 2
    assert [one.label.split(" 16 runs")[0] for one in shown] == ["budget on h0", "budget on h1"]
