"""What each optimizer keeps per trained weight, and what its step needs on top."""

from __future__ import annotations

from dataclasses import dataclass

SCALES = (
    4 / 256
)  # bytes per state and weight: one FP32 scale per 256 values of an 8-bit state, bitsandbytes optim/optimizer.py


@dataclass(frozen=True, slots=True)
class Optimizer:
    """`states` is how many states as wide as the weight it keeps, `states_8bit` how many of one byte, `paged` whether those can move to RAM.

    `step` is the temporaries of a step, in copies of the weights; `step_of_largest` in FP32 copies of the largest weight alone.
    `launch` is the name of the Trainer's option `optim`.
    """

    states: int
    step: int
    launch: str
    states_8bit: int = 0
    paged: bool = False
    step_of_largest: int = 0


OPTIMIZERS: dict[str, Optimizer] = {
    "adamw": Optimizer(
        2, 1, "adamw_torch"
    ),  # torch.optim.AdamW, foreach: the roots of the second moments exist all at once
    "adamw-fused": Optimizer(2, 0, "adamw_torch_fused"),
    "adamw-8bit": Optimizer(0, 0, "adamw_bnb_8bit", states_8bit=2),
    "paged-adamw-8bit": Optimizer(0, 0, "paged_adamw_8bit", states_8bit=2, paged=True),
    "adafactor": Optimizer(
        0, 0, "adafactor", step_of_largest=4
    ),  # weight, gradient, its square and the update in FP32; row and column sums beside
    "sgd": Optimizer(0, 0, "sgd"),
}


def state_bytes(optimizer: Optimizer, weights: int, as_wide: int) -> tuple[int, int]:
    """(bytes on the GPU, bytes that can be paged to RAM) of the states of `weights` trained weights; one full state takes `as_wide` bytes."""
    wide = optimizer.states * as_wide
    narrow = optimizer.states_8bit * weights
    scales = round(optimizer.states_8bit * weights * SCALES)
    return (wide + scales, narrow) if optimizer.paged else (wide + narrow + scales, 0)
