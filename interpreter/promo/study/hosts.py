"""The hosts of a study: what runs there, how much at once, and what their executors are told."""

import re
from collections.abc import Mapping
from fractions import Fraction

from promo.base.diagnostics import did_you_mean
from promo.base.units import Dimension
from promo.study.expressions import Expressions, unquoted
from promo.study.host import Host, HostOption
from promo.study.names import Clauses, Scope
from promo.study.ports import ExecutorOption, OptionKind
from promo.study.space import Level
from promo.syntax.clauses import values_in, words
from promo.syntax.nodes import Node, Token

MOST_SLOTS = 1024
MANY = re.compile(r"\s*(\d+)\s*[x\u00d7*]?\s+(?=[^\W\d_])(.*\S)\s*", re.IGNORECASE)
"""A number in front of a device's name, as in `8x NVIDIA H100`."""


def read_host(scope: Scope, expressions: Expressions, block: Node) -> Host | None:
    """A host block."""
    clauses = scope.clauses(block)
    if not clauses.complete:
        return None
    device = clauses.one("device")
    system = device.token("NAME")
    systems = words("device")
    if system.text not in systems:
        hint = did_you_mean(system.text, systems, f"use one of: {', '.join(systems)}")
        scope.report("P0215", f"no operating system is called '{system.text}'", system, hint)
    slots = expressions.count_given(clauses.one("slots"), most=MOST_SLOTS, what="the number of slots")
    thread_clause, price_clause, executor = (clauses.maybe(kind) for kind in ("threads", "price", "executor"))
    threads: int | None = 1
    if thread_clause is not None:
        threads = expressions.count_given(thread_clause, most=MOST_SLOTS, what="the number of threads")
    price: Fraction | None = None
    if price_clause is not None:
        price = expressions.given(price_clause)
        if price is not None and price < 0:
            scope.report("P0302", "a price is not negative", price_clause.children[0])
    if executor is not None:
        _check_executor(scope, executor.token("NAME"))
    _check_device(scope, device.token("STRING"))
    name = executor.token("NAME").text if executor else "local"
    options = _read_options(scope, expressions, clauses, name)
    if slots is None or threads is None:
        return None
    return Host(
        name=block.token("NAME").text,
        device=unquoted(device.token("STRING")),
        system=system.text,
        slots=slots,
        threads=threads,
        price=price,
        executor=name,
        options=options,
        documentation=scope.tree.documentation(block),
        where=scope.where(block),
    )


def _check_executor(scope: Scope, name: Token) -> None:
    """Most likely a slip; no more than that, because the host may be another machine with other plug-ins."""
    if scope.world.knows_executor(name.text):
        return
    known = scope.world.executor_names()
    hint = did_you_mean(name.text, known, f"installed here: {', '.join(known)}")
    scope.warn("P0229", f"no executor '{name.text}' is installed here", name, hint)


def _check_device(scope: Scope, name: Token) -> None:
    """A host's device is the one that a run has; how many runs there are at once is said elsewhere."""
    many = MANY.fullmatch(unquoted(name))
    if many is None:
        return
    count, device = many.groups()
    message = f"a device is what one run trains on, and '{unquoted(name)}' begins with a number"
    hint = f'write: device "{device}", and for {count} runs at once: slots {count}; a run takes one device'
    scope.report("P0233", message, name, hint)


def _read_options(scope: Scope, expressions: Expressions, clauses: Clauses, name: str) -> tuple[HostOption, ...]:
    """What the block says to the executor of that name."""
    found: dict[str, HostOption] = {}
    given = clauses.all("option")
    declared = scope.world.executor_options(name) if given else None
    for clause in given:
        token = clause.token("NAME")
        option = _declared(scope, declared, name, token)
        if token.text in found:
            scope.report("P0232", f"the option '{token.text}' is given twice", token, "remove one of them")
        elif option is not None:
            value = _value(scope, expressions, clause, token.text, option)
            if value is not None:
                found[token.text] = HostOption(token.text, value, option.moves)
    return tuple(found[one] for one in sorted(found))


def _declared(
    scope: Scope, declared: Mapping[str, ExecutorOption] | None, name: str, token: Token
) -> ExecutorOption | None:
    if declared is None:
        message = f"the executor '{name}' is not installed here, so nobody knows its option '{token.text}'"
        scope.report("P0231", message, token, "install it, or remove the option")
        return None
    if token.text not in declared:
        hint = "remove it"
        if declared:
            hint = did_you_mean(token.text, tuple(declared), f"it has: {', '.join(declared)}")
        scope.report("P0231", f"the executor '{name}' has no option '{token.text}'", token, hint)
    return declared.get(token.text)


def _value(scope: Scope, expressions: Expressions, clause: Node, name: str, option: ExecutorOption) -> Level | None:
    """The value of an option: a text of its form, a whole number, or seconds."""
    part = values_in(clause)[0]
    if option.kind is OptionKind.TIME:
        seconds = expressions.seconds(part, Dimension.TIME, example=option.example)
        return None if seconds is None else Fraction(seconds)
    if option.kind is OptionKind.COUNT:
        count = expressions.count(part, most=10**6, what=f"the option '{name}'")
        return None if count is None else Fraction(count)
    value = expressions.value(part)
    if isinstance(value, str) and re.fullmatch(option.form, value):
        return value
    if value is not None:
        said = f"the option '{name}' is a text, and this is none that the executor takes"
        scope.report("P0232", said, part, f"write it like this: option {name} = {option.example}")
    return None
