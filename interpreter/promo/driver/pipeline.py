"""Text to plan, in the one order there is; every command that reads a spec goes through here."""

import re
from collections.abc import Iterator, Mapping
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING

from promo import plugins
from promo.base.canonical import Json, parse_json
from promo.base.classes import evolve, frozen
from promo.base.diagnostics import Confidence, Diagnostic, Edit, Severity, errors, in_text_order
from promo.base.errors import OtherFormat, PromoError, SpecError
from promo.base.fields import OtherForm
from promo.base.reading import RECORD, read_plain
from promo.base.source import Source, Span
from promo.files import read_source
from promo.plans.compile import compile_plan
from promo.plans.cost import check_cost
from promo.plans.values import Plan
from promo.study.check import check
from promo.study.closure import Closure
from promo.study.expressions import Value
from promo.study.lock import Lock, check_seals, lock_from_json, unsealed
from promo.study.ports import ExecutorOption, Runner, RunnerInFile
from promo.study.values import Study
from promo.syntax.nodes import Tree
from promo.syntax.parse import parse

if TYPE_CHECKING:
    from promo.study.alone import Alone

LOCK_SUFFIX = ".lock.json"
DEEPEST = 8
"""How far files may use files."""


@frozen
class SpecWorld:
    """Runners that are installed, and files beside a spec."""

    folder: Path
    base: Path
    """Folder of the first spec; files that are used are known by their path from here."""
    opened: tuple[Path, ...]
    """Specs that are being read, from the first to the one that uses this."""
    texts: Mapping[str, str] | None
    """Texts of used files as a study keeps them; None reads the files."""
    seen: dict[str, str]
    """Texts of every file that was used."""

    def runner(self, name: str) -> Runner | None:
        """The installed runner of that name."""
        return plugins.runner(name)

    def runner_names(self) -> tuple[str, ...]:
        """All installed runners."""
        return plugins.runner_names()

    def knows_executor(self, name: str) -> bool:
        """Whether an executor of that name is installed."""
        return name in plugins.EXECUTORS or name in plugins.executor_names()

    def executor_names(self) -> tuple[str, ...]:
        """All installed executors."""
        return plugins.executor_names()

    def executor_options(self, name: str) -> Mapping[str, ExecutorOption] | None:
        """What a host's block may say to an executor."""
        return plugins.executor_options(name)

    def executor_spreads(self, name: str) -> bool:
        """Whether a run of that executor can have several machines."""
        return plugins.executor_spreads(name)

    def load(self, path: str) -> tuple[Source, Study | None, tuple[Diagnostic, ...]] | str:
        """Another spec through the check; or why it cannot be read."""
        if "\0" in path:
            return "no file can have a name with NUL in it"
        place = (self.folder / path).resolve()
        if place in self.opened:
            return "it uses this file, directly or through others"
        if len(self.opened) >= DEEPEST:
            return f"files use each other more than {DEEPEST} deep"
        key = self._key(place)
        try:
            source = self._source(place, path, key)
        except PromoError as fault:
            return fault.message
        except SpecError as fault:
            return fault.diagnostics[0].message
        self.seen[key] = source.text
        parsed = parse(source)
        inner = SpecWorld(place.parent, self.base, (*self.opened, place), self.texts, self.seen)
        checked = check(parsed.tree, inner)
        return source, checked.study, (*parsed.diagnostics, *checked.diagnostics)

    def _source(self, place: Path, path: str, key: str) -> Source:
        if self.texts is None:
            return read_source(place, path)
        if key not in self.texts:
            raise PromoError(f"the study keeps no copy of {path}")
        return Source(path, self.texts[key])

    def runner_file(self, path: str) -> RunnerInFile | str:
        """The runner that a file beside the spec declares."""
        # Only a spec that names such a file pays for reading it.
        from promo.run.runners.files.declare import read_runner
        from promo.run.runners.files.table import RunnerFileError

        try:
            runner = read_runner(path, self._content)
        except RunnerFileError as fault:
            return str(fault)
        here = self.folder.resolve()
        self.seen.update({self._key(here / name): text for name, text in runner.files.items()})
        return RunnerInFile(runner, runner.digest, runner.not_frozen, runner.keyed)

    def _content(self, path: str) -> bytes | None:
        """A file below the spec's folder, or the study's copy of it."""
        place = self.folder.resolve() / path
        if self.texts is not None:
            text = self.texts.get(self._key(place))
            return None if text is None else text.encode()
        from promo.run.runners.files.declare import content_of

        return content_of(place, path)

    def _key(self, place: Path) -> str:
        """Name of a used file: its path from the first spec."""
        return Path(relpath(place, self.base.resolve())).as_posix()


@frozen
class Compiled:
    """Everything a text gave; *study* and *plan* are there when it has no error."""

    source: Source
    tree: Tree
    study: Study | None
    plan: Plan | None
    lock: Lock | None
    diagnostics: tuple[Diagnostic, ...]
    used: Mapping[str, str] = {}
    """Texts of the files it uses, by their path from the spec's folder."""
    runner: Runner | None = None
    """The runner of the study."""
    values: Mapping[str, Value] = {}
    """Named values (`let`) that are the same for every candidate."""

    def sound(self) -> tuple[Study, Plan]:
        """
        Study and plan of a text that can be carried out.

        Raises:
            SpecError: the text has errors, or says something that this version cannot carry out.
        """
        if any(errors(self.diagnostics)):
            raise SpecError(self.diagnostics)
        return self.priced()

    def amendable(self) -> tuple[Study, Plan]:
        """
        Study and plan of a text whose seals may no longer fit.

        Raises:
            SpecError: the text has other errors.
        """
        return self.priced("P0401")

    def priced(self, *also: str) -> tuple[Study, Plan]:
        """
        Study and plan of a text that can be priced.

        Raises:
            SpecError: the text has other errors.
        """
        broken = any(one.code not in also for one in errors(self.diagnostics))
        if broken or self.study is None or self.plan is None:
            raise SpecError(self.diagnostics)
        return self.study, self.plan


