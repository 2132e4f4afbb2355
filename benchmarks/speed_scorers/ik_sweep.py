"""ik_llama.cpp's sweeps: generation at n_kv tokens and the prompt speed there; experts in RAM where the thread says which RAM."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Skip
from benchmarks.speed_scorers.names import gpu_of, model_of, number, whole
from benchmarks.speed_scorers.runs import Reader, Run
from benchmarks.speed_scorers.serving import run
from qwenpick.machine.hardware import Cpu
from qwenpick.memory.cache import KvCache

# The boxes whose threads name them (ikawrakow/ik_llama.cpp discussions/357 and pull/370, in the commands before each table): a card and a model ->
# layers whose experts lie in RAM, and the RAM. "I benched this rig at around 225-250 GB/s, 8 x 32 GB DDR5 at 4800 MHz"; "96 GB RAM, 16 cores".
BOXES = {
    ("A6000", "235B-A22B-Q8_0"): (80, Cpu("Threadripper PRO 7965WX", cores=24, features=("avx2", "avx512f"), bandwidth=307.2e9)),
    ("3090 Ti", "235B-A22B-mix-IQ3_K"): (82, Cpu("Ryzen 9 9950X", cores=16, features=("avx2", "avx512f"), bandwidth=102.4e9)),
}  # fmt: skip
MIX_BYTES = {"235B-A22B-mix-IQ3_K": round(106.830 * 2**30)}  # the file's size as its model card states it


def sweep(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """speed_ik_sweep.csv: rows with every layer on named cards; where experts lie in RAM the host's bandwidth is not in the table."""
    for row in rows:
        label = f"{row['model']} {row['gpu']} n_kv{row['n_kv']} ub{row['ubatch']}"
        if not row["gpu"]:
            yield Skip("llamacpp", "the device is not named", label)
            continue
        names = re.split(r"\+", row["gpu"]) if "+" in row["gpu"] else [row["gpu"]] * (whole(row["gpu_count"]) or 1)
        found, cards = model_of(row["model"]), [gpu_of(name) for name in names]
        box = next((box for (card, model), box in BOXES.items() if card in row["gpu"] and model in row["model"]), None)
        if found is None or ("235B" in row["model"] and box is None):
            yield Skip("llamacpp", "experts in RAM whose bandwidth is not known", label)
            continue
        if any(card is None for card in cards):
            yield Skip("llamacpp", "the device's bandwidth is not known", label)
            continue
        cached, ubatch = whole(row["n_kv"]), (whole(row["ubatch"]) or 512)
        size = next((size for model, size in MIX_BYTES.items() if model in row["model"]), None)
        moved, cpu = box or (0, None)
        common = {
            "cached": cached,
            "cpu": cpu,
            "cpu_moe_layers": moved,
            "size": size,
            "cache": KvCache("q8_0", "q8_0") if box else None,
        }
        mainline = "line 3374 " in row["source_url_or_repo_path"]  # llama.cpp/master@36667c8e, for comparison
        source = re.search(r"(discussions|pull_requests|issues)/(\d+)", row["source_url_or_repo_path"])
        for quantity, figure, more in (
            ("decode", row["speed_tok_s"], {"generated": ubatch // 4}),
            ("prefill", row["prefill_tok_s"], {"prompt": ubatch, "options": {"n_ubatch": ubatch}}),
        ):
            if quantity == "prefill" and moved and not mainline:
                yield Skip("llamacpp", "a prompt through experts in RAM by ik_llama.cpp's own CPU kernels", label)
                continue
            yield from run(
                label, "llamacpp", row["model"], row["quant"], names, quantity, number(figure), **common, **more,
                source=f"ik_llama.cpp {source[0]}" if source else "",
            )  # fmt: skip


TABLES: dict[str, Reader] = {"speed_ik_sweep.csv": sweep}
