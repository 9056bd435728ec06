"""
A script and wishes to a draft: which number decides, what is varied, what says for how long it trains.

Names decide, since nothing else of a script is known: `val_loss` before `loss`, `lr` before `batch_size`, `steps`
before `epochs`.  Every choice can be overruled by a wish, and is told as a guess.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from promo.base.classes import evolve
from promo.base.units import float_of, is_digits, whole_of
from promo.sketch.settings import named
from promo.sketch.values import SEEDS, Draft, Kind, Knob, Printed, Script, SketchError, Value, Way, Wish

LOWER = "loss|bpb|bpc|bpt|ppl|perplexity|err|error|mse|rmse|mae|nll|wer|cer|fid|entropy|regret"
HIGHER = "acc|accuracy|f1|auc|bleu|rouge|r2|iou|miou|map|psnr|ssim|score|reward|return|precision|recall|top1|correct"
HELD_OUT = "val|valid|validation|dev|test|eval|heldout|holdout"
UNITS = {"nll|entropy": "nats", "bpb": "bpb", "acc|accuracy|f1|auc|precision|recall": "share"}
RESERVED = {"python", "program", "request", "result", "points", "seed", "budget", "budget_kind", "device"}
"""Places of an argument that promo fills in itself."""
COUNTED = re.compile(
    r"(n|nr|num|max|total|train)?_?(train|training|opt|optim)?_?(steps?|iters?|iterations?|updates?|epochs?)"
)
SECONDS = re.compile(
    r"(train|training)?_?(time_budget|time_limit|max_time|max_seconds|seconds|duration|budget)(_s|_sec|_secs|_seconds)?"
)
RARELY = re.compile(
    r"interval|every|freq|steps?_per|iters?_per|per_epoch|workers?|threads?|log|save|ckpt|patience|port|rank|verbose|version|eval|print"
)
"""Settings that seldom change what is learned."""
TOLD_EVERY = re.compile(r"(eval|val|test|log|report|print)_?(interval|every|freq|steps|iters)")
FIRST = (
    "lr|learning_rate|rate",
    "width|hidden|dim|d_model|n_embd|embd|channels|units|size",
    "layers?|depth|n_layer|blocks",
    "batch|bs",
    "decay|wd",
    "dropout",
    "momentum|beta1?|beta2",
)
SHARES = "dropout|momentum|betas?|beta1|beta2|frac|fraction|ratio|share"
FACTOR_UNITS = {
    "lr|rate|decay|wd": "rate",
    "layers?|depth|n_layer|blocks": "layers",
    "batch|bs": "rows",
    "width|hidden|dim|d_model|n_embd|embd|channels|units": "channels",
    SHARES: "share",
}
PARTS_OF_SHORT = 5


def has(words: str, name: str) -> bool:
    """Whether one of some words is in a name."""
    return re.search(rf"(?<![a-z0-9])(?:{words})(?![a-z0-9])", name.lower().replace("_", " ")) is not None or (
        re.fullmatch(rf"(?:{words})", name.lower()) is not None
    )


def drafted(name: str, script: Script, wish: Wish, folder: str) -> Draft:
    """
    The choices of a study for a script.

    Args:
        name: of the files that are drafted, without an ending.
        script: what its source tells.
        wish: what the user says.
        folder: where the script lies, for what it names there and no study keeps.

    Raises:
        SketchError: it prints nothing that can decide, has nothing to vary, or does not know what is wished for.
    """
    printed = _printed(script, wish)
    metric, told = printed.key, _told(printed)
    knobs = _knobs(script)
    every = {knob.name: knob for knob in (*knobs, *_constants(script))}
    others = [knob for knob in script.module_knobs if knob.name not in every]
    seed = _seed((*every.values(), *others), script)
    duration = _duration(every.values()) or _duration(others)
    device = next((knob for knob in every.values() if knob.name == "device" and knob.kind is not Kind.WHOLE), None)
    parts = [knob for knob in (seed, duration, device) if knob is not None]
    fixed = {**_beside(script, every, folder), **_fixed(every, parts, wish)}
    open_to = [knob for knob in knobs if knob not in parts and knob.word not in fixed]
    follow = _following(open_to, parts, wish)
    factors = tuple(_safe(knob, wish) for knob in open_to if knob.word not in follow)
    factors = tuple(knob for knob in factors if _can_vary(knob))
    varied = _varied(factors, wish, script)
    seconds = duration is not None and COUNTED.fullmatch(duration.name) is None
    own, short, whole = (1, 1, 1) if duration is None else _durations(duration, every.values(), printed)
    return Draft(
        name=name,
        script=evolve(script, unread={**script.unread, **follow}),
        metric=_metric_name(metric),
        unit=_unit(told, script),
        lower_is_better=wish.better != "higher" if wish.better else not has(HIGHER, told) or has(LOWER, told),
        printed=printed,
        factors=factors,
        varied=varied,
        levels=_levels(varied, wish),
        duration=duration,
        seconds=seconds,
        own=own,
        whole=whole,
        short=short,
        seed=seed,
        device=device,
        fixed=fixed,
        takes=_takes(wish.takes),
    )


def _following(knobs: Sequence[Knob], parts: Sequence[Knob], wish: Wish) -> dict[str, str]:
    """
    Settings whose default is computed from one that promo sets -> why each is left alone.

    As a factor such a one would have the value that it has in the script as it stands: a warm-up of a tenth of all
    steps would be as long in the short stage as in the long one.
    """
    found: dict[str, str] = {}
    moved = {knob.word for knob in (*parts, *knobs) if knob.way is Way.CONSTANTS}
    for knob in knobs:
        asked = wish.vary in (knob.name, knob.word) or knob.name in wish.given
        follows = sorted(knob.follows & moved - {knob.word})
        if follows and not asked and _can_vary(knob):
            found[knob.word] = f"computed from {' and '.join(follows)}"
    return found


def _seed(knobs: Sequence[Knob], script: Script) -> Knob | None:
    """The setting that is called a seed, or else an argument that it hands to what takes one, whatever its name."""
    called = [knob for knob in knobs if SEEDS.fullmatch(knob.name)]
    handed = [knob for knob in knobs if knob.way is Way.ARGUMENTS and knob.kind is Kind.WHOLE]
    return next(iter((*called, *(knob for knob in handed if knob.name in script.seeds))), None)


def _unit(told: str, script: Script) -> str:
    """In what the number is counted; nats only where the script takes logarithms, since a loss may be of squares."""
    if has("loss", told) and script.in_nats:
        return "nats"
    return next((unit for words, unit in UNITS.items() if has(words, told)), "units")


# --- what decides ------------------------------------------------------------------------------------------------


def _printed(script: Script, wish: Wish) -> Printed:
    if wish.metric:
        named = [one for one in script.printed if wish.metric in (one.key, _metric_name(one.key))]
        named = sorted(named, key=lambda one: (one.plain, one.alone))
        return _readable(script, named[-1]) if named else Printed(wish.metric, ":", "", 0, alone=False)
    ranked = sorted((one for one in script.printed if _rank(one)), key=lambda one: (_rank(one), one.alone))
    if ranked:
        best = next((one for one in reversed(ranked) if one.plain), None)
        close = best is not None and _rank(ranked[-1]) - _rank(best) < HELD_OUT_COUNTS
        return best if best is not None and close else _readable(script, ranked[-1])
    seen = ", ".join(dict.fromkeys(f"'{one.key}'" for one in script.printed if one.plain))
    message = f"{script.file} prints no number that promo recognizes as the one that decides"
    raise SketchError(
        f"{message}; it prints {seen}" if seen else message,
        'print one after its name, print("val_loss:", val_loss); or name what it prints: --metric NAME',
    )


HELD_OUT_COUNTS = 5


def _is_of_what_stands_before(printed: Printed) -> bool:
    """Whether a name says only on what is measured, and the line before it what: `loss 2.31 | val 2.40`."""
    return re.fullmatch(HELD_OUT, printed.key.lower()) is not None


def _told(printed: Printed) -> str:
    """The name, with its line before it where the name alone says nothing."""
    return f"{printed.before} {printed.key}" if _is_of_what_stands_before(printed) else printed.key


def _rank(printed: Printed) -> int:
    """How likely it is that a number decides; 0 for one that is no measure by its name."""
    if not has(f"{LOWER}|{HIGHER}", _told(printed)):
        return 0
    key = f"{printed.before} {printed.key}"
    return 10 + HELD_OUT_COUNTS * has(HELD_OUT, key) + 2 * has("best|final", key) - 3 * has("train|training", key)


def _readable(script: Script, printed: Printed) -> Printed:
    if printed.plain:
        return printed
    key = _metric_name(printed.key)
    key = f"test_{key}" if has(HELD_OUT, printed.before) and not has(HELD_OUT, key) else key
    raise SketchError(
        f"{script.file} prints '{printed.key}' as something else than a plain number (line {printed.line})",
        f'add below it, indented alike: print("{key}:", {printed.expression})',
    )


def _metric_name(key: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", key.lower()).strip("_")[:60]
    if not name:
        raise SketchError(f"'{key}' is no name for a metric", "print it after a name of letters")
    return name if name[0].isalpha() else f"m_{name}"


# --- settings ----------------------------------------------------------------------------------------------------


def _knobs(script: Script) -> list[Knob]:
    """What could be varied: arguments, or constants in a script that takes no argument."""
    arguments = [knob for knob in script.knobs if knob.way is Way.ARGUMENTS and knob.name]
    return arguments or _constants(script)


def _constants(script: Script) -> list[Knob]:
    return [knob for knob in script.knobs if knob.way is Way.CONSTANTS and knob.name]


def _duration(knobs: Iterable[Knob]) -> Knob | None:
    """The setting that says for how long it trains: steps before seconds, seconds before epochs."""
    counted = [knob for knob in knobs if isinstance(knob.default, int | float) and 1 <= knob.default < 10**12]
    counted = [knob for knob in counted if knob.kind is Kind.WHOLE or float(knob.default or 0).is_integer()]
    steps = [knob for knob in counted if COUNTED.fullmatch(knob.name)]
    fine = [knob for knob in steps if "epoch" not in knob.name]
    seconds = [knob for knob in counted if SECONDS.fullmatch(knob.name)]
    return next(iter((*fine, *seconds, *steps)), None)


def _fixed(knobs: Mapping[str, Knob], parts: Sequence[Knob], wish: Wish) -> dict[str, str]:
    """Word of every setting that is no factor and needs a value -> that value."""
    unknown = next((name for name in wish.given if name not in knobs), None)
    if unknown is not None:
        raise SketchError(f"it has no setting '{unknown}'", f"it has: {', '.join(knobs)}")
    for knob in knobs.values():
        if knob.required and knob not in parts and knob.name not in wish.given:
            raise SketchError(
                f"it cannot start without {knob.word}, and its source does not say what that could be",
                f"say it: --set {knob.name}=VALUE",
            )
    texts = {knob.word: wish.given[name] for name, knob in knobs.items() if name in wish.given and not _is_number(knob)}
    bad = next((value for value in texts.values() if not value.isprintable()), None)
    if bad is not None:
        raise SketchError(f"{bad!r} cannot stand in a runner file")
    return texts


def _beside(script: Script, knobs: Mapping[str, Knob], folder: str) -> dict[str, str]:
    """Settings that name what lies beside the script and is not copied to a run: by their whole path."""
    named = {knob.word: knob.default for knob in knobs.values() if isinstance(knob.default, str)}
    return {word: f"{folder}/{name}" for word, name in named.items() if name.rstrip("/") in script.elsewhere}


def _is_number(knob: Knob) -> bool:
    return knob.kind in (Kind.WHOLE, Kind.NUMBER)


def _safe(knob: Knob, wish: Wish) -> Knob:
    """A factor under a name that promo fills in for nothing else, with the default that the user says."""
    default = knob.default
    if knob.name in wish.given:
        default = _as_level(knob, wish.given[knob.name])
    if knob.kind is Kind.NUMBER and isinstance(default, int):
        default = float(default)
    return evolve(knob, name=f"own_{knob.name}" if knob.name in RESERVED else knob.name, default=default)


def _can_vary(knob: Knob) -> bool:
    match knob.default:
        case int() | float() as value:
            return _is_number(knob) and abs(value) < 10**15 and value == value and abs(Decimal(value).adjusted()) < 300
        case str() as text:
            return knob.kind is Kind.CHOICE and text in knob.choices and all(map(str.isprintable, knob.choices))
        case _:
            return False


HYDRA = (
    'promo reads the file that @hydra.main(config_path="conf", config_name="config") names, and the groups under its '
    '"defaults"; for anything else write the runner file by hand: interpreter/README.md, Writing a runner'
)


def _varied(factors: Sequence[Knob], wish: Wish, script: Script) -> Knob:
    if wish.vary:
        found = next((knob for knob in factors if wish.vary in (knob.name, knob.word)), None)
        if found is None:
            known = ", ".join(knob.name for knob in factors) or "none"
            raise SketchError(f"'{wish.vary}' is no setting of {script.file} that can be varied", f"it has: {known}")
        return found
    likely = [knob for knob in factors if not RARELY.search(knob.name) and len(_guessed_levels(knob)) > 1]
    for words in FIRST:
        for knob in likely:
            if has(words, knob.name):
                return knob
    for knob in (*likely, *(knob for knob in factors if len(_guessed_levels(knob)) > 1)):
        return knob
    why = "; ".join(f"{word}: {reason}" for word, reason in list(script.unread.items())[:3])
    if "hydra" in script.modules:
        raise SketchError(f"{script.file} takes its settings from Hydra, and promo finds no number in its files", HYDRA)
    raise SketchError(
        f"{script.file} has nothing that promo can vary: besides budget and seed, no argument and no constant at its "
        f"top is a number"
        f"{f' ({why})' if why else ''}",
        "put what you want to compare at the top of the script, LEARNING_RATE = 0.001",
    )


# --- levels ------------------------------------------------------------------------------------------------------


def _levels(knob: Knob, wish: Wish) -> tuple[Value, ...]:
    """The default, and what is tried beside it."""
    assert knob.default is not None
    if not wish.levels:
        return _guessed_levels(knob)
    levels = [knob.default, *(_as_level(knob, text) for text in wish.levels)]
    found = tuple(dict.fromkeys(levels))
    if len(found) < 2:
        raise SketchError(f"'{knob.name}' has no value besides its default to try", f"write: --vary {knob.name}=A,B")
    return found


def _as_level(knob: Knob, text: str) -> Value:
    if knob.kind is Kind.CHOICE:
        if text in knob.choices:
            return text
        raise SketchError(f"'{text}' is no choice of {knob.word}", f"it can be: {', '.join(knob.choices)}")
    try:
        value = whole_of(text) if knob.kind is Kind.WHOLE else float_of(text)
    except ValueError as fault:
        kind = "whole number" if knob.kind is Kind.WHOLE else "number"
        raise SketchError(f"'{text}' is no {kind}, as {knob.word} is") from fault
    if not abs(value) < 10**15:
        raise SketchError(f"'{text}' is too large for a level")
    return value


def _guessed_levels(knob: Knob) -> tuple[Value, ...]:
    match knob.default:
        case str() as chosen:
            return (chosen, *[one for one in knob.choices if one != chosen][:2])
        case int() as whole:
            near = (max(whole // 2, 0), whole * 2) if whole > 1 else (2, 4) if whole == 1 else (1, 2)
            return _within(knob, (whole, *(near if whole >= 0 else ())))
        case float() as number:
            return _within(knob, (number, *_around(knob.name, number)))
        case _:
            return ()


def _around(name: str, number: float) -> tuple[float, ...]:
    if number <= 0:
        return (0.1, 0.01) if number == 0 else ()
    if number < 1 and has(SHARES, name):
        return (float(Decimal(repr(number)) / 2), float((Decimal(repr(number)) + 1) / 2))
    return tuple(float(Decimal(repr(number)) * Decimal(times)) for times in ("0.3", "3"))


def _within(knob: Knob, levels: Iterable[int | float]) -> tuple[Value, ...]:
    low, high = knob.low, knob.high
    kept = [one for one in dict.fromkeys(levels) if not isinstance(low, int | float) or one >= low]
    return tuple(one for one in kept if not isinstance(high, int | float) or one <= high)


def _durations(knob: Knob, knobs: Iterable[Knob], printed: Printed) -> tuple[int, int, int]:
    """For how long it trains by itself, in the short stage and in the long one; two stages alike would say nothing."""
    own = int(knob.default or 1)
    can = sorted(int(one) for one in knob.choices if is_digits(one))
    low = int(knob.low) if isinstance(knob.low, int | float) else 1
    short = min(max(_short(own, knobs, knob.name, printed), low), own)
    short = next((one for one in can if one >= short), short)
    if short < own:
        return own, short, own
    most = int(knob.high) if isinstance(knob.high, int | float) else PARTS_OF_SHORT * own
    longer = max(min(PARTS_OF_SHORT * own, most), own)
    return own, own, max((one for one in can if one <= longer), default=own) if can else longer


def _short(whole: int, knobs: Iterable[Knob], counted: str, printed: Printed) -> int:
    """A fifth of the whole, or as far as the nearest time at which it tells a value."""
    in_epochs = "epoch" in counted
    fixed = [knob for knob in knobs if counted not in map(named, knob.follows)]
    numbers = {knob.name: knob.default for knob in fixed if isinstance(knob.default, int)}
    fine = {} if in_epochs else numbers  # what is told every 10 is told so often in each epoch
    told = max((one for name, one in fine.items() if 0 < one < whole and TOLD_EVERY.fullmatch(name)), default=1)
    short, late = max(-(-whole // PARTS_OF_SHORT), told), 0
    for one in printed.every:
        by = whole_of(one.by) if is_digits(one.by) else numbers.get(named(one.by.rpartition(".")[2]), 0)
        if 0 < by < whole and ("epoch" in one.counter) == in_epochs:
            short, late = max((2 * short + by) // (2 * by), 1) * by, max(late, int(one.from_zero))
    return min(short + late, whole)


def _takes(text: str) -> str:
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|min|h|d)", text.strip())
    try:
        if found is not None and 0 < Decimal(found[1]) < 10**6:
            return found[1] + found[2]
    except InvalidOperation:
        pass
    raise SketchError(f"'{text}' is no time that a run can take", "write it like this: --takes 10min")
