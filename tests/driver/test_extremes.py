"""Finite numbers at the ends of what floats are, through whole studies: nothing made of them ends in a traceback."""

import pytest

from steady import carried_out, share
from support import promo, rechecked

ENDS = (1.797e308, -1.797e308, 1.7976931348623157e308, 1e300, -1e308, 5e-324, -5e-324, 0.0, 1e154, 1.0)
MILD = (5e-324, 1e-300, 2e-300, 1e-200)


def drawn_from(numbers):
    """Each run has one of some numbers, always the same one."""

    def scoring(request):
        return numbers[int(share("extreme", request.run.id, request.run.seed) * len(numbers)) % len(numbers)]

    return scoring


@pytest.mark.parametrize("numbers", [ENDS, MILD], ids=["ends", "tiny"])
@pytest.mark.parametrize("name", ["quickstart", "screen_small", "grow_small"])
def test_a_study_of_them_is_run_decided_reported_exported_and_verified(name, numbers, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = carried_out(name, tmp_path, monkeypatch, drawn_from(numbers))
    study, _ = folder.compiled().sound()

    for form in ("html", "md", "json", "csv"):
        assert promo("report", folder.path, "--format", form) == 0, capsys.readouterr()
    for form in ("rocrate", "tensorboard", "mlflow"):
        code = promo("export", folder.path, "--to", form, "--out", tmp_path / form)
        said = capsys.readouterr()
        assert code == 0 or "is not installed" in said.err, said
    assert promo("status", folder.path, "--json") == 0
    assert promo("status", folder.path) == 0
    for what in ("evidence", "decision", "account", *(["effects"] if study.effects else [])):
        assert promo("show", what, folder.path) == 0
    for candidate in folder.state().opened[next(iter(study.stages))][:4]:
        assert promo("why", candidate, "--study", folder.path) == 0
    assert promo("report", folder.path, folder.path, "--out", tmp_path / "two.html") == 0
    if name == "quickstart":  # of such numbers there may be no noise that can be supposed
        words = ("--noise-from", folder.path, "--draws", "50")
        assert promo("simulate", tmp_path / "quickstart.promo", *words) == 2
    capsys.readouterr()
    assert promo("verify", folder.path) == 3, capsys.readouterr().out
    checked = rechecked(folder.path)
    assert checked.returncode == 3, checked.stdout + checked.stderr
