"""Package data: the grammar, the templates and the table of designs; the only module that knows where they lie."""

from importlib import import_module
from pathlib import Path


def _folder(package: str) -> Path:
    # importlib.resources costs 10 ms of start-up; a regular package on disk needs none of it.
    return Path(str(import_module(package).__file__)).parent


def grammar_file(name: str) -> Path:
    """Path of a file of `grammar/`, such as `promo.lark`."""
    return _folder("promo.grammar") / name


def template_folder() -> Path:
    """Folder of the Jinja2 templates."""
    return _folder("promo.templates")


def second_verifier() -> bytes:
    """The verifier that shares no code with promo; every study carries a copy."""
    return (template_folder() / "recheck.py").read_bytes()


def page_folder() -> Path:
    """Folder of the pages about diagnostic codes, and of the study that their excerpts stand in."""
    return _folder("promo.grammar") / "pages"


def design_table() -> Path:
    """Path of the table of fractions of minimum aberration."""
    return _folder("promo.study") / "designs.json"
