"""Every one-token change of a spec breaks a seal, is rejected, or stands where the seals say that nothing moves."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from promo.base.source import Source
from promo.driver.pipeline import compile_source
from promo.syntax.lex import COMMENT, NAME, NEWLINE, lexemes
from support import spec

ROOT = Path(__file__).parents[2]

RICH = spec(
    gate=(
        "frozen gate pick {\n  from short to long\n  rank by median loss over host, seed\n"
        "  keep (top 2 and mean gap to leader at most 3pt) or mean loss at most 9pt\n  always base\n  allow 1pt\n"
        "  demand median loss at most 90pt else stop\n"
        "  sample 1 dropped seed 9\n"
        "  missing rerun 1, then drop\n  crash rerun 2, then worst\n  ties by parameters, name\n}"
    )
)
TEXTS = {
    "rich": (RICH, ROOT),
    **{path.stem: (path.read_text(encoding="utf-8"), ROOT / "specs") for path in sorted(ROOT.glob("specs/*.promo"))},
}

OTHERS = {
    "mean": ("median",), "median": ("mean", "worst"), "every": ("mean",), "gap": ("gain",), "gain": ("gap",),
    "drop": ("stop",), "stop": ("drop", "skip"), "skip": ("stop",), "most": ("least",), "least": ("most",),
    "and": ("or",), "or": ("and",), "name": ("order",), "order": ("parameters",), "worst": ("stop",),
    "lower": ("higher",), "higher": ("lower",), "within": ("at most",), "host": ("seed",), "seed": ("host",),
    "any": ("linux",), "windows": ("linux",), "linux": ("windows",), "hold": ("stop",), "else": ("",),
}  # fmt: skip

STILL = {
    ("study", "study"), ("study", "title"), ("study", "budget"), ("host", "slots"), ("host", "price"),
    ("stage", "report"), ("stage", "expect"), ("cohort", "expect"), ("design", "expect"), ("account", "*"),
    ("let", "*"), ("baseline", "*"),
}  # fmt: skip
"""Clauses that move no verdict: declaration word and clause word.  A baseline promotes nobody."""

DEFINE = {"factor", "design", "candidate", "cohort"}
"""Declarations that come to who is trained with which levels; a bound that no level touches moves nothing."""


def places(text: str) -> Iterator[tuple[str, str, str, str, int, int, str]]:
    """Every lexeme with its declaration's word and name, its clause's word, and its kind."""
    block, named, clause, fresh, depth = "", "", "", True, 0
    for kind, word, start, end in lexemes(text):
        if kind in (NEWLINE, COMMENT):
            fresh = fresh or kind == NEWLINE
            continue
        if depth == 0 and fresh and word != "}":
            said = text[start : text.index("\n", start)].split()
            said = said[1:] if said[0] == "frozen" else said
            block, named = said[0], said[1].rstrip(":")
        if fresh or (depth and clause == "{"):
            clause = word
        fresh = word == "{"
        depth += (word == "{") - (word == "}")
        yield block, named, clause, word, start, end, kind


def trained(study, stages: set[str]) -> dict[str, object]:
    """Who may be trained at the stages, and with which levels: all that factors, designs and candidates are for."""
    entrants = {stage: study.entrants[stage].possible for stage in stages}
    return {
        **{stage: sorted(names) for stage, names in entrants.items()},
        **{name: dict(study.candidates[name].levels) for names in entrants.values() for name in names},
    }


def mutants(word: str, kind: str, names: list[str]) -> tuple[str, ...]:
    """Other lexemes that might stand in the same place."""
    if word[0].isdigit():
        digits = len(word) - len(word.lstrip("0123456789_."))
        return (
            str(int(word[0]) % 9 + 1) + word[1:],
            word[:digits] + "1" + word[digits:] if "." in word else "9" + word,
        )
    if word.startswith('"'):
        return (word[:-1] + 'x"',)
    if word.startswith("sha256:"):
        return (word[:-1] + ("0" if word[-1] != "0" else "1"),)
    if word in OTHERS:
        return OTHERS[word]
    if kind == NAME and word in names:
        at = names.index(word)
        return tuple({names[at - 1], names[(at + 1) % len(names)]} - {word})
    return ("",)


LONG = {"staged_screening"}
"""Says what `screen_small` says, over 613 runs: changed token by token only when slow tests are asked for."""


@pytest.mark.parametrize(
    ("text", "folder"),
    [pytest.param(*those, id=name, marks=[pytest.mark.slow] * (name in LONG)) for name, those in TEXTS.items()],
)
def test_a_one_token_change_breaks_a_seal_or_is_rejected_or_stands_where_nothing_moves(text, folder):
    before = compile_source(Source("x", text), folder, None)
    study, plan = before.sound()
    groups = [list(study.stages), list(study.hosts), list(study.candidates), list(study.factors)]
    read = {stage for one in study.deciding.values() for stage in one.sources}
    aside = {name for name in study.stages if name not in read}
    survivors, broken, rejected = [], 0, 0
    for block, named, clause, word, start, end, kind in places(text):
        if (block, clause) in STILL or (block, "*") in STILL or (block == "stage" and named in aside):
            continue
        if word == "shared" and len(study.hosts) == 1:
            continue
        names = next((group for group in groups if word in group), [])
        for other in mutants(word, kind, names):
            changed = compile_source(Source("x", text[:start] + other + text[end:]), folder, None)
            if changed.plan is not None and changed.plan.seals != plan.seals:
                broken += 1
            elif any(one.severity.value == "error" for one in changed.diagnostics):
                rejected += 1
            elif block not in DEFINE or trained(changed.study, read) != trained(study, read):
                survivors.append(f"{block} {named}, {clause}: {word!r} -> {other!r}")

    assert "\n".join(survivors) == ""
    assert broken > 10
    assert rejected > 30


COSMETIC = {
    "comments": lambda text: "\n".join(f"{line}  # so" if '"' not in line else line for line in text.split("\n")),
    "documentation": lambda text: re.sub(r"^(?=\w.*\{$)", "## Said of it.\n", text, flags=re.MULTILINE),
    "blank lines": lambda text: text.replace("\n", "\n\n"),
    "trailing zeros": lambda text: re.sub(r"\b(\d+\.\d+)(?=[a-z\s])", r"\g<1>00", text),
    "minutes": lambda text: re.sub(r"\b(\d+)min\b", lambda found: f"{int(found[1]) * 60}s", text),
    "hours": lambda text: re.sub(r"\b(\d+)h\b", lambda found: f"{int(found[1]) * 60}min", text),
    "seconds": lambda text: re.sub(r"\b(\d+)s\b", r"\g<1>000ms", text),
    "title": lambda text: re.sub(r'title +"', 'title "Another: ', text),
    "roles": lambda text: re.sub(r"^(candidate \w+)( like \w+)? as sentinel", r"\1\2", text, flags=re.MULTILINE),
    "slots": lambda text: re.sub(r"slots +\d+", "slots 4\n  price 3usd", text),
    "clause order": lambda text: re.sub(
        r"^(  missing .*\n)((?:  crash .*\n)?)(  ties .*\n)", r"\3\2\1", text, flags=re.MULTILINE
    ),
}


@cache
def seals(text, folder):
    """Seals of a text before anybody changes it."""
    return compile_source(Source("x", text), folder, None).plan.seals


@pytest.mark.parametrize("change", COSMETIC.values(), ids=COSMETIC)
@pytest.mark.parametrize(("text", "folder"), TEXTS.values(), ids=TEXTS)
def test_what_only_looks_different_breaks_no_seal(text, folder, change):
    after = compile_source(Source("x", change(text)), folder, None)

    assert [one.code for one in after.diagnostics if one.code == "P0401"] == []
    assert after.plan is not None, after.diagnostics
    assert after.plan.seals == seals(text, folder)


@pytest.mark.parametrize(("text", "folder"), TEXTS.values(), ids=TEXTS)
def test_the_order_of_declarations_breaks_no_seal(text, folder):
    header, *parts = re.split(r"\n\n(?=\S)", text.strip())
    after = compile_source(Source("x", "\n\n".join([header, *reversed(parts)]) + "\n"), folder, None)

    assert after.plan.seals == seals(text, folder)


@pytest.mark.parametrize("change", COSMETIC.values(), ids=COSMETIC)
def test_each_cosmetic_change_changes_some_text(change):
    assert any(change(text) != text for text, _ in TEXTS.values())
