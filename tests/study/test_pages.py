"""
Every diagnostic code has a page whose specs do what the page says.

The excerpts of a page stand for parts of `grammar/pages/study.promo`: what an excerpt declares replaces what the
study declares under the same name.  After a change of a message, `pytest tests/study/test_pages.py --update-golden`
writes into the pages what promo now says, and the seals and pins in them; read the difference.
"""

import re
from pathlib import Path

import pytest

from promo.base import pages
from promo.base.classes import evolve
from promo.base.codec import value_digest
from promo.base.diagnostics import Diagnostic, Label
from promo.base.errors import SpecError
from promo.base.source import Source, Span
from promo.cli.diagnostics import as_text
from promo.driver.pipeline import compile_source
from promo.files import decode_source
from promo.study.closure import closure
from promo.study.meaning import pin_of
from promo.syntax.format import format_text, unformatted

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grammar" / "pages"
HEADER = "promo 1\n\n"
NAME, EARLIER = "study.promo", "earlier.promo"
SOFT = {"P0414"}
"""Reported of every frozen gate that has no seal, as most of those here."""


def declarations(text: str) -> dict[str, str]:
    """Name of each declaration -> its text: `gate pick`, `use "earlier.promo"`, `account`."""
    parts = re.split(r"\n\n(?=\S)", text.removeprefix(HEADER).strip("\n"))
    return {named(part): part for part in parts}


def named(line: str) -> str:
    words = line.removeprefix("frozen ").replace(":", " ").split()
    return words[0] if words[0] in ("account", "curves", "study", "data") else " ".join(words[:2])


STUDY = declarations((FOLDER / NAME).read_text(encoding="utf-8"))


def whole(excerpt: str, how: str) -> str:
    """The spec that an excerpt stands for."""
    if how == "whole":
        return excerpt + "\n"
    dropped = {named(line) for line in excerpt.splitlines() if re.match(r"[a-z]", line)}
    without = how.removeprefix("without ") if how.startswith("without") else ""
    dropped |= {named(name.strip()) for name in without.split(",") if name.strip()}
    assert not without or {named(name.strip()) for name in without.split(",")} <= set(STUDY)
    kept = [part for name, part in STUDY.items() if name not in dropped]
    return header(excerpt, how) + "\n\n".join([excerpt, *kept]) + "\n"


def header(excerpt: str, how: str) -> str:
    """What stands before the excerpt in its spec."""
    if how in ("whole", "headless") or excerpt.startswith("promo "):
        return ""
    return HEADER


def diagnostics(excerpt: str, how: str) -> tuple[Diagnostic, ...]:
    """What promo finds in the spec that an excerpt stands for."""
    text = whole(excerpt, how)
    content = (
        text.replace("\n", "\r\n").encode()
        if how == "crlf"
        else text.encode("latin-1" if how == "latin-1" else "utf-8")
    )
    try:
        source = decode_source(NAME, content)
    except SpecError as fault:
        return fault.diagnostics
    style = unformatted(source)
    found = compile_source(source, FOLDER, None).diagnostics
    return (*found, *([style] if style else []))


def said(page: pages.Page) -> str:
    """What promo says of a page's wrong spec, with lines counted from the beginning of the excerpt."""
    shift = len(header(page.wrong, page.how))
    shown = []
    for found in diagnostics(page.wrong, page.how):
        if found.code != page.code:
            continue
        text = found.span.source.text[shift:]

        def moved(span: Span, text: str = text) -> Span:
            assert shift <= span.start and span.source.name == NAME
            return Span(Source(NAME, text), span.start - shift, span.end - shift)

        labels = tuple(Label(moved(label.span), label.text) for label in found.labels)
        first = Diagnostic(
            found.code, found.message, moved(found.span), found.hint, found.severity, labels, found.notes
        )
        shown.append(as_text(first, colour=False))
    return "\n\n".join(shown)


def updated(page: pages.Page) -> pages.Page:
    """A page with the seals, pins and messages of today; digests that a page has wrong on purpose begin with zeros."""
    now = compile_source(Source(NAME, whole(re.sub(r" sealed \S+", "", page.right), right_how(page))), FOLDER, None)
    pin = pin_of(compile_source(Source(EARLIER, (FOLDER / EARLIER).read_text(encoding="utf-8")), FOLDER, None).study)
    seal = value_digest(closure(now.study, now.study.gates["pick"])) if " sealed " in page.right else ""

    def fresh(text: str) -> str:
        text = re.sub(r"(use .* pinned sha256:)(?!0000)\w+", rf"\g<1>{pin[:12]}", text)
        return re.sub(r" sealed sha256:\w+", f" sealed sha256:{seal[:12]}", text)

    page = evolve(page, wrong=fresh(page.wrong), right=fresh(page.right))
    return evolve(page, said=said(page))


def right_how(page: pages.Page) -> str:
    return page.how if page.how == "whole" or page.how.startswith("without") else ""


def written(page: pages.Page) -> str:
    how = f" {page.how}" if page.how else ""
    return (
        f"# {page.code}: {page.title}\n\n{page.meaning}\n\n```promo{how}\n{page.wrong}\n```\n\n"
        f"```text\n{page.said}\n```\n\n```promo\n{page.right}\n```\n"
    )


@pytest.fixture(params=pages.codes())
def page(request):
    found = pages.page(request.param)
    if request.config.getoption("--update-golden"):
        found = updated(found)
        (FOLDER / f"{found.code}.md").write_text(written(found), encoding="utf-8")
    return found


def codes_of(excerpt: str, how: str) -> set[str]:
    return {one.code for one in diagnostics(excerpt, how)}


def test_the_wrong_spec_gets_exactly_this_code(page):
    found = codes_of(page.wrong, page.how)

    assert found - (SOFT | {"P0901"}) | ({page.code} & found) == {page.code}


def test_the_corrected_spec_is_sound(page):
    right = codes_of(page.right, right_how(page))

    assert right - SOFT == set()
    assert page.code not in right


def test_the_page_shows_what_promo_says(page):
    assert page.said == said(page)


def test_a_corrected_spec_is_in_the_one_layout(page):
    text = header(page.right, right_how(page)) + page.right + "\n"

    assert format_text(Source(NAME, text)) == text


def test_every_code_has_a_page_and_every_page_a_code():
    source = ROOT / "interpreter" / "promo"
    used = set()
    for path in source.rglob("*.py"):
        used |= set(re.findall(r'"(P0\d{3})"', path.read_text(encoding="utf-8")))

    assert used == set(pages.codes())


def test_the_study_that_pages_stand_in_is_sound():
    for name in (NAME, EARLIER):
        text = (FOLDER / name).read_text(encoding="utf-8")

        assert {one.code for one in compile_source(Source(name, text), FOLDER, None).diagnostics} <= SOFT
        assert format_text(Source(name, text)) == text
