"""Fine-tuning against real steps on one H200 (transformers 5.17, torch 2.11, peft 0.21.2), and numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwenpick import training
from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.machine.hardware import Device
from qwenpick.training import dora
from qwenpick.training.adapters import adapter_weights
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Training
from tests.conftest import of

GIB, MIB = 2**30, 2**20
H200 = Device("NVIDIA H200", "nvidia", 139 * GIB, 139 * GIB, compute_capability="9.0")
TORCH = Training(trainer="torch")


def peak(catalog: Catalog, name: str, work: Training) -> float:
    """GiB that torch would report as its peak."""
    return training.allocated(training.memory(*of(catalog, name), work, Placement((H200,))).parts) / GIB


def parts(catalog: Catalog, name: str, work: Training) -> dict[str, int]:
    return {part.name: part.bytes for part in training.memory(*of(catalog, name), work).parts}


@pytest.mark.parametrize(
    ("name", "work", "gib"),
    [
        ("qwen3-8b", replace(TORCH, seq=2048), 19.8839),
        ("qwen3-8b", replace(TORCH, seq=2048, batch=4), 32.0949),
        ("qwen3-8b", replace(TORCH, rank=64), 21.3909),
        ("qwen3-8b", replace(TORCH, target="attention"), 19.5686),
        ("qwen3-8b", replace(TORCH, checkpointing=False), 34.5956),
        ("qwen3-8b", replace(TORCH, seq=32768, chunked_loss=True), 35.0942),
        ("qwen3-1.7b", replace(TORCH, seq=512, checkpointing=False), 5.9081),
        ("qwen3-1.7b", replace(TORCH, batch=4), 18.3124),
        ("qwen2.5-7b-instruct", TORCH, 18.6553),
        ("qwen3-30b-a3b", TORCH, 75.4974),  # the optimizer's step on 996,507,648 adapter weights
        ("qwen3-30b-a3b", replace(TORCH, target="attention", seq=1024, checkpointing=False), 65.4668),
        ("qwen3.5-9b", replace(TORCH, train_vision=True), 24.3190),
        ("qwen3.5-2b", replace(TORCH, train_vision=True, checkpointing=False), 21.6653),
        ("qwen3.5-2b", replace(TORCH, method="full"), 18.2068),
        ("qwen2.5-0.5b-instruct", replace(TORCH, method="full", batch=2, checkpointing=False), 15.0770),
        ("qwen3-1.7b", replace(TORCH, method="qlora"), 6.6113),
        ("qwen3-vl-8b-instruct", replace(TORCH, train_vision=True, image_tokens=1024), 21.5182),
        ("qwen3-0.6b", replace(TORCH, method="full", seq=8192), 17.8104),
        ("qwen3-0.6b", replace(TORCH, method="full", checkpointing=False), 10.7274),
        ("qwen3-4b", replace(TORCH, method="full"), 37.7762),
        ("qwen3-8b", replace(TORCH, method="full", seq=512), 76.3555),
        ("qwen3-1.7b", replace(TORCH, method="full", seq=1024, optimizer="adamw-fused"), 14.0441),
        ("qwen3-1.7b", replace(TORCH, method="full", seq=1024, optimizer="adafactor"), 11.1196),
        ("qwen3-1.7b", replace(TORCH, method="full", seq=1024, optimizer="adamw-8bit"), 10.8894),
        ("qwen3-1.7b", replace(TORCH, method="full", seq=1024, optimizer="paged-adamw-8bit"), 7.6843),
        ("qwen3-1.7b", replace(TORCH, method="full", seq=1024, optimizer="sgd"), 7.6333),
        ("qwen3-1.7b", replace(TORCH, method="full", seq=1024, precision="fp32"), 32.1156),
        ("qwen3-8b", replace(TORCH, method="qlora", seq=512), 10.8497),
        ("qwen3-8b", replace(TORCH, method="qlora", seq=8192), 28.2338),
        ("qwen3-8b", replace(TORCH, method="qlora", checkpointing=False), 32.9728),
        ("qwen3-8b", replace(TORCH, method="qlora", seq=8192, chunked_loss=True), 16.2939),
    ],
)  # fmt: skip
def test_the_peak_of_a_step_is_what_torch_reported(catalog: Catalog, name: str, work: Training, gib: float) -> None:
    assert peak(catalog, name, work) == pytest.approx(gib, rel=0.013)


@pytest.mark.parametrize(
    ("name", "weights"),
    [  # trainable parameters that peft 0.21.2 printed for rank 16 and all-linear
        ("qwen3-8b", 43646976),
        ("qwen2.5-7b-instruct", 40370176),
        ("qwen3-30b-a3b", 996507648),
        ("qwen3.5-9b", 51265024),
        ("qwen3-vl-8b-instruct", 52493824),
    ],
)
def test_adapters_have_the_weights_that_peft_counts(catalog: Catalog, name: str, weights: int) -> None:
    assert adapter_weights(catalog.architecture(catalog.models[name]), 16, "all-linear", vision=True) == weights


@pytest.mark.parametrize(("checkpointing", "gib"), [(True, 9.6542), (False, 16.8948)])
def test_int8_products_keep_their_inputs_whatever_is_checkpointed(
    catalog: Catalog, checkpointing: bool, gib: float
) -> None:
    work = replace(TORCH, method="qlora", checkpointing=checkpointing)
    model, architecture = of(catalog, "qwen3-1.7b")
    memory = training.memory(model, architecture, work, Placement((H200,)), Checkpoint(format="int8"))
    assert training.allocated(memory.parts) / GIB == pytest.approx(gib, rel=0.01)


def test_a_full_step_takes_ten_bytes_a_weight(catalog: Catalog) -> None:
    found = parts(catalog, "qwen3-8b", replace(TORCH, method="full", seq=512))
    weights = 8190735360
    assert found["gradients"] == 2 * weights
    assert found["optimizer states"] == 4 * weights
    assert found["step workspace"] == 2 * weights


def test_logits_carry_a_lora_step(catalog: Catalog) -> None:
    found = parts(catalog, "qwen3-8b", replace(TORCH, seq=8192))
    assert found["logits and loss"] == 12 * 151936 * 8192
    # 36 inputs of layers in bf16, and the last norm's in FP32
    assert found["activations"] == 8192 * (36 * 4096 * 2 + 4096 * 4)
    assert found["adapters"] == 4 * 43646976
    assert found["optimizer states"] == 8 * 43646976


def test_k_bit_preparation_casts_embeddings_head_and_norms_up(catalog: Catalog) -> None:
    found = parts(catalog, "qwen3-8b", replace(TORCH, method="qlora"))
    norms = 36 * (2 * 4096 + 2 * 128) + 4096
    assert found["upcast"] == 2 * (2 * 151936 * 4096 + norms)
    assert found["step workspace"] == 2 * 151936 * 4096  # lm_head once more in bf16
    assert "upcast" not in parts(catalog, "qwen3-8b", Training(method="qlora", trainer="trl"))


def test_trl_never_holds_all_logits(catalog: Catalog) -> None:
    whole, tiled = (parts(catalog, "qwen3-8b", Training(seq=16384, trainer=t)) for t in ("transformers", "trl"))
    assert whole["logits and loss"] == 12 * 151936 * 16384
    assert tiled.get("logits and loss", 0) <= 12 * 151936 * 1024


def test_llama_factory_trains_fp32_weights(catalog: Catalog) -> None:
    plain, theirs = (parts(catalog, "qwen3-4b", Training("full", trainer=t)) for t in ("transformers", "llama-factory"))
    assert theirs["weights"] == 2 * plain["weights"]
    assert theirs["optimizer states"] == 2 * plain["optimizer states"]


def test_zero_divides_states_then_gradients_then_weights(catalog: Catalog) -> None:
    def on_one(stage: int) -> dict[str, int]:
        work = Training("full", zero=stage, gpus=4, optimizer="adamw-fused")
        memory = training.memory(*of(catalog, "qwen3-8b"), work)
        return {part.name: part.bytes for part in memory.parts if part.where == "gpu0"}

    weights = 8190735360
    one, two, three = on_one(1), on_one(2), on_one(3)
    assert one["optimizer states"] == 8 * weights // 4
    assert one["master weights"] == weights
    # one micro-step: DeepSpeed 0.19.8 puts gradients straight into the partition in both stages (z1-full-4b and z2-full-4b are equal)
    assert (one["gradients"], two["gradients"]) == (weights // 2, weights // 2)
    assert three["weights"] == pytest.approx(two["weights"] / 4, rel=1e-6)


def test_offload_puts_states_into_ram(catalog: Catalog) -> None:
    memory = training.memory(*of(catalog, "qwen3-8b"), Training("full", zero=2, offload="optimizer"))
    # 18 bytes a weight and half as much again for buffers: DeepSpeed's own estimate; 27.2 and 28.6 were measured
    assert memory.on("ram") == 27 * 8190735360


def test_a_paged_optimizer_can_leave_the_gpu(catalog: Catalog) -> None:
    work = Training("full", optimizer="paged-adamw-8bit", trainer="torch")
    memory = training.memory(*of(catalog, "qwen3-1.7b"), work)
    assert memory.on("ram") == 2 * 1720574976


def test_trained_embeddings_are_copies(catalog: Catalog) -> None:
    plain, saved = (parts(catalog, "qwen3-8b", Training(train_embeddings=t)) for t in (False, True))
    assert saved["adapters"] - plain["adapters"] == 2 * 2 * 151936 * 4096


def test_doras_norm_is_made_of_four_copies(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    # q_proj, 4,096 x 4,096: unit matrix in bf16 2 x 4,096², four FP32 matrices 16 x 4,096², and the input 4 x 4,096 x 2,048
    assert dora.workspace(architecture, "q_proj", 2048) == 18 * 4096**2 + 4 * 4096 * 2048
    # one FP32 weight an output: 36 layers of 4,096 + 1,024 + 1,024 + 4,096 + 2 x 12,288 + 4,096
    assert dora.magnitudes(architecture, "all-linear") == 36 * 38912


def test_llama_factory_freezes_below_the_last_layers(catalog: Catalog) -> None:
    work = Training("freeze", trainer="llama-factory", layers=4, seq=32768)
    # two bytes more for each of 4 x 192,946,432 weights in FP32, and gradients and states as wide
    found = parts(catalog, "qwen3-8b", work)
    assert found["optimizer states"] == 2 * 4 * 4 * 192946432
    every = parts(catalog, "qwen3-8b", Training("freeze", trainer="torch", layers=4, seq=32768))
    inputs = 2 * 4096 * 32768  # of one checkpointed layer; the loop keeps all 36, LLaMA-Factory those of trained layers
    assert every["activations"] - found["activations"] == 32 * inputs


def test_flash_linear_attention_keeps_less(catalog: Catalog) -> None:
    work = Training("lora", trainer="torch", checkpointing=False)
    plain, fla = (parts(catalog, "qwen3.5-2b", replace(work, fla=on))["activations"] for on in (False, True))
    # 18 delta layers of 2,048 values, 2,048 tokens: 22,572,961,792 - 17,620,688,896 bytes were measured
    assert plain - fla == pytest.approx(22572961792 - 17620688896, rel=0.01)


def test_ms_swifts_rerankers_hold_no_logits(catalog: Catalog) -> None:
    work = Training("full", objective="rerank", trainer="ms-swift", seq=512)
    assert "logits and loss" not in parts(catalog, "qwen3-reranker-0.6b", work)


def test_pure_bf16_is_what_the_trainer_keeps_in_16_bits(catalog: Catalog) -> None:
    pure = parts(catalog, "qwen3-1.7b", Training("full", trainer="llama-factory", precision="pure-bf16"))
    assert pure == parts(catalog, "qwen3-1.7b", Training("full", trainer="transformers"))
    # weights in FP32 without it: two bytes more for each of them
    masters = parts(catalog, "qwen3-1.7b", Training("full", trainer="llama-factory"))
    assert masters["weights"] - pure["weights"] == pytest.approx(2 * 1720574976, rel=1e-3)  # torch rounds blocks up


def test_a_gptq_repository_is_adapted_without_casts(catalog: Catalog) -> None:
    memory = training.memory(*of(catalog, "qwen3-8b"), Training("qlora"), checkpoint=Checkpoint(format="gptq-int4"))
    assert "upcast" not in {part.name for part in memory.parts}


def test_parts_add_up_and_are_whole(catalog: Catalog) -> None:
    for method in ("full", "lora", "qlora"):
        memory = training.memory(*of(catalog, "qwen3.5-35b-a3b"), Training(method))
        assert memory.total == sum(part.bytes for part in memory.parts)
        assert all(part.bytes > 0 and part.formula for part in memory.parts)
