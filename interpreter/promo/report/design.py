"""A design to words and to JSON: rows, defining relation, what can be told apart, and what a split would cost."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from promo.base.canonical import Json, exact
from promo.base.least_squares import solve
from promo.report.declared import describe_level
from promo.report.words import listed
from promo.study.arrays import lengths
from promo.study.coding import MARK, coding_of, usual
from promo.study.design import Split, Word, alias_chains, best_split, correlations, effects_up_to, word_lengths
from promo.study.estimable import MOST_COLUMNS, Effect, Information, dependence_text, sum_text
from promo.study.modelled import once_each
from promo.study.space import Array, Design, lineage

MOST_SHOWN = 40
MOST_PARTS = 6
"""Effects that an estimate takes up in part, as many as are named beside it."""
Rows = tuple[tuple[int, ...], ...]


def effect_name(effect: tuple[str, ...]) -> str:
    """`depth * aspect`, `width linear * act gelu`; the empty effect is the mean."""
    return " * ".join(part.replace(MARK, " ", 1) for part in effect) or "mean"


def chain_text(chain: tuple[Word, ...]) -> str:
    """`a * b = -c * d`: effects that one column stands for."""
    return " = ".join(("-" if sign < 0 else "") + effect_name(effect) for sign, effect in chain)


def joint_rows(design: Design, designs: Mapping[str, Design]) -> tuple[tuple[int, ...], ...]:
    """The rows that effects are estimated from: those of the design, behind those of the ones it follows."""
    return tuple(row for one in lineage(design, designs) for row in one.rows)


def _joint_words(design: Design, designs: Mapping[str, Design]) -> tuple[Word, ...]:
    """Words that hold in the rows of all."""
    first, *others = lineage(design, designs)
    return tuple(word for word in first.words if all(word in one.words for one in others))


def split_of(design: Design, parts: int, designs: Mapping[str, Design]) -> Split | None:
    """The best division over so many hosts; None where promo knows none."""
    whole = design.full_regular and design.parent is None
    return best_split(design.factors, joint_rows(design, designs), parts, design.clear) if whole else None


def design_json(design: Design, designs: Mapping[str, Design], parts: int) -> dict[str, Json]:
    """Everything known about a design, version 1."""
    rows = joint_rows(design, designs)
    split = split_of(design, parts, designs)
    return {
        "promo_design": 1,
        "name": design.name,
        "kind": design.kind,
        "follows": design.parent,
        "factors": {
            factor: [describe_level(low), describe_level(high)]
            for factor, low, high in zip(design.factors, design.low, design.high, strict=True)
        },
        "rows": {str(number): list(row) for number, row in zip(design.numbers, design.rows, strict=True)},
        "centre": None if design.centre is None else [describe_level(level) for level in design.centre],
        "generators": {factor: _signed(word) for factor, word in design.generators},
        "chosen_by_promo": design.chosen,
        "words": [_signed(word) for word in _joint_words(design, designs)],
        "word_lengths": [exact(one) for one in _lengths(design, rows)],
        "resolution": design.resolution,
        "aliases": [[_signed(word) for word in chain] for chain in alias_chains(design.factors, rows)],
        **_estimable_json(design, rows),
        "correlated": [
            [list(one), list(other), exact(much)] for one, other, much in correlations(design.factors, rows)
        ],
        "split": None
        if split is None
        else {
            "parts": parts,
            "words": [list(w) for w in split.words],
            "lost": [list(w) for w in split.lost],
            "clause": _clause(split),
        },
    }


def _estimable_json(design: Design, rows: Rows) -> dict[str, Json]:
    """What the rows can tell, by their information matrix."""
    every, information = effects_up_to(design.factors, 2), Information(design.factors, rows)
    gone = information.lost(every)
    return {
        "clear": [list(effect) for effect in every if len(effect) == 2 and effect not in gone],
        "clear_main_effects": [effect[0] for effect in every if len(effect) == 1 and effect not in gone],
        "dependences": [
            {"terms": [[exact(much), list(effect)] for much, effect in one.terms], "constant": exact(one.constant)}
            for one in information.dependences(every)
        ],
        "partial_aliases": [
            [list(effect), [[exact(much), list(other)] for much, other in others]]
            for effect, others in _partial(design, information)
        ],
        "relative_errors": [[list(effect), f"{width:.6g}"] for effect, width in information.widths(every).items()],
    }


def _partial(design: Design, information: Information) -> list[tuple[Effect, tuple[tuple[Fraction, Effect], ...]]]:
    """Main effects alone in the model, and what interactions of two factors add to their estimates in part."""
    mains = effects_up_to(design.factors, 1)
    gone = information.lost(mains)
    model = [effect for effect in mains if effect not in gone]
    found = information.aliases(model, [effect for effect in effects_up_to(design.factors, 2) if effect not in mains])
    return [(effect, others) for effect, others in found.items() if any(abs(much) != 1 for much, _ in others)]


def _signed(word: Word) -> Json:
    return [word[0], list(word[1])]


def _lengths(design: Design, rows: tuple[tuple[int, ...], ...]) -> tuple[Fraction, ...]:
    return word_lengths(rows, regular=design.full_regular)


def design_text(design: Design, designs: Mapping[str, Design], parts: int) -> str:
    """The same for people."""
    return "\n".join(_lines(design, designs, parts))


def _lines(design: Design, designs: Mapping[str, Design], parts: int) -> Iterator[str]:
    rows = joint_rows(design, designs)
    count = f"{len(design.rows)} rows, {len(design.factors)} factors"
    before = listed([one.name for one in lineage(design, designs)[:-1]])
    after = (
        f"; it follows {before}, and the figures below are for all {len(rows)} rows together" if design.parent else ""
    )
    yield f"design {design.name}: {design.kind}, {count}{after}"
    yield from _row_lines(design)
    yield ""
    if design.generators:
        who = "chosen by promo for minimum aberration" if design.chosen else "as given"
        yield f"generators ({who}):"
        yield from (f"  {factor} = {chain_text((word,))}" for factor, word in design.generators)
    words = _joint_words(design, designs)
    if words:
        shown = [chain_text((word,)) for word in words[:MOST_SHOWN]]
        more = f" = ... ({len(words)} words)" if len(words) > MOST_SHOWN else ""
        yield f"defining relation: I = {' = '.join(shown)}{more}"
    lengths = [(place, one) for place, one in enumerate(_lengths(design, rows)) if place and one]
    pattern = ", ".join(f"A{place} = {exact(one)}" for place, one in lengths)
    yield f"word lengths: {pattern or 'none: every effect has a column of its own'}"
    oblique = design.resolution and any(one.denominator > 1 for one in _lengths(design, rows))
    yield f"resolution: {design.resolution or 'full'}{', and not orthogonal' if oblique else ''}"
    yield ""
    yield from _told_apart(design, rows)
    yield ""
    yield from _split_lines(design, designs, parts)


def _row_lines(design: Design) -> Iterator[str]:
    levels = {1: design.high, -1: design.low, 0: design.centre or design.low}
    table = [["row", *design.factors]]
    for name, row in design.points.items():
        shown = [describe_level(levels[sign][place]) for place, sign in enumerate(row)]
        table.append([name, *(f"{text} {'- +'[sign + 1]}".rstrip() for text, sign in zip(shown, row, strict=True))])
    yield from aligned(table)


def aligned(table: list[list[str]]) -> Iterator[str]:
    """A table's lines, each column as wide as its widest cell."""
    widths = [max(len(line[place]) for line in table) for place in range(len(table[0]))]
    for line in table:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _told_apart(design: Design, rows: Rows) -> Iterator[str]:
    every, information = effects_up_to(design.factors, 2), Information(design.factors, rows)
    gone = information.lost(every)
    mains = [effect for effect in every if len(effect) == 1]
    lost = [effect for effect in mains if effect in gone]
    if lost:
        names = ", ".join(map(effect_name, lost))
        yield f"main effects: {len(mains) - len(lost)} of {len(mains)} clear; not clear: {names}"
    else:
        where = " that is in the model" if _partial(design, information) else ""
        yield f"main effects: clear of each other and of every interaction of two factors{where}"
    aliased = [chain for chain in alias_chains(design.factors, rows) if len(chain) > 1]
    further = [one for one in information.dependences(every) if len(one.terms) > 2]
    if aliased or further:
        yield "cannot be distinguished (effects of up to two factors):"
        yield from (f"  {chain_text(chain)}" for chain in aliased)
        yield from ("  " + " = ".join(dependence_text(one, one.effects[-1])) for one in further)
    pairs = [effect for effect in every if len(effect) == 2]
    clear = [pair for pair in pairs if pair not in gone]
    names = ", ".join(effect_name(pair) for pair in clear[:MOST_SHOWN])
    yield f"clear interactions: {len(clear)} of {len(pairs)}" + (f": {names}" if clear else "")
    yield from _partly(design, rows, information)


