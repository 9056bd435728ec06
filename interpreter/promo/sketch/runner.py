"""A draft to the file of its runner: TOML that says how the script is started and how its number is read."""

import json
from collections.abc import Iterator

from promo.sketch.choose import FACTOR_UNITS, has
from promo.sketch.values import Draft, Knob, Way


def runner_text(draft: Draft) -> str:
    """The runner file."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    script = draft.script
    yield f"# How promo runs {script.file} and reads its number; drafted by promo new, which ran nothing of it."
    yield f"# promo runner {draft.name}.toml --try trains with it twice."
    yield "# After a change, promo check prints the new pin."
    yield "promo_runner = 1"
    yield f'name = "{draft.name}"'
    yield from _budgets(draft)
    if script.modules:
        yield f"needs_modules = {quoted(script.modules)}"
    if script.variables:
        yield "# Variables of the environment that a run gets; their values stand in the ledger."
        yield f"env = {quoted(script.variables)}"
    better = "lower" if draft.lower_is_better else "higher"
    yield from ("", f"[metrics.{draft.metric}]", f'unit = "{draft.unit}"', f'better = "{better}"')
    for knob in draft.factors:
        yield from _factor(knob)
    yield from _program(draft)
    yield from _summary(draft)


def _budgets(draft: Draft) -> Iterator[str]:
    if draft.seconds:
        yield "# The budget is seconds: of the whole process, unless [summary] figures say what it trained."
        yield 'budgets = ["wall"]'
        return
    words = "one whole run of the script" if draft.duration is None else f"one of {draft.duration.shown}"
    yield f"# A step of the budget is {words}."
    yield 'budgets = ["steps"]'


def _factor(knob: Knob) -> Iterator[str]:
    yield ""
    yield f"[factors.{knob.name}]"
    yield f'unit = "{unit_of(knob)}"'
    yield f"default = {quoted(knob.default)}"
    if isinstance(knob.default, int):
        yield "whole = true"
    if knob.choices:
        yield f"choices = {quoted(knob.choices)}"
    for word, bound in (("low", knob.low), ("high", knob.high)):
        if bound is not None:
            yield f"{word} = {bound}"
    if knob.meaning and knob.meaning.isprintable():
        yield f"meaning = {quoted(knob.meaning)}"
    if knob.way is Way.CONSTANTS:
        yield f"constant = {quoted(knob.word)}"


def unit_of(knob: Knob) -> str:
    """What a factor counts, by its name."""
    if isinstance(knob.default, str):
        return "kind"
    return next((unit for words, unit in FACTOR_UNITS.items() if has(words, knob.name)), "number")


def _program(draft: Draft) -> Iterator[str]:
    """How it is started: arguments are filled in, and constants are replaced in a copy."""
    script = draft.script
    parts = [(draft.seed, "{seed}"), (draft.duration, "{budget}"), (draft.device, "{device}")]
    placed = [(knob, text) for knob, text in parts if knob is not None]
    by_word = {knob.word: knob for knob in (*script.knobs, *script.module_knobs)}
    placed += [(by_word[word], text) for word, text in draft.fixed.items()]
    constants = {knob.word: text for knob, text in placed if knob.way is Way.CONSTANTS}
    calls = () if draft.seed is not None else script.seeded
    arguments = [(knob, "{" + knob.name + "}") for knob in draft.factors if knob.way is Way.ARGUMENTS]
    arguments += [(knob, text) for knob, text in placed if knob.way is Way.ARGUMENTS]
    argv = ["{python}", "{program}/" + script.file]
    order = [knob.word for knob in script.knobs]
    arguments.sort(key=lambda one: (one[0].is_positional, order.index(one[0].word)))
    for knob, text in arguments:
        argv += _words(knob, text) if knob.before else ()
    argv += [script.command] if script.command else []
    for knob, text in arguments:
        argv += () if knob.before else _words(knob, text)
    changes = constants or calls or any(knob.way is Way.CONSTANTS for knob in draft.factors)
    yield ""
    if changes:
        yield "# A run gets a copy of the script in which these constants, and those of the factors, are replaced."
    yield from ("[script]", f"file = {quoted(script.file)}") if changes else ("[command]",)
    yield f"argv = [{', '.join(map(quoted, argv))}]"
    files = script.files if changes else (script.file, *script.files)
    if files:
        yield f"files = {quoted(files)}"
    if constants:
        yield from ("", "[script.constants]", *(f"{quoted(name)} = {quoted(text)}" for name, text in constants.items()))
    if calls:
        yield from ("", "# The first argument of every such call.", "[script.calls]")
        yield from (f'{quoted(name)} = "{{seed}}"' for name in calls)


def _words(knob: Knob, text: str) -> tuple[str, ...]:
    """The words of an argument."""
    if knob.is_positional:
        return (text,)
    if knob.word.endswith("="):
        return (f"{knob.word}{text}",)
    return (f"{knob.word}={text}",) if knob.word.startswith("--") else (knob.word, text)


def _summary(draft: Draft) -> Iterator[str]:
    printed = draft.printed
    yield ""
    line = f"{printed.key}:" if printed.separator == ":" else f"{printed.key} {printed.separator}".rstrip()
    told = "anywhere in a line" if not printed.alone else "on a line of its own"
    yield f"# It prints `{line} NUMBER` {told}; of several the last one counts."
    yield "[summary]"
    if not printed.alone:
        yield "within = true"
    if printed.separator != ":":
        yield f"separator = {quoted(printed.separator)}"
    yield 'which = "last"'
    yield f"metrics = {{ {draft.metric} = {quoted(printed.key)} }}"


def quoted(value: object) -> str:
    """A value of TOML; texts of printable characters, and numbers, are written there as in JSON."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(quoted, value))}]"
    return json.dumps(value, ensure_ascii=False)
