"""A report as a few lines for a terminal."""

from promo.report.values import ReportView


def ending_text(view: ReportView) -> str:
    """The story, what was decided, and what it cost."""
    return "\n".join(view.story)
