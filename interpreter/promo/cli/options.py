"""The words and options that each command takes."""

import argparse


def _add_spec(options: argparse.ArgumentParser) -> None:
    options.add_argument("spec", metavar="SPEC", help="a .promo file")


def _new(options: argparse.ArgumentParser) -> None:
    options.add_argument("name", metavar="NAME", nargs="?", help="name of the files; default: the script's")
    options.add_argument("--from", dest="script", metavar="SCRIPT", help="a Python script; default: ask")
    options.add_argument("--metric", metavar="NAME", help="the number that decides, as the script prints it")
    options.add_argument("--better", choices=("lower", "higher"), help="whether lower or higher is better")
    options.add_argument(
        "--vary", metavar="NAME=A,B", help="the setting to compare, and its values besides the default"
    )
    options.add_argument("--takes", metavar="TIME", default="10min", help="about how long a run takes; default: 10min")
    options.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="a setting of every run")


def _runner(options: argparse.ArgumentParser) -> None:
    options.add_argument("name", metavar="NAME|FILE", nargs="?", help="a runner; default: list those installed")
    options.add_argument("--json", action="store_true", help="print it as JSON")
    options.add_argument("--check", action="store_true", help="run the conformance checks on what it declares")
    options.add_argument(
        "--try", dest="attempt", action="store_true", help="also train with it twice, for a few seconds"
    )
    options.add_argument("--set", metavar="FACTOR=LEVEL", action="append", default=[], help="levels for --try")
    options.add_argument("--threads", metavar="N,M", default="", help="measure tokens/s on this machine by threads")


def _executor(options: argparse.ArgumentParser) -> None:
    options.add_argument("name", metavar="NAME", nargs="?", help="an executor; default: list those installed")
    options.add_argument("--try", dest="attempt", action="store_true", help="start attempts with it that train nothing")
    options.add_argument("--option", metavar="NAME=VALUE", action="append", default=[], help="options for --try")


def _check(options: argparse.ArgumentParser) -> None:
    options.add_argument("specs", metavar="SPEC", nargs="+", help=".promo files, or - for standard input")
    forms = ("text", "json", "sarif", "github")
    options.add_argument("--format", choices=forms, default="text", help="form of the findings")
    options.add_argument("--style", action="store_true", help="also warn of files that are not formatted")
    options.add_argument("--all", action="store_true", help="list everything that could follow where parsing stopped")
    options.add_argument("--fix", action="store_true", help="make the safe fixes in the file, report the rest")


def _explain(options: argparse.ArgumentParser) -> None:
    options.add_argument("words", metavar="CODE", nargs="*", help="codes, or: seal GATE SPEC; default: list all codes")
    options.add_argument("--json", action="store_true", help="seal: print it as JSON")


def _fmt(options: argparse.ArgumentParser) -> None:
    options.add_argument("specs", metavar="SPEC", nargs="+", help=".promo files, or - for standard input")
    options.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file is not formatted")
    options.add_argument("--diff", action="store_true", help="change nothing; print what would change")


def _read(options: argparse.ArgumentParser) -> None:
    options.add_argument("specs", metavar="SPEC", nargs="+", help=".promo files")


def _completion(options: argparse.ArgumentParser) -> None:
    options.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell")


def _lsp(options: argparse.ArgumentParser) -> None:
    options.add_argument("--stdio", action="store_true", help="speak on standard input and output, the only transport")


def _show(options: argparse.ArgumentParser) -> None:
    what = ("syntax", "spec", "plan", "evidence", "effects", "decision", "account")
    options.add_argument("what", choices=what, help="which value to print, as JSON")
    options.add_argument("place", metavar="SPEC|STUDY", help="a .promo file or a study folder")
    options.add_argument(
        "name", nargs="?", help="evidence: a stage; effects: their name; decision: a gate or rule; default: all"
    )
    _add_study(options)


