"""The rules of security that have no test of their own elsewhere; the table at the end says where the others are."""

import ast
import json
import re
import sys
from pathlib import Path

import pytest

from promo.base.canonical import parse_json
from promo.base.codec import from_json
from promo.base.resources import template_folder
from promo.driver.bundle import ALONG, NAME
from promo.evidence.values import Evidence
from promo.report.render import _environment
from promo.run.disk import RealDisk
from promo.run.locks import lock_study
from promo.run.redact import redact
from promo.run.runners.files.program import _filled
from support import INLINE, codes, compiled, promo, spec

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "interpreter" / "promo").rglob("*.py"), ROOT / "templates" / "recheck.py"])
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "dbm"}


UNSAFE_CALLS = {"eval", "exec", "compile", "os.system", "os.popen", "torch.load", "__import__"}


def dotted(node):
    """The dotted name of what is called; what is called of anything else than a name begins with a dot."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{dotted(node.value)}.{node.attr}"
        case _:
            return ""


def unsafe(node):
    """What a place in a module does that none may do."""
    match node:
        case ast.Import() | ast.ImportFrom():
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from {name.split(".")[0] for name in names} & UNSAFE_MODULES
        case ast.Call():
            name = dotted(node.func)
            if name in UNSAFE_CALLS or name.endswith("create_subprocess_shell"):
                yield name
            if any(word.arg == "shell" for word in node.keywords):
                yield f"{name} with a shell"
            text = any(isinstance(one, (ast.JoinedStr, ast.Constant)) for one in node.args[:1])
            if name.startswith("subprocess.") and text:
                yield f"{name} of a text"


def test_no_module_unpickles_evaluates_or_starts_a_shell():
    found = {}
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        some = [f"line {node.lineno}: {one}" for node in ast.walk(tree) for one in unsafe(node)]
        found |= {path.relative_to(ROOT).as_posix(): some} if some else {}

    assert found == {}


def test_what_is_unsafe_is_seen():
    lines = (
        "import pickle", "from marshal import load", "eval(x)", "torch.load(x)", "asyncio.create_subprocess_shell(x)",
        "a().create_subprocess_shell(x)", "run(x, shell=False)", "subprocess.run('ls')", "subprocess.run(f'{x}')",
    )  # fmt: skip
    for line in lines:
        assert [one for node in ast.walk(ast.parse(line)) for one in unsafe(node)], line


HOSTILE = "$(touch owned); `touch owned` && {python} -la --"
RUNNER = f"""promo_runner = 1
name = "echo"
budgets = ["wall", "steps"]

[metrics.loss]
unit = "pt"
better = "lower"

[factors.word]
unit = "kind"
default = "plain"
choices = ["plain", {json.dumps(HOSTILE)}]

[command]
argv = ["{{python}}", "echo.py", "--result={{result}}", "--", "{{word}}"]
files = ["echo.py"]
"""
ECHO = f"""import json, sys
same = sys.argv[2:] == ["--", {HOSTILE!r}] or sys.argv[2:] == ["--", "plain"]
with open(sys.argv[1].partition("=")[2], "w") as file:
    json.dump({{"metrics": {{"loss": 1.0 if same else 9.0}}, "steps": 1, "tokens": 1}}, file)
"""


def test_a_word_of_a_spec_reaches_a_program_as_one_argument_as_it_is(workplace, capsys):
    (workplace / "echo.toml").write_text(RUNNER, encoding="utf-8")
    (workplace / "echo.py").write_text(ECHO, encoding="utf-8")
    text = f"""promo 1

study trial {{
  title    "Words"
  measure  loss in pt, lower is better
  runner   "echo.toml"
}}

host box {{
  device   "cpu" on any
  slots    1
}}

factor word: kind in ["plain", {json.dumps(HOSTILE)}] default "plain"

candidate base as reference
candidate wild like base {{ word = {json.dumps(HOSTILE)} }}

