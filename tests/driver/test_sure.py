"""Edits that call themselves sure leave fewer errors, whatever else is wrong with the text."""

from pathlib import Path

from injected import sure_edits
from promo.base.diagnostics import Confidence, Diagnostic, Edit
from promo.base.source import Source, Span
from promo.driver.pipeline import compile_source
from promo.driver.sure import proven, weight
from support import compiled, spec

ROOT = Path(__file__).parents[2]
COMMA = (ROOT / "tests" / "cases" / "comma.promo").read_text(encoding="utf-8")


def test_sure_edits_of_slipped_specs_lower_the_number_of_errors():
    texts = [(ROOT / "specs" / "quickstart.promo").read_text(encoding="utf-8"), spec()]

    seen = sure_edits(texts, ROOT / "specs", count=400, seed=5)

    assert seen["raised"] == 0, seen
    assert seen["lowered"] > 60
    assert seen["kept"] < seen["lowered"] / 20


def test_a_lost_comma_is_not_surely_two_clauses():
    (found,) = [one for one in compiled(COMMA).diagnostics if one.severity.value == "error"]

    assert found.code == "P0105"
    assert found.hint == "write: rank by mean val_bpb over host, seed"
    assert found.confidence is Confidence.GUESS


def test_a_repair_that_brings_two_faults_to_light_is_a_guess():
    text = spec().replace("judge good against base at long", "judge god against bsae at long missing stop")

    (found,) = [one for one in compile_source(Source("x", text), Path(), None).diagnostics if one.code == "P0107"]

    assert found.confidence is Confidence.GUESS


def claim(source: Source, word: str, text: str, code: str = "P0001") -> Diagnostic:
    at = source.text.index(word)
    span = Span(source, at, at + len(word))
    return Diagnostic(code, word, span, edits=(Edit(span, text),), confidence=Confidence.SURE)


def wrong(source: Source) -> tuple[Diagnostic, ...]:
    """Each of these words is a fault that an edit takes away; but `two` leaves two others behind."""
    becomes = {"one": "", "two": "ugh argh", "ugh": "", "argh": ""}
    return tuple(claim(source, word, text) for word, text in becomes.items() if word in source.text)


def test_a_claim_is_tried_alone_and_only_the_false_one_becomes_a_guess():
    source = Source("x", "one two")

    found = proven(source, wrong(source), wrong)

    assert [(one.message, one.confidence) for one in found] == [
        ("one", Confidence.SURE),
        ("two", Confidence.GUESS),
    ]


def test_of_many_claims_the_false_one_is_found_too_and_the_text_is_read_few_times():
    source = Source("x", " ".join(f"w{n:02}" for n in range(40)))
    read = []

    def faults(text: Source) -> tuple[Diagnostic, ...]:
        read.append(text)
        found = [claim(text, f"w{n:02}", "bad worse" if n == 7 else "") for n in range(40) if f"w{n:02}" in text.text]
        return (*found, *(claim(text, word, "") for word in ("bad", "worse") if word in text.text))

    found = proven(source, faults(source), faults)

    assert [one.message for one in found if one.confidence is Confidence.GUESS] == ["w07"]
    assert len(read) < 20


def test_a_repair_that_lets_the_passes_see_a_fault_elsewhere_stays_sure_and_one_on_its_own_line_does_not():
    def faults(text: Source) -> tuple[Diagnostic, ...]:
        found = [claim(text, word, "") for word in ("one", "two") if word in text.text]
        if "one" not in text.text:  # what it hid
            found.append(claim(text, "far", "near"))
        if "two" not in text.text:
            found.append(claim(text, "beside", "near", "P0002"))
        return tuple(found)

    source = Source("x", "one\nfar\nbeside two\n")

    found = proven(source, faults(source), faults)

    assert [(one.message, one.confidence) for one in found] == [("one", Confidence.SURE), ("two", Confidence.GUESS)]


def test_fewer_errors_weigh_less_and_then_fewer_warnings():
    wrong, sound = compiled(spec().replace("always base", "always bsae")).diagnostics, compiled(spec()).diagnostics

    assert () < weight(()) < weight(sound) < weight(wrong)
