"""Settings as the study keeps them, and as a mapping file writes them."""

import tomllib
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from promo.base.canonical import Json
from promo.base.errors import PromoError
from promo.curves.values import Column, Settings
from promo.study.values import Study

_TABLES = ("columns", "units", "candidates", "hosts", "seeds")


def settings_to_json(settings: Settings) -> dict[str, Json]:
    """Settings as stored."""
    return {
        "layout": settings.layout,
        "columns": {column.value: name for column, name in settings.columns.items()},
        "units": {column.value: unit for column, unit in settings.units.items()},
        "candidates": dict(settings.candidates),
        "hosts": dict(settings.hosts),
        "seeds": {str(seed): label for seed, label in settings.seeds.items()},
        "seeds_by": settings.seeds_by,
        "interpolate": settings.interpolate,
    }


def settings_from_json(stored: Mapping[str, Any]) -> Settings:
    """
    Stored settings.

    Raises:
        ValueError: they are no such settings.
    """
    try:
        return Settings(
            layout=str(stored["layout"]),
            columns={Column(name): str(text) for name, text in stored["columns"].items()},
            units={Column(name): str(text) for name, text in stored["units"].items()},
            candidates={name: str(text) for name, text in stored["candidates"].items()},
            hosts={name: str(text) for name, text in stored["hosts"].items()},
            seeds={int(seed): str(text) for seed, text in stored["seeds"].items()},
            seeds_by=str(stored["seeds_by"]),
            interpolate=stored["interpolate"] is True,
        )
    except (KeyError, AttributeError, TypeError) as fault:
        raise ValueError(f"{fault} is missing or of another kind") from fault


def with_mapping(settings: Settings, name: str, text: str) -> Settings:
    """
    Settings with what a mapping file says; what is there already stays.

    Args:
        settings: so far.
        name: of the file.
        text: TOML with the tables `columns`, `units`, `candidates`, `hosts` and `seeds`.

    Raises:
        PromoError: it is no TOML, or holds something else.
    """
    try:
        stored = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise PromoError(f"the mapping {name} is no TOML: {fault}") from fault
    for table, content in stored.items():
        if table not in _TABLES or not isinstance(content, dict):
            raise PromoError(f"the mapping {name} has no table '{table}' to say", hint=f"tables: {', '.join(_TABLES)}")
        wrong = [key for key, value in content.items() if not isinstance(value, str)]
        if wrong:
            raise PromoError(f"the mapping {name}: '{wrong[0]}' in [{table}] is no text", hint='write it in "..."')
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
        seeds={**{int(name): label for name, label in labels.items() if name.isdecimal()}, **settings.seeds},
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
    if not word.isdecimal():
        raise PromoError(f"'{word}' is no seed of a spec")
    return int(word)
