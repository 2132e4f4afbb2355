"""Seconds that a model takes on one place for any share of it there: what `Step` and `Reading` say, with the device's rates worked in."""

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


class Pace:
    """A model on one place: Step.seconds and Reading.seconds of any share of its layers, experts and head (without tensor parallelism).

    `whole` is all of it there, `headless` without the output head.
    """

    __slots__ = (
        "_crossing", "_head", "_host", "_kept", "_launches", "_multiplied", "_passed", "_read", "_scanned", "_streamed", "headless", "whole",
    )  # fmt: skip

    def __init__(self, step: Step, reading: Reading, place: Place, prompts: float) -> None:
        bandwidth, vector, rate = place.bandwidth, place.vector, place.rate
        units = (place.int8 or rate) if step.integers else rate
        (a, b, c), (d, e, f), (u, v, w) = step.read, step.compute, step.unpack
        if vector:
            a, b, c = a / bandwidth + u / vector, b / bandwidth + v / vector, c / bandwidth + w / vector
        else:
            a, b, c = a / bandwidth, b / bandwidth, c / bandwidth
        self._streamed, self._multiplied, self._head = (a, b), (d / units, e / units), (c, f / units)
        self._launches, self._host = step.launches, step.host
        self._kept = (step.cached + step.state) / bandwidth
        (a, b, _c), (d, e, _f) = reading.read, reading.compute
        units = (place.int8 or rate) if reading.integers else rate
        read, crossing, passed = prompts / (bandwidth * reading.reached), prompts / place.link, prompts / units
        self._read, self._passed, self._crossing = (
            (a * read, b * read),
            (d * passed, e * passed),
            (a * crossing, b * crossing),
        )
        self._scanned = (reading.attend / rate + reading.scan / bandwidth + reading.launches) * prompts
        token, prompt = self.token(1.0, 1.0), self.prompt(1.0, 1.0)
        self.whole, self.headless = Latency(self.token(1.0, 1.0, 1.0), prompt), Latency(token, prompt)

    def token(self, layers: float, experts: float, output: float = 0.0) -> float:
        """Seconds a token."""
        (a, b), (d, e), (c, f), (u, v, w) = self._streamed, self._multiplied, self._head, self._launches
        streamed, multiplied = layers * a + experts * b + output * c, layers * d + experts * e + output * f
        work = (streamed if streamed > multiplied else multiplied) + layers * self._kept
        if self._host is not None:
            return max(work, layers * self._host)
        return work + layers * u + experts * v + output * w

    def prompt(self, layers: float, experts: float) -> float:
        """Seconds to read the prompt; the head is run for its last token alone."""
        (a, b), (d, e) = self._read, self._passed
        read, passed = layers * a + experts * b, layers * d + experts * e
        return (read if read > passed else passed) + layers * self._scanned

    def lent(self, layers: float, experts: float) -> float:
        """The same of the whole model, of which so much lies in RAM and crosses the link for each batch."""
        a, b = self._crossing
        return self.headless.prompt + layers * a + experts * b
