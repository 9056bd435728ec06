"""The hosts of a study: what runs there, how much at once, and what their executors are told."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from fractions import Fraction

from promo.base.diagnostics import Edit, did_you_mean
from promo.base.source import Span
from promo.base.units import Dimension, is_digits
from promo.study.expressions import Expressions, unquoted
from promo.study.given import MOST, Level
from promo.study.host import Host, HostOption
from promo.study.money import Price, Spot, is_day, why_no_day
from promo.study.names import Clauses, Scope
from promo.study.ports import ExecutorOption, OptionKind
from promo.syntax.clauses import words
from promo.syntax.nodes import Node, Token, values_in

NAMED, COUNT, ALSO = r"(?P<name>[^\W\d_].*?)", r"(?P<count>[1-9][0-9]{0,3})", r"(?P<also>[1-9][0-9]{0,3})"
SIGNS = "xX\u00d7*:("
FORMS = (
    rf"{COUNT}\s*[xX\u00d7*]\s*(?P<name>[0-9]{{4}}.*?)",
    rf"(?:{COUNT}\s*[xX\u00d7*]|x\s*{ALSO})\s*{NAMED}",
    rf"(?P<count>[1-9][0-9]{{0,2}})\s+{NAMED}",
    rf"{NAMED}(?:\s+|(?<=[0-9])|(?=[\u00d7*]))[x\u00d7*]\s*{COUNT}",
    rf"{NAMED}\s+{COUNT}\s*[xX\u00d7*]",
    rf"{NAMED}\s*\(\s*(?:{COUNT}\s*[xX\u00d7*]?|[xX\u00d7*]\s*{ALSO})\s*\)",
    rf"{COUNT}-[gG][pP][uU]s?\s+{NAMED}",
    rf"{NAMED}(?<=[0-9A-Z]):{COUNT}",
)
"""
A number of devices beside a name: `8x H100`, `8 H100`, `8-gpu H100`, `H100 x8`, `H100 8x`, `H100 (8x)`, `H100:8`; not
of `Xeon X5650` or `cuda:1`.
"""


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
    slots = expressions.count_given(clauses.one("slots"), most=MOST, what="the number of slots")
    threads = _number(expressions, clauses, "threads", "the number of threads")
    devices = _number(expressions, clauses, "devices", "the number of devices of a run")
    nodes = _number(expressions, clauses, "nodes", "the number of nodes of a run")
    price, executor = _price(scope, expressions, clauses), clauses.maybe("executor")
    if executor is not None:
        _check_executor(scope, executor.token("NAME"))
    _check_device(scope, device.token("STRING"))
    name = executor.token("NAME").text if executor else "local"
    options = _read_options(scope, expressions, clauses, executor)
    if nodes is not None and nodes > 1 and not scope.world.executor_spreads(name):
        message = f"a run of the executor '{name}' has one machine, and this host gives it {nodes}"
        scope.report("P0234", message, clauses.one("nodes"), "remove the clause, or name an executor that spreads runs")
    if slots is None or threads is None or devices is None or nodes is None:
        return None
    return Host(
        name=block.token("NAME").text,
        device=unquoted(device.token("STRING")),
        system=system.text,
        slots=slots,
        threads=threads,
        devices=devices,
        nodes=nodes,
        price=price,
        executor=name,
        options=options,
        documentation=scope.tree.documentation(block),
        where=_where(scope, block),
    )


def _where(scope: Scope, block: Node) -> dict[str, Span]:
    """Places of a host block: its name, its clauses, and the value of each option under `option NAME`."""
    options = (clause for clause in block.children if isinstance(clause, Node) and clause.kind == "option")
    values = {f"option {one.token('NAME').text}": scope.span(values_in(one)[0]) for one in options}
    return scope.where(block) | values


def _number(expressions: Expressions, clauses: Clauses, kind: str, what: str) -> int | None:
    """A whole number that a block may give, and 1 where it does not."""
    clause = clauses.maybe(kind)
    return 1 if clause is None else expressions.count_given(clause, most=MOST, what=what)


def _price(scope: Scope, expressions: Expressions, clauses: Clauses) -> Price | None:
    """What a device costs for an hour, and until when it costs less."""
    amounts: dict[str, Fraction] = {}
    for kind in ("price", "spot"):
        clause = clauses.maybe(kind)
        amount = None if clause is None else expressions.given(clause)
        if clause is not None and amount is not None and amount < 0:
            scope.report("P0302", "a price is not negative", clause.children[0])
        elif amount is not None:
            amounts[kind] = amount
    if "price" not in amounts:
        return None
    spot = clauses.maybe("spot")
    if spot is None or "spot" not in amounts:
        return Price(amounts["price"], scope.currency, None)
    if amounts["spot"] > amounts["price"]:
        hint = "write what an hour costs at the most as the price"
        scope.report("P0302", "a spot price is not above the price", spot.children[0], hint)
    until = spot.token("DATE").text
    if not is_day(until):
        scope.report("P0312", f"the calendar has no day {until}", spot.token("DATE"), why_no_day(until))
        return Price(amounts["price"], scope.currency, None)
    return Price(amounts["price"], scope.currency, Spot(amounts["spot"], until))


def _check_executor(scope: Scope, name: Token) -> None:
    """Most likely a slip; no more than that, because the host may be another machine with other plug-ins."""
    if scope.world.knows_executor(name.text):
        return
    known = scope.world.executor_names()
    hint = did_you_mean(name.text, known, f"installed here: {', '.join(known)}")
    scope.warn("P0229", f"no executor '{name.text}' is installed here", name, hint)


def _check_device(scope: Scope, name: Token) -> None:
    """A host's device is one; how many of them a run has is said elsewhere."""
    given = unquoted(name)
    if not (is_digits(given.lstrip()[:1]) or any(sign in given for sign in SIGNS)):
        return  # most are; the forms take a millisecond to compile
    many = next((found for found in (re.fullmatch(rf"\s*{form}\s*", given) for form in FORMS) if found), None)
    if many is None or re.search(r"\s[0-9]{1,2}$", many["name"]):  # as in `TPU v3 2x2`
        return
    count, device = many["count"] or many["also"], many["name"]
    where = "begins" if given.strip().endswith(device) else "ends"
    message = f"a device is named by itself, and '{given}' {where} with a number of them"
    hint = f'write: device "{device}", and where each run has {count} of them: devices {count}'
    scope.report("P0233", message, name, hint)


