"""How the processes of a run meet, as far as that can be told without a CUDA device."""

import pytest

pytest.importorskip("torch")

from made import gpt_request
from promo.base.classes import evolve
from promo.run.ranks import environments
from promo.run.runners.gpt.ranks import Meeting, meeting


def test_processes_of_a_processor_meet_by_gloo():
    told = environments(evolve(gpt_request("steps", 1), devices=2))

    assert [meeting(each, found=None) for each in told] == [Meeting("gloo", None)] * 2


def test_each_process_takes_the_cuda_device_of_its_place_on_its_own_machine():
    told = environments(evolve(gpt_request("steps", 1), devices=2, nodes=2))
    found = [meeting(each, found=2) for each in told]

    assert [one.device for one in found] == [0, 1, 0, 1]
    assert {one.backend for one in found} == {"cpu:gloo,cuda:nccl"}


def test_a_machine_with_fewer_cuda_devices_than_the_run_is_to_have_says_so():
    told = environments(evolve(gpt_request("steps", 1), devices=8))

    for each in told:  # the first too: none waits for those that cannot come
        with pytest.raises(RuntimeError, match="8 CUDA devices on each of its machines, and torch finds 4 here"):
            meeting(each, found=4)
