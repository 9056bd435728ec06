"""
Bytes to sheet: CSV and TSV, plain or gzipped, and parquet.

A sheet holds texts, so that what is wrong with a number can be said with its row.  Parquet needs the optional package
pyarrow, which is imported here and only when such a table is read.
"""

import csv
import io
from collections import Counter

from promo.base.errors import PromoError
from promo.base.reading import unpacked
from promo.curves.values import Fault, Sheet

LARGEST = 512 * 1024 * 1024
"""Bytes of text in a table, unpacked."""


def suffix_of(name: str) -> str:
    """The ending by which a table's form is known: `.csv`, `.csv.gz`, `.tsv`, `.tsv.gz` or `.parquet`; else empty."""
    return next((end for end in (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet") if name.endswith(end)), "")


def read_sheet(name: str, content: bytes) -> Sheet:
    """
    Read a table.

    Raises:
        PromoError: the form is unknown, the bytes are damaged or no text, or pyarrow is not installed.
    """
    suffix = suffix_of(name)
    if not suffix:
        raise PromoError(f"{name} is no table that promo reads", hint="use .csv, .csv.gz, .tsv, .tsv.gz or .parquet")
    if suffix == ".parquet":
        return _parquet(name, content)
    text = _text(name, _unpacked(name, content) if suffix.endswith(".gz") else content)
    return _delimited(name, text, "\t" if suffix.startswith(".tsv") else ",")


def _unpacked(name: str, content: bytes) -> bytes:
    try:
        plain = unpacked(content, LARGEST)
    except ValueError as fault:
        raise PromoError(f"{name} is no sound gzip file: {fault}") from fault
    if len(plain) > LARGEST:
        raise PromoError(f"{name} is larger than {LARGEST // 2**20} MiB")
    return plain


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise PromoError(f"{name} is not UTF-8 text: byte {fault.start}") from fault


def _delimited(name: str, text: str, delimiter: str) -> Sheet:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = tuple(cell.strip() for cell in next(reader, []))
        rows, faults = [], []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                faults.append(Fault(reader.line_num, f"{len(cells)} cells under {len(header)} columns"))
                continue
            rows.append((reader.line_num, {key: cell.strip() for key, cell in zip(header, cells, strict=True)}))
    except csv.Error as fault:
        raise PromoError(f"{name}, row {reader.line_num}: {fault}") from fault
    return _sheet(name, header, rows, faults)


def _parquet(name: str, content: bytes) -> Sheet:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as fault:
        hint = "pip install 'promo-lang[parquet]', or save the table as .csv"
        raise PromoError(f"{name} is a parquet table, and pyarrow is not installed", hint=hint) from fault
    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowException, OSError, ValueError) as fault:
        raise PromoError(f"{name} is not a valid parquet file: {str(fault).splitlines()[0][:200]}") from fault
    texts = ({key: "" if cell is None else str(cell) for key, cell in row.items()} for row in table.to_pylist())
    return _sheet(name, tuple(table.column_names), list(enumerate(texts, start=2)), [])


def _sheet(name: str, header: tuple[str, ...], rows: list[tuple[int, dict[str, str]]], faults: list[Fault]) -> Sheet:
    if not header or not (rows or faults):
        raise PromoError(f"{name} has {'no rows under its header' if header else 'no header'}")
    twice = min((column for column, count in Counter(header).items() if count > 1), default=None)
    if twice is not None:
        raise PromoError(f"{name} has several columns called '{twice}'", hint="rename them")
    return Sheet(name, header, tuple(rows), tuple(faults))
