"""What rows can estimate of a model, against dense elimination in fractions that knows no chain and no prime."""

import random
from fractions import Fraction
from itertools import product

from promo.study.coding import coding_of, of_two
from promo.study.design import effects_up_to, standard_rows
from promo.study.modelled import not_estimable
from promo.study.space import Array, Trend


def rank(lines):
    """Of a matrix, by Gaussian elimination."""
    left, found = [[Fraction(one) for one in line] for line in lines], 0
    for place in range(len(left[0]) if left else 0):
        pivot = next((line for line in left if line[place]), None)
        if pivot is None:
            continue
        left.remove(pivot)
        left = [[a - line[place] / pivot[place] * b for a, b in zip(line, pivot, strict=True)] for line in left]
        found += 1
    return found


def matrix(coding, effects, parts):
    """A column for every block, for the centre, and for every effect."""
    rows = [(block, row) for block, part in enumerate(parts) for row in part]
    centre = [[int(0 in row)] if any(0 in one for _, one in rows) else [] for _, row in rows]
    return [
        [*(int(block == one) for one in range(len(parts))), *more, *(coding.column(e, [row])[0] for e in effects)]
        for (block, row), more in zip(rows, centre, strict=True)
    ]


def drawn(draw):
    """A design of two levels or more, of which rows are left out, in one block or two; and a model."""
    count = draw.randint(2, 4)
    factors = "abcd"[:count]
    if draw.random() < 0.5:
        coding, rows = of_two(factors), [*standard_rows(factors, {})]
        if draw.random() < 0.4:
            rows.append((0,) * count)
    else:
        levels = [tuple(map(Fraction, range(draw.randint(2, 3)))) for _ in factors]
        every = tuple(product(*(range(len(some)) for some in levels)))
        array = Array("screen", "full", tuple(factors), tuple(levels), every, {})
        coding = coding_of(array, [Trend(name, log=False) for name in factors])
        rows = [*array.points.values()]
    kept = draw.sample(rows, draw.randint(2, min(len(rows), 20)))
    middle = draw.randint(1, len(kept) - 1)
    parts = [kept[:middle], kept[middle:]] if draw.random() < 0.5 else [kept]
    pairs = effects_up_to(factors, 2)[count:]
    terms = [*effects_up_to(factors, 1), *sorted(draw.sample(pairs, draw.randint(0, len(pairs))))]
    return coding, terms, parts


SEEDS = range(200)


def test_a_model_is_estimable_just_where_its_chains_have_full_rank():
    for seed in SEEDS:
        coding, terms, parts = drawn(random.Random(seed))
        effects = [effect for term in terms for effect in coding.named(term)]
        corners = [row for part in parts for row in part if 0 not in row]
        chains = coding.chains(corners, effects)
        leaders = [chain[0][1] for chain in chains if chain[0][1]]
        whole = rank(matrix(coding, leaders, parts)) == len(matrix(coding, leaders, parts)[0])
        alone = all(chain[0][1] and sum(len(effect) == 1 for _, effect in chain) < 2 for chain in chains)

        assert (not not_estimable(coding, terms, parts)) == (whole and alone), seed


def test_what_cannot_be_estimated_is_constant_within_every_block():
    for seed in SEEDS:
        coding, terms, parts = drawn(random.Random(seed))
        for one in not_estimable(coding, terms, parts):
            for part in parts:
                corners = [row for row in part if 0 not in row]
                sums = {sum(much * coding.column(effect, [row])[0] for much, effect in one.terms) for row in corners}

                assert len(sums) <= 1, seed
                assert one.constant is None or sums <= {one.constant}, seed
