"""What people switch on: adapters, pictures and videos of a prompt, the n-gram table in RAM, instances of a card."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

import pytest

from qwenpick.catalog import Catalog
from qwenpick.runtimes.adapters import adapter_bytes
from tests.conftest import Result

Run = Callable[..., Result]
MIB = 2**20


def values(qwenpick: Run, command: str) -> Any:
    return json.loads(qwenpick(*shlex.split(command), "--json").out)


def parts(plan: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in plan["memory"]["parts"]:
        found[part["name"]] = found.get(part["name"], 0) + part["bytes"]
    return found


def test_an_adapter_holds_inputs_and_outputs_of_every_matrix(catalog: Catalog) -> None:
    # Qwen3-8B, a layer: q 4096 + 4096, k and v 2 x (4096 + 1024), o 4096 + 4096, gate and up 2 x (4096 + 12288), down 12288 + 4096: 75,776
    shape = catalog.architectures["qwen3-8b"]
    assert adapter_bytes(shape, 16, 1) == 36 * 75_776 * 16 * 2
    assert adapter_bytes(shape, 16, 3) == 3 * adapter_bytes(shape, 16, 1)
    # embeddings and head: 2 x (151936 + 4096)
    assert adapter_bytes(shape, 16, 1, embeddings=True) - adapter_bytes(shape, 16, 1) == 2 * 156_032 * 16 * 2
    # over two: q 4096 + 2048, k and v 4096 + 512, o 2048 + 4096, gate and up 4096 + 6144, down 6144 + 4096
    assert adapter_bytes(shape, 16, 1, 2) == 36 * (2 * 6144 + 2 * 4608 + 3 * 10_240) * 16 * 2


def test_adapters_of_experts_are_far_larger_than_those_of_what_runs(catalog: Catalog) -> None:
    # Qwen3-30B-A3B: 48 layers x 128 experts x 3 x (2048 + 768) inputs and outputs dwarf all else
    shape = catalog.architectures["qwen3-30b-a3b"]
    experts = 48 * 128 * 3 * (2048 + 768) * 16 * 2
    assert experts < adapter_bytes(shape, 16, 1) < 1.05 * experts
    assert adapter_bytes(shape, 16, 1, 4, whole_experts=True) < 0.3 * adapter_bytes(shape, 16, 1)


@pytest.mark.parametrize(("engine", "option"), [("vllm", "max_loras=4"), ("sglang", "max_loras_per_batch=4")])
def test_room_for_adapters_is_taken_from_the_cache_and_launch_says_so(qwenpick: Run, engine: str, option: str) -> None:
    asked = f"qwen3-8b --runtime {engine} --gpu h100 --quant bf16 --context 8k"
    plain, more = values(qwenpick, f"fit {asked}"), values(qwenpick, f"fit {asked} -o {option}")
    assert more["engine"]["kv_cache_tokens"] < plain["engine"]["kv_cache_tokens"]
    assert "--enable-lora" in values(qwenpick, f"launch {asked} -o {option}")["serve"]["argv"]


def test_what_prompts_may_hold_decides_how_the_tower_is_profiled(qwenpick: Run) -> None:
    asked = 'fit qwen3-vl-8b-instruct --runtime vllm --gpu "rtx 4090" --quant fp8 --context 8k'

    def tokens(limits: str = "") -> int:
        return int(values(qwenpick, f"{asked} {limits}")["engine"]["kv_cache_tokens"])

    pictures, videos, none = (
        tokens(f"""-o 'limit_mm_per_prompt={{"image": {i}, "video": {v}}}'""") for i, v in ((1, 0), (0, 1), (0, 0))
    )
    assert tokens() == pictures < videos < none
    text_only = values(qwenpick, f"{asked} -o language_model_only=true")
    assert text_only["engine"]["kv_cache_tokens"] == none
    assert qwenpick(*shlex.split(asked), "-o", "limit_mm_per_prompt=two").code == 2


def test_a_tower_that_is_not_cut_is_whole_on_every_gpu(qwenpick: Run) -> None:
    asked = 'fit qwen3-vl-8b-instruct --runtime vllm --gpu "2x rtx 4090" --quant bf16 --context 8k -o tensor_parallel_size=2'
    cut, whole = values(qwenpick, asked), values(qwenpick, f"{asked} -o mm_encoder_tp_mode=data")
    assert parts(whole)["vision weights"] == pytest.approx(2 * parts(cut)["vision weights"], rel=0.02)


def test_an_n_gram_table_goes_to_ram_where_the_gpus_are_too_small(qwenpick: Run) -> None:
    box = 'qwen3.8-flash-next --gpu "rtx pro 6000" --ram 128GiB --context 32k --quant nvfp4'
    for engine, flag in (("vllm", '{"cpu_offload": true}'), ("sglang", "--ple-offload-embedding")):
        found = values(qwenpick, f"fit {box} --runtime {engine}")
        assert found["fits"] and found["placement"]["table_in_ram"] and found["placement"]["mode"] == "gpu"
        in_ram = sum(part["bytes"] for part in found["memory"]["parts"] if part["where"] == "ram")
        assert in_ram == pytest.approx(51.2e9, rel=0.02)  # 51.2 billion elements of 8 bits
        assert flag in values(qwenpick, f"launch {box} --runtime {engine}")["serve"]["argv"]
    here = values(qwenpick, box.replace("rtx pro 6000", "b300").join(("fit ", " --runtime vllm")))
    assert here["fits"] and not here["placement"]["table_in_ram"]
    asked = values(qwenpick, f"""fit {box} --runtime vllm -o 'engram_config={{"cpu_offload": false}}'""")
    assert not asked["fits"]


def test_a_table_on_disk_keeps_eight_gigabytes_in_the_memory_of_a_spark(qwenpick: Run) -> None:
    box = 'fit qwen3.8-flash-next --runtime sglang --gpu "dgx spark" --quant nvfp4 --context 16k'
    found = values(qwenpick, f"{box} -o ple_offload_backend=file")
    assert found["fits"]
    assert sum(part["bytes"] for part in found["memory"]["parts"] if part["where"] == "ram") == 8 * 10**9
