"""
Checking an Ed25519 signature, on public bytes only.

Nothing secret passes through here, so plain integers do; making a signature is left to programs that keep keys.

Source:
    RFC 8032, section 5.1: the curve, its encoding, and the equation that a signature fulfils.
"""

import hashlib

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
TWIST = -121665 * pow(121666, -1, PRIME) % PRIME
ROOT_OF_MINUS_ONE = pow(2, (PRIME - 1) // 4, PRIME)
KEY_BYTES = 32

Point = tuple[int, int, int, int]
"""A point as (X, Y, Z, T) with x = X/Z, y = Y/Z and xy = T/Z."""

NEUTRAL: Point = (0, 1, 1, 0)


def _add(first: Point, second: Point) -> Point:
    """Source: RFC 8032, section 5.1.4."""
    a = (first[1] - first[0]) * (second[1] - second[0]) % PRIME
    b = (first[1] + first[0]) * (second[1] + second[0]) % PRIME
    c = 2 * TWIST * first[3] * second[3] % PRIME
    d = 2 * first[2] * second[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME


def _times(factor: int, point: Point) -> Point:
    total = NEUTRAL
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total


def _point(encoded: bytes) -> Point | None:
    """The point that 32 bytes stand for; None when there is none, or when they are not its one encoding."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= PRIME:
        return None
    square = (y * y - 1) * pow(TWIST * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * ROOT_OF_MINUS_ONE % PRIME
    if (x * x - square) % PRIME or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = PRIME - x
    return x, y, 1, x * y % PRIME


def _base() -> Point:
    point = _point((4 * pow(5, -1, PRIME) % PRIME).to_bytes(KEY_BYTES, "little"))
    assert point is not None
    return point


BASE = _base()


def verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """
    Whether the owner of a key signed a message.

    Args:
        public: the key, 32 bytes.
        message: any bytes.
        signature: 64 bytes; anything else is no signature.
    """
    if len(public) != KEY_BYTES or len(signature) != 2 * KEY_BYTES:
        return False
    owner, commitment = _point(public), _point(signature[:KEY_BYTES])
    answer = int.from_bytes(signature[KEY_BYTES:], "little")
    if owner is None or commitment is None or answer >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:KEY_BYTES] + public + message).digest(), "little") % ORDER
    left, right = _times(answer, BASE), _add(commitment, _times(challenge, owner))
    return not ((left[0] * right[2] - right[0] * left[2]) % PRIME or (left[1] * right[2] - right[1] * left[2]) % PRIME)