def _read_options(
    scope: Scope, expressions: Expressions, clauses: Clauses, executor: Node | None
) -> tuple[HostOption, ...]:
    """What the block says to its executor, which may need something said."""
    found: dict[str, HostOption] = {}
    given, named = clauses.all("option"), None if executor is None else executor.token("NAME")
    name = "local" if named is None else named.text
    declared = scope.world.executor_options(name) if given or named is not None else None
    _check_needed(scope, declared or {}, named, {clause.token("NAME").text for clause in given})
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


def _check_needed(scope: Scope, declared: Mapping[str, ExecutorOption], named: Token | None, given: Set[str]) -> None:
    absent = [name for name, option in declared.items() if option.needed and name not in given]
    if absent and named is not None:
        message = f"the executor '{named.text}' starts nothing without the {options_words(absent)}"
        hint = f"write, for example: option {absent[0]} = {declared[absent[0]].example}"
        scope.report("P0239", message, named, hint)


def options_words(names: Sequence[str]) -> str:
    """Options by name, as `option 'poll'`."""
    return f"option{'s' if len(names) > 1 else ''} " + ", ".join(f"'{name}'" for name in names)


def _declared(
    scope: Scope, declared: Mapping[str, ExecutorOption] | None, name: str, token: Token
) -> ExecutorOption | None:
    if declared is None:
        message = f"the executor '{name}' is not installed here, so its option '{token.text}' is unknown"
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
    if not _is_quoted(part) and not any(_may_be(scope, expressions, one) for one in _names_in(part)):
        _report_unquoted(scope, part, name, option)
        return None
    value = expressions.value(part)
    if value is None:
        return None
    fault = "is a text, but not one that the executor takes"
    if isinstance(value, str) and re.fullmatch(option.form, value):
        fault = option.fault(value)
        if not fault:
            return value
    scope.report("P0232", f"the option '{name}' {fault}", part, f"write it like this: option {name} = {option.example}")
    return None


def _is_quoted(part: Node | Token) -> bool:
    return isinstance(part, Token) and part.kind == "STRING"


def _names_in(part: Node | Token) -> Iterator[str]:
    if isinstance(part, Node):
        for child in part.children:
            yield from _names_in(child)
    elif part.kind == "NAME":
        yield part.text


def _may_be(scope: Scope, expressions: Expressions, name: str) -> bool:
    """Whether a name is that of a value, or of one that is declared with a fault."""
    return name in expressions.values or name in scope.derived or name in scope.vague


def _report_unquoted(scope: Scope, part: Node | Token, name: str, option: ExecutorOption) -> None:
    """A word or a number where a text is wanted, as others write it: `partition = gpu`, `memory = 60G`."""
    span = scope.span(part)
    written = span.source.text[span.start : span.end]
    quoted = f'"{written}"'
    fits = re.fullmatch(option.form, written) and not option.fault(written)
    hint = f"write it in quotes: option {name} = {quoted if fits else option.example}"
    edits = (Edit(span, quoted),) if fits else ()
    scope.report("P0232", f"the option '{name}' is a text, and texts stand in quotes", part, hint, edits=edits)
