"""What --train may say, one line a method: its name in words and the figures that differ by method. Its recipe is the module of its name beside this.

A variant is no method but a setting of one: DoRA is LoRA with Training.dora. tests/training/test_methods.py says what else a method needs, by file.
"""

from __future__ import annotations

from collections.abc import Mapping

from qwenpick.i18n import N_
from qwenpick.values import dataclass


@dataclass(frozen=True, slots=True)
class Method:
    """`base` is the format of the weights where none is said; `adapts`: adapters are trained beside frozen weights, which stay as they are.

    `waiting`: seconds a layer and micro-step that the GPU waits for kernels to be started (the runs of speed.py); `rate`: the learning rate of the
    trainers' own examples.
    """

    title: str
    base: str
    adapts: bool
    waiting: float
    rate: float


METHODS: Mapping[str, Method] = {
    "full": Method(N_("full fine-tuning"), "bf16", False, 0.0075, 1e-5),
    "lora": Method("LoRA", "bf16", True, 0.011, 1e-4),
    "qlora": Method("QLoRA", "nf4", True, 0.013, 1e-4),
    "freeze": Method(N_("freeze tuning"), "bf16", False, 0.0075, 1e-5),
}
