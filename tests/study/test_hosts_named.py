"""A device's name with a number of devices in it, wherever that stands; and names that only look so."""

import pytest

from support import compiled, spec

HOST = 'host box {{\n  device "{}" on linux\n  slots 2\n}}'


def told(device):
    found = compiled(spec("use", host=HOST.format(device))).diagnostics
    return [(one.message, one.hint) for one in found if one.code == "P0233"]


@pytest.mark.parametrize(
    ("device", "name", "where"),
    [
        ("8x NVIDIA H100", "NVIDIA H100", "begins"),
        ("8 x NVIDIA H100", "NVIDIA H100", "begins"),
        ("8 NVIDIA H100", "NVIDIA H100", "begins"),
        ("8*H100", "H100", "begins"),
        ("8xH100", "H100", "begins"),
        ("8X H100", "H100", "begins"),
        ("8\u00d7H100", "H100", "begins"),
        ("x8 H100", "H100", "begins"),
        ("NVIDIA H100 x8", "NVIDIA H100", "ends"),
        ("NVIDIA H100 x 8", "NVIDIA H100", "ends"),
        ("NVIDIA H100 8x", "NVIDIA H100", "ends"),
        ("NVIDIA H100 (8x)", "NVIDIA H100", "ends"),
        ("NVIDIA H100 (x8)", "NVIDIA H100", "ends"),
        ("H100x8", "H100", "ends"),
        ("H100*8", "H100", "ends"),
        ("H100\u00d78", "H100", "ends"),
        ("H100:8", "H100", "ends"),
        ("A100-80GB:8", "A100-80GB", "ends"),
        ("NVIDIA H100 (8)", "NVIDIA H100", "ends"),
        ("8-gpu H100", "H100", "begins"),
        ("8-GPU H100", "H100", "begins"),
        ("8 x 4090", "4090", "begins"),
        ("8x4090", "4090", "begins"),
    ],
)
def test_a_number_of_devices_is_said_elsewhere(device, name, where):
    ((message, hint),) = told(device)

    assert message == f"a device is named by itself, and '{device}' {where} with a number of them"
    assert hint == f'write: device "{name}", and where each run has 8 of them: devices 8'


@pytest.mark.parametrize(
    "device",
    [
        "4090 Ti",
        "RTX 4090",
        "GTX 1080",
        "MI300X",
        "H100 SXM5 80GB",
        "TPU v3 2x2",
        "cuda:1",
        "Core(TM) i7",
        "TPU v5p-8",
        "Xeon X5650",
        "Cortex X4",
    ],
)
def test_numbers_of_a_name_are_no_numbers_of_devices(device):
    assert told(device) == []
