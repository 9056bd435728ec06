"""`promo export`: a study for other tools, as a user meets it."""

import struct
import sys

import pytest

from support import promo


def records(content):
    """The events of a file, each with the checksum of its length and of itself compared."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    at = 0
    while at < len(content):
        (size,) = struct.unpack_from("<Q", content, at)
        data = content[at + 12 : at + 12 + size]
        checks = struct.unpack_from("<I", content, at + 8) + struct.unpack_from("<I", content, at + 12 + size)
        assert checks == (masked_crc32c(content[at : at + 8]), masked_crc32c(data))
        yield Event.FromString(data)
        at += 16 + size


def test_tensorboard_gets_a_file_an_attempt_the_same_every_time(trial, tmp_path, capsys):
    pytest.importorskip("tensorboardX")
    for out in ("one", "other"):
        assert promo("export", trial[0].path, "--to", "tensorboard", "--out", tmp_path / out) == 0
    files = {path.relative_to(tmp_path / "one"): path.read_bytes() for path in (tmp_path / "one").rglob("*.promo")}

    assert "15 runs; look at them with: tensorboard --logdir" in capsys.readouterr().out
    assert len(files) == 15  # of 13 runs, two of which crashed once
    for name, content in files.items():
        assert (tmp_path / "other" / name).read_bytes() == content
    (content,) = (content for name, content in files.items() if name.parts[:3] == ("long", "good-box-s3", "attempt-1"))
    first, *events = records(content)
    scalars = [
        (event.step, value.tag)
        for event in events
        for value in event.summary.value
        if not value.metadata.plugin_data.plugin_name
    ]
    assert first.file_version == "brain.Event:2"
    assert (1, "train_bpb") in scalars
    assert (2, "loss") in scalars
    assert len(scalars) == len(set(scalars))


@pytest.mark.parametrize(
    ("tool", "module", "extra"), [("tensorboard", "tensorboardX", "tensorboard"), ("mlflow", "mlflow", "mlflow")]
)
def test_without_its_library_an_export_says_what_to_install(trial, tmp_path, capsys, monkeypatch, tool, module, extra):
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)

    assert promo("export", trial[0].path, "--to", tool, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "is not installed" in said
    assert f"pip install 'promo-lang[{extra}]'" in said
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_exported_is_one_error(trial, tmp_path, capsys):
    pytest.importorskip("tensorboardX")
    (tmp_path / "file").write_text("")

    assert promo("export", trial[0].path, "--to", "tensorboard", "--out", tmp_path / "file" / "x") == 2
    assert "cannot be written" in capsys.readouterr().err
    assert promo("export", tmp_path / "none", "--to", "tensorboard") == 2
    assert promo("export", trial[0].path, "--to", "nothing") == 2
    assert "Traceback" not in capsys.readouterr().err
