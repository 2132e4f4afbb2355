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
    """A model on a kind of device: Step.seconds and Reading.seconds without tensor parallelism, for any share of its layers and experts.

    Where all of it lies on one place the shares are summed up once. The output head counts there alone, and is run for a prompt's last token only.
    """

    __slots__ = ("_host", "_integers", "_prompt", "_reading", "_step", "_token")

    def __init__(self, step: Step, reading: Reading, prompts: float) -> None:
        self._host, self._integers = step.host, step.integers
        read, unpack, compute, launches = step.read, step.unpack, step.compute, step.launches
        kept = step.cached + step.state
        self._token = sum(read) + kept, sum(unpack), sum(compute), kept, sum(launches)
        self._step = read[:2], unpack[:2], compute[:2], kept, launches[:2]
        (a, b, _), (d, e, _) = reading.read, reading.compute
        a, b, d, e = a * prompts, b * prompts, d * prompts, e * prompts
        rest = reading.attend * prompts, reading.scan * prompts, reading.launches * prompts
        self._prompt = (a + b) / reading.reached, d + e, *rest
        self._reading = (a, b), reading.reached, (d, e), rest

    def whole(self, at: Rates) -> Latency:
        """With all of it there."""
        memory, vector, integers, matrices, _link = at
        units = integers if self._integers else matrices
        streamed, unpacked, multiplied, kept, launches = self._token
        token, bound = streamed * memory + unpacked * vector, multiplied * units + kept * memory
        token = token if token > bound else bound
        token = token + launches if self._host is None else max(token, self._host)
        read, passed, attend, scan, launches = self._prompt
        read, passed = read * memory, passed * units
        prompt = (read if read > passed else passed) + attend * matrices + scan * memory + launches
        return Latency(token, prompt)

    def token(self, at: Rates, layers: float, experts: float) -> float:
        """Seconds a token of these shares, without the head."""
        (a, b), (u, v), (d, e), kept, (m, n) = self._step
        units = at.integers if self._integers else at.matrices
        streamed = (layers * a + experts * b) * at.memory + (layers * u + experts * v) * at.vector
        multiplied = (layers * d + experts * e) * units
        work = (streamed if streamed > multiplied else multiplied) + layers * kept * at.memory
        return work + layers * m + experts * n if self._host is None else max(work, layers * self._host)

    def prompt(self, at: Rates, layers: float, experts: float) -> float:
        """Seconds to read the prompt with these shares."""
        (a, b), reached, (d, e), (attend, scan, launches) = self._reading
        read = (layers * a + experts * b) * at.memory / reached
        passed = (layers * d + experts * e) * (at.integers if self._integers else at.matrices)
        return (read if read > passed else passed) + layers * (attend * at.matrices + scan * at.memory + launches)

    def lent(self, at: Rates, layers: float, experts: float) -> float:
        """Seconds in which weights of these shares, which lie in RAM, cross the link for all batches of the prompt."""
        a, b = self._reading[0]
        return (layers * a + experts * b) * at.link