def _partly(design: Design, rows: Rows, information: Information) -> Iterator[str]:
    """What columns that are neither equal nor orthogonal do."""
    partial = _partial(design, information)
    if partial:
        yield "in a model of main effects alone, estimates contain part of these interactions:"
        for effect, others in partial[:MOST_SHOWN]:
            yield f"  {effect_name(effect)}: {sum_text(((Fraction(1), effect), *others))}"
    wide = {effect: f"{width:.2f}" for effect, width in information.widths(effects_up_to(design.factors, 2)).items()}
    if any(width != "1.00" for width in wide.values()):
        yield "standard errors with all clear effects in the model, relative to an orthogonal design with as many rows:"
        shown = [f"{effect_name(effect)} {width}" for effect, width in wide.items()]
        more = f", and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
        yield f"  {', '.join(shown[:MOST_SHOWN])}{more}"
    partly = correlations(design.factors, rows)
    if partly:
        yield "not orthogonal (correlation of the columns):"
        yield from (f"  {effect_name(a)}, {effect_name(b)}: {exact(much)}" for a, b, much in partly[:MOST_SHOWN])
        if len(partly) > MOST_SHOWN:
            yield f"  and {len(partly) - MOST_SHOWN} more pairs"


def _split_lines(design: Design, designs: Mapping[str, Design], parts: int) -> Iterator[str]:
    split = split_of(design, parts, designs)
    if split is None:
        yield f"a split over {parts} hosts: promo knows none for this design; let every host run all rows"
        return
    words = ", ".join(effect_name(word) for word in split.words)
    yield f"a split over {parts} hosts would set them apart by {words}"
    if split.lost:
        lost = ", ".join(effect_name(effect) for effect in split.lost)
        yield f"  and lose {lost}: it could not be distinguished from a difference between the hosts"
    else:
        yield "  and lose no effect of one or two factors"
    clause = _clause(split)
    yield (
        f"  a stage on {parts} hosts does so with: {clause}"
        if clause
        else "  no stage does so: a main effect would be lost"
    )
    if split.lost:
        yield "  if every host runs all rows instead, which is the default, no effect is lost"


