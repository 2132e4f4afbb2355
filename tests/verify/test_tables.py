"""llama.cpp's table of memory, experts left in RAM, llama-bench, the timings of a request and MLX's closing lines; and when everything is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwenpick.errors import QwenpickError
from qwenpick.memory.account import Memory, Part
from qwenpick.units import MIB
from qwenpick.verify.compare import Comparison, Row, compare
from qwenpick.verify.logs import read_log
from qwenpick.verify.observation import Measured, Observation

# https://github.com/ollama/ollama/issues/17482: the sizes of a first try, then of the one that was taken
TABLE = """\
common_memory_breakdown_print: | memory breakdown [MiB] | total    free     self   model   context   compute    unaccounted |
common_memory_breakdown_print: |   - CUDA0 (RTX 3090)   | 24124 = 23860 + (9999 = 9999 +     411 +     170) +      -15681 |
common_params_fit_impl: getting device memory data for initial parameters:
common_memory_breakdown_print: | memory breakdown [MiB] | total    free     self   model   context   compute    unaccounted |
common_memory_breakdown_print: |   - CUDA0 (RTX 3090)   | 24124 = 23860 + (15946 = 15364 +     411 +     170) +      -15681 |
common_memory_breakdown_print: |   - Host               |                    804 =   682 +       0 +     122                |
srv    load_model: initializing, n_slots = 1, n_ctx_slot = 4096, kv_unified = 'false'
"""
# https://github.com/ggml-org/llama.cpp/pull/15860: the first wording
TWO_CARDS = """\
llama_print_memory_breakdown: memory breakdown:      total   free     self   model   context   compute    unaccounted
llama_print_memory_breakdown:   - CUDA0 (RTX 4090):  24080 = 9436 + (14193 = 13169 +      38 +     985) +         451
llama_print_memory_breakdown:   - CUDA1 (RTX 4090):  24080 = 9868 + (13756 = 13169 +      38 +     548) +         456
llama_print_memory_breakdown:   - CPU (EPYC 7742):  515628              72 =     0 +      57 +      15
"""


def sizes(seen: Observation) -> dict[tuple[str, str], float]:
    return {(part.kind, part.where): part.bytes / MIB for part in seen.memory.parts}


def test_the_last_table_of_memory_is_read_where_no_buffers_are_told() -> None:
    seen = read_log(TABLE)
    assert sizes(seen) == {
        ("weights", "gpu0"): 15364, ("kv cache", "gpu0"): 411, ("compute", "gpu0"): 170,
        ("weights", "ram"): 682, ("compute", "ram"): 122,
    }  # fmt: skip
    assert (seen.device, seen.total, seen.context) == ("RTX 3090", 24124 * MIB, 4096)


def test_the_first_wording_of_the_table_is_read_on_two_cards() -> None:
    found = sizes(read_log(TWO_CARDS))
    assert found["weights", "gpu0"] == found["weights", "gpu1"] == 13169
    assert (found["compute", "gpu0"], found["compute", "gpu1"], found["kv cache", "ram"]) == (985, 548, 57)


def test_cache_and_state_of_the_table_are_set_beside_both() -> None:
    predicted = Memory((Part("kv", 256 * MIB, "gpu0", "", "kv cache"), Part("rs", 150 * MIB, "gpu0", "", "state")))
    rows = {row.kind: row for row in compare(predicted, read_log(TABLE)).rows if row.where == "gpu0"}
    assert rows["kv cache"].predicted == 406 * MIB and "state" not in rows


@pytest.mark.parametrize(
    ("layers", "found"), [((0, 1, 2), 3), ((0, 2), 1), ((3,), 0), ((), 0)], ids=["three", "gap", "not first", "none"]
)
def test_layers_whose_experts_stayed_in_ram_are_counted(layers: tuple[int, ...], found: int) -> None:
    lines = "".join(
        f"tensor blk.{n}.ffn_{what}_exps.weight (288 MiB q4_K) buffer type overridden to CPU\n"
        for n in layers
        for what in ("gate", "up", "down")
    )
    assert read_log(f"{lines}load_tensors:        CUDA0 model buffer size = 10170.00 MiB\n").cpu_moe_layers == found


def test_experts_in_ram_are_compared_place_by_place(qwenpick: Callable[..., Any], tmp_path: Path) -> None:
    def told(layers: int) -> Any:
        lines = "".join(
            f"tensor blk.{n}.ffn_up_exps.weight (288 MiB q4_K) buffer type overridden to CPU\n" for n in range(layers)
        )
        path = tmp_path / f"{layers}.log"
        path.write_text(
            "llama_model_loader: loaded meta data from Qwen3-30B-A3B-Q4_K_M.gguf\n" + lines
            + "load_tensors: offloaded 49/49 layers to GPU\nload_tensors:   CPU_Mapped model buffer size = 9300.00 MiB\n"
            "load_tensors:        CUDA0 model buffer size =  8700.00 MiB\n"
        )  # fmt: skip
        return json.loads(qwenpick("verify", "--log", str(path), "--no-record", "--json").out)

    half, none = told(24), told(0)
    assert {row["where"] for row in half["rows"] if row["kind"] == "weights"} == {"gpu0", "ram"}
    assert all(abs(row["error"]) < 0.1 for row in half["rows"] if row["counts"] and row["kind"] == "weights")
    # all of them on the GPU: the total is right, and no part is
    assert abs(none["off_by"]) < 0.1 and not none["within"]


def test_llama_benchs_rows_are_compared_with_the_estimates_ranges(qwenpick: Callable[..., Any], tmp_path: Path) -> None:
    # figures of https://github.com/AMD-Ecosystem/llama.cpp/pull/59
    (tmp_path / "bench.md").write_text(
        "| model                  |       size |     params | backend    | ngl |            test |                  t/s |\n"
        "| ---------------------- | ---------: | ---------: | ---------- | --: | --------------: | -------------------: |\n"
        "| qwen3 4B Q4_K - Medium |   2.32 GiB |     4.02 B | ROCm       |  99 |           pp128 |      2092.80 ± 10.00 |\n"
        "| qwen3 4B Q4_K - Medium |   2.32 GiB |     4.02 B | ROCm       |  99 | tg128 @ d3840   |         59.60 ± 0.20 |\n"
    )
    words = ("verify", "qwen3-4b", "--quant", "Q4_K_M", "--log", str(tmp_path / "bench.md"), "--no-record", "--json")
    found = qwenpick(*words, "--gpu", "strix halo", "--ram", "64GiB")
    rows = {row["where"]: row for row in json.loads(found.out)["rows"]}
    assert set(rows) == {"pp128", "tg128 @ d3840"} and found.code == 0
    assert all(row["low"] <= row["actual"] <= row["high"] for row in rows.values())
    slow = tmp_path / "slow.md"
    slow.write_text((tmp_path / "bench.md").read_text().replace("2092.80", "92.80"))
    assert qwenpick(*words[:5], str(slow), *words[6:], "--gpu", "strix halo", "--ram", "64GiB").code == 1
    unsaid = qwenpick(*words)
    assert unsaid.code == 2 and "--gpu" in unsaid.err


@pytest.mark.parametrize(
    ("described", "known"),
    [
        ("qwen3 4B Q4_K - Medium", "Q4_K_M"),
        ("qwen35moe 35B.A3B Q5_K - Small", "Q5_K_S"),
        ("qwen35moe ?B IQ4_XS - 4.25 bpw", "IQ4_XS"),
        ("qwen3 0.6B BF16", "BF16"),
        ("qwen3 4B all F32", "F32"),
    ],
)
def test_llama_benchs_first_column_says_the_format(described: str, known: str) -> None:
    row = f"| {described}   |   2.32 GiB |     4.02 B | CUDA |  99 |           tg128 |         59.60 ± 0.20 |\n"
    assert read_log(row, "llamacpp").format == known


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_log_is_said_to_be_empty(text: str, qwenpick: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "empty.log").write_text(text)
    found = qwenpick("verify", "--log", str(tmp_path / "empty.log"))
    assert (found.code, found.err) == (2, "qwenpick: the log is empty\n")


def test_the_timings_of_the_last_request_are_read() -> None:
    text = (
        "prompt eval time =     500.00 ms /   600 tokens (    0.83 ms per token,  1200.00 tokens per second)\n"
        "       eval time =    2000.00 ms /   128 tokens (   15.63 ms per token,    64.00 tokens per second)\n"
    )
    assert read_log(text, "llamacpp").speeds == (Measured("prefill", 1200, 600), Measured("decode", 64, 128, 600))
    assert read_log(text + text.replace("64.00", "32.00"), "llamacpp").speeds[1].rate == 32
    with pytest.raises(QwenpickError):  # six tokens say nothing of a speed
        read_log(text.splitlines()[0].replace(" 600 ", " 6 "), "llamacpp")


def test_mlxs_benchmark_is_compared(qwenpick: Callable[..., Any], tmp_path: Path) -> None:
    # https://github.com/ml-explore/mlx-lm/issues/1569: 3.30 GB and 615 tokens/s on an M3 Pro with 18 GB
    (tmp_path / "mlx.log").write_text(
        "$ mlx_lm.benchmark --model mlx-community/Qwen3-4B-4bit -p 2048 -g 128\nRunning warmup..\n"
        "Timing with prompt_tokens=2048, generation_tokens=128, batch_size=1.\n"
        "Trial 1:  prompt_tps=614.000, generation_tps=48.000, peak_memory=3.300, total_time=6.000\n"
        "Averages: prompt_tps=615.000, generation_tps=48.000, peak_memory=3.300\n"
    )
    words = ("verify", "--quant", "mlx-4bit", "--log", str(tmp_path / "mlx.log"), "--no-record", "--json")
    found = json.loads(qwenpick(*words, "--gpu", "m3 pro", "--ram", "18GiB").out)
    rows = {row["kind"]: row for row in found["rows"]}
    assert (found["model"], found["context"]) == ("qwen3-4b", 2176)
    assert rows["peak memory"]["actual"] == 3_300_000_000 and abs(rows["peak memory"]["error"]) < 0.05
    assert (rows["prefill"]["actual"], rows["decode"]["where"]) == (615, "tg128 @ d2048")


def test_mlx_generates_closing_lines_are_read() -> None:
    seen = read_log(
        "==========\nPrompt: 1400 tokens, 410.250 tokens-per-sec\nGeneration: 100 tokens, 50.100 tokens-per-sec\nPeak memory: 2.910 GB\n"
    )
    assert (seen.engine, seen.context, seen.memory.total) == ("mlx", 1500, 2_910_000_000)
    assert seen.speeds == (Measured("prefill", 410.25, 1400), Measured("decode", 50.1, 100, 1400))


def test_within_is_said_only_when_every_part_is() -> None:
    right = Row("weights", "gpu0", 1000, 1000)
    swapped = Comparison((Row("weights", "gpu0", 600, 500), Row("weights", "ram", 500, 600)))
    assert swapped.off_by == 0 and not swapped.within(0.1) and len(swapped.beyond(0.1)) == 2
    slight = Row("compute", "ram", 2, 1)  # twice what was said, and a thousandth of the whole
    assert Comparison((right, slight)).within(0.1)
    assert not Comparison((right, Row("decode", "tg128", 50, 20, "tokens/s", True, 40, 60))).within(0.1)
    assert not Comparison((Row("overhead", "gpu0", 1, None),)).within(0.1)


def test_what_cannot_be_read_names_the_line() -> None:
    with pytest.raises(QwenpickError, match=r"no line about memory in 2 lines \(the last: 'main: ready'\); .*-lv 4"):
        read_log("srv    load_model: loading model 'x.gguf'\nmain: ready\n")
    with pytest.raises(QwenpickError, match="it begins: 'good morning'"):
        read_log("good morning\n")
    broken = "load_tensors: CUDA0 model buffer size = 1.0 MiB\nload_tensors: CUDA1 model buffer size = 1.0.0 MiB\n"
    with pytest.raises(QwenpickError, match="in line 2: 'load_tensors: CUDA1"):
        read_log(broken)