def designs_of(source: Source, folder: Path) -> "Alone | None":
    """
    The designs of a text that has factors and designs and nothing else; None of any other text.

    Raises:
        SpecError: it has errors.
    """
    # Only a text without a study pays for this.
    from promo.study.alone import is_alone, read_alone

    parsed = parse(source)
    if not is_alone(parsed.tree):
        return None
    found = read_alone(parsed.tree, SpecWorld(folder, folder, (), None, {}))
    told = in_text_order((*parsed.diagnostics, *found.diagnostics))
    if any(errors(told)):
        raise SpecError(tuple(told))
    return found


def compile_source(source: Source, folder: Path, lock: Lock | None, texts: Mapping[str, str] | None = None) -> Compiled:
    """
    Run every pass that a text can go through.

    Args:
        source: the text.
        folder: where it lies; paths in it start here.
        lock: what was sealed before, if anything.
        texts: the files it uses, as a study keeps them; None reads them from disk.
    """
    compiled = _compiled(source, folder, lock, texts)
    if not any(one.confidence is Confidence.SURE for one in compiled.diagnostics):
        return compiled
    from promo.driver.sure import proven  # only a text with such a fault pays for it

    found = proven(source, compiled.diagnostics, lambda text: _compiled(text, folder, lock, texts).diagnostics)
    return evolve(compiled, diagnostics=found)


def _compiled(source: Source, folder: Path, lock: Lock | None, texts: Mapping[str, str] | None) -> Compiled:
    parsed = parse(source)
    world = SpecWorld(folder, folder, _opened(source, folder), texts, {})
    checked = check(parsed.tree, world)
    if any(one.code == "P0102" for one in checked.diagnostics):
        return Compiled(source, parsed.tree, None, None, lock, checked.diagnostics)
    header = tuple(one for one in parsed.diagnostics if one.code == "P0101")
    faults = len(parsed.diagnostics) - len(header)
    if header and faults >= len(parsed.tree.declarations):  # this is no spec, and nothing more is to be said of it
        return Compiled(source, parsed.tree, None, None, lock, header)
    found = [*parsed.diagnostics, *_carriage_returns(source)]
    incomplete = any(one.code != "P0101" or not parsed.tree.declarations for one in parsed.diagnostics)
    found.extend(_but_not_missing(checked.diagnostics) if incomplete else checked.diagnostics)
    study, plan = checked.study, None
    if study is not None and not any(errors(found)):
        plan = compile_plan(study)
        found.extend(check_cost(study, plan))
        found.extend(check_seals(study, lock, plan.seals, closure_changes))
        found.extend(unsealed(study))
    return Compiled(
        source, parsed.tree, study, plan, lock, in_text_order(found), world.seen, _runner(study, world), checked.values
    )


def closure_changes(old: Closure, new: Closure) -> Iterator[str]:
    """What a verdict rests on now that it did not before, in words; nearly always nothing, so the words come late."""
    from promo.report.describe import closure_changes as changes

    return changes(old, new)


def _runner(study: Study | None, world: SpecWorld) -> Runner | None:
    """The runner that a study was checked against."""
    if study is None:
        return None
    if study.runner.file is None:
        return world.runner(study.runner.name)
    found = world.runner_file(study.runner.file)
    return None if isinstance(found, str) else found.runner


def _opened(source: Source, folder: Path) -> tuple[Path, ...]:
    """A file that is on disk must not be used by what it uses."""
    place = folder / Path(source.name).name
    return (place.resolve(),) if place.exists() else ()


MISSING = frozenset({"P0201", "P0203", "P0206", "P0207", "P0217", "P0218", "P0503", "P0505", "P0705"})
"""Faults that a line left out because of a syntax error may have caused."""


def _but_not_missing(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    return tuple(found for found in diagnostics if found.code not in MISSING)


def _carriage_returns(source: Source) -> list[Diagnostic]:
    at = source.text.find("\r")
    if at < 0:
        return []
    ends = tuple(Edit(Span(source, end.start(), end.start() + 1), "") for end in re.finditer("\r\n", source.text))
    return [
        Diagnostic(
            "P0902",
            "lines end with carriage returns; promo writes plain line ends",
            Span(source, at, at + 1),
            "run: promo fmt",
            severity=Severity.WARNING,
            edits=ends,
            confidence=Confidence.SURE,
        )
    ]


def lock_path(spec: Path) -> Path:
    """Where the lock of a spec lies: beside it."""
    return spec.with_name(spec.stem + LOCK_SUFFIX)


def read_lock(path: Path) -> Lock | None:
    """
    The lock in a file; None when there is none.

    Raises:
        OtherFormat: another promo wrote it.
        PromoError: the file is damaged.
    """
    try:
        content = read_plain(path, RECORD)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise PromoError(f"{path} cannot be read: {fault.strerror or fault}") from fault
    try:
        stored: Json = parse_json(content)
        return lock_from_json(stored)
    except OtherForm as fault:
        hint = "a study that began with it carries a recheck.py that verifies it; to begin anew, remove it and freeze"
        raise OtherFormat(f"the lock {path}", fault.found, fault.wanted, hint=hint) from fault
    except ValueError as fault:
        raise PromoError(
            f"the lock {path} is damaged: {fault}", hint="restore it, or remove it and freeze again"
        ) from fault