def _design(options: argparse.ArgumentParser) -> None:
    _add_spec(options)
    options.add_argument("name", metavar="NAME", nargs="?", help="a design; default: all")
    options.add_argument(
        "--split", metavar="HOSTS", type=_whole, choices=(2, 4, 8), default=2, help="hosts to divide over"
    )
    unit = "in the measure's unit"
    options.add_argument("--power", action="store_true", help="print the power of its effects instead")
    options.add_argument("--size", metavar="D", type=_number, help=f"power: of an effect of this size, {unit}")
    options.add_argument(
        "--noise", metavar="SD", type=_number, help=f"power: noise between seeds, {unit}; default: the spec's"
    )
    options.add_argument("--wanted", metavar="P", type=_number, default=0.8, help="power to aim for; default: 0.8")
    options.add_argument("--hosts", metavar="N", type=_whole, help="power: with N hosts; default: those of the stages")
    options.add_argument("--seeds", metavar="N", type=_whole, help="power: with N seeds; default: those of the stages")
    options.add_argument("--json", action="store_true", help="print it as JSON")


def _plan(options: argparse.ArgumentParser) -> None:
    _add_spec(options)
    options.add_argument("--json", action="store_true", help="print the plan as JSON")
    options.add_argument("--all", action="store_true", help="list every possible run")
    options.add_argument("--out", metavar="FILE", type=_file, help="write the plan to a file that promo run takes")
    options.add_argument("--diff", metavar="OLD", help="say what changed since a plan file or an earlier spec")


def _simulate(options: argparse.ArgumentParser) -> None:
    _add_spec(options)
    unit = "in the measure's unit"
    options.add_argument(
        "--noise", type=_number, metavar="SD", help=f"noise between seeds, {unit}; default: the spec's"
    )
    options.add_argument(
        "--gap", type=_number, metavar="D", help="lead of the candidate that is truly best; default: one SD of noise"
    )
    options.add_argument(
        "--spread", type=_number, default=0.0, metavar="SD", help="spread of the others' true values; default: 0"
    )
    lag = "growth: correlation of the lag with the end of training; default: 0,0.25,0.5,0.75,0.9,0.95,1"
    options.add_argument("--correlation", metavar="A,B", help=lag)
    options.add_argument(
        "--relax", type=_number, default=0.0, metavar="SD", help="spread of short-budget penalties; default: 0"
    )
    options.add_argument(
        "--exponent", type=_number, default=0.5, metavar="X", help="penalties fall as budget^-X; default: 0.5"
    )
    level = "true value of those behind the best; needed where a rule asks for a level"
    options.add_argument("--level", type=_number, metavar="X", help=level)
    options.add_argument(
        "--shared",
        type=_number,
        default=0.0,
        metavar="SD",
        help="noise that all candidates of a cell share; default: 0",
    )
    options.add_argument(
        "--host-noise", type=_number, default=0.0, metavar="SD", help="spread of candidate x host; default: 0"
    )
    options.add_argument("--size", type=_number, metavar="D", help=f"also: power of an effect of this size, {unit}")
    options.add_argument("--wanted", metavar="P", type=_number, default=0.8, help="power to aim for; default: 0.8")
    options.add_argument(
        "--vary",
        nargs=2,
        metavar=("WHAT", "VALUES"),
        help="noise, gap, relax, exponent, margin: 0.5x,2x; seeds, hosts, keep: 1..4; share: 25%%,50%%",
    )
    options.add_argument("--plot", metavar="FILE", type=_file, help="draw the table, or what is varied, as SVG")
    options.add_argument(
        "--best", metavar="NAME", help="the candidate that is truly best; default: the first that is not always kept"
    )
    options.add_argument(
        "--near", metavar="D", type=_number, help="also: how often a candidate this close to the best remains"
    )
    options.add_argument("--noise-from", metavar="PLACE", help="measure the noise in a study or a table of runs")
    options.add_argument("--column", metavar="NAME", help="column of the table; default: the measure")
    options.add_argument("--draws", type=_whole, default=20_000, metavar="N", help="simulated studies; default: 20000")
    options.add_argument("--seed", type=_whole, default=1, metavar="N", help="seed of the draws; default: 1")
    options.add_argument("--json", action="store_true", help="print the figures as JSON")


def _freeze(options: argparse.ArgumentParser) -> None:
    _add_spec(options)
    options.add_argument(
        "--again", action="store_true", help="renew the seals of rules that were changed after sealing"
    )
    _add_study(options)


