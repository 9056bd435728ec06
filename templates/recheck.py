"""
A second, independent check of a study: this one file and Python's standard library, nothing of promo.

It shares no code with promo, so a fault there is not repeated here.  It reads the stored form of things alone, never a
sentence: the ledger, `plan.json`, requests and results.  From these it derives again, event by event, what was allowed
and what was due; each request as a whole; evidence, effects, and by every wording the verdicts of gates, rules,
reductions and walks with their reasons; run identities, digests of plan and seals; drawn seeds, budgets and hours.

What it cannot know: whether `plan.json` says what `spec.promo` and the files that it uses say (it does not speak the
language), which trainer a runner names, in which order gates were declared, and what exports of other tools hold.
`promo verify` looks at those.  Neither can tell whether somebody rewrote everything; that takes a receipt from outside.

    python recheck.py STUDY.study [--key PUB] [--authority PEM] [--anchor RECEIPT]

Exit codes are those of `promo verify`: 0 everything matches and somebody outside attests to what was frozen before the
runs, 1 something differs, 2 something is missing or not finished, 3 everything matches and nobody outside attests to
when.
Receipts are checked against the keys that are given; OpenSSH signatures need ssh-keygen, time stamps openssl, and
signed notes nothing.

It is longer than a file should be because it must stay one file: it lies in every study and is read on its own.
From top to bottom: reading, the form of each stored thing, the ledger, what a plan says, the course of a study,
statistics, verdicts, effects, recorded tables, what attempts left, receipts, and the order in which all this is done.
"""

import argparse
import base64
import binascii
import copy
import csv
import gc
import gzip
import hashlib
import heapq
import io
import itertools
import json
import math
import os
import re
import stat
import subprocess
import sys
import tempfile
import time
import zlib
from bisect import bisect_right
from calendar import timegm
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache, partial
from operator import mul
from pathlib import Path
from statistics import NormalDist
from typing import Any

Object = dict[str, Any]
Cell = tuple[str, str, str, int]
"""Stage, candidate, host, seed."""

SAFE = 2**53 - 1
"""Largest whole number that a JSON number holds exactly."""
DEEPEST = 64
"""How far conditions, and values of free form, may nest."""
SMALL, LARGE = 64 * 1024 * 1024, 1024 * 1024 * 1024
"""Bytes that a file, and a ledger or a text, may have."""
SHOWN, LONGEST = 5, 1_000
"""Faults of one kind that are told, the others are counted; and characters of one."""
BACK_S = 60
"""Seconds that the wall clock may go back without a word."""
MILLISECOND = Fraction(1, 1000)
LATE_S = Fraction(1, 2)
"""Seconds by which a run may say that it trained longer than its processes lived, for clocks are rounded."""
GENESIS = "0" * 64


class DiffersError(Exception):
    """Something is not what it must be."""


class MissingError(Exception):
    """Something is not there."""


# --- reading ---------------------------------------------------------------------------------------------------------

_decode = json.JSONDecoder().decode
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def sha(content: bytes) -> str:
    """SHA-256, 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def compact(value: object) -> bytes:
    """JSON with sorted keys and no spaces."""
    return _encode(value).encode()


def strict(content: bytes) -> Any:
    """
    A JSON value that is stored in exactly that form, which also refuses keys that repeat.

    Raises:
        DiffersError: it is not.
    """
    try:
        value = _decode(content.decode())
        same = _encode(value).encode() == content
    except RecursionError as fault:
        raise DiffersError("it nests too deeply") from fault
    except ValueError as fault:
        raise DiffersError(f"it is not JSON: {fault}") from fault
    if not same:
        raise DiffersError("it is not in canonical form")
    return value


def exact(number: Fraction) -> str:
    """A rational as text that loses nothing: in decimals where those end, else as a fraction."""
    rest, twos, fives = number.denominator, 0, 0
    while not rest % 2:
        rest, twos = rest // 2, twos + 1
    while not rest % 5:
        rest, fives = rest // 5, fives + 1
    if rest > 1:
        return f"{number.numerator}/{number.denominator}"
    places = max(twos, fives)
    digits = str(abs(number.numerator) * 10**places // number.denominator).zfill(places + 1)
    sign = "-" if number < 0 else ""
    return f"{sign}{digits[: len(digits) - places]}.{digits[len(digits) - places :]}" if places else sign + digits


LARGEST = sys.float_info.max


def near(value: Fraction | float | str) -> float:
    """The float nearest to a number; beyond the largest float, that one with the number's sign."""
    try:
        return min(max(float(value), -LARGEST), LARGEST)
    except OverflowError:
        return LARGEST if Fraction(value) > 0 else -LARGEST


def square_root(value: Fraction) -> float:
    """A square root; of a number that is beyond floats it is taken of the number without a power of four."""
    twos = value.numerator.bit_length() - value.denominator.bit_length()
    if abs(twos) < 900:
        return math.sqrt(value)
    scale = Fraction(2) ** (twos // 2)
    return near(Fraction(math.sqrt(value / scale / scale)) * scale)


def six(value: float) -> str:
    """A computed number as it is stored: six significant digits."""
    text = f"{near(value):.6g}"
    return "0" if text == "-0" else text


def printable(words: str) -> str:
    """Words without anything that a terminal would obey, which is told by its number instead."""
    if words.isprintable():
        return words
    return "".join(one if one.isprintable() else f"[U+{ord(one):04X}]" for one in words)


def shown(value: object) -> str:
    """A value in a message: as far as one line goes."""
    words = f"'{value}'" if isinstance(value, str) else repr(value) if isinstance(value, (int, float)) else "this"
    words = printable(words)
    return words if len(words) <= 60 else f"{words[:57]}..."


class Folder:
    """A study folder; its files are read in full, once, and only so far as they may be large."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, name: str) -> bool:
        """Whether there is something of that name; what is no file is said where it is read."""
        return (self.path / name).exists()

    def left(self, folder: str, name: str) -> str:
        """Where a file of an attempt lies, by its recorded name, in which `%` may stand for bytes that are no ASCII."""
        if "%" in name and not self.has(f"{folder}/{name}"):
            for path in sorted((self.path / folder).rglob("*")):
                inside = path.relative_to(self.path / folder).as_posix()
                if plain(inside) == name:
                    return f"{folder}/{inside}"
        return f"{folder}/{name}"

    def read(self, name: str, most: int = SMALL) -> bytes:
        """
        The bytes of a file.

        Raises:
            MissingError: it is not there.
            DiffersError: it is no plain file, or larger than any such file may be.
        """
        try:
            about = (self.path / name).stat()
            if not stat.S_ISREG(about.st_mode):
                raise DiffersError(f"{name} is no plain file")
            if about.st_size > most:
                raise DiffersError(f"{name} has {about.st_size} bytes, and {most} are the most")
            # Should a pipe have taken its place meanwhile, this returns all the same.
            handle = os.open(self.path / name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
            with os.fdopen(handle, "rb") as file:
                return file.read(most)
        except (OSError, ValueError) as fault:
            raise MissingError(f"{name} is not there") from fault

    def digest(self, name: str, most: int = LARGE) -> str:
        """SHA-256 of a file; as `read`."""
        return sha(self.read(name, most))

    def value(self, name: str) -> Any:
        """
        The JSON value of a file that is one line.

        Raises:
            MissingError: it is not there.
            DiffersError: it is none, or in another form than the one that it has.
        """
        content = self.read(name)
        try:
            if not content.endswith(b"\n"):
                raise DiffersError("it does not end with its line")
            return strict(content[:-1])
        except DiffersError as fault:
            raise DiffersError(f"{name}: {fault}") from fault


# --- the form of each stored thing -----------------------------------------------------------------------------------
# An object has the keys that stand here and no others; a member of a union says which it is under `is`.


class MisfitError(Exception):
    """A value is not of its form; *path* leads to it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[str] = []


Form = Callable[[Any], None]


def fit(form: Form, value: Any, about: str) -> None:
    """
    Hold a value to its form.

    Raises:
        DiffersError: it is not of that form; the message begins with *about* and names the place.
    """
    try:
        form(value)
    except MisfitError as fault:
        raise DiffersError(f"{about}: {'.'.join([*reversed(fault.path), fault.what])}") from fault
    except RecursionError as fault:
        raise DiffersError(f"{about}: it nests too deeply") from fault


def text(what: str = "text", pattern: str = "", longest: int = 65_536) -> Form:
    """Text of at most so many characters, all of which the pattern matches."""
    matches = re.compile(pattern, re.ASCII).fullmatch if pattern else None

    def form(value: Any) -> None:
        if type(value) is not str or len(value) > longest or (matches is not None and not matches(value)):
            raise MisfitError(f" {shown(value)} is no {what}")

    return form


def whole(least: int = -SAFE, most: int = SAFE) -> Form:
    """A whole number."""

    def form(value: Any) -> None:
        if type(value) is not int or not least <= value <= most:
            raise MisfitError(f" {shown(value)} is no whole number from {least} to {most}")

    return form


def long(least: int = -(10**40), most: int = 10**40) -> Form:
    """A whole number that may be large, as text."""
    digits = re.compile(r"0|-?[1-9]\d{0,39}", re.ASCII).fullmatch

    def form(value: Any) -> None:
        if type(value) is not str or not digits(value) or not least <= int(value) <= most:
            raise MisfitError(f" {shown(value)} is no whole number as text")

    return form


_number = re.compile(r"-?\d{1,400}(\.\d{1,1100}|/[1-9]\d{0,399})?", re.ASCII).fullmatch


@lru_cache(4096)
def _told(number_: str) -> tuple[Fraction, str]:
    """The number that a text names, and its one text."""
    found = Fraction(number_)
    return found, exact(found)


def number(least: Fraction | None = None, most: Fraction | None = None, *, inside: bool = False) -> Form:
    """An exact number, as the one text that it has; *inside* leaves the ends of its range out."""

    def form(value: Any) -> None:
        if type(value) is not str or not _number(value):
            raise MisfitError(f" {shown(value)} is no exact number as text")
        found, written = _told(value)
        low, high = least is not None and found < least, most is not None and found > most
        if low or high or written != value or (inside and found in (least, most)):
            raise MisfitError(f" {shown(value)} is no such number, or is written otherwise")

    return form


def choice(*words: str) -> Form:
    """One of some words."""
    known = frozenset(words)

    def form(value: Any) -> None:
        if type(value) is not str or value not in known:
            raise MisfitError(f" {shown(value)} is none of {', '.join(words)}")

    return form


def literal(only: int) -> Form:
    """One number and no other."""

    def form(value: Any) -> None:
        if type(value) is not int or value != only:
            raise MisfitError(f" it is {shown(value)}, and not {only}")

    return form


def boolean(value: Any) -> None:
    """True or false."""
    if type(value) is not bool:
        raise MisfitError(f" {shown(value)} is neither true nor false")


def yes(value: Any) -> None:
    """True, where a field is left out that is not."""
    if value is not True:
        raise MisfitError(f" {shown(value)} is not true")


def maybe(form: Form) -> Form:
    """Null, or something."""
    return lambda value: None if value is None else form(value)


def many(form: Form, least: int = 0) -> Form:
    """A list."""

    def every(value: Any) -> None:
        if type(value) is not list or not least <= len(value) <= 1_000_000:
            raise MisfitError(f" {shown(value)} is no list of {least} or more")
        for place, one in enumerate(value):
            try:
                form(one)
            except MisfitError as fault:
                fault.path.append(str(place))
                raise

    return every


def row(*forms: Form) -> Form:
    """A list of so many, each of its own form."""

    def every(value: Any) -> None:
        if type(value) is not list or len(value) != len(forms):
            raise MisfitError(f" {shown(value)} is no list of {len(forms)}")
        for form, one in zip(forms, value, strict=True):
            form(one)

    return every


def table(form: Form, names: Form | None = None) -> Form:
    """An object with values of one form, and any names or such of another."""

    def every(value: Any) -> None:
        if type(value) is not dict or len(value) > 1_000_000:
            raise MisfitError(f" {shown(value)} is no object")
        name = ""
        try:
            for name in value:
                if names is not None:
                    names(name)
                form(value[name])
        except MisfitError as fault:
            fault.path.append(shown(name))
            raise

    return every


def thing(parts: dict[str, Form], silent: frozenset[str] = frozenset()) -> Form:
    """An object with exactly these names; those that are *silent* where they say nothing may not be there."""
    names, inside_ = frozenset(parts), tuple(parts.items())
    must = names - silent

    def every(value: Any) -> None:
        if type(value) is not dict:
            raise MisfitError(f" {shown(value)} is no object")
        if value.keys() != must and not must <= value.keys() <= names:
            strange, absent = sorted(value.keys() - names), sorted(must - value.keys())
            raise MisfitError(f" it has {shown(strange[0])}" if strange else f" it has no '{absent[0]}'")
        name = ""
        try:
            for name, form in inside_:
                if name in must or name in value:
                    form(value[name])
        except MisfitError as fault:
            fault.path.append(name)
            raise

    return every


def union(members: dict[str, Form]) -> Form:
    """An object that says which it is."""

    def form(value: Any) -> None:
        kind = value.get("is") if type(value) is dict else None
        if type(kind) is not str or kind not in members:
            raise MisfitError(f" {shown(kind)} is none of {', '.join(members)}")
        members[kind](value)

    return form


def either(for_text: Form, for_rest: Form) -> Form:
    """Two forms, one of which is text."""
    return lambda value: for_text(value) if type(value) is str else for_rest(value)


def free(value: Any) -> None:
    """What a runner says of its own: JSON of bounded depth whose numbers are whole or text."""
    waiting, seen = [(value, 0)], 0
    while waiting:
        one, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST or seen > 1_000_000:
            raise MisfitError(" it nests too deeply, or has too many parts")
        if type(one) is dict:
            waiting += [(part, depth + 1) for pair in one.items() for part in pair]
        elif type(one) is list:
            waiting += [(part, depth + 1) for part in one]
        elif type(one) is float or (type(one) is int and abs(one) > SAFE) or (type(one) is str and len(one) > 65_536):
            raise MisfitError(f" {shown(one)} is no whole number or text of bounded length")


NUMBER, STRING = number(), text()


def level(value: Any) -> None:
    """A factor's value: an exact number, or a word; a word that reads as a number stands in an object."""
    if type(value) is dict and value.keys() == {"word"}:
        value = value["word"]
        if type(value) is not str or not _number(value):
            raise MisfitError(f" {shown(value)} is no word that reads as a number")
    elif type(value) is str and _number(value):
        NUMBER(value)
    else:
        STRING(value)


def moment(value: Any) -> None:
    """A time in UTC."""
    try:
        seconds_of(value)
    except (ValueError, TypeError, AttributeError) as fault:
        raise MisfitError(f" {shown(value)} is no time in UTC") from fault


@lru_cache(1024)
def seconds_of(time_: str) -> int:
    """Seconds since 1970 of a time as it is stored."""
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z", time_, re.ASCII)
    parts = [int(one) for one in found.groups()] if found else []
    if not parts or not (parts[2] and parts[3] < 24 and parts[4] < 60 and parts[5] < 61 and parts[2] < 32):
        raise ValueError("it is no time")
    return timegm((parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]))


def ordered(value: Any) -> None:
    """A list of texts that stands for a set: sorted, each once."""
    many(STRING)(value)
    if value != sorted(set(value)):
        raise MisfitError(" its entries are not sorted, each once")


def deep(value: Any) -> bool:
    """Whether a value nests deeper than any condition may."""
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if depth > DEEPEST:
            return True
        if isinstance(one, (dict, list)):
            waiting += [(part, depth + 1) for part in (one.values() if isinstance(one, dict) else one)]
    return False


def judged(value: Any) -> None:
    """Whom a rule is about: a candidate, everybody who was promoted, or the best of a stage."""
    if type(value) is not dict:
        STRING(value)
    elif value != {"is": "promoted"}:
        if value.keys() != {"is", "stage"} or value["is"] != "best of":
            raise MisfitError(f" {shown(value)} says of nobody that a rule is about them")
        STRING(value["stage"])


MEASURED = text("finite number as text", r"-?\d{1,400}((\.\d{1,1100})?(e[+-]?\d{1,3})?|/[1-9]\d{0,399})", 1600)


def upward(value: Any) -> None:
    """A measured number that is never negative."""
    MEASURED(value)
    if value.startswith("-") and Fraction(value) < 0:
        raise MisfitError(f" {shown(value)} is no number from 0 as text")


def condition(value: Any) -> None:
    """A condition, which may be made of others."""
    if deep(value):
        raise MisfitError(" it nests too deeply")
    _CONDITIONS[0](value)


_CONDITIONS: list[Form] = []
"""The union of all kinds of conditions, once it is known."""

MOST_LOOKS = 64
"""Looks of a lag that ends by rule: each is a stage."""

BASES: dict[str, Form] = {
    "text": STRING,
    "whole": whole(),
    "count": whole(0),
    "some": whole(1),
    "from1": whole(1, 999_999),
    "steps": whole(1),
    "looks1": whole(1, MOST_LOOKS),
    "reruns": whole(0, 99),
    "slots": whole(1, 1_000_000),
    "several": whole(2, 1024),
    "devices": whole(1, 1024),
    "allowed": whole(1, 10**9),
    "day": text("day as YYYY-MM-DD", r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", 10),
    "sign": whole(-1, 1),
    "long": long(),
    "amount": long(0),
    "bool": boolean,
    "yes": yes,
    "number": NUMBER,
    "share": number(Fraction(0), Fraction(1)),
    "rate": number(Fraction(0), Fraction(1), inside=True),
    "confidence": number(Fraction(1, 2), Fraction(1), inside=True),
    "deviation": number(Fraction(0), inside=True),
    "hex": text("SHA-256 of 64 hex digits", "[0-9a-f]{64}", 64),
    "id": text("name", r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,255}", 256),
    "measured": MEASURED,
    "upward": upward,
    "seconds": text("number of seconds from 0", r"\d{1,12}(\.\d{1,12})?", 32),
    "base64": text("base64 text", "[A-Za-z0-9+/]*={0,2}", 1_048_576),
    "folder": text(
        "folder of an attempt", r"runs/[a-z0-9_]{1,80}/[a-z0-9_]{1,200}-[a-z0-9_]{1,80}-s\d{1,20}/attempt-\d{1,6}", 512
    ),
    "imported": text("place of another ledger", r"imports/[0-9a-f]{1,64}\.jsonl", 128),
    "moment": moment,
    "level": level,
    "free": free,
    "condition": condition,
    "judged": judged,
    "left": text("name of a file", r"(?!(.*/)?\.{1,2}(/|$))[!-\[\]-~ ]+(?<!/)", 1024),
    "statepath": text("name of a state", r"(?!/)(?!(.*/)?\.{1,2}(/|$))[!-\[\]-~ ]{1,512}", 512),
    "kept": whole(1, 99),
    "column": choice("config", "run", "seed", "host", "attempt", "step", "seconds", "tokens", "value", "status"),
    "printed": whole(1_000, 10**9),
    "otherwise": either(choice("stop", "hold"), condition),
    "setting": either(STRING, whole()),
    "domain": lambda one: (many(level) if type(one) is list else thing({"low": NUMBER, "high": NUMBER}))(one),
    "word": row(whole(-1, 1), many(STRING)),
    "set": ordered,
}
"""What the forms below are made of."""

FORMS = """
handling: reruns reruns, then 'drop|stop|skip|worst|hold'
bound: kind 'within|at most|at least', value number
test: confidence confidence, method 't|sign_flip|wilcoxon|sigma', sigma deviation?
asked/top: count count, per_host bool
asked/best: share share, per_host bool
asked/level: statistic 'mean|median|worst|every', bound bound
asked/difference: statistic 'mean|median|worst|every', side 'gap|gain', reference text?, bound bound, test test?
asked/equivalent: reference text?, margin number, test test
asked/agreement: between text+, of_hosts bool, bound bound
asked/projected: law text, stages text+, stage text, bound bound
asked/first:
asked/not: condition condition
asked/and: conditions condition+
asked/or: conditions condition+
demand: condition condition, otherwise otherwise
guard: watched 'throughput|contention|seconds', phase text, bound bound, against 'host|candidate'?, handling handling
sample: count count, seed whole
deciding/gate: name text, frozen bool, source text, target text, statistic 'mean|median|worst', metric text,
    keep condition, allowance number, always text*, demands demand*, guards guard*, sample sample?,
    missing handling, crash handling?, ties 'name|order|parameters'+
deciding/rule: name text, frozen bool, judged judged, reference text?, stage text, require condition,
    missing handling, crash handling?, absent 'stop|skip|hold|drop'?, otherwise 'stop|skip|hold|drop'?
deciding/reduction: name text, frozen bool, effects text, sources text+, least number?, into text, around text?,
    rows text*, needs text*, missing handling

measure: metric text, unit text, lower_is_better bool
runner: name text, version whole, digest text?
tokens: path text, pinned text?, vocabulary whole
data: source text, pinned text?, holdout number, score_tokens whole, window whole, tokens tokens?
budget: kind 'wall|cpu|upstream|steps|tokens|flops', amount amount, cap_s count, allowance_s count, tolerance number?
spot: hour number, until day
price: hour number, currency text, spot spot~
host: name text, device text, system text, slots slots, threads count, devices several~, nodes several~, price price?,
    executor text, options [text level bool]+~
machine: device text, system text, threads count, devices several~, nodes several~, options [text level]+~
factor: name text, unit text, domain domain, default level
design: name text, factors text+, low level*, high level*, numbers whole*, rows sign**, centre level*?,
    middles sign**, words word*, generators [text word]*, chosen bool, clear [text text]*, kind text,
    parent text?, resolution whole?
array: name text, kind text, factors text*, levels level**, rows whole**
neighbourhood: name text, of text, gate bool, levels [text level*]*, near {text*}
effective: settings [text setting]*, parameters long, flops_per_token long, fixed_bytes whole, row_bytes whole
candidate: name text, role 'reference|comparator|sentinel|control|plain', levels [text level]*, effective effective,
    follows text?, control_of text?
stage: name text, after text?, promoted bool, candidates text*, beside text?, around text?, budget budget, hosts text+,
    seeds whole+, shared_seeds bool, report_only bool, expected_runs whole?, continues text?, trunk long?,
    cooldown number?, grown_at text*, devices devices~, rests_on text*
suppose: gate text, stage text, costs_s whole
account: count text*, supposes suppose*, expected_s whole?, notes text*
curves: layout text, columns {text}, units {text}, labels {text}, seeds_by text, interpolate bool
stacked: factor text, old level, new level
looks: every steps, stable looks1
grow: name text, parent text, stage text, stack stacked+, strategies text+, lowest bool, lag budget, looks looks?,
    becomes text
schedule: name text, shapes text+, way text?, law text, otherwise 'hold|best|largest'
forecast: name text, law text, candidates text+, stage text
baseline: name text, space text, matched text, seed whole?, stages text*, start text?, conditions {sign*}
step: name text, baseline text, sources text+
comparing/trend: factor text, log bool
comparing/against: factor text, level level
effects: name text, stages text+, designs text+, pairs bool, terms text**, block 'host|seed|stage'*,
    family 'main|pairs|all', rate rate, procedure 'holm|hochberg'~, rest 'error|listed'~, contrasts comparing+~
law: name text, candidates text+, stages text+, form 'compute|shift|size_data', held text?, reach count, draws count,
    seed count
draw: published text?
entrants: possible text*, planned count, most count, sure set
money: amount number, currency text
study: name text, title text, measure measure, runner runner, budget_s whole?, money money~, data data?, hosts {host},
    factors {factor}, designs {design}, arrays {array}, neighbourhoods {neighbourhood}, candidates {candidate},
    cohorts {text*}, stages {stage}, gates {deciding/gate}, rules {deciding/rule}, reductions {deciding/reduction},
    account account?, curves curves?, grows {grow}, schedules {schedule}, baselines {baseline}, steps {step}, laws
    {law}, forecasts {forecast}, effects {effects}, noise number?, anchor bool, draw draw?, order_seed whole?,
    entrants {entrants}, attempts whole

bounds: fewest whole, planned whole, most whole
allowance: missing whole, crash whole, guard whole, attempts whole
plannedstage: name text, after text?, continues text?, budget budget, hosts text+, seeds whole+, allowance allowance,
    report_only bool, entrants bounds, runs [id text text text whole]*, run_count bounds, budget_s whole, bound_s whole,
    added_s_by_host {whole}, bound_s_by_host {whole}, starts_s whole, ends_s whole, shared some~
supposition: gate text, stage text, candidates whole, cells whole, costs_s whole, branch_s whole, kept_s whole,
    shared_s some~
hostbill: hour number, budget number, bound number, spot number~, spot_budget number~, until day~
bill: currency text, hosts {hostbill}, budget number, bound number
plan: promo_plan =3, digest hex, study study, order text*?, seals {hex}, stages plannedstage*, run_count bounds,
    budget_s count, bound_s count, wall_s count, money bill?, suppositions supposition*

reading: after text?, promoted bool, around text?, candidates text*, mode 'fresh|continue|branch', continues text?,
    budget budget, cooldown number?, hosts text*, seeds whole*, devices devices~, report_only bool
start: anchor bool, draw draw?, order_seed whole?
closure: promo_seal =2, rule deciding, measure measure, runner runner, data data?, stages {reading}, machines {machine},
    candidates {{setting}}, grows {grow}, schedules {schedule}, laws {law}, effects effects?, neighbours
    neighbourhood?, around deciding/gate?, order text*?, start start, attempts whole
amending: number count, by text, reason text, post_hoc bool, head hex, time text
seal: name text, digest hex, closure closure, sealed_at text, commit text?, results_then count, replaces hex?,
    amendment amending?
lock: promo_lock =2, study text, seals {seal}

runof: id id, stage text, candidate text, host text, seed whole, label whole?
textof: train text, validation text, digest hex, score_tokens count, window count, token_lengths text?,
    token_width count
keeping: at_end bool, every_s count
trunk: at long, keep bool
continued: folder folder?, state hex?, earlier long, recorded count?
resumed: folder folder, state hex
grown: folder folder?, state hex?, kept 'checkpoint|trunk', way text?
change: at long, way text?, settings {setting}, parameters long, flops_per_token long
segment: steps count, tokens long, until measured, before measured
summary: after text, separator text, within bool, which 'first|last|lowest|highest'?, metrics {text}, figures {text},
    failures {'ok|nan|diverged|oom|timeout|killed|crash|invalid'}
does/function: file text, name text
does/command: argv text*, once yes~
does/script: argv text*, file text, constants {text}, calls {text}, once yes~
states: path statepath, resume text*, keep kept, largest steps, restarts text*
program: does does, files {hex}, summary summary?, environment text*, output_bytes printed, state states~
request: promo_request =2, study text, plan hex, run runof, attempt from1, trainer text, settings {setting},
    parameters long, flops_per_token long, metric text, budget budget, data textof?, checkpoint keeping, trunk trunk?,
    continues continued?, resume resumed?, grow grown?, changes change*, device text, threads count,
    devices several~, nodes several~, program program?,
    levels {level}?, curves hex?, recorded count?
work: steps amount?, tokens amount?, flops amount?, tokens_per_s upward?, steps_per_s upward?
used: kind 'wall|cpu|upstream|steps|tokens|flops', used measured, last_step measured?,
    counter 'trainer|marked|reported|whole|simulated|recorded'
recordedas: number count, table hex, name text, config text?, host text?, seed text?, run text?, rows whole*,
    value measured?
facts: machine {free}, device {free}, software {free}, peak_rss_bytes long?, peak_device_bytes long?,
    started_ahead_s seconds?
body: promo_result =2, request hex, status 'ok|nan|diverged|oom|timeout|killed|crash|invalid', cause text,
    metrics {measured}, seconds {seconds}, points hex, used used?, work work, segments segment*, checkpoint hex?,
    trunk hex?, contention measured?, facts facts, recorded recordedas?, details {free}
envelope: body body, digest hex
point: step count?, tokens amount?, charged_s upward?, metrics {measured}
exit: returncode whole?, reason 'itself|limit|cancelled|supervisor|busy|given up', seconds seconds?

because/demand: demand count
because/lacking: candidates text*, stage text, crashed bool
because/incomparable: candidates text*, stage text
because/absent: candidates text*, stage text
because/nobody promoted: stage text
because/no best: stage text
because/failed:
because/runs lacking: runs count, stage text
because/spanned: candidates text*
because/not told: schedule text
outcome/settled:
outcome/stopped: because because
outcome/held: because because
turn: candidate text, at long
verdict: wording count, decision hex, outcome outcome, promoted text*, answer 'holds|fails|undecided'?,
    fixed [text level]*, path turn*
installed: name text, version whole, code text, versions {text?}
recording: table text, file text, digest hex, interpolate bool, seeds_by text, cells count, empty count, repeated count
tokentext: train_bytes count, validation_bytes count, train_tokens count, validation_tokens count, tokenizer text,
    tokenizer_digest hex, vocabulary count, token_width count, token_lengths_digest hex
preparedtext: source text, documents count, bytes count, digest hex, train_bytes count, train_digest hex,
    validation_bytes count, validation_digest hex, overlap measured, tokens tokentext?
happening/study.frozen: study text, plan hex, seals {hex}, files {hex}, runner installed, promo text, code text,
    commit text?, replay recording?
happening/anchor.received: form text, size count, root base64, by text, digest hex, receipt base64
happening/value.published: source text, value text
happening/orchestrator.started: promo text, commit text?, command text*, packages text*, code text,
    inputs ['program|file|module|variable' text hex? text?]*
happening/data.prepared: text preparedtext
happening/stage.opened: stage text, entrants text*
happening/stage.closed: stage text, evidence hex, missing count
happening/effects.estimated: name text, effects hex, discovered [text text**]*
happening/study.stopped: by text
happening/study.closed: stages count
happening/clock.jumped: seconds whole
happening/attempt.started: run id, attempt from1, stage text, candidate text, host text, seed whole, folder folder,
    request hex, device text?, co_tenants text*, bundle hex?, job id~
happening/result.accepted: run id, attempt from1, envelope hex, metrics {measured}, seconds {seconds}, work work,
    contention measured?, device_s seconds?, witnesses {left:hex}, bundle hex?, queued_s seconds~
happening/attempt.failed: run id, attempt from1, status 'ok|nan|diverged|oom|timeout|killed|crash|invalid', cause text,
    envelope hex?, train_s seconds?, device_s seconds?, witnesses {left:hex}, bundle hex?, queued_s seconds~
happening/attempt.lost: run id, attempt from1,
    loss 'gone|busy|disk|preempted|node|site limit|called off|unbegun|wordless|unknown|outside',
    device_s seconds?, witnesses {left:hex}, bundle hex?, queued_s seconds~
happening/attempt.late: run id, attempt from1, envelope hex,
    status 'ok|nan|diverged|oom|timeout|killed|crash|invalid'
happening/result.flagged: run id, attempt from1, gate text, guard count, value number, limit number, again bool
happening/decided: name text, seal hex?, verdict verdict, others verdict*
happening/person.decided: name text, by text, reason text, promoted text*?, stopped bool
happening/rule.amended: name text, number from1, old closure, new closure, reason text, by text, head hex,
    seen [text text text whole]*, text hex, verdict verdict?
happening/budget.amended: budget_s allowed?, reason text, by text, money number?
happening/bundle.imported: bundle hex, head hex, ledger imported, ledger_digest hex, signer text?,
    taken [id from1 moment moment]*
event: seq count, time moment, incarnation count, event happening, prev hex

tablesettings: layout 'table|autoresearch|wandb|mlflow|optuna', columns {column:text}, units {column:text},
    candidates {text}, hosts {text}, seeds {long:text}, seeds_by 'auto|label|order', interpolate bool
recordedtable: promo_curves =1, table text, settings tablesettings
outside: promo_outside =1, request hex, by text, source text, digest hex?, files {left:hex}, settings tablesettings?
"""
"""
Everything that is stored: `form: name kind, name kind`, or `union/which` for what says under `is` which it is.

`kind?` may be null, `kind~` is left out where it says nothing.
`kind*` is a list (`+`: of one or more), `{kind}` an object with any names, `{name:kind}` such,
`[kind kind]` a list of just these, `'a|b'` one of some words, `=2` that number, and any other word a form above or one
of `BASES`.
"""


class Forms:
    """The forms by name, read from `FORMS` line by line."""

    def __init__(self, said: str) -> None:
        self.known = dict(BASES)
        for line in re.sub(r"\n    ", " ", said).split("\n"):
            name, mark, fields = line.partition(":")
            if mark:
                parts = dict(one.strip().split(" ", 1) for one in fields.split(",") if one.strip())
                union_ = {"is": choice(name.partition("/")[2])} if "/" in name else {}
                silent = frozenset(field_ for field_, one in parts.items() if one[-1] == "~")
                forms = {field_: self.kind(one.rstrip("~")) for field_, one in parts.items()}
                self.known[name] = thing({**union_, **forms}, silent)
        _CONDITIONS.append(self.kind("asked"))

    def kind(self, word: str) -> Form:
        """The form that a word stands for."""
        if word[-1] in "?*+":
            inner = self.kind(word[:-1])
            return maybe(inner) if word[-1] == "?" else many(inner, int(word[-1] == "+"))
        if word[0] == "{":
            names, _, inner = word[1:-1].rpartition(":")
            return table(self.kind(inner), self.kind(names) if names else None)
        if word[0] == "[":
            return row(*map(self.kind, word[1:-1].split()))
        if word[0] == "'":
            return choice(*word[1:-1].split("|"))
        if word[0] == "=":
            return literal(int(word[1:]))
        if word not in self.known:
            members = {name.partition("/")[2]: one for name, one in self.known.items() if name.startswith(f"{word}/")}
            self.known[word] = union(members)
        return self.known[word]


_FORMS = Forms(FORMS)
PLAN, LOCK, REQUEST, ENVELOPE, POINT, EXIT, EVENT, RECORDED, OUTSIDE = map(
    _FORMS.kind, ("plan", "lock", "request", "envelope", "point", "exit", "event", "recordedtable", "outside")
)


# --- the ledger ------------------------------------------------------------------------------------------------------


def sound_lines(content: bytes) -> list[bytes]:
    """
    Whole lines of a ledger, without what a crash left behind them.

    That is a last line without its end, or bytes that a power failure kept from the disk: they read as zeros from where
    a line or a sector of 512 bytes begins, up to where a sector or the file ends.
    """
    zeros = content.find(b"\0", max(len(content) - 65_536, 0))
    if zeros >= 0:
        behind = zeros + len(content[zeros:]) - len(content[zeros:].lstrip(b"\0"))
        begins = not zeros % 512 or content[zeros - 1 : zeros] == b"\n"
        if begins and (behind == len(content) or not behind % 512):
            content = content[:zeros]
    return content.split(b"\n")[:-1]


def chain(content: bytes) -> list[Object]:
    """
    Events of a ledger, each of which names the one before; a torn last line is left out.

    Raises:
        DiffersError: a line is no event, or does not follow the one before; the message names it.
    """
    collected = gc.isenabled()
    gc.disable()  # JSON has no circles, and looking for them takes a third of the time
    try:
        return _chained(sound_lines(content))
    finally:
        if collected:
            gc.enable()


def _chained(lines: list[bytes]) -> list[Object]:
    events: list[Object] = []
    before = GENESIS
    for place, line in enumerate(lines):
        about = f"ledger line {place + 1}"
        try:
            event = strict(line)
        except DiffersError as fault:
            raise DiffersError(f"{about}: {fault}") from fault
        fit(EVENT, event, about)
        if event["seq"] != place or event["prev"] != before:
            raise DiffersError(f"{about}: it does not follow line {place}")
        events.append(event)
        before = sha(b"\0" + line)
    return events


def root(leaves: list[bytes]) -> bytes:
    """Merkle root of RFC 6962, section 2.1."""
    if len(leaves) <= 1:
        return hashlib.sha256(b"\0" + leaves[0] if leaves else b"").digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + root(leaves[:half]) + root(leaves[half:])).digest()


VERSION = 3
"""Of the form of all files that are read here, as `plan.json` says it."""


def version_of(folder: Folder) -> Any:
    """What a plan says of its form; None where there is none that can be read."""
    try:
        plan = json.loads(folder.read("plan.json"))
    except (ValueError, RecursionError, DiffersError, MissingError):
        return None
    return plan.get("promo_plan", 0) if isinstance(plan, dict) and "digest" in plan else None


