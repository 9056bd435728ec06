"""What a study draws on, as its ledger records it: the runner, the recorded table of a replay, the text."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, ClassVar

from promo.base.classes import frozen
from promo.base.fields import Count, Digest, Form, Measured

Said = Annotated[str, Form("text", longest=65_536)]


@frozen
class Installed:
    """A runner as it is installed: its version, its code, and what it trains with."""

    name: str
    version: int
    code: str
    versions: Mapping[str, str | None]


@frozen
class Recording:
    """The table of recorded curves that a replay reads."""

    table: str
    file: str
    digest: Digest
    interpolate: bool
    seeds_by: str
    cells: Count
    empty: Count
    """Cells for which no run was recorded."""
    repeated: Count
    """Recorded runs beyond the first of their cells."""


@frozen
class TokenText:
    """What is recorded of a text of tokens besides."""

    train_bytes: Count
    validation_bytes: Count
    train_tokens: Count
    validation_tokens: Count
    tokenizer: str
    tokenizer_digest: Digest
    vocabulary: Count
    token_width: Count
    """Bytes that one takes in the streams."""
    token_lengths_digest: Digest


@frozen
class Text:
    """A text, split and measured: the digests of its documents and of both streams."""

    source: str
    documents: Count
    bytes: Count
    digest: Digest
    train_bytes: Count
    """Bytes of the stream that is trained on."""
    train_digest: Digest
    validation_bytes: Count
    validation_digest: Digest
    overlap: Measured
    """Share of the held-out text that stands in the training text, too."""
    tokens: TokenText | None
    """None: every byte is a token."""

    def of_stream(self, number: int) -> str | None:
        """Digest of the stream that is trained on (0), that is scored (1), or of the lengths of tokens (2)."""
        lengths = None if self.tokens is None else self.tokens.token_lengths_digest
        return (self.train_digest, self.validation_digest, lengths)[number]


class InputKind(Enum):
    """How something is found that runs rest on and no study freezes."""

    PROGRAM = "program"
    """On PATH, by its name."""
    FILE = "file"
    """By its path."""
    MODULE = "module"
    """By PYTHONPATH; its name is the path from there."""
    VARIABLE = "variable"
    """In promo's environment."""


@frozen
class Input:
    """What runs rest on and was not frozen, as it was when promo started."""

    ROW: ClassVar = True

    kind: InputKind
    name: Said
    digest: Digest | None
    """None: there was none, it could not be read, or it is too large."""
    value: Said | None
    """Of a variable, where what looks like a key is starred; of a file that is too large, its size."""
