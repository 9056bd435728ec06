"""`promo laws`: laws fitted to a study or to recorded curves, and the record of what laws foretold in studies."""

import json
from argparse import Namespace
from collections.abc import Mapping

from promo.base.canonical import Json
from promo.base.errors import ExitCode, PromoError
from promo.cli.places import study_of
from promo.cli.replay import curves_of
from promo.cli.spec import compile_file
from promo.cli.terminal import put
from promo.driver.readings import recorded_evidence
from promo.driver.report import record_of
from promo.evidence.extrapolate import fit_laws
from promo.evidence.values import Evidence
from promo.report.changed import beside, changes, planned
from promo.report.forecasts import Scored, forecasts_json, forecasts_text, scored_in
from promo.report.laws import law_text, laws_json
from promo.report.record import Record
from promo.study.values import Study

Known = Mapping[str, Evidence]
"""Stage -> what is known of it."""


def laws(options: Namespace) -> int:
    """Fit and print every law of one study, and what laws foretold in all that are named."""
    places = options.places
    if options.curves:
        if len(places) > 1:
            raise PromoError("recorded curves are read for one spec", hint="promo laws SPEC --curves FILE")
        study, plan = compile_file(places[0]).sound()
        stages = dict.fromkeys(stage for law in _having_laws(study).laws.values() for stage in law.every_stage)
        known = recorded_evidence(study, curves_of(options, study), tuple(stages))
        _print(options, study, known, (), changes(study, planned(study, plan)), recorded=True)
        return ExitCode.DONE
    records = _records(places, options.study)
    found = tuple(one for record in records for one in scored_in(record))
    if len(records) > 1:
        put(json.dumps(forecasts_json(found), indent=1) if options.json else forecasts_text(found))
        return ExitCode.DONE
    (record,) = records
    _print(
        options, _having_laws(record.study), record.evidence, found, record.changed, recorded=bool(record.state.replay)
    )
    return ExitCode.DONE


def _records(places: list[str], chosen: str | None) -> list[Record]:
    """
    The studies that are meant, each with its decisions derived anew.

    Raises:
        PromoError: one of them is named twice, so that its forecasts would count twice.
    """
    if chosen and len(places) > 1:
        raise PromoError("--study names the folder of one spec", hint="name the study folders: promo laws STUDY STUDY")
    seen: dict[str, Record] = {}
    for place in places:
        record = record_of(study_of(place, chosen))
        if record.head in seen:
            message = f"{place} and {seen[record.head].folder} are one study, whose forecasts count once"
            raise PromoError(message, hint="name each study once")
        seen[record.head] = record
    return list(seen.values())


def _having_laws(study: Study) -> Study:
    if not study.laws:
        raise PromoError("the spec has no law", hint="write: law NAME { of CANDIDATES from STAGES form compute ... }")
    return study


def _print(
    options: Namespace,
    study: Study,
    known: Known,
    found: tuple[Scored, ...],
    changed: Mapping[str, str],
    *,
    recorded: bool,
) -> None:
    if options.json:
        fits: dict[str, Json] = {
            name: laws_json(law, fit_laws(study, law, known, recorded=recorded), changed)
            for name, law in study.laws.items()
        }
        put(json.dumps({"laws": fits, **forecasts_json(found)}, indent=1))
        return

    def call(name: str) -> str:
        return beside(name, changed.get(name, ""))

    texts = [law_text(study, law, known, call, recorded=recorded) for law in study.laws.values()]
    put("\n\n".join((*texts, *((forecasts_text(found),) if found else ()))))