def of_other_version(folder: Folder, content: bytes) -> str:
    """What to say of a ledger whose lines have another form than those that are read here; empty for a damaged one."""
    try:
        event = json.loads(content.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return ""
    other = isinstance(event, dict) and {"seq", "prev"} <= event.keys() and "event" not in event
    return another_version(folder) if other and version_of(folder) not in (None, VERSION) else ""


def another_version(folder: Folder) -> str:
    """One sentence about a study of another version, and who reads it."""
    said = version_of(folder)
    version = f"version {said}" if type(said) is int and said > 0 else "an older version"
    beside = f"python {printable(str(folder.path / 'recheck.py'))} STUDY" if folder.has("recheck.py") else "its own"
    return f"this study has files of {version} of the format, and this recheck.py reads version {VERSION}; use {beside}"


# --- what a plan says ------------------------------------------------------------------------------------------------


def parts_of(asked: Object) -> Iterator[Object]:
    """The conditions that a condition is made of."""
    if asked["is"] == "not":
        yield from parts_of(asked["condition"])
    elif asked["is"] in ("and", "or"):
        for one in asked["conditions"]:
            yield from parts_of(one)
    else:
        yield asked


def conditions_of(rule: Object) -> list[Object]:
    """Conditions that a gate or rule may ask for, those behind `else` too; a reduction has none."""
    if rule["is"] == "reduction":
        return []
    if rule["is"] == "rule":
        return [rule["require"]]
    others = (one["otherwise"] for one in rule["demands"] if not isinstance(one["otherwise"], str))
    return [rule["keep"], *(one["condition"] for one in rule["demands"]), *others]


def every_part(rule: Object) -> Iterator[Object]:
    """Every condition in a gate or rule, without not, and, or."""
    return (part for asked in conditions_of(rule) for part in parts_of(asked))


def stages_in(rule: Object) -> list[str]:
    """Stages that a gate or rule reads besides its own: ranked, asked a law about, or whose best it is about."""
    named = {
        name
        for part in every_part(rule)
        for name in (part["stages"] if part["is"] == "projected" else part.get("between", ()))
        if not part.get("of_hosts")
    }
    return sorted(named if best_of(rule) is None else {*named, str(best_of(rule))})


def sources_of(rule: Object) -> list[str]:
    """Stages that a gate, rule or reduction reads."""
    return list(rule["sources"]) if "sources" in rule else [rule["source" if rule["is"] == "gate" else "stage"]]


def on_crash(rule: Object) -> Object:
    """How a rule handles runs that failed by their own fault."""
    found: Object = rule.get("crash") or rule["missing"]
    return found


class Plan:
    """A plan whose form has been looked at, and what follows from it."""

    def __init__(self, stored: Object) -> None:
        self.stored, self.study = stored, stored["study"]
        self.digest: str = stored["digest"]
        self.order: list[str] | None = stored["order"]
        self.stages: dict[str, Object] = {one["name"]: one for one in stored["stages"]}
        self.runs: dict[str, list[list[Any]]] = {name: one["runs"] for name, one in self.stages.items()}
        self.cells: dict[Cell, str] = {}
        self.places: dict[str, list[Cell]] = {}
        """Run -> where it stands; stages may have runs in common."""
        for runs in self.runs.values():
            for run, stage, candidate, host, seed in runs:
                self.cells[stage, candidate, host, seed] = run
                self.places.setdefault(run, []).append((stage, candidate, host, seed))

    def deciding(self) -> dict[str, Object]:
        """Gates, rules and reductions, as frozen."""
        return {**self.study["gates"], **self.study["rules"], **self.study["reductions"]}

    def carried_on(self, stage: str) -> list[str]:
        """Stages whose runs a stage carries on, the last one first."""
        before = self.study["stages"][stage]["continues"]
        return [] if before is None else [before, *self.carried_on(before)]

    def earlier(self, stage: str) -> int:
        """What the runs of a stage have spent where they begin."""
        before = self.study["stages"][stage]["continues"]
        if before is None:
            return 0
        trunk = self.study["stages"][before]["trunk"]
        return (
            self.earlier(before) + int(self.study["stages"][before]["budget"]["amount"])
            if trunk is None
            else int(trunk)
        )

    def waits_for(self, stage: str) -> list[str]:
        """Stages that have to end before another one begins."""
        said, study = self.study["stages"][stage], self.study
        before = (said["continues"], said["beside"], *said["grown_at"], *said["rests_on"])
        found = [one for one in before if one is not None]
        after = said["after"]
        found += [study["gates"][after]["source"]] if after in study["gates"] else []
        found += study["steps"][after]["sources"] if after in study["steps"] else []
        return found + (study["reductions"][after]["needs"] if after in study["reductions"] else [])

    def told_by(self) -> dict[str, Object]:
        """Forecast or schedule -> the law that it rests on."""
        return {
            name: self.study["laws"][one["law"]]
            for name, one in (*self.study["forecasts"].items(), *self.study["schedules"].items())
        }

    def awaited(self, stage: str) -> list[str]:
        """Forecasts and schedules that are settled before a stage opens."""
        study = self.study
        followed = {study["candidates"][name]["follows"] for name in study["stages"][stage]["candidates"]}
        foretold = [name for name, one in study["forecasts"].items() if one["stage"] == stage]
        return foretold + [name for name in study["schedules"] if name in followed]

    def followers(self, schedule: str) -> list[str]:
        """Candidates whose shape changes by a schedule."""
        return [name for name, one in self.study["candidates"].items() if one["follows"] == schedule]

    def whole(self, stage: str) -> int:
        """What the runs of a stage have spent at its end, with all that they carry on."""
        return self.earlier(stage) + int(self.study["stages"][stage]["budget"]["amount"])

    def kept(self) -> set[str]:
        """Runs whose state another run begins from."""
        stages = self.study["stages"].values()
        grows = self.study["grows"].values()
        begun = {one["continues"] for one in stages} | {one["stage"] for one in grows} | {one["name"] for one in grows}
        return {run[0] for name in begun - {None} for run in self.runs[name]}

    def ways(self, grow: Object) -> dict[str, str]:
        """Candidate -> the way to grow that it tries."""
        return {f"{grow['name']}_{way}": way for way in grow["strategies"]}

    def lag(self, grow: Object) -> list[str]:
        """The stages in which ways are tried: one for each look, the last with the growth's own name."""
        every, whole = (grow["looks"] or {"every": None})["every"], int(grow["lag"]["amount"])
        early = range(every, whole, every)[:MOST_LOOKS] if every is not None else ()
        return [*(f"{grow['name']}_at_{steps}" for steps in early), grow["name"]]

    # --- whether its parts belong together -----------------------------------------------------------------------

    def loose(self) -> Iterator[str]:
        """Names that lead nowhere; everything else here trusts that there are none."""
        study = self.study
        for kind in ("hosts", "candidates", "stages", "gates", "rules", "reductions", "grows", "steps", "effects",
                     "designs", "neighbourhoods", "baselines", "laws", "forecasts", "schedules"):  # fmt: skip
            for name, one in study[kind].items():
                if one["name"] != name or not re.fullmatch(r"[a-z0-9_]{1,200}", name):
                    yield f"{shown(name)} among the {kind} is no name, or another one"
        if list(self.stages) != [one["name"] for one in self.stored["stages"]]:
            yield "a stage stands there twice"
        if self.stages.keys() != study["stages"].keys() or study["entrants"].keys() != study["stages"].keys():
            yield "plan and study have other stages"
            return
        lost = [(about, name) for about, names, known in self._references() for name in names if name not in known]
        yield from (f"{about} has {shown(name)}, which is not there" for about, name in lost)
        if lost:
            return
        yield from self._misshapen()
        order = {name: place for place, name in enumerate(self.stages)}
        for name in self.stages:
            for other in self.waits_for(name):
                if order[other] >= order[name]:
                    yield f"stage {name} waits for {other}, which does not stand before it"

    def _references(self) -> Iterator[tuple[str, Iterable[str], Iterable[str]]]:
        """Who names whom, and who there is."""
        study = self.study
        stages, candidates, hosts = study["stages"], study["candidates"], study["hosts"]
        choosers = {*study["gates"], *study["reductions"], *study["steps"]}
        for name, one in stages.items():
            about = f"stage {name}"
            yield about, [*one["candidates"], *study["entrants"][name]["possible"]], candidates
            yield about, one["hosts"], hosts
            yield about, [one[key] for key in ("continues", "beside") if one[key] is not None], stages
            yield about, [*one["grown_at"], *one["rests_on"]], stages
            yield about, [one["after"]] if one["after"] is not None else [], choosers
            yield about, [one["around"]] if one["around"] is not None else [], study["neighbourhoods"]
        for name, one in self.stages.items():
            yield f"planned stage {name}", one["hosts"], hosts
        for one in self.deciding().values():
            yield from self._named_in(one)
        yield from self._more_references()

    def _named_in(self, rule: Object) -> Iterator[tuple[str, Iterable[str], Iterable[str]]]:
        """The same of one gate, rule or reduction."""
        study, about = self.study, f"{rule['is']} {rule['name']}"
        stages, candidates = study["stages"], study["candidates"]
        yield about, sources_of(rule), stages
        if rule["is"] == "gate":
            yield about, [rule["target"]], {*stages, *(grow["becomes"] for grow in study["grows"].values())}
            yield about, rule["always"], candidates
        elif rule["is"] == "rule":
            yield about, [one for one in (rule["judged"], rule["reference"]) if isinstance(one, str)], candidates
            yield about, [best_of(rule)] if best_of(rule) is not None else [], stages
        else:
            yield about, [rule["effects"]], study["effects"]
            yield about, rule["needs"], stages
            yield about, rule["rows"], candidates
            yield about, [rule["around"]] if rule["around"] is not None else [], study["gates"]
            designs = () if rule["around"] else study["designs"]
            yield about, [rule["into"]], {*study["neighbourhoods"], *designs}
        for part in every_part(rule):
            if part["is"] == "agreement":
                yield about, part["between"], study["hosts"] if part["of_hosts"] else stages
            elif part["is"] == "projected":
                yield about, [part["law"]], study["laws"]
                yield about, [*part["stages"], part["stage"]], stages
            else:
                yield about, [part["reference"]] if part.get("reference") else [], {*candidates, "leader"}

    def _more_references(self) -> Iterator[tuple[str, Iterable[str], Iterable[str]]]:
        study = self.study
        stages, candidates = study["stages"], study["candidates"]
        for name, one in study["effects"].items():
            yield f"effects {name}", one["stages"], stages
            yield f"effects {name}", one["designs"], {*study["designs"], *study["arrays"]}
        for name, one in study["neighbourhoods"].items():
            yield (
                f"neighbourhood {name}",
                [*one["near"], *(each for some in one["near"].values() for each in some)],
                candidates,
            )
        for name, one in study["steps"].items():
            yield f"step {name}", [one["baseline"]], study["baselines"]
            yield f"step {name}", one["sources"], stages
        for name, one in study["baselines"].items():
            yield f"baseline {name}", one["conditions"], candidates
            yield f"baseline {name}", [one["start"]] if one["start"] is not None else [], one["conditions"]
        for name, one in study["grows"].items():
            yield f"growth {name}", [one["parent"], one["becomes"], *self.ways(one)], candidates
            yield f"growth {name}", [one["stage"], *self.lag(one)], stages
            yield f"growth {name}", self.lag(one)[(one["looks"] or {"stable": 1})["stable"] - 1 :], study["gates"]
        for name, one in study["laws"].items():
            yield f"law {name}", one["candidates"], candidates
            yield f"law {name}", [*one["stages"], *([one["held"]] if one["held"] is not None else [])], stages
        for name, one in study["forecasts"].items():
            yield f"forecast {name}", [one["law"]], study["laws"]
            yield f"forecast {name}", one["candidates"], candidates
            yield f"forecast {name}", [one["stage"]], stages
        for name, one in study["schedules"].items():
            yield f"schedule {name}", [one["law"]], study["laws"]
            yield f"schedule {name}", one["shapes"], candidates
        for name, one in candidates.items():
            yield f"candidate {name}", [one["follows"]] if one["follows"] is not None else [], study["schedules"]
        yield "the order", self.order or [], candidates

    def loose_in(self, rule: Object) -> Iterator[str]:
        """What is wrong with a gate, rule or reduction of this study, though its form is right."""
        for about, names, known in self._named_in(rule):
            yield from (f"{about} has {shown(name)}, which is not there" for name in names if name not in known)
        yield from misshapen(rule, self.order)

    def _unlike(self, effects: Object) -> Iterator[str]:
        """What does not fit of the designs of effects, and of their contrasts."""
        known = {**self.study["designs"], **self.study["arrays"]}
        designs = [known[each] for each in effects["designs"] if each in known]
        if len({tuple(one["factors"]) for one in designs}) > 1 or len({"levels" in one for one in designs}) > 1:
            yield "has designs of other factors"
        elif designs and not all(one.get("levels") == designs[0].get("levels") for one in designs):
            yield "has designs of other levels"
        elif designs:
            levels = dict(zip(designs[0]["factors"], designs[0].get("levels", ()), strict=False))
            said = effects.get("contrasts", [])
            if [one["factor"] for one in said] != [name for name, some in levels.items() if len(some) > 2]:
                yield "does not say what each factor of more than two levels is compared by"
            elif not all(comparable(one, levels[one["factor"]]) for one in said):
                yield "has a contrast that the levels do not have"

    def _misshapen(self) -> Iterator[str]:
        """Lists that have to be as long as others, and what a condition has to say beside its form."""
        study = self.study
        for name, one in study["designs"].items():
            size = len(one["factors"])
            lists = [one["low"], one["high"], *one["rows"], *one["middles"]]
            lists += [one["centre"]] if one["centre"] is not None else []
            if any(len(some) != size for some in lists) or len(one["numbers"]) != len(one["rows"]):
                yield f"design {name} has rows of another length"
        for name, one in study["baselines"].items():
            if len({len(some) for some in one["conditions"].values()}) > 1:
                yield f"baseline {name} has conditions of another length"
        for name, one in study["arrays"].items():
            counts = [len(some) for some in one["levels"]]
            sound = len(counts) == len(one["factors"]) and all(
                len(row_) == len(counts) and all(0 <= at < most for at, most in zip(row_, counts, strict=True))
                for row_ in one["rows"]
            )
            if not sound:
                yield f"array {name} has rows of other levels than its factors"
        for name, one in study["effects"].items():
            yield from (f"effects {name} {fault}" for fault in self._unlike(one))
        for name, one in study["grows"].items():
            yield from (f"growth {name}: {fault}" for fault in self._mislaid(one))
        for name, one in self.deciding().items():
            yield from (f"{name}: {fault}" for fault in misshapen(one, self.order))

    def _mislaid(self, grow: Object) -> Iterator[str]:
        """What is wrong with the looks of a lag that ends by rule: stages in a row, and what each gate asks."""
        if grow["looks"] is None:
            return
        every, stable, lag = grow["looks"]["every"], grow["looks"]["stable"], self.lag(grow)
        for place, name in enumerate(lag):
            stage, before = self.study["stages"][name], lag[place - 1] if place else None
            led = before if place >= stable else None
            who = ([], True) if led else (sorted(self.ways(grow)), False)
            if (stage["continues"], stage["after"], sorted(stage["candidates"]), stage["promoted"]) != (
                before,
                led,
                *who,
            ):
                yield f"{name} does not carry on the look before it as its rule says"
            if (stage["budget"]["amount"], stage["trunk"]) != (str(every), str(every * (place + 1))):
                yield f"{name} is no look of {every} steps"
            gate = self.study["gates"].get(name)
            same = {"is": "agreement", "between": lag[place + 1 - stable : place + 1], "of_hosts": False,
                    "bound": {"kind": "at least", "value": "1"}}  # fmt: skip
            otherwise = {"is": "top", "count": len(grow["strategies"]), "per_host": False}
            asked = [{"condition": same, "otherwise": otherwise}] if name != grow["name"] else []
            first = {"is": "top", "count": 1, "per_host": False}
            if gate is not None and (gate["keep"], gate["demands"]) != (first, asked):
                yield f"the gate {name} asks for something else than that its order has stayed"


def misshapen(rule: Object, order: list[str] | None) -> Iterator[str]:
    """What is wrong with a rule though its form is right."""
    if rule["is"] == "gate" and "order" in rule["ties"] and order is None:
        yield "the order that breaks its ties is not there"
    for part in every_part(rule):
        test = part.get("test")
        if rule["is"] == "rule" and part["is"] in ("top", "best"):
            yield "a rule promotes nobody, so it has no places"
        if rule["is"] == "gate" and part["is"] in ("difference", "equivalent") and part["reference"] is None:
            yield "a gate says whom it compares with"
        if test and (test["method"] == "sigma") is (test["sigma"] is None):
            yield "a standard deviation belongs to that method alone"
        if part["is"] == "difference" and test:
            known = "median" if test["method"] == "wilcoxon" else "mean"
            if part["statistic"] != known or part["bound"]["kind"] == "within":
                yield f"{test['method']} is no test of that"
        if part["is"] == "agreement" and len(set(part["between"])) < 2:
            yield "one ranking agrees with itself"


# Run identities, digests, and what a seal is the digest of.


def identities(plan: Plan) -> dict[Cell, str]:
    """Each run's identity: what it trains, from where, for how long, on what, with which seed and runner."""
    study = plan.study
    common = sha(compact({"runner": study["runner"], "data": study["data"]}))
    models = {
        name: f"promo-run-2\n{sha(compact(dict(one['effective']['settings'])))}{common}\n"
        for name, one in study["candidates"].items()
    }
    machines = {name: sha(compact(machine(one))) for name, one in study["hosts"].items()}
    alike = not any("devices" in one for one in study["stages"].values())
    heads = {host: _heads(plan, models, host) for host in (list(study["hosts"])[:1] if alike else study["hosts"])}
    lags = {name for grow in study["grows"].values() for name in plan.lag(grow)}
    found: dict[Cell, str] = {}
    for name, stage in plan.stages.items():
        spent = {host: _spent(plan, name, host) for host in stage["hosts"]}
        for host, seed in itertools.product(stage["hosts"], stage["seeds"]):
            tail = f"{spent[host]}\n{host}\n{machines[host]}\n{seed}"
            told = heads[next(iter(heads)) if alike else host][name in lags]
            for candidate in study["entrants"][name]["possible"]:
                found[name, candidate, host, seed] = sha((told[candidate] + tail).encode())[:16]
    return found


def _spent(plan: Plan, stage: str, host: str) -> str:
    """Budgets and trunks of a stage and those that it carries on; devices too, where they are not the host's."""
    said, given = plan.study["stages"], plan.study["hosts"][host].get("devices", 1)
    every = [(name, devices(plan.study, name, host)) for name in (*reversed(plan.carried_on(stage)), stage)]
    return compact(
        [[said[one]["budget"], said[one]["trunk"], *([] if many == given else [many])] for one, many in every]
    ).decode()


def _heads(plan: Plan, models: dict[str, str], host: str) -> tuple[dict[str, str], dict[str, str]]:
    """What identities of each candidate's runs on a host begin with, elsewhere and where ways to grow are tried."""
    study, heads, tried = plan.study, dict(models), dict[str, str]()
    for grow in _parents_first(plan):
        parent = sha(heads[grow["parent"]].encode())[:16]
        before = _spent(plan, grow["stage"], host)
        grown = f"{sha(compact({'grow': grow, 'before': before, 'parent': parent}))}\n"
        heads[grow["becomes"]] += grown
        for name in plan.ways(grow):
            tried[name] = heads[name] + grown
            heads[name] = tried[name] + grown  # elsewhere a way begins from what it left itself
    for name, schedule in study["schedules"].items():
        law = study["laws"][schedule["law"]]
        shapes = [sha(heads[one].encode())[:16] for one in schedule["shapes"]]
        there = [(one, study["stages"][one]["hosts"]) for one in law["stages"]]
        points = [[*dict.fromkeys(_spent(plan, one, each) for each in hosts), *hosts] for one, hosts in there]
        for one in plan.followers(name):
            heads[one] += f"{sha(compact([schedule, law, shapes, points]))}\n"
    return heads, tried


def _parents_first(plan: Plan) -> list[Object]:
    """Growths, each behind the one that its parent comes from."""
    left, found = dict(plan.study["grows"]), []
    while left:
        coming = {name for one in left.values() for name in (one["becomes"], *plan.ways(one))}
        ready = [name for name, one in left.items() if one["parent"] not in coming] or list(left)
        found += [left.pop(name) for name in ready]
    return found


def machine(host: Object) -> Object:
    """What of a host may move a score."""
    moving = [option[:2] for option in host.get("options", ()) if option[2]]
    said = ("device", "system", "threads", "devices", "nodes")
    return {key: host[key] for key in said if key in host} | ({"options": moving} if moving else {})


def closure(plan: Plan, rule: Object, study: Object | None = None) -> Object:
    """Everything that a rule's verdict rests on: the value that its seal is the digest of."""
    study = study or plan.study
    stages, entrants = study["stages"], study["entrants"]
    effects = neighbours = around = order = None
    if rule["is"] == "reduction":
        effects = study["effects"][rule["effects"]]
        effects = {**effects, "block": sorted(effects["block"])}
        points = {name for design in effects["designs"] for name in points_of(study["designs"][design])}
        seen = {name for stage in rule["sources"] for name in entrants[stage]["possible"] if name in points}
        candidates, read = seen | set(rule["rows"]), set(rule["needs"])
        neighbours = study["neighbourhoods"].get(rule["into"])
        around = study["gates"].get(rule["around"] or "") if neighbours is not None else None
    else:
        read = {*sources_of(rule), *stages_in(rule)}
        kinds = {part["is"] for part in every_part(rule)}
        if rule["is"] == "gate" or kinds & {"first", "agreement"} or not isinstance(rule["judged"], str):
            candidates = set(entrants[sources_of(rule)[0]]["possible"])
        else:
            candidates = {one for one in (rule["judged"], rule["reference"]) if isinstance(one, str)}
        if best_of(rule) is not None:
            candidates |= set(entrants[best_of(rule)]["possible"])
        if "order" in rule.get("ties", ()):
            order = [name for name in plan.order or () if name in candidates]
    grows, through, people = {}, set(read), set(candidates)
    while True:
        more = {
            name: one
            for name, one in study["grows"].items()
            if name not in grows and (people & {one["becomes"], *plan.ways(one)} or through.intersection(plan.lag(one)))
        }
        if not more:
            break
        grows.update(more)
        through |= {one["stage"] for one in more.values()}
        people |= {one["parent"] for one in more.values()}
    followed = {study["candidates"][name]["follows"] for name in candidates}
    schedules = {name: one for name, one in study["schedules"].items() if name in followed}
    laws = {one["law"]: study["laws"][one["law"]] for one in schedules.values()}
    asked = {part["law"] for part in every_part(rule) if part["is"] == "projected"}
    laws |= {name: study["laws"][name] for name in asked}
    read |= {stage for one in laws.values() for stage in one["stages"]}
    candidates |= {shape for one in schedules.values() for shape in one["shapes"]}
    for grow in grows.values():
        read |= {*plan.lag(grow), grow["stage"]}
        candidates |= {grow["parent"], *plan.ways(grow)}
    read |= {before for name in read for before in plan.carried_on(name)}
    hosts = {host for name in read for host in stages[name]["hosts"]}
    return {
        "promo_seal": 2,
        "rule": rule,
        "measure": study["measure"],
        "runner": study["runner"],
        "data": study["data"],
        "stages": {name: reading(stages[name]) for name in read},
        "machines": {name: machine(study["hosts"][name]) for name in hosts},
        "candidates": {name: dict(study["candidates"][name]["effective"]["settings"]) for name in candidates},
        "grows": grows,
        "schedules": schedules,
        "laws": laws,
        "effects": effects,
        "neighbours": neighbours,
        "around": around,
        "order": order,
        "start": {key: study[key] for key in ("anchor", "draw", "order_seed")},
        "attempts": study["attempts"],
    }


def reading(stage: Object) -> Object:
    """What of a stage its evidence rests on."""
    mode = "fresh" if stage["continues"] is None else "continue" if stage["trunk"] is None else "branch"
    same = ("after", "promoted", "around", "continues", "budget", "cooldown", "report_only")
    ordered = {key: sorted(stage[key]) for key in ("candidates", "hosts", "seeds")}
    given = {"devices": stage["devices"]} if "devices" in stage else {}
    return {**{key: stage[key] for key in same}, **ordered, **given, "mode": mode}


def points_of(design: Object) -> dict[str, tuple[int, ...]]:
    """Candidate -> its row; at the centre factors with a middle level have a zero; of an array numbers from 1."""
    if "levels" in design:
        return {f"{design['name']}_{one}": tuple(at + 1 for at in row) for one, row in enumerate(design["rows"], 1)}
    found = {f"{design['name']}_{one}": tuple(row) for one, row in zip(design["numbers"], design["rows"], strict=True)}
    middles = [tuple(row) for row in design["middles"]]
    names = [f"{design['name']}_centre_{number}" for number in range(1, len(middles) + 1)]
    found.update(zip(names if len(names) > 1 else [f"{design['name']}_centre"], middles, strict=False))
    return found


def allowance(rules: Iterable[Object], stage: str, attempts: int) -> Object:
    """
    How often a run of a stage is made again that lacks a value, that failed by its own fault, that was set aside.

    *attempts* is how often it is tried in all, lost ones included; what rules allow is allowed even where that is less.
    """
    every = [one for one in rules if stage in sources_of(one)]
    guards = [guard for one in every if one["is"] == "gate" for guard in one["guards"]]
    return {
        "missing": max((one["missing"]["reruns"] for one in every), default=0),
        "crash": max((on_crash(one)["reruns"] for one in every), default=0),
        "guard": max((guard["handling"]["reruns"] for guard in guards), default=0),
        "attempts": attempts,
    }


def most_of(allowed: Object) -> int:
    """The largest number of attempts of a run."""
    return max(int(allowed["attempts"]), 1 + int(allowed["missing"]) + int(allowed["crash"]) + int(allowed["guard"]))


def certain(plan: Plan) -> set[str]:
    """Stages that have ended before any decision can be the end of the study."""
    behind: dict[str, set[str]] = {}
    for name in plan.stages:
        behind[name] = {name}.union(*(behind[one] for one in plan.waits_for(name)))
    found = set(plan.stages)
    for rule in plan.deciding().values():
        if may_end(rule, plan.study["entrants"]):
            found &= set().union(*(behind[one] for one in sources_of(rule)))
    return found


def may_end(rule: Object, entrants: Object) -> bool:
    """Whether a decision can stop the study, or ask a person who may."""
    answers = [rule["missing"]["then"], on_crash(rule)["then"], rule.get("otherwise")]
    if rule["is"] == "gate":
        answers += [one["handling"]["then"] for one in rule["guards"]]
        answers += [one["otherwise"] for one in rule["demands"] if isinstance(one["otherwise"], str)]
        others = [one["otherwise"] for one in rule["demands"] if not isinstance(one["otherwise"], str)]
        parts = [part for asked in (rule["keep"], *others) for part in parts_of(asked)]
        answers += ["stop" for part in parts if part.get("reference") not in (None, "leader")]
    elif rule["is"] == "rule":
        named = {one for one in (rule["judged"], rule["reference"]) if isinstance(one, str)}
        if not isinstance(rule["judged"], str) or not named <= set(entrants[rule["stage"]]["sure"]):
            answers.append(rule["absent"] or rule["missing"]["then"])
    return "stop" in answers or "hold" in answers


def unlike(plan: Plan) -> Iterator[str]:
    """Where a plan is not what follows from its study."""
    stored, study = plan.stored, plan.study
    content = {"study": study, "order": plan.order, "seals": stored["seals"]}
    runs = [[name, [run[0] for run in some]] for name, some in plan.runs.items()]
    if sha(compact({**content, "runs": runs})) != plan.digest:
        yield "its digest is not that of its parts"
    sealed = {name: sha(compact(closure(plan, one))) for name, one in plan.deciding().items() if one["frozen"]}
    for name in sorted(sealed.keys() | stored["seals"].keys()):
        if sealed.get(name) != stored["seals"].get(name):
            yield f"the seal of {name} is not the digest of what its verdict rests on"
    found, salt, counts = identities(plan), study["order_seed"], counted(plan)
    for name, stage in plan.stages.items():
        due: list[list[Any]] = []
        said = study["stages"][name]
        for seed in stage["seeds"]:
            names = itertools.product(stage["hosts"], study["entrants"][name]["possible"])
            block = [[found[name, who, host, seed], name, who, host, seed] for host, who in names]
            due += sorted(block, key=lambda run: run[0] if salt is None else sha(compact([str(salt), run[0]])))
        if stage["runs"] != due:
            yield f"the runs of {name}, or their order, do not follow from its study"
        same = all(stage[key] == said[key] for key in ("after", "continues", "budget", "report_only"))
        if (
            not same
            or sorted(stage["hosts"]) != sorted(said["hosts"])
            or sorted(stage["seeds"]) != sorted(said["seeds"])
        ):
            yield f"stage {name} is another one than its study says"
        sums = counts[name]
        yield from (f"{key} of {name} does not follow from its study" for key in sums if stage.get(key, 0) != sums[key])
    sums = summed(plan)
    yield from (f"{key} does not follow from its stages" for key in sums if stored[key] != sums[key])


def counted(plan: Plan) -> dict[str, Object]:
    """
    What each stage comes to: who enters, how many attempts begin at least and at most, and what that costs.

    The fewest are those that are sure to enter a stage which nothing can cut off; a run that several stages have in
    common begins once, and in the totals counts once.  The bound is every attempt, each with its cap, its allowance
    and 10 seconds, after which nothing of it is left.  Times are those of runs that take the slot and devices which are
    free first: no more runs at once than slots, no more devices at once than all slots have.
    """
    study, rules = plan.study, list(plan.deciding().values())
    free = {name: _vacant(study, name) for name in study["hosts"]}
    reached, begun, found = certain(plan), set[str](), dict[str, Object]()
    tries = {name: most_of(allowance(rules, name, study["attempts"])) for name in plan.stages}
    for name, stage in plan.stages.items():
        there, seeds, cap_s = study["entrants"][name], len(stage["seeds"]), stage["budget"]["cap_s"]
        sure = set(there["sure"]) if name in reached else set()
        first = {run[0] for run in stage["runs"] if run[2] in sure} - begun
        begun |= first
        allowed = allowance(rules, name, study["attempts"])
        cells = len(stage["hosts"]) * seeds
        planned_, most = there["planned"] * cells, there["most"] * cells * most_of(allowed)
        new = added(plan, name, "planned", dict.fromkeys(plan.stages, 1))
        ready = max((found[one]["ends_s"] for one in plan.waits_for(name)), default=0)
        if there["planned"] * seeds > 1_000_000:
            raise DiffersError(f"stage {name} has more runs than any plan")
        wide = {host: width(study, name, host) for host in stage["hosts"]}
        widths = sum(wide.values()) * seeds
        tried = added(plan, name, "most", tries)
        for host in stage["hosts"]:
            _occupy(free[host], new[host], devices(study, name, host), cap_s, ready)
        found[name] = {
            "allowance": allowed,
            "entrants": {"fewest": len(sure), "planned": there["planned"], "most": there["most"]},
            "run_count": {"fewest": len(first), "planned": planned_, "most": most},
            "budget_s": there["planned"] * widths * cap_s,
            "bound_s": there["most"] * most_of(allowed) * widths * longest_of(stage),
            "added_s_by_host": {host: many * wide[host] * cap_s for host, many in new.items()},
            "bound_s_by_host": {host: many * wide[host] * longest_of(stage) for host, many in tried.items()},
            "shared": planned_ - sum(new.values()),
            "starts_s": ready,
            "ends_s": max(ready, *(max(free[host][0]) for host in stage["hosts"])),
        }
    return found


def _vacant(study: Object, host: str) -> tuple[list[int], list[int], int]:
    """When each slot of a host is free, and when each part of its devices that all of its runs take whole; its size."""
    said, given = study["hosts"][host], study["hosts"][host].get("devices", 1)
    part = math.gcd(given, *(devices(study, name, host) for name in study["stages"]))
    return [0] * said["slots"], [0] * (said["slots"] * given // part), part


def _occupy(free: tuple[list[int], list[int], int], runs: int, wide: int, seconds: int, ready: int) -> None:
    """Give runs to the slots and devices that are free first; *wide* is how many devices each of them has."""
    slots, parts, part = free
    for heap in (slots, parts):
        heapq.heapify(heap)
    if wide > part * len(parts):
        raise DiffersError("a stage gives its runs more devices than a host has")
    for _ in range(runs):
        taken = [heapq.heappop(parts) for _ in range(wide // part)]
        ends = max(slots[0], ready, *taken) + seconds
        heapq.heapreplace(slots, ends)
        for _ in taken:
            heapq.heappush(parts, ends)


def added(
    plan: Plan, name: str, which: str, tries: dict[str, int], among: Iterable[str] = (), many: int | None = None
) -> dict[str, int]:
    """
    Host -> attempts that a stage adds to those of earlier ones, or of those *among* them, by whoever adds most there.

    An earlier stage answers for a run if all who may enter it are counted, or if whoever enters this one was there.
    """
    there, stage = plan.study["entrants"], plan.stages[name]
    earlier = dict[str, list[str]]()
    for other in itertools.takewhile(lambda one: one != name, among or plan.stages):
        for run in plan.stages[other]["runs"]:
            earlier.setdefault(run[0], []).append(other)
    behind = {who: entered(plan, name, who) for who in there[name]["possible"]}
    found = {who: dict.fromkeys(stage["hosts"], 0) for who in behind}
    for ident, _, who, host, _ in stage["runs"]:
        before = (
            tries[one]
            for one in earlier.get(ident, ())
            if one in behind.get(who, ()) or there[one][which] >= len(there[one]["possible"])
        )
        if host in found.get(who, {}):  # another one is told elsewhere
            found[who][host] += max(tries[name] - max(before, default=0), 0)
    most = there[name][which] if many is None else many
    return {host: sum(heapq.nlargest(most, (one[host] for one in found.values()))) for host in stage["hosts"]}


def entered(plan: Plan, name: str, who: str) -> set[str]:
    """Stages that a candidate must have entered before, if it enters this one: those on its way through gates."""
    stage = plan.study["stages"][name]
    gate = plan.study["gates"].get(stage["after"])
    if gate is None or not stage["promoted"] or stage["around"] is not None or who in stage["candidates"]:
        return set()
    return {gate["source"], *entered(plan, gate["source"], who)}


def devices(study: Object, stage: str, host: str) -> int:
    """Devices that a run has on each of its nodes: as many as its stage says, or else its host, or else 1."""
    given = study["hosts"].get(host, {}).get("devices", 1)
    return int(study["stages"].get(stage, {}).get("devices", given))


def width(study: Object, stage: str, host: str) -> int:
    """Devices that a run of a stage on a host has on all of its nodes; 1 where there is no such host."""
    return devices(study, stage, host) * int(study["hosts"][host].get("nodes", 1)) if host in study["hosts"] else 1


def longest_of(stage: Object) -> int:
    """Seconds that an attempt lasts at most: its cap, its allowance, and 10 seconds until nothing of it is left."""
    return int(stage["budget"]["cap_s"]) + int(stage["budget"]["allowance_s"]) + 10


def hourly(price: Object, moment: str) -> Fraction:
    """What per device hour costs that begins at a moment: the spot price holds to the end of its day in UTC."""
    spot = price.get("spot")
    return Fraction(price["hour"] if spot is None or moment[:10] > spot["until"] else spot["hour"])


def billed(study: Object, stages: list[Object]) -> Object | None:
    """What budget and bound cost at the price of each host, and what the budget costs at its spot price."""
    hosts = dict[str, Object]()
    kinds = {"budget": "added_s_by_host", "bound": "bound_s_by_host"}
    totals = dict.fromkeys(kinds, Fraction())
    for name, host in study["hosts"].items():
        price = host["price"]
        if price is None:
            continue
        seconds = {key: sum(one[by].get(name, 0) for one in stages) for key, by in kinds.items()}
        costs = {key: Fraction(price["hour"]) * many / 3600 for key, many in seconds.items()}
        totals = {key: totals[key] + cost for key, cost in costs.items()}
        hosts[name] = {"hour": price["hour"], **{key: exact(cost) for key, cost in costs.items()}}
        if "spot" in price:
            lower = exact(Fraction(price["spot"]["hour"]) * seconds["budget"] / 3600)
            hosts[name] |= {"spot": price["spot"]["hour"], "spot_budget": lower, "until": price["spot"]["until"]}
    if not hosts:
        return None
    return {"currency": currency(study), "hosts": hosts, **{key: exact(cost) for key, cost in totals.items()}}


def currency(study: Object) -> str:
    """The currency that a study counts in: that of its budget, or of its first price."""
    prices = (host["price"]["currency"] for host in study["hosts"].values() if host["price"] is not None)
    return str(study["money"]["currency"] if "money" in study else next(prices, ""))


def summed(plan: Plan) -> Object:
    """What a plan says of all its stages together, and of continuations that are priced and never run."""
    stages, study = list(plan.stages.values()), plan.study
    once = dict.fromkeys(plan.stages, 1)
    tries = {name: most_of(stage["allowance"]) for name, stage in plan.stages.items()}
    supposed = []
    for one in (study["account"] or {"supposes": ()})["supposes"]:
        target, stage = study["gates"][one["gate"]]["target"], plan.stages[one["stage"]]
        behind = {target}
        for name in plan.stages:
            behind |= {name} if behind & set(plan.waits_for(name)) else set()
        candidates, cells = study["entrants"][target]["planned"], len(stage["hosts"]) * len(stage["seeds"])
        need = [name for name in plan.stages if name not in behind - {target} | {one["stage"]}]
        kept = sum(
            many * width(study, name, host) * plan.stages[name]["budget"]["cap_s"]
            for name in need
            for host, many in added(plan, name, "planned", once, need).items()
        )
        widths = sum(width(study, one["stage"], host) for host in stage["hosts"]) * len(stage["seeds"])
        costs = {
            "costs_s": candidates * widths * stage["budget"]["cap_s"],
            "branch_s": stage["budget_s"],
            "kept_s": kept,
        }
        new = added(plan, one["stage"], "planned", once, [*need, one["stage"]], candidates)
        alone_s = sum(many * width(study, one["stage"], host) for host, many in new.items()) * stage["budget"]["cap_s"]
        costs |= {"shared_s": costs["costs_s"] - alone_s} if alone_s != costs["costs_s"] else {}
        supposed.append({"gate": one["gate"], "stage": one["stage"], "candidates": candidates, "cells": cells, **costs})
    return {
        "run_count": {
            "fewest": sum(one["run_count"]["fewest"] for one in stages),
            "planned": sum(sum(added(plan, name, "planned", once).values()) for name in plan.stages),
            "most": sum(sum(added(plan, name, "most", tries).values()) for name in plan.stages),
        },
        "budget_s": sum(sum(one["added_s_by_host"].values()) for one in stages),
        "bound_s": sum(sum(one["bound_s_by_host"].values()) for one in stages),
        "wall_s": max((one["ends_s"] for one in stages), default=0),
        "money": billed(study, stages),
        "suppositions": supposed,
    }


# --- the course of a study -------------------------------------------------------------------------------------------

OWN_FAULT = frozenset({"nan", "diverged", "oom", "crash"})
"""Statuses of runs that failed by their own fault, as they would on any machine."""
ENDS = frozenset({"result.accepted", "attempt.failed", "attempt.lost"})
AFTERWARDS = frozenset({"anchor.received", "rule.amended", "clock.jumped"})
"""What may still be recorded of a study that has ended."""
UNATTENDED = frozenset({*AFTERWARDS, "study.frozen", "value.published", "orchestrator.started", "person.decided",
                        "budget.amended", "bundle.imported"})  # fmt: skip
"""What commands record that do not run the study."""
FIXED = ("is", "name", "frozen", "source", "target", "metric", "judged", "reference", "stage", "effects", "sources",
         "into", "around", "rows", "needs")  # fmt: skip
"""What an amendment of a rule may not change: what it is about."""
HAPPENED = {
    "study.frozen": "the study was frozen",
    "anchor.received": "a receipt was recorded",
    "value.published": "a published value was recorded",
    "orchestrator.started": "promo started",
    "data.prepared": "the text was prepared",
    "stage.opened": "stage {stage} opened",
    "stage.closed": "stage {stage} closed",
    "effects.estimated": "effects {name} were estimated",
    "study.stopped": "{by} stopped the study",
    "study.closed": "the study was closed",
    "clock.jumped": "the clock jumped by {seconds} s",
    "attempt.started": "{folder} began",
    "result.accepted": "attempt {attempt} of run {run} was accepted",
    "attempt.failed": "attempt {attempt} of run {run} failed",
    "attempt.lost": "attempt {attempt} of run {run} was lost",
    "attempt.late": "attempt {attempt} of run {run} came late",
    "result.flagged": "{gate} set attempt {attempt} of run {run} aside",
    "decided": "{name} decided",
    "person.decided": "a person decided about {name}",
    "rule.amended": "{name} was amended",
    "budget.amended": "a budget was amended",
    "bundle.imported": "a bundle was taken in",
}
"""What an event tells, in words."""


@dataclass(slots=True)
class Attempt:
    """One try at one run: what was recorded at its start, and how it stands."""

    run: str
    number: int
    stage: str
    candidate: str
    host: str
    seed: int
    folder: str
    request: str
    bundle: str | None
    state: str = "running"
    """`running`, `accepted`, `flagged`, `failed` or `lost`."""
    end: Object = field(default_factory=dict)
    """The event of its end."""
    again: bool = False
    """A guard set it aside, and the run is made again."""
    late: str | None = None
    job: str | None = None
    """The name that its queue knew it by."""
    began: str = ""
    """When it was started."""

    @property
    def unseen(self) -> bool:
        """Whether its queue had lost sight of it, so that it may leave a result after the ledger's last word of it."""
        return self.job is not None and self.state == "lost" and not self.end.get("witnesses") and self.late is None

    @property
    def status(self) -> str:
        """How a cell calls it."""
        return str(self.end["status"]) if self.state == "failed" else "ok" if self.state == "accepted" else self.state

    @property
    def envelope(self) -> str | None:
        """Digest of the result that it left."""
        return self.end.get("envelope")


class Course:
    """
    What a ledger adds up to, event by event, and whether the next event was allowed there.

    What is missing shows by what follows: no stage closes before its last run, and no study before its last verdict.
    """

    def __init__(self, plan: Plan, recorded: dict[tuple[str, str, int], int] | None = None) -> None:
        """*recorded*: in a replay, how many runs its table has for a candidate, host and seed."""
        self.plan, self.study, self.recorded = plan, dict(plan.study), recorded
        self.frozen: Object | None = None
        self.text: Object | None = None
        self.opened: dict[str, list[str]] = {}
        self.closed: dict[str, Object] = {}
        self.attempts: dict[str, list[Attempt]] = {}
        self.decided: dict[str, Object] = {}
        self.people: dict[str, Object] = {}
        self.estimated: dict[str, Object] = {}
        self.amendments: list[Object] = []
        self.receipts: list[Object] = []
        self.published: Object | None = None
        self.bundles: dict[str, Object] = {}
        self.arrivals: dict[tuple[str, int], list[str]] = {}
        """(run, attempt) -> when it began and ended elsewhere, of all that bundles brought."""
        money = self.study["money"]["amount"] if "money" in self.study else None
        self.budget = {"budget_s": self.study["budget_s"], "money": None if money is None else Fraction(money)}
        """Budgets in force, of seconds of devices and of money; None where there is none."""
        self.used = {"budget_s": Fraction(0), "money": Fraction(0)}
        """What attempts have used up of both."""
        self.uses: dict[tuple[str, int], dict[str, Fraction]] = {}
        self.ended = ""
        self.stop = ""
        """Who says that the study ends."""
        self.incarnation = self.started = 0
        self.inputs: list[Any] | None = None
        self.time = ""
        self.allowed: dict[str, Object] = {}
        """Stage -> how often a run may be tried there."""
        self.left: dict[str, set[str]] = {}
        """Opened stage -> those of its runs that have not ended."""
        self.going: dict[str, dict[tuple[str, int], int]] = {}
        """Host -> (run, attempt) of what goes on there, and its devices; what a bundle brought was elsewhere."""
        self._reword()

    # --- one event -----------------------------------------------------------------------------------------------

    def wrong(self, event: Object) -> str:
        """Why an event was not allowed here; empty if it was."""
        said, kind, count = event["event"], event["event"]["is"], event["incarnation"]
        if kind == "study.frozen":
            first = event["seq"] == 0 and count == 1
            return "" if first else "a study is frozen once, before everything else"
        if self.frozen is None:
            return "the study had not been frozen"
        if not self.incarnation <= count <= self.incarnation + 1:
            return f"its number of starts is {count}, and that before was {self.incarnation}"
        passed = seconds_of(event["time"]) - seconds_of(self.time)
        if passed < (said["seconds"] if kind == "clock.jumped" else 0) - BACK_S:
            jump = "its time does not show that" if kind == "clock.jumped" else "no jump of the clock is recorded"
            return f"its time is {abs(passed)} s {'after' if passed >= 0 else 'before'} that of the last, and {jump}"
        if self.ended and kind not in AFTERWARDS:
            return f"the study had been {self.ended}"
        if kind not in UNATTENDED and said.get("bundle") is None and self.started != count:
            return f"no start of promo is recorded for it (start {count})"
        answer: str = getattr(self, f"_{kind.replace('.', '_')}")(said, event)
        return answer

    def take(self, event: Object) -> None:
        """Go on as if an event had been allowed."""
        said, kind = event["event"], event["event"]["is"]
        self.incarnation, self.time = max(self.incarnation, event["incarnation"]), event["time"]
        if kind == "attempt.started":
            tried = self.attempts.setdefault(said["run"], [])
            names = ("run", "attempt", "stage", "candidate", "host", "seed", "folder", "request", "bundle")
            began = self.times(event)[0]
            tried.append(Attempt(*(said[name] for name in names), job=said.get("job"), began=began))
            self._use(tried[-1])
            if said["bundle"] is None:
                many = devices(self.study, said["stage"], said["host"])
                self.going.setdefault(said["host"], {})[said["run"], said["attempt"]] = many
        elif kind in ENDS or kind in ("attempt.late", "result.flagged"):
            self._take_end(kind, said)
        elif kind == "study.frozen":
            self.frozen = self.frozen or said
        elif kind == "orchestrator.started":
            self.started = event["incarnation"]
            self.inputs = said["inputs"] if self.inputs is None else self.inputs
        elif kind == "stage.opened":
            self.opened[said["stage"]] = said["entrants"]
            self._recount(said["stage"])
        elif kind in ("study.stopped", "study.closed"):
            self.ended = kind.removeprefix("study.")
        elif kind == "rule.amended":
            if not self.strange(said):
                self.amendments.append(said)
                self._reword()
        else:
            self._take_verdict(kind, said)
        for place in self.plan.places.get(said.get("run") or "", ()):
            if place[0] in self.left:
                due = self.due(place)
                (self.left[place[0]].add if due else self.left[place[0]].discard)(said["run"])

    def _take_end(self, kind: str, said: Object) -> None:
        one = self.attempt(said["run"], said["attempt"])
        if one is None:
            return
        if kind == "attempt.late":
            one.late = said["envelope"]
        elif kind == "result.flagged":
            one.state, one.again = "flagged", said["again"]
        else:
            one.end, one.state = said, kind.rpartition(".")[2]
            self._use(one)
            self.going.get(one.host, {}).pop((one.run, one.number), None)

    def _take_verdict(self, kind: str, said: Object) -> None:
        if kind == "stage.closed":
            self.closed[said["stage"]] = said
        elif kind == "decided":
            self.decided[said["name"]] = said
            self.stop = self.stop or (said["name"] if said["verdict"]["outcome"]["is"] == "stopped" else "")
        elif kind == "person.decided":
            self.people[said["name"]] = said
            self.stop = self.stop or (said["name"] if said["stopped"] else "")
        elif kind == "effects.estimated":
            self.estimated[said["name"]] = said
        elif kind == "data.prepared":
            self.text = said["text"]
        elif kind == "anchor.received":
            self.receipts.append(said)
        elif kind == "value.published":
            self.published = self.published or said
        elif kind == "budget.amended":
            self.budget |= {key: Fraction(said[key]) for key in self.budget if said.get(key) is not None}
        elif kind == "bundle.imported":
            self.bundles[said["bundle"]] = said
            self.arrivals |= {(run, number_): times for run, number_, *times in said["taken"]}

    def times(self, event: Object) -> list[str]:
        """When the attempt of an event began and ended where it ran; what no bundle brought did so here, and now."""
        said, now = event["event"], [event["time"]] * 2
        return self.arrivals.get((said["run"], said["attempt"]), now) if said["bundle"] else now

    # --- what is known -------------------------------------------------------------------------------------------

    @property
    def replay(self) -> bool:
        """Whether nothing is trained: values are read from a table."""
        return self.frozen is not None and self.frozen["replay"] is not None

    def attempt(self, run: str, number_: int) -> Attempt | None:
        """The attempt of a run that has that number."""
        return next((one for one in self.attempts.get(run, ()) if one.number == number_), None)

    def counting(self, run: str) -> Attempt | None:
        """The attempt of a run whose result counts: the first that was accepted and not set aside."""
        return next((one for one in self.attempts.get(run, ()) if one.state == "accepted"), None)

    def every(self) -> Iterator[Attempt]:
        """All attempts."""
        return (one for tried in self.attempts.values() for one in tried)

    def badly(self, run: str) -> int:
        """How many attempts of a run ended without a result that counts; lost ones have not ended."""
        return sum(one.state in ("failed", "flagged") for one in self.attempts.get(run, ()))

    def waiting(self) -> list[str]:
        """Gates and rules that wait for a person."""
        held = (name for name, one in self.decided.items() if one["verdict"]["outcome"]["is"] == "held")
        return [name for name in held if name not in self.people]

    def promoted(self, name: str) -> list[str]:
        """Whom a gate, reduction or step let on, by its own word or by that of a person."""
        if name in self.people:
            return self.people[name]["promoted"] or []
        return list(self.decided[name]["verdict"]["promoted"]) if name in self.decided else []

    def wordings(self, name: str) -> list[int]:
        """Every wording of a rule, oldest first: 0 as frozen, then the numbers of its amendments."""
        return [0, *(one["number"] for one in self.amendments if one["name"] == name)]

    def worded(self, name: str, wording: int) -> Object | None:
        """A gate, rule or reduction in one of its wordings."""
        if not wording:
            return self.plan.deciding().get(name)
        found = next((one for one in self.amendments if one["number"] == wording and one["name"] == name), None)
        return None if found is None else found["new"]["rule"]

    def in_force(self, name: str) -> int:
        """The wording that decides, or did."""
        return int(self.decided[name]["verdict"]["wording"]) if name in self.decided else self.wordings(name)[-1]

    def deciding(self) -> dict[str, Object]:
        """Gates, rules and reductions by the wording in force."""
        return {**self.study["gates"], **self.study["rules"], **self.study["reductions"]}

    def _reword(self) -> None:
        """Take the wordings in force, and count what they leave to be done."""
        self.study = dict(self.plan.study)
        for name in dict.fromkeys(one["name"] for one in self.amendments):
            rule = self.worded(name, self.in_force(name))
            for kind in ("gates", "rules", "reductions"):
                if rule is not None and name in self.study[kind]:
                    self.study[kind] = {**self.study[kind], name: rule}
        rules = list(self.deciding().values())
        self.allowed = {stage: allowance(rules, stage, self.study["attempts"]) for stage in self.plan.stages}
        for stage in self.left:
            self._recount(stage)

    def _recount(self, stage: str) -> None:
        if stage in self.plan.runs:
            wanted = set(self.opened.get(stage, ()))
            every = ((run[0], (run[1], run[2], run[3], run[4])) for run in self.plan.runs[stage] if run[2] in wanted)
            self.left[stage] = {run for run, place in every if self.due(place)}

    # --- runs ----------------------------------------------------------------------------------------------------

    def due(self, place: Cell) -> str:
        """What is still to come of a run in a stage, in words; empty when nothing is."""
        stage, candidate, host, seed = place
        if candidate not in self.opened.get(stage, ()):
            return ""
        run = self.plan.cells[place]
        tried, words = self.attempts.get(run, ()), f"{candidate} on {host}, seed {seed}, of {stage}"
        if not tried:
            return f"{words} has not been run"
        last = tried[-1]
        if last.state == "running":
            return f"{words} is under way"
        if any(one.state == "accepted" for one in tried):
            return ""
        if last.state == "flagged":
            return f"{words} is to be run again, as a guard says" if last.again else ""
        failed = [one.status in OWN_FAULT for one in tried if one.state == "failed"]
        crashes, others = failed.count(True), failed.count(False)
        allowed = self.allowed[stage]
        if crashes > allowed["crash"] or others > allowed["missing"] or not self.another(place):
            return ""
        return f"{words} is to be run again: {len(failed)} of its attempts failed, and its rules allow another"

    def another(self, place: Cell, after: int = 0) -> bool:
        """
        Whether a run may be tried again for any reason, when *after* more of its attempts have ended badly.

        Attempts are counted, lost ones included, but for those that found their device taken; and in a replay there are
        only those runs that were recorded.
        """
        run = self.plan.cells[place]
        ended = [one for one in self.attempts.get(run, ()) if one.state != "running" and one.end.get("loss") != "busy"]
        if len(ended) >= most_of(self.allowed[place[0]]):
            return False
        if self.recorded is None:
            return True
        there = self.recorded.get(place[1:], 0)
        return self.badly(run) + after < max(1, there - self.first_recorded(place))

    def first_recorded(self, place: Cell) -> int:
        """In a replay: the first recorded run that a run may read; who carries one on reads on in that one."""
        before = self.study["stages"][place[0]]["continues"]
        if before is None:
            return 0
        other = (before, *place[1:])
        return self.first_recorded(other) + self.badly(self.plan.cells[other])

    def open_runs(self, stage: str) -> str:
        """What is still to come of the runs of a stage; empty when nothing is."""
        left = self.left.get(stage)
        if not left:
            return ""
        first = next(run for run in self.plan.runs[stage] if run[0] in left)
        more = f" (and {some(len(left) - 1, 'run')} more)" if len(left) > 1 else ""
        return self.due((first[1], first[2], first[3], first[4])) + more

    # --- guards --------------------------------------------------------------------------------------------------

    def objections(self, gate: Object) -> dict[str, tuple[int, Fraction, Fraction]]:
        """Run -> (guard, value, limit) of results that a gate's guards object to, by the first that does."""
        wanted = set(self.opened.get(gate["source"], ()))
        runs = sorted({run[0] for run in self.plan.runs[gate["source"]] if run[2] in wanted}) if gate["guards"] else []
        known = [one for run in runs if (one := self.counting(run)) is not None]
        found: dict[str, tuple[int, Fraction, Fraction]] = {}
        for place, guard in enumerate(gate["guards"]):
            values = {one.run: watched(guard, one.end) for one in known}
            groups: dict[tuple[str, ...], list[Fraction]] = {}
            for one in known:
                value = values[one.run]
                if value is not None:
                    groups.setdefault(_alike(guard, one), []).append(value)
            middles = {key: median(some) for key, some in groups.items()}
            for one in known:
                value = values[one.run]
                if value is None or one.run in found:
                    continue
                limit = Fraction(guard["bound"]["value"]) if guard["against"] is None else middles[_alike(guard, one)]
                if not served(guard, value, limit):
                    found[one.run] = place, value, limit
        return found

    def _excluding(self, stage: str) -> str:
        """Which result a guard objects to; empty when none does."""
        for name, gate in self.study["gates"].items():
            if gate["source"] == stage and gate["guards"]:
                for run in self.objections(gate):
                    return f"guard {self.objections(gate)[run][0]} of {name} objects to the result of run {run}"
        return ""

    # --- events of attempts --------------------------------------------------------------------------------------

    def _attempt_started(self, said: Object, event: Object) -> str:
        place = (said["stage"], said["candidate"], said["host"], said["seed"])
        if self.plan.cells.get(place) != said["run"]:
            return f"the plan has no run {said['run']} there"
        cell = f"{said['candidate']}-{said['host']}-s{said['seed']}"
        if said["folder"] != f"runs/{said['stage']}/{cell}/attempt-{said['attempt']}":
            return "its folder is not that of its run and number"
        tried = self.attempts.get(said["run"], [])
        if any(one.number >= said["attempt"] for one in tried):
            return "it is not numbered behind the attempts before it"
        if said["bundle"] is not None:
            taken = self.bundles.get(said["bundle"], {"taken": ()})["taken"]
            held = any(one[:2] == [said["run"], said["attempt"]] for one in taken)
            return "" if held else "no bundle that was taken in holds it"
        if tried and tried[-1].state == "running":
            return "another attempt of its run was under way"
        if self.stop:
            return f"{self.stop} had stopped the study"
        if said["stage"] not in self.opened or said["stage"] in self.closed:
            return f"stage {said['stage']} was not open"
        if said["candidate"] not in self.opened[said["stage"]]:
            return f"{said['candidate']} had not entered {said['stage']}"
        going, host = self.going.get(said["host"], {}), self.study["hosts"][said["host"]]
        if len(going) >= host["slots"]:
            return f"{some(len(going), 'attempt')} under way on {said['host']}, which has slots for {host['slots']}"
        many, room = devices(self.study, said["stage"], said["host"]), host["slots"] * host.get("devices", 1)
        if sum(going.values()) + many > room:
            return f"it had {many} devices on {said['host']}, which has {room}, and {sum(going.values())} were taken"
        if not self.due(place):
            return "nothing more was due for its run"
        needs = self.needs(said["stage"], said["host"], event["time"])
        for key, unit in (("budget_s", "s"), ("money", currency(self.study))):
            budget = None if self.replay else self.budget[key]
            if budget is not None and self.used[key] + needs[key] > budget:
                return f"the study's budget had no room for it: {exact(budget - self.used[key])} {unit} were left"
        if not self.replay and self.study["data"] is not None and self.text is None:
            return "the text that it trains on had not been prepared"
        return ""

    def cap(self, stage: str) -> int:
        """Seconds that a run of a stage may train; none where a ledger names no stage of the plan."""
        return int(self.study["stages"][stage]["budget"]["cap_s"]) if stage in self.study["stages"] else 0

    def needs(self, stage: str, host: str, moment: str) -> dict[str, Fraction]:
        """What an attempt may use up that begins then: its cap, and the price of the longest that it can last."""
        wide = width(self.study, stage, host)
        return {"budget_s": Fraction(self.cap(stage) * wide), "money": self.cost(stage, host, moment, None)}

    def cost(self, stage: str, host: str, moment: str, seconds: Fraction | None) -> Fraction:
        """What an attempt costs that began then and held its devices for *seconds*; None: the longest possible."""
        if stage not in self.study["stages"] or host not in self.study["hosts"]:
            return Fraction(0)
        price = self.study["hosts"][host]["price"]
        held = Fraction(longest_of(self.study["stages"][stage])) if seconds is None else seconds
        return Fraction(0) if price is None else hourly(price, moment) * held * width(self.study, stage, host) / 3600

    def _use(self, one: Attempt) -> None:
        """
        Count what an attempt uses up of the study's budgets.

        Of money, what it cost: every second that it held its devices, at the price of the day on which it began; the
        longest that it can last while that is not known.  Of seconds, times its devices: one that runs, its cap; one
        with a sound result, what it trained, and no more than its cap; one that failed with a result, what it trained;
        any other, the time of its slot, and no more than its cap, or its cap if none is known.
        """
        cap, end = Fraction(self.cap(one.stage)), one.end
        if one.state == "running":
            counts = cap
        elif end.get("loss") == "busy":
            counts = Fraction(0)
        elif one.state == "failed" and end["envelope"] is not None and end["train_s"] is not None:
            counts = Fraction(end["train_s"])
        elif one.state in ("accepted", "flagged"):
            counts = min(Fraction(end["seconds"].get("train", "0")), cap)
        else:
            counts = cap if end["device_s"] is None else min(Fraction(end["device_s"]), cap)
        held = None if end.get("device_s") is None else Fraction(end["device_s"])
        paid = Fraction(0) if end.get("loss") == "busy" else self.cost(one.stage, one.host, one.began, held)
        uses = {"budget_s": counts * width(self.study, one.stage, one.host), "money": paid}
        before = self.uses.get((one.run, one.number), {})
        self.used = {key: amount + uses[key] - before.get(key, 0) for key, amount in self.used.items()}
        self.uses[one.run, one.number] = uses

    def _ended(self, said: Object, _: Object) -> str:
        one = self.attempt(said["run"], said["attempt"])
        if one is None or one.state != "running":
            return "that attempt had not been started, or had ended"
        if one.bundle != said["bundle"]:
            return "it came with another bundle than it began with"
        twice = said["is"] == "result.accepted" and self.counting(said["run"]) is not None
        return "the run was counted twice: it had a result that counts" if twice else ""

    _result_accepted = _attempt_failed = _attempt_lost = _ended

    def _attempt_late(self, said: Object, _: Object) -> str:
        one = self.attempt(said["run"], said["attempt"])
        given_up = one is not None and one.state in ("lost", "failed") and one.envelope is None and one.late is None
        return "" if given_up else "that attempt had not been given up"

    def _result_flagged(self, said: Object, _: Object) -> str:
        gate = self.study["gates"].get(said["gate"])
        if gate is None:
            return "the plan has no such gate"
        stage = gate["source"]
        if stage not in self.opened or stage in self.closed:
            return f"stage {stage} was not open"
        if self.open_runs(stage):
            return f"guards are asked when all runs have ended, and {self.open_runs(stage)}"
        one, due = self.counting(said["run"]), self.objections(gate).get(said["run"])
        if one is None or one.number != said["attempt"] or due is None:
            return "no guard objects to that result"
        found = (said["guard"], said["value"], said["limit"])
        if found != (due[0], exact(due[1]), exact(due[2])):
            return f"guard {due[0]} objects to it, which finds {exact(due[1])} against {exact(due[2])}"
        again = sum(each.state == "flagged" for each in self.attempts[said["run"]])
        place = (stage, one.candidate, one.host, one.seed)
        allowed = again < gate["guards"][due[0]]["handling"]["reruns"] and self.another(place, 1)
        if said["again"] is not allowed:
            return f"its run is {'' if allowed else 'not '}to be made again"
        return ""

    # --- events of stages ----------------------------------------------------------------------------------------

    def _waits(self, stage: str) -> str:
        """What a stage waits for; empty when it may begin."""
        after = self.study["stages"][stage]["after"]
        for name in self.plan.waits_for(stage):
            if name not in self.closed:
                return f"{name} had not ended"
        waits = "" if after is None else self._chosen(after)
        return waits or next((why for name in self.plan.awaited(stage) if (why := self._chosen(name))), "")

    def path(self, schedule: str) -> list[Object]:
        """The shapes that a schedule goes through, or the one that a person chose."""
        if schedule in self.people:
            return [{"candidate": name, "at": "0"} for name in self.people[schedule]["promoted"] or []]
        return list(self.decided[schedule]["verdict"]["path"]) if schedule in self.decided else []

    def _chosen(self, name: str) -> str:
        if name not in self.decided:
            return f"{name} had not decided"
        return f"{name} waits for a person" if name in self.waiting() else ""

    def _stage_opened(self, said: Object, _: Object) -> str:
        stage = self.study["stages"].get(said["stage"])
        if stage is None:
            return "the plan has no such stage"
        if said["stage"] in self.opened:
            return "it had been opened before"
        if self.stop:
            return f"{self.stop} had stopped the study"
        waits = self._waits(said["stage"])
        if waits:
            return waits
        through = self.promoted(stage["after"]) if stage["after"] is not None else []
        entering = {*stage["candidates"], *(through if stage["promoted"] else ())}
        near = self.study["neighbourhoods"][stage["around"]]["near"] if stage["around"] else {}
        entering |= {name for middle in through for name in near.get(middle, ())}
        due = sorted(entering)
        return "" if said["entrants"] == due else f"{', '.join(due) or 'no candidate'} enters there, and no other"

    def _undecided(self, stage: str, *, gates: bool) -> str:
        """A gate or rule that reads a stage and has not decided; empty when there is none."""
        rules = {**self.study["gates"], **({} if gates else self.study["rules"])}
        names = (name for name, one in rules.items() if stage in sources_of(one) and name not in self.decided)
        return next((f"{name} had not decided" for name in names), "")

    def _ending(self, stage: str) -> str:
        """What keeps the gates of an opened stage from deciding."""
        if stage not in self.opened or stage in self.closed:
            return f"stage {stage} was not open"
        return self.open_runs(stage) or self._excluding(stage)

    def _stage_closed(self, said: Object, _: Object) -> str:
        if said["stage"] not in self.study["stages"]:
            return "the plan has no such stage"
        if said["stage"] in self.closed:
            return "it had been closed before"
        if self.stop:
            return f"{self.stop} had stopped the study"
        return self._ending(said["stage"]) or self._undecided(said["stage"], gates=False)

    def _effects_estimated(self, said: Object, _: Object) -> str:
        effects = self.study["effects"].get(said["name"])
        if effects is None:
            return "the plan has no such effects"
        if said["name"] in self.estimated:
            return "they had been estimated before"
        if self.stop:
            return f"{self.stop} had stopped the study"
        return next((f"{stage} had not ended" for stage in effects["stages"] if stage not in self.closed), "")

    def _decided(self, said: Object, _: Object) -> str:
        name, study = said["name"], self.study
        laws = self.plan.told_by()
        rule = self.deciding().get(name) or study["steps"].get(name) or laws.get(name)
        if rule is None:
            return "the plan has no such gate or rule"
        if name in self.decided:
            return "it had decided before"
        if self.stop:
            return f"{self.stop} had stopped the study"
        if name in study["gates"] or name in study["rules"]:
            stage = sources_of(rule)[0]
            waits = self._ending(stage)
            return waits or (self._undecided(stage, gates=True) if name in study["rules"] else "")
        if name in study["steps"] or name in laws:
            read = rule["stages" if name in laws else "sources"]
            return next((f"{stage} had not ended" for stage in read if stage not in self.closed), "")
        if rule["effects"] not in self.estimated:
            return f"{rule['effects']} had not been estimated"
        return self._chosen(rule["around"]) if rule["around"] is not None else ""

    # --- events of the study -------------------------------------------------------------------------------------

    def _orchestrator_started(self, said: Object, event: Object) -> str:
        if self.started == event["incarnation"]:
            return "that start had been recorded before"
        return (
            "" if self.inputs in (None, said["inputs"]) else "what its runs rest on had changed since the first start"
        )

    def _data_prepared(self, said: Object, _: Object) -> str:
        if self.text is not None:
            return "it had been prepared before"
        data = self.study["data"]
        return "" if data is not None and said["text"]["source"] == data["source"] else "the plan has another text"

    def _anchor_received(self, said: Object, event: Object) -> str:
        return "" if said["size"] <= event["seq"] else f"it covers {said['size']} events, and so many had not happened"

    def _value_published(self, said: Object, _: Object) -> str:
        if self.published is not None:
            return "one had been recorded before"
        if self.attempts:
            return "something had run already"
        where = (self.study["draw"] or {"published": None})["published"]
        return "" if where is not None and where == said["source"] else "the plan draws no seeds from there"

    def _person_decided(self, said: Object, _: Object) -> str:
        name = said["name"]
        if name not in self.waiting():
            return "no decision by a person was due there"
        if unsigned(said):
            return unsigned(said)
        gate, reduction = self.study["gates"].get(name), self.study["reductions"].get(name)
        schedule = self.study["schedules"].get(name)
        if schedule is not None and not said["stopped"]:
            chosen = said["promoted"] or []
            one_of = len(chosen) == 1 and chosen[0] in schedule["shapes"]
            return "" if one_of else f"one of {', '.join(schedule['shapes'])} is kept, and nothing else"
        if said["stopped"] or (gate is None and reduction is None):
            return "" if said["promoted"] is None else "nobody is promoted there"
        possible = self.opened.get(gate["source"], []) if gate is not None else reduction["rows"] if reduction else []
        going = said["promoted"]
        sound = going is not None and going == sorted(set(going)) and set(going) <= set(possible)
        return "" if sound else f"it is about {', '.join(possible)}, and nobody else"

    def _rule_amended(self, said: Object, event: Object) -> str:
        strange = self.strange(said)
        if strange:
            return strange
        if said["number"] != len(self.amendments) + 1:
            return f"it is amendment {len(self.amendments) + 1}"
        if said["head"] != event["prev"]:
            return "it names another event as the last before it"
        return unsigned(said)

    def strange(self, said: Object) -> str:
        """Why an amendment is none of the rule that it names; empty when it is one."""
        old, new = self.deciding().get(said["name"]), said["new"]["rule"]
        if old is None:
            return "the plan has no such gate or rule"
        if any(old.get(key) != new.get(key) for key in FIXED):
            return "an amendment changes what a rule asks, and not what it is about"
        return next(self.plan.loose_in(new), "")

    def _budget_amended(self, said: Object, _: Object) -> str:
        given = [key for key in self.budget if said.get(key) is not None]
        if len(given) != 1:
            return "an amendment is of one budget"
        before = self.budget[given[0]]
        if before is None:
            return "the study has no such budget that could be amended"
        if Fraction(said[given[0]]) <= before:
            unit = "s" if given[0] == "budget_s" else currency(self.study)
            return f"the study had a budget of {exact(Fraction(before))} {unit} already"
        return unsigned(said)

    def _bundle_imported(self, said: Object, _: Object) -> str:
        return "it had been taken in before" if said["bundle"] in self.bundles else ""

    def _clock_jumped(self, _: Object, __: Object) -> str:
        return ""

    def _study_stopped(self, said: Object, _: Object) -> str:
        return "" if self.stop and said["by"] == self.stop else "it had said no such thing"

    def _study_closed(self, said: Object, _: Object) -> str:
        if self.stop:
            return f"{self.stop} had stopped the study"
        lacking = list(self.lacking())
        if lacking:
            return "; ".join(lacking[:SHOWN]) + (f"; and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else "")
        return "" if said["stages"] == len(self.closed) else f"{some(len(self.closed), 'stage')} had ended"

    def lacking(self) -> Iterator[str]:
        """What a study has to do before its end, and has not done."""
        for name in self.plan.stages:
            if name not in self.closed:
                yield f"stage {name} had not ended" + (f": {self.open_runs(name)}" if self.open_runs(name) else "")
        yield from (f"{name} had not been estimated" for name in self.study["effects"] if name not in self.estimated)
        everyone = (*self.deciding(), *self.study["steps"], *self.plan.told_by())
        yield from (f"{name} had not decided" for name in everyone if name not in self.decided)
        yield from (f"{name} waits for a person" for name in self.waiting())


def unsigned(said: Object) -> str:
    """What is wrong where nobody says who decided or amended something, or why; empty where somebody does."""
    signed = said["by"].strip() and said["reason"].strip()
    return "" if signed else "what a person decides or amends has an author and a reason"


def _model(candidate: Object) -> Object:
    """What of a candidate a request asks for."""
    effective = candidate["effective"]
    return {
        "settings": {name: value for name, value in effective["settings"] if name != "grown"},
        "parameters": effective["parameters"],
        "flops_per_token": effective["flops_per_token"],
    }


def _alike(guard: Object, one: Attempt) -> tuple[str, ...]:
    """Runs that share a median: those of a host, or of a candidate there."""
    return (one.host, one.candidate) if guard["against"] == "candidate" else (one.host,)


def watched(guard: Object, end: Object) -> Fraction | None:
    """What a guard looks at in a run: tokens a second (else steps), other load, or the seconds of a phase."""
    if guard["watched"] == "throughput":
        found = end["work"]["tokens_per_s"] or end["work"]["steps_per_s"]
    elif guard["watched"] == "contention":
        found = end["contention"]
    else:
        found = end["seconds"].get(guard["phase"])
    return None if found is None else Fraction(found)


def served(guard: Object, value: Fraction, limit: Fraction) -> bool:
    """Whether a run is inside of a guard's bound, which is a share of *limit* where that is a median."""
    kind, bound = guard["bound"]["kind"], Fraction(guard["bound"]["value"])
    if guard["against"] is None:
        return value >= limit if kind == "at least" else value <= limit
    if kind == "within":
        return abs(value - limit) <= bound * limit
    return value >= bound * limit if kind == "at least" else value <= bound * limit


def median(values: Sequence[Fraction]) -> Fraction:
    """The middle value, or the mean of the two in the middle."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


# --- statistics ------------------------------------------------------------------------------------------------------


class Near:
    """
    A number that was computed with roots or tails, in place of the text that it is stored as.

    Two programs may round its sixth digit otherwise, so a stored text is the same if it is that of a number within
    1e-9; *scale* is the size of what it was computed from, where differences cancel.  *write* makes the text of a
    number, which counts in a *power* of ten.
    """

    def __init__(
        self,
        value: float | Fraction,
        scale: float = 0.0,
        write: "Callable[[float | Fraction], str] | None" = None,
        power: Fraction = Fraction(1),
    ) -> None:
        self.value, self.scale = value, max(abs(float(value)), scale)
        self.write, self.power = write or (lambda number: six(float(number))), power

    def is_stored_as(self, said: object) -> bool:
        """Whether a stored text is this number."""
        if not isinstance(said, str):
            return False
        room = 1e-9 * self.scale
        around = (self.value, float(self.value) - room, float(self.value) + room)
        if said in map(self.write, around):
            return True
        try:
            number = Fraction(said) / self.power
        except (ValueError, ZeroDivisionError):
            return False
        return abs(number - Fraction(self.value)) <= room and self.write(number) == said

    @property
    def text(self) -> str:
        """As it is stored unless that is known."""
        return self.write(self.value)


def settled(mine: Any, stored: Any) -> Any:
    """What was derived, with computed numbers as they are stored where that is the same number."""
    if isinstance(mine, Near):
        return stored if mine.is_stored_as(stored) else mine.text
    if isinstance(mine, dict):
        return {key: settled(one, stored.get(key) if isinstance(stored, dict) else None) for key, one in mine.items()}
    if isinstance(mine, (list, tuple)):
        others = stored if isinstance(stored, list) else []
        return [settled(one, other) for one, other in itertools.zip_longest(mine, others[: len(mine)])]
    return mine


def mean(values: Sequence[Fraction]) -> Fraction:
    """The arithmetic mean."""
    return sum(values, Fraction()) / len(values)


def summary(statistic: str, values: Sequence[Fraction], *, high_is_bad: bool) -> Fraction:
    """One number for the values of some cells: `mean`, `median` or `worst`."""
    if statistic == "worst":
        return max(values) if high_is_bad else min(values)
    return median(values) if statistic == "median" else mean(values)


def beta_share(a: float, b: float, x: float, y: float) -> float:
    """
    Regularised incomplete beta function I_x(a, b), where *y* is 1 - x without what that would cancel.

    Source: DLMF 8.17.8, the hypergeometric series, all of whose terms are positive; 8.17.4 where it is slow.
    """
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_share(b, a, y, x)
    size = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    total = term = 1.0
    for n in range(5_000_000):
        term *= (a + b + n) / (a + 1 + n) * x
        total += term
        if term < 1e-17 * total:
            break
    return math.exp(size) / a * total


def t_both(value: float, degrees: float) -> float:
    """Probability that Student's t lies as far from 0 as *value*, on either side."""
    square = value * value
    return beta_share(degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square))


@lru_cache(1024)
def t_point(confidence: float, degrees: float) -> float:
    """The point that Student's t stays below with a probability above 1/2, by regula falsi (Illinois)."""
    tail = 2 * (1 - min(confidence, math.nextafter(1.0, 0.0)))
    low = max(NormalDist().inv_cdf(1 - tail / 2), 1e-12)
    if t_both(low, degrees) <= tail:
        return low
    high = 2 * low + 1
    while t_both(high, degrees) > tail:
        low, high = high, 2 * high

    def over(point: float) -> float:
        return math.log(max(t_both(point, degrees), 1e-300) / tail)

    at_low, at_high = over(low), over(high)
    for _ in range(200):
        middle = (low * at_high - high * at_low) / (at_high - at_low) if at_high != at_low else (low + high) / 2
        if not low < middle < high:
            middle = (low + high) / 2
        there = over(middle)
        if there > 0:
            low, at_low, at_high = middle, there, at_high / 2
        else:
            high, at_high, at_low = middle, there, at_low / 2
        if abs(there) < 1e-14 or high - low <= 1e-14 * high:
            break
    return middle


def f_beyond(value: float, upper: float, lower: float) -> float:
    """Probability that F with these degrees of freedom lies beyond *value*; Abramowitz & Stegun (1964), 26.6.2."""
    both = lower + upper * value
    return 1.0 if value <= 0 else beta_share(lower / 2, upper / 2, lower / both, upper * value / both)


def reach(values: Sequence[Fraction], test: Object) -> float:
    """How far a one-sided bound lies from the mean of paired differences: by Student's t, or by a known deviation."""
    confidence, count = float(Fraction(test["confidence"])), len(values)
    if test["sigma"] is not None:
        return near(NormalDist().inv_cdf(confidence) * near(Fraction(test["sigma"])) * math.sqrt(2 / count))
    if count < 2:
        raise DiffersError("one cell has no spread, so t says nothing of it")
    centre = mean(values)
    spread = sum(((one - centre) ** 2 for one in values), Fraction()) / (count - 1)
    return near(t_point(confidence, count - 1) * square_root(spread / count))


MOST_CELLS = 32
"""Of an exact test; promo itself takes 20."""


def by_signs(values: Sequence[Fraction]) -> Fraction:
    """
    P of the permutation test that the mean is below 0: the share of sign patterns with a sum as small.

    Source: Fisher (1935), "The design of experiments", section 21.
    """
    if len(values) > MOST_CELLS:
        raise DiffersError("so many cells have too many patterns of signs")
    unit = math.lcm(*(one.denominator for one in values))
    numbers = [int(one * unit) for one in values]
    sides: list[dict[int, int]] = []
    for some in (numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]):
        ways: dict[int, int] = {0: 1}
        for one in some:
            more: Counter[int] = Counter()
            for total, count in ways.items():
                more[total + one] += count
                more[total - one] += count
            ways = more
        sides.append(ways)
    points = sorted(sides[1])
    behind = [0, *itertools.accumulate(sides[1][one] for one in points)]
    seen = sum(numbers)
    small = sum(count * behind[bisect_right(points, seen - total)] for total, count in sides[0].items())
    return Fraction(small, 2 ** len(values))


def by_ranks(values: Sequence[Fraction]) -> Fraction:
    """
    P of the signed-rank test that the median is below 0; zeros are left out and equal sizes share their mean rank.

    Source: Wilcoxon (1945); Pratt & Gibbons (1981) for ties.
    """
    sizes = sorted(abs(one) for one in values if one)
    if len(sizes) > MOST_CELLS:
        raise DiffersError("so many cells have too many patterns of ranks")
    twice = {size: sizes.index(size) + 1 + bisect_right(sizes, size) for size in set(sizes)}  # the mean rank, doubled
    ways: Counter[int] = Counter({0: 1})
    for size in sizes:
        more = Counter(ways)
        for total, count in ways.items():
            more[total + twice[size]] += count
        ways = more
    seen = sum(twice[one] for one in values if one > 0)
    return Fraction(sum(count for total, count in ways.items() if total <= seen), 2 ** len(sizes))


def concord(pairs: Sequence[tuple[Fraction, Fraction]]) -> tuple[int, int, int]:
    """
    Kendall's tau-b in whole numbers: concordant less discordant pairs, pairs untied in the first, in the second.

    Source: Kendall (1945), "The treatment of ties in ranking problems".
    """
    score = first = second = 0
    for (a, b), (c, d) in itertools.combinations(pairs, 2):
        one, other = (a > c) - (a < c), (b > d) - (b < d)
        score, first, second = score + one * other, first + abs(one), second + abs(other)
    return score, first, second


# --- verdicts --------------------------------------------------------------------------------------------------------


def settles(then: str | None, why: Object) -> Object:
    """What a clause leads to for the whole study."""
    kinds = {"stop": "stopped", "hold": "held"}
    return {"is": kinds[then], "because": why} if then in kinds else {"is": "settled"}


def finding(
    asked: Object, holds: bool | None, statistic: Any = None, margin: Any = None, details: Sequence[Object] = ()
) -> Object:
    """One condition on one candidate."""
    return {"condition": asked, "holds": holds, "statistic": statistic, "margin": margin, "details": list(details)}


Answer = tuple[bool | None, list[Object]]


class Board:
    """
    The evidence that a rule reads, as its conditions see it.

    *ranked* are those who can be ranked, best first; *contenders* compete for places; *leader* is the best with every
    value; *reference* is whom a rule compares with; *room* widens every margin.
    """

    def __init__(self, rule: Object, tables: dict[str, Object], plan: Plan, *, recorded: bool) -> None:
        study = plan.study
        self.plan, self.recorded, self.laws = plan, recorded, dict[str, ByLaw]()
        self.rule, self.tables, self.lower = rule, tables, study["measure"]["lower_is_better"]
        self.sign = 1 if self.lower else -1
        """Times a value, less is better."""
        here = tables[sources_of(rule)[0]]
        self.cells: list[tuple[str, int]] = [(host, seed) for host, seed in here["cells"]]
        self.rows: dict[str, list[Object]] = {one["candidate"]: one["cells"] for one in here["rows"]}
        self.by = rule["statistic"] if rule["is"] == "gate" else "mean"
        self.room = Fraction(rule["allowance"]) if rule["is"] == "gate" else Fraction()
        self.reference: str | None = rule.get("reference")
        self.ties = {name: place for place, name in enumerate(sorted(self.rows))}
        self.contenders = sorted(self.rows)
        self.full = {name: values for name in self.rows if (values := whole_row(self.rows[name])) is not None}
        self.totals = {name: self.summary(values) for name, values in self.full.items()}
        self.leader = min(self.full, key=lambda name: (self.sign * self.totals[name], self.ties[name]), default=None)

    def summary(self, values: Sequence[Fraction]) -> Fraction:
        """What candidates are ranked by."""
        return summary(self.by, values, high_is_bad=self.lower)

    def on(self, host: str, name: str) -> Fraction | None:
        """The same over the cells of one host."""
        if name not in self.full:
            return None
        return self.summary([one for one, cell in zip(self.full[name], self.cells, strict=True) if cell[0] == host])

    # --- conditions ----------------------------------------------------------------------------------------------

    def holds(self, asked: Object, name: str) -> Answer:
        """Whether a condition holds for a candidate (None: that cannot be told), and what was found on the way."""
        if asked["is"] == "not":
            answer, found = self.holds(asked["condition"], name)
            return None if answer is None else not answer, found
        if asked["is"] in ("and", "or"):
            every = [self.holds(one, name) for one in asked["conditions"]]
            answers, strong = [answer for answer, _ in every], asked["is"] == "or"
            found = [one for _, some in every for one in some]
            if strong in answers:
                return strong, found
            return (None if None in answers else not strong), found
        one: Object = getattr(self, f"_{asked['is']}")(asked, name)
        return one["holds"], [one]

    def _projected(self, asked: Object, name: str) -> Object:
        """The whole interval of what a law foretells, against a bound."""
        laws = self.laws.get(asked["law"])
        if laws is None:
            laws = self.laws[asked["law"]] = ByLaw(self.plan, asked["law"], self.tables, recorded=self.recorded)
        who = None if None in laws.groups else name
        found = laws.found.get(who)
        if found is None or laws.unsure(who):
            return finding(asked, None)
        place = laws.place(asked["stage"], name)
        value, drawn = found[0].loss(place), [one.loss(place) for one in found[1]]
        low, high = laws.around(who, asked["stage"], value, drawn)
        bound, below = near(asked["bound"]["value"]), asked["bound"]["kind"] == "at most"
        least, most = (bound - high, bound - low) if below else (low - bound, high - bound)
        held = True if least >= 0 else False if most < 0 else None
        ends: Object = {"low": stated(low), "high": stated(high), "cells": laws.points[who]}
        margin = stated(bound - value if below else value - bound, scale=value)
        return finding(asked, held, stated(value), margin, [{"is": "interval", "confidence": "0.95", **ends}])

    def _top(self, asked: Object, name: str) -> Object:
        return self._placed(asked, name, asked["count"])

    def _best(self, asked: Object, name: str) -> Object:
        return self._placed(asked, name, math.ceil(Fraction(asked["share"]) * len(self.contenders)))

    def _placed(self, asked: Object, name: str, count: int) -> Object:
        """Among the first *count* of those who compete, overall or on some host; the margin is to the cut."""
        many_ = len(self.contenders)
        if name not in self.contenders:
            return finding(asked, holds=False, details=[{"is": "place", "host": None, "place": None, "of": many_}])
        hosts: list[str | None] = list(dict.fromkeys(host for host, _ in self.cells)) if asked["per_host"] else [None]
        details: list[Object] = []
        margins, among = [], False
        for host in hosts:
            figures = {one: self.totals.get(one) if host is None else self.on(host, one) for one in self.contenders}
            line = list(self.contenders)
            if host is not None:
                line.sort(key=lambda one: self._key(figures[one], one))
            place = line.index(name)
            among = among or place < count
            details.append({"is": "place", "host": host, "place": place + 1, "of": many_})
            other = line[count] if place < count < many_ else line[count - 1] if place >= count > 0 else None
            mine, theirs = figures[name], None if other is None else figures[other]
            if mine is not None and theirs is not None:
                margins.append(self.sign * (theirs - mine))
        return finding(asked, among, margin=exact(max(margins)) if margins else None, details=details)

    def _key(self, figure: Fraction | None, name: str) -> tuple[bool, Fraction, int]:
        return figure is None, self.sign * (figure or Fraction()), self.ties[name]

    def _level(self, asked: Object, name: str) -> Object:
        if name not in self.full:
            return finding(asked, None)
        return self._within(asked, self.full[name], asked["bound"]["value"], [], high_is_bad=self.lower)

    def _within(
        self, asked: Object, values: Sequence[Fraction], bound: str, details: list[Object], *, high_is_bad: bool
    ) -> Object:
        """A statistic against a bound; of `every` the value that is least inside."""
        kind, limit = asked["bound"]["kind"], Fraction(bound)
        if asked["statistic"] == "every":
            value = min(values, key=lambda one: inside(kind, limit, one))
        else:
            value = summary(asked["statistic"], values, high_is_bad=high_is_bad)
        margin = inside(kind, limit, value)
        return finding(asked, margin >= 0, exact(value), exact(margin), details)

    def _whom(self, asked: Object) -> str | None:
        said = asked["reference"]
        return self.leader if said == "leader" else said or self.reference

    def gaps(self, name: str, other: str | None, side: str = "gap") -> list[Fraction] | None:
        """By how much a candidate is worse (gap) or better (gain) than another, cell by cell."""
        if name not in self.full or other not in self.full:
            return None
        sign = self.sign if side == "gap" else -self.sign
        return [sign * (mine - theirs) for mine, theirs in zip(self.full[name], self.full[other or ""], strict=True)]

    def _difference(self, asked: Object, name: str) -> Object:
        other = self._whom(asked)
        found, details = self.gaps(name, other, asked["side"]), [{"is": "reference", "candidate": other}]
        if found is None:
            return finding(asked, None, details=details)
        if other == name:
            return finding(asked, holds=True, statistic="0", details=details)
        widened = -self.room if asked["bound"]["kind"] == "at least" else self.room
        bound = Fraction(asked["bound"]["value"]) + widened
        if asked["test"] is None:
            return self._within(asked, found, exact(bound), details, high_is_bad=asked["side"] == "gap")
        return self._tested(asked, found, bound, details)

    def _tested(self, asked: Object, found: list[Fraction], bound: Fraction, details: list[Object]) -> Object:
        """A one-sided demand for confidence about paired differences."""
        test, below, centre = asked["test"], asked["bound"]["kind"] == "at most", mean(found)
        sure = Fraction(test["confidence"])
        if test["method"] in ("t", "sigma"):
            far = reach(found, test)
            end = near(near(centre) + (far if below else -far))
            margin, scale = (near(bound) - end) * (1 if below else -1), abs(near(centre)) + far
            bounded: Object = {"is": "bound", "upper": below, "confidence": exact(sure), "cells": len(found)}
            bounded["value"] = Near(end, scale)
            scale += abs(near(bound))
            return finding(asked, margin >= 0, exact(centre), Near(margin, scale), [*details, bounded])
        shifted = [one - bound if below else bound - one for one in found]
        p = by_signs(shifted) if test["method"] == "sign_flip" else by_ranks(shifted)
        centre = centre if test["method"] == "sign_flip" else median(found)
        details = [*details, {"is": "chance", "p": exact(p), "cells": len(found)}]
        room = inside(asked["bound"]["kind"], bound, centre)
        return finding(asked, p <= 1 - sure, exact(centre), exact(room), details)

    def _equivalent(self, asked: Object, name: str) -> Object:
        """Two one-sided tests: both bounds of the mean difference inside the margin."""
        other = self._whom(asked)
        found, details = self.gaps(name, other), [{"is": "reference", "candidate": other}]
        if found is None:
            return finding(asked, None, details=details)
        centre, far = mean(found), reach(found, asked["test"])
        low, high, margin = (
            near(near(centre) - far),
            near(near(centre) + far),
            near(Fraction(asked["margin"]) + self.room),
        )
        room, scale = min(margin - high, low + margin), abs(near(centre)) + far
        both = exact(2 * Fraction(asked["test"]["confidence"]) - 1)
        ends: Object = {"low": Near(low, scale), "high": Near(high, scale), "cells": len(found)}
        details.append({"is": "interval", "confidence": both, **ends})
        return finding(asked, room >= 0, exact(centre), Near(room, scale + abs(margin)), details)

    def _agreement(self, asked: Object, _: str) -> Object:
        """Kendall's tau-b between each two rankings, against a bound that the least has to reach."""
        rankings = {name: self._ranking(name, of_hosts=asked["of_hosts"]) for name in asked["between"]}
        bound, least, pair, undefined, reached = Fraction(asked["bound"]["value"]), math.inf, ("", ""), False, True
        for place, one in enumerate(asked["between"]):
            for other in asked["between"][:place]:
                common = sorted(rankings[one].keys() & rankings[other].keys())
                score, first, second = concord([(rankings[one][each], rankings[other][each]) for each in common])
                undefined = undefined or not first * second
                short = bound * bound * first * second
                enough = score * score <= short or score >= 0 if bound <= 0 else score > 0 and score * score >= short
                reached = reached and bool(first * second) and enough
                tau = score / math.sqrt(first * second) if first * second else 0.0
                if tau < least:
                    least, pair = tau, (other, one)
        details = [{"is": "agreement", "one": pair[0], "other": pair[1], "undefined": undefined}]
        return finding(asked, reached, Near(least), Near(least - float(bound), 1.0), details)

    def _ranking(self, name: str, *, of_hosts: bool) -> dict[str, Fraction]:
        """Candidate -> what it is ranked by on a host, or at a stage; those without a value are left out."""
        if of_hosts:
            return {one: figure for one in self.full if (figure := self.on(name, one)) is not None}
        rows = (
            {one["candidate"]: whole_row(one["cells"]) for one in self.tables[name]["rows"]}
            if name in self.tables
            else self.full
        )
        return {one: self.summary(values) for one, values in rows.items() if values is not None}

    def _first(self, asked: Object, name: str) -> Object:
        """Alone in front in every cell, against everyone who has a value there."""
        if name not in self.full:
            return finding(asked, None)
        leads = []
        for place, mine in enumerate(self.full[name]):
            there = (some[place]["value"] for other, some in self.rows.items() if other != name)
            rivals = [self.sign * Fraction(one) for one in there if one is not None]
            leads.append(min(rivals) - self.sign * mine if rivals else None)
        won, known = sum(one is None or one > 0 for one in leads), [one for one in leads if one is not None]
        details = [{"is": "won", "won": won, "of": len(leads)}]
        return finding(asked, won == len(leads), margin=exact(min(known)) if known else None, details=details)


def whole_row(cells: Sequence[Object]) -> list[Fraction] | None:
    """A candidate's values; None when one is missing."""
    return None if any(one["value"] is None for one in cells) else [Fraction(one["value"]) for one in cells]


def inside(kind: str, limit: Fraction, value: Fraction) -> Fraction:
    """How far a value lies inside a bound; negative beyond it."""
    return {"within": limit - abs(value), "at most": limit - value, "at least": value - limit}[kind]


class Gate(Board):
    """A gate before its evidence."""

    def __init__(self, rule: Object, tables: dict[str, Object], plan: Plan, *, recorded: bool) -> None:
        super().__init__(rule, tables, plan, recorded=recorded)
        self.ties = {name: place for place, name in enumerate(sorted(self.rows, key=self._tie))}
        self.out = {name: self._lacks(cells) for name, cells in self.rows.items() if name not in self.full}
        """Candidate without a value -> why, and what the gate says to that."""
        full = sorted(self.full, key=lambda name: self._key(self.totals[name], name))
        self.worst = sorted((name for name, one in self.out.items() if one[1] == "worst"), key=self.ties.__getitem__)
        self.ranked = [*full, *self.worst]
        self.leader = full[0] if full else None
        self.contenders = [name for name in self.ranked if name not in rule["always"]]

    def _tie(self, name: str) -> list[Any]:
        study = self.plan.study
        schedule = study["schedules"].get(study["candidates"][name]["follows"] or "")
        largest = name if schedule is None else schedule["shapes"][-1]
        parameters = int(study["candidates"][largest]["effective"]["parameters"])
        order = self.plan.order or []
        keys = {"name": name, "parameters": parameters, "order": order.index(name) if name in order else len(order)}
        return [*(keys[one] for one in self.rule["ties"]), name]

    def _lacks(self, cells: Sequence[Object]) -> tuple[str, str]:
        """A fault of its own counts before a value that is merely missing, and that before one that was set aside."""
        states = [one["status"] for one in cells if one["value"] is None]
        if any(one in OWN_FAULT for one in states):
            return "crashed", on_crash(self.rule)["then"]
        if all(one == "flagged" for one in states):
            stops = any(guard["handling"]["then"] == "stop" for guard in self.rule["guards"])
            return "missing", "stop" if stops else "drop"
        return "missing", self.rule["missing"]["then"]

    def decide(self) -> tuple[Object, list[str], Object]:
        """The outcome, who is promoted, and what was found."""
        demands, keep, outcome = self._demanded()
        answers = {name: self.holds(keep, name) for name in self.ranked}
        outcome = outcome or self._lacking() or self._incomparable(answers) or {"is": "settled"}
        kept = [name for name in self.contenders if answers[name][0]]
        drawn = self._drawn([name for name in self.contenders if name not in kept])
        standings = []
        for name in [*self.ranked, *sorted(self.out.keys() - set(self.worst))]:
            ground = self._ground(name, keep, kept, drawn, outcome)
            standings.append(self._standing(name, ground, answers.get(name, (None, []))[1]))
        found = {"is": "gate", "stage": self.rule["source"], "target": self.rule["target"], "demands": demands}
        promoted = sorted(one["candidate"] for one in standings if one["verdict"] == "promoted")
        return outcome, promoted, {**found, "keep": keep, "standings": standings}

    def _demanded(self) -> tuple[list[Object], Object, Object | None]:
        """What was found of each demand; whom to keep by and what follows, as the first says that is not met."""
        found, keep, outcome, met = [], self.rule["keep"], None, True
        for place, demand in enumerate(self.rule["demands"]):
            asked = demand["condition"]
            if asked["is"] == "agreement":
                one = self._agreement(asked, "")
            else:
                one = finding(asked, all(self.holds(asked, name)[0] is True for name in self.contenders))
            found.append(one)
            if met and not one["holds"]:
                met, otherwise = False, demand["otherwise"]
                if isinstance(otherwise, str):
                    outcome = settles(otherwise, {"is": "demand", "demand": place})
                else:
                    keep = otherwise
        return found, keep, outcome

    def _lacking(self) -> Object | None:
        """Candidates without a value for which the gate stops the study, or asks a person."""
        for then in ("stop", "hold"):
            names = sorted(name for name, one in self.out.items() if one[1] == then)
            if names:
                crashed = self.rule["crash"] is not None and all(self.out[name][0] == "crashed" for name in names)
                why = {"is": "lacking", "candidates": names, "stage": self.rule["source"], "crashed": crashed}
                return settles(then, why)
        return None

    def _incomparable(self, answers: dict[str, Answer]) -> Object | None:
        """Candidates that have their values, and whose reference lacks one."""
        lost = sorted(
            name
            for name in self.contenders
            if name not in self.worst and answers[name][0] is None and not spans(answers[name][1])
        )
        if not lost:
            return None
        then = "hold" if self.rule["missing"]["then"] == "hold" else "stop"
        return settles(then, {"is": "incomparable", "candidates": lost, "stage": self.rule["source"]})

    def _drawn(self, dropped: list[str]) -> list[str]:
        """The sample of the dropped: the least by hash of seed, gate and name."""
        sample = self.rule["sample"]
        if sample is None:
            return []
        head = f"{sample['seed']}/{self.rule['name']}/"
        return sorted(dropped, key=lambda name: sha((head + name).encode()))[: sample["count"]]

    def _ground(self, name: str, keep: Object, kept: list[str], drawn: list[str], outcome: Object) -> str:
        """Why a candidate is promoted or dropped."""
        lost = self.out[name][0] if name in self.out and name not in self.worst else ""
        if outcome["is"] != "settled":
            return lost or str(outcome["is"])
        if name in self.rule["always"]:
            return "always"
        placed = keep["is"] in ("top", "best")
        if name in kept:
            return "top" if placed else "met"
        if name in drawn:
            return "sample"
        return lost or ("cut" if placed else "not met")

    def _standing(self, name: str, ground: str, findings: list[Object]) -> Object:
        value = self.totals.get(name)
        going = ground in ("top", "met", "sample", "always")
        return {
            "candidate": name,
            "cells": self.rows[name],
            "statistic": None if value is None else exact(value),
            "rank": self.ranked.index(name) + 1 if name in self.ranked else None,
            "verdict": "promoted" if going else "dropped",
            "ground": ground,
            "margin": findings[0]["margin"] if len(findings) == 1 and ground != "always" else None,
            "tied_with": [
                one for one in self.ranked if one != name and value is not None and self.totals.get(one) == value
            ],
            "findings": findings,
        }


def spans(findings: list[Object]) -> bool:
    """Whether a bound lies inside the interval of what a law foretells."""
    return any(one["condition"]["is"] == "projected" and one["holds"] is None for one in findings)


def judge(rule: Object, tables: dict[str, Object], plan: Plan, *, recorded: bool) -> tuple[Object, list[str], Object]:
    """The outcome of a rule, nobody, and what was found."""
    board, stage = Board(rule, tables, plan, recorded=recorded), rule["stage"]
    about = judged_of(rule, tables, plan)
    pair = [*about, *([rule["reference"]] if rule["reference"] is not None else [])]
    absent = [name for name in pair if name not in board.rows]
    lacking = [name for name in pair if name in board.rows and name not in board.full]
    answer, why, then = "undecided", None, None
    findings: list[Object] = []
    if not about and best_of(rule) is not None:
        why, then = {"is": "no best", "stage": best_of(rule)}, rule["missing"]["then"]
    elif not about:
        why, then = {"is": "nobody promoted", "stage": stage}, rule["absent"] or rule["missing"]["then"]
    elif absent:
        why, then = {"is": "absent", "candidates": absent, "stage": stage}, rule["absent"] or rule["missing"]["then"]
    elif lacking:
        states = [one["status"] for name in lacking for one in board.rows[name] if one["value"] is None]
        crashed = any(one in OWN_FAULT for one in states)
        own = crashed and rule["crash"] is not None
        why = {"is": "lacking", "candidates": lacking, "stage": stage, "crashed": own}
        then = (on_crash(rule) if crashed else rule["missing"])["then"]
    else:
        held, findings = _of_each(board, rule, about)
        if held is None:
            why, then = {"is": "incomparable", "candidates": about, "stage": stage}, rule["missing"]["then"]
            spanned = [name for name in about if spans(board.holds(rule["require"], name)[1])]
            if spanned:
                why, then = {"is": "spanned", "candidates": spanned}, rule["otherwise"]
        else:
            answer, then = ("holds", None) if held else ("fails", rule["otherwise"])
    found = {"is": "rule", "stage": stage, "judged": about, "answer": answer, "undecided": why, "findings": findings}
    comparisons = [one for name in about for one in compared(board, rule, name)]
    return settles(then, why or {"is": "failed"}), [], {**found, "comparisons": comparisons}


def best_of(rule: Object) -> str | None:
    """The stage whose best a rule is about."""
    said = rule.get("judged")
    return str(said["stage"]) if isinstance(said, dict) and said["is"] == "best of" else None


def judged_of(rule: Object, tables: dict[str, Object], plan: Plan) -> list[str]:
    """Whom a rule is about, sorted; of those whom only results tell there may be nobody."""
    if isinstance(rule["judged"], str):
        return [rule["judged"]]
    best = best_of(rule)
    if best is not None:
        there = {one["candidate"]: whole_row(one["cells"]) for one in tables[best]["rows"]}
        sign = 1 if plan.study["measure"]["lower_is_better"] else -1
        means = {
            name: sign * sum(row, Fraction()) / len(row)
            for name, row in there.items()
            if row is not None and name != rule["reference"]
        }
        return sorted(means, key=lambda name: (means[name], name))[:1]
    aside = {rule["reference"], *plan.study["stages"][rule["stage"]]["candidates"]}
    return sorted(one["candidate"] for one in tables[rule["stage"]]["rows"] if one["candidate"] not in aside)


def _of_each(board: Board, rule: Object, about: list[str]) -> Answer:
    """Whether a claim holds for everyone whom its rule is about; one for whom it does not decides."""
    answers, findings = [], []
    for name in about:
        held, found = board.holds(rule["require"], name)
        answers.append(held)
        known = isinstance(rule["judged"], str)
        more = [] if known else [{"is": "about", "candidate": name}]
        findings += [{**one, "details": [*more, *one["details"]]} for one in found]
    return (False if False in answers else None if None in answers else True), findings


def compared(board: Board, rule: Object, name: str) -> list[Object]:
    """Values side by side, cell by cell, and their difference in the direction that the rule asks about."""
    parts = list(parts_of(rule["require"]))
    sides = [part["side"] for part in parts if part["is"] == "difference"]
    gain = sides[:1] == ["gain"] and not any(part["is"] == "equivalent" for part in parts)
    found: list[Object] = []
    if name not in board.rows or (rule["reference"] is not None and rule["reference"] not in board.rows):
        return found
    for place, mine in enumerate(board.rows[name]):
        theirs = board.rows[rule["reference"]][place]["value"] if rule["reference"] is not None else None
        difference = None
        if mine["value"] is not None and theirs is not None:
            difference = exact((Fraction(mine["value"]) - Fraction(theirs)) * board.sign * (-1 if gain else 1))
        cell = {"candidate": name, "host": mine["host"], "seed": mine["seed"], "judged": mine["value"]}
        found.append({**cell, "reference": theirs, "difference": difference})
    return found


def reduce(
    rule: Object, effects: Object, tables: dict[str, Object], plan: Plan, through: Sequence[str]
) -> tuple[Object, list[str], Object]:
    """The outcome of a reduction, the rows that go on, and what was found of each factor."""
    study = plan.study
    said = study["effects"][rule["effects"]]
    design = study["designs"][said["designs"][0]]
    factors = [
        _fate(rule, effects["fits"], factor, levels, lower=study["measure"]["lower_is_better"])
        for factor, *levels in zip(design["factors"], design["low"], design["high"], strict=True)
    ]
    fixed = {one["factor"]: one["level"] for one in factors if one["level"] is not None}
    rows = list(rule["rows"])
    if rule["around"] is not None:
        near = study["neighbourhoods"][rule["into"]]["near"]
        rows = list(dict.fromkeys(name for middle in through for name in near.get(middle, ())))
    points = {name for one in said["designs"] for name in points_of(study["designs"][one])}
    outcome: Object = {"is": "settled"}
    for stage in rule["sources"]:
        cells = [cell for one in tables[stage]["rows"] if one["candidate"] in points for cell in one["cells"]]
        gone = sum(cell["value"] is None for cell in cells)
        if gone and outcome["is"] == "settled":
            outcome = settles(rule["missing"]["then"], {"is": "runs lacking", "runs": gone, "stage": stage})
    agreeing = [name for name in rows if agrees(study["candidates"][name]["levels"], fixed)]
    going = sorted(agreeing) if outcome["is"] == "settled" else []
    found = {"is": "reduction", "stages": rule["sources"], "around": sorted(through), "factors": factors}
    return outcome, going, {**found, "into": rule["into"], "dropped": sorted(set(rows) - set(going))}


def agrees(levels: list[list[Any]], fixed: Object) -> bool:
    """Whether a candidate has every fixed factor at its level."""
    own = dict(map(tuple, levels))
    return all(own.get(factor) == one for factor, one in fixed.items())


def _fate(rule: Object, fits: list[Object], factor: str, levels: list[Any], *, lower: bool) -> Object:
    """What the stages together say of a factor; *levels* are its low and its high one."""
    mains = [
        next((one for one in fit["estimates"] if any(word == [factor] for _, word in one["chain"])), None)
        for fit in fits
    ]
    seen = [
        {"stage": fit["stage"], "effect": None, "adjusted": None, "discovered": False}
        if one is None
        else {
            "stage": fit["stage"],
            "effect": one["value"],
            "adjusted": one["adjusted"],
            "discovered": one["discovered"],
        }
        for fit, one in zip(fits, mains, strict=True)
    ]

    def so(fate: str, at: str | None = None, fixed: Any = None) -> Object:
        return {"factor": factor, "level": fixed, "fate": fate, "at": at, "seen": seen}

    better = []
    for fit, one in zip(fits, mains, strict=True):
        if one is None or one["value"] is None:
            return so("not estimable", fit["stage"])
        together = [word[0] for _, word in one["chain"] if len(word) == 1 and word != [factor]]
        if together:
            return so("changed together", together[0])
        if not one["discovered"]:
            return so("not discovered", fit["stage"])
        size = Fraction(one["value"])
        if rule["least"] is not None and abs(size) < Fraction(rule["least"]):
            return so("small", fit["stage"])
        better.append(levels[(size < 0) is lower])
    return so("fixed", fixed=better[0]) if better == better[:1] * len(better) else so("inconsistent")


def walk(step: Object, tables: dict[str, Object], plan: Plan) -> tuple[Object, list[str], Object]:
    """
    Who enters the next step of a greedy walk, and where it stands.

    Factors are turned over one after the other, in the order of the design and again from its first; a change stays
    where the mean is strictly better, and the walk has ended when every single change of its place has been tried.
    """
    baseline = plan.study["baselines"][step["baseline"]]
    points = {name: tuple(signs) for name, signs in baseline["conditions"].items()}
    names, sign = {point: name for name, point in points.items()}, 1 if plan.study["measure"]["lower_is_better"] else -1
    means: dict[tuple[int, ...], Fraction | None] = {}
    for stage in step["sources"]:
        for one in tables[stage]["rows"]:
            values = whole_row(one["cells"])
            means[points[one["candidate"]]] = mean(values) if values else None
    here, moves, idle = points[baseline["start"]], [], 0
    following: tuple[int, ...] | None = None if here in means else here
    turn = 0
    while following is None and idle < len(here):
        there = tuple(-one if place == turn % len(here) else one for place, one in enumerate(here))
        turn, idle = turn + 1, idle + 1
        if there not in means:
            following = there
            continue
        before, after = means[here], means[there]
        if after is not None and (before is None or sign * after < sign * before):
            here, idle = there, 0
            moves.append(names[there])
    value = means.get(here)
    found = {"is": "step", "stages": step["sources"], "baseline": step["baseline"], "place": names[here]}
    statistic = None if value is None else exact(value)
    going = [] if following is None else [names[following]]
    return {"is": "settled"}, going, {**found, "statistic": statistic, "moves": moves}


# --- laws ------------------------------------------------------------------------------------------------------------

BEND, WIDE, RISE = 1e-2, 0.1, 2e-2
"""Difference of logarithms beyond which a point pulls hardly harder: in the end, where a search begins; how hardly."""
LAW_NAMES = {"compute": "EAb", "shift": "EAbd", "size_data": "EAaBb"}
STATED = 5e-5
"""Share by which a number of five digits may differ between two searches for the same law."""

Points = list[tuple[list[float], float, int]]
"""Logarithms of the place, less their means; logarithm of the loss; how often the point counts."""


@dataclass
class Law:
    """A fitted law: E, A, b and so on, and which of them the points do not tell."""

    form: str
    values: list[float]
    unsure: set[str]

    def loss(self, place: Sequence[float]) -> float:
        """The loss at compute, or at size and data."""
        floor, factor, exponent, *rest = self.values
        if self.form == "size_data":
            return floor + factor * place[0] ** -exponent + rest[0] * place[1] ** -rest[1]
        return floor + factor * (place[0] + (rest[0] if rest else 0.0)) ** -exponent

    def compute(self, loss: float) -> float:
        """Compute at which a law of compute comes to a loss; never, at its floor."""
        floor, factor, exponent, *rest = self.values
        return math.inf if loss <= floor else ((loss - floor) / factor) ** (-1 / exponent) - (rest[0] if rest else 0.0)

    def price(self, loss: float) -> float:
        """Compute for a unit of loss."""
        floor, factor, exponent, *_ = self.values
        if loss <= floor:
            return math.inf
        return ((loss - floor) / factor) ** (-1 / exponent - 1) / (factor * exponent)


class Search:
    """
    The sum of Huber's function over differences of logarithms, and its smallest place.

    The logarithm of a law is that of a sum of exponentials of *lines*: each is a constant, and what it moves by with
    each parameter (log E, log A, exponent, and so on).  A shift is looked for as the logarithm of its share.
    """

    def __init__(self, form: str, points: Points) -> None:
        self.form, self.points = form, points
        least = min(place[0] for place, _, _ in points)
        free, power = (-300.0, 300.0), (1e-3, 1.0)
        more = {"compute": [], "shift": [(least - 12.0, least + 2.0)], "size_data": [free, power]}[form]
        floor = min(loss for _, loss, _ in points) + math.log(1e-3), 300.0
        self.borders = [floor, free, power, *more]

    def lines(self, at: list[float], place: list[float]) -> list[float]:
        """Logarithm of each term of the law."""
        if self.form == "shift":
            return [at[0], at[1] - at[2] * math.log(math.exp(place[0]) + math.exp(at[3]))]
        first = [at[0], at[1] - at[2] * place[0]]
        return [*first, at[3] - at[4] * place[1]] if self.form == "size_data" else first

    def slopes(self, at: list[float], place: list[float]) -> list[tuple[int, float]]:
        """For each parameter the one line that it moves, and by what."""
        if self.form == "shift":
            here, shift = math.exp(place[0]), math.exp(at[3])
            return [(0, 1.0), (1, 1.0), (1, -math.log(here + shift)), (1, -at[2] * shift / (here + shift))]
        first = [(0, 1.0), (1, 1.0), (1, -place[0])]
        return [*first, (2, 1.0), (2, -place[1])] if self.form == "size_data" else first

    def off(self, at: list[float], place: list[float], loss: float) -> float:
        """How far above the law a point lies, in logarithms."""
        return loss - math.log(math.fsum(map(math.exp, self.lines(at, place))))

    def total(self, at: list[float], bend: float) -> float:
        """What is minimised."""
        parts = []
        for place, loss, count in self.points:
            gap = abs(self.off(at, place, loss))
            if gap <= bend:
                parts.append(count * gap * gap / 2)
            else:
                parts.append(count * bend * (gap - bend / 2 + RISE * (gap * math.log(gap / bend) - gap + bend)))
        return math.fsum(parts)

    def descend(self, at: list[float], bend: float, enough: float) -> tuple[float, list[float]]:
        """Newton's steps; after each, floor and factors are found anew, or a bent valley is left at every step."""
        factors = [0, 1, 3] if self.form == "size_data" else [0, 1]

        def inner(trial: list[float]) -> tuple[float, list[float]]:
            return self.steps(trial, bend, 1e-6, factors, lambda one: (self.total(one, bend), one))

        return self.steps(at, bend, enough, list(range(len(at))), inner)

    def steps(
        self,
        at: list[float],
        bend: float,
        enough: float,
        moving: list[int],
        settle: Callable[[list[float]], tuple[float, list[float]]],
    ) -> tuple[float, list[float]]:
        """Steps of some parameters, each as long as it makes the sum smaller; what has come to a border stays there."""
        (value, at), held = settle(at), 1e-6
        for _ in range(200):
            slope, curve, plain = self._curved(at, bend, moving)
            free = [
                k for k in moving
                if not (at[k] <= self.borders[k][0] and slope[k] > 0)
                and not (at[k] >= self.borders[k][1] and slope[k] < 0)
            ]  # fmt: skip
            better, own = None, False
            while free and held < 1e9 and better is None:
                floor = 1e-9 * max(plain[k][k] for k in free) or 1e-9
                more = {k: held * max(plain[k][k], floor) for k in free}
                seen: list[bool] = []  # whether a step promises more than the sum's own rounding
                for bowl in (curve, plain):
                    rows = [[bowl[i][j] + (more[i] if i == j else 0.0) for j in free] for i in free]
                    step = cholesky(rows, [-slope[k] for k in free])
                    if step is None:
                        continue
                    trial = list(at)
                    for k, by in zip(free, step, strict=True):
                        low, high = self.borders[k]
                        trial[k] = min(high, max(low, at[k] + min(4.0, max(-4.0, by))))
                    seen.append(abs(math.fsum(slope[k] * (at[k] - trial[k]) for k in free)) > 1e-16 * value)
                    if seen[-1] and (reached := settle(trial))[0] < value:
                        better, own = reached, bowl is curve
                        break
                held = held / 20 if better else max(held, 1e-9) * 10
                if seen and not any(seen):
                    break
            if better is None:
                break
            gained, value, at = value - better[0], *better
            if own and gained <= enough * value + 1e-18:  # a step along the other says nothing of the way to the bottom
                break
        return value, at

    def narrowed(self, at: list[float], enough: float) -> tuple[float, list[float]]:
        """Searches with bends that become narrower, each from where the one before ended."""
        bend = WIDE
        while bend > BEND:
            _, at = self.descend(at, bend, 1e-2)
            bend = max(BEND, bend / 4)
        return self.descend(at, BEND, enough)

    def _curved(
        self, at: list[float], bend: float, moving: list[int]
    ) -> tuple[list[float], list[list[float]], list[list[float]]]:
        """Slope and curvature of the sum by some parameters, and that of weighted squares, which is never negative."""
        size, shifted = len(at), self.form == "shift"
        slope = [0.0] * size
        curve, plain = ([[0.0] * size for _ in range(size)] for _ in "cp")
        pairs = [(i, j) for i in moving for j in moving if j <= i]
        for place, loss, count in self.points:
            shares = [math.exp(one) for one in self.lines(at, place)]
            whole = math.fsum(shares)
            shares = [one / whole for one in shares]
            gap = loss - math.log(whole)
            inside = abs(gap) <= bend
            far = max(abs(gap), bend)
            pull = count * (gap if inside else math.copysign(bend * (1 + RISE * math.log(far / bend)), gap))
            tame, own = count if inside else pull / gap, count * (1.0 if inside else RISE * bend / far)
            by = self.slopes(at, place)
            mine = [shares[line] * one for line, one in by]
            for i in moving:
                slope[i] -= pull * mine[i]
            for i, j in pairs:
                both = mine[i] * mine[j]
                second = mine[i] * by[j][1] if by[i][0] == by[j][0] else 0.0
                second += (shares[1] * self._bent(at, place, i, j) if shifted else 0.0) - both
                plain[i][j] += tame * both
                curve[i][j] += own * both - pull * second
        for i, j in pairs:
            plain[j][i], curve[j][i] = plain[i][j], curve[i][j]
        return slope, curve, plain

    def _bent(self, at: list[float], place: list[float], i: int, j: int) -> float:
        """Second derivatives of the one line that is not straight in its parameters: that with a shift."""
        if min(i, j) < 2 or i == j == 2:
            return 0.0
        share = 1 / (1 + math.exp(place[0] - at[3]))
        return -share if i != j else -at[2] * share * (1 - share)

    def starts(self) -> list[list[float]]:
        """Places to begin from: for each exponent the floor and factors of least squares."""
        found = []
        goals = [math.exp(loss) for _, loss, _ in self.points]
        for powers in itertools.product((0.1, 0.25, 0.45, 0.8), repeat=2 if self.form == "size_data" else 1):
            columns = [
                [1.0, *(math.exp(-power * x) for power, x in zip(powers, place, strict=True))]
                for place, _, _ in self.points
            ]
            weights = [count / goal**2 for (_, _, count), goal in zip(self.points, goals, strict=True)]
            fitted = not_negative(columns, goals, weights)
            floor, *factors = (math.log(max(one, min(goals) * 1e-3)) for one in fitted)
            if self.form == "shift":
                low, high = self.borders[3]
                found += [[floor, factors[0], powers[0], low + by * (high - low)] for by in (0.2, 0.8)]
            elif self.form == "size_data":
                found.append([floor, factors[0], powers[0], factors[1], powers[1]])
            else:
                found.append([floor, factors[0], powers[0]])
        return found


def cholesky(rows: list[list[float]], right: list[float]) -> list[float] | None:
    """The solution of a symmetric system; None where it is not positive definite."""
    size = len(right)
    lower = [[0.0] * size for _ in right]
    for i in range(size):
        for j in range(i + 1):
            rest = rows[i][j] - math.fsum(map(mul, lower[i], lower[j][:j]))
            if i != j:
                lower[i][j] = rest / lower[j][j]
            elif rest > 1e-14 * abs(rows[i][i]):
                lower[i][i] = math.sqrt(rest)
            else:
                return None
    half, found = [0.0] * size, [0.0] * size
    for i in range(size):
        half[i] = (right[i] - math.fsum(map(mul, lower[i][:i], half))) / lower[i][i]
    for i in reversed(range(size)):
        found[i] = (half[i] - math.fsum(lower[k][i] * found[k] for k in range(i + 1, size))) / lower[i][i]
    return found


def not_negative(columns: list[list[float]], goals: list[float], weights: list[float]) -> list[float]:
    """Factors by weighted least squares, none below 0: while one is, the lowest goes out."""
    kept = list(range(len(columns[0])))
    while True:
        rows = [[math.fsum(w * c[i] * c[j] for w, c in zip(weights, columns, strict=True)) for j in kept] for i in kept]
        for place, row in enumerate(rows):
            row[place] *= 1 + 1e-10
        right = [math.fsum(w * c[i] * g for w, c, g in zip(weights, columns, goals, strict=True)) for i in kept]
        found = cholesky(rows, right) or [0.0] * len(kept)
        if min(found) >= 0 or len(kept) == 1:
            said = dict(zip(kept, found, strict=True))
            return [max(said.get(index, 0.0), 0.0) for index in range(len(columns[0]))]
        kept.pop(found.index(min(found)))


@dataclass
class Measured:
    """A value of a run at a place; points of one run are drawn together."""

    place: tuple[float, ...]
    loss: float
    run: str


def are_told(form: str, places: set[tuple[float, ...]]) -> bool:
    """Whether losses at places tell a law: three of each argument, as many as parameters, a size at two amounts."""
    sizes = {place[0] for place in places}
    crossed = form != "size_data" or (len(places) > len(sizes) > 2 and len({place[1] for place in places}) > 2)
    return len(places) >= len(LAW_NAMES[form]) and crossed


def fitted(points: list[Measured], form: str, draws: int, seed: int) -> tuple[Law, list[Law]] | None:
    """A law, and those of other draws of the runs; None where the places do not tell its parameters."""
    losses = [one.loss for one in points]
    if not are_told(form, {one.place for one in points}):
        return None
    if not (min(losses) > 1e-100 and max(losses) < 1 / 1e-100 and max(losses) < 1e12 * min(losses)):
        return None
    search, middle = _centred(points, [1] * len(points), form)
    begun = sorted((search.total(at, WIDE), at) for at in search.starts())[:3]
    ended = [search.narrowed(at, 1e-13) for _, at in begun]
    law = _law_at(search, middle, min(ended, key=lambda one: one[0])[1])
    return law, list(_redrawn(points, law, draws, seed))


def _centred(points: list[Measured], counts: list[int], form: str) -> tuple[Search, list[float]]:
    used = [(one, count) for one, count in zip(points, counts, strict=True) if count]
    logs = [[math.log(x) for x in one.place] for one, _ in used]
    middle = [math.fsum(column) / len(logs) for column in zip(*logs, strict=True)]
    rows = zip(logs, used, strict=True)
    return Search(
        form,
        [([a - b for a, b in zip(x, middle, strict=True)], math.log(one.loss), count) for x, (one, count) in rows],
    ), middle


def _law_at(search: Search, middle: list[float], at: list[float]) -> Law:
    names = LAW_NAMES[search.form]
    unsure = {name for name, x, (low, high) in zip(names, at, search.borders, strict=True) if x <= low or x >= high}
    values = [math.exp(at[0]), math.exp(at[1] + at[2] * middle[0]), at[2]]
    if search.form == "shift":
        values.append(math.exp(at[3] + middle[0]))
    elif search.form == "size_data":
        values += [math.exp(at[3] + at[4] * middle[1]), at[4]]
    return Law(search.form, values, unsure)


def _redrawn(points: list[Measured], law: Law, draws: int, seed: int) -> Iterator[Law]:
    """The law fitted again to runs drawn with replacement, among those of their own places if none of them is alone."""
    numbers = (
        int.from_bytes(hashlib.sha256(f"{seed}/{block}".encode()).digest()[start : start + 8], "big")
        for block in itertools.count()
        for start in range(0, 32, 8)
    )
    runs, groups = _grouped(points)
    while draws:
        counts = [0] * len(points)
        for group in groups:
            for _ in group:
                for index in runs[group[next(numbers) % len(group)]]:
                    counts[index] += 1
        drawn = {one.place for one, count in zip(points, counts, strict=True) if count}
        if not are_told(law.form, drawn):
            continue
        search, middle = _centred(points, counts, law.form)
        yield _law_at(search, middle, search.descend(_begin(search, middle, law), BEND, 1e-8)[1])
        draws -= 1


def _grouped(points: list[Measured]) -> tuple[dict[str, list[int]], list[list[str]]]:
    """The points of each run, and the runs that may stand for each other."""
    runs: dict[str, list[int]] = {}
    for index, one in enumerate(points):
        runs.setdefault(one.run, []).append(index)
    alike: dict[Any, list[str]] = {}
    for run, own in runs.items():
        alike.setdefault(tuple(sorted(points[index].place for index in own)), []).append(run)
    return runs, list(alike.values()) if min(map(len, alike.values())) > 1 else [list(runs)]


def _begin(search: Search, middle: list[float], law: Law) -> list[float]:
    """A law where a search of other points begins."""

    def log(value: float) -> float:
        return math.log(value) if value > 0 else -math.inf

    floor, factor, exponent, *rest = law.values
    at = [log(floor), log(factor) - exponent * middle[0], exponent]
    if law.form == "shift":
        at.append(log(rest[0]) - middle[0])
    elif law.form == "size_data":
        at += [log(rest[0]) - rest[1] * middle[1], rest[1]]
    return [min(high, max(low, one)) for one, (low, high) in zip(at, search.borders, strict=True)]


def share_of(values: Sequence[float], share: float) -> float:
    """A quantile, between two values in proportion."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = min(int(place), max(len(ordered) - 2, 0))
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def stated(value: float, digits: int = 5, scale: float | None = None) -> Near:
    """A number of a fitted law, as it is stored; *scale* is the size of what it is a difference of."""

    def write(number: float | Fraction) -> str:
        text = f"{near(number):.{digits}g}"
        return "0" if text == "-0" else text

    size = abs(value) if scale is None else abs(scale)
    return Near(value, size * STATED / 1e-9 if math.isfinite(value) else 0.0, write)


class ByLaw:
    """What a law said before a stage opened."""

    def __init__(self, plan: Plan, name: str, tables: dict[str, Object], *, recorded: bool) -> None:
        self.plan, self.law, self.tables, self.recorded = plan, plan.study["laws"][name], tables, recorded
        together = self.law["form"] == "size_data"
        self.groups: dict[str | None, list[str]] = (
            {None: self.law["candidates"]} if together else {one: [one] for one in self.law["candidates"]}
        )
        self.found: dict[str | None, tuple[Law, list[Law]] | None] = {}
        self.points: dict[str | None, int] = {}
        self.noise: dict[str | None, tuple[float, float]] = {}
        """How far from a law a run lies at 95%, in logarithms, and how many times farther than its draws."""
        self.alone: set[str | None] = set()
        """Laws of one run, or of no more points than parameters, of which every draw is the same."""
        for who, group in self.groups.items():
            points = [one for name in group for stage in self.law["stages"] for one in self._points(stage, name)]
            self.points[who] = len(points)
            spare = len(points) - len(LAW_NAMES[self.law["form"]])
            self.alone |= {who} if len({one.run for one in points}) == 1 or spare <= 0 else set()
            found = self.found[who] = fitted(points, self.law["form"], self.law["draws"], self.law["seed"])
            if found is not None:
                degrees = max(1, len(points) - len(found[0].values))
                off = math.fsum(math.log(one.loss / found[0].loss(one.place)) ** 2 for one in points)
                runs, groups = _grouped(points)
                more, wider = len(runs) - len(groups), 1.0
                if more:
                    wider = math.sqrt(len(runs) / more) * t_point(0.975, more) / NormalDist().inv_cdf(0.975)
                self.noise[who] = t_point(0.975, degrees) * math.sqrt(off / degrees), wider

    def _points(self, stage: str, candidate: str) -> Iterator[Measured]:
        one_run = self.recorded or self.plan.study["stages"][stage]["trunk"] is not None
        row = next((one for one in self.tables[stage]["rows"] if one["candidate"] == candidate), None)
        for cell in row["cells"] if row else ():
            if cell["value"] is not None and float(Fraction(cell["value"])) > 0:
                run = f"{candidate}-{cell['host']}-{cell['seed']}" if one_run else cell["run"]
                yield Measured(self.place(stage, candidate), float(Fraction(cell["value"])), run)

    def place(self, stage: str, candidate: str) -> tuple[float, ...]:
        """Where a candidate's runs of a stage are measured."""
        amount = Fraction(self.plan.whole(stage))
        if self.law["form"] != "size_data":
            return (float(amount),)
        effective = self.plan.study["candidates"][candidate]["effective"]
        if self.plan.study["stages"][stage]["budget"]["kind"] == "flops":
            amount /= int(effective["flops_per_token"])
        return float(effective["parameters"]), float(amount)

    def unsure(self, who: str | None) -> list[str]:
        """Parameters that the points do not tell, in the fit or in a tenth of the draws."""
        found = self.found[who]
        if found is None:
            return []
        law, drawn = found
        if who in self.alone:
            return list(LAW_NAMES[law.form])
        often = {name for name in LAW_NAMES[law.form] if sum(name in one.unsure for one in drawn) > 0.1 * len(drawn)}
        return [name for name in LAW_NAMES[law.form] if name in law.unsure | often]

    def fits(self, of: Iterable[str | None]) -> list[Object]:
        """Each law as it is stored."""
        return [
            {
                "candidate": who,
                "points": self.points[who],
                "parameters": [stated(one) for one in found[0].values] if (found := self.found[who]) else [],
                "unsure": self.unsure(who),
            }
            for who in of
        ]

    def told(self, candidate: str, stage: str) -> Object | None:
        """What the law foretells of a candidate."""
        found = self.found.get(None) or self.found.get(candidate)
        if found is None:
            return None
        place, who = self.place(stage, candidate), None if None in self.groups else candidate
        ends = self.around(who, stage, found[0].loss(place), [one.loss(place) for one in found[1]])
        return self.said(candidate, stage, found[0].loss(place), ends)

    def around(self, who: str | None, stage: str, value: float, drawn: Sequence[float]) -> tuple[float, float]:
        """Where the mean of a stage's new runs is expected: draws of the law and noise of runs, both by Student's t."""
        there, (noise, wider) = self.plan.study["stages"][stage], self.noise[who]
        own = noise / math.sqrt(len(there["hosts"]) * len(there["seeds"]))
        low, high = share_of(drawn, 0.025), share_of(drawn, 0.975)
        apart = math.hypot(own, wider * max(0.0, math.log(value / low), math.log(high / value)))
        factor = math.exp(min(apart, 100.0))
        return value / factor, value * factor

    @staticmethod
    def said(candidate: str, stage: str, value: float, ends: tuple[float, float]) -> Object:
        """A foretold value with its interval, as it is stored."""
        low, high = map(stated, ends)
        return {"candidate": candidate, "stage": stage, "value": stated(value), "low": low, "high": high}


def by_law(rule: Object, tables: dict[str, Object], plan: Plan, *, recorded: bool) -> tuple[Object, list[str], Object]:
    """The outcome of a forecast or schedule, and what it found."""
    laws = ByLaw(plan, rule["law"], tables, recorded=recorded)
    if "candidates" in rule:
        told = [one for name in rule["candidates"] if (one := laws.told(name, rule["stage"])) is not None]
        found = {"is": "forecast", "stages": laws.law["stages"], "fits": laws.fits(laws.groups), "foretold": told}
        return {"is": "settled"}, [], found
    found = Change(rule, laws, plan).found()
    held = {"is": "held", "because": {"is": "not told", "schedule": rule["name"]}}
    return held if not found["path"] else {"is": "settled"}, [], found


class Change:
    """Where a schedule changes shape."""

    def __init__(self, schedule: Object, laws: ByLaw, plan: Plan) -> None:
        self.schedule, self.laws, self.plan = schedule, laws, plan
        self.shapes: list[str] = schedule["shapes"]
        following = set(plan.followers(schedule["name"]))
        entrants = plan.study["entrants"]
        self.stages = [name for name in plan.stages if following & set(entrants[name]["possible"])]
        self.fits = [laws.found[name] for name in self.shapes]

    def found(self) -> Object:
        """Everything that was found, as it is stored."""
        switches = self._switches()
        grounds = self._grounds(switches)
        path = self._path(switches, grounds)
        return {
            "is": "schedule",
            "stages": self.laws.law["stages"],
            "fits": self.laws.fits(self.shapes),
            "switches": switches,
            "grounds": grounds,
            "path": path,
            "foretold": list(self._foretold(path)) if switches else [],
        }

    def _switches(self) -> list[Object]:
        known = [one for one in self.fits if one is not None]
        if len(known) < len(self.fits):
            return []
        budgets = [self.plan.whole(stage) for stage in self.laws.law["stages"]]
        least, most = min(budgets) / self.laws.law["reach"], float(max(budgets) * self.laws.law["reach"])
        places = along([law for law, _ in known], least, most)
        drawn = [along(list(one), least, most) for one in zip(*(others for _, others in known), strict=True)]
        found = []
        for number, at in enumerate(places):
            ordered = sorted(one[number] for one in drawn)
            beyond = 0.025 * (len(ordered) - 1)
            low, high = ordered[math.floor(beyond)], ordered[math.ceil(len(ordered) - 1 - beyond)]
            if 0 < at < math.inf:
                wider = max(self.laws.noise[name][1] for name in self.shapes)
                low, high = at * min(low / at, 1.0) ** wider, at * max(high / at, 1.0) ** wider
            found.append(
                {
                    "before": self.shapes[number],
                    "after": self.shapes[number + 1],
                    "at": None if math.isinf(at) else stated(at, 3),
                    "low": stated(most if math.isinf(low) else low, 3),
                    "high": None if math.isinf(high) else stated(high, 3),
                }
            )
        return found

    def _grounds(self, switches: list[Object]) -> str:
        if not switches:
            return "few"
        if any(self.laws.unsure(name) for name in self.shapes):
            return "unsure"
        if any(one["at"] is None or not Fraction(one["at"].text) for one in switches):
            return "nowhere"
        for one in switches:
            low = Fraction(one["low"].text)
            if one["high"] is None or not low or Fraction(one["high"].text) / low > 2:
                return "wide"
        return "told"

    def _path(self, switches: list[Object], grounds: str) -> list[Object]:
        kept: str | None = None
        if grounds == "told":
            turns = zip(self.shapes[1:], switches, strict=True)
            at = [{"candidate": name, "at": str(max(1, round(Fraction(one["at"].text))))} for name, one in turns]
            return [{"candidate": self.shapes[0], "at": "0"}, *at]
        if self.schedule["otherwise"] == "largest":
            kept = self.shapes[-1]
        elif self.schedule["otherwise"] == "best" and switches and self.stages:
            budget = float(max(self.plan.whole(stage) for stage in self.stages))
            losses = [one[0].loss([budget]) for one in self.fits if one is not None]
            kept = self.shapes[losses.index(min(losses))]
        return [] if kept is None else [{"candidate": kept, "at": "0"}]

    def _foretold(self, path: list[Object]) -> Iterator[Object]:
        known = [one for one in self.fits if one is not None]
        taken = [self.shapes.index(one["candidate"]) for one in path]
        turns = [float(one["at"]) for one in path]
        for stage in self.stages:
            budget = float(self.plan.whole(stage))
            yield from (one for name in self.shapes if (one := self.laws.told(name, stage)) is not None)
            for name in self.plan.followers(self.schedule["name"]):
                if not path or name not in self.plan.study["entrants"][stage]["possible"]:
                    continue
                value = loss_after([known[one][0] for one in taken], turns, budget)
                every = zip(*(others for _, others in known), strict=True)
                drawn = [loss_after([laws[one] for one in taken], turns, budget) for laws in every]
                losses = [one for one in drawn if one is not None]
                if value is not None and len(losses) == len(drawn):
                    ends = self.laws.around(self.shapes[taken[-1]], stage, value, losses)
                    yield self.laws.said(name, stage, value, ends)


def along(laws: list[Law], least: float, most: float) -> list[float]:
    """What training has used at each change of shape: where the next law is the cheaper one at the same loss."""
    found, used, entered = [], 0.0, 0.0
    for small, large in itertools.pairwise(laws):
        alone = cheaper_from(small, large, least, most)
        if math.inf in (alone, used):
            used = math.inf
        elif alone > entered:
            used += alone - entered
            entered = large.compute(small.loss([alone]))
        else:
            entered = large.compute(small.loss([entered])) if entered else 0.0
        found.append(used)
    return found


def cheaper_from(small: Law, large: Law, least: float, most: float) -> float:
    """Compute of the smaller shape from which on the larger one pays less for the next bit of loss."""

    def is_cheaper(compute: float) -> bool:
        loss = small.loss([compute])
        return small.price(loss) >= large.price(loss)

    if is_cheaper(least):
        return 0.0
    if not is_cheaper(most):
        return math.inf
    low, high = math.log(least), math.log(most)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if is_cheaper(math.exp(middle)) else (middle, high)
    return math.exp(high)


def loss_after(laws: list[Law], turns: list[float], budget: float) -> float | None:
    """The loss of training that goes on along the next law from the loss that it had; None where that has none."""
    entered = 0.0
    ends = [*turns[1:], math.inf]
    for number, (law, begun, end) in enumerate(zip(laws, turns, ends, strict=True)):
        there = entered + min(end, budget) - begun
        loss = law.loss([there]) if there > 0 else math.inf
        if end >= budget:
            return loss
        entered = 0.0 if math.isinf(loss) else max(laws[number + 1].compute(loss), 0.0)
        if math.isinf(entered):
            return None
    return None


# --- effects ---------------------------------------------------------------------------------------------------------

Spotted = tuple[str, int, int]
"""Host and seed, and the number of the stage where several are estimated together."""
Point = tuple[int, ...]
"""A row of a design: -1 and +1, and zeros for its centre."""


@dataclass(slots=True)
class Run:
    """A value that effects are estimated from."""

    candidate: str
    point: Point
    cell: Spotted
    value: Fraction


class Counted:
    """
    How the numbers of a table are counted and kept.

    Values beyond 10^100 or below 10^-100 are counted in a power of ten; an estimate has six digits, or one place more
    than the values have where that is more.
    """

    def __init__(self, values: Iterable[Fraction], unit: int) -> None:
        largest = max((abs(one) * unit for one in values), default=Fraction())
        exponent = len(str(largest)) - len(str(unit)) if largest else 0
        self.shift = exponent if abs(exponent) > 100 else 0
        self.power = Fraction(10) ** self.shift
        self.places = len(str(unit)) - 1

    def write(self, number: float | Fraction) -> str:
        """Six digits of a number that was counted so."""
        text = six(float(number))
        return f"{Decimal(text).scaleb(self.shift):.6g}" if self.shift and text != "0" else text

    def write_estimate(self, number: float | Fraction) -> str:
        """An estimate that was counted so."""
        number, places = Fraction(number), self.places + 1
        if self.shift or abs(number) * 10**places < 10**6:
            return self.write(number)
        return exact(Fraction(round(number * 10**places), 10**places))

    def squared(self) -> "Callable[[float | Fraction], str]":
        """Writes numbers that were counted in the square of that power."""
        found = copy.copy(self)
        found.shift = 2 * self.shift
        return found.write

    def near(self, number: float, scale: float = 0.0) -> "Near":
        """A computed number."""
        return Near(number, scale, self.write, self.power)

    def estimate(self, number: Fraction | float, scale: float = 0.0) -> "Near":
        """An estimate."""
        return Near(number, scale, self.write_estimate, self.power)


def unit_of(texts: Sequence[str]) -> int:
    """So many units make one: of decimals a power of ten, else the least common denominator."""
    if any("e" in text or "/" in text for text in texts):
        return math.lcm(*(Fraction(text).denominator for text in texts))
    return 10 ** max((len(text.partition(".")[2]) for text in texts), default=0)


class Screen:
    """
    The effects at one stage, by least squares with a term for every block, in exact rationals.

    Blocks are projected out first: of a run's regressors what matters is how far they are from their mean in its block.
    """

    def __init__(self, said: Object, plan: Plan, *tables: Object) -> None:
        """Of one stage's table, or of those of several stages that are estimated together."""
        self.said, self.stage = said, tables[-1]["stage"]
        designs = [plan.study["designs"].get(name) or plan.study["arrays"][name] for name in said["designs"]]
        self.factors: list[str] = designs[0]["factors"]
        self.plain = "levels" not in designs[0]
        self.coding = Coding(self.factors, designs[0].get("levels"), said.get("contrasts", ()))
        self.compared = said.get("contrasts", [])
        points: dict[str, Point] = {}
        for design in designs:
            points.update(points_of(design))
        self.parts: list[tuple[list[Spotted], dict[str, list[Object]]]] = [
            (
                [(host, seed, number_) for host, seed in evidence["cells"]],
                {one["candidate"]: one["cells"] for one in evidence["rows"] if one["candidate"] in points},
            )
            for number_, evidence in enumerate(tables)
        ]
        self.points = {name: points[name] for _, rows in self.parts for name in rows}
        self.unit = math.lcm(
            *(unit_of([one["value"] or "0" for some in rows.values() for one in some]) for _, rows in self.parts)
        )
        self._hold(
            [
                Run(name, self.points[name], cell, Fraction(one["value"]))
                for name in self.points
                for cells, rows in self.parts
                for cell, one in zip(cells, rows.get(name, ()), strict=name in rows)
                if one["value"] is not None
            ]
        )

    def _hold(self, runs: list[Run]) -> None:
        self.counted = Counted([one.value for one in runs], self.unit)
        self.runs = [Run(one.candidate, one.point, one.cell, one.value / self.counted.power) for one in runs]
        self.corners = [one for one in self.runs if 0 not in one.point]
        self.distinct = list(dict.fromkeys(one.point for one in self.runs))
        self.outer = [point for point in self.distinct if 0 not in point]
        self.hosts = list(dict.fromkeys(one.cell[0] for one in self.runs))
        self.statements: list[Object] = []
        self.fitted: list[list[Any]] = []

    def gained(self, later: "Screen") -> "Screen":
        """The same of what runs gained until a later stage, for those that have a value at both."""
        found = copy.copy(self)
        after = {(one.candidate, one.cell): one.value * later.counted.power for one in later.runs}
        before = [Run(one.candidate, one.point, one.cell, one.value * self.counted.power) for one in self.runs]
        found.unit = math.lcm(self.unit, later.unit)
        found._hold(
            [
                Run(one.candidate, one.point, one.cell, after[one.candidate, one.cell] - one.value)
                for one in before
                if (one.candidate, one.cell) in after
            ]
        )
        return found

    # --- everything at once --------------------------------------------------------------------------------------

    def fit(self) -> Object:
        """What was found at the stage, all but what is adjusted within the family."""
        self.statements = [*self._lost(), *self._same()]
        found: Object = {
            "stage": self.stage,
            "runs": len(self.runs),
            "planned": sum(len(rows) * len(cells) for cells, rows in self.parts),
            "degrees": 0,
            "freedom": None,
            "sigma": None,
            "method": "least squares",
            "pse": None,
            "margin": None,
            "simultaneous": None,
            "contrasts": [],
            "estimates": [],
            "curvature": None,
            "blocks": None,
        }
        found.update(self.estimated())
        return {**found, "statements": self.statements}

    def estimated(self) -> Object:
        """What least squares give, if there is anything to estimate."""
        if len(self.outer) < 2:
            self.statements.append({"is": "too few"})
            return {}
        if len({one.value for one in self.runs}) == 1:
            self.statements.append({"is": "all equal"})
            return {}
        return self._estimated()

    def _lost(self) -> Iterator[Object]:
        """Runs without a value by host, and cells without any."""
        for cells, rows in self.parts:
            if not rows:
                continue
            lacking = [sum(some[place]["value"] is None for some in rows.values()) for place in range(len(cells))]
            for host in dict.fromkeys(host for host, *_ in cells):
                there = [lost for lost, cell in zip(lacking, cells, strict=True) if cell[0] == host]
                if sum(there):
                    yield {"is": "runs lost", "host": host, "lost": sum(there), "planned": len(there) * len(rows)}
            for lost, (host, seed, _) in zip(lacking, cells, strict=True):
                if lost == len(rows):
                    yield {"is": "cell empty", "host": host, "seed": seed}

    def _same(self) -> Iterator[Object]:
        """Candidates that are one condition."""
        named: dict[Point, list[str]] = {}
        for name in dict.fromkeys(one.candidate for one in self.corners):
            named.setdefault(self.points[name], []).append(name)
        return ({"is": "same condition", "candidates": names} for names in named.values() if len(names) > 1)

    def _model(self) -> tuple[list[list[Any]], list[list[str]], list[list[str]]]:
        """Chains of the model, effects of up to two factors that it leaves out, and those that never change."""
        upto = [list(some) for size in (1, 2) for some in itertools.combinations(self.factors, size)]
        asked = [one for one in upto if len(one) == 1 or self.said["pairs"]]
        asked += [list(one) for one in self.said["terms"] if list(one) not in asked]
        self.terms = asked
        terms = [name for one in asked for name in self.coding.products(one)]
        others = [name for one in upto if one not in asked for name in self.coding.products(one)]
        chains, constant = aliases(self.coding, self.outer, [*terms, *others])
        inside = [chain for chain in chains if chain[0][1] in terms]
        return inside, [chain[0][1] for chain in chains if chain[0][1] not in terms], constant

    def _estimated(self) -> Object:
        chains, omitted, constant = self._model()
        columns = [self._column(chain[0][1]) for chain in chains]
        centre = [{point: int(0 in point) for point in self.distinct}] if len(self.distinct) > len(self.outer) else []
        width = len(chains)
        if self.said.get("rest") == "listed":
            further = self._listed(chains, omitted, centre)
            columns += [self._column(chain[0][1]) for chain in further]
            taken = [word for chain in further for _, word in chain]
            chains, omitted = [*chains, *further], [effect for effect in omitted if effect not in taken]
        self.fitted = chains
        left = [self._column(effect) for effect in omitted]
        mains = [place for place, chain in enumerate(chains) if len(chain[0][1]) == 1] if len(self.hosts) > 1 else []
        apart = [(columns[place], host) for place in mains for host in self.hosts[1:]]
        model: list[Line] = [(column, None) for column in [*columns, *centre]]
        solved = self._solve([*model, *apart, *((column, None) for column in left)], len(model))
        left_over = len(self.runs) - solved.blocks - len(solved.kept)
        residual, degrees = (
            self._of_repeated_runs() if self.said.get("rest") == "listed" else (solved.residual, left_over)
        )
        lost = self._confounded(chains, constant, solved)
        found: Object = {"degrees": degrees}
        spread, freedom, lenth = self._error(found, solved, residual, degrees)
        far = t_point(1 - float(Fraction(self.said["rate"])) / 2, freedom) if spread else 0.0
        alone = {host: self._solve(model, len(model), host) for host in self.hosts} if mains else {}
        estimates = []
        for place, chain in enumerate(chains):
            if place in lost:
                estimates.append(estimate(chain))
                continue
            scale = self.coding.scale(chain[0][1])
            value = scale * solved.coefficients[place]
            error = spread if lenth else spread * math.sqrt(scale**2 * solved.variances[place]) if spread else 0.0
            one = self._one(chain, value, error, freedom, far)
            biases = [(solved.bias(place, len(model) + len(apart) + other), name) for other, name in enumerate(omitted)]
            if not self.plain:
                biases = [(round(much * scale / self.coding.scale(name), 6), name) for much, name in biases]
            one["aliases"] = [[exact(much), name] for much, name in biases if much]
            if place in mains:
                one["hosts"] = [[host, self._own(place, there, scale)] for host, there in alone.items()]
            estimates.append(one)
        if mains:
            own = [terms for there in alone.values() for terms in there.dependent]
            every = [*model, *((one, None) for one in left)]
            self._between(estimates, omitted, mains, lost, solved, left_over, every, own)
        if centre and len(chains) in solved.kept:
            value, spread_ = -solved.coefficients[-1], spread
            if lenth:
                spread_ = spread * math.sqrt(len(self.runs)) / 2
            error = spread_ * math.sqrt(solved.variances[-1]) if spread else 0.0
            found["curvature"] = {
                "runs": len(self.runs) - len(self.corners),
                **dict.fromkeys(("error", "t", "p", "low", "high")),
                "value": self.counted.estimate(value),
                **self._tested(value, error, freedom, far),
            }
        found["blocks"] = self._blocks(model, solved, (spread, freedom) if spread and lenth else None)
        own: list[Line] = [(column, None) for column in [*columns[:width], *centre]]
        self._follow_up(found, chains[:width], own, lenth=lenth)
        if not self.plain:
            joints = list(self._joints(chains, lost, columns, (residual, degrees) if found.get("sigma") else None))
            steps = list(self._steps(spread, freedom, far, columns[width:]))
            found.update({key: some for key, some in (("joints", joints), ("steps", steps)) if some})
        if estimates[width:]:
            found["rest"] = estimates[width:]
        return {**found, "estimates": estimates[:width]}

    def _listed(
        self, chains: list[list[Any]], omitted: list[list[str]], centre: list[dict[Point, int]]
    ) -> list[list[Any]]:
        """Chains beside the model, which are estimated with it: those that can be, where it loses nothing by that."""
        taken = [word for chain in chains for _, word in chain]
        named = every_contrast(self.factors, self.outer) if self.plain and len(self.outer) <= 128 else []
        words = omitted
        if named and len(named) == len(self.outer) - 1:
            beside = [words for _, words in named if not any(one in taken for one in words)]
            words = [list(one) for some in beside for one in some]
        found, _ = aliases(self.coding, self.outer, words)
        own = [(self._column(chain[0][1]), None) for chain in chains] + [(column, None) for column in centre]
        every: list[Line] = [*own, *((self._column(chain[0][1]), None) for chain in found)]
        alone = {one for terms in self._solve(own, len(own)).dependent for one in terms}
        lost = {one for terms in self._solve(every, len(every)).dependent for one in terms}
        if any(one < len(own) and one not in alone for one in lost):
            return []
        return [chain for place, chain in enumerate(found, start=len(own)) if place not in lost]

    def _of_repeated_runs(self) -> tuple[Fraction, int]:
        """Sum of squares between runs of the same row, beside blocks, with its degrees of freedom."""
        rows: list[Line] = [({point: int(point == one) for point in self.distinct}, None) for one in self.distinct[1:]]
        solved = self._solve(rows, len(rows))
        return solved.residual, len(self.runs) - solved.blocks - len(solved.kept)

    def _blocks(self, model: "list[Line]", solved: "Solved", lenth: tuple[float, float] | None) -> Object | None:
        """What differs between blocks: an F test of their terms, how far each lies off, and what that may be."""
        members: dict[tuple[Any, ...], list[Run]] = {}
        for one in self.runs:
            members.setdefault(self._block(one.cell), []).append(one)
        if len(members) < 2:
            return None
        bare = self._solve([model[place] for place in solved.kept], len(solved.kept), together=True)
        added = len(members) - 1
        degrees = len(self.runs) - len(members) - len(solved.kept)
        f = p = None
        if lenth is None and degrees > 0 and solved.residual:
            f = float((bare.residual - solved.residual) / added / (solved.residual / degrees))
            p = f_beyond(f, added, degrees)
        levels = {}
        for block, runs in sorted(members.items()) if len(members) <= 16 else ():
            counts = Counter(one.point for one in runs)
            fitted = Fraction()
            for much, (line, _) in zip(solved.coefficients, model, strict=True):
                fitted += much * sum(line[point] * count for point, count in counts.items())
            levels[block] = mean([one.value for one in runs]) - fitted / len(runs)
        off = {block: level - mean(list(levels.values())) for block, level in levels.items()}
        if lenth is not None and len(off) == 2:
            first, second = off.values()
            t = float(second - first) / lenth[0]
            f, p = t * t, t_both(t, lenth[1])
        return {
            "blocks": len(members),
            "degrees": added,
            "f": None if f is None else Near(f),
            "p": None if p is None else Near(p),
            "shifts": [{**self._told_by(block), "value": self.counted.estimate(one)} for block, one in off.items()],
            "confounded": self._constant_within(list(members.values())),
        }

    def _told_by(self, block: tuple[Any, ...]) -> Object:
        """A block by what its runs have in common."""
        names = [name for name in ("host", "seed", "stage") if name in self.said["block"]]
        said = dict(zip(names, block, strict=True))
        if "stage" in said:
            said["stage"] = self.said["stages"][said["stage"]]
        return {**dict.fromkeys(("host", "seed", "stage")), **said}

    def _constant_within(self, blocks: list[list[Run]]) -> list[list[list[str]]]:
        """Products of factors that have one sign in every block, each with all that share its column."""
        inside_ = [{one.point for one in runs if 0 not in one.point} for runs in blocks]
        if not self.plain:
            return []  # what blocks leave nothing of is not estimable, and told so
        if len(self.outer) > 128 or any(len(there) == len(self.outer) for there in inside_):
            return []
        found = []
        for effect, effects in every_contrast(self.factors, self.outer):
            column = self._column(effect)
            if all(len({column[point] for point in there}) < 2 for there in inside_):
                found.append([list(one) for one in effects])
        return found

    def _joints(
        self,
        chains: list[list[Any]],
        lost: set[int],
        columns: list[dict[Point, int]],
        error: tuple[Fraction, int] | None,
    ) -> Iterator[Object]:
        """Every factor and interaction with all of its contrasts, beside all others."""
        place_of = {tuple(chain[0][1]): place for place, chain in enumerate(chains)}
        for term in self.terms:
            names = [tuple(name) for name in self.coding.products(term)]
            places = [place_of[name] for name in names if name in place_of]
            if not places or lost.intersection(places):
                continue
            others = [column for place, column in enumerate(columns) if place not in places]
            every: list[Line] = [(column, None) for column in [*others, *(columns[place] for place in places)]]
            rank, fall = self._solve(every, len(others)).gain(range(len(others), len(every)))
            if not rank:
                continue
            squares = Near(fall, 0.0, self.counted.squared(), self.counted.power**2)
            one: Object = {"term": term, "degrees": rank, "squares": squares, **dict.fromkeys(("f", "p", "adjusted"))}
            if error is not None:
                f = float(fall / rank / (error[0] / error[1]))
                one.update(f=Near(f), p=Near(f_beyond(f, rank, error[1])))
            yield one

    def _steps(self, spread: float, freedom: float, far: float, beside: Sequence[dict[Point, int]]) -> Iterator[Object]:
        """From level to level of each trend, in the same model."""
        trends = [one["factor"] for one in self.compared if one["is"] == "trend"]
        if not trends:
            return
        coding = self.coding.stepped(trends)
        names = [name for term in self.terms for name in coding.products(term)]
        every: list[Line] = [({point: coding.at(name, point) for point in self.distinct}, None) for name in names]
        every += [(column, None) for column in beside]
        solved = self._solve(every, len(every))
        lost = {one for terms in solved.dependent for one in terms}
        for place, name in enumerate(names):
            step = coding.steps.get(name[0])
            if len(name) > 1 or step is None or place in lost:
                continue
            value = coding.scale(name) * solved.coefficients[place]
            error = spread * math.sqrt(coding.scale(name) ** 2 * solved.variances[place]) if spread else 0.0
            factor, lower, upper = step
            yield {
                "factor": factor,
                "lower": lower,
                "upper": upper,
                **dict.fromkeys(("error", "t", "p", "low", "high")),
                "value": self.counted.estimate(value),
                **self._tested(value, error, freedom, far),
            }

    def _column(self, effect: Sequence[str]) -> dict[Point, int]:
        """What an effect is in every row: its sign where it has two levels; 0 at the centre."""
        return {point: self.coding.at(effect, point) for point in self.distinct}

    def _confounded(self, chains: list[list[Any]], constant: list[list[str]], solved: "Solved") -> set[int]:
        """Effects that cannot be told from others or from blocks; also says what else cannot be distinguished."""
        if constant:
            self.statements.append({"is": "constant", "effects": constant})
        lost: set[int] = set()
        for every in solved.dependent:
            terms = {one for one in every if one < len(chains)}
            lost.update(terms)
            self.statements.append({"is": "not distinguished", "effects": [chains[one][0][1] for one in sorted(terms)]})
        for chain in chains:
            mains = [word for _, word in chain if len(word) == 1]
            if len(mains) > 1:
                self.statements.append({"is": "together", "effects": mains})
        return lost

    def _error(self, found: Object, solved: "Solved", residual: Fraction, degrees: int) -> tuple[float, float, bool]:
        """Standard deviation of a run, or of an effect where that is Lenth's, and its degrees of freedom."""
        centres = len(self.distinct) - len(self.outer)
        once = len(self.corners) == len(self.outer) and len(self.runs) - len(self.corners) <= centres
        once = once and self.said.get("rest") != "error"
        if once and self.plain and (solved.blocks == 1 or degrees <= 0):
            sizes = self._contrasts()
            if sizes is not None or degrees <= 0:
                more, spread, freedom = self._lenth(sizes)
                found.update(more)
                return spread, freedom, True
        saturated = len(self.runs) - solved.blocks - len(solved.kept) <= 0
        if once and saturated and not self.plain and self._apart_from_each_other(solved):
            sizes = [
                (Fraction(float(scale * value) / math.sqrt(scale**2 * much)), chain[0][1])
                for chain, value, much in zip(self.fitted, solved.coefficients, solved.variances, strict=False)
                for scale in (self.coding.scale(chain[0][1]),)
            ]
            more, spread, freedom = self._pseudo(sizes, self.counted.near)
            found.update(more)
            return spread, freedom, False
        if degrees > 0 and residual > 0:
            spread = math.sqrt(residual / degrees)
            found.update(sigma=self.counted.near(spread), freedom=six(degrees))
            return spread, float(degrees), False
        self.statements.append({"is": "no error", "perfect": bool(degrees)})
        return 0.0, 0.0, False

    def _one(self, chain: list[Any], value: Fraction, error: float, freedom: float, far: float) -> Object:
        """One estimate with its error, where there is one."""
        one = estimate(chain)
        one["value"] = self.counted.estimate(value)
        if self.plain or len(chain[0][1]) == 1:
            one["agree"] = self._agreement(chain[0][1], value)
        one.update(self._tested(value, error, freedom, far))
        return one

    def _tested(self, value: Fraction, error: float, freedom: float, far: float) -> Object:
        """Error, t, p and interval, where there is an error."""
        if not error:
            return {}
        t, scale, width = float(value) / error, abs(float(value)) + far * error, Fraction(far * error)
        ends = {"low": self.counted.estimate(value - width, scale), "high": self.counted.estimate(value + width, scale)}
        return {"error": self.counted.near(error), "t": Near(t), "p": Near(t_both(t, freedom)), **ends}

    def _agreement(self, effect: Sequence[str], value: Fraction) -> list[int]:
        """Cells whose plain contrast has the sign of an estimate, of how many that have one."""
        column, same, known = self._column(effect), 0, 0
        cells: dict[Spotted, list[tuple[int, Fraction]]] = {}
        for one in self.corners:
            cells.setdefault(one.cell, []).append((column[one.point], one.value))
        for pairs in cells.values():
            if len({code for code, _ in pairs}) > 1:
                known += 1
                middle_ = Fraction(sum(code for code, _ in pairs), len(pairs))
                same += sum(((code - middle_) * one for code, one in pairs), Fraction()) * value > 0
        return [same, known]

    # --- least squares -------------------------------------------------------------------------------------------

    def _block(self, cell: Spotted) -> tuple[Any, ...]:
        """What the runs of a cell are compared within."""
        named = zip(cell, ("host", "seed", "stage"), strict=True)
        return tuple(part for part, name in named if name in self.said["block"])

    def _solve(
        self, every: Sequence["Line"], width: int, host: str | None = None, *, together: bool = False
    ) -> "Solved":
        """
        Normal equations with a term for each block, on all hosts or on one; *together* all runs are one block.

        The first *width* columns are the model; a column with a host holds there alone.
        """
        runs = [one for one in self.runs if host in (None, one.cell[0])]
        under = math.lcm(*(one.value.denominator for one in runs))  # values are whole numbers over it
        groups: dict[tuple[Any, ...], Counter[tuple[str, Point]]] = {}
        sums: Counter[tuple[Any, ...]] = Counter()
        totals: Counter[tuple[str, Point]] = Counter()
        squares = 0
        for one in runs:
            block, kind = () if together else self._block(one.cell), (one.cell[0], one.point)
            value = one.value.numerator * (under // one.value.denominator)
            groups.setdefault(block, Counter())[kind] += 1
            sums[block] += value
            totals[kind] += value
            squares += value * value
        counts: Counter[tuple[str, Point]] = Counter()
        for group in groups.values():
            counts.update(group)
        lines = [{kind: column[kind[1]] * (where in (None, kind[0])) for kind in counts} for column, where in every]
        inside = [
            [sum(line[kind] * count for kind, count in group.items()) for group in groups.values()] for line in lines
        ]
        sizes = [sum(group.values()) for group in groups.values()]
        scale = math.lcm(*sizes)
        shares = [scale // size for size in sizes]
        weighted = [[line[kind] * count for kind, count in counts.items()] for line in lines]
        shared = [[share * one for share, one in zip(shares, mine, strict=True)] for mine in inside]
        plain = [list(line.values()) for line in lines]
        matrix = [[Fraction()] * len(lines) for _ in lines]
        for at in range(len(lines)):
            for other in range(at + 1):
                whole = scale * sum(map(mul, weighted[at], plain[other])) - sum(map(mul, shared[at], inside[other]))
                matrix[at][other] = matrix[other][at] = Fraction(whole, scale)
        top, tops = [totals[kind] for kind in counts], list(sums.values())
        right = [
            Fraction(scale * sum(map(mul, line, top)) - sum(map(mul, mine, tops)), scale * under)
            for line, mine in zip(plain, shared, strict=True)
        ]
        around = scale * squares - sum(share * one * one for share, one in zip(shares, tops, strict=True))
        return Solved(matrix, right, Fraction(around, scale * under * under), width, len(groups))

    def _own(self, place: int, there: "Solved", scale: Fraction) -> "Near | None":
        """An effect on one host alone, which may not be estimable."""
        if any(place in terms for terms in there.dependent):
            return None
        return self.counted.estimate(scale * there.coefficients[place])

    def _between(
        self,
        estimates: list[Object],
        omitted: list[list[str]],
        mains: list[int],
        lost: set[int],
        solved: "Solved",
        degrees: int,
        columns: "list[Line]",
        own: list[set[int]],
    ) -> None:
        """
        The F tests that effects are the same on every host, read together; of those that can be told, at 5%.

        It cannot be told where the runs of one host do not separate an effect from others, by *own*.
        """
        aliased = self._hosts_aliased(estimates, omitted, mains, columns)
        each, tested = len(self.hosts) - 1, []
        for number, place in enumerate(mains):
            if place in lost:
                continue
            if place in aliased:
                said = {"is": "hosts aliased", "effect": estimates[place]["effect"], **aliased[place]}
                self.statements += [said] if said["effects"] or said["others"] else []
                continue
            mixed = [terms for terms in own if place in terms]
            if mixed:
                others = [
                    one["effect"]
                    for at, one in enumerate(estimates)
                    if at != place and any(at in terms for terms in mixed)
                ]
                said = {"is": "hosts aliased", "effect": estimates[place]["effect"], "effects": [], "others": others}
                self.statements += [said] if others else []
                continue
            first = len(solved.coefficients) + number * each
            added, fall = solved.gain(range(first, first + each))
            freedom, residual = degrees - added, solved.residual - fall
            if added and freedom > 0 and residual:
                tested.append((place, f_beyond(float(fall / added / (residual / freedom)), added, freedom)))
        for (place, p), adjusted in zip(tested, stepped([p for _, p in tested]), strict=True):
            one = estimates[place]
            one["host_p"], one["host_adjusted"] = Near(p), Near(adjusted)
            if adjusted < 0.05:  # at this level a factor is to be read host by host
                self.statements.append({"is": "differs between hosts", "effect": one["effect"], "p": Near(adjusted)})

    def _hosts_aliased(
        self, estimates: list[Object], omitted: list[list[str]], mains: list[int], columns: "list[Line]"
    ) -> dict[int, Object]:
        """Main effects whose difference between hosts cannot be told from effects, or from that of others."""
        apart: list[Line] = [(columns[place][0], host) for place in mains for host in self.hosts[1:]]
        every = [*columns, *apart]
        names = [one["effect"] for one in estimates]
        names += [None] * (len(columns) - len(names) - len(omitted)) + omitted
        owners = [place for place in mains for _ in self.hosts[1:]]
        found: dict[int, Object] = {}
        for terms in self._solve(every, len(every)).dependent:
            differing = list(dict.fromkeys(owners[one - len(columns)] for one in sorted(terms) if one >= len(columns)))
            effects = [names[one] for one in sorted(terms) if one < len(columns) and names[one]]
            for place in differing:
                others = [names[one] for one in differing if one != place]
                own = [name for name in effects if name != names[place]]
                found.setdefault(place, {"effects": own, "others": others})
        return found

    # --- contrasts -----------------------------------------------------------------------------------------------

    def _lenth(self, sizes: list[tuple[Fraction, list[str]]] | None) -> tuple[Object, float, float]:
        """
        Lenth's pseudo standard error over every contrast within blocks, and its degrees of freedom.

        Source: Lenth (1989), "Quick and easy analysis of unreplicated factorials".
        """
        if sizes is None:
            self.statements.append({"is": "part of design"})
            return {}, 0.0, 0.0
        return self._pseudo(sizes, self.counted.estimate)

    def _contrasts(self) -> list[tuple[Fraction, list[str]]] | None:
        """Every contrast within blocks; None where they are not all there."""
        value = {one.point: one.value for one in self.corners}
        blocks: dict[tuple[Any, ...], list[Point]] = {}
        for one in self.corners:
            blocks.setdefault(self._block(one.cell), []).append(one.point)
        sizes: list[tuple[Fraction, list[str]]] = []
        for effect, _ in every_contrast(self.factors, self.outer):
            column = self._column(effect)
            if not any(sum(column[point] for point in block) for block in blocks.values()):
                total = sum((column[point] * one for point, one in value.items()), Fraction())
                sizes.append((2 * total / len(value), effect))
        return sizes if len(sizes) == len(value) - len(blocks) else None

    def _apart_from_each_other(self, solved: "Solved") -> bool:
        """Whether the columns of the model are orthogonal within blocks, but for what was rounded of them."""
        width, matrix = len(solved.coefficients), solved.matrix
        return not solved.dependent and all(
            matrix[one][other] ** 2 * 10**12 <= matrix[one][one] * matrix[other][other]
            for one, other in itertools.combinations(range(width), 2)
        )

    def _pseudo(
        self, sizes: list[tuple[Fraction, list[str]]], write: "Callable[[Any], Near]"
    ) -> tuple[Object, float, float]:
        """Lenth's error of contrasts that have one error."""
        absolute = sorted(abs(float(size)) for size, _ in sizes)
        small = [size for size in absolute if size < 2.5 * 1.5 * middle(absolute)]
        if len(absolute) < 3 or not small or not middle(small):
            self.statements.append({"is": "too few contrasts"})
            return {}, 0.0, 0.0
        pse, freedom, rate = near(1.5 * middle(small)), len(absolute) / 3, float(Fraction(self.said["rate"]))
        self.statements.append({"is": "lenth", "contrasts": len(absolute)})
        every = t_point((1 + (1 - rate) ** (1 / len(absolute))) / 2, freedom) * pse
        sizes.sort(key=lambda one: (abs(float(one[0])), " * ".join(one[1])))
        found = {
            "method": "lenth",
            "freedom": Near(freedom),
            "pse": self.counted.near(pse),
            "margin": self.counted.near(t_point(1 - rate / 2, freedom) * pse),
            "simultaneous": self.counted.near(every),
            "contrasts": [[effect, write(size)] for size, effect in sizes],
        }
        return found, pse, freedom

    def _follow_up(self, found: Object, chains: list[list[Any]], model: "list[Line]", *, lenth: bool) -> None:
        """Says which contrasts that the model leaves out lie beyond the margin of all of them at once."""
        taken = [word for chain in chains for _, word in chain]
        beyond: list[Any] = []
        if lenth and "simultaneous" in found:
            margin = found["simultaneous"].value
            beyond = [
                [name, size] for name, size in found["contrasts"] if name not in taken and abs(size.value) > margin
            ]
        elif "sigma" in found and len(self.outer) <= 128:
            names = self._beside(chains, taken)
            beyond = self._beyond(names, model, taken) if names else []
        if beyond:
            self.statements.append({"is": "follow up", "contrasts": beyond})

    def _beside(self, chains: list[list[Any]], taken: list[Any]) -> list[list[str]]:
        """Contrasts beside the model: of two levels all others of a whole design, else those of pairs of factors."""
        named = every_contrast(self.factors, self.outer) if self.plain else []
        balanced = all(not sum(self._column(effect)[point] for point in self.outer) for effect, _ in named)
        if self.plain and balanced and len(named) == len(self.outer) - 1:
            return [effects[0] for _, effects in named if not any(one in taken for one in effects)]
        return [name for name in self._model()[1] if name not in taken]

    def _beyond_lenths(self, taken: list[Any]) -> list[Any]:
        """The same where each row ran once and what the model leaves is its error: by Lenth's, over all contrasts."""
        before, sizes = list(self.statements), self._contrasts()
        found = self._pseudo(sizes, self.counted.estimate)[0] if sizes is not None else {}
        self.statements = before  # what they say is said of an error that tests rest on
        margin = found["simultaneous"].value if found else 0.0
        return [
            [name, size] for name, size in found.get("contrasts", ()) if name not in taken and abs(size.value) > margin
        ]

    def _beyond(self, names: list[list[str]], model: "list[Line]", taken: list[Any]) -> list[Any]:
        """Of contrasts beside the model those beyond the margin, by what runs of one condition differ."""
        every: list[Line] = [*model, *((self._column(name), None) for name in names)]
        solved = self._solve(every, len(every))
        freedom = len(self.runs) - solved.blocks - len(solved.kept)
        if freedom <= 0 and self.plain and len(self.corners) == len(self.outer):
            return self._beyond_lenths(taken)
        if freedom <= 0 or not solved.residual:
            return []
        rate, spread = float(Fraction(self.said["rate"])), math.sqrt(solved.residual / freedom)
        far = t_point((1 + (1 - rate) ** (1 / len(names))) / 2, freedom) * spread
        lost = {one for terms in solved.dependent for one in terms}
        found = []
        for place, name in enumerate(names, start=len(model)) if self.plain or not lost else ():
            scale = self.coding.scale(name)
            size, width = scale * solved.coefficients[place], math.sqrt(scale**2 * solved.variances[place])
            if place not in lost and abs(float(size)) > far * width:
                found.append([name, self.counted.estimate(size)])
        return found


def comparable(said: Object, levels: Sequence[Any]) -> bool:
    """Whether levels can be compared as it is said."""
    if said["is"] == "against":
        return said["level"] in levels
    if not all(type(one) is str and _number(one) for one in levels):
        return False
    numbers = [Fraction(one) for one in levels]
    if said["log"] and min(numbers) <= 0:
        return False
    return len(set(spread_out(numbers, log=said["log"]))) == len(numbers)


def spread_out(numbers: Sequence[Fraction], *, log: bool) -> list[Fraction]:
    """
    Where levels lie for a trend.

    Logarithms of levels in one ratio lie evenly; of others twelve digits are kept of the way from least to most.
    """
    if not log:
        return list(numbers)
    order = sorted(numbers)
    if len({later / one for one, later in itertools.pairwise(order)}) == 1:
        return [Fraction(order.index(one)) for one in numbers]
    logs = [math.log(one.numerator) - math.log(one.denominator) for one in numbers]
    wide = max(logs) - min(logs)
    return [Fraction(round((one - min(logs)) / wide * 10**12), 10**12) for one in logs]


class Coding:
    """
    Whole numbers for the levels of each contrast of each factor; they sum to zero over the levels.

    A factor of two levels is its own contrast.  Others have the parts of a trend, or each level against one of them.
    """

    def __init__(self, factors: Sequence[str], levels: Sequence[Sequence[Any]] | None, said: Iterable[Object]) -> None:
        self.factors, self.levels = list(factors), levels
        self.codes: dict[str, dict[str, dict[int, int]]] = {}
        self.steps: dict[str, tuple[str, Any, Any]] = {}
        """Step -> its factor, and the levels that it lies between."""
        ways = {one["factor"]: one for one in said}
        for place, factor in enumerate(factors):
            if levels is None:
                self.codes[factor] = {factor: {-1: -1, 0: 0, 1: 1}}
            elif len(levels[place]) == 2:
                self.codes[factor] = {factor: {1: -1, 2: 1}}
            else:
                self.codes[factor] = dict(self._many(ways[factor], levels[place]))
        self._ready()

    def _ready(self) -> None:
        self.place = {name: place for place, factor in enumerate(self.factors) for name in self.codes[factor]}
        self.known = {name: one for some in self.codes.values() for name, one in some.items()}

    def _many(self, said: Object, levels: Sequence[Any]) -> Iterator[tuple[str, dict[int, int]]]:
        count, factor = len(levels), said["factor"]
        if said["is"] == "against":
            for number_, one in enumerate(levels, 1):
                if one != said["level"]:
                    word = one["word"] if isinstance(one, dict) else one
                    yield f"{factor}:{word}", {at: count * (at == number_) - 1 for at in range(1, count + 1)}
            return
        places = spread_out([Fraction(one) for one in levels], log=said["log"])
        words = ["linear", "quadratic", "cubic", "quartic", *(f"power{degree}" for degree in range(5, count))]
        lower: list[list[Fraction]] = [[Fraction(1)] * count]
        for degree, word in enumerate(words[: count - 1], 1):
            # What is left of a power once all lower ones are taken out of it.
            left = [place**degree for place in places]
            for other in lower:
                share = sum(map(Fraction.__mul__, left, other), Fraction()) / sum(one * one for one in other)
                left = [one - share * more for one, more in zip(left, other, strict=True)]
            unit = math.lcm(*(one.denominator for one in left))
            whole_ = [int(one * unit) for one in left]
            divisor = math.gcd(*whole_)
            lower.append(left)
            codes = [one // divisor for one in whole_]
            most = max(codes) - min(codes)
            if most >= 10**12:
                codes = [round(Fraction(one * 10**12, most)) for one in codes]
                codes[codes.index(max(codes))] -= sum(codes)
            yield f"{factor}:{word}", dict(enumerate(codes, 1))

    def stepped(self, trends: Iterable[str]) -> "Coding":
        """The same with every trend as steps from a level to the next higher one."""
        found = copy.copy(self)
        found.codes, found.steps = dict(self.codes), {}
        for factor in trends:
            levels = (self.levels or ())[self.factors.index(factor)]
            order = sorted(range(1, len(levels) + 1), key=lambda at: Fraction(levels[at - 1]))
            found.codes[factor] = {}
            for step, (lower, upper) in enumerate(itertools.pairwise(order), 1):
                name = f"{factor}:{lower}:{upper}"
                below = set(order[:step])
                codes = {at: -(len(order) - step) if at in below else step for at in order}
                found.codes[factor][name] = codes
                found.steps[name] = factor, levels[lower - 1], levels[upper - 1]
        found._ready()
        return found

    def products(self, factors: Sequence[str]) -> list[list[str]]:
        """Every effect of some factors."""
        return [list(some) for some in itertools.product(*(self.codes[factor] for factor in factors))]

    def at(self, effect: Sequence[str], point: Point) -> int:
        """What an effect is in a row."""
        return math.prod(self.known[name][point[self.place[name]]] for name in effect)

    def scale(self, effect: Sequence[str]) -> Fraction:
        """What a coefficient is multiplied by: the ranges of the codes, halved for every factor beyond the first."""
        ranges = [max(self.known[name].values()) - min(self.known[name].values()) for name in effect]
        return Fraction(math.prod(ranges), 2 ** (len(ranges) - 1))


Line = tuple[dict[Point, int], "str | None"]
"""A column over the rows of a design, and the one host where it holds, if it does not on all."""


def stepped(tails: Sequence[float]) -> list[float]:
    """Benjamini & Hochberg (1995): the least p_(i) n / i from there on."""
    found, least = [1.0] * len(tails), 1.0
    order = sorted(range(len(tails)), key=lambda place: tails[place], reverse=True)
    for behind, place in enumerate(order):
        least = min(least, tails[place] * len(tails) / (len(tails) - behind))
        found[place] = least
    return found


def bounded(tails: Sequence[float], *, up: bool) -> list[float]:
    """
    Each p_(i) (n - i + 1), by the largest up to there, or *up* by the least from there on; at most 1.

    Source: Holm (1979), "A simple sequentially rejective multiple test procedure"; Hochberg (1988), "A sharper
    Bonferroni procedure".
    """
    order = sorted(range(len(tails)), key=lambda place: tails[place])
    times = [min(tails[place] * (len(tails) - rank), 1.0) for rank, place in enumerate(order)]
    steps = reversed(list(itertools.accumulate(reversed(times), min))) if up else itertools.accumulate(times, max)
    found = [1.0] * len(tails)
    for place, one in zip(order, steps, strict=True):
        found[place] = one
    return found


def middle(ordered: Sequence[float]) -> float:
    """The median of sorted floats."""
    half = len(ordered) // 2
    if not ordered:
        return 0.0
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def estimate(chain: list[Any]) -> Object:
    """An estimate of which nothing is known yet."""
    absent = dict.fromkeys(("value", "error", "t", "p", "adjusted", "low", "high", "host_p", "host_adjusted", "agree"))
    return {"effect": chain[0][1], "chain": chain, "aliases": [], **absent, "hosts": [], "discovered": False}


class Solved:
    """Normal equations, solved by elimination; a column that earlier ones explain is passed over."""

    def __init__(
        self, matrix: list[list[Fraction]], right: list[Fraction], squares: Fraction, width: int, blocks: int
    ) -> None:
        self.matrix, self.right, self.blocks = matrix, right, blocks
        size = len(matrix)
        # A line is whole numbers over one denominator: fractions would be brought down entry by entry.  A column whose
        # turn has been holds that of the inverse, which began as a single one.
        lines, below = [], []
        for place, line in enumerate(matrix[:width]):
            under = math.lcm(right[place].denominator, *(one.denominator for one in line))
            lines.append([one.numerator * (under // one.denominator) for one in (*line, right[place])])
            below.append(under)
        self.kept: list[int] = []
        self.dependent: list[set[int]] = []
        """For each column that was passed over: it, and those that it depends on."""
        for place in range(width):
            turn = lines[place]
            pivot = turn[place]
            if not pivot:
                self.dependent.append({place, *(one for one in self.kept if lines[one][place])})
                continue
            self.kept.append(place)
            turn[place], below[place] = below[place], pivot
            for other in range(width):
                if other != place and (share := lines[other][place]):
                    lines[other][place] = 0
                    whole = [one * pivot - share * more for one, more in zip(lines[other], turn, strict=True)]
                    under = below[other] * pivot
                    common = math.gcd(under, *whole)
                    lines[other], below[other] = [one // common for one in whole], under // common
        self._lines, self._below, self._size = lines, below, size
        kept = set(self.kept)
        self.coefficients = [self._at(place, size) if place in kept else Fraction() for place in range(width)]
        self.variances = [self._at(place, place) if place in kept else Fraction() for place in range(width)]
        self.residual = squares - sum((right[place] * self.coefficients[place] for place in self.kept), Fraction())

    def _at(self, place: int, other: int) -> Fraction:
        return Fraction(self._lines[place][other], self._below[place])

    def bias(self, place: int, other: int) -> Fraction:
        """How much of a column beyond the model the coefficient at a place takes up; of one that was kept."""
        return self._at(place, other) if place in self.kept else Fraction()

    def gain(self, places: range) -> tuple[int, Fraction]:
        """The rank that further columns add, and by how much the residual falls with them."""
        rows = []
        for one in places:
            line = [self.matrix[one][other] for other in places] + [self.right[one]]
            for kept in self.kept:
                share = self.matrix[one][kept]
                if share:
                    solved = [self._at(kept, other) for other in (*places, self._size)]
                    line = [a - share * b for a, b in zip(line, solved, strict=True)]
            rows.append(line)
        rank, fall = 0, Fraction()
        for place in range(len(rows)):
            pivot = rows[place][place]
            if not pivot:
                continue
            rank, fall = rank + 1, fall + rows[place][-1] ** 2 / pivot
            for other in range(place + 1, len(rows)):
                share = rows[other][place] / pivot
                rows[other] = [a - share * b for a, b in zip(rows[other], rows[place], strict=True)]
        return rank, fall


def aliases(
    coding: "Coding", rows: Sequence[Point], effects: Sequence[list[str]]
) -> tuple[list[list[Any]], list[list[str]]]:
    """
    Effects that the rows cannot tell apart, and those that are the same in every row.

    A chain holds its effects with the sign by which each equals the first.
    """
    chains: dict[tuple[int, ...], list[Any]] = {}
    constant = []
    scales = [coding.scale(effect) for effect in effects]
    common = math.lcm(*(scale.numerator for scale in scales))  # columns over their scales, as whole numbers
    for effect, scale in zip(effects, scales, strict=True):
        times = common // scale.numerator * scale.denominator
        column = tuple(coding.at(effect, row) * times for row in rows)
        opposite = tuple(-one for one in column)
        if len(set(column)) == 1:
            constant.append(effect)
        elif column in chains:
            chains[column].append([1, effect])
        elif opposite in chains:
            chains[opposite].append([-1, effect])
        else:
            chains[column] = [[1, effect]]
    return list(chains.values()), constant


def every_contrast(factors: Sequence[str], rows: Sequence[Point]) -> list[tuple[list[str], list[list[str]]]]:
    """An effect for every contrast between the rows that is a product of factors, with all of up to three factors."""
    found: dict[tuple[int, ...], list[list[str]]] = {}
    for size in range(1, len(factors) + 1):
        if size > 3 and len(found) >= len(rows) - 1:
            break
        for effect in itertools.combinations(range(len(factors)), size):
            column = tuple(math.prod(row[place] for place in effect) for row in rows)
            if column[0] < 0:
                column = tuple(-one for one in column)
            if len(set(column)) > 1 and (size <= 3 or column not in found):
                found.setdefault(column, []).append([factors[place] for place in effect])
    return [(effects[0], effects) for effects in found.values()]


def effects_of(said: Object, plan: Plan, tables: dict[str, Object], digests: dict[str, str], stored: Any) -> Object:
    """
    Everything that effects are estimated to be; computed numbers as they are stored where those are the same.

    What is adjusted, discovered and compared between stages rests on the six digits that are kept of each number.
    """
    known = stored if isinstance(stored, dict) and isinstance(stored.get("fits"), list) else {"fits": []}
    fits: list[Object] = []
    every = [tables[stage] for stage in said["stages"]]
    together = "stage" in said["block"]
    screens = [Screen(said, plan, *every)] if together else [Screen(said, plan, one) for one in every]
    for screen, other in itertools.zip_longest(screens, known["fits"][: len(screens)]):
        fit_: Object = settled(screen.fit(), other)
        in_family(said, fit_)
        fits.append(fit_)
    changes = [
        one
        for (first, before), (second, after) in itertools.pairwise(zip(screens, fits, strict=True))
        for one in changed(said, first.gained(second), before, after)
    ]
    evidence = {stage: digests[stage] for stage in said["stages"]}
    found = {"promo_effects": 5, "name": said["name"], "fits": fits, "changes": changes, "evidence": evidence}
    result: Object = settled(found, stored)
    return result


def adjusted_by(procedure: str, tails: list[float]) -> list[float]:
    """Each p adjusted for its family."""
    return stepped(tails) if procedure == "benjamini_hochberg" else bounded(tails, up=procedure == "hochberg")


def in_family(said: Object, fit_: Object) -> None:
    """P adjusted inside the family, and what is discovered at its rate."""
    sizes = {"main": (1,), "pairs": (2,), "all": (1, 2, 3)}[said["family"]]
    family = [one for one in fit_["estimates"] if len(one["effect"]) in sizes and one["p"] is not None]
    rate = float(Fraction(said["rate"]))
    tails = [float(one["p"]) for one in family]
    by = said.get("procedure", "benjamini_hochberg")
    for one, adjusted in zip(family, adjusted_by(by, tails), strict=True):
        one["adjusted"], one["discovered"] = six(adjusted), adjusted <= rate
    joints = [one for one in fit_.get("joints", ()) if len(one["term"]) in sizes and one["p"] is not None]
    for one, adjusted in zip(joints, adjusted_by(by, [float(one["p"]) for one in joints]), strict=True):
        one["adjusted"] = six(adjusted)


def changed(said: Object, gains: Screen, before: Object, after: Object) -> Iterator[Object]:
    """How effects changed from one stage to the next: by what shared runs gained, or else as if independent."""
    stages = {"before": before["stage"], "after": after["stage"]}
    if not gains.runs:
        yield from _independent(1 - float(Fraction(said["rate"])) / 2, stages, before, after)
        return
    found = gains.estimated()
    for one in found.get("estimates", ()):
        if one["value"] is not None:
            numbers = {name: one[name] for name in ("error", "t", "p", "low", "high")}
            numbers["freedom"] = found["freedom"] if one["error"] else None
            yield {"effect": one["effect"], **stages, "change": one["value"], **numbers, "runs": len(gains.runs)}


def _independent(level: float, stages: Object, before: Object, after: Object) -> Iterator[Object]:
    """
    Differences of the estimates of two stages that share no run.

    Source: Welch (1947), "The generalization of Student's problem", for the degrees of freedom.
    """
    known = {tuple(one["effect"]): one for one in before["estimates"]}
    for one in after["estimates"]:
        first = known.get(tuple(one["effect"]))
        if first is None or first["value"] is None or one["value"] is None:
            continue
        if (first["chain"], first["aliases"]) != (one["chain"], one["aliases"]):
            continue
        texts = [first["value"], one["value"], first["error"] or "0", one["error"] or "0"]
        numbers = [Fraction(text) for text in texts]
        unit = math.lcm(numbers[0].denominator, numbers[1].denominator)
        counted = Counted([Fraction(int(number * unit), unit) for number in numbers], unit)
        start, end, error, other = (number / counted.power for number in numbers)
        counted.places -= 1
        scale = float(abs(start) + abs(end))
        found = {"effect": one["effect"], **stages, "change": counted.estimate(end - start, scale)}
        tests: Object = dict.fromkeys(("error", "freedom", "t", "p", "low", "high"))
        if error and other and before["freedom"] and after["freedom"]:
            both = math.hypot(error, other)
            shares = (float(error) / both) ** 2, (float(other) / both) ** 2
            freedom = 1 / (shares[0] ** 2 / float(before["freedom"]) + shares[1] ** 2 / float(after["freedom"]))
            far, change = t_point(level, freedom) * both, float(end - start)
            tests = {
                "error": counted.near(both),
                "freedom": Near(freedom),
                "t": Near(change / both, scale / both),
                "p": Near(t_both(change / both, freedom)),
                "low": counted.near(change - far, abs(change) + far),
                "high": counted.near(change + far, abs(change) + far),
            }
        yield {**found, **tests, "runs": 0}


# --- recorded tables -------------------------------------------------------------------------------------------------

COLUMNS = {
    "config": ("config", "candidate"),
    "run": ("run", "run_id"),
    "seed": ("seed", "seed_index"),
    "host": ("host", "hardware"),
    "attempt": ("attempt",),
    "step": ("step",),
    "seconds": ("train_seconds", "seconds"),
    "tokens": ("tokens",),
    "value": (),
    "status": (),
}
"""What a column says -> names by which it is known; that of the values has the metric's name."""
SCALES = {"ms": Fraction(1, 1000), "s": Fraction(1), "min": Fraction(60), "h": Fraction(3600), "d": Fraction(86_400),
          "steps": Fraction(1), "tok": Fraction(1)}  # fmt: skip
UNITS = {"seconds": ("ms", "s", "min", "h", "d"), "step": ("steps",), "tokens": ("tok",)}
COUNTED = {"wall": "seconds", "steps": "step", "tokens": "tokens"}
"""Kind of a budget -> the column that it is held against."""


def level_text(text: str) -> str:
    """A level in the name of a condition: a number however it is written, or a word."""
    if len(text) <= 64 and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text):
        return exact(Fraction(text))
    return text.replace("%", "%25").replace(" ", "%20")


Spot = tuple[int, dict[str, Fraction], Fraction]
"""Row of a table, how far the run had come there by column, and the value."""


@dataclass(slots=True)
class Curve:
    """One recorded run: its labels, and its points in order."""

    config: str
    host: str
    seed: str
    attempt: str
    run: str
    status: str = "ok"
    points: list[Spot] = field(default_factory=list)


class Part:
    """The part of a plan that is about one stage on one host."""

    def __init__(self, plan: Plan, stage: str, host: str) -> None:
        self.study: Object = {**plan.study, "entrants": {stage: plan.study["entrants"][stage]}}
        self.stages: dict[str, Object] = {stage: {**plan.stages[stage], "hosts": [host]}}
        self.cells = {cell: run for cell, run in plan.cells.items() if (cell[0], cell[2]) == (stage, host)}


NO_FACTS: Object = {
    "device": {}, "machine": {}, "software": {},
    "peak_device_bytes": None, "peak_rss_bytes": None, "started_ahead_s": None,
}  # fmt: skip
"""What a result that was read from a table says of its machine."""


class Table:
    """A table of recorded runs that a replay reads, in promo's own layout."""

    def __init__(self, settings: Object, name: str, digest: str, plan: "Plan | Part") -> None:
        self.settings, self.name, self.digest, self.plan = settings, name, digest, plan
        self.suffix = next((one for one in (".csv", ".csv.gz", ".tsv", ".tsv.gz") if name.endswith(one)), "")
        self.readable = settings["layout"] == "table" and bool(self.suffix)
        """Whether it is one that is read here; exports of other tools, and parquet, are left to promo verify."""
        self.cells: dict[tuple[str, str, int], list[Curve]] = {}
        alone = plan.study["runner"]["name"] == "recorded" and "config" not in plan.study["factors"]
        self.factors: list[str] = sorted(plan.study["factors"]) if alone else []
        """Factors that are columns of the table and name a condition together."""

    @classmethod
    def of_part(cls, content: bytes, said: Object, part: "Part") -> "Table":
        """A table that was taken in for runs of one stage on one host; others may have followed."""
        table = cls(said["settings"], said["source"], said["digest"], part)
        if table.readable:
            table._assign(table._read_curves(content, table.suffix, said["source"]))
        return table

    @classmethod
    def of_replay(cls, folder: Folder, plan: "Plan", recording: Object) -> "Table":
        """The table of a replay, which has all of its runs."""
        said = folder.value("curves.json")
        fit(RECORDED, said, "curves.json")
        if (recording["table"], recording["interpolate"]) != (said["table"], said["settings"]["interpolate"]):
            raise DiffersError("curves.json has another table, or is read otherwise, than was recorded")
        table = cls(said["settings"], said["table"], recording["digest"], plan)
        if table.readable:
            table._of_replay(folder, plan, recording)
        return table

    def _of_replay(self, folder: Folder, plan: "Plan", recording: Object) -> None:
        suffix = self.suffix
        content = folder.read(f"curves{suffix}", LARGE)
        if sha(content) != self.digest or recording["file"] != f"curves{suffix}":
            raise DiffersError(f"curves{suffix} is another table than was recorded")
        self._assign(self._read_curves(content, suffix, f"curves{suffix}"))
        planned_ = {place[1:] for place in plan.cells}
        due = {
            "table": self.name,
            "file": f"curves{suffix}",
            "digest": self.digest,
            "interpolate": self.settings["interpolate"],
            "seeds_by": self.seeds_by,
            "cells": len(self.cells),
            "empty": len(planned_) - len(self.cells),
            "repeated": sum(len(some) - 1 for some in self.cells.values()),
        }
        if due != recording:
            raise DiffersError("what was recorded of the table does not follow from it")

    def _read_curves(self, content: bytes, suffix: str, about: str) -> list[Curve]:
        try:
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(LARGE) if suffix.endswith(".gz") else content
            return self._curves(content.decode("utf-8-sig"), "\t" if suffix.startswith(".tsv") else ",")
        except (OSError, EOFError, zlib.error, csv.Error, ValueError, LookupError) as fault:
            raise DiffersError(f"{about} cannot be read: {fault}") from fault

    def _curves(self, content: str, mark: str) -> list[Curve]:
        reader = csv.reader(io.StringIO(content, newline=""), delimiter=mark, strict=True)
        header = [one.strip() for one in next(reader, [])]
        named, factors = self._named(header), [header.index(name) for name in self.factors]
        if factors:
            named["config"] = len(header)
        scales = {column: SCALES[unit] for column, unit in self.settings["units"].items() if column != "value"}
        found: dict[tuple[str, ...], Curve] = {}
        for cells in reader:
            row_ = [one.strip() for one in cells]
            if not any(row_):
                continue
            if not all(row_[place] for place in factors):
                raise ValueError(f"a level is empty in row {reader.line_num}")
            row_.append(" ".join(f"{header[place]}={level_text(row_[place])}" for place in factors))
            labels = [row_[named[one]] if one in named else "" for one in ("config", "host", "seed", "attempt", "run")]
            if any(one in named and not row_[named[one]] for one in ("config", "host", "seed", "attempt", "run")):
                raise ValueError(f"a label is empty in row {reader.line_num}")
            key = (labels[0], labels[4]) if "run" in named else tuple(labels[:4])
            named_ = labels[4] or "/".join(filter(None, key))
            curve = found.setdefault(key, Curve(labels[0], labels[1], labels[2], labels[3], named_))
            status = row_[named["status"]] if "status" in named else "ok"
            curve.status = status if status != "ok" else curve.status
            if row_[named["value"]]:
                far = [one for one in COUNTED.values() if one in named]
                at = {one: Fraction(row_[named[one]]) * scales.get(one, 1) for one in far}
                if curve.points and any(at[one] <= curve.points[-1][1][one] for one in far):
                    raise ValueError(f"run '{curve.run}' does not go on in row {reader.line_num}")
                curve.points.append((reader.line_num, at, Fraction(row_[named["value"]])))
        return list(found.values())

    def _named(self, header: list[str]) -> dict[str, int]:
        """Which column says what: as it was asked for, or by its usual name."""
        asked, units, measure = self.settings["columns"], self.settings["units"], self.plan.study["measure"]
        strange = asked.keys() - COLUMNS.keys() | units.keys() - {"value", *COUNTED.values()}
        strange |= {one for one, unit in units.items() if unit != measure["unit"] and unit not in UNITS.get(one, ())}
        absent = [one for one in asked.values() if one not in header]
        if strange or absent:
            raise ValueError(f"its settings name {shown([*sorted(strange), *absent][0])}")
        named: dict[str, int] = {}
        for column, usual in COLUMNS.items():
            names = (asked[column],) if column in asked else usual if column != "value" else (measure["metric"],)
            there = [one for one in names if one in header]
            named |= {column: header.index(there[0])} if there else {}
        return named

    def _assign(self, curves: list[Curve]) -> None:
        """Which recorded runs stand in which cell: by labels, or seeds by their order."""
        plan, settings, study = self.plan, self.settings, self.plan.study
        seeds = list(dict.fromkeys(seed for stage in plan.stages.values() for seed in stage["seeds"]))
        used = {host for stage in plan.stages.values() for host in stage["hosts"]}
        configs, hosts = {}, {}
        for name in {one for some in study["entrants"].values() for one in some["possible"]}:
            levels = {
                factor: level["word"] if isinstance(level, dict) else level
                for factor, level in map(tuple, study["candidates"][name]["levels"])
            }
            own = " ".join(f"{factor}={level_text(levels[factor])}" for factor in self.factors)
            if study["runner"]["name"] == "recorded" and not self.factors:
                own = levels.get("config", "")
            configs[name] = settings["candidates"].get(name, own or name)
        wanted = [one for one in curves if one.config in configs.values()]
        labels = {one.host for one in wanted}
        for host in used:
            asked = settings["hosts"].get(host)
            tries = [host, study["hosts"][host]["device"], ""] if asked is None else [asked]
            alone = labels == {""} and len(used) == 1
            hosts[host] = next((one for one in tries if one in labels and (one or alone)), None)
        named = {seed: settings["seeds"].get(str(seed), str(seed)) for seed in seeds}
        by = settings["seeds_by"]
        if by == "auto" and isinstance(plan, Part):
            by = "order" if {one.seed for one in wanted} == {""} and len(seeds) == 1 else "label"
        elif by == "auto":
            by = "label" if set(named.values()) <= {one.seed for one in wanted} else "order"
        self.seeds_by = by
        alike: dict[tuple[str, str | None], list[list[Curve]]] = {}
        for one in sorted(wanted, key=lambda one: (natural(one.seed), natural(one.attempt), natural(one.run))):
            groups = alike.setdefault((one.config, one.host), [])
            same = (some for some in groups if one.attempt and some[0].attempt and some[0].seed == one.seed)
            group = next(same, None)
            groups.append([one]) if group is None else group.append(one)
        for _, candidate, host, seed in plan.cells:
            groups = alike.get((configs[candidate], hosts[host]), [])
            if by == "label" or str(seed) in settings["seeds"]:
                some = next((some for some in groups if some[0].seed == named[seed]), [])
            else:
                some = groups[seeds.index(seed)] if seeds.index(seed) < len(groups) else []
            if some:
                self.cells[candidate, host, seed] = some

    def counts(self) -> dict[tuple[str, str, int], int]:
        """How many runs are recorded for a candidate, host and seed."""
        return {cell: len(some) for cell, some in self.cells.items()}

    def answer(self, asked: Object) -> Object:
        """What a result says that answers a request from this table; why it failed is left out."""
        who, earlier = asked["run"], int((asked["continues"] or {"earlier": 0})["earlier"])
        some = self.cells.get((who["candidate"], who["host"], who["seed"]), [])
        number_ = asked["recorded"] or 0
        if isinstance(self.plan, Part):
            seed = who["seed"] if who["label"] is None else who["label"]
            some = self.cells.get((who["candidate"], who["host"], seed), [])
            of_number = (place for place, one in enumerate(some) if one.attempt == str(asked["attempt"]))
            number_ = 0 if len(some) == 1 and not some[0].attempt else next(of_number, len(some))
        curve = some[number_] if number_ < len(some) else None
        column, amount = COUNTED.get(asked["budget"]["kind"], ""), earlier + int(asked["budget"]["amount"])
        lost = asked["continues"] is not None and asked["continues"]["folder"] is None
        status, read, at = (
            ("invalid", None, {}) if curve is None or lost else self._found(curve, column, earlier, amount)
        )
        seconds = {}
        if curve is not None and "seconds" in at:
            first = self._read(curve, column, earlier, straight=False) if earlier else None
            spent = decimals(max(at["seconds"] - (first["at"]["seconds"] if first else 0), Fraction()))
            seconds = {"train": spent, "total": spent}
        points = b"".join(
            compact(self._point(one, asked["metric"])) + b"\n" for one in (read["points"] if read else ())
        )
        source = {"number": number_, "table": self.digest, "name": self.name, "rows": [], "value": None}
        source |= dict.fromkeys(("config", "host", "seed", "run"))
        if curve is not None:
            source |= {"config": curve.config, "host": curve.host, "seed": curve.seed, "run": curve.run}
        if read:
            source |= {"rows": read["rows"], "value": exact(read["value"])}
        used = {"kind": asked["budget"]["kind"], "last_step": "0", "counter": "recorded"}
        kept = sha(compact(read["rows"])) if read and asked["checkpoint"]["at_end"] else None
        return {
            "status": status,
            "metrics": {asked["metric"]: exact(read["value"])} if read else {},
            "seconds": seconds,
            "points": sha(points),
            "used": {**used, "used": exact(read["at"][column] - earlier)} if read else None,
            "work": worked(read["points"][-1][1]) if read else worked({}),
            "segments": [],
            "checkpoint": kept,
            "trunk": None,
            "contention": None,
            "facts": NO_FACTS,
            "recorded": source,
            "details": {},
        }

    def _found(
        self, curve: Curve, column: str, earlier: int, amount: int
    ) -> tuple[str, Object | None, dict[str, Fraction]]:
        """Status of a run at its budget, what was read, and how far it had come."""
        if curve.status != "ok" and not any(one[1][column] >= amount for one in curve.points):
            there = [one for one in curve.points if one[1][column] <= amount]
            return curve.status, None, there[-1][1] if there else {}
        read = self._read(curve, column, amount, straight=self.settings["interpolate"])
        if read is None or read["at"][column] <= earlier:
            return "invalid", None, {}
        return "ok", read, read["at"]

    def _read(self, curve: Curve, column: str, amount: int, *, straight: bool) -> Object | None:
        """
        The last point at or before a budget; between two points only where a straight line was declared.

        A run has not come there that broke off further before it than its longest way between two points.
        """
        there = [one for one in curve.points if 0 < one[1][column] <= amount]
        beyond = next((one for one in curve.points if one[1][column] > amount), None)
        if not there:
            return None
        _, at, value = there[-1]
        places = [Fraction(), *(one[1][column] for one in curve.points)]
        longest = max(b - a for a, b in itertools.pairwise(places))
        if beyond is None and amount - at[column] >= longest:
            return None
        found = {"at": at, "value": value, "rows": [there[-1][0]], "points": there}
        if straight and beyond is not None and at[column] < amount:
            share = (amount - at[column]) / (beyond[1][column] - at[column])
            found["at"] = {one: far + share * (beyond[1][one] - far) for one, far in at.items()}
            found["value"], found["rows"] = value + share * (beyond[2] - value), [there[-1][0], beyond[0]]
        return found

    def _point(self, point: Spot, metric: str) -> Object:
        _, at, value = point
        done = worked(at)
        seconds = exact(at["seconds"]) if "seconds" in at else None
        step = None if done["steps"] is None else int(done["steps"])
        return {"step": step, "tokens": done["tokens"], "charged_s": seconds, "metrics": {metric: exact(value)}}


def suffix_of(name: str) -> str:
    """The ending by which a table's form is known; empty where none is."""
    return next((one for one in (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet") if name.endswith(one)), "")


def natural(label: str) -> list[tuple[int, str]]:
    """Labels in the order of the numbers in them: s2 before s10."""
    parts = re.split("([0-9]+)", label)
    return [(int(one[:18]), "") if one.isascii() and one.isdigit() else (-1, one) for one in parts]


def decimals(number_: Fraction) -> str:
    """A number from 0 to six decimals, halves up."""
    millionths = (2 * number_.numerator * 10**6 + number_.denominator) // (2 * number_.denominator)
    return f"{millionths // 10**6}.{millionths % 10**6:06d}"


def worked(at: dict[str, Fraction]) -> Object:
    """How much a recorded run had done, and how fast; what is not counted is null."""
    steps, tokens, seconds = at.get("step"), at.get("tokens"), at.get("seconds")

    def count(far: Fraction | None) -> str | None:
        return str(far) if far is not None and far.denominator == 1 else None

    def speed(far: Fraction | None) -> str | None:
        return decimals(far / seconds) if seconds and far is not None else None

    return {
        "steps": count(steps),
        "tokens": count(tokens),
        "flops": None,
        "tokens_per_s": speed(tokens),
        "steps_per_s": speed(steps),
    }


# --- what is looked at -----------------------------------------------------------------------------------------------


class Report:
    """What was found: lines for people, and whether anything differs or is missing."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self.different = self.absent = False
        self._told: Counter[str] = Counter()

    def good(self, words: str) -> None:
        """Something is as it must be."""
        self._say(printable(words))

    def differs(self, about: str, words: str) -> None:
        """Something is not; of many faults about one thing the first few are told."""
        self.different = True
        self._tell(f"DIFFERS: {about}", words)

    def missing(self, about: str, words: str) -> None:
        """Something is not there."""
        self.absent = True
        self._tell(f"MISSING: {about}", words)

    def _tell(self, about: str, words: str) -> None:
        self._told[about] += 1
        if self._told[about] <= SHOWN:
            self._say(printable(f"{about}: {words}")[:LONGEST])

    def close(self) -> None:
        """Count what was not told."""
        for about, count in self._told.items():
            if count > SHOWN:
                self._say(f"{about}: and {count - SHOWN} more")


class Look:
    """Goes through a ledger event by event, with the files that each event is about."""

    def __init__(self, folder: Folder, plan: Plan, events: list[Object], report: Report) -> None:
        self.folder, self.plan, self.events, self.report = folder, plan, events, report
        self.frozen: Object = events[0]["event"]
        self.table: Table | None = None
        if self.frozen["replay"] is not None:
            self.table = Table.of_replay(folder, plan, self.frozen["replay"])
        recorded = self.table.counts() if self.table is not None and self.table.readable else None
        self.course = Course(plan, recorded)
        self.kept = plan.kept()
        self.states: dict[str, dict[str, str | None]] = {}
        """Folder of an attempt -> states that it left, as far as its result is there."""
        self.runner: Object | None = None
        """What requests say of their runner, which is the same in all."""
        self.parts: dict[tuple[str, str, str, str], Table] = {}
        """Stage, host, digest and settings of a table that results were taken from."""
        self.tables: dict[str, Object] = {}
        """Closed stage -> its evidence."""
        self.digests: dict[str, str] = {}
        self.effects: dict[str, Object] = {}
        self.amended: Object = plan.study
        """The study as the last amendment left it."""
        self.brought: dict[str, list[Object]] = {}
        """Bundle -> events of the ledger that it carried."""
        self.counts: Counter[str] = Counter()
        self.trained = self.spent = self.behind = Fraction()

    def walk(self) -> None:
        """Everything, in the order in which it was recorded."""
        looks: dict[str, Callable[[Object, Object], None]] = {
            "attempt.started": self._started,
            "attempt.late": self._late,
            "stage.closed": self._closed,
            "effects.estimated": self._estimated,
            "decided": self._decided,
            "rule.amended": self._amended,
            "bundle.imported": self._imported,
            "data.prepared": self._prepared,
            **dict.fromkeys(ENDS, self._ended),
        }
        for event in self.events:
            said = event["event"]
            why = self.course.wrong(event)
            if why:
                happened = HAPPENED[said["is"]].format(**said)
                self.report.differs("history", f"event {event['seq']}, {happened}: {why}")
            look = looks.get(said["is"])
            if look is not None:
                try:
                    look(said, event)
                except DiffersError as fault:
                    self.report.differs("history", f"event {event['seq']}: {fault}")
                except MissingError as fault:
                    self.report.missing("files", str(fault))
            self.course.take(event)
        self._lost()

    # --- attempts ------------------------------------------------------------------------------------------------

    def _started(self, said: Object, _: Object) -> None:
        place = (said["stage"], said["candidate"], said["host"], said["seed"])
        name = f"{said['folder']}/request.json"
        if self.plan.cells.get(place) != said["run"] or not self.folder.has(name):
            return  # said among the events; a request without a result need not have come to disk
        content = self.folder.read(name)
        if sha(content) != said["request"]:
            self.report.differs("requests", f"{name} is not what was recorded")
            return
        try:
            asked = strict(content)
            fit(REQUEST, asked, name)
        except DiffersError as fault:
            self.report.differs("requests", f"{name}: {fault}")
            return
        runner = {"trainer": asked["trainer"], "program": asked["program"]}
        self.runner = self.runner or runner
        due = self._request(said, place, asked)
        told = {"devices": 1, "nodes": 1, **asked}
        other = [key for key in due if due[key] != told[key]]
        other += ["trainer"] if runner != self.runner else []
        if other:
            self.report.differs("requests", f"{name} asks for another {', another '.join(other)} than was due")
        else:
            self.counts["requests"] += 1

    def _request(self, said: Object, place: Cell, asked: Object) -> Object:
        """The request that was due, from the plan and from what the ledger added up to."""
        study, course, (stage, candidate, host, _) = self.plan.study, self.course, place
        said_stage, who, where = study["stages"][stage], study["candidates"][candidate], study["hosts"][host]
        seed, label = self._seed(said)
        trunk, kept = said_stage["trunk"], said["run"] in self.kept
        recorded = course.first_recorded(place) + course.badly(said["run"]) if course.replay else None
        path = course.path(who["follows"]) if who["follows"] is not None else []
        elsewhere = who["follows"] is not None and not path and said["bundle"] is not None
        if elsewhere:  # its schedule had settled there, and here later
            path = self._settled_later(who["follows"])
        due: Object = {
            "promo_request": 2,
            "study": study["name"],
            "plan": self.plan.digest,
            "run": {
                "id": said["run"],
                "stage": stage,
                "candidate": candidate,
                "host": host,
                "seed": seed,
                "label": label,
            },
            "attempt": said["attempt"],
            **_model(study["candidates"][path[0]["candidate"]] if path else who),
            "metric": study["measure"]["metric"],
            "budget": said_stage["budget"],
            "checkpoint": {"at_end": trunk is None and kept, "every_s": KEPT_EACH_S},
            "trunk": None if trunk is None else {"at": trunk, "keep": kept},
            "resume": self._resumed(said, asked),
            "device": "cpu" if where["device"].lower() == "cpu" else "cuda",
            "threads": where["threads"],
            "devices": devices(study, stage, host),
            "nodes": where.get("nodes", 1),
            "levels": dict(who["levels"]) if asked["program"] or where["executor"] == "outside" else None,
            "curves": self.frozen["replay"]["digest"] if course.replay else None,
            "recorded": recorded,
            "changes": [
                {
                    "at": one["at"],
                    "way": study["schedules"][who["follows"]]["way"],
                    **_model(study["candidates"][one["candidate"]]),
                }
                for one in path[1:]
                if int(one["at"]) < self.plan.whole(stage)
            ],
        }
        if elsewhere and not path:
            due |= {key: asked[key] for key in ("settings", "parameters", "flops_per_token", "changes")}
        if said["bundle"] is None:  # what a run elsewhere began from lies there
            due |= {"continues": self._continued(place), "grow": self._grown(place), "data": self._text()}
            for key in ("continues", "grow"):
                begun = due[key] is not None and asked[key] is not None and due[key]["folder"]
                if begun and begun not in self.states:  # its result is gone, so nobody can say which state it left
                    due[key]["state"] = asked[key]["state"]
        return due

    def _settled_later(self, schedule: str) -> list[Object]:
        """The shapes that a schedule goes through by the whole ledger."""
        path: list[Object] = []
        for one in (event["event"] for event in self.events):
            if one["is"] == "decided" and one["name"] == schedule:
                path = one["verdict"]["path"]
            elif one["is"] == "person.decided" and one["name"] == schedule:
                path = [{"candidate": name, "at": "0"} for name in one["promoted"] or []]
        return path

    def _seed(self, said: Object) -> tuple[int, int | None]:
        """The seed of a run, and its label where it was drawn: from the plan, and a value from after the freeze."""
        draw, label = self.plan.study["draw"], said["seed"]
        if draw is None or self.course.replay:
            return label, None
        if said["bundle"] is None:
            receipts, published = self.course.receipts, self.course.published
        else:
            there = [one["event"] for one in self.brought.get(said["bundle"], ())]
            receipts = [one for one in there if one["is"] == "anchor.received"]
            published = next((one for one in there if one["is"] == "value.published"), None)
        value = None
        if draw["published"] is not None:
            value = published["value"] if published else None
        elif receipts:
            value = receipts[0]["digest"]
        if value is None:
            raise DiffersError(f"{said['folder']}: seeds are drawn from a value that no event tells")
        drawn = hashlib.sha256(f"promo/seed/1\n{self.plan.digest}\n{value}\n{label}".encode()).digest()
        self.counts["seeds"] += 1
        return int.from_bytes(drawn[:4], "big") >> 1, label

    def _text(self) -> Object | None:
        """Where the prepared text lies, and the windows that score a model."""
        data, text_ = self.plan.study["data"], self.course.text
        if data is None or text_ is None or self.course.replay:
            return None
        tokens = text_["tokens"]
        return {
            "train": "data/train.bytes",
            "validation": "data/validation.bytes",
            "digest": text_["digest"],
            "score_tokens": data["score_tokens"],
            "window": data["window"],
            "token_lengths": None if tokens is None else "data/token_lengths.bytes",
            "token_width": 1 if tokens is None else tokens["token_width"],
        }

    def _resumed(self, said: Object, asked: Object) -> Object | None:
        """The state that an attempt may take up: that of the attempt before, if nobody saw that one's end."""
        tried = self.course.attempts.get(said["run"], [])
        if asked["resume"] is None or not tried or tried[-1].state != "lost":
            return None
        name = f"{tried[-1].folder}/checkpoint.json"
        state = sha(self.folder.read(name)) if self.folder.has(name) else asked["resume"]["state"]
        return {"folder": tried[-1].folder, "state": state}

    def _left(self, place: Cell, kind: str) -> tuple[str | None, str | None]:
        """Folder of the attempt that counts in a cell, and the state that it left."""
        run = self.plan.cells.get(place)  # a forged choice names anybody
        one = None if run is None else self.course.counting(run)
        return (None, None) if one is None else (one.folder, self.states.get(one.folder, {}).get(kind))

    def _continued(self, place: Cell) -> Object | None:
        """The trained run that a run carries on."""
        before = self.plan.study["stages"][place[0]]["continues"]
        if before is None:
            return None
        branch = self.plan.study["stages"][place[0]]["trunk"] is not None
        folder, state = self._left((before, *place[1:]), "trunk" if branch else "checkpoint")
        recorded = self.course.first_recorded(place) if self.course.replay else None
        return {"folder": folder, "state": state, "earlier": str(self.plan.earlier(place[0])), "recorded": recorded}

    def _grown(self, place: Cell) -> Object | None:
        """The state that a run grows from: the parent's while ways are tried, later a way's own or the chosen one's."""
        study, (stage, candidate, host, seed) = self.plan.study, place
        if study["stages"][stage]["continues"] is not None:
            return None
        trying = next((one for one in study["grows"].values() if stage in self.plan.lag(one)), None)
        coming = [one for one in study["grows"].values() if candidate in (one["becomes"], *self.plan.ways(one))]
        if trying is not None:
            who, where, way = trying["parent"], trying["stage"], self.plan.ways(trying)[candidate]
        elif coming:
            tries = candidate in self.plan.ways(coming[0])
            best = [candidate] if tries else self.course.promoted(coming[0]["name"])
            who, where, way = best[0] if best else None, coming[0]["name"], None
        else:
            return None
        kept = "checkpoint" if study["stages"][where]["trunk"] is None else "trunk"
        folder, state = self._left((where, who, host, seed), kept) if who is not None else (None, None)
        return {"folder": folder, "state": state, "kept": "checkpoint" if folder is None else kept, "way": way}

    def _ended(self, said: Object, _: Object) -> None:
        one = self.course.attempt(said["run"], said["attempt"])
        if one is None:
            return
        for name, digest in said["witnesses"].items():
            place = self.folder.left(one.folder, name)
            if not self.folder.has(place):
                self.report.missing("files", f"{one.folder}/{name} is not there")
            elif self.folder.digest(place) != digest:
                self.report.differs("results", f"{one.folder}/{name} is not what was recorded")
        body = self._body(one.folder, one.request, said["envelope"]) if said.get("envelope") else None
        outside = self._is_outside(one)
        if outside and said["is"] != "attempt.lost":
            self._outside(one, said, body)
        self._as_seen(one, said, body, outside=outside)
        if said["device_s"] is not None:
            self.spent += Fraction(said["device_s"]) * width(self.plan.study, one.stage, one.host)
            least = Fraction(body["seconds"].get("total", "0")) if body else self._supervised(one.folder, said)
            if Fraction(said["device_s"]) + MILLISECOND < least:
                self.report.differs("hours", f"{one.folder} took more of its device's time than the ledger says")
        if body is None:
            return
        self.trained += Fraction(body["seconds"].get("train", "0")) * width(self.plan.study, one.stage, one.host)
        self.states[one.folder] = {"checkpoint": body["checkpoint"], "trunk": body["trunk"]}
        self._repeated(one, said, body)
        self._within_budget(one, said, body)
        self._within_segments(one, said, body)

    def _repeated(self, one: Attempt, said: Object, body: Object) -> None:
        """Whether the ledger says of a result what that says itself."""
        if said["is"] == "result.accepted":
            keys = ("metrics", "seconds", "work", "contention")
            same = body["status"] == "ok" and not body["cause"] and all(said[key] == body[key] for key in keys)
        else:
            same = (said.get("status"), said.get("cause")) == (body["status"], body["cause"])
            same = same and said.get("train_s") == body["seconds"].get("train", "0")
        if not same:
            self.report.differs("results", f"{one.folder}/result.json says something else than the ledger")
        else:
            self.counts["results"] += 1
        if self.table is not None and self.table.readable:
            asked = strict(self.folder.read(f"{one.folder}/request.json"))
            fit(REQUEST, asked, f"{one.folder}/request.json")
            due = self.table.answer(asked)
            other = [key for key in due if due[key] != body[key]]
            if other:
                self.report.differs("curves", f"{other[0]} in {one.folder}/result.json does not follow from the table")
            self.counts["read again"] += not other

    def _within_budget(self, one: Attempt, said: Object, body: Object) -> None:
        used, budget = body["used"], self.plan.study["stages"].get(one.stage, {"budget": None})["budget"]
        if said["is"] != "result.accepted" or budget is None:
            return
        self._outlived(one, said, body)
        if used is None:
            self.counts["budgets unknown"] += 1
        elif not keeps(used, budget):
            self.report.differs("budgets", f"{one.folder} used another budget than it was given")
        else:
            timed = used["kind"] in ("wall", "cpu", "upstream")
            as_known = {**used, "counter": "trainer", "last_step": None if timed else used["last_step"]}
            early = used["counter"] == "recorded" and not keeps(as_known, budget)
            if early and not self.course.replay:
                self.report.differs("budgets", f"{one.folder} is taken from a table before its budget was used")
            self.counts["budgets early" if early else "budgets"] += 1

    def _outlived(self, one: Attempt, said: Object, body: Object) -> None:
        """Whether a run trained, by what it says, for longer than all its attempts had a slot."""
        used, took = body["used"], [said["device_s"]]
        others = (each for each in self.course.attempts.get(one.run, ()) if each.number != one.number)
        took += [each.end["device_s"] for each in others if "device_s" in each.end]
        if self.course.replay or None in took or (used and used["counter"] in ("simulated", "recorded")):
            return
        told_s = [Fraction(body["seconds"].get("train", "0"))]
        told_s += [Fraction(used["used"])] if used and used["kind"] in ("wall", "upstream") else []
        cores = body["facts"]["machine"].get("cores")
        if used and used["kind"] == "cpu" and type(cores) is int and cores > 0:
            told_s.append(Fraction(used["used"]) / cores)
        if max(told_s) > sum(map(Fraction, took)) + LATE_S:
            self.report.differs("budgets", f"{one.folder} trained for longer than all attempts of its run took")

    def _within_segments(self, one: Attempt, said: Object, body: Object) -> None:
        """Whether a run that was asked to change its shape did so where it was asked, and no other did."""
        name = f"{one.folder}/request.json"
        if said["is"] != "result.accepted" or body["recorded"] is not None or not self.folder.has(name):
            return
        asked = strict(self.folder.read(name))
        fit(REQUEST, asked, name)
        if not in_shape(asked, body):
            self.report.differs("segments", f"{one.folder} changed its shape otherwise than it was asked to")
        else:
            self.counts["segments"] += bool(asked["changes"])

    def _body(self, folder: str, request: str, envelope: str) -> Object | None:
        """The body of a result that was recorded; None where a file is gone or another, which is said."""
        gone = [
            name for name in ("result.json", "request.json", "points.jsonl") if not self.folder.has(f"{folder}/{name}")
        ]
        for name in gone:
            self.report.missing("files", f"{folder}/{name} is not there")
        if "result.json" in gone:
            return None
        name = f"{folder}/result.json"
        content = self.folder.read(name)
        if sha(content) != envelope:
            self.report.differs("results", f"{name} is not what was recorded")
            return None
        try:
            body = self._sound(content, name)
        except DiffersError as fault:
            self.report.differs("results", f"{name}: {fault}")
            return None
        if body["request"] != request:
            self.report.differs("results", f"{name} does not answer the request that was recorded")
        if "points.jsonl" not in gone:
            fault = self._points_fault(folder, body)
            if fault:
                self.report.differs("results", f"{folder}/points.jsonl{fault}")
        return body

    def _points_fault(self, folder: str, body: Object) -> str:
        """What is wrong with the points of a result, to follow their name; empty where nothing is."""
        content = self.folder.read(f"{folder}/points.jsonl", LARGE)
        if sha(content) != body["points"]:
            return " is not what was recorded"
        *lines, rest = content.split(b"\n")
        for place, line in enumerate(lines, 1):
            try:
                fit(POINT, strict(line), "it")
            except DiffersError as fault:
                return f" line {place}: {fault}"
        return f" line {len(lines) + 1}: it has no end" if rest else ""

    def _sound(self, content: bytes, about: str) -> Object:
        """The body of a result file that is whole."""
        stored = strict(content)
        fit(ENVELOPE, stored, about)
        body: Object = stored["body"]
        if sha(compact(body)) != stored["digest"]:
            raise DiffersError("its digest is not that of its body")
        return body

    def _supervised(self, folder: str, said: Object) -> Fraction:
        """Seconds that its supervisor wrote down of an attempt without a result."""
        found = self._exit(folder, said)
        return Fraction((found or {"seconds": None})["seconds"] or 0)

    def _exit(self, folder: str, said: Object) -> Object | None:
        """How an attempt was seen to end, as far as the ledger has that."""
        name = f"{folder}/exit.json"
        if "exit.json" not in said.get("witnesses", ()) or not self.folder.has(name):
            return None
        try:
            found: Object = strict(self.folder.read(name))
            fit(EXIT, found, "it")
        except DiffersError:
            return None  # which is said where the attempt ends
        return found

    def _exit_fault(self, one: Attempt, said: Object) -> None:
        """Whoever saw an attempt fail without a result wrote down how it ended; without that it was lost."""
        name = f"{one.folder}/exit.json"
        if "exit.json" not in said["witnesses"]:
            if said["is"] == "attempt.failed" and said["envelope"] is None:
                self.report.differs("results", f"{one.folder} failed, and no exit.json says how it ended")
        elif self.folder.has(name):
            try:
                fit(EXIT, strict(self.folder.read(name)), "it")
            except DiffersError as fault:
                self.report.differs("results", f"{name}: {fault}")

    def _outside(self, one: Attempt, said: Object, body: Object | None) -> None:
        """Whether a result that somebody else's system trained has a record of who did, and follows from its table."""
        name = f"{one.folder}/outside.json"
        if "outside.json" not in said["witnesses"]:
            self.report.differs("outside", f"{one.folder} has a result, and no outside.json says who trained it")
        elif self.folder.has(name):
            try:
                fault = self._outside_fault(one, said, name, body)
            except DiffersError as strange:
                fault = f": {strange}"
            except MissingError:
                return  # said among the files
            if fault:
                self.report.differs("outside", f"{name}{fault}")
            self.counts["outside"] += not fault

    def _outside_fault(self, one: Attempt, said: Object, name: str, body: Object | None) -> str:
        """What is wrong with such a record, to follow its name; empty where nothing is."""
        content = self.folder.read(name)
        found = strict(content)
        fit(OUTSIDE, found, "it")
        files, settings, suffix = found["files"], found["settings"], suffix_of(found["source"])
        needed = {"result.json", "points.jsonl", *([] if settings is None else [f"table{suffix}"])}
        if not found["by"].strip() or found["digest"] is None or not found["source"] or not needed <= files.keys():
            return " does not say who trained it, and from which file it was taken"
        if found["request"] != one.request or files["result.json"] != said["envelope"]:
            return " is of another result"
        others = {key: digest for key, digest in files.items() if key not in OWN and not STATE(key)}
        if {**others, "outside.json": sha(content)} != said["witnesses"]:
            return " names other files than came with it"
        if body is not None and (body["recorded"] is None) is not (settings is None):
            return " says otherwise than result.json whether it was read from a table"
        if settings is None or body is None:
            return ""
        if files[f"table{suffix}"] != found["digest"]:
            return " names another table than it was taken from"
        key = (one.stage, one.host, found["digest"], sha(compact(settings)))
        if key not in self.parts:
            table = self.folder.read(f"{one.folder}/table{suffix}", LARGE)
            self.parts[key] = Table.of_part(table, found, Part(self.plan, one.stage, one.host))
        if not self.parts[key].readable:
            return ""
        asked = strict(self.folder.read(f"{one.folder}/request.json"))
        fit(REQUEST, asked, f"{one.folder}/request.json")
        due = self.parts[key].answer(asked)
        other = [each for each in due if due[each] != body[each]]
        return f": {other[0]} in result.json does not follow from table{suffix}" if other else ""

    def _is_outside(self, one: Attempt) -> bool:
        """Whether somebody else's system was asked to train it."""
        host = self.plan.study["hosts"].get(one.host)
        return host is not None and host["executor"] == "outside" and not self.course.replay

    def _as_seen(self, one: Attempt, said: Object, body: Object | None, *, outside: bool) -> None:
        """
        A result that counts is that of a whole run and has a value; who left none ended as was seen.

        A whole run ended by itself, or shows that its budget was used up.
        """
        seen = self._exit(one.folder, said)
        if not self.course.replay:
            self._exit_fault(one, said)
        if said["is"] == "result.accepted" and body is not None:
            by_itself = seen is not None and seen["reason"] == "itself" and seen["returncode"] == 0
            gone = "exit.json" in said["witnesses"] and not self.folder.has(f"{one.folder}/exit.json")
            if not (by_itself or gone or outside or self.course.replay or self._used_up(one, body)):
                how = "it was ended before its end" if seen else "nothing says that it ended by itself"
                self.report.differs("results", f"{one.folder}: {how}, and its result was accepted")
            if self.plan.study["measure"]["metric"] not in body["metrics"]:
                self.report.differs("results", f"{one.folder} has no value, and its result was accepted")
        left_none = said["is"] == "attempt.failed" and said["envelope"] is None
        if left_none and seen is not None and not self.folder.has(f"{one.folder}/result.json"):
            killed = seen["reason"] == "supervisor" or (seen["returncode"] or 0) < 0
            due = "timeout" if seen["reason"] == "limit" else "killed" if killed else "crash"
            if said["status"] != due:
                self.report.differs("results", f"{one.folder} ended as {due}, and not as {said['status']}")

    def _used_up(self, one: Attempt, body: Object) -> bool:
        """Whether a run came to the end of its budget, or so far that its next step would have ended beyond."""
        used, stage = body["used"], self.plan.study["stages"].get(one.stage)
        if used is None or stage is None or used["kind"] != stage["budget"]["kind"]:
            return False
        amount = Fraction(stage["budget"]["amount"])
        return Fraction(used["used"]) + Fraction(used["last_step"] or 0) >= amount

    def _late(self, said: Object, _: Object) -> None:
        one = self.course.attempt(said["run"], said["attempt"])
        body = None if one is None else self._body(one.folder, one.request, said["envelope"])
        if one is not None and body is not None and body["status"] != said["status"]:
            self.report.differs("results", f"{one.folder}/result.json ended otherwise than was recorded")

    def _behind(self, one: Attempt) -> Fraction:
        """Seconds that an attempt had its devices by the word of its supervisor, less those on record."""
        try:
            end = strict(self.folder.read(f"{one.folder}/exit.json"))
            return max(Fraction(end["seconds"]) - Fraction(one.end.get("device_s") or 0), Fraction(0))
        except (DiffersError, MissingError, KeyError, TypeError, ValueError):
            return Fraction(0)

    def _lost(self) -> None:
        """Results of attempts that were called lost, or failed without one; what came late is on record as such."""
        for one in self.course.every():
            if one.state not in ("lost", "failed") or one.envelope or (one.late and not self._by_itself(one)):
                continue
            name = f"{one.folder}/result.json"
            try:
                body = self._sound(self.folder.read(name), name)
                request = self.folder.digest(f"{one.folder}/request.json")
                damaged = self._points_fault(one.folder, body)
            except (DiffersError, MissingError):
                continue
            if one.unseen:
                whole = body["request"] == request and not damaged
                self.counts["unseen"] += whole
                self.behind += self._behind(one) if whole else 0
                continue
            ok = body["status"] == "ok" and not damaged
            if body["request"] == request and not damaged and not (ok and body["cause"]) and (ok or not one.late):
                self.report.differs("results", f"{one.folder} was called {one.state}, and it left a sound result")

    def _by_itself(self, one: Attempt) -> bool:
        """Whether an attempt had ended by itself when its end was recorded, as its supervisor wrote down."""
        found = self._exit(one.folder, one.end)
        return found is not None and bool(found["reason"] == "itself" and found["returncode"] == 0)

    # --- evidence and verdicts -----------------------------------------------------------------------------------

    def _evidence(self, stage: str) -> Object:
        """The candidate-by-cell table of a stage, as the ledger has it now."""
        if stage in self.tables:
            return self.tables[stage]
        planned, metric = self.plan.stages[stage], self.plan.study["measure"]["metric"]
        cells = [(host, seed) for seed in planned["seeds"] for host in planned["hosts"]]
        rows = []
        for candidate in sorted(set(self.course.opened.get(stage, ()))):
            places = [(stage, candidate, host, seed) for host, seed in cells]
            if all(place in self.plan.cells for place in places):
                rows.append({"candidate": candidate, "cells": [self._cell(place, metric) for place in places]})
        return {
            "promo_evidence": 2,
            "stage": stage,
            "metric": metric,
            "cells": [list(one) for one in cells],
            "rows": rows,
        }

    def _cell(self, place: Cell, metric: str) -> Object:
        """A cell: the value that counts, or how the last attempt ended."""
        run = self.plan.cells[place]
        tried, one = self.course.attempts.get(run, ()), self.course.counting(run)
        found: Object = {"host": place[2], "seed": place[3], "run": run, "value": None, "cause": ""}
        if one is not None:
            return {**found, "status": "ok", "value": one.end["metrics"].get(metric), "attempt": one.number,
                    "envelope": one.envelope}  # fmt: skip
        if not tried:
            return {**found, "status": "not run", "attempt": None, "envelope": None}
        last = tried[-1]
        cause = last.end.get("cause", "") if last.state == "failed" else ""
        return {**found, "status": last.status, "cause": cause, "attempt": last.number, "envelope": last.envelope}

    def _stored(self, name: str, digest: str, about: str) -> Any:
        """A derived file; None where it is gone or another than was recorded, which is said."""
        try:
            content = self.folder.read(name)
        except MissingError as fault:
            self.report.missing("files", str(fault))
            return None
        if not content.endswith(b"\n") or sha(content[:-1]) != digest:
            self.report.differs(about, f"{name} is not what was recorded")
            return None
        return strict(content[:-1])

    def _closed(self, said: Object, event: Object) -> None:
        stage = said["stage"]
        if stage not in self.plan.stages:
            return
        self.tables[stage] = found = self._evidence(stage)
        self.digests[stage] = sha(compact(found))
        missing = sum(cell["value"] is None for one in found["rows"] for cell in one["cells"])
        self._stored(f"evidence/{stage}.json", said["evidence"], "evidence")
        if (self.digests[stage], missing) != (said["evidence"], said["missing"]):
            words = f"event {event['seq']}: that of {stage} does not follow from the results"
            self.report.differs("evidence", words)
        else:
            self.counts["stages"] += 1

    def _estimated(self, said: Object, event: Object) -> None:
        asked = self.plan.study["effects"].get(said["name"])
        if asked is None:
            return
        stored = self._stored(f"evidence/{said['name']}.json", said["effects"], "effects")
        tables = {stage: self._evidence(stage) for stage in asked["stages"]}
        digests = {stage: sha(compact(one)) for stage, one in tables.items()}
        found = effects_of(asked, self.plan, tables, digests, stored)
        self.effects[said["name"]] = found
        self.digests[said["name"]] = said["effects"]
        discovered = [
            [one["stage"], [each["effect"] for each in one["estimates"] if each["discovered"]]] for one in found["fits"]
        ]
        where = "" if stored is None else first_difference(found, stored)
        if where or discovered != said["discovered"]:
            words = f"event {event['seq']}: {said['name']} comes out otherwise{' at ' if where else ''}{where}"
            self.report.differs("effects", words)
        else:
            self.counts["effects"] += 1

    def verdict(self, name: str, rule: Object) -> Object:
        """What a gate, rule, reduction or step decides by one of its wordings, as a whole value."""
        inputs = self.plan.study["laws"][rule["law"]]["stages"] if "law" in rule else sources_of(rule)
        through: list[str] = []
        if "law" in rule:
            tables = {one: self._evidence(one) for one in inputs}
            outcome, going, found = by_law(rule, tables, self.plan, recorded=self.course.replay)
        elif "baseline" in rule:
            outcome, going, found = walk(rule, {one: self._evidence(one) for one in inputs}, self.plan)
        elif rule["is"] == "reduction":
            through = self.course.promoted(rule["around"]) if rule["around"] is not None else []
            tables = {one: self._evidence(one) for one in inputs}
            if rule["effects"] not in self.effects:
                raise DiffersError(f"{name} reads effects that had not been estimated")
            outcome, going, found = reduce(rule, self.effects[rule["effects"]], tables, self.plan, through)
            inputs = [rule["effects"], *inputs]
        else:
            inputs = [*inputs, *(one for one in stages_in(rule) if one not in inputs)]
            tables = {one: self._evidence(one) for one in inputs}
            if rule["is"] == "gate":
                outcome, going, found = Gate(rule, tables, self.plan, recorded=self.course.replay).decide()
            else:
                outcome, going, found = judge(rule, tables, self.plan, recorded=self.course.replay)
        digests = [self.digests.get(one) or sha(compact(self._evidence(one))) for one in inputs]
        return {
            "promo_decision": 2,
            "name": name,
            "seal": sha(compact(closure(self.plan, rule))) if rule.get("frozen") else None,
            "inputs": [{"of": one, "digest": digest} for one, digest in zip(inputs, digests, strict=True)],
            "outcome": outcome,
            "promoted": going,
            "found": found,
        }

    def _decided(self, said: Object, event: Object) -> None:
        name, wording = said["name"], said["verdict"]["wording"]
        study = self.plan.study
        step = study["steps"].get(name) or study["forecasts"].get(name) or study["schedules"].get(name)
        rule = step or self.course.worded(name, wording)
        if rule is None or wording != (0 if step else self.course.wordings(name)[-1]):
            self.report.differs("verdicts", f"event {event['seq']}: {name} has no such wording in force")
            return
        if said["seal"] != (sha(compact(closure(self.plan, rule))) if rule.get("frozen") else None):
            self.report.differs("verdicts", f"event {event['seq']}: {name} has another seal than it decided by")
        self._compare(name, rule, said["verdict"], f"decisions/{name}.json", event)
        due = self.course.wordings(name)[:-1] if not step else []
        if [one["wording"] for one in said["others"]] != due:
            self.report.differs("verdicts", f"event {event['seq']}: {name} has other wordings than those")
            return
        for other in said["others"]:
            rule = self.course.worded(name, other["wording"])
            if rule is not None:
                self._compare(name, rule, other, other_file(name, other["wording"]), event)

    def _compare(self, name: str, rule: Object, said: Object, file: str, event: Object) -> None:
        """A recorded verdict, and the file that holds all of it, against what follows from the evidence."""
        stored = self._stored(file, said["decision"], "verdicts")
        derived = self.verdict(name, rule)
        found: Object = settled(derived, stored)
        fixed = [[one["factor"], one["level"]] for one in found["found"].get("factors", ()) if one["level"] is not None]
        due = {
            "outcome": found["outcome"],
            "promoted": found["promoted"],
            "answer": found["found"].get("answer"),
            "fixed": fixed,
            "path": found["found"].get("path", []),
        }
        other = [key for key, one in due.items() if said[key] != one]
        where = other[0] if other else "" if stored is None else first_difference(found, stored)
        if where:
            self.report.differs("verdicts", f"event {event['seq']}: {name} comes out otherwise at {where}")
        else:
            self.counts["verdicts"] += 1

    def _amended(self, said: Object, event: Object) -> None:
        """What an amendment changed, what was known then, and what its wording would have decided."""
        name, place = said["name"], f"event {event['seq']}, amendment {said['number']}"
        if self.course.strange(said):
            return
        new = said["new"]["rule"]
        kind = {"gate": "gates", "rule": "rules", "reduction": "reductions"}[new["is"]]
        before = closure(self.plan, self.amended[kind][name], self.amended)
        self.amended = {**self.amended, kind: {**self.amended[kind], name: new}}
        after = closure(self.plan, new, self.amended)
        if said["old"] != before or said["new"] != after:
            self.report.differs(
                "amendments", f"{place}: what {name} rested on before or rests on now is something else"
            )
        known = {(one.stage, one.candidate, one.host, one.seed) for one in self.course.every() if one.envelope}
        seen = [list(one) for one in sorted(known) if one[0] in after["stages"]]
        if said["seen"] != seen:
            self.report.differs("amendments", f"{place}: known then: {some(len(seen), 'result')} of its stages")
        file = f"amendments/{said['number']}.promo"
        if not self.folder.has(file):
            self.report.missing("files", f"{file} is not there")
        elif self.folder.digest(file) != said["text"]:
            self.report.differs("amendments", f"{file} is not what was recorded")
        if (said["verdict"] is not None) is not (name in self.course.decided):
            self.report.differs(
                "amendments", f"{place}: a verdict by its wording is told of what has decided, and of that alone"
            )
        elif said["verdict"] is not None:
            if said["verdict"]["wording"] != said["number"]:
                self.report.differs("amendments", f"{place}: its verdict is by another wording")
            self._compare(name, new, said["verdict"], other_file(name, said["number"]), event)
        self.counts["amendments"] += 1

    # --- what came from elsewhere --------------------------------------------------------------------------------

    def _imported(self, said: Object, _: Object) -> None:
        content = self.folder.read(said["ledger"], LARGE)
        if sha(content) != said["ledger_digest"]:
            raise DiffersError(f"{said['ledger']} is not the ledger that was brought")
        there = chain(content)
        lines = sound_lines(content)
        if not there or there[0]["event"]["is"] != "study.frozen" or sha(b"\0" + lines[-1]) != said["head"]:
            raise DiffersError(f"{said['ledger']} does not end where it was said to")
        if there[0]["event"]["plan"] != self.plan.digest:
            raise DiffersError(f"{said['ledger']} is of another plan")
        other = self._other_origin(there)
        if other:
            self.report.differs("history", f"{said['ledger']} was made with another {other}")
        self.brought[said["bundle"]] = there
        course, ends = Course(self.plan), {}
        times: dict[tuple[str, int], list[str]] = {}
        for event in there:
            why = course.wrong(event)
            if why:
                happened = HAPPENED[event["event"]["is"]].format(**event["event"])
                self.report.differs("history", f"{said['ledger']}, event {event['seq']}, {happened}: {why}")
            course.take(event)
            if event["event"]["is"] in ENDS:
                key = (event["event"]["run"], event["event"]["attempt"])
                one = course.attempt(*key)
                ends[key] = event["event"]
                times[key] = [one.began if one else "", course.times(event)[1]]
        for run, number_, *when in said["taken"]:
            if (run, number_) not in ends:
                self.report.differs("history", f"{said['ledger']} tells of no end of attempt {number_} of run {run}")
            elif times[run, number_] != when:
                words = f"attempt {number_} of run {run} has other times in {said['ledger']}"
                self.report.differs("history", words)
        self.counts["ledgers"] += 1
        self._packed(said)

    def _packed(self, said: Object) -> None:
        """The manifest by which a bundle is named, of that ledger; and its signature, by the key that is named."""
        _, name, *signature = kept_of(said)
        content = self.folder.read(name, LARGE)
        if sha(content) != said["bundle"]:
            raise DiffersError(f"{name} is not that of the bundle")
        manifest = strict(content)
        of = manifest["plan"], manifest["head"], manifest["files"].get("ledger.jsonl")
        if of != (self.plan.digest, said["head"], said["ledger_digest"]):
            raise DiffersError(f"{name} is of another ledger")
        if not set(map(tuple, manifest["attempts"])).issuperset(tuple(one[:2]) for one in said["taken"]):
            raise DiffersError(f"{name} does not have every attempt that was taken in")
        if signature and maker(content, self.folder.read(signature[0])) != said["signer"]:
            raise DiffersError(f"{signature[0]} was not made by {said['signer']}")

    def _other_origin(self, there: list[Object]) -> str:
        """What a ledger from another machine was made with, and this study was not; empty where there is no such."""
        first = there[0]["event"]
        for what in ("study", "seals", "runner", "promo", "code"):
            if first[what] != self.frozen[what]:
                return "promo" if what == "code" else what
        known, found = (_files_of(one) for one in (self.events, there))
        return next((name for name in sorted(known.keys() & found.keys()) if known[name].isdisjoint(found[name])), "")

    def taken(self) -> None:
        """Whether what a bundle brought was taken in as the ledger there tells of it, and all of it."""
        ends = {
            (name, one["event"]["run"], one["event"]["attempt"]): one["event"]
            for name, there in self.brought.items()
            for one in there
            if one["event"]["is"] in ENDS
        }
        for name, bundle in self.course.bundles.items():
            for run, number_, *_ in bundle["taken"]:
                one, there = self.course.attempt(run, number_), ends.get((name, run, number_))
                mine = {**one.end, "bundle": None} if one is not None and one.end else None
                if there is not None and mine != {**there, "bundle": None}:
                    words = f"attempt {number_} of run {run} is not what {bundle['ledger']} tells of it"
                    self.report.differs("history", words)

    def _prepared(self, said: Object, _: Object) -> None:
        text_ = said["text"]
        digests = {"train.bytes": text_["train_digest"], "validation.bytes": text_["validation_digest"]}
        if text_["tokens"] is not None:
            digests["token_lengths.bytes"] = text_["tokens"]["token_lengths_digest"]
        for name, digest in digests.items():
            if self.folder.has(f"data/{name}") and self.folder.digest(f"data/{name}") != digest:
                self.report.differs("text", f"data/{name} is not the text that was trained on")

    # --- files ---------------------------------------------------------------------------------------------------

    def strange(self) -> Iterator[str]:
        """
        Files that no event accounts for; reports, which anybody may make again, are no such files.

        A crash may keep the event from the ledger that a file was written for: the request of a planned run, whose
        attempt then has another number, the next amendment, and what is derived while the study goes on.  It may also
        leave a part of a file.
        """
        course = self.course
        known = {"ledger.jsonl", "lock", "checkpoint.note", *UNPACKED, *self.frozen["files"]}
        known |= {name for one in course.bundles.values() for name in kept_of(one)}
        known |= {f"evidence/{name}.json" for name in (*course.closed, *course.estimated)}
        following = len(course.amendments) + 1
        known |= {f"amendments/{number_}.promo" for number_ in range(1, following + 1)}
        for name in course.decided:
            known |= {f"decisions/{name}.json", f"decisions/{name}.frozen.json"}
            known |= {f"decisions/{name}.amendment-{one}.json" for one in (*course.wordings(name)[1:], following)}
        attempts, used = {one.folder: one for one in course.every()}, self._used()
        for name in sorted(every_file(self.folder.path)):
            file = name.removesuffix(".part")
            parts = file.split("/")
            report = re.fullmatch(r"report[a-z0-9._-]*|[a-z0-9._-]*\.(html|md|csv|svg)", file)
            own = r"anchors/[0-9]+\.note(\.[A-Za-z0-9.]+)?|data/(train|validation|token_lengths)\.bytes"
            if file in known or report or re.fullmatch(own, file):
                continue
            if parts[0] == "program" and (name != file or (self.folder.has(name) and self.folder.digest(name) in used)):
                continue
            above = "/".join(parts[:4])
            one = attempts.get(above) if parts[0] == "runs" else None
            if one is not None and self._leaves(one, plain("/".join(parts[4:]))):
                continue
            if one is not None and name != file and parts[4:] == ["exit.json"]:
                continue  # promo died while it wrote down how that had ended
            if one is not None and parts[4:5] == ["program"] and (self.folder.path / name).is_symlink():
                continue  # in the folder that a run works in; it has no bytes, and nothing rests on it
            asked = parts[0] == "runs" and parts[4:] == ["request.json"] and self._unstarted(above, part=name != file)
            derived = not course.ended and parts[0] in ("evidence", "decisions")
            if one is not None or not (asked or derived):
                yield name

    def _used(self) -> set[str]:
        """Digests of the files that were frozen as what the spec uses, a runner's own among them."""
        used = self.folder.value("imports.json")
        return {sha(text_.encode()) for text_ in used.values()}

    def passed_over(self) -> Iterator[str]:
        """Attempts that the count of a run leaves out, and that have left no request either."""
        for tried in self.course.attempts.values():
            for before, one in zip([0, *(each.number for each in tried)], tried, strict=False):
                place = one.folder.rpartition("-")[0]
                names = (f"{place}-{number_}" for number_ in range(before + 1, one.number))
                yield from (name for name in names if not one.bundle and not self.folder.has(f"{name}/request.json"))

    def _unstarted(self, place: str, *, part: bool) -> bool:
        """Whether the request there, or what a crash left of it, is that of a planned run that never started."""
        cell, _, number_ = place.rpartition("/attempt-")
        cells = {f"runs/{one[0]}/{one[1]}-{one[2]}-s{one[3]}": (one, run) for one, run in self.plan.cells.items()}
        if cell not in cells or not re.fullmatch(r"[1-9]\d{0,5}", number_, re.ASCII):
            return False
        content = b"" if part else self.folder.read(f"{place}/request.json")
        if not content.strip(b"\0"):
            return True
        try:
            asked = strict(content)
            fit(REQUEST, asked, place)
        except DiffersError:
            return False
        (stage, candidate, host, seed), run = cells[cell]
        due = {"id": run, "stage": stage, "candidate": candidate, "host": host}
        label = asked["run"]["seed"] if asked["run"]["label"] is None else asked["run"]["label"]
        same = all(asked["run"][key] == one for key, one in due.items())
        return same and label == seed and bool(asked["attempt"] == int(number_))

    def _leaves(self, one: Attempt, file: str) -> bool:
        """Whether a file is one that an attempt leaves; of one whose end nobody wrote down nothing more is known."""
        states = STATE(file)
        witnesses = one.end.get("witnesses", ())
        unseen = one.state in ("running", "lost") and not witnesses
        return unseen or file in OWN or file in witnesses or (states is not None and self._kept(one, file, states[1]))

    def _kept(self, one: Attempt, file: str, kind: str) -> bool:
        """Whether an attempt may have left a state, or its tensors: its result names it, or its way was long."""
        if one.envelope is None or one.state == "failed":
            return True
        name = f"{one.folder}/{kind}.json"
        state = self.folder.read(name, LARGE) if self.folder.has(name) else None
        lasted = one.end["device_s"] is None or Fraction(one.end["device_s"]) >= KEPT_EACH_S
        named = state is not None and sha(state) == self.states.get(one.folder, {}).get(kind)
        due = state is not None and (named or (kind == "checkpoint" and lasted))
        return due and (file.endswith(".json") or file.encode() in (state or b""))


def _files_of(events: list[Object]) -> dict[str, set[str | None]]:
    """Modules that runs rest on, by name, and files, by the last part of their paths: all digests under one name."""
    names: dict[str, set[str | None]] = {}
    starts = (one["event"] for one in events if one["event"]["is"] == "orchestrator.started")
    for kind, name, digest, _ in (each for start in starts for each in start["inputs"]):
        if kind in ("file", "module"):
            names.setdefault(name.rpartition("/")[2] if kind == "file" else name, set()).add(digest)
    return names


def plain(name: str) -> str:
    """A file's name in printable ASCII, as it is recorded."""
    return "".join(chr(one) if 0x20 <= one < 0x7F and one != 0x5C else f"%{one:02x}" for one in os.fsencode(name))


def keeps(used: Object, budget: Object) -> bool:
    """
    Whether a run used its budget, but for its stage's tolerance; where there is none, for its last step or for 5%.

    A record may hold less.
    """
    amount, spent = Fraction(budget["amount"]), Fraction(used["used"])
    if used["kind"] != budget["kind"]:
        return False
    if used["counter"] == "recorded":
        return spent <= amount
    if budget["tolerance"] is not None:
        by = Fraction(budget["tolerance"]) * amount
    else:
        by = amount / 20 if used["last_step"] is None else Fraction(used["last_step"])
    return abs(spent - amount) <= by


def in_shape(asked: Object, body: Object) -> bool:
    """
    Whether what a run did in each shape fits the changes that it was asked for.

    A change stands at the first step end at or beyond its place; the one behind the last segment was not due before
    that segment's last step.
    """
    found, changes, work, used = body["segments"], asked["changes"], body["work"], body["used"]
    if not changes:
        return not found
    if not 0 < len(found) <= len(changes) + 1 or used is None or used["last_step"] is None:
        return False
    steps, tokens = [one["steps"] for one in found], [int(one["tokens"]) for one in found]
    flops = [count * int(one["flops_per_token"]) for count, one in zip(tokens, [asked, *changes], strict=False)]
    ends = [(Fraction(one["before"]), Fraction(one["until"])) for one in found]
    sums = {"steps": sum(steps), "tokens": sum(tokens), "flops": sum(flops)}
    if any(work[key] != str(one) for key, one in sums.items()):
        return False
    amounts = {"steps": steps, "tokens": tokens, "flops": flops}.get(asked["budget"]["kind"])
    if amounts is not None and [until for _, until in ends] != list(itertools.accumulate(amounts)):
        return False
    follow = steps[0] > 0 and 0 <= ends[0][0] <= ends[0][1]
    for (one, count), following in zip(zip(ends[1:], steps[1:], strict=True), ends[:-1], strict=True):
        follow = follow and (following[1] <= one[0] <= one[1] if count else one == following)
    places = [int(change["at"]) for change in changes]
    due = all(before < at for (before, _), at in zip(ends, places, strict=False))
    made = all(at <= until for (_, until), at in zip(ends[:-1], places, strict=False))
    whole, step, spent = ends[-1][1], ends[-1][1] - ends[-1][0], Fraction(used["used"])
    ended = abs(whole - spent) * 2**51 <= whole if asked["continues"] is None else whole >= spent
    by = abs(step - Fraction(used["last_step"])) * 2**51 <= whole  # but for what doubles round away
    return follow and due and made and ended and by


OWN = ("request.json", "result.json", "points.jsonl", "claim", "supervisor.txt")
"""Files of an attempt that are no witnesses of it."""
STATE = re.compile(r"(checkpoint|trunk)(-[0-9a-f]{1,64}\.(safetensors|state)|\.json)").fullmatch
KEPT_EACH_S = 600
"""Seconds of training after which a run keeps its state, for itself."""
UNPACKED = ("environment.json", "ro-crate-metadata.json", "manifest.json", "manifest.json.sig")
"""What a crate and a bundle hold of their own; unpacked they are study folders too."""


def every_file(folder: Path) -> Iterator[str]:
    """All files below a folder, links to folders among them, as paths from there."""
    shared = [folder / name for name in ("runs", "data", "program") if (folder / name).is_symlink()]
    for place, folders, files in itertools.chain(*map(os.walk, (folder, *shared))):
        inside_ = Path(place).relative_to(folder)
        links = [one for one in folders if (Path(place) / one).is_symlink()]
        yield from ((inside_ / one).as_posix() for one in (*files, *links) if Path(place) / one not in shared)


def other_file(name: str, wording: int) -> str:
    """Where the decision of another wording lies."""
    return f"decisions/{name}.{f'amendment-{wording}' if wording else 'frozen'}.json"


def first_difference(mine: Any, stored: Any, path: str = "") -> str:
    """Where two values differ first, as a path; empty where they are the same."""
    if type(mine) is not type(stored):
        return path or "all of it"
    if isinstance(mine, dict):
        for key in sorted(mine.keys() | stored.keys()):
            if key not in mine or key not in stored:
                return f"{path}.{key}".lstrip(".")
            found = first_difference(mine[key], stored[key], f"{path}.{key}".lstrip("."))
            if found:
                return found
        return ""
    if isinstance(mine, list):
        if len(mine) != len(stored):
            return path
        pairs = enumerate(zip(mine, stored, strict=True))
        return next((found for place, (a, b) in pairs if (found := first_difference(a, b, f"{path}[{place}]"))), "")
    return "" if mine == stored else path or "all of it"


# --- receipts from outside -------------------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
ARMOUR = b"-----BEGIN SSH SIGNATURE-----"
NEVER = "9999-12-31T23:59:59Z"
"""Later than every event: a time that cannot be read vouches for nothing."""


class CannotError(Exception):
    """What was given on the command line cannot be used."""


def _sum(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Two points of the curve -x^2 + y^2 = 1 + d x^2 y^2, RFC 8032, section 5.1."""
    d = -121665 * pow(121666, -1, P)
    product = d * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, -1, P) % P
    return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P) % P


def _multiple(factor: int, point: tuple[int, int]) -> tuple[int, int]:
    result = (0, 1)
    for bit in bin(factor)[2:]:
        result = _sum(result, result)
        result = _sum(result, point) if bit == "1" else result
    return result


def _decompressed(encoded: bytes) -> tuple[int, int]:
    bits = int.from_bytes(encoded, "little")
    y, odd = bits % 2**255, bits >> 255
    d = -121665 * pow(121666, -1, P)
    x = pow(square := (y * y - 1) * pow(d * y * y + 1, -1, P) % P, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square or y >= P or (x == 0 and odd):
        raise ValueError("these bytes are no point")
    return (x if x % 2 == odd else P - x), y


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature holds."""
    try:
        key, commitment = _decompressed(public), _decompressed(signature[:32])
    except ValueError:
        return False
    answer = int.from_bytes(signature[32:], "little")
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    base = _decompressed(bytes([0x58]) + bytes([0x66]) * 31)
    fits = len(public) == 32 and len(signature) == 64 and answer < L
    return fits and _multiple(answer, base) == _sum(commitment, _multiple(challenge, key))


@dataclass(slots=True)
class Reach:
    """What receipts cover whose makers were named by whoever checks."""

    freeze: bool = False
    """What was frozen, and no run."""
    end: bool = False
    """The ledger to its last event."""


class Receipts:
    """Receipts over a ledger, and the keys and authorities of whoever checks."""

    def __init__(self, folder: Folder, events: list[Object], lines: list[bytes], given: argparse.Namespace) -> None:
        self.folder, self.events, self.lines, self.given = folder, events, lines, given
        self.study: str = events[0]["event"]["study"]
        self.keys = [named_key(Path(one)) for one in given.key]
        self.reach = Reach()

    def note(self, size: int) -> bytes:
        """The text that stands for the first events of the ledger, of C2SP tlog-checkpoint."""
        said = base64.b64encode(root(self.lines[:size])).decode()
        return f"promo/{self.study}\n{size}\n{said}\n".encode()

    def covered(self, note: bytes) -> int:
        """
        How many events a note covers.

        Raises:
            DiffersError: it is no note over this ledger.
        """
        parts = note.decode(errors="replace").split("\n")
        if len(parts) != 4 or not re.fullmatch("[1-9][0-9]{0,15}", parts[1]):
            raise DiffersError("it is no note over a ledger")
        size = int(parts[1])
        if size > len(self.lines):
            raise DiffersError(f"it covers {size} events, and the ledger has {len(self.lines)}")
        if note != self.note(size):
            raise DiffersError("the ledger is not the one it attests to")
        return size

    def look(self, report: Report) -> None:
        """The note beside the ledger, receipts in it, and those that were given."""
        if self.folder.has("checkpoint.note"):
            self._told(report, "checkpoint.note", self._head)
        for event in self.events:
            if event["event"]["is"] == "anchor.received":
                self._told(report, f"receipt in event {event['seq']}", partial(self._recorded, event))
        for path in map(Path, self.given.anchor):
            self._told(report, path.name, partial(self._outside, path))

    def _told(self, report: Report, name: str, one: Callable[[], str]) -> None:
        try:
            report.good(f"{name}: {one()}")
        except DiffersError as fault:
            report.differs("receipts", f"{name}: {fault}")

    def _head(self) -> str:
        return f"covers {self.covered(self.folder.read('checkpoint.note'))} events"

    def _recorded(self, event: Object) -> str:
        said = event["event"]
        try:
            content = base64.b64decode(said["receipt"], validate=True)
            base64.b64decode(said["root"], validate=True)
        except (binascii.Error, ValueError) as fault:
            raise DiffersError("it is damaged") from fault
        note = f"promo/{self.study}\n{said['size']}\n{said['root']}\n".encode()
        if sha(content) != said["digest"] or carried(content) not in (None, note) or said["size"] > event["seq"]:
            raise DiffersError("it is not what it says it is")
        return self._judged(content, note, must=False)

    def _outside(self, path: Path) -> str:
        try:
            content = Folder(path.parent).read(path.name, 65_536)
        except MissingError as fault:
            raise DiffersError("it is not there") from fault
        found = carried(content)
        for beside in (path.with_suffix(""), self.folder.path / "anchors" / path.stem):
            if found is None and beside.is_file():
                found = Folder(beside.parent).read(beside.name, 65_536)
        if found is None:
            raise DiffersError("its note is not there")
        return self._judged(content, found, must=True)

    def _judged(self, receipt: bytes, note: bytes, *, must: bool) -> str:
        size = self.covered(note)
        found = self._vouched(receipt, note)
        if found is None and must:
            raise DiffersError("none of the given keys and authorities made it")
        if found is None:
            return f"over {size} of {len(self.events)} events, by nobody whose key was given"
        by, when = found
        runs = [event for event in self.events if event["event"]["is"] == "attempt.started"]
        early = not runs or (runs[0]["seq"] >= size and when <= runs[0]["time"])
        others = [one["seq"] for one in self.events if one["event"]["is"] not in ("anchor.received", "clock.jumped")]
        to_the_end = size > max(others, default=0)
        self.reach.freeze, self.reach.end = self.reach.freeze or early, self.reach.end or to_the_end
        covers = [
            *(["what was frozen and no run"] if early else []),
            *(["the ledger to its last event"] if to_the_end else []),
        ]
        return f"{by} attests to {' and '.join(covers) or f'{size} of {len(self.events)} events'}"

    # --- who made it ---------------------------------------------------------------------------------------------

    def _vouched(self, receipt: bytes, note: bytes) -> tuple[str, str] | None:
        """Which of the given keys or authorities made a receipt, and when (empty where its form tells no time)."""
        if receipt.startswith(b"\x30"):
            return self._stamped(receipt, note)
        before, armour, rest = receipt.partition(ARMOUR)
        if not armour:
            return self._noted(receipt, note)
        if before and (not before.startswith(b"object ") or carried(receipt) != note):
            return None
        purpose, message = ("git", before) if before else ("promo-checkpoint", note)
        for name, kind, public in self.keys:
            if kind == "note":
                continue
            with tempfile.TemporaryDirectory() as scratch:
                signers, signature = Path(scratch) / "signers", Path(scratch) / "signature"
                signers.write_text(f'w namespaces="{purpose}" {kind} {public}\n', encoding="utf-8")
                signature.write_bytes(armour + rest)
                words = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "w", "-n", purpose]
                if ran([*words, "-s", str(signature)], message) is not None:
                    return f"the key {name}", ""
        return None

    def _stamped(self, receipt: bytes, note: bytes) -> tuple[str, str] | None:
        with tempfile.TemporaryDirectory() as scratch:
            text_, reply = Path(scratch) / "note", Path(scratch) / "reply"
            text_.write_bytes(note)
            reply.write_bytes(receipt)
            for authority in map(Path, self.given.authority):
                if not authority.is_file():
                    raise CannotError(f"the certificate {authority} cannot be read")
                words = ["openssl", "ts", "-verify", "-data", str(text_), "-in", str(reply)]
                if ran([*words, "-CAfile", str(authority.resolve())], b"") is None:
                    continue
                told = ran(["openssl", "ts", "-reply", "-in", str(reply), "-text"], b"") or b""
                found = re.search(rb"Time stamp: (\w+ +\d+ [\d:]{8})\S* (\d{4}) GMT", told)
                try:
                    moment_ = time.strptime(
                        f"{found[1].decode()} {found[2].decode()}" if found else "", "%b %d %H:%M:%S %Y"
                    )
                except ValueError:
                    return f"the authority {authority.name}", NEVER
                return f"the authority {authority.name}", time.strftime("%Y-%m-%dT%H:%M:%SZ", moment_)
        return None

    def _noted(self, receipt: bytes, note: bytes) -> tuple[str, str] | None:
        """Signed notes of C2SP: a signature over the text, or a cosignature over a time and the text."""
        if carried(receipt) != note:
            return None
        for name, encoded in re.findall(r"— (\S+) (\S+)\n", receipt[len(note) :].decode(errors="replace")):
            try:
                content = base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                continue
            for owner, kind, public in self.keys:
                typed = base64.b64decode(public) if kind == "note" else b""
                identity = hashlib.sha256(f"{owner}\n".encode() + typed).digest()[:4]
                if (
                    not typed
                    or owner != name
                    or content[:4] != identity
                    or len(content) != {1: 68, 4: 76}.get(typed[0])
                ):
                    continue
                seconds = int.from_bytes(content[4:12], "big") if typed[0] == 4 else None
                prefix = b"" if seconds is None else f"cosignature/v1\ntime {seconds}\n".encode()
                if ed25519(typed[1:], prefix + note, content[-64:]):
                    return f"the key of {owner}", "" if seconds is None else utc(seconds)
        return None


def utc(seconds: int) -> str:
    """A time as events write it."""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, OSError, ValueError):
        return NEVER


def carried(receipt: bytes) -> bytes | None:
    """The note that a signed note or a git tag holds itself."""
    if receipt.startswith(b"object "):
        signed, armour, _ = receipt.partition(ARMOUR)
        return signed.partition(b"\n\n")[2] if armour else None
    before, found, below = receipt.rpartition(b"\n\n")
    lines = re.fullmatch("(— [^\\s+]+ [A-Za-z0-9+/=]+\n)+", below.decode(errors="replace"))
    return before + b"\n" if found and lines and not receipt.startswith((ARMOUR, b"\x30")) else None


def named_key(path: Path) -> tuple[str, str, str]:
    """
    A public key: its name, `note` or the kind that OpenSSH calls it, and the key in base64.

    Raises:
        CannotError: it is none.
    """
    try:
        said = Folder(path.parent).read(path.name, 65_536).decode(errors="replace").strip()
    except (DiffersError, MissingError) as fault:
        raise CannotError(f"the key {path} cannot be read") from fault
    parts = said.split()
    if len(parts) > 1 and re.fullmatch(r"(sk-)?(ssh|ecdsa)-[a-z0-9@.-]+", parts[0]) and parts[1].isascii():
        return path.name, parts[0], parts[1]
    owner, _, rest = said.partition("+")
    identity, _, encoded = rest.partition("+")
    try:
        typed = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        typed = b""
    due = hashlib.sha256(f"{owner}\n".encode() + typed).hexdigest()[:8]
    if len(typed) != 33 or typed[0] not in (1, 4) or not owner or identity != due:
        raise CannotError(f"{path} is not a public key")
    return owner, "note", encoded


def kept_of(said: Object) -> tuple[str, ...]:
    """What is kept of a bundle: the ledger there, its manifest and, where a key was asked for, its signature."""
    manifest = said["ledger"].removesuffix(".jsonl") + ".manifest.json"
    return (said["ledger"], manifest) if said["signer"] is None else (said["ledger"], manifest, manifest + ".sig")


def maker(content: bytes, signature: bytes) -> str:
    """Fingerprint of the key by which a bundle's manifest was signed; empty where it was not."""
    with tempfile.TemporaryDirectory() as scratch:
        detached = Path(scratch) / "signature"
        detached.write_bytes(signature)
        told = ran(["ssh-keygen", "-Y", "check-novalidate", "-n", "promo-bundle", "-s", str(detached)], content)
    found = re.search(rb"SHA256:[A-Za-z0-9+/]{43}", told or b"")
    return found[0].decode() if found else ""


def ran(words: list[str], given: bytes) -> bytes | None:
    """What a program says, or None when it says no."""
    try:
        done = subprocess.run(words, input=given, capture_output=True, timeout=60, check=False)
    except FileNotFoundError as fault:
        raise CannotError(f"{words[0]} is not installed, and it checks receipts of this form") from fault
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


# --- everything in its order -----------------------------------------------------------------------------------------

FAULTS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError, OSError, MemoryError)
"""What hostile files could make of this program, though their form was looked at: a difference, and no traceback."""


def planned(folder: Folder, frozen: Object, report: Report) -> Plan | None:
    """The plan, when what was frozen is there unchanged and the plan belongs together."""
    files = frozen["files"]
    for name, digest in files.items():
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", name):
            report.differs("frozen files", f"{shown(name)} is no file name")
        elif not folder.has(name):
            report.missing("files", f"{name} is not there")
        elif folder.digest(name) != digest:
            report.differs("frozen files", f"{name} was changed after the study was frozen")
    recording = frozen["replay"]
    due = {"plan.json", "lock.json", "spec.promo", "imports.json", "recheck.py"}
    due |= {"curves.json", recording["file"]} if recording is not None else set()
    for name in sorted(due ^ files.keys()):
        strange = f"{shown(name)} is no file that promo freezes"
        report.differs("frozen files", f"{name} was not frozen" if name in due else strange)
    if report.different or report.absent:
        return None
    if version_of(folder) not in (None, VERSION):
        raise CannotError(another_version(folder))
    report.good(f"{some(len(files), 'frozen file')} as recorded")
    stored = folder.value("plan.json")
    fit(PLAN, stored, "plan.json")
    plan = Plan(stored)
    for fault in plan.loose():
        report.differs("plan", fault)
    if report.different:
        return None
    for fault in unlike(plan):
        report.differs("plan", fault)
    if report.different:
        return None  # what does not follow from its own study says nothing of a ledger
    if (frozen["plan"], frozen["seals"], frozen["study"]) != (plan.digest, stored["seals"], plan.study["name"]):
        report.differs("plan", "another plan was frozen")
    runner = plan.study["runner"]
    if (frozen["runner"]["name"], frozen["runner"]["version"]) != (runner["name"], runner["version"]):
        report.differs("plan", "another runner was frozen")
    fit(table(text("text of a spec", longest=2**24)), folder.value("imports.json"), "imports.json")
    lock = folder.value("lock.json")
    fit(LOCK, lock, "lock.json")
    for name, seal in lock["seals"].items():
        if seal["name"] != name or sha(compact(seal["closure"])) != seal["digest"]:
            report.differs("plan", f"lock.json: the seal of {shown(name)} is not the digest of its closure")
    if {name: one["digest"] for name, one in lock["seals"].items()} != stored["seals"]:
        report.differs("plan", "lock.json has other seals")
    report.good(
        f"plan, {some(len(plan.cells), 'run')} and {some(len(stored['seals']), 'seal')} recomputed from its study"
    )
    return plan


def examine(folder: Folder, given: argparse.Namespace, report: Report) -> Reach:
    """Look at everything; what receipts cover."""
    content = folder.read("ledger.jsonl", LARGE)
    try:
        events, lines = chain(content), sound_lines(content)
    except DiffersError as fault:
        other = of_other_version(folder, content)
        raise (CannotError(other) if other else fault) from fault
    if not events:
        raise DiffersError("the ledger is empty")
    report.good(f"{some(len(events), 'event')}, each follows the one before")
    report.good(f"Merkle root {base64.b64encode(root(lines)).decode()}")
    if events[0]["event"]["is"] != "study.frozen":
        raise DiffersError("the study was not frozen first")
    plan = planned(folder, events[0]["event"], report)
    if plan is None:
        return Reach()
    look = Look(folder, plan, events, report)
    look.walk()
    look.taken()
    for name in look.passed_over():
        report.differs("history", f"{name} was passed over, and neither the ledger nor a request tells of it")
    for name in look.strange():
        report.differs("files", f"no event accounts for {shown(name)[1:-1]}")
    required_receipt(look, report)
    receipts = Receipts(folder, events, lines, given)
    receipts.look(report)
    told(look, report)
    if not look.course.ended:
        report.missing("end", "the study is not finished")
    return receipts.reach


def required_receipt(look: Look, report: Report) -> None:
    """Whether nothing ran before the receipt that the study requires, here or on another machine."""
    if not look.plan.study["anchor"] or look.course.replay:
        return
    for name, events in {"the ledger": look.events, **look.brought}.items():
        kinds = [one["event"]["is"] for one in events if one["event"].get("bundle") is None]
        runs = kinds.index("attempt.started") if "attempt.started" in kinds else len(kinds)
        if runs < len(kinds) and "anchor.received" not in kinds[:runs]:
            report.differs("history", f"in {name[:16]} a run began before the required receipt")
    report.good("the required receipt stands before the first run" if not report.different else "a receipt is required")


def some(count: int, word: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def told(look: Look, report: Report) -> None:
    """What was recomputed, in numbers."""
    counts, attempts = look.counts, list(look.course.every())
    report.good(f"{some(len(attempts), 'attempt')}; {some(counts['results'], 'result')} as recorded")
    report.good(f"{some(counts['requests'], 'request')} recomputed")
    if counts["seeds"]:
        report.good(f"{some(counts['seeds'], 'seed')} drawn again")
    derived = (some(counts[f"{one}s"], one) for one in ("stage", "effect", "verdict", "amendment"))
    report.good(f"recomputed: {', '.join(derived)}")
    known, unknown, early = counts["budgets"], counts["budgets unknown"], counts["budgets early"]
    words = f"budgets kept for {known} of {known + unknown + early} accepted runs, not known for {unknown}"
    report.good(words + (f", read from the table before it was used for {early}" if early else ""))
    if counts["segments"]:
        report.good(
            f"segments of {some(counts['segments'], 'accepted run')} fit the changes of shape that were asked for"
        )
    if counts["unseen"]:
        report.good(
            f"{some(counts['unseen'], 'result')} of attempts that came after they had been declared lost: on no record,"
            " and nothing of them counts,"
            f" nor do the {float(look.behind):.0f} s that they took after they were last seen"
        )
    if counts["outside"]:
        report.good(f"{some(counts['outside'], 'result')} trained outside, as accepted")
    if any(not one.readable for one in look.parts.values()):
        report.good("tables that some of them were taken from are read by promo verify alone")
    if look.table is not None:
        again = f"{some(counts['read again'], 'result')} read again from {look.table.name}"
        report.good(again if look.table.readable else f"{look.table.name} is read by promo verify alone")
    trained, spent = time_words(look.trained), time_words(look.spent)
    report.good(f"{trained} of training; {spent} of slot time, no less than what attempts wrote down themselves")


def time_words(seconds: Fraction) -> str:
    """A length of time as people say it: `2 min 13 s`, `85 h 12 min 4 s`."""
    whole = round(seconds)
    parts = ((whole // 3600, "h"), (whole % 3600 // 60, "min"), (whole % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def check(folder: Path, given: argparse.Namespace, say: Callable[[str], object]) -> int:
    """
    Check a study and say what was found, and at last what that comes to.

    Args:
        folder: a study folder, or a bundle that was unpacked.
        given: `key`, `authority` and `anchor`, each a list of paths.
        say: takes each line.

    Returns:
        The exit code.
    """
    report, reach_ = Report(say), Reach()
    try:
        if not folder.is_dir():
            raise CannotError(f"{folder} is {'no folder' if folder.exists() else 'not there'}")
        reach_ = examine(Folder(folder), given, report)
    except CannotError as fault:
        say(printable(str(fault)))
        return 1 if report.different else 2
    except MissingError as fault:
        report.missing("files", str(fault))
    except DiffersError as fault:
        report.differs("study", str(fault))
    except FAULTS as fault:
        report.differs("study", f"it does not hold together ({type(fault).__name__}: {shown(str(fault))})")
    report.close()
    code = 1 if report.different else 2 if report.absent else 0 if reach_.freeze else 3
    say(ENDINGS[code, reach_.end and code in (0, 3)])
    return code


ENDINGS = {
    (
        0,
        True,
    ): "nothing differs; an outside party attests to what was frozen before any run, and for the ledger to its "
    "last event",
    (0, False): "nothing differs; an outside party attests to what was frozen before any run, and none to the end",
    (1, False): "MISMATCH: what is stored is not what was recorded, or does not follow from it",
    (2, False): "INCOMPLETE: what is there matches, but parts are missing or the study is not finished",
    (
        3,
        True,
    ): "nothing differs; an outside party attests to the ledger to its last event, and none that it was frozen "
    "before the runs",
    (3, False): "nothing differs; no outside party whose key was given attests to when it was written",
}


def main(words: list[str]) -> int:
    """Check the study folder that a command line names."""
    options = argparse.ArgumentParser(description="check a study of promo without promo")
    options.add_argument("folder", metavar="STUDY", help="a study folder, or a bundle that was unpacked")
    options.add_argument("--key", action="append", default=[], help="public key of an outside attester")
    options.add_argument("--authority", action="append", default=[], help="certificate of a time-stamping authority")
    options.add_argument("--anchor", action="append", default=[], help="a receipt that lies outside the folder")
    given = options.parse_args(words)
    return check(Path(given.folder), given, lambda said: sys.stdout.write(f"{said}\n"))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
