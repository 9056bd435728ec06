"""
Logged run to the bytes of a TensorBoard event file: every curve as scalars, settings for the HPARAMS page.

Event files are framed protocol buffers; both come from tensorboardX, which writes them without TensorFlow.  Equal
runs give equal bytes: the only times in a file are those of the run.

Source:
    TensorFlow, "TFRecord and tf.train.Example", section "TFRecords format details".
"""

import struct
from collections.abc import Iterator
from typing import Any

from promo.exchange.names import file_name
from promo.exchange.runs import RULE, TAG
from promo.exchange.values import LoggedRun, RunEnd
from promo.report.changed import beside

EXTRA = "tensorboard"
VERSION = "brain.Event:2"
"""What the first event of a file says; TensorBoard reads no other version."""
HPARAMS = "hparams"
TOLD = {"rank": "Rank", "verdict": "Verdict"}
"""Tags that stand beside the settings, and as what.  The page shows five columns at first, and capitals sort first."""
NONE = "–"
"""In place of a tag that a run has not: the page shows the columns of one run of all, so each has every column."""
SPENT = ("charged_s", "slot_s", "spent_s")
"""Curves of seconds."""


def event_file(run: LoggedRun) -> tuple[tuple[str, ...], bytes]:
    """
    A run as an event file.

    Args:
        run: the run.

    Returns:
        (path, content): folders and name below the log folder, and the bytes.

    Raises:
        ImportError: tensorboardX is not installed.
    """
    from tensorboardX.record_writer import masked_crc32c

    content = bytearray()
    for event in _events(run):
        data = event.SerializeToString(deterministic=True)
        head = struct.pack("<Q", len(data))
        content += head + struct.pack("<I", masked_crc32c(head)) + data + struct.pack("<I", masked_crc32c(data))
    name = f"events.out.tfevents.{run.began_ms // 1000:010d}.promo"
    return (*map(file_name, run.place), name), bytes(content)


def _events(run: LoggedRun) -> Iterator[Any]:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary
    from tensorboardX.summary import hparams

    began, ended = run.began_ms / 1000, run.ended_ms / 1000
    yield Event(wall_time=began, file_version=VERSION)
    told = {said: run.tags.get(f"{TAG}{name}") or "" for name, said in TOLD.items()}
    ruled = ", ".join(f"{name[len(RULE) :]} {answer}" for name, answer in run.tags.items() if name.startswith(RULE))
    told |= {"Verdict": "; ".join(filter(None, (told["Verdict"], ruled)))}
    own = {name: value for name, value in run.settings.items() if name not in ("candidate", "stage")}
    called = beside(str(run.settings["candidate"]), run.tags.get(f"{TAG}changed", ""))
    shown = {name: value or NONE for name, value in told.items()}
    settings = {"Candidate": called, "Stage": run.settings["stage"], **shown, **own}
    experiment, start, _ = hparams(settings, dict.fromkeys(tag_of(run, name) for name in run.final))
    yield Event(wall_time=began, summary=experiment)
    yield Event(wall_time=began, summary=start)
    for series in run.series:
        for point in series.points:
            value = Summary.Value(tag=tag_of(run, series.name), simple_value=point.value)
            yield Event(wall_time=point.wall_ms / 1000, step=point.step, summary=Summary(value=[value]))
    yield Event(wall_time=ended, summary=_ended(run.end))


def tag_of(run: LoggedRun, name: str) -> str:
    """A curve under a heading; TensorBoard sorts these, so that what decides comes first and seconds last."""
    heading = "measure" if name == run.measure else "spent" if name in SPENT else "other"
    return f"{heading}/{name}"


def _ended(end: RunEnd) -> Any:
    """How the HPARAMS page learns that a run has ended, and whether well."""
    from tensorboardX.proto.api_pb2 import Status
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

    status = Status.Value("STATUS_SUCCESS" if end is RunEnd.FINISHED else "STATUS_FAILURE")
    content = HParamsPluginData(session_end_info=SessionEndInfo(status=status), version=0)
    plugin = SummaryMetadata.PluginData(plugin_name=HPARAMS, content=content.SerializeToString(deterministic=True))
    value = Summary.Value(tag="_hparams_/session_end_info", metadata=SummaryMetadata(plugin_data=plugin))
    return Summary(value=[value])
