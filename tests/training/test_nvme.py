"""ZeRO-Infinity: weights and states on a disk."""

from __future__ import annotations

import json

import pytest

from qwenpick.catalog import Catalog
from qwenpick.launch.training import launch
from qwenpick.machine.simulate import simulate
from qwenpick.training.answer import tune
from qwenpick.training.sharding import offloaded, on_disk
from qwenpick.work.serving import Training

GIB = 2**30
WHOLE = 32_763_876_352
RUN = Training("full", zero=3, gpus=8, offload="nvme", trainer="transformers")


def test_ram_holds_gradients_and_buffers_and_the_disk_the_rest() -> None:
    mine = WHOLE // 8
    assert offloaded(RUN, WHOLE, WHOLE) == 2 * mine + 4 * 5 * 10**9 + 2 * 10**9 + 10**9
    assert on_disk(RUN, WHOLE, WHOLE) == 18 * WHOLE


def test_less_ram_than_without_a_disk_and_the_same_on_the_gpu(catalog: Catalog) -> None:
    box = simulate(catalog, ["8x h100"], None, 1024 * GIB, False)
    from dataclasses import replace

    model = catalog.models["qwen3-32b"]
    disk, ram = (tune(catalog, box, model, replace(RUN, offload=way)) for way in ("nvme", "parameters"))
    assert disk.memory.on("gpu0") == ram.memory.on("gpu0")
    assert disk.memory.on("ram") < ram.memory.on("ram") / 2
    assert disk.storage.offloaded > 500 * 10**9


@pytest.mark.parametrize("trainer", ["transformers", "trl", "llama-factory", "ms-swift"])
def test_the_launch_names_a_disk_and_buffers_that_hold_the_embedding(catalog: Catalog, trainer: str) -> None:
    from dataclasses import replace

    model = catalog.models["qwen2.5-72b-instruct"]
    made = launch(model, catalog.architecture(model), replace(RUN, trainer=trainer))
    zero = json.loads(made.files["deepspeed.json"])["zero_optimization"]
    assert zero["offload_param"]["device"] == zero["offload_optimizer"]["device"] == "nvme"
    assert zero["offload_param"]["buffer_size"] >= 152064 * 8192 // 8
