"""What a study may spend: time of devices, money, or both; and that it counts in one currency."""

from collections.abc import Mapping
from fractions import Fraction

from promo.base.classes import evolve, frozen
from promo.base.diagnostics import Label
from promo.base.source import Span
from promo.base.units import Dimension
from promo.study.brought import Imported
from promo.study.expressions import Expressions
from promo.study.host import Host
from promo.study.money import Money
from promo.study.names import Clauses, Scope
from promo.syntax.nodes import Node, values_in


@frozen
class Allowed:
    """Seconds of devices, money, or both; and where the study says so, under `budget` and `money`."""

    budget_s: int | None = None
    money: Money | None = None
    places: Mapping[str, Span] = {}


def read_budget(scope: Scope, expressions: Expressions, clauses: Clauses, hosts: Mapping[str, Host]) -> Allowed:
    """At most one budget of device time and one of money."""
    allowed, places = Allowed(), dict[str, Span]()
    for clause in clauses.all("budget"):
        spoken = expressions.quantity(values_in(clause)[0])
        if spoken is None:
            continue
        kind = "money" if spoken.dimension is Dimension.MONEY else "budget"
        if kind in places:
            label = Label(places[kind], "first given here")
            message = f"the study has two budgets of {'money' if kind == 'money' else 'device time'}"
            scope.report("P0206", message, clause, "keep one of them", labels=(label,))
            continue
        places[kind] = scope.span(clause)
        if kind == "money":
            allowed = evolve(allowed, money=_money(scope, spoken.value, clause, hosts))
        else:
            allowed = evolve(allowed, budget_s=expressions.seconds_given(clause))
    return evolve(allowed, places=places)


def _money(scope: Scope, amount: Fraction, clause: Node, hosts: Mapping[str, Host]) -> Money | None:
    """A budget of money, which needs the price of every host."""
    bare = [f"'{name}'" for name, host in hosts.items() if host.price is None]
    if bare:
        message = f"a budget of money cannot be kept: no price is given for {', '.join(bare)}"
        scope.report("P0313", message, clause, "add to each host: price 2.10usd")
    if amount <= 0:
        scope.report("P0302", "a budget of money is above zero", clause)
        return None
    return Money(amount, scope.currency)


def one_currency(scope: Scope, imported: Imported) -> None:
    """A study counts in one currency: none is converted into another."""
    found = {name: scope.span(token) for name, token in scope.currencies.items()}
    for block in scope.tree.declarations:
        for name in block.tokens("NAME") if block.kind == "use" else ():
            host = imported.hosts.get(name.text)
            if host is not None and host.price is not None:
                found.setdefault(host.price.currency, scope.span(name))
    first, *others = found or ("",)
    for other in others:
        label = Label(found[first], f"{first} here")
        hint = "write every amount in one currency; nothing is converted"
        scope.report("P0311", f"the study counts in {first} and in {other}", found[other], hint, labels=(label,))
