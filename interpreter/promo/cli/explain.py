"""`promo explain`: the page of a diagnostic code, all codes, or what a seal holds."""

import json
import re
from argparse import Namespace

from promo.base import pages
from promo.base.canonical import Json
from promo.base.diagnostics import did_you_mean, suggestion
from promo.base.errors import ExitCode, PromoError
from promo.cli.terminal import put, put_folded

NEAR = 2
"""How far the number of a code may be from another that is near it."""
ALIKE = 0.85
"""How much a word has to be like a code to be a slip of it; with one of five characters wrong it is 0.8."""


def explain(options: Namespace) -> int:
    """Print a page, the list of pages, or the closure of a frozen gate or rule."""
    words = options.words
    if not words:
        return _list()
    if words[0] == "seal":
        if len(words) != 3:
            raise PromoError("a seal is that of a gate or rule in a spec", hint="promo explain seal GATE SPEC")
        return _seal(words[1], words[2], as_json=options.json)
    for number, word in enumerate(words):
        if number:
            put("")
        _page(word.upper())
    return ExitCode.DONE


def _list() -> int:
    area = ""
    for code in pages.codes():
        if code[:3] != area:
            put(("\n" if area else "") + f"{code[:3]}xx  {pages.AREAS[code[:3]]}")
            area = code[:3]
        put_folded(f"  {code}  {pages.title(code)}", " " * 9)
    return ExitCode.DONE


def _page(code: str) -> None:
    try:
        page = pages.page(code)
    except KeyError as fault:
        near = _near(code)
        told = f"near it {'is' if len(near) == 1 else 'are'} {', '.join(near)}; " if near else ""
        raise PromoError(f"there is no code {code}", hint=f"{told}promo explain lists all") from fault
    put_folded(f"{page.code}: {page.title}")
    for paragraph in page.meaning.split("\n\n"):
        put("")
        put_folded(paragraph)
    put(f"\nFor example:\n\n{_indented(page.wrong)}\n\npromo says:\n")
    for line in page.said.splitlines():
        label = MESSAGE.match(line)
        put(f"    {line}".rstrip()) if label is None else put_folded(f"    {line}", f"    {' ' * (len(label[0]) or 2)}")
    put(f"\nPut right:\n\n{_indented(page.right)}")


def _near(code: str) -> list[str]:
    """Codes of the same area whose numbers are close; where there are none, one that is written almost so."""
    known = pages.codes()
    if re.fullmatch(r"P[0-9]{4}", code):
        return [one for one in known if one[:3] == code[:3] and abs(int(one[1:]) - int(code[1:])) <= NEAR]
    slip = suggestion(code, known, cutoff=ALIKE)
    return [slip] if slip else []


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


MESSAGE = re.compile(r"  = \w+: |(?=\w+\[P)")
"""How a line of a diagnostic begins that is a sentence, and no excerpt of a text."""
LEFT_OUT = "comments, layout, clause order, the spelling of numbers, roles, titles and prices"
LEFT_TO_THE_PLAN = (
    "slots and executors of hosts too, which may change how much a timed run trains: the digest of the plan covers them"
)


def _seal(name: str, place: str, *, as_json: bool) -> int:
    """What a seal holds, in words, and whether it is the one in the file."""
    from promo.base.codec import to_json, value_digest
    from promo.cli.spec import compile_file
    from promo.report.describe import describe_closure
    from promo.study.closure import closure

    compiled = compile_file(place)
    study = compiled.study
    if study is None:
        compiled.sound()
        raise AssertionError("a text without a study has errors")
    rule = study.deciding.get(name)
    if rule is None:
        known = list(study.deciding)
        hint = did_you_mean(name, known, f"there are: {', '.join(known) or 'none'}")
        raise PromoError(f"{place} has no gate and no rule '{name}'", hint=hint)
    holds = closure(study, rule)
    now = value_digest(holds)
    state = "not frozen" if not rule.frozen else "not sealed yet" if rule.seal is None else "sealed as it is now"
    if rule.seal is not None and not now.startswith(rule.seal):
        state = f"sealed as sha256:{rule.seal[:12]}, which no longer matches"
    if as_json:
        content: dict[str, Json] = {"name": name, "digest": now, "state": state, "closure": to_json(holds)}
        put(json.dumps(content, indent=1, ensure_ascii=False))
        return ExitCode.DONE
    put_folded(f"{name}: sha256:{now[:12]}, {state}")
    put("\nThe seal holds:")
    for line in _outline(describe_closure(holds), 1):
        put_folded(line, " " * (len(line) - len(line.lstrip()) + 4))
    put("")
    put_folded(f"It leaves out {LEFT_OUT}: they move no verdict. It leaves out {LEFT_TO_THE_PLAN}.")
    return ExitCode.DONE


def _outline(value: dict[str, Json], depth: int) -> list[str]:
    lines: list[str] = []
    for key, inner in value.items():
        if isinstance(inner, dict):
            lines += [f"{'  ' * depth}{key}", *_outline(inner, depth + 1)]
        elif inner not in (None, False, "", []):
            shown = ", ".join(map(str, inner)) if isinstance(inner, list | tuple) else "yes" if inner is True else inner
            lines.append(f"{'  ' * depth}{key}: {shown}")
    return lines
