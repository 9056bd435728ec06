"""`promo export`: a study for other tools."""

from argparse import Namespace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from promo.base.errors import ExitCode, PromoError
from promo.cli.places import study_of
from promo.cli.spec import compile_file
from promo.cli.terminal import put
from promo.driver.study import SUFFIX, StudyFolder, study_folder
from promo.report.words import plural

if TYPE_CHECKING:
    from promo.exchange.registration import Registration


def export(options: Namespace) -> int:
    """Write a study in the form that another tool reads."""
    return _FORMS[options.to](options)


def _tensorboard(options: Namespace) -> int:
    from promo.driver.export import write_tensorboard

    folder = study_of(options.place, options.study)
    out = Path(options.out or f"{_name(folder)}.tensorboard")
    count = write_tensorboard(folder, out)
    put(f"{out}: {plural(count, 'run')}; look at them with: tensorboard --logdir {out}")
    return ExitCode.DONE


def _mlflow(options: Namespace) -> int:
    from promo.driver.export import tracking_uri, write_mlflow

    folder = study_of(options.place, options.study)
    place = options.out or f"{_name(folder)}.mlflow.db"
    written, known = write_mlflow(folder, place)
    there = f", {known} were there already" if known else ""
    look = "" if "://" in place else f"; look at them with: mlflow ui --backend-store-uri {tracking_uri(place)}"
    put(f"{place}: {plural(written, 'run')} written{there}{look}")
    return ExitCode.DONE


def _rocrate(options: Namespace) -> int:
    from promo.driver.crate import write_crate, write_gate_crate
    from promo.exchange.crate import Making

    making = Making(options.by or "", options.license or "")
    if options.gate:
        name, spec, made = _registered(options)
        out = Path(options.out or f"{name}.{options.gate}.crate")
        count, what = write_gate_crate(made, spec, out, making), _comparison(options, out / "registration.json")
    else:
        folder = study_of(options.place, options.study)
        out = Path(options.out or f"{_name(folder)}.crate")
        count, what = write_crate(folder, out, making), f"promo verify {out}"
    unpacked = "" if out.suffix == ".zip" else f"; check it with: {what}"
    put(f"{out}: {plural(count, 'file')}{unpacked}")
    return ExitCode.DONE


def _registration(options: Namespace) -> int:
    from promo.driver.registration import write_registration

    if not options.gate:
        raise PromoError("a registration is of one gate or rule", hint="add --gate NAME")
    name, _, made = _registered(options)
    out = Path(options.out or f"{name}.{options.gate}.registration.json")
    for path in write_registration(made, out):
        put(str(path))
    put(f"sealed sha256:{made.seal}; check it with: {_comparison(options, out)}")
    return ExitCode.DONE


def _comparison(options: Namespace, registration: Path) -> str:
    """The command that compares a study with what was announced."""
    study = quote(options.study or options.place or "STUDY")
    return f"promo verify {study} --registration {quote(str(registration))}"


def _registered(options: Namespace) -> tuple[str, str, "Registration"]:
    """What a spec or its study is called, the text of the spec, and the registration of the rule that is asked for."""
    from promo.driver.registration import register_spec, register_study

    spec = Path(options.place) if options.place else None
    if spec is not None and spec.is_file() and not options.study and not study_folder(spec, None).exists:
        compiled = compile_file(options.place)
        return spec.stem, compiled.source.text, register_spec(compiled, options.gate)
    folder = study_of(options.place, options.study)
    return _name(folder), folder.compiled().source.text, register_study(folder, options.gate)


def _name(folder: StudyFolder) -> str:
    return folder.path.name.removesuffix(SUFFIX)


_FORMS = {"tensorboard": _tensorboard, "mlflow": _mlflow, "rocrate": _rocrate, "registration": _registration}
