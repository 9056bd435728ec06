"""`promo design`: the rows of a design, and what they can and cannot tell apart."""

import json
from argparse import Namespace

from promo.base.errors import ExitCode, PromoError
from promo.cli.spec import compile_file
from promo.cli.terminal import put
from promo.report.design import design_json, design_text


def design(options: Namespace) -> int:
    """Print the designs of a spec."""
    study, _ = compile_file(options.spec).priced()
    if options.name and options.name not in study.designs:
        known = ", ".join(study.designs) or "none"
        raise PromoError(f"the spec has no design '{options.name}'", hint=f"it has: {known}")
    if not study.designs:
        raise PromoError("the spec has no design", hint="write: design NAME fraction 2^(5 - 1) { vary ... }")
    names = [options.name] if options.name else list(study.designs)
    chosen = [study.designs[name] for name in names]
    if options.json:
        content = [design_json(one, study.designs, options.split) for one in chosen]
        put(json.dumps(content[0] if options.name else content, indent=1))
    else:
        put("\n\n".join(design_text(one, study.designs, options.split) for one in chosen))
    return ExitCode.DONE
