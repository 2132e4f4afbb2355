"""Tokens/s: bytes read per token over bandwidth and FLOP over rates, with measured efficiency, and a band around each figure."""

from qwenpick.speed.estimate import Band, Speed, UnderLoad, estimate, unknown

__all__ = ["Band", "Speed", "UnderLoad", "estimate", "unknown"]
