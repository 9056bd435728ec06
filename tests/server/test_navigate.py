"""Definitions, references, and renames that are tried before they are offered."""

import pytest

from promo.base.source import Source
from promo.driver.pipeline import compile_source
from promo.server.hover import hover
from promo.server.navigate import Refused, definition, references, rename, renameable
from promo.study.meaning import pin_of
from support import opened, spec


def place(document, words: str, after: int = 1) -> int:
    return document.text.index(words) + after


def named(document, words: str) -> int:
    """A place in the name of the declaration that *words* are part of."""
    offset = place(document, words)
    declarations = document.declared.values()
    return next(one.start + 1 for one in declarations if one.node.start <= offset < one.node.end)


def test_a_name_leads_to_its_declaration(staged):
    there = definition(staged, place(staged, "pick_nine\n"), None)

    assert there.range == staged.positions.range(
        place(staged, "gate pick_nine", 5), place(staged, "gate pick_nine", 14)
    )


@pytest.mark.parametrize("words", ["val_bpb in bpb", "keep     top", "{\n", "NVIDIA"])
def test_a_word_that_is_declared_nowhere_leads_nowhere(staged, words):
    assert definition(staged, place(staged, words), None) is None


def test_references_are_the_places_of_the_same_meaning(staged):
    offset = place(staged, "stage screen_5min", 7)

    assert len(references(staged, offset, declaration=True)) == 2
    assert len(references(staged, offset, declaration=False)) == 1


def test_an_imported_name_leads_into_the_other_file_and_is_renamed_there(tmp_path):
    base = spec()
    (tmp_path / "base.promo").write_text(base, encoding="utf-8")
    study = compile_source(Source("base.promo", base), tmp_path, None).study
    text = (
        f'promo 1\nuse "base.promo" pinned sha256:{pin_of(study)[:12]} (box, base, good)\n'
        'study more {\n  title "t"\n  measure loss in pt, lower is better\n  runner toy\n}\n'
        "stage x {\n  train base, good for 1s\n  on box\n  seeds 1\n  report only\n}\n"
    )
    path = tmp_path / "more.promo"
    document = opened(text, path)
    offset = place(document, "on box", 4)

    there = definition(document, offset, path)

    assert there.uri == (tmp_path / "base.promo").resolve().as_uri()
    assert there.range.start.line == base[: base.index("host box")].count("\n")
    with pytest.raises(Refused, match="another file"):
        renameable(document, offset)


@pytest.mark.parametrize(
    ("words", "new", "why"),
    [
        ("bridge as", "anchor", "break the seal of 'pick_nine', 'pick_four'"),
        ("host a100", "h100", "break the seal"),
        ("pick_three sealed", "last_gate", "break the seal of 'pick_three'"),
        ("stage confirm_12h", "final", "break the seal"),
        ("design screen", "rows", "break the seal"),
        ("factor depth", "layers", "the runner's"),
        ("cohort twelve", "bridge", "already declared in line"),
        ("cohort twelve", "Twelve", "not a name"),
        ("cohort twelve", "t" * 65, "at most 64"),
        ("cohort twelve", "promoted", "cannot be the name"),
    ],
)
def test_a_rename_that_would_do_harm_is_refused(staged, words, new, why):
    with pytest.raises(Refused, match=why):
        rename(staged, named(staged, words), new, None)


def test_a_rename_outside_every_seal_changes_each_place(staged):
    (edits,) = rename(staged, place(staged, "cohort twelve", 8), "dozen", None).changes.values()

    assert [edit.new_text for edit in edits] == ["dozen"] * 3


def test_before_a_seal_exists_a_candidate_can_be_renamed():
    document = opened(spec())

    (edits,) = rename(document, place(document, "base as"), "anchor", None).changes.values()

    assert len(edits) == document.text.count("base") - document.text.count("baseline")


def test_a_sealed_text_with_errors_cannot_be_renamed_in(staged):
    document = opened(staged.text.replace("keep     top 8", "keep     topp 8"))

    with pytest.raises(Refused, match="fix the errors first"):
        rename(document, place(document, "cohort twelve", 8), "dozen", None)


def test_a_row_leads_to_its_design_is_explained_and_keeps_its_name():
    design = "design screen full {\n  vary quality low 11 high 12\n  vary size low 20 high 40\n}\n"
    stage = "stage more {\n  train screen_2 for 1s\n  on box\n  seeds 50\n  report only\n}\n"
    document = opened(spec(extra=design + stage))
    row = place(document, "screen_2", 3)

    there = definition(document, row, None)

    assert there.range.start == document.positions.at(place(document, "design screen", 7))
    assert "quality = 12" in hover(document, row).contents.value
    with pytest.raises(Refused, match="is a row of 'screen'"):
        renameable(document, row)
    with pytest.raises(Refused):
        rename(document, place(document, "design screen", 8), "sieve", None)
