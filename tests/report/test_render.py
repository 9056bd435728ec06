"""Templates are compiled once for all processes, beside Python's own modules, and a report needs nothing of that."""

import sys

from promo.base.resources import template_folder
from promo.report.render import _compiled, render_notice


def page(monkeypatch, kept):
    from jinja2 import Environment, FileSystemLoader

    compiled = []
    monkeypatch.setattr(Environment, "_generate", lambda self, *words, **more: compiled.append(1) or code(self, *words))
    environment = Environment(loader=FileSystemLoader(template_folder()), bytecode_cache=kept, autoescape=True)
    said = environment.get_template("notice.html.j2").render(name="<b>", message="m", refresh_s=1)
    monkeypatch.undo()
    return said, len(compiled)


def code(environment, source, name, filename, defer_init=False):
    from jinja2.compiler import generate

    return generate(source, environment, name, filename, defer_init=defer_init, optimized=environment.optimized)


def test_a_template_is_compiled_once_and_again_where_what_was_kept_is_broken_or_cannot_be(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    kept = _compiled(tmp_path)
    first, again = page(monkeypatch, kept), page(monkeypatch, kept)
    assert (first[1], again[1]) == (1, 0)
    assert "&lt;b&gt;" in first[0]
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    broken = page(monkeypatch, kept)
    file.unlink()
    tmp_path.rmdir()
    gone = page(monkeypatch, kept)

    assert broken[1] == gone[1] == 1
    assert first[0] == again[0] == broken[0] == gone[0]


def test_nothing_is_kept_where_python_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert _compiled(tmp_path) is None
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert _compiled(tmp_path / "absent") is None


def test_a_page_escapes_what_it_is_given():
    assert "<b>" not in render_notice("<b>", "m", 1)
