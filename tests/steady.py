"""
The specs in `specs/`, carried out by a runner that trains nothing and always says the same.

Scores are made of the settings, the seed and the budget of a request alone.  Nothing else of a study is left out: seals
hold, requests and results lie on disk, gates decide.  Time goes by the second with every look at the clock.
"""

import hashlib
import math
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from promo_toy.shapes import pretended

from promo.base.canonical import canonical, digest_bytes
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.cli.live import Quiet
from promo.cli.spec import compile_file
from promo.curves.replay import build_replay
from promo.curves.values import Settings
from promo.driver import run as driver
from promo.driver.hosts import RecordedPlace
from promo.driver.study import StudyFolder, study_folder
from promo.ledger.sources import Installed
from promo.ledger.values import RunStatus, Work
from promo.run.corpora import prepare
from promo.run.disk import RealDisk
from promo.run.provenance import Origin
from promo.run.store import POINTS, REQUEST, RESULT, parse_request, result_bytes
from promo.run.values import Body, Counter, Exit, Facts, Kept, Point, Request, Used
from promo.study.data import Data
from studies import once

SPECS = Path(__file__).parents[1] / "specs"
NAMES = sorted(path.stem for path in SPECS.glob("*.promo"))
ORIGIN = Origin(None, ("run", "steady"), ("promo-steady-1",), "0" * 64)


LUCK = {"adaptive_shape": "another", "gradual_stacking": "another"}
"""Specs in which a run fails by chance that ends the study early, and the chance that is taken instead."""


class Seconds:
    """A clock that goes on by a second with every look, and by as much as a run takes when one is made."""

    def __init__(self):
        self.passed = 0

    def now(self):
        self.passed += 1
        return f"{datetime(2026, 1, 2) + timedelta(seconds=self.passed):%Y-%m-%dT%H:%M:%S}Z"

    def monotonic(self):
        return float(self.passed)

    def sleep(self, seconds):
        self.passed += max(1, int(seconds))


def share(*parts):
    """A number from 0 to 1 that looks like chance and is always the same."""
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


def score(request: Request) -> float:
    """Every setting moves it by itself, a longer training makes it better, and seeds lie a little apart."""
    value = 3.0
    for name, setting in request.settings.items():
        size = math.log2(1 + abs(float(setting))) if not isinstance(setting, str) or is_number(setting) else 1.0
        value += (share(name) - 0.5) * size / 20
    whole = request.budget.amount + (request.continues.earlier if request.continues else 0)
    value -= math.log2(1 + whole) / 50
    grown = share(request.grow.way) / 20 if request.grow and request.grow.way else 0.0
    return round(value + grown + share(request.run.candidate, request.run.seed, request.run.host) / 40, 6)


def said(value: float) -> str:
    """An ordinary number to six places, and one that is far from ordinary as Python writes it."""
    return f"{value:.6f}" if 1e-3 < abs(value) < 1e6 else repr(value)


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


