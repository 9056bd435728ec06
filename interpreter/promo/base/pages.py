"""
What each diagnostic code means: one page a code, kept beside the grammar.

A page is a small Markdown file of one fixed shape, so that it reads well where it lies and needs no library to be
read: a heading, what the code means, a wrong spec, what promo says of it, and the spec put right.  The specs stand
for a part of `study.promo` beside the pages; a test compiles both and compares what is said, to the letter.
"""

import re

from promo.base.classes import frozen
from promo.base.resources import page_folder

SHAPE = re.compile(
    r"# (?P<code>P[0-9]{4}): (?P<title>[^\n]+)\n\n"
    r"(?P<meaning>.+?)\n\n"
    r"```promo(?: (?P<how>[^\n]+))?\n(?P<wrong>.*?)\n?```\n\n"
    r"```text\n(?P<said>.*?)\n?```\n\n"
    r"```promo\n(?P<right>.*?)\n?```\n",
    re.DOTALL,
)

AREAS = {
    "P01": "syntax",
    "P02": "names and what a file must hold",
    "P03": "units, types and values",
    "P04": "gates, rules and seals",
    "P05": "stages and what leads to them",
    "P06": "cost",
    "P07": "designs and conditions",
    "P08": "growth and schedules",
    "P09": "style, and what this version cannot run yet",
}
"""First characters of a code -> what such codes are about."""


@frozen
class Page:
    """One diagnostic code, explained."""

    code: str
    title: str
    meaning: str
    wrong: str
    """An excerpt of a spec that gets the code."""
    how: str
    """What the test has to know of the excerpt: `whole`, `without NAME, ...`, `crlf`, `latin-1`; mostly empty."""
    said: str
    """What promo says of it, with lines counted in the excerpt."""
    right: str
    """The excerpt without the fault."""

    @property
    def summary(self) -> str:
        """The first sentence of what the code means."""
        first, dot, _ = " ".join(self.meaning.split()).partition(". ")
        return first + dot.strip()


def codes() -> tuple[str, ...]:
    """Every code that has a page, in order."""
    return tuple(sorted(path.stem for path in page_folder().glob("P*.md")))


def page(code: str) -> Page:
    """
    The page of a code.

    Raises:
        KeyError: there is none.
        ValueError: the file does not have the shape of a page.
    """
    path = page_folder() / f"{code}.md"
    if not re.fullmatch(r"P[0-9]{4}", code) or not path.exists():
        raise KeyError(code)
    found = SHAPE.fullmatch(path.read_text(encoding="utf-8"))
    if found is None or found["code"] != code:
        raise ValueError(f"{path} is no page of {code}")
    return Page(**{name: text or "" for name, text in found.groupdict().items()})


def title(code: str) -> str:
    """The title of a code's page; reads its first line only."""
    with (page_folder() / f"{code}.md").open(encoding="utf-8") as file:
        return file.readline().partition(": ")[2].strip()
