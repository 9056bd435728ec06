"""
Ledger to money: what the attempts of each host cost, at which price of which days, and how much of it was wasted.

A device is paid for every second that an attempt held it, at the price of the day on which the attempt began; prices
are those of the spec, and nothing is fetched.  Wasted is what attempts cost that failed or were lost.
"""

from collections.abc import Iterator
from fractions import Fraction

from promo.base.canonical import Json, exact, exact_sum, from_exact
from promo.base.classes import frozen
from promo.decision.spending import paid, spent
from promo.ledger.state import Attempt, AttemptState, State
from promo.report.prices import hour_text, money_text
from promo.report.words import plural, span_text
from promo.study.money import Price
from promo.study.values import Study

WASTED = (AttemptState.FAILED, AttemptState.LOST)


@frozen
class RateMoney:
    """What attempts cost that began at one price: seconds of devices, and the first and last day of it."""

    hour: Fraction
    since: str
    until: str
    seconds: Fraction
    """Of attempts whose time is known."""
    unknown: int
    """Attempts whose time nobody knows, which cost what the longest could."""
    spent: Fraction


@frozen
class HostMoney:
    """What the attempts of a host cost that have ended."""

    host: str
    price: Price
    spent: Fraction
    wasted: Fraction
    rates: tuple[RateMoney, ...]
    """Dearest first."""


@frozen
class StudyMoney:
    """What a study has cost."""

    currency: str
    hosts: tuple[HostMoney, ...]
    used: Fraction
    """With attempts that run, or whose time nobody knows, at the longest that they can last."""
    budget: Fraction | None

    @property
    def spent(self) -> Fraction:
        """On attempts that have ended."""
        return exact_sum(one.spent for one in self.hosts)

    @property
    def wasted(self) -> Fraction:
        """On those of them that failed or were lost."""
        return exact_sum(one.wasted for one in self.hosts)


def money_of(study: Study, state: State) -> StudyMoney | None:
    """What a study has cost so far; None where nothing has a price, and for a replay, which pays nothing."""
    if state.replay or all(host.price is None for host in study.hosts.values()):
        return None
    ended: dict[str, list[Attempt]] = {}
    for one in state.every_attempt():
        if one.state is not AttemptState.RUNNING:
            ended.setdefault(one.host, []).append(one)
    hosts = tuple(
        _host(study, name, host.price, ended.get(name, []))
        for name, host in study.hosts.items()
        if host.price is not None
    )
    budget = state.money if state.money is not None or study.money is None else study.money.amount
    return StudyMoney(study.currency, hosts, spent(study, state).money, budget)


def _host(study: Study, name: str, price: Price, attempts: list[Attempt]) -> HostMoney:
    by_rate: dict[Fraction, list[Attempt]] = {}
    for one in attempts:
        by_rate.setdefault(price.on(one.started), []).append(one)
    rates = tuple(_rate(study, hour, by_rate[hour]) for hour in sorted(by_rate, reverse=True))
    wasted = exact_sum(paid(study, one) for one in attempts if one.state in WASTED)
    return HostMoney(name, price, exact_sum(one.spent for one in rates), wasted, rates)


def _rate(study: Study, hour: Fraction, attempts: list[Attempt]) -> RateMoney:
    days = sorted(one.started[:10] for one in attempts)
    taken = ((study.width(one.stage, one.host), one.device_s) for one in attempts if one.device_s is not None)
    seconds = exact_sum(from_exact(text) * width for width, text in taken)
    unknown = sum(one.device_s is None and paid(study, one) > 0 for one in attempts)
    cost = exact_sum(paid(study, one) for one in attempts)
    return RateMoney(hour, days[0], days[-1], seconds, unknown, cost)


def money_lines(study: Study, state: State) -> Iterator[str]:
    """What a study has cost, of its budget of money if it has one, and host by host with the days of each price."""
    found = money_of(study, state)
    if found is None:
        return
    unit = found.currency
    wasted = f", {money_text(found.wasted, unit)} of it for attempts that failed or were lost" if found.wasted else ""
    if found.budget is not None:
        yield (
            f"Of the study's budget of {money_text(found.budget, unit)}, {money_text(found.used, unit)} are used up, "
            "counting running attempts at the longest they can last; an attempt starts only if the most it can cost "
            "is left."
        )
    yield f"Paid for devices at the declared prices: {money_text(found.spent, unit)}{wasted}."
    for host in found.hosts:
        for rate in host.rates:
            days = rate.since if rate.since == rate.until else f"{rate.since} to {rate.until}"
            yield (
                f"{host.host}: {money_text(rate.spent, unit)} for {span_text(rate.seconds)} of devices at "
                f"{hour_text(rate.hour)} {unit} an hour, begun {days}{_unknown_words(rate.unknown)}."
            )


def _unknown_words(unknown: int) -> str:
    """What else was paid for than the seconds that are known."""
    if not unknown:
        return ""
    return f", and for {plural(unknown, 'attempt')} of unknown time, priced at the longest that one can last"


def money_words(study: Study, state: State) -> str:
    """What a study has cost in a few words, for a line that has others; empty where nothing has a price."""
    found = money_of(study, state)
    if found is None:
        return ""
    budget = "" if found.budget is None else f" of a budget of {money_text(found.budget, found.currency)}"
    wasted = f", {money_text(found.wasted, found.currency)} wasted" if found.wasted else ""
    return f"paid {money_text(found.spent, found.currency)}{budget}{wasted}"


def money_to_json(study: Study, state: State) -> dict[str, Json] | None:
    """The same for programs, exactly; None where nothing has a price, and for a replay."""
    found = money_of(study, state)
    if found is None:
        return None
    return {
        "currency": found.currency,
        "budget": None if found.budget is None else exact(found.budget),
        "used": exact(found.used),
        "spent": exact(found.spent),
        "wasted": exact(found.wasted),
        "hosts": [
            {
                "name": host.host,
                "price": exact(host.price.hour),
                "spot": None if host.price.spot is None else exact(host.price.spot.hour),
                "spot_until": None if host.price.spot is None else host.price.spot.until,
                "spent": exact(host.spent),
                "wasted": exact(host.wasted),
                "rates": [
                    {
                        "price": exact(rate.hour),
                        "from": rate.since,
                        "to": rate.until,
                        "device_s": exact(rate.seconds),
                        "unknown": rate.unknown,
                        "spent": exact(rate.spent),
                    }
                    for rate in host.rates
                ],
            }
            for host in found.hosts
        ],
    }
