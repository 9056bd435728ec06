"""Money and prices as text; a plan needs no more, so nothing here knows of ledgers."""

from fractions import Fraction
from math import ceil

from promo.base.canonical import exact, rounded
from promo.plans.values import HostBill


def money_text(amount: Fraction, currency: str) -> str:
    """`12.41 usd`; four decimals of what rounds to less than a cent."""
    return f"{rounded(amount, 2 if amount == 0 or amount >= Fraction(1, 100) else 4)} {currency}"


def cents_up(amount: Fraction) -> Fraction:
    """The money of a bound, rounded up to the cent."""
    return Fraction(ceil(amount * 100), 100)


def hour_text(hour: Fraction) -> str:
    """An hourly price with two decimals at least, and all of its own."""
    text = exact(hour)
    return rounded(hour, 2) if "/" in text or len(text.partition(".")[2]) < 2 else text


def bill_text(bill: HostBill, currency: str, moment: str) -> str:
    """The price of a host as a plan shows it on a day: `2.10 usd an hour`, or the spot price and its day."""
    if bill.spot is None or not bill.is_spot(moment):
        return f"{hour_text(bill.hour)} {currency} an hour"
    return f"{hour_text(bill.spot)} {currency} an hour to {bill.until}"
