"""
One byte form for every stored value, and exact numbers in it.

The form is JSON with sorted keys, no spaces, no floats: integers stay integers, exact rationals become decimal
strings (`"0.01"`) or `"n/d"` strings, measured floats become their shortest `repr`.  For the values promo stores
(ASCII keys, integers below 2^53) these bytes are those of RFC 8785; a test compares them with another library.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:  # Python's own code, as `random` has it too: `hashlib` loads OpenSSL, which costs a cold start 3 ms
        from _sha2 import sha256
    except ImportError:
        try:
            from _sha256 import sha256  # Python 3.11
        except ImportError:  # a Python that was built without either
            from hashlib import sha256

type_error = "a stored value may hold text, integers, booleans, null, lists and objects, not {}"

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]

SAFE_INTEGER = 2**53 - 1  # RFC 8785 takes numbers from IEEE 754 doubles, exact only this far


def canonical(value: Json) -> bytes:
    """
    Canonical bytes of a JSON value.

    Raises:
        TypeError: *value* holds a float or something that is not JSON.
        ValueError: an integer beyond 2^53 - 1.

    Source:
        RFC 8785 (JSON Canonicalization Scheme), restricted to the values above.
    """
    _refuse_inexact(value)
    return _ENCODER.encode(value).encode()


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)


PLAIN = frozenset({str, bool, type(None)})
"""What may stand anywhere, and holds nothing."""


def _refuse_inexact(value: Json) -> None:
    waiting: list[object] = [value]
    for item in waiting:  # which grows meanwhile
        kind = type(item)
        if isinstance(item, int) and kind is not bool:
            if not -SAFE_INTEGER <= item <= SAFE_INTEGER:
                raise ValueError(f"{item} is beyond 2^53 - 1: store it as text")
        elif isinstance(item, (list, tuple)):
            waiting += [one for one in item if type(one) not in PLAIN]
        elif isinstance(item, (dict, Mapping)):
            waiting += [one for one in item if type(one) not in PLAIN]
            waiting += [one for one in item.values() if type(one) not in PLAIN]
        elif not isinstance(item, str) and item is not None and kind is not bool:
            raise TypeError(type_error.format(kind.__name__))


def digest(value: Json) -> str:
    """SHA-256 of the canonical bytes, 64 hex digits."""
    return digest_bytes(canonical(value))


FEW = 1 << 20
"""Bytes hashed by a process from which on OpenSSL, five times as fast, is worth the time that it takes to load."""
_hashed = 0


def digest_bytes(data: bytes) -> str:
    """SHA-256 of *data*, 64 hex digits."""
    return str(sha256_for(len(data))(data).hexdigest())


def sha256_for(size: int) -> Any:
    """`hashlib.sha256`, or what does the same without OpenSSL, for so many bytes."""
    global _hashed
    _hashed += size
    return sha256 if _hashed <= FEW else _by_openssl()


@cache
def _by_openssl() -> Any:
    import hashlib

    return hashlib.sha256


def parse_json(data: bytes | str) -> Json:
    """
    Read JSON strictly: no duplicate keys, no NaN or Infinity.

    Raises:
        ValueError: the text is not such JSON.
    """
    return _decoded(_STRICT, data if isinstance(data, str) else data.decode())


def parse_canonical(data: bytes) -> Json:
    """
    Read a value that is stored in its canonical form, byte for byte; a key that repeats is none.

    Raises:
        ValueError: it is not.
    """
    value = _decoded(_EXACT, data.decode())
    if _ENCODER.encode(value).encode() != data:
        raise ValueError("it is not in canonical form")
    return value


def _decoded(decoder: json.JSONDecoder, text: str) -> Json:
    try:
        value: Json = decoder.decode(text)
    except RecursionError as fault:
        raise ValueError("it nests too deep") from fault
    return value


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object repeats a key")
    return found


def _refuse(word: str) -> Json:
    raise ValueError(f"{word} is not a number that is stored")


def _safe(digits: str) -> int:
    number = int(digits)
    if not -SAFE_INTEGER <= number <= SAFE_INTEGER:
        raise ValueError(f"{digits} is beyond 2^53 - 1")
    return number


# Made once: a decoder or encoder for each line costs as much as the line.
_STRICT = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)
_EXACT = json.JSONDecoder(parse_constant=_refuse, parse_float=_refuse, parse_int=_safe)


@lru_cache(4096)
def exact(number: Fraction | int) -> str:
    """
    A rational as text that loses nothing: `"0.01"` where it terminates in decimals, else `"1/3"`.

    Equal numbers give equal text, so the text may be hashed.
    """
    if not isinstance(number, Fraction):
        number = Fraction(number)
    if number.denominator == 1:
        return str(number.numerator)
    places = _decimal_places(number.denominator)
    if places is None:
        return f"{number.numerator}/{number.denominator}"
    scaled = abs(number.numerator) * 10**places // number.denominator
    digits = str(scaled).rjust(places + 1, "0")
    sign = "-" if number < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def _decimal_places(denominator: int) -> int | None:
    places = {2: 0, 5: 0}
    for prime in places:
        while denominator % prime == 0:
            denominator //= prime
            places[prime] += 1
    return max(places.values()) if denominator == 1 else None


@lru_cache(1 << 15)
def from_exact(text: str) -> Fraction:
    """The rational that *text* (from `exact`, or a float's repr) names, without rounding."""
    return Fraction(text)


def exact_sum(numbers: Iterable[Fraction]) -> Fraction:
    """The sum of exact numbers; where many share their denominators, as most do, much quicker than `sum`."""
    over: dict[int, int] = {}
    for one in numbers:
        above, below = one.as_integer_ratio()
        over[below] = over.get(below, 0) + above
    common = math.lcm(*over)
    return Fraction(sum(above * (common // below) for below, above in over.items()), common)


def rounded(number: Fraction | int, places: int) -> str:
    """A rational to *places* decimals, halves away from zero, for people to read."""
    number = Fraction(number)
    scaled = abs(number) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    digits = str(whole).rjust(places + 1, "0")
    sign = "-" if number < 0 and whole else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
