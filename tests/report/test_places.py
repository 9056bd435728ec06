"""Where a run was made, in columns of one value each."""

import pytest

from promo.report.places import COLUMNS, other_columns, place
from promo.run.provenance import DEVICE_FACTS, software, where_it_runs
from promo.run.runners.gpt.device import described
from promo.run.values import Facts

GPU = {
    "kind": "cuda",
    "threads": 4,
    "compute": "bfloat16",
    "instructions": "AVX2",
    "name": "NVIDIA H100",
    "memory_bytes": 85_000_000_000,
    "capability": "9.0",
    "cuda": "12.4",
    "driver": "550.1",
    "uuid": "GPU-1",
    "clock_mhz": "1980",
    "clock_max_mhz": "1980",
    "power_limit_w": "700.00",
    "compiled": True,
}


def test_every_fact_of_promos_own_has_a_column_of_its_own():
    found = place(Facts(machine=where_it_runs(), device=GPU, software=software()))

    assert {name for name in found if not name.startswith("variable_")} <= {*COLUMNS}
    assert {name for name in COLUMNS if name.startswith("device_")} == {f"device_{name}" for name in GPU}
    assert {*DEVICE_FACTS} <= {*GPU}
    assert (found["device_name"], found["device_compiled"]) == ("NVIDIA H100", "yes")


def test_what_the_trainer_of_promos_model_says_is_among_them():
    import torch

    assert {*described(torch.device("cpu"), torch.float32)} <= {*GPU}


def test_a_system_and_its_release_are_two_values():
    found = place(Facts(machine={"system": "Linux 6.8.0-45 generic"}))

    assert found == {"machine_system": "Linux", "machine_release": "6.8.0-45 generic"}
    assert place(Facts(machine={"system": "Plan9"})) == {"machine_system": "Plan9"}


def test_versions_and_variables_have_short_names():
    versions = {"python": "3.11.2", "promo-lang": "0.1.0", "torch": None}
    found = place(Facts(software={"versions": versions, "environment": {"OMP_NUM_THREADS": "2"}}))

    assert found == {"software_python": "3.11.2", "software_promo": "0.1.0", "variable_OMP_NUM_THREADS": "2"}


def test_what_a_runner_adds_is_kept_one_value_a_column():
    facts = Facts(device={"kind": "tpu", "mesh": [2, 4], "links": {"up": True, "gbit": 100}}, software={"jax": "0.6"})
    found = place(facts)

    assert found == {
        "device_kind": "tpu",
        "device_mesh_1": "2",
        "device_mesh_2": "4",
        "device_links_up": "yes",
        "device_links_gbit": "100",
        "software_jax": "0.6",
    }
    assert other_columns([found, {}]) == (
        "device_links_gbit",
        "device_links_up",
        "device_mesh_1",
        "device_mesh_2",
        "software_jax",
    )


def test_a_value_of_another_kind_stands_in_a_column_of_texts():
    found = place(Facts(device={"memory_bytes": "80 GB", "compiled": "partly", "power_limit_w": "[N/A]"}))

    assert found == {
        "device_memory_bytes_text": "80 GB",
        "device_compiled_text": "partly",
        "device_power_limit_w_text": "[N/A]",
    }


@pytest.mark.parametrize(("fact", "text"), [("clock_mhz", "nan"), ("clock_mhz", "1e999"), ("threads", "\u0664")])
def test_what_cannot_be_read_as_its_column_is_read_stands_there_too(fact, text):
    assert place(Facts(device={fact: text})) == {f"device_{fact}_text": text}
