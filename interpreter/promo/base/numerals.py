"""Texts of people and of other tools to numbers, in the digits 0 to 9 alone: Python takes those of any script."""


def is_digits(text: str) -> bool:
    """Whether a text is a whole number without a sign."""
    return text.isascii() and text.isdigit()


def whole_of(text: str) -> int:
    """
    A whole number.

    Raises:
        ValueError: it is none.
    """
    return int(in_digits(text))


def float_of(text: str) -> float:
    """
    A number.

    Raises:
        ValueError: it is none.
    """
    return float(in_digits(text))


def in_digits(text: str) -> str:
    """
    The same text, to be read as a number.

    Raises:
        ValueError: digits of other scripts may be in it.
    """
    if not text.isascii():
        raise ValueError(f"'{text}' is no number in the digits 0 to 9")
    return text