stage short {{
  train    base, wild for 1steps
  cap      1min
  on       box
  seeds    1
  report   only
}}
"""
    (workplace / "trial.promo").write_text(text, encoding="utf-8")
    promo("check", "trial.promo")
    pin = re.search(r"pinned sha256:[0-9a-f]+", capsys.readouterr().err)[0]
    (workplace / "trial.promo").write_text(text.replace('"echo.toml"', f'"echo.toml" {pin}'), encoding="utf-8")

    assert promo("run", "trial.promo", "--quiet") == 0
    evidence = from_json(Evidence, parse_json((workplace / "trial.study/evidence/short.json").read_bytes()))
    assert [(row.candidate, [cell.value for cell in row.cells]) for row in evidence.rows] == [
        ("base", ["1.0"]),
        ("wild", ["1.0"]),
    ]
    assert not list(workplace.rglob("owned"))


def test_what_is_filled_in_is_not_filled_in_again():
    assert _filled("{a}-{b}-{other}", {"a": "{b}", "b": "{a}"}) == "{b}-{a}-{other}"


BAD_NAMES = [
    "..", "../up", "/etc/passwd", "a/b", "a\\b", "a\0b", "con", "NUL", "\u202eevil", "a" * 300, "-rf", "a b", ".hidden",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_no_name_leads_out_of_its_folder(name):
    assert codes(spec(extra=f"candidate {name} like base {{ size = 32 }}")) != []
    assert not NAME.fullmatch(f"runs/{name}/base-box-s1/attempt-1/result.json") or name.lower() in ("con", "nul")
    # What a program left in its attempt has the name that it gave it, and lies there.
    inside = not NAME.fullmatch(f"runs/short/base-box-s1/attempt-1/{name}")
    nested = not NAME.fullmatch(f"runs/short/base-box-s1/attempt-1/program/{name}")
    assert (inside and nested) or name in ("con", "NUL", "a/b", "-rf", "a b", ".hidden")
    assert not ALONG.fullmatch(name)


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_an_import_writes_through_no_link(workplace, capsys):
    text = spec("use", "gate", "rule", "stage long", host=INLINE).replace(
        "on box\n  seeds 1, 2", "on box\n  seeds 1\n  report only"
    )
    for name in ("a", "b"):
        (workplace / name).mkdir()
        (workplace / name / "trial.promo").write_text(text, encoding="utf-8")
    assert promo("run", "b/trial.promo", "--quiet") == 0
    assert promo("bundle", "b/trial.promo", "--out", "b.bundle") == 0
    assert promo("run", "a/trial.promo", "--quiet", "--freeze-only") == 0
    (workplace / "elsewhere").mkdir()
    (workplace / "a" / "trial.study" / "runs").symlink_to(workplace / "elsewhere")

    assert promo("import", "b.bundle", "a/trial.promo") == 2
    assert "is a link" in capsys.readouterr().err
    assert not list((workplace / "elsewhere").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="needs modes")
def test_a_study_folder_that_everybody_may_write_in_is_refused(workplace, capsys):
    (workplace / "trial.promo").write_text(spec(), encoding="utf-8")
    (workplace / "trial.study").mkdir()
    (workplace / "trial.study").chmod(0o777)

    assert promo("run", "trial.promo", "--quiet") == 2
    assert "everybody can write" in capsys.readouterr().err
    (workplace / "trial.study").chmod(0o755)
    lock_study(workplace / "trial.study", RealDisk()).close()


def test_templates_escape_refuse_what_is_not_there_and_quote_every_attribute():
    environment = _environment()
    assert environment.autoescape is True
    with pytest.raises(Exception, match="undefined"):
        environment.from_string("{{ nothing }}").render()
    for path in template_folder().glob("*.html.j2"):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r"=\{\{", text), path.name  # an attribute without quotes is not escaped
        assert "|safe" not in text.replace(" ", ""), path.name
        assert not re.findall(r"(?:href|src)=\"\{\{", text), path.name  # nor is a scheme


TELLING = [
    b"sk-",
    b"://",
    b"api_key=",
    b"-----BEGIN PRIVATE KEY-----",
    b"Bearer ",
    b"AKIA",
    b"eyJ-",
    b"eyJaaaaaaaaaa.eyJ-",
    b"npm_",
]


def test_looking_for_secrets_takes_time_linear_in_the_log_whatever_stands_in_it():
    import time

    for word in TELLING:
        for content in (word * 20_000, word + b"a" * 100_000, (word + b"a:") * 10_000):
            began = time.process_time()
            assert len(redact(content)) == len(content)
            assert time.process_time() - began < 1


BOMBS = {
    "a number of a million digits": "size = " + "9" * 1_000_000,
    "an exponent without end": "size = 1e999999999",
    "powers of powers": "size = 9^9^9^9^9",
    "brackets in brackets": "size = " + "(" * 100_000 + "1" + ")" * 100_000,
}


@pytest.mark.parametrize("clause", BOMBS.values(), ids=BOMBS)
def test_no_text_makes_promo_think_for_long(clause):
    import time

    began = time.process_time()
    assert compiled(spec(extra=f"candidate bomb like base {{ {clause} }}")).diagnostics
    assert time.process_time() - began < 5


def test_more_runs_than_anybody_can_mean_are_counted_and_not_made():
    stage = "stage short {\n  train four for 1s\n  on box\n  seeds 1..9999999\n  report only\n}"

    assert codes(spec("stage long", "gate", "rule", "use", stage_short=stage))


ELSEWHERE = {
    "secrets in the environment": ("tests/driver/test_run.py", "test_secrets_of_the_calling_shell_reach_no_file"),
    "an allow-list of variables": ("tests/run/test_supervise.py", "test_a_worker_sees_only_the_variables_it_may"),
    "secrets in logs and causes": ("tests/run/test_supervise.py", "test_keys_that_a_run_prints_or_fails_with"),
    "secrets in a command's words": ("tests/run/test_provenance.py", "test_a_start_records_its_words_without_places"),
    "modes of files": ("tests/driver/test_run.py", "test_a_study_and_its_ledger_are_for_their_owner_alone"),
    "links and paths in archives": ("tests/driver/test_bundle.py", "test_links_in_a_bundle_are_refused"),
    "texts of users in a report": ("tests/report/test_report.py", "test_texts_of_users_stay_texts"),
    "nothing fetched": ("tests/report/test_report.py", "test_nothing_is_fetched_and_nothing_runs"),
    "safetensors alone": ("tests/run/gpt/test_checkpoint.py", "test_tensors_are_read_by_safetensors_alone"),
    "time linear in the text": ("tests/syntax/test_hostile.py", "test_ten_times_the_text_takes_about_ten_times"),
    "a design counted first": ("tests/cli/test_commands.py", '"a huge design"'),
    "formulas run nothing": ("tests/run/files/test_runner_files.py", "test_formulas_are_exact_and_run_nothing"),
}


@pytest.mark.parametrize(("path", "name"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_the_other_rules_have_their_test_where_their_room_is(path, name):
    assert name in (ROOT / path).read_text(encoding="utf-8")
