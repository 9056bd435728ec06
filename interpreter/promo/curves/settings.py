"""Settings from what a mapping file and a spec say."""

import tomllib

from promo.base.classes import evolve
from promo.base.errors import PromoError
from promo.base.units import is_digits
from promo.curves.values import Column, Settings
from promo.study.values import Study

_TABLES = ("columns", "units", "candidates", "hosts", "seeds")


def with_mapping(settings: Settings, name: str, text: str) -> Settings:
    """
    Settings with what a mapping file says; what is there already stays.

    Raises:
        PromoError: it is no TOML, or holds something else.
    """
    try:
        stored = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise PromoError(f"the mapping {name} is not TOML: {fault}") from fault
    for table, content in stored.items():
        if table not in _TABLES or not isinstance(content, dict):
            raise PromoError(f"the mapping {name} has no table '{table}' to say", hint=f"tables: {', '.join(_TABLES)}")
        wrong = [key for key, value in content.items() if not isinstance(value, str)]
        if wrong:
            raise PromoError(f"the mapping {name}: '{wrong[0]}' in [{table}] is not text", hint='write it in "..."')
    said = {table: stored.get(table, {}) for table in _TABLES}
    return evolve(
        settings,
        columns={**{column_of(key): value for key, value in said["columns"].items()}, **settings.columns},
        units={**{column_of(key): value for key, value in said["units"].items()}, **settings.units},
        candidates={**said["candidates"], **settings.candidates},
        hosts={**said["hosts"], **settings.hosts},
        seeds={**{seed_of(key): value for key, value in said["seeds"].items()}, **settings.seeds},
    )


def with_spec(settings: Settings, study: Study) -> Settings:
    """Settings with what the spec's curves block says; what is there already stays."""
    said = study.curves
    if said is None:
        return settings
    labels = said.labels
    return evolve(
        settings,
        layout=said.layout if settings.layout == "table" else settings.layout,
        columns={**{Column(word): name for word, name in said.columns.items()}, **settings.columns},
        units={**{Column(word): unit for word, unit in said.units.items()}, **settings.units},
        candidates={**{name: labels[name] for name in study.candidates if name in labels}, **settings.candidates},
        hosts={**{name: labels[name] for name in study.hosts if name in labels}, **settings.hosts},
        seeds={**{int(name): label for name, label in labels.items() if is_digits(name)}, **settings.seeds},
        seeds_by=said.seeds_by if settings.seeds_by == "auto" else settings.seeds_by,
        interpolate=settings.interpolate or said.interpolate,
    )


def column_of(word: str) -> Column:
    """
    A column by its word.

    Raises:
        PromoError: there is none.
    """
    try:
        return Column(word)
    except ValueError as fault:
        hint = f"use: {', '.join(one.value for one in Column)}"
        raise PromoError(f"no column of a table is called '{word}'", hint=hint) from fault


def seed_of(word: str) -> int:
    """
    A seed of a spec by its word.

    Raises:
        PromoError: it is no whole number.
    """
    if not is_digits(word):
        raise PromoError(f"'{word}' is not a seed of a spec")
    return int(word)
