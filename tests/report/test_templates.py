"""Templates are compiled once: what Jinja made of one is kept as Python keeps the bytecode of a module."""

import os
import sys

import jinja2
import pytest

from promo.report.pages import Pages


class Counting(jinja2.Environment):
    """Counts what it compiles."""

    compiled = 0

    def compile(self, *given, **named):
        self.compiled += 1
        return super().compile(*given, **named)


@pytest.fixture
def said(tmp_path, monkeypatch):
    """What a page of a process of its own says, and how many templates it compiled."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "line.j2").write_text("{{ a }}!", encoding="utf-8")
    (tmp_path / "page.j2").write_text("{% include 'line.j2' %} {{ a }}", encoding="utf-8")

    def say():
        environment = Counting(loader=Pages(tmp_path), autoescape=True)
        return environment.get_template("page.j2").render(a="<b>"), environment.compiled

    return say


def test_a_template_is_compiled_by_the_first_process_alone(said):
    assert [said(), said()] == [("&lt;b&gt;! &lt;b&gt;", 2), ("&lt;b&gt;! &lt;b&gt;", 0)]


def test_a_template_that_was_changed_is_compiled_anew(said, tmp_path):
    said()
    (tmp_path / "line.j2").write_text("{{ a }}, now", encoding="utf-8")
    os.utime(tmp_path / "line.j2", (1, 1))

    assert said() == ("&lt;b&gt;, now &lt;b&gt;", 1)


def test_another_jinja_compiles_them_anew(said, monkeypatch):
    said()
    monkeypatch.setattr(jinja2, "__version__", "3.9")

    assert said()[1] == 2


def test_one_that_escapes_takes_nothing_of_one_that_does_not(said, tmp_path):
    plain = Counting(loader=Pages(tmp_path), autoescape=False)

    assert [said()[0], plain.get_template("page.j2").render(a="<b>"), said()[0]] == [
        "&lt;b&gt;! &lt;b&gt;",
        "<b>! <b>",
        "&lt;b&gt;! &lt;b&gt;",
    ]


def test_nothing_is_kept_where_python_keeps_nothing(said, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    assert [said()[1], said()[1]] == [2, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["line.j2", "page.j2"]


def test_a_folder_that_nobody_may_write_to_is_read_all_the_same(said, tmp_path):
    (tmp_path / "__pycache__").write_text("in the way", encoding="utf-8")

    assert [said(), said()] == [("&lt;b&gt;! &lt;b&gt;", 2)] * 2
