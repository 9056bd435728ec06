"""Hosts with several CUDA devices: one run on each, by names that last; the driver's tool is made up."""

import os
from argparse import Namespace

import pytest
from promo.templates import recheck

from promo.driver.hosts import cuda_devices, places
from promo.driver.study import StudyFolder
from promo.ledger.values import AttemptFailed, AttemptLost, AttemptStarted, ResultAccepted
from promo.plugins import runner
from promo.run.locks import is_leased, lease, lease_folder
from support import promo, study_of, trivial

CARDS = "GPU-aa, NVIDIA H100 80GB HBM3\nGPU-bb, NVIDIA L40S\nGPU-cc, NVIDIA H100 80GB HBM3\n"
TWO = trivial("local").replace("  slots 1\n", "  slots 2\n").replace('device "cpu" on any', 'device "H100" on any')


@pytest.fixture
def cards(workplace, monkeypatch):
    """A machine with three cards, two of them alike, and nobody else's locks."""
    tool = workplace / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    (workplace / "cards").write_text(CARDS, encoding="utf-8")
    tool.write_text(
        f'#!/bin/sh\ncase "$1" in --query-gpu=uuid,name) cat "{workplace / "cards"}" ;; esac\n', encoding="utf-8"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(workplace))
    return workplace


def place():
    return places(study_of(TWO), runner("toy"), os.environ)["box"]


def test_each_slot_has_a_card_of_its_own_and_its_runs_see_no_other(cards):
    assert len(cuda_devices()) == 3
    assert [place().devices([number]) for number in range(2)] == ["GPU-aa", "GPU-cc"]
    assert place().environment("GPU-cc")["CUDA_VISIBLE_DEVICES"] == "GPU-cc"


def test_another_order_of_the_cards_is_no_other_card(cards):
    (cards / "cards").write_text("".join(sorted(CARDS.splitlines(keepends=True), reverse=True)), encoding="utf-8")

    assert {place().devices([number]) for number in range(2)} == {"GPU-aa", "GPU-cc"}


def test_a_card_that_is_gone_is_one_clear_message(cards, capsys):
    (cards / "cards").write_text("".join(CARDS.splitlines(keepends=True)[:2]), encoding="utf-8")
    (cards / "trial.promo").write_text(TWO, encoding="utf-8")

    assert promo("run", "trial.promo", "--quiet") == 2
    said = "host 'box' needs 2 of 'H100', and this machine has NVIDIA H100 80GB HBM3, NVIDIA L40S"
    assert said in capsys.readouterr().err
    assert not (cards / "trial.study" / "ledger.jsonl").exists()


def test_a_card_that_another_study_has_leaves_the_other_free(cards):
    (taken,) = lease(lease_folder(os.environ), "GPU-aa")

    assert [place().is_free(number) for number in range(2)] == [False, True]
    taken.close()
    assert [place().is_free(number) for number in range(2)] == [True, True]


def test_a_study_runs_one_run_on_each_card_at_a_time(cards):
    (cards / "trial.promo").write_text(TWO, encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0

    folder, running, most = StudyFolder(cards / "trial.study"), {}, 0
    for event in folder.chain().events:
        match event.event:
            case AttemptStarted() as one:
                assert one.device not in running.values()
                running[one.run, one.attempt] = one.device
                most = max(most, len(running))
            case ResultAccepted() | AttemptFailed() | AttemptLost() as one:
                running.pop((one.run, one.attempt))
    assert most == 2
    assert not running
    for attempt in folder.state().every_attempt():
        facts = folder.result(attempt).body.facts
        assert facts.software["environment"]["CUDA_VISIBLE_DEVICES"] == attempt.device
    assert not any(is_leased(lease_folder(os.environ), card) for card in ("GPU-aa", "GPU-bb", "GPU-cc"))


WIDE = (
    trivial("local")
    .replace("  slots 1\n", "  slots 1\n  devices 2\n")
    .replace('device "cpu" on any', 'device "H100" on any')
)


def test_a_run_of_several_devices_has_all_of_its_slot_and_is_charged_for_each(cards):
    (cards / "trial.promo").write_text(WIDE, encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0

    folder = StudyFolder(cards / "trial.study")
    for attempt in folder.state().every_attempt():
        assert attempt.device == "GPU-aa,GPU-cc"
        environment = folder.result(attempt).body.facts.software["environment"]
        assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-aa,GPU-cc"
    assert promo("verify", "trial.study") == 3
    assert recheck.check(folder.path, Namespace(key=[], authority=[], anchor=[]), [].append) == 3


def test_a_run_of_several_devices_waits_until_none_of_them_is_another_study_s(cards):
    (here,) = places(study_of(WIDE), runner("toy"), os.environ).values()
    (taken,) = lease(lease_folder(os.environ), "GPU-cc")

    assert [here.is_free(number) for number in range(here.room)] == [True, False]
    assert not lease(lease_folder(os.environ), here.devices(range(here.room)))
    assert not is_leased(lease_folder(os.environ), "GPU-aa")  # all or none
    taken.close()
    assert here.is_free(1)


def test_slots_times_devices_are_held_to_the_cards_of_the_machine(cards, capsys):
    text = WIDE.replace("slots 1", "slots 2")
    (cards / "trial.promo").write_text(text, encoding="utf-8")

    assert promo("run", "trial.promo", "--quiet") == 2
    said = "host 'box' needs 4 of 'H100' (2 slots of 2 devices each), and this machine has NVIDIA H100"
    assert said in capsys.readouterr().err


LATER = TWO.replace("  seeds 3\n", "  devices 2\n  seeds 3\n")


def test_a_later_stage_with_two_devices_a_run_leases_both_where_the_first_leased_one(cards):
    (cards / "trial.promo").write_text(LATER, encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0

    folder = StudyFolder(cards / "trial.study")
    held = {stage: [one.device for one in folder.state().every_attempt(stage)] for stage in ("short", "long")}
    assert set(held["short"]) == {"GPU-aa", "GPU-cc"}
    assert held["long"] == ["GPU-aa,GPU-cc"] * 2
    for one in folder.state().every_attempt():
        assert folder.result(one).body.facts.software["environment"]["CUDA_VISIBLE_DEVICES"] == one.device
    assert promo("verify", "trial.study") == 3
    assert recheck.check(folder.path, Namespace(key=[], authority=[], anchor=[]), [].append) == 3