def _whole(text: str) -> int:
    from promo.base.units import whole_of

    try:
        return whole_of(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number") from fault


def _number(text: str) -> float:
    from promo.base.units import float_of

    try:
        return float_of(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"'{text}' is no number") from fault


def _file(text: str) -> str:
    """
    A place to write to; no stream, for what is written has several files or is renamed once it is whole.

    Nor the nothing that a variable of a shell leaves which is not set.
    """
    if text in ("", "-"):
        raise argparse.ArgumentTypeError(f"'{text}' is no file; name one")
    return text


def _folder(text: str) -> str:
    """The name of a folder; not the nothing that a variable of a shell leaves which is not set."""
    if not text:
        raise argparse.ArgumentTypeError("it names no folder")
    return text


def _run(options: argparse.ArgumentParser) -> None:
    options.add_argument("spec", metavar="SPEC|PLAN", help="a .promo file, or a plan that promo plan --out wrote")
    options.add_argument("--host", metavar="HOST", help="carry out only this host's runs; see promo bundle")
    death = "what runs do when promo itself dies: end with it (kill, the default), or run to their end (finish)"
    options.add_argument("--on-orchestrator-death", choices=("kill", "finish"), default="kill", help=death)
    options.add_argument("--plain", action="store_true", help="one line per event instead of a live display")
    options.add_argument("--quiet", action="store_true", help="no progress, only the result")
    shared = "a folder that workers on other machines see: runs, text and program lie there, the ledger does not"
    options.add_argument("--shared", metavar="FOLDER", type=_folder, help=shared)
    freeze_only = "freeze the study, write its checkpoint for others to attest to, and train nothing yet"
    options.add_argument("--freeze-only", action="store_true", help=freeze_only)
    _add_study(options)


def _add_curves(options: argparse.ArgumentParser, *, required: bool = True) -> None:
    options.add_argument(
        "--curves", metavar="FILE", required=required, help="recorded curves: .csv, .csv.gz, .tsv, .parquet"
    )
    _add_reading(options)


def _add_reading(options: argparse.ArgumentParser) -> None:
    """How a table is read."""
    tools = ("autoresearch", "wandb", "mlflow", "optuna")
    options.add_argument("--from", dest="layout", choices=tools, default="table", help="the tool that wrote the table")
    what = "config, run, seed, host, step, seconds, tokens, value or status"
    options.add_argument("--column", metavar="WHAT=COLUMN", action="append", default=[], help=f"WHAT is {what}")
    options.add_argument(
        "--unit", metavar="WHAT=UNIT", action="append", default=[], help="unit of a column: seconds=min"
    )
    mapping = "a candidate, host or seed of the spec and its label in the table"
    options.add_argument("--map", metavar="NAME=LABEL", action="append", default=[], help=mapping)
    options.add_argument("--mapping", metavar="FILE", help="the same in TOML: columns, units, candidates, hosts, seeds")
    by = ("auto", "label", "order")
    options.add_argument("--seeds", choices=by, default="auto", help="match seeds by label, or in the order of labels")
    options.add_argument("--interpolate", choices=("linear",), help="read between two points; the study records it")


def _replay(options: argparse.ArgumentParser) -> None:
    _add_spec(options)
    _add_curves(options)
    options.add_argument("--plain", action="store_true", help="one line per event instead of a live display")
    options.add_argument("--quiet", action="store_true", help="no progress, only the result")
    _add_study(options)


def _compare(options: argparse.ArgumentParser) -> None:
    _add_spec(options)
    _add_curves(options)
    options.add_argument("--eta", type=_whole, default=3, help="one in ETA is promoted at every rung; default: 3")
    rungs = "budgets of the methods: A,B,C, or LEAST..MOST in powers of ETA; default: those of the stages"
    options.add_argument("--rungs", metavar="BUDGETS", help=rungs)
    options.add_argument("--draws", type=_whole, default=200, help="how often seeds are resampled; default: 200")
    options.add_argument("--seed", type=_whole, default=1, help="seeds the draws; default: 1")
    options.add_argument("--json", action="store_true", help="print it as JSON")
    options.add_argument("--html", metavar="FILE", type=_file, help="write a page of it as well")


def _laws(options: argparse.ArgumentParser) -> None:
    several = "a study, or several for the record of their forecasts; with --curves a spec"
    options.add_argument("places", metavar="SPEC|STUDY", nargs="+", help=several)
    _add_curves(options, required=False)
    options.add_argument("--json", action="store_true", help="print it as JSON")
    _add_study(options)


def _status(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", nargs="?", help="default: the only study here")
    options.add_argument("--watch", action="store_true", help="follow it until it ends; on a terminal, in place")
    options.add_argument("--json", action="store_true", help="print it as JSON")
    _add_study(options)


def _decide(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", help="a spec whose study waits, or a study folder")
    options.add_argument("name", metavar="GATE|RULE", help="the gate or rule that waits")
    verdict = options.add_mutually_exclusive_group(required=True)
    verdict.add_argument(
        "--promote",
        metavar="NAMES",
        help="gate: candidates to promote, separated by commas; may be empty; schedule: the shape to keep",
    )
    verdict.add_argument("--continue", dest="go_on", action="store_true", help="rule: let the study continue")
    verdict.add_argument("--stop", action="store_true", help="end the study here")
    options.add_argument("--by", required=True, metavar="WHO", help="who decides")
    options.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept and shown")
    _add_study(options)


def _ask(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", nargs="?", help="default: the only study here")
    options.add_argument(
        "--out", metavar="FOLDER", type=_file, help="write requests, text and states into a new folder to send"
    )
    _add_study(options)


def _accept(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", help="the study that asked")
    told = "a folder with result.json files in it, or a table"
    options.add_argument("files", metavar="FILE", nargs="*", default=[], help=told)
    options.add_argument("--by", metavar="WHO", required=True, help="who trained them, for the record")
    lost = "an attempt that will not be trained, as promo ask names it; it is requested again if reruns are allowed"
    options.add_argument("--lost", metavar="FOLDER", action="append", default=[], help=lost)
    _add_reading(options)


def _bundle(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", nargs="?", help="default: the only study here")
    options.add_argument("--out", metavar="FILE", type=_file, help="where to write it; default: NAME-HOST.bundle")
    options.add_argument("--host", metavar="HOST", help="only what ran on this host; default: everything that ran here")
    options.add_argument("--key", metavar="FILE", help="sign it with this OpenSSH private key")
    _add_study(options)


def _import(options: argparse.ArgumentParser) -> None:
    options.add_argument("bundle", metavar="BUNDLE", help="a file that promo bundle wrote")
    options.add_argument("place", metavar="SPEC|STUDY", nargs="?", help="default: the only study here")
    options.add_argument("--key", metavar="FILE", help="refuse it unless this OpenSSH public key has signed it")
    _add_study(options)


def _amend(options: argparse.ArgumentParser) -> None:
    options.add_argument("spec", metavar="SPEC", help="the spec with the changed clauses")
    what = options.add_mutually_exclusive_group(required=True)
    what.add_argument("--gate", "--rule", metavar="GATE|RULE", help="what was changed")
    what.add_argument(
        "--budget", metavar="AMOUNT", help="a larger budget of the study, as 170gpu_h or 400usd; the spec keeps its own"
    )
    options.add_argument("--reason", required=True, metavar="TEXT", help="why; it is kept and shown")
    options.add_argument("--by", metavar="NAME", help="who amends; default: the user's name")
    _add_study(options)


def _why(options: argparse.ArgumentParser) -> None:
    options.add_argument("candidate", metavar="CANDIDATE", help="whose verdicts to explain")
    options.add_argument("gate", metavar="GATE|RULE", nargs="?", help="default: all that have seen it")
    options.add_argument("--json", action="store_true", help="print it as JSON")
    options.add_argument("--study", metavar="SPEC|STUDY", help="a spec or study folder; default: the only study here")


def _report(options: argparse.ArgumentParser) -> None:
    options.add_argument("places", metavar="SPEC|STUDY", nargs="*", help="a study, or two to see side by side")
    options.add_argument("--format", choices=("html", "md", "json", "csv"), default="html", help="default: html")
    options.add_argument(
        "--out", metavar="FILE", type=_file, help="where to write it; default: report.html (or .md, ...) in the study"
    )
    _add_study(options)


def _serve(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", nargs="?", help="default: the only study here")
    options.add_argument("--port", type=_whole, default=8471, help="on 127.0.0.1; 0 takes a free one; default: 8471")
    _add_study(options)


def _export(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", nargs="?", help="default: the only study here")
    forms = ("rocrate", "registration", "tensorboard", "mlflow")
    options.add_argument("--to", choices=forms, required=True, help="form of the export")
    options.add_argument("--gate", "--rule", metavar="GATE|RULE", help="registration, rocrate: what is registered")
    options.add_argument(
        "--out", metavar="PATH", type=_file, help="rocrate: folder or .zip; mlflow: database or tracking URI"
    )
    options.add_argument("--by", metavar="NAME", help="rocrate: who publishes it")
    options.add_argument("--license", metavar="TEXT", help="rocrate: its licence, as a URL or in words")
    _add_study(options)


def _place(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", nargs="?", help="default: the only study here")
    _add_study(options)


def _verify(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", nargs="?", help="default: the only study here")
    receipt = "a receipt kept elsewhere; those in the ledger are checked anyway"
    options.add_argument("--anchor", metavar="FILE", action="append", default=[], help=receipt)
    options.add_argument("--key", metavar="PUB", action="append", default=[], help="public key of an outside attester")
    authority = "certificate of a time-stamping authority"
    options.add_argument("--authority", metavar="PEM", action="append", default=[], help=authority)
    announced = "a registration from promo export: whether this is the study that it announced"
    options.add_argument("--registration", metavar="FILE", action="append", default=[], help=announced)
    options.add_argument("--json", action="store_true", help="print it as JSON")
    _add_study(options)


def _cosign(options: argparse.ArgumentParser) -> None:
    options.add_argument("note", metavar="NOTE", help="a checkpoint, or one that others have signed already")
    options.add_argument(
        "--key", metavar="PEM", required=True, help="Ed25519 private key, as openssl genpkey writes it"
    )
    options.add_argument("--name", metavar="NAME", required=True, help="who signs, such as witness.example.org/w1")
    options.add_argument(
        "--plain", action="store_true", help="sign the text alone, as the ledger's owner, without a time"
    )
    options.add_argument("--out", metavar="FILE", type=_file, help="where to write it; default: NOTE.cosigned")


def _anchor(options: argparse.ArgumentParser) -> None:
    options.add_argument("place", metavar="SPEC|STUDY", help="a spec whose study was frozen, or a study folder")
    options.add_argument(
        "receipt", metavar="RECEIPT", nargs="?", help="a .sig or .tsr next to its note, .tag, .cosigned"
    )
    options.add_argument("--key", metavar="PUB", action="append", default=[], help="public key of who made it")
    authority = "certificate of the authority that stamped it"
    options.add_argument("--authority", metavar="PEM", action="append", default=[], help=authority)
    options.add_argument("--value", metavar="VALUE", help="the published value that seeds are drawn from")
    _add_study(options)


def _add_study(options: argparse.ArgumentParser) -> None:
    options.add_argument(
        "--study", metavar="FOLDER", type=_folder, help="the study folder; default: NAME.study next to NAME.promo"
    )


OPTIONS = {
    "new": _new,
    "runner": _runner,
    "executor": _executor,
    "check": _check,
    "explain": _explain,
    "fmt": _fmt,
    "read": _read,
    "completion": _completion,
    "lsp": _lsp,
    "show": _show,
    "design": _design,
    "plan": _plan,
    "simulate": _simulate,
    "freeze": _freeze,
    "run": _run,
    "replay": _replay,
    "compare": _compare,
    "status": _status,
    "ask": _ask,
    "accept": _accept,
    "stop": _place,
    "decide": _decide,
    "bundle": _bundle,
    "import": _import,
    "amend": _amend,
    "why": _why,
    "laws": _laws,
    "report": _report,
    "serve": _serve,
    "export": _export,
    "checkpoint": _place,
    "cosign": _cosign,
    "anchor": _anchor,
    "verify": _verify,
}
"""Command -> what tells its parser of its options."""
