"""
Tokens: a tokenizer that is data, and shards of text that was encoded before.

A tokenizer is a file of byte strings in the order of their ranks, as byte-pair encoding makes them: `.tiktoken`
(lines of base64 and rank), or `.json` with the pattern that cuts a text before it is encoded:

    {"promo_tokenizer": 1, "pattern": "...", "tokens": ["IQ==", "Ig==", ...]}

The data block says how many tokens there are.  Those behind the last rank are special: they stand for no byte, and
the first of them stands before every document.  Nothing is unpickled, and nothing is fetched.  Text is encoded by
tiktoken; shards need no library, because the byte strings alone say how long every token is.
"""

import base64
import binascii
import sys
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

from promo.base.canonical import digest_bytes, parse_json
from promo.base.classes import frozen
from promo.base.errors import PromoError
from promo.base.reading import LARGE, RECORD, read_plain
from promo.base.units import is_digits
from promo.study.data import Tokens

FORM = 1
MOST_SPECIAL = 1024
"""More tokens than this behind the last rank are no special tokens but a wrong number in the data block."""
PIECE = 4096
"""Tokens of a document, in a shard that does not say where its documents end."""
HEADER_BYTES = 1024
FORMS = {(20240520, 1): "H", (20240801, 7): "I"}
"""Magic and version of a shard -> width of its tokens.  Source: the shards of llm.c, for GPT-2 and for Llama 3."""
PICKLES = (".pkl", ".pickle", ".pt", ".bin", ".model")


@frozen
class Tokenizer:
    """Byte strings by rank, and how a text is cut before it is encoded."""

    path: str
    digest: str
    ranks: tuple[bytes, ...]
    pattern: str | None
    vocabulary: int

    @property
    def code(self) -> str:
        """How one token is kept: `H` 16 bits, `I` 32 bits."""
        return "H" if self.vocabulary <= 2**16 else "I"

    @property
    def separator(self) -> bytes:
        """The special token that stands before a document; nothing where there is none."""
        return little(array(self.code, [len(self.ranks)])) if self.vocabulary > len(self.ranks) else b""

    @property
    def lengths(self) -> bytes:
        """Bytes that each token stands for, 32 bits each; none for a special one."""
        special = self.vocabulary - len(self.ranks)
        return little(array("I", [*map(len, self.ranks), *[0] * special]))

    def encode(self, documents: Sequence[bytes]) -> bytes:
        """Tokens of some documents, one behind the other."""
        try:
            import tiktoken
        except ImportError as fault:
            raise PromoError(
                f"the tokenizer '{self.path}' needs tiktoken, which is not installed",
                hint="pip install 'promo-lang[tokens]'",
            ) from fault
        if self.pattern is None:
            raise PromoError(
                f"the tokenizer '{self.path}' does not say how text is cut, so only shards can be read with it",
                hint='keep its tokens with their pattern in a .json: {"promo_tokenizer": 1, "pattern": ..., ...}',
            )
        try:
            ranks = {token: rank for rank, token in enumerate(self.ranks)}
            encoding = tiktoken.Encoding(self.path, pat_str=self.pattern, mergeable_ranks=ranks, special_tokens={})
        except ValueError as fault:
            raise PromoError(f"tiktoken refuses the tokenizer '{self.path}': {fault}") from fault
        # Without a special token a document ends as one in a byte stream does.
        ending = "" if self.separator else "\n\n"
        parts = (little(array(self.code, encoding.encode_ordinary(one.decode() + ending))) for one in documents)
        return b"".join(self.separator + part for part in parts)

    def bytes_of(self, stream: bytes) -> int:
        """Bytes of text that a stream of tokens stands for."""
        lengths = [*map(len, self.ranks), *[0] * (self.vocabulary - len(self.ranks))]
        return sum(map(lengths.__getitem__, numbers(stream, self.code)))


