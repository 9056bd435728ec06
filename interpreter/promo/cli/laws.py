"""`promo laws`: the laws of a spec, fitted to the runs of its study, or to recorded curves."""

import json
from argparse import Namespace
from collections.abc import Mapping

from promo.base.errors import ExitCode, PromoError
from promo.cli.places import study_of
from promo.cli.replay import curves_of
from promo.cli.spec import compile_file
from promo.cli.terminal import put
from promo.driver.readings import recorded_evidence
from promo.evidence.extrapolate import fit_laws
from promo.evidence.values import Evidence
from promo.report.laws import law_text, laws_json
from promo.study.values import Study


def laws(options: Namespace) -> int:
    """Fit and print every law."""
    study, evidence, recorded = _evidence(options)
    if not study.laws:
        raise PromoError("the spec has no law", hint="write: law NAME { of CANDIDATES from STAGES form compute ... }")
    if options.json:
        found = {
            name: laws_json(law, fit_laws(study, law, evidence, recorded=recorded)) for name, law in study.laws.items()
        }
        put(json.dumps(found, indent=1))
    else:
        put("\n\n".join(law_text(study, law, evidence, recorded=recorded) for law in study.laws.values()))
    return ExitCode.DONE


def _evidence(options: Namespace) -> tuple[Study, Mapping[str, Evidence], bool]:
    """A study, what is known of its stages, and whether that was read from recorded curves."""
    if options.curves:
        study, _ = compile_file(options.spec).sound()
        stages = dict.fromkeys(stage for law in study.laws.values() for stage in law.every_stage)
        return study, recorded_evidence(study, curves_of(options, study), tuple(stages)), True
    folder = study_of(options.spec, options.study)
    compiled, state = folder.compiled(), folder.state()
    study, _ = compiled.sound()
    known = {stage: folder.evidence(compiled, state, stage) for stage in state.closed}
    return study, known, state.replay
