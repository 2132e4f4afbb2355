"""RAM while weights are loaded, and the longest sequence by the number of GPUs."""

from __future__ import annotations

from qwenpick.catalog import Catalog
from qwenpick.machine.simulate import simulate
from qwenpick.memory.tensors import parameters
from qwenpick.training.answer import tune
from qwenpick.training.reach import reach
from qwenpick.training.storage import loading
from qwenpick.work.serving import Training

GIB = 2**30
EXPERTS = 48 * 128 * 3 * 2048 * 768


def test_transformers_5_fuses_experts_on_every_rank_before_zero_3_divides_them(catalog: Catalog) -> None:
    """huggingface/transformers 47514."""
    model = catalog.models["qwen3-30b-a3b"]
    work = Training("full", zero=3, gpus=8)
    assert loading(catalog.architecture(model), work) == (2 * EXPERTS * 8, False)
    found = tune(catalog, simulate(catalog, ["8x h200"], None, 300 * GIB, False), model, work)
    assert found.verdict == "tight"
    assert "of RAM short while transformers 5 loads it" in found.reason
    assert any("432 GiB of RAM while loading" in note for note in found.notes)
    roomy = tune(catalog, simulate(catalog, ["8x h200"], None, 1024 * GIB, False), model, work)
    assert roomy.verdict == "fits"
    dense = catalog.architecture(catalog.models["qwen3-8b"])
    assert loading(dense, work) == (0, True)


def test_the_first_process_of_fsdp_holds_all_weights(catalog: Catalog) -> None:
    model = catalog.models["qwen2.5-72b-instruct"]
    work = Training("lora", fsdp=True, gpus=8)
    assert loading(catalog.architecture(model), work)[0] == 2 * parameters(catalog.architecture(model))
    assert tune(catalog, simulate(catalog, ["8x h200"], None, 64 * GIB, False), model, work).verdict == "no"
    assert tune(catalog, simulate(catalog, ["8x h200"], None, 512 * GIB, False), model, work).verdict == "fits"


def test_more_gpus_reach_further_and_a_divided_sequence_further_yet(catalog: Catalog) -> None:
    box = simulate(catalog, ["4x rtx 4090"], None, 256 * GIB, False)
    found = reach(box, tune(catalog, box, catalog.models["qwen3-8b"], Training(trainer="trl")))
    by_flags = {one.flags: one.longest or 0 for one in found}
    divided = [by_flags[flags] for flags in ("--gpus 1", "--gpus 2 --fsdp", "--gpus 4 --fsdp")]
    assert divided == sorted(set(divided))
    assert by_flags["--gpus 4 --fsdp --sequence-parallel 4"] > 3 * by_flags["--gpus 4 --fsdp"]
    one = simulate(catalog, ["rtx 4090"], None, 256 * GIB, False)
    assert reach(one, tune(catalog, one, catalog.models["qwen3-8b"], Training())) == ()
