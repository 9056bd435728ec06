"""`promo design`: the rows of a design, and what they can and cannot tell apart."""

import json
from argparse import Namespace

from promo.base.errors import ExitCode, PromoError
from promo.cli.spec import compile_file
from promo.cli.terminal import put
from promo.report.design import array_json, array_text, design_json, design_text
from promo.study.space import Array, Design


def design(options: Namespace) -> int:
    """Print the designs of a spec."""
    study, _ = compile_file(options.spec).priced()
    every: dict[str, Design | Array] = {**study.designs, **study.arrays}
    if options.name and options.name not in every:
        known = ", ".join(every) or "none"
        raise PromoError(f"the spec has no design '{options.name}'", hint=f"it has: {known}")
    if not every:
        raise PromoError("the spec has no design", hint="write: design NAME fraction 2^(5 - 1) { vary ... }")
    chosen = [every[options.name]] if options.name else list(every.values())
    if options.json:
        content = [
            array_json(one) if isinstance(one, Array) else design_json(one, study.designs, options.split)
            for one in chosen
        ]
        put(json.dumps(content[0] if options.name else content, indent=1))
    else:
        texts = (
            array_text(one) if isinstance(one, Array) else design_text(one, study.designs, options.split)
            for one in chosen
        )
        put("\n\n".join(texts))
    return ExitCode.DONE
