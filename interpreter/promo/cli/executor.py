"""`promo executor`: what can start runs, what a host's block may say to it, and whether it keeps to its port."""

import os
import re
from argparse import Namespace
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from promo.base.errors import ExitCode, PromoError
from promo.base.units import UNITS, Dimension, is_digits
from promo.cli.terminal import put, put_table, put_wrapped
from promo.study.given import Level, Options
from promo.study.hosts import options_words
from promo.study.ports import ExecutorOption, OptionKind

SPAN = re.compile(r"([0-9]+)([a-z]+)")


def executor(options: Namespace) -> int:
    """List executors, tell what one takes, or try it."""
    from promo import plugins

    if options.name is None:
        for name in plugins.executor_names():
            put_wrapped([f"{name}: {', '.join(plugins.executor_options(name) or ()) or 'no options'}"])
        return ExitCode.DONE
    declared = plugins.executor_options(options.name)
    if declared is None:
        hint = f"installed: {', '.join(plugins.executor_names())}"
        raise PromoError(f"no executor '{options.name}' is installed", hint=hint)
    if options.attempt:
        return _held(options.name, _given(options.option, declared))
    _describe(options.name, declared)
    return ExitCode.DONE


def _describe(name: str, declared: Mapping[str, ExecutorOption]) -> None:
    put(f"{name}: {'options of a host block' if declared else 'a host block says nothing to it'}")
    rows = [
        (f"option {option} = {one.example}", "sealed" if one.moves else "", one.meaning)
        for option, one in declared.items()
    ]
    if rows:
        put("")
        put_table(rows, ("written", "", "meaning"))


def _given(texts: Sequence[str], declared: Mapping[str, ExecutorOption]) -> Options:
    found: dict[str, Level] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        option = declared.get(name.strip())
        if not equals or option is None:
            hint = f"it has: {', '.join(declared) or 'none'}"
            raise PromoError(f"'{text}' sets no option of the executor", hint=hint)
        found[name.strip()] = _value(option, value.strip().strip('"'), text)
    absent = [name for name, option in declared.items() if option.needed and name not in found]
    if absent:
        hint = f"for example: --option {absent[0]}={declared[absent[0]].example}"
        raise PromoError(f"it starts nothing without the {options_words(absent)}", hint=hint)
    return tuple(sorted(found.items()))


def _value(option: ExecutorOption, value: str, text: str) -> Level:
    span, hint = SPAN.fullmatch(value), f"write it like this: {option.example}"
    if option.kind is OptionKind.TEXT and re.fullmatch(option.form, value):
        if option.fault(value):
            raise PromoError(f"'{text}' {option.fault(value)}", hint=hint)
        return value
    if option.kind is OptionKind.COUNT and is_digits(value):
        return Fraction(value)
    if option.kind is OptionKind.TIME and span is not None:
        dimension, size = UNITS.get(span[2], (Dimension.NUMBER, Fraction(1)))
        if dimension is Dimension.TIME and (Fraction(span[1]) * size).denominator == 1:
            return Fraction(span[1]) * size
    raise PromoError(f"'{text}' is not a value of that option", hint=hint)


def _held(name: str, given: Options) -> int:
    from promo import plugins
    from promo.driver.executor_conformance import declared, tried
    from promo.run.ports import Executor

    def make() -> Executor:
        made = plugins.executor(name)
        assert made is not None
        return made

    wrong = 0
    for source in (declared(make), tried(make, given, os.environ, Path.cwd())):
        for held in source:
            put(f"{'ok' if held.good else 'WRONG':6} {held.name}: {held.words}")
            wrong += held.good is False
    put("")
    put("all conformance checks passed" if not wrong else f"{wrong} of these conformance checks failed")
    return ExitCode.FINDINGS if wrong else ExitCode.DONE
