"""
Templates to code, once: Python keeps what Jinja made of one as it keeps the bytecode of a module.

To compile the page of a report takes 0.1 s, a third of what `promo report` computes.
"""

from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any
from zlib import crc32

import jinja2


class Pages(jinja2.FileSystemLoader):
    """The templates of a folder."""

    def load(self, environment: Any, name: str, globals: Any = None) -> Any:  # noqa: A002 - named as in Jinja
        """A template, from the code that was kept of it."""
        _, path, uptodate = self.get_source(environment, name)
        code = _Page(environment, name, str(path)).get_code(name)
        return environment.template_class.from_code(environment, code, globals or {}, uptodate)


class _Page(SourceFileLoader):
    """One template, compiled as if it were a module."""

    def __init__(self, environment: Any, name: str, path: str) -> None:
        super().__init__(name, path)
        self.environment = environment

    # Python's own loader of files has a method here; the stubs know a static one only.
    def source_to_code(self, data: Any, path: Any = "", **_: Any) -> CodeType:  # type: ignore[override]
        """What Jinja makes of a template."""
        code: CodeType = self.environment.compile(bytes(data).decode(), self.name, path)
        return code

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """When it was changed; another Jinja, or one that is set otherwise, makes another code of the same text."""
        known, own = super().path_stats(path), self.environment
        made_by = (jinja2.__version__, own.autoescape, own.trim_blocks, own.lstrip_blocks)
        return {**known, "mtime": crc32(f"{known['mtime']} {made_by}".encode())}
