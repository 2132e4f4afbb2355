"""What each optimizer keeps per trained weight, and what its step needs on top."""

from __future__ import annotations

from qwenpick.values import dataclass

# bytes per state and weight: one FP32 scale per 256 values of an 8-bit state, bitsandbytes optim/optimizer.py
SCALES = 4 / 256


@dataclass(frozen=True, slots=True)
class Optimizer:
    """`states` is how many states as wide as the weight it keeps, `states_8bit` how many of one byte, `paged` whether those can move to RAM.

    `step` is the temporaries of a step, in copies of the weights; `step_of_largest` in FP32 copies of the largest weight alone.
    `torchao_bits` are those of torchao's two states, with an FP32 scale a block. `launch` is the name of the Trainer's option `optim`.
    """

    states: int
    step: int
    launch: str
    states_8bit: int = 0
    paged: bool = False
    step_of_largest: int = 0
    torchao_bits: int = 0


OPTIMIZERS: dict[str, Optimizer] = {
    # torch.optim.AdamW, foreach: the roots of the second moments exist all at once
    "adamw": Optimizer(2, 1, "adamw_torch"),
    "adamw-fused": Optimizer(2, 0, "adamw_torch_fused"),
    "adamw-8bit": Optimizer(0, 0, "adamw_bnb_8bit", states_8bit=2),
    "paged-adamw-8bit": Optimizer(0, 0, "paged_adamw_8bit", states_8bit=2, paged=True),
    # weight, gradient, its square and the update in FP32; row and column sums beside
    "adafactor": Optimizer(0, 0, "adafactor", step_of_largest=4),
    "sgd": Optimizer(0, 0, "sgd"),
    # torchao 0.17.0 optim/adam.py, one weight at a time, compiled: both new states in FP32; with 4 bits the search in its table beside
    "torchao-adamw-8bit": Optimizer(0, 0, "adamw_torch_8bit", step_of_largest=2, torchao_bits=8),
    "torchao-adamw-4bit": Optimizer(0, 0, "adamw_torch_4bit", step_of_largest=6, torchao_bits=4),
}
TORCHAO_BLOCK = {8: 256, 4: 128}  # values that share an FP32 scale: torchao 0.17.0 optim/adam.py


def state_bytes(optimizer: Optimizer, weights: int, as_wide: int) -> tuple[int, int]:
    """(bytes on the GPU, bytes that can be paged to RAM) of the states of `weights` trained weights; one full state takes `as_wide` bytes."""
    if optimizer.torchao_bits:
        bits = optimizer.torchao_bits
        return round(2 * weights * (bits / 8 + 4 / TORCHAO_BLOCK[bits])), 0
    wide = optimizer.states * as_wide
    narrow = optimizer.states_8bit * weights
    scales = round(optimizer.states_8bit * weights * SCALES)
    return (wide + scales, narrow) if optimizer.paged else (wide + narrow + scales, 0)
