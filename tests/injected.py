"""
Specs with mistakes put in: how many of them the parser finds, and what edits that call themselves sure come to.
"""

import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from promo.base.diagnostics import Confidence, errors
from promo.base.edits import apply
from promo.base.source import Source
from promo.driver.pipeline import compile_source
from promo.syntax.parse import parse


def lines_told(text: str) -> set[int]:
    """Lines, from 1, on which the parser reports something."""
    return {one.span.source.position(one.span.start)[0] for one in parse(Source("x", text)).diagnostics}


def clause_lines(lines: list[str]) -> list[int]:
    """Indices of lines that are one clause."""
    return [n for n, line in enumerate(lines) if line.startswith("  ") and "{" not in line]


def any_lines(lines: list[str]) -> list[int]:
    """Indices of all lines that say something, heads of blocks too."""
    return [n for n, line in enumerate(lines) if line.strip() and not line.startswith(("#", "promo", "}"))]


def _words(lines: list[str]) -> list[str]:
    return sorted({word for line in lines for word in line.split()} - {"{", "}", "#"})


def mistaken(lines: list[str], where: list[int], mistakes: int, draw: random.Random) -> dict[int, str]:
    """Lines drawn from *where*, by their index, in which a word is gone, is one too many, or is another one."""
    words, found = _words(lines), {}
    for number in draw.sample(where, mistakes):
        parts, kind = lines[number].split(), draw.randrange(3)
        place = draw.randrange(len(parts))
        if kind < 2:
            del parts[place]
        if kind:
            parts.insert(place, draw.choice(words))
        indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
        found[number] = indent + " ".join(parts)
    return found


def exchanged(lines: list[str], others: dict[int, str]) -> str:
    """The text with other lines in their places."""
    return "\n".join(others.get(number, line) for number, line in enumerate(lines))


def found_of_injected(lines: list[str], where: list[int], mistakes: int, files: int, seed: int) -> tuple[float, float]:
    """
    Share of injected mistakes whose line is reported, and other lines reported, a file.

    Each file has so many *mistakes*, on lines drawn from *where*; an edit that is no error by itself is left out.
    """
    draw = random.Random(seed)
    injected = reported = false = 0
    for _ in range(files):
        edits = mistaken(lines, where, mistakes, draw)
        wrong = {number: line for number, line in edits.items() if lines_told(exchanged(lines, {number: line}))}
        chosen, seen = {number + 1 for number in wrong}, lines_told(exchanged(lines, wrong))
        injected += len(chosen)
        reported += len(chosen & seen)
        false += len(seen - chosen)
    return reported / injected, false / files


def _drop(line: str, draw: random.Random, words: list[str]) -> str:
    parts = line.split(" ")
    del parts[draw.randrange(len(parts))]
    return " ".join(parts)


def _put_in(line: str, draw: random.Random, words: list[str]) -> str:
    parts = line.split(" ")
    parts.insert(draw.randrange(len(parts) + 1), draw.choice(words))
    return " ".join(parts)


def _cut(line: str, draw: random.Random, words: list[str]) -> str:
    at = draw.randrange(len(line))
    return line[:at] + line[at + 1 :]


def _strike(line: str, draw: random.Random, words: list[str]) -> str:
    at = draw.randrange(len(line) + 1)
    return line[:at] + draw.choice(' ,:;=[](){}.-%5m#"\n') + line[at:]


SLIPS: tuple[Callable[[str, random.Random, list[str]], str], ...] = (
    _drop,
    _put_in,
    _cut,
    _strike,
    lambda line, draw, words: re.sub(r"(\d)([a-z]+|%)", r"\1 \2", line, count=1),
    lambda line, draw, words: re.sub(r"(\d)([a-z]+|%)", r"\1" + draw.choice("mkMhsd") + r"\2", line, count=1),
    lambda line, draw, words: re.sub(r"min\b", draw.choice(("m", "minutes", "mins", "Min")), line),
    lambda line, draw, words: line.replace(",", "", 1),
    lambda line, draw, words: re.sub(r"^( +\w+) +", draw.choice((r"\1: ", r"\1 = ")), line),
    lambda line, draw, words: line.replace("{", "", 1),
    lambda line, draw, words: re.sub(r"^(  \w+ +)(.*)$", r"\1[\2]", line),
    lambda line, draw, words: line.replace("..", draw.choice(("-", "...", " to "))),
    lambda line, draw, words: re.sub(r"^  report +only$", "", line),
    lambda line, draw, words: "" if line == "}" else line,
)
"""What people do to a line without meaning to, and what they bring along from other languages."""


def slipped(text: str, draw: random.Random) -> str:
    """A text with one to three slips, or two lines run together."""
    lines = text.splitlines()
    words = sorted({word for line in lines for word in line.split()} - {"#"})
    for _ in range(draw.choice((1, 1, 2, 3))):
        at = draw.choice([n for n, line in enumerate(lines) if line.strip()])
        if draw.randrange(12) == 0 and at + 1 < len(lines):
            lines[at : at + 2] = [f"{lines[at]} {lines[at + 1].strip()}"]
        else:
            lines[at] = draw.choice(SLIPS)(lines[at], draw, words)
    return "\n".join(lines) + "\n"


def sure_edits(texts: list[str], folder: Path, count: int, seed: int) -> Counter[str]:
    """
    What sure edits of so many slipped texts do to the number of errors: `raised`, `kept`, `lowered`; and their codes.

    Every edit is carried out alone.
    """
    draw, seen = random.Random(seed), Counter[str]()
    for _ in range(count):
        text = slipped(draw.choice(texts), draw)
        found = compile_source(Source("x", text), folder, None).diagnostics
        before = sum(1 for _ in errors(found))
        for one in found:
            if one.edits and one.confidence is Confidence.SURE:
                repaired = compile_source(Source("x", apply(text, one.edits)), folder, None).diagnostics
                after = sum(1 for _ in errors(repaired))
                seen["raised" if after > before else "kept" if after == before else "lowered"] += 1
                seen[one.code] += 1
    return seen