def _clause(split: Split) -> str:
    """The clause of a stage that carries a split out; empty where that would cost a main effect."""
    if any(len(effect) == 1 for effect in split.lost):
        return ""
    generators = split.words[: split.parts.bit_length() - 1]
    return f"block on host by {', '.join(map(effect_name, generators))}"


# --- more than two levels ----------------------------------------------------------------------------------


def array_json(array: Array) -> dict[str, Json]:
    """Everything known about an array, version 1."""
    pattern = _array_lengths(array) if array.kind != "sample" else ()
    return {
        "promo_array": 1,
        "name": array.name,
        "kind": array.kind,
        "factors": {
            factor: [describe_level(level) for level in levels]
            for factor, levels in zip(array.factors, array.levels, strict=True)
        },
        "rows": {str(number): list(row) for number, row in zip(array.numbers, array.rows, strict=True)},
        "word_lengths": [exact(one) for one in pattern],
        "strength": _strength(pattern) if array.kind != "sample" else 0,
        "partial_aliases": [
            [list(effect), [[exact(much), list(other)] for much, other in some]]
            for effect, some in (array_parts(array) if array.kind == "array" else ())
        ],
    }


def array_text(array: Array) -> str:
    """The same for people."""
    return "\n".join(_array_lines(array))


def _array_lines(array: Array) -> Iterator[str]:
    counts = " x ".join(str(len(levels)) for levels in array.levels)
    yield f"design {array.name}: {array.kind}, {len(array.rows)} rows, {len(array.factors)} factors of {counts} levels"
    table = [["row", *array.factors]]
    table += [[name, *map(describe_level, array.levels_at(name).values())] for name in array.titles]
    yield from aligned(table)
    if array.kind == "sample":
        return
    yield ""
    pattern = _array_lengths(array)
    shown = ", ".join(f"A{place} = {exact(one)}" for place, one in enumerate(pattern) if place and one)
    yield f"word lengths: {shown or 'none: every effect has columns of its own'}"
    strength = _strength(pattern)
    if strength == len(array.factors):
        yield "every combination of levels occurs equally often"
        return
    yield f"strength: {strength}, so any {strength} factors have all their combinations equally often"
    if strength == 2:
        yield "main effects are clear of each other, and aliased with interactions of two factors"
        parts = array_parts(array)
        if parts:
            yield "in a model of main effects alone, estimates contain part of these interactions:"
        yield from (f"  {effect_name(effect)}: {effect_name(effect)} {parts_text(some)}" for effect, some in parts)


