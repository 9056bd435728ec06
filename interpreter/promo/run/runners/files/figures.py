"""
What a program says of itself to numbers, read strictly.

A decimal point, no separators, no booleans.  What is not finite is told apart from what is no number: a loss of NaN is
how a run ended, and a comma is a mistake of whoever wrote the program.  A name that stands there more than once needs
a policy, for nobody can tell which of its values was meant.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from numbers import Real
from pathlib import Path
from typing import assert_never

from promo.base.classes import define, field
from promo.base.reading import open_plain, read_plain
from promo.ledger.attempts import RunStatus
from promo.run.program import Summary, Which

NUMBER = re.compile(r"[+-]?(\d{1,400}(\.\d{0,1100})?|\.\d{1,1100})([eE][+-]?\d{1,3})?", re.ASCII)
NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
FIGURES = ("train_s", "steps", "tokens", "peak_device_bytes")
"""What a program may say of itself besides its metrics."""
LARGEST = 16_000_000
"""Bytes of a result file."""


class NoNumberError(ValueError):
    """What was said is no number; the message quotes it."""


@define
class Said:
    """What a program reported."""

    metrics: dict[str, float] = field(factory=dict)
    figures: dict[str, Fraction] = field(factory=dict)
    other: dict[str, str] = field(factory=dict)
    """What else stood in its summary."""
    status: RunStatus | None = None
    cause: str = ""
    unread: str = ""
    """What of it is not what the runner file says."""

    def metric(self, name: str, said: object, where: str) -> None:
        """Take a metric; one that is not finite is how the run ended."""
        try:
            value = number(said)
        except NoNumberError:
            self.unread = self.unread or f"{where} is no number"
            return
        self.metrics[name] = value
        if not math.isfinite(value):
            self.status, self.cause = RunStatus.NAN, f"{name} is {value}"

    def figure(self, name: str, said: object, scale: Fraction, where: str) -> None:
        """Take a figure: a number from 0 up."""
        try:
            value = number(said)
        except NoNumberError:
            value = math.nan
        if math.isfinite(value) and value >= 0:
            self.figures[name] = Fraction(str(said).strip()) * scale
        else:
            self.unread = self.unread or f"{where} is no number from 0 up"


def number(said: object) -> float:
    """
    A number as a program or a function gave it, which may be no finite one.

    Numbers of Python, of numpy, and tensors of one number are taken, and texts that are nothing but a number.

    Raises:
        NoNumberError: it is something else; booleans are, and so are texts with a comma.
    """
    if isinstance(said, str):
        text = said.strip()
        if NUMBER.fullmatch(text) or NOT_FINITE.fullmatch(text):
            return float(text)
        raise NoNumberError(repr(said)[:100])
    if getattr(said, "shape", None) == () and hasattr(said, "item"):
        said = said.item()
    if isinstance(said, bool) or not isinstance(said, Real):
        raise NoNumberError(f"a {type(said).__name__}")
    try:
        return float(said)
    except OverflowError:
        return math.inf


ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What a program tells a terminal: colours and moves."""
VALUE = r"[^\s,;|()\[\]{}\"']+(?:,[0-9][^\s,;|()\[\]{}\"']*)*\(?"
"""Up to a space or a mark that ends a value; a comma before a digit ends none, so that `1,234` is refused and not 1."""


def values_within(line: str, name: str, separator: str) -> list[str]:
    """
    What stands behind a name, wherever that is in a line: `step 3 | val_loss: 2.31 | lr: 0.1`, `{'val_loss': 2.31}`.

    Args:
        line: as it was printed, without colours.
        name: as a whole: `loss` is not found in `val_loss`, `val/loss` or `loss_ema`.
        separator: between name and value, with or without spaces; a space stands for one or more.

    Returns:
        Texts, which need not be numbers.
    """
    between = rf"\s*{re.escape(separator.strip())}\s*" if separator.strip() else r"\s+"
    found = re.findall(rf"(?<![\w/.-])[\"']?{re.escape(name)}[\"']?{between}({VALUE})", line)
    return [text[:-1] if text.endswith((".", ":")) else text for text in found]


# --- what is printed ---------------------------------------------------------------------------------------------


