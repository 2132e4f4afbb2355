"""transformers' arithmetic against runs of 5.17 on one H200, the vendor's tables, and numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.errors import QwenpickError
from qwenpick.machine.hardware import Device, Machine
from qwenpick.memory.cache import KvCache
from qwenpick.runtimes import transformers
from qwenpick.runtimes.transformers.allocator import block
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving
from tests.conftest import of

GIB, MIB = 2**30, 2**20
H200 = Device("NVIDIA H200", "nvidia", 139 * GIB, 139 * GIB, compute_capability="9.0")
A100 = Device("NVIDIA A100-SXM4-80GB", "nvidia", 80 * GIB, 80 * GIB, compute_capability="8.0")
BF16 = Checkpoint(format="bf16")


def peak(catalog: Catalog, name: str, form: str, work: Serving, *devices: Device) -> float:
    """GiB that torch would report as its peak, over all GPUs."""
    memory = transformers.memory(*of(catalog, name), Checkpoint(format=form), work, Placement(devices or (H200,)))
    return transformers.allocated(memory.parts) / GIB


@pytest.mark.parametrize(
    ("name", "form", "work", "gib"),
    [  # transformers 5.17.0, torch 2.11.0, NVIDIA H200: torch.cuda.max_memory_allocated
        ("qwen3-8b", "bf16", Serving(1024), 15.5318),
        ("qwen3-8b", "bf16", Serving(131072), 46.3539),
        ("qwen3-8b", "bf16", Serving(8192, 4), 23.0236),
        ("qwen3-0.6b", "bf16", Serving(131072), 18.4867),  # attention's norm in FP32 is as wide as its MLP
        ("qwen2.5-7b-instruct", "bf16", Serving(32768), 20.4004),
        ("qwen1.5-7b-chat", "bf16", Serving(32768), 33.4688),
        ("qwen3-30b-a3b", "bf16", Serving(8192), 58.8189),  # tokens gathered for 8 experts
        ("qwen3-8b", "nf4", Serving(8192), 7.6662),
        ("qwen3-8b", "int8", Serving(8192), 11.2049),
        ("qwen3-32b", "bf16", Serving(8192), 64.5390),
        ("qwen3.5-9b", "bf16", Serving(8192), 19.7836),  # the delta net in plain torch is wider than the MLP
        ("qwen3.5-35b-a3b", "bf16", Serving(8192), 67.4887),
        ("qwen3-vl-8b-instruct", "bf16", Serving(8192, image_tokens=4096), 18.6011),
        ("qwen3-vl-2b-instruct", "bf16", Serving(4608, image_tokens=4096), 4.9205),  # its vision tower is wider than its prompt
    ],
)  # fmt: skip
def test_the_peak_is_what_torch_reported(catalog: Catalog, name: str, form: str, work: Serving, gib: float) -> None:
    assert peak(catalog, name, form, work) == pytest.approx(gib, rel=0.01)


def test_eager_attention_holds_the_scores_of_every_head(catalog: Catalog) -> None:
    # measured on an H200: 36.79 GiB for 8,192 tokens of Qwen3-8B, of which 32 heads x 8192^2 x 10 bytes = 20 GiB
    eager = Serving(8192, options={"attn_implementation": "eager"})
    assert peak(catalog, "qwen3-8b", "bf16", eager) == pytest.approx(36.79, rel=0.01)


def test_each_part_is_what_its_formula_says(catalog: Catalog) -> None:
    memory = transformers.memory(*of(catalog, "qwen3-8b"), BF16, Serving(8192), Placement((H200,)))
    parts = {part.name: part.bytes for part in memory.parts}
    assert parts["kv cache"] == 2 * 36 * 8 * 128 * 8192 * 2
    # tokens x (3 x 12288 + 4 x 4096) x 2, and cos, sin (2 x 128 x 2), position and token (16) of every token
    assert parts["prefill activations"] == 8192 * ((3 * 12288 + 4 * 4096) * 2 + 2 * 128 * 2 + 16)
    assert parts["cuBLAS workspace"] == 32 * MIB
    # 8,190,735,360 parameters x 2; embeddings and lm_head of 1187 MiB lie in blocks of 1188
    assert parts["weights"] == pytest.approx(8190735360 * 2 + 2 * MIB, abs=100_000)


def test_a_tensor_counts_as_the_block_it_lies_in() -> None:
    assert block(1) == 512
    assert block(2560 * 9728 * 2) == 48 * MIB  # 47.5 MiB: half a MiB is not split off
    assert block(3584 * 3584 * 2) == 3584 * 3584 * 2  # 24.5 MiB of 26: 1.5 MiB is


def test_a_recurrent_state_does_not_grow_with_the_context(catalog: Catalog) -> None:
    pair = of(catalog, "qwen3.5-9b")
    states = [transformers.memory(*pair, BF16, Serving(n), Placement((H200,))).of("state") for n in (1024, 65536)]
    # 24 layers x (32 heads x 128 x 128 x 4 + 4 x 8192 channels x 2)
    assert states == [24 * (32 * 128 * 128 * 4 + 4 * 8192 * 2)] * 2


def test_bitsandbytes_leaves_fused_experts_in_16_bits(catalog: Catalog) -> None:
    pair = of(catalog, "qwen3-30b-a3b")
    nf4 = Checkpoint(format="nf4")
    newest, old = (
        transformers.memory(*pair, nf4, Serving(1, options={"transformers_version": v}), Placement((H200,)))
        for v in ("5.17", "4.57")
    )
    # 48 layers x 128 experts x 3 matrices of 768 x 2048 keep 2 bytes a weight from transformers 5 on
    assert newest.of("weights") > 48 * 128 * 3 * 768 * 2048 * 2
    assert old.of("weights") < 20 * GIB


@pytest.mark.parametrize(
    ("name", "form", "version", "prompt", "devices", "gib"),
    [  # the vendor's tables: torch's peaks summed over GPUs, 2,048 tokens generated
        ("qwen2.5-7b-instruct", "bf16", "4.46.0", 30720, (A100,), 19.97),  # the last token's logits only
        ("qwen2-7b-instruct", "bf16", "4.38.2", 30720, (A100,), 42.62),  # 6 bytes x vocabulary x prompt
        ("qwen1.5-7b-chat", "bf16", "4.38", 30720, (A100,), 62.29),  # and the cache twice
        ("qwen2-vl-72b-instruct", "bf16", "4.44", 6144, (A100, A100), 148.66),
        ("qwen-72b-chat", "bf16", "4.37", 1, (A100, A100), 144.69),
    ],
)  # fmt: skip
def test_old_releases_needed_what_the_vendor_measured(
    catalog: Catalog, name: str, form: str, version: str, prompt: int, devices: tuple[Device, ...], gib: float
) -> None:
    work = Serving(prompt + 2048, options={"transformers_version": version, "max_new_tokens": 2048})
    assert peak(catalog, name, form, work, *devices) == pytest.approx(gib, rel=0.01)


def test_qwen_1s_first_code_kept_a_mask_in_every_layer(catalog: Catalog) -> None:
    # the vendor's README of 2023-08: 16.38 GiB after loading Qwen-7B, which has 14.38 GiB of weights and 32 masks of 64 MiB
    work = Serving(1, options={"transformers_version": "4.31"})
    memory = transformers.memory(*of(catalog, "qwen-7b"), BF16, work, Placement((A100,)))
    assert memory.of("weights") / GIB == pytest.approx(16.38, abs=0.01)


def test_layers_are_spread_over_gpus_by_bytes(catalog: Catalog) -> None:
    pair = of(catalog, "qwen3-32b")
    memory = transformers.memory(*pair, BF16, Serving(4096), Placement((A100, A100)))
    one, two = (
        sum(p.bytes for p in memory.parts if p.where == where and p.kind == "weights") for where in memory.places
    )
    assert one == pytest.approx(two, rel=0.05)
    assert one + two == transformers.memory(*pair, BF16, Serving(4096), Placement((H200,))).of("weights")


def test_a_split_says_how_many_layers_each_gpu_holds(catalog: Catalog) -> None:
    placement = Placement((H200, H200), split=(9, 27))
    memory = transformers.memory(*of(catalog, "qwen3-8b"), BF16, Serving(4096), placement)
    caches = [part.bytes for part in memory.parts if part.name == "kv cache"]
    assert caches == [2 * layers * 8 * 128 * 4096 * 2 for layers in (9, 27)]


def test_on_the_cpu_everything_lies_in_ram(catalog: Catalog) -> None:
    memory = transformers.memory(*of(catalog, "qwen3-0.6b"), BF16, Serving(2048), Placement())
    assert memory.places == ("ram",)
    assert not [part for part in memory.parts if part.name == "CUDA context"]


def test_a_pooled_embedding_keeps_no_cache(catalog: Catalog) -> None:
    # measured on an H200: 32 texts of 512 tokens peak at 401 MiB over the weights of Qwen3-Embedding-0.6B
    pair = of(catalog, "qwen3-embedding-0.6b")
    memory = transformers.memory(*pair, BF16, Serving(512, 32, options={"use_cache": False}), Placement((H200,)))
    assert memory.of("kv cache") == 0
    assert memory.of("compute") == pytest.approx(401 * MIB, rel=0.05)


def test_a_chunked_prefill_needs_less(catalog: Catalog) -> None:
    whole, chunked = (
        peak(catalog, "qwen3-8b", "bf16", Serving(65536, options=options))
        for options in ({}, {"prefill_chunk_size": 4096})
    )
    assert whole - chunked == pytest.approx((65536 - 4096) * (106496 + 528) / GIB, rel=0.001)


@pytest.mark.parametrize(
    ("form", "device", "words"),
    [
        ("Q4_K_M", H200, "GGUF"),
        ("nf4", None, "needs an NVIDIA, AMD or Intel GPU"),
        ("awq-int4", None, "NVIDIA or AMD GPU"),
        ("fp8", A100, "compute capability 8.9"),
        ("mxfp4", H200, "does not load mxfp4"),
    ],
)
def test_what_it_cannot_load_is_a_sentence(catalog: Catalog, form: str, device: Device | None, words: str) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    placement = Placement((device,) if device else ())
    said = transformers.refusal(architecture, Checkpoint(format=form), Serving(2048), placement)
    assert said is not None
    assert words in said


def test_what_it_can_load_is_not_refused(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    for form in transformers.FORMATS:
        assert transformers.refusal(architecture, Checkpoint(format=form), Serving(2048), Placement((H200,))) is None


def test_qwen_1_is_refused_by_releases_without_its_code(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen-7b-chat"])
    work = Serving(2048, options={"transformers_version": "5.17"})
    assert "below 4.38" in (transformers.refusal(architecture, BF16, work, Placement((H200,))) or "")
    assert transformers.refusal(architecture, BF16, Serving(2048), Placement((H200,))) is None


def test_a_quantized_cache_is_refused(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-8b"])
    work = Serving(2048, kv_cache=KvCache("q8_0", "q8_0"))
    assert (
        transformers.refusal(architecture, BF16, work, Placement((H200,))) == "transformers keeps the cache in 16 bits"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"atn_implementation": "sdpa"}, "did you mean attn_implementation"),
        ({"attn_implementation": "flash"}, "one of sdpa, flash_attention_2"),
        ({"transformers_version": "new"}, "a release, as text"),
        ({"max_new_tokens": "many"}, "is a whole number"),
    ],
)
def test_an_option_it_does_not_know_is_an_error(catalog: Catalog, options: dict[str, object], words: str) -> None:
    with pytest.raises(QwenpickError, match=words):
        transformers.memory(*of(catalog, "qwen3-8b"), BF16, Serving(2048, options=options), Placement((H200,)))


def test_one_gpu_comes_before_several_and_those_before_the_cpu(catalog: Catalog) -> None:
    smaller = replace(A100, free=20 * GIB)
    found = list(transformers.placements(*of(catalog, "qwen3-8b"), BF16, Serving(2048), Machine((A100, A100, smaller))))
    assert [len(placement.devices) for placement in found] == [1, 1, 2, 3, 0]


def test_it_may_take_all_that_is_free() -> None:
    assert transformers.budget(replace(A100, free=70 * GIB), Serving(2048)) == 70 * GIB
    assert transformers.budget(replace(A100, free=None), Serving(2048)) == 80 * GIB
    assert transformers.budget(replace(A100, free=None, total=None), Serving(2048)) is None