def array_parts(array: Array) -> list[tuple[Effect, list[tuple[Fraction, Effect]]]]:
    """
    How much of each interaction of two factors the estimates of main effects take up, where those are the model.

    Numbers have a trend, words stand against the first of their levels.  Nothing for designs with more than
    `MOST_COLUMNS` columns of up to two factors.
    """
    ways = [usual(name, levels, None) for name, levels in zip(array.factors, array.levels, strict=True)]
    coding = coding_of(array, ways)
    every, rows = coding.up_to(2), list(array.points.values())
    if len(every) > MOST_COLUMNS:
        return []
    mains = [effect for effect in every if len(effect) == 1]
    pairs = every[len(mains) :]
    columns = [[coding.column(effect, rows) for effect in some] for some in (mains, pairs)]
    solved = solve(columns[0], once_each([rows]), variances=False, omitted=columns[1])
    found: list[tuple[Effect, list[tuple[Fraction, Effect]]]] = []
    for place, main in enumerate(mains):
        parts = [
            (biases[place] * coding.scale(main) / coding.scale(pair), pair)
            for pair, biases in zip(pairs, solved.biases, strict=True)
            if biases[place]
        ]
        found += [(main, parts)] if parts else []
    return found


def _array_lengths(array: Array) -> tuple[Fraction, ...]:
    return lengths(array.rows, [len(levels) for levels in array.levels])


def _strength(pattern: tuple[Fraction, ...]) -> int:
    """Any so many factors have all combinations of their levels equally often."""
    return next((place - 1 for place, one in enumerate(pattern) if place and one), len(pattern) - 1)


def parts_text(parts: Sequence[tuple[Fraction, tuple[str, ...]]]) -> str:
    """Effects that an estimate takes up in part, the largest few of many: `+ 0.5 a linear * b linear`."""
    largest = sorted(parts, key=lambda one: -abs(one[0]))
    shown = largest if len(parts) <= MOST_PARTS else largest[: MOST_PARTS - 1]
    texts = [f"{'-' if much < 0 else '+'} {_coefficient(much)}{effect_name(effect)}" for much, effect in shown]
    rest = largest[len(shown) :]
    if rest:
        texts.append(f"and {len(rest)} more, each {_coefficient(rest[0][0]).strip() or '1'} times or less")
    return " ".join(texts)


def _coefficient(much: Fraction) -> str:
    """How much of an effect, without its sign; nothing for a whole one."""
    size = abs(much)
    if size == 1:
        return ""
    return f"{size if size.denominator <= 64 else format(float(size), '.3g')} "
