"""Specs with a word deleted, replaced or put in, and how many of the mistakes the parser finds."""

import random

from promo.base.source import Source
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


def found_of_injected(lines: list[str], where: list[int], mistakes: int, files: int, seed: int) -> tuple[float, float]:
    """
    Share of injected mistakes whose line is reported, and other lines reported, a file.

    Each file has so many *mistakes*, on lines drawn from *where*; an edit that is no error by itself is left out.
    """
    draw, words = random.Random(seed), sorted({word for line in lines for word in line.split()} - {"{", "}", "#"})
    injected = reported = false = 0
    for _ in range(files):
        broken, chosen = list(lines), set()
        for number in draw.sample(where, mistakes):
            parts, kind = broken[number].split(), draw.randrange(3)
            place = draw.randrange(len(parts))
            if kind < 2:
                del parts[place]
            if kind:
                parts.insert(place, draw.choice(words))
            indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
            alone = list(lines)
            alone[number] = indent + " ".join(parts)
            if lines_told("\n".join(alone)):
                broken[number] = alone[number]
                chosen.add(number + 1)
        seen = lines_told("\n".join(broken))
        injected += len(chosen)
        reported += len(chosen & seen)
        false += len(seen - chosen)
    return reported / injected, false / files