class Steady:
    """An executor whose attempts have ended when they have been started."""

    here, options = True, {}

    def __init__(self, clock, scoring, luck):
        self.disk, self.clock, self.scoring, self.luck = RealDisk(), clock, scoring, luck

    def name(self, folder):
        return None

    def start(self, attempt):
        content = self.disk.read(attempt.folder / REQUEST)
        request = parse_request(content)
        value = self.scoring(request)
        unlucky = request.attempt == 1 and share(self.luck, request.run.id) < 0.04
        status = RunStatus.TIMEOUT if unlucky else RunStatus.OK
        spent = f"{request.budget.cap_s}.000000"
        lines = [
            Point(
                step,
                100 * step,
                f"{step * request.budget.cap_s / 2:.1f}",
                {request.metric: said(value + 0.5 / step)},
            )
            for step in (1, 2)
        ]
        points = b"".join(canonical(to_json(one)) + b"\n" for one in lines)
        kept = {one: hashlib.sha256(f"{request.run.id} {one.value}".encode()).hexdigest() for one in Kept}
        body = Body(
            request=digest_bytes(content),
            status=status,
            cause="it was slow" if unlucky else "",
            metrics={} if unlucky else {request.metric: said(value)},
            seconds={"start": "1.000000", "train": spent, "total": f"{request.budget.cap_s + 3}.000000"},
            points=digest_bytes(points),
            used=Used(request.budget.kind, str(request.budget.amount), "1.0", Counter.TRAINER),
            work=Work(steps=2, tokens=200, tokens_per_s="100.0"),
            segments=(),
            checkpoint=kept[Kept.CHECKPOINT] if request.checkpoint.at_end and not unlucky else None,
            trunk=kept[Kept.TRUNK] if request.trunk and request.trunk.keep and not unlucky else None,
            contention=None,
            facts=Facts(machine={"cores": 2}, device={}, software={"steady": "1"}),
            recorded=None,
            details={},
        )
        if request.changes:
            done = pretended(request, Counter.TRAINER)
            body = evolve(body, segments=done.segments, work=done.work, used=done.used)
        self.disk.write(attempt.folder / POINTS, points)
        self.disk.write(attempt.folder / RESULT, result_bytes(body))
        self.clock.passed += request.budget.cap_s + 3

    def look(self, handles):
        return [Exit(0) for _ in handles]

    def cancel(self, handles):
        pass

    def prepare(self, handle):
        pass

    def find(self, folder, job, options):
        return None

    def close(self):
        pass


def carried_out(name: str, place: Path, monkeypatch, scoring=score) -> StudyFolder:
    """A spec of `specs/` from its start to its end, in a folder of its own; *scoring* gives a request its value."""
    for ending in (".promo", ".lock.json"):
        shutil.copy(SPECS / (name + ending), place)
    spec = place / f"{name}.promo"
    compiled = compile_file(str(spec))
    study, _ = compiled.sound()
    recorded = study.runner.name == "recorded"
    clock = Seconds()
    executor = Steady(clock, scoring, LUCK.get(name, "luck"))
    monkeypatch.setattr(driver, "places", lambda study, *rest: {
        name: RecordedPlace(executor, host.room) for name, host in study.hosts.items()
    })  # fmt: skip
    monkeypatch.setattr(driver, "prepare", text)
    monkeypatch.setattr(driver, "runner_here", lambda runner: Installed(runner.name, runner.version, "0" * 64, {}))
    folder = study_folder(spec, None)
    replay = build_replay(study, "curves.csv", curves(study), Settings()) if recorded else None
    driver.run_study(
        compiled,
        place,
        folder,
        clock=clock,
        environment={},
        display=Quiet(),
        origin=ORIGIN,
        replay=replay,
    )
    return folder


def carried_out_once(name: str, factory) -> StudyFolder:
    """The same with its own values, made once for all modules and all processes of the tests; nobody changes it."""

    def make():
        with pytest.MonkeyPatch.context() as patch:
            carried_out(name, Path.cwd(), patch)

    place = once(f"steady-{name}", factory, make)
    return study_folder(place / f"{name}.promo", None)


def text(data: Data, folder: Path):
    """The text that every Python has, whatever a spec reads: its bytes are part of what is compared."""
    prepared = prepare(evolve(data, source="builtin:synth/1", tokens=None, score_tokens=1024, window=32), folder)
    return evolve(prepared, manifest=evolve(prepared.manifest, source=data.source))


def curves(study) -> bytes:
    """A table with ten runs of every label; the one that leads at first is overtaken."""
    lines = ["config,run,seed_index,step,train_seconds,val_loss"]
    for number, config in enumerate(study.factors["config"].domain):
        for seed in range(10):
            for step in range(0, 1376, 125):
                value = 5.0 - (1.5 + 0.2 * number) * step / 1375 + 0.08 * number + share(config, seed) / 50
                lines.append(f"{config},{config}{seed},{seed},{step},{step / 10:.1f},{value:.4f}")
    return ("\n".join(lines) + "\n").encode()
