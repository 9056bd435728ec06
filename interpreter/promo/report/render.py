"""A view to HTML: one file, everything escaped, nothing fetched."""

from functools import cache
from typing import Any

from promo.base.resources import template_folder
from promo.report.values import ReportView


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(template_folder())
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def render_html(view: ReportView) -> str:
    """
    The report as one self-contained HTML file.

    Args:
        view: what to say; texts in it may hold anything, they are escaped.  Pictures are SVG made by promo itself.
    """
    from markupsafe import Markup

    style = (template_folder() / "report.css").read_text(encoding="utf-8")
    template = _environment().get_template("report.html.j2")
    html: str = template.render(view=view, style=Markup(style), picture=Markup)  # noqa: S704
    return html
