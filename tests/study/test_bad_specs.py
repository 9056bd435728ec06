"""
Wrong specs, each with the expected code written on the guilty line.

A file in `bad/` holds cases between `---` lines.  A case begins with `#= NAME`, and says behind it what it replaces of
the sound spec in `support.py` (`replaces gate, rule`), or `whole` when it is a text of its own.  `#! P0201 "words"`
expects that code on its line, with these words in the message or hint; `#!+1` means one line further down, `#!-1` one
up.
Anything reported that is not expected fails the test, and so does anything expected that is not reported.
"""

import re
from functools import cache
from pathlib import Path

import pytest

from promo.base.source import Source
from promo.driver.pipeline import compile_source
from promo.study.meaning import pin_of
from support import SOUND, compiled

BAD = Path(__file__).parent / "bad"
ROOT = Path(__file__).parents[2]
EXPECTED = re.compile(r'#!([+-]\d+)? (P\d{4})(?: "([^"]*)")?')
SOFT = {"P0414"}
"""Reported of every spec that is frozen but not sealed, as these are."""


def cases():
    for path in sorted(BAD.glob("*.promo")):
        for part in re.split(r"^---\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            head, _, body = part.partition("\n")
            name, _, how = head.removeprefix("#=").partition(":")
            yield pytest.param(how.strip(), body, id=f"{path.stem}: {name.strip()}")


def text_of(how: str, body: str) -> str:
    if how == "whole":
        return body
    replaced = [name.strip() for name in how.removeprefix("replaces").split(",") if name.strip()]
    assert set(replaced) <= set(SOUND), replaced
    kept = [text for name, text in SOUND.items() if name not in replaced]
    return "promo 1\n\n" + "\n\n".join(kept) + "\n\n" + body


@cache
def staged_pin() -> str:
    path = ROOT / "specs" / "staged_promotion.promo"
    study = compile_source(Source(str(path), path.read_text(encoding="utf-8")), path.parent, None).study
    return pin_of(study)[:12]


@pytest.mark.parametrize(("how", "body"), list(cases()))
def test_a_bad_spec_gets_exactly_the_expected_diagnostics(how, body):
    text = text_of(how, body)
    text = text.replace("STAGED_PIN", staged_pin())
    expected = {}
    for number, line in enumerate(text.splitlines(), start=1):
        for more, code, words in EXPECTED.findall(line):
            expected[number + int(more or 0), code] = words

    found = {}
    for one in compiled(text, ROOT).diagnostics:
        if one.code not in SOFT:
            line, _ = one.span.source.position(one.span.start)
            found[line, one.code] = " ".join([one.message, one.hint, *one.notes])

    assert set(expected) == set(found), found
    for place, words in expected.items():
        assert words in found[place], found[place]


def test_every_code_that_checks_can_report_has_a_bad_spec():
    source = Path(__file__).parents[2] / "interpreter" / "promo"
    reported = set()
    for path in source.rglob("*.py"):
        reported |= set(re.findall(r'"(P0\d{3})"', path.read_text(encoding="utf-8")))
    tried = set()
    for path in BAD.glob("*.promo"):
        tried |= {code for _, code, _ in EXPECTED.findall(path.read_text(encoding="utf-8"))}
    elsewhere = {
        "P0117": "a file that is not UTF-8: tests/cli",
        "P0401": "a broken seal: tests/study/test_lock.py",
        "P0414": "frozen but not sealed: tests/study/test_lock.py",
        "P0901": "layout: tests/study/test_pages.py",
        "P0902": "CR LF: tests/cli",
    }

    assert reported - tried - set(elsewhere) == set()
