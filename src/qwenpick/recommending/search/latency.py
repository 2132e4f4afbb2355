"""Seconds that a model takes on one place for any share of it there: what `Step` and `Reading` say, as sums that need no more than multiplying."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from qwenpick.speed.decode import Step
    from qwenpick.speed.devices import Place
    from qwenpick.speed.prefill import Reading


class Latency(NamedTuple):
    """Seconds a token, and seconds to read the prompt."""

    token: float
    prompt: float


ANY_LATENCY = Latency(0.0, 0.0)


class Rates(NamedTuple):
    """A place: seconds a byte of its memory, an operation of its vector, integer and matrix units (0 where they are no limit), a byte of its link."""

    memory: float
    vector: float
    integers: float
    matrices: float
    link: float


def rates_of(place: Place) -> Rates:
    """The rates of a place."""
    vector = 1 / place.vector if place.vector else 0.0
    return Rates(1 / place.bandwidth, vector, 1 / (place.int8 or place.rate), 1 / place.rate, 1 / place.link)


class LatencySums:
    """A model on a kind of device: Step.seconds and Reading.seconds without tensor parallelism, for any share of its layers and experts."""

    __slots__ = ("_reading", "_step")

    def __init__(self, step: Step, reading: Reading, prompts: float) -> None:
        kept = step.cached + step.state
        self._step = step.read, step.unpack, step.compute, kept, step.launches, step.integers, step.host
        (a, b, _), (d, e, _) = reading.read, reading.compute
        rest = reading.attend * prompts, reading.scan * prompts, reading.launches * prompts
        self._reading = (a * prompts, b * prompts), reading.reached, (d * prompts, e * prompts), rest

    def latency(self, at: Rates, layers: float = 1.0, experts: float = 1.0, head: float = 1.0) -> Latency:
        """With these shares of it there. The output head is run for a prompt's last token only."""
        memory, vector, integers, matrices, _link = at
        (a, b, c), (u, v, w), (d, e, f), kept, (m, n, o), by_integers, host = self._step
        units = integers if by_integers else matrices
        streamed = (layers * a + experts * b + head * c) * memory + (layers * u + experts * v + head * w) * vector
        multiplied = (layers * d + experts * e + head * f) * units
        token = (streamed if streamed > multiplied else multiplied) + layers * kept * memory
        token = token + layers * m + experts * n + head * o if host is None else max(token, layers * host)
        (a, b), reached, (d, e), (attend, scan, launches) = self._reading
        read, passed = (layers * a + experts * b) * memory / reached, (layers * d + experts * e) * units
        prompt = (read if read > passed else passed) + layers * (attend * matrices + scan * memory + launches)
        return Latency(token, prompt)

    def lent(self, at: Rates, layers: float, experts: float) -> float:
        """Seconds in which weights of these shares, which lie in RAM, cross the link for all batches of the prompt."""
        a, b = self._reading[0]
        return (layers * a + experts * b) * at.link
