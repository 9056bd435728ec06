"""A view to HTML (one file, everything escaped, nothing fetched), Markdown or JSON; tables of a record to CSV."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

from promo.base.classes import evolve
from promo.base.resources import template_folder
from promo.base.units import is_digits
from promo.base.visible import visible
from promo.report.beside import BesideView
from promo.report.canvas import marks_svg
from promo.report.compare import CompareView
from promo.report.remains import RemainsView
from promo.report.runs import COUNTED
from promo.report.tables import MEASURED, decimal
from promo.report.values import PictureView, ReportView


@cache
def _environment() -> Any:
    from jinja2 import Environment, StrictUndefined

    from promo.report.pages import Pages

    return Environment(
        loader=Pages(template_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


@cache
def _unescaped() -> Any:
    """The same for Markdown."""
    return _environment().overlay(autoescape=False)


def _shown(value: object) -> object:
    """A text of a page in which nothing steers or hides; pictures and pages of promo itself stay as they are."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def render_html(view: ReportView, *, refresh_s: int | None = None) -> str:
    """
    The report as one self-contained HTML file.

    Args:
        view: what to say; texts in it may hold anything, they are escaped.  Pictures are SVG made by promo itself.
        refresh_s: seconds after which a browser asks for the page again; None for a page that stays.
    """
    from markupsafe import Markup

    marks = marks_svg(candidate for _, candidate, _, _ in view.legend)
    return _page("report.html.j2", view=view, picture=Markup, marks=marks, counted_columns=COUNTED, refresh_s=refresh_s)


def render_beside(view: BesideView) -> str:
    """Two studies side by side as one self-contained HTML file."""
    return _page("beside.html.j2", view=view)


def render_compare(view: CompareView) -> str:
    """A comparison of methods as one self-contained HTML file."""
    return _page("compare.html.j2", view=view)


def render_remains(view: RemainsView) -> str:
    """What is left of a study that cannot be read as one, as one HTML file."""
    return _page("remains.html.j2", view=view)


def render_remains_markdown(view: RemainsView) -> str:
    """The same as Markdown."""
    return _markdown("remains.md.j2", view)


def render_notice(name: str, message: str, refresh_s: int) -> str:
    """A page that says why there is no report at the moment."""
    return _page("notice.html.j2", name=name, message=message, refresh_s=refresh_s)


def _page(template: str, **parts: object) -> str:
    """
    A page with promo's own style sheets and script inside, the only texts beside pictures that are not escaped.

    The page's policy names the digest of that script, so a browser runs no other one.
    """
    from markupsafe import Markup

    picture, style, script = (
        (template_folder() / name).read_text(encoding="utf-8") for name in ("picture.css", "report.css", "report.js")
    )
    own = {"style": Markup(picture + style), "script": Markup(script)}  # noqa: S704 - files of the package
    html: str = _environment().get_template(template).render(**own, script_digest=digest_of_script(script), **parts)
    return html


def digest_of_script(script: str) -> str:
    """How a content security policy names a script: `sha256-` and the digest in base 64."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def render_markdown(view: ReportView) -> str:
    """The report as Markdown, without its pictures; texts of users keep their characters and lose their markup."""
    return _markdown("report.md.j2", view)


def _markdown(template: str, view: ReportView | RemainsView) -> str:
    written: str = _unescaped().get_template(template).render(view=view, plain=_plain, counted_columns=COUNTED)
    return written


_MARKUP = re.compile(r"[\\`*{}\[\]<>#|~!]|(?<!\w)_|_(?!\w)")


def _plain(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    return _MARKUP.sub(lambda found: "\\" + found[0], " ".join(text.split()))


def render_json(view: ReportView | RemainsView) -> str:
    """The view as JSON, without its pictures."""
    if isinstance(view, RemainsView):
        return _json(view)
    stages = tuple(
        evolve(stage, strip=_unseen(stage.strip), curves=evolve(stage.curves, picture="", trained=""))
        for stage in view.stages
    )
    fits = ((effects, (evolve(fit, picture="") for fit in effects.fits)) for effects in view.effects)
    effects = tuple(evolve(one, fits=tuple(those), across="", rankings="") for one, those in fits)
    gates = tuple(evolve(gate, picture=_unseen(gate.picture)) for gate in view.gates)
    rules = tuple(evolve(group, picture=_unseen(group.picture)) for group in view.rules)
    without = evolve(
        view,
        gates=gates,
        rules=rules,
        ladder=evolve(view.ladder, picture="", apart=""),
        flow=evolve(view.flow, picture=""),
        stages=stages,
        effects=effects,
        laws=tuple(evolve(one, picture="") for one in view.laws),
    )
    return _json(without)


def _unseen(picture: PictureView) -> PictureView:
    return evolve(picture, svg="")


def _json(view: ReportView | RemainsView) -> str:
    from attrs import asdict  # whose import takes longer than a page of HTML

    return json.dumps({"promo_report": 1, **asdict(view)}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def render_live(name: str, words: Iterable[str], version: str, *, going: bool, refresh_s: int) -> str:
    """
    A page around the report that says how far the study is, and loads the report again when there is a new one.

    Args:
        name: the study.
        words: how far it is.
        version: of the report that is shown.
        going: whether anything more will happen.
        refresh_s: seconds between two looks.
    """
    from markupsafe import Markup

    script = (template_folder() / "live.js").read_text(encoding="utf-8")
    page: str = (
        _environment()
        .get_template("live.html.j2")
        .render(
            name=name,
            words=list(words),
            version=version,
            going=going,
            refresh_s=refresh_s,
            script=Markup(script),  # noqa: S704 - a file of the package, named by its digest in the page's policy
            digest=digest_of_script(script).removeprefix("sha256-"),
        )
    )
    return page


def render_csv(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """
    A table as CSV (RFC 4180).

    A text that a spreadsheet would take for a formula begins with an apostrophe.  A number that was computed
    has as many digits as a float needs; exactly it stands in the study's evidence and decisions.
    """
    import csv
    import io

    out, names = io.StringIO(), list(columns)
    writer = csv.writer(out)
    writer.writerow([_cell(text) for text in names])
    exact = [place for place, name in enumerate(names) if name in MEASURED]
    for row in rows:
        texts = list(row)
        assert len(texts) == len(names), f"a row of {len(texts)} in a table of {len(names)} columns"
        for place in exact:
            texts[place] = decimal(texts[place])
        writer.writerow(map(_cell, texts))
    return out.getvalue()


@lru_cache(4096)  # of many runs most cells say the same
def _cell(text: str) -> str:
    starts = text[:1] in ("=", "+", "@", "\t", "\r") or (text[:1] == "-" and not is_digits(text[1:2]))
    return visible(f"'{text}" if starts else text)