class Lines:
    """Reads a summary from lines as they are printed, and keeps no more of them than it needs."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self._begun = not summary.after
        self._found: dict[str, list[str]] = {}
        self._said = Said()

    def line(self, line: str) -> None:
        """Look at one line."""
        said, line = self._summary, line.strip()
        if line in said.failures:
            self._said.status, self._said.cause = said.failures[line], f"it printed: {line}"
        if said.after and line == said.after:
            self._begun, self._found = True, {}
            return
        if said.within:
            self._search(line)
            return
        key, separator, value = line.partition(said.separator)
        if self._begun and separator and (len(self._found) < MOST_NAMES or key.strip() in self._wanted):
            self._found.setdefault(key.strip(), []).append(value.strip())

    def _search(self, line: str) -> None:
        """Every wanted name wherever it stands; a bar that draws itself again and again is as many lines."""
        for part in ESCAPE.sub("", line).split("\r") if self._begun else ():
            for key in self._wanted:
                values = values_within(part, key, self._summary.separator)
                if len(values) > 1:
                    words = f"'{key}' stands {len(values)} times in its line: {part.strip()[:200]}"
                    self._said.unread = self._said.unread or words
                self._found.setdefault(key, []).extend(values)

    @property
    def _wanted(self) -> frozenset[str]:
        figures = (name.partition("*")[0].strip() for name in self._summary.figures.values())
        return frozenset((*self._summary.metrics.values(), *figures))

    def end(self) -> Said:
        """What was reported, once nothing more is printed."""
        said, summary = self._said, self._summary
        if not self._begun:
            said.unread = f"it printed no line '{summary.after}', behind which its summary would be"
            return said
        for name, key in summary.metrics.items():
            text = self._one(key)
            if text is not None:
                said.metric(name, text, self._quoted(key, text))
        for name, called in summary.figures.items():
            key, _, scale = (part.strip() for part in called.partition("*"))
            text = self._one(key)
            if text is not None:
                said.figure(name, text, Fraction(scale or 1), self._quoted(key, text))
        said.other = {key: values[-1] for key, values in self._found.items() if key not in self._wanted}
        return said

    def _quoted(self, key: str, text: str) -> str:
        return f"'{key}{self._summary.separator} {text}' in its summary"

    def _one(self, key: str) -> str | None:
        """The value that counts of those that stood behind a name; one that is not finite counts whatever is said."""
        found = self._found.get(key, [])
        bad = next((text for text in found if NOT_FINITE.fullmatch(text)), None)
        if bad is not None or len(found) < 2:
            return bad if bad is not None else next(iter(found), None)
        match self._summary.which:
            case Which.FIRST:
                return found[0]
            case Which.LAST:
                return found[-1]
            case Which.LOWEST | Which.HIGHEST as which:
                sure = [text for text in found if NUMBER.fullmatch(text)]
                choose = min if which is Which.LOWEST else max
                return choose(sure, key=float) if len(sure) == len(found) else found[0]
            case None:
                words = f"it printed '{key}' {len(found)} times; say which counts: which = \"last\" in [summary]"
                self._said.unread = self._said.unread or words
                return None
            case _:
                assert_never(self._summary.which)


LONGEST_POINT = 1_000_000
"""Bytes of a line that may be a point."""
MOST_NAMES = 1_000
"""Names of a summary that are kept although nothing asks for them."""


# --- what is written ---------------------------------------------------------------------------------------------


class TwiceError(ValueError):
    """A key of a JSON object is there more than once; `name` is the key."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise TwiceError(name)
        found[name] = value
    return found


_WRITTEN = json.JSONDecoder(object_pairs_hook=_once, parse_float=str, parse_int=str, parse_constant=str)
"""Numbers stay as they were written, to be read like printed ones."""


def from_file(path: Path) -> Said:
    """What a program wrote into its result file: `metrics`, figures, perhaps `status` and `cause`."""
    said = Said()
    try:
        stored = _WRITTEN.decode(read_plain(path, LARGEST, links=False).decode())
    except FileNotFoundError:
        return said
    except OSError as fault:
        said.unread = f"its result file cannot be read: {fault.strerror or fault}"
        return said
    except TwiceError as fault:
        said.unread = f"'{fault.name[:100]}' is in its result file more than once, and one value counts"
        return said
    except (ValueError, RecursionError) as fault:
        said.unread = f"its result file is not JSON: {fault}"
        return said
    if not isinstance(stored, dict) or not isinstance(stored.get("metrics"), dict):
        said.unread = 'its result file has no "metrics"'
        return said
    for name, value in stored["metrics"].items():
        said.metric(name, value, f"'{name}: {value}' in its result file")
    for name in FIGURES:
        if stored.get(name) is not None:
            said.figure(name, stored[name], Fraction(1), f"'{name}: {stored[name]}' in its result file")
    _ending(said, stored)
    return said


def _ending(said: Said, stored: Mapping[str, object]) -> None:
    """How the program says that it ended, if it does; a metric that is not finite has said so already."""
    status = stored.get("status")
    if status is None or said.status is not None:
        return
    if status not in {one.value for one in RunStatus}:
        said.unread = said.unread or f"'status: {status}' in its result file is none of: {listed()}"
        return
    said.status, said.cause = RunStatus(status), str(stored.get("cause", ""))[:1000]


def listed() -> str:
    """Every way to end that a program may name."""
    return ", ".join(status.value for status in RunStatus)


def points_fault(path: Path) -> str:
    """Why what stands in the place of a program's points is not read; empty where it is, or nothing is there."""
    try:
        open_plain(path, links=False).close()
    except FileNotFoundError:
        return ""
    except OSError as fault:
        return f"its points file cannot be read: {fault.strerror or fault}"
    return ""


def points_of(path: Path) -> Iterable[Mapping[str, float]]:
    """Points that a program wrote, a JSON object a line; what is no number in one is left out."""
    try:
        written = open_plain(path, links=False)
    except OSError:
        return
    with written as lines:
        for line in iter(lambda: lines.readline(LONGEST_POINT), b""):
            point = point_of(line)
            if point is not None:
                yield point


def point_of(line: bytes) -> Mapping[str, float] | None:
    """The numbers of a line that a program wrote; None of one that is no JSON object."""
    try:
        point = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(point, dict):
        return None
    figures = ((name, _plain(value)) for name, value in point.items() if name.isprintable())
    return {name: value for name, value in figures if value is not None}


def _plain(value: object) -> float | None:
    """A number of JSON that is finite."""
    try:
        plain = number(value) if isinstance(value, int | float) else math.nan
    except NoNumberError:
        return None
    return plain if math.isfinite(plain) else None
