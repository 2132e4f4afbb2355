"""Ed25519 signatures verified (RFC 8032, section 5.1), so that whoever sends a catalogue cannot pretend to be us. Verification keeps no secret."""

from __future__ import annotations

import hashlib

P = 2**255 - 19  # the field
Q = 2**252 + 27742317777372353535851937790883648493  # the order of the base point
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # of -1
Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, x*y = T/Z
NEUTRAL: Point = (0, 1, 1, 0)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of `key` (32 bytes) signed the message (64 bytes); False for bytes that are no key or no signature."""
    if len(key) != 32 or len(signature) != 64:
        return False
    mine, shown, scalar = decode(key), decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if mine is None or shown is None or scalar >= Q:
        return False
    hashed = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    return _same(times(scalar, BASE), _add(shown, times(hashed, mine)))


def times(scalar: int, point: Point) -> Point:
    """The point added to itself `scalar` times."""
    total = NEUTRAL
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def encode(point: Point) -> bytes:
    """32 bytes: y, and the lowest bit of x in front of it."""
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data: bytes) -> Point | None:
    """The point of 32 bytes; None where they are none."""
    number = int.from_bytes(data, "little")
    y, odd = number & (1 << 255) - 1, number >> 255
    x = _x(y, odd)
    return None if x is None else (x, y, 1, x * y % P)


def _x(y: int, odd: int) -> int | None:
    """The coordinate that belongs to y on -x^2 + y^2 = 1 + D x^2 y^2."""
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if odd else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != odd else x


def _add(a: Point, b: Point) -> Point:
    """The sum of two points in extended coordinates."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def _same(a: Point, b: Point) -> bool:
    return not (a[0] * b[2] - b[0] * a[2]) % P and not (a[1] * b[2] - b[1] * a[2]) % P


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _x(_BASE_Y, 0) or 0
BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)