def little(values: "array[int]") -> bytes:
    """Numbers as bytes, the lowest first, on every machine."""
    if sys.byteorder == "big":
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def numbers(content: bytes, code: str) -> "array[int]":
    """The inverse of `little`."""
    values = array(code)
    values.frombytes(content)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def read_tokenizer(declared: Tokens, spec_folder: Path) -> Tokenizer:
    """
    The tokenizer that a data block names.

    Raises:
        PromoError: it is missing, not as pinned, no tokenizer, or of another size than declared.
    """
    path = spec_folder / declared.path
    inside = not Path(declared.path).is_absolute() and ".." not in Path(declared.path).parts
    if not inside:
        raise PromoError(f"'{declared.path}' is not a path below the spec", hint="put the tokenizer next to the spec")
    if path.suffix in PICKLES:
        raise PromoError(
            f"{path} would have to be unpickled, which could run anything",
            hint="write its tokens to a .json or .tiktoken file",
        )
    try:
        content = read_plain(path, RECORD)
    except OSError as fault:
        raise PromoError(f"the tokenizer {path} cannot be read: {fault.strerror or fault}") from fault
    found = digest_bytes(content)
    if declared.pinned and not found.startswith(declared.pinned.removeprefix("sha256:")):
        message = f"the tokenizer '{declared.path}' is not the one that is pinned: it is sha256:{found[:12]}"
        raise PromoError(message, hint="restore the file, or pin this one")
    try:
        ranks, pattern = _json(content) if path.suffix == ".json" else (_lines(content), None)
    except ValueError as fault:
        raise PromoError(f"{path} is not a tokenizer: {fault}") from fault
    known = set(ranks)
    missing = next((byte for byte in range(256) if bytes([byte]) not in known), None)
    if missing is not None:
        raise PromoError(f"{path} is not a byte tokenizer: none of its tokens is the byte {missing}")
    if not 0 <= declared.vocabulary - len(ranks) <= MOST_SPECIAL:
        raise PromoError(
            f"the tokenizer '{declared.path}' has {len(ranks)} tokens, and the data block says {declared.vocabulary}",
            hint=f"write: of {len(ranks)}tok, and more only for special tokens",
        )
    return Tokenizer(declared.path, found, ranks, pattern, declared.vocabulary)


def _json(content: bytes) -> tuple[tuple[bytes, ...], str]:
    stored = parse_json(content)
    if not isinstance(stored, dict) or stored.get("promo_tokenizer") != FORM:
        raise ValueError(f'it has no "promo_tokenizer": {FORM}')
    pattern, tokens = stored.get("pattern"), stored.get("tokens")
    if not isinstance(pattern, str) or not pattern:
        raise ValueError('it has no "pattern"')
    if not isinstance(tokens, list):
        raise ValueError('it has no list "tokens"')
    return _different([_token(str(one), f"token {number}") for number, one in enumerate(tokens)]), pattern


def _lines(content: bytes) -> tuple[bytes, ...]:
    tokens: list[bytes] = []
    for number, line in enumerate(content.splitlines(), start=1):
        text, _, rank = line.decode("ascii", "replace").partition(" ")
        if not is_digits(rank.strip()) or int(rank) != len(tokens):
            raise ValueError(f"line {number} is not a token in base64 and the rank {len(tokens)}")
        tokens.append(_token(text, f"line {number}"))
    return _different(tokens)


def _token(text: str, place: str) -> bytes:
    try:
        token = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise ValueError(f"{place} is no base64") from fault
    if not token:
        raise ValueError(f"{place} is empty")
    return token


def _different(tokens: list[bytes]) -> tuple[bytes, ...]:
    if len(set(tokens)) < len(tokens):
        raise ValueError("it contains a token twice")
    return tuple(tokens)


def shard(path: Path, tokenizer: Tokenizer) -> Iterator[bytes]:
    """
    Documents of a token shard: what stands between special tokens, or pieces where there is none.

    Raises:
        PromoError: it is no shard, is cut off, or holds a token that the tokenizer has not.
    """
    try:
        content = read_plain(path, LARGE)
    except OSError as fault:
        raise PromoError(f"{path} cannot be read: {fault.strerror or fault}") from fault
    header = numbers(content[: HEADER_BYTES // 4 * 4], "I") if len(content) >= HEADER_BYTES else array("I", [0, 0, 0])
    magic, version, count = header[:3]
    code = FORMS.get((magic, version))
    if code is None:
        raise PromoError(
            f"{path} is not a token shard: it begins with {magic} and {version}", hint="shards of llm.c are"
        )
    if len(content) - HEADER_BYTES != count * array(code).itemsize:
        raise PromoError(f"{path} announces {count} tokens and holds {len(content) - HEADER_BYTES} bytes of them")
    tokens = numbers(content[HEADER_BYTES:], code)
    highest = max(tokens, default=0)
    if highest >= tokenizer.vocabulary:
        message = f"{path} holds token {highest}, and the tokenizer has {tokenizer.vocabulary}"
        raise PromoError(message, hint="name the tokenizer that made the shard")
    for start, end in _between(tokens, len(tokenizer.ranks), ends=highest >= len(tokenizer.ranks)):
        yield little(array(tokenizer.code, tokens[start:end]))


def _between(tokens: "array[int]", separator: int, *, ends: bool) -> Iterator[tuple[int, int]]:
    """Where documents begin and end."""
    if not ends:
        yield from ((at, at + PIECE) for at in range(0, len(tokens), PIECE))
        return
    start = 0
    while start < len(tokens):
        try:
            end = tokens.index(separator, start)
        except ValueError:
            end = len(tokens)
        if end > start:
            yield start, end
        start = end + 1
