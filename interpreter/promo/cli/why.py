"""`promo why`: one candidate's verdicts, explained."""

import json
from argparse import Namespace

from promo.base.canonical import Json
from promo.base.diagnostics import did_you_mean
from promo.base.errors import ExitCode, PromoError
from promo.cli.places import study_of
from promo.cli.terminal import put, put_wrapped
from promo.driver.report import record_of
from promo.ledger.state import StudyState
from promo.report.record import Record
from promo.report.why import explain, explanation_to_json


def why(options: Namespace) -> int:
    """Say why a candidate was kept or dropped, at one gate or rule or at all of them."""
    record = record_of(study_of(options.study, None))
    _known(options.candidate, tuple(record.study.candidates), "candidate")
    names = (*record.study.deciding, *record.study.told_by)
    if options.gate is not None:
        _known(options.gate, names, "gate, rule, reduction, forecast or schedule")
        names = (options.gate,)
    told = [one for name in names if (one := explain(record, options.candidate, name)) is not None]
    if options.json:
        content = {"promo_why": 1, **_who(record, options.candidate), "verdicts": [*map(explanation_to_json, told)]}
        put(json.dumps(content, indent=1, sort_keys=True))
        return ExitCode.DONE
    if not told:
        put(_nothing(record, options.candidate, options.gate))
    for place, one in enumerate(told):
        put_wrapped([*([""] if place else []), one.head, *(f"  {line}" for line in one.lines)])
    return ExitCode.DONE


def _who(record: Record, name: str) -> dict[str, Json]:
    return {"candidate": name, "changed": record.changed.get(name) or None}


def _known(name: str, known: tuple[str, ...], what: str) -> None:
    if name not in known:
        hint = did_you_mean(name, known, f"there are: {', '.join(known) or 'none'}")
        raise PromoError(f"there is no {what} '{name}'", hint=hint)


def _nothing(record: Record, candidate: str, name: str | None) -> str:
    if name is not None and name not in record.decisions:
        return f"{name} has not decided yet."
    if name is not None:
        return f"{name} has not decided about {record.call(candidate)}."
    if not (record.study.deciding or record.study.told_by):
        return "This study declares no gate and no rule: nothing is decided about any candidate."
    closed = record.state.study is StudyState.CLOSED
    how, yet = ("was", "") if closed else ("has been", " yet")
    return f"Nothing {how} decided about {record.call(candidate)}{yet}."
