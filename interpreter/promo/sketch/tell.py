"""A draft to sentences: what was read in the script, what of it is a guess, and how each is overruled."""

from collections.abc import Iterator

from promo.sketch.values import Draft, Knob

MOST_TOLD = 6


def told(draft: Draft) -> Iterator[tuple[str, str]]:
    """What the draft rests on: a word, and what was read or guessed."""
    script, printed = draft.script, draft.printed
    way = "lower" if draft.lower_is_better else "higher"
    seen = (
        f"line {printed.line} prints '{printed.key}'" if printed.line else "as you say; its source shows no such line"
    )
    yield "decides", f"{draft.metric}, {way} is better ({seen}; --metric, --better)"
    levels = ", ".join(map(str, draft.levels[1:]))
    yield "varied", f"{draft.varied.name}: {levels} besides its {draft.levels[0]} (--vary NAME=A,B)"
    if draft.duration is None:
        yield "trains for", "as long as it does, in both stages: promo found no setting for a number of steps"
    else:
        own = ", as in the script," if draft.short == draft.own else ""
        stages = f"{draft.short} in the short stage{own}{' and' if own else ','} {draft.whole} in the long one"
        yield "trains for", f"{draft.duration.shown}: {stages}"
    yield "seed", _seed(draft)
    if not draft.seconds:
        yield "takes", f"{draft.takes} a run, from which the caps are set (--takes)"
    if draft.device is not None:
        yield "device", f"{draft.device.shown} is the host's"
    for word, value in draft.fixed.items():
        yield "set", f"{word} to {value}" + ("; not kept in the study" if value.startswith("/") else "")
    if script.files:
        yield "copied", f"{_some(script.files)}, into the folder of every run"
    missed = [name for name in script.elsewhere if not any(value.endswith(name) for value in draft.fixed.values())]
    if missed:
        yield "not copied", f"{_some(missed)}: each run has its own folder, so use absolute paths for these"
    if script.variables:
        yield "variables", f"{_some(script.variables)} of your environment, recorded with every start"
    if script.unread:
        for reason in dict.fromkeys(script.unread.values()):
            yield "left alone", f"{_some([word for word, why in script.unread.items() if why == reason])}: {reason}"


def _seed(draft: Draft) -> str:
    knob: Knob | None = draft.seed
    if knob is not None:
        return knob.shown
    if draft.script.seeded:
        return f"the first argument of {_some(draft.script.seeded)}"
    return "none that promo can set: seeds only number the runs, which may all be alike"


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
    return ", ".join(names[:MOST_TOLD]) + more
