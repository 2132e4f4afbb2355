"""vLLM, SGLang and MLX runs: single streams and servers under load."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from benchmarks.scoreboard import Row, Skip
from benchmarks.speed_scorers.names import device, format_of, gpu_of, model_of, number, whole
from benchmarks.speed_scorers.runs import Quantity, Reader, Run, catalog
from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.machine.hardware import Cpu, Machine
from qwenpick.memory.cache import KvCache
from qwenpick.memory.quantization import stored_bytes
from qwenpick.runtimes import sglang
from qwenpick.runtimes.sglang.pools import slots_each
from qwenpick.speed.traffic import attention, traffic
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

ENGINES = {
    "vllm": "vllm",
    "sglang": "sglang",
    "mlx": "mlx",
    "transformers": "transformers",
    "llama.cpp": "llamacpp",
    "ollama": "ollama",
}


def vllm_h200(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """vllm_h200.csv: one stream and 32 streams of a short prompt, random weights."""
    for row in rows:
        options = json.loads(row["kw"] or "{}")
        eager = {"enforce_eager": True} if options.get("enforce_eager") else {}
        cache = KvCache("fp8", "fp8") if "kvfp8" in row["case"] else KvCache()
        for column, streams in (("decode_tok_s", 1), ("b32_tok_s", min(32, (whole(row["max_num_seqs"]) or 32)))):
            label = f"{row['case']} {column}"
            if not row[column]:
                yield Skip("vllm", "no speed in the row", label)
                continue
            yield from run(
                label, "vllm", row["model"], row["quant"], ["H200"], "decode" if streams == 1 else "together", number(row[column]),
                generated=128, streams=streams, cache=cache, options=eager,
            )  # fmt: skip


def sglang_h200(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """sglang_h200_2026_11_29.csv: 128 tokens after a prompt of 128 for one stream and for 32, a prompt of 2,048; random weights."""
    for row in rows:
        found: tuple[tuple[str, Quantity, int], ...] = (
            ("decode_tok_s", "decode", 1), ("b32_tok_s", "together", 32), ("ttft_2k_ms", "prefill", 1),
        )  # fmt: skip
        for column, quantity, streams in found:
            label, reading = f"{row['model']} {row['options']} {column}", quantity == "prefill"
            if not row[column]:
                yield Skip("sglang", "no speed in the row", label)
            elif "pp_size" in row["options"]:
                yield Skip("sglang", "pipeline stages: one step a stage, which a group of the scorer is not", label)
            elif "speculative" in row["options"]:
                yield Skip("sglang", "drafts of random weights: as many are accepted as chance has it", label)
            else:
                yield from run(
                    label, "sglang", row["model"], "bf16", ["H200"] * int(row["gpus"]), quantity,
                    2048 / number(row[column]) * 1000 if reading else number(row[column]),
                    prompt=2048 if reading else 128, generated=0 if reading else 128, streams=streams,
                )  # fmt: skip


def gpustack(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """speed_gpustack.csv: generated tokens/s of a server; prompts are read while others generate."""
    for row in rows:
        label = f"{row['model']} {row['runtime']} {row['gpu'][:30]} c{row['concurrency']} {row['section'][:40]}"
        engine = ENGINES.get(row["runtime"])
        if engine is None:
            yield Skip(row["runtime"], "an engine that qwenpick does not know", label)
            continue
        if "speculative" in row["serve_command"] + row["section"] + row["notes"] and "mtp" not in row["serve_command"]:
            yield Skip(engine, "speculation with a separate draft model", label)
            continue
        if "Rate" in row["section"] or "RPS" in row["notes"]:
            yield Skip(engine, "requests arrive at a fixed rate: the load is measured, not the speed", label)
            continue
        if "prefix" in row["serve_command"] and "Long" in row["section"]:
            yield Skip(engine, "prompts come from the prefix cache", label)
            continue
        requests = whole(row["requests"])
        # all at once: vLLM's max_num_seqs default for the API server
        streams = int(row["concurrency"] or min(requests, 256))
        drafts = re.search(r'num_speculative_tokens":(\d+)', row["serve_command"])
        count = int(row["gpu_count"] or (re.search(r"-tp (\d)", row["serve_command"]) or ["", "1"])[1])
        yield from run(
            label, engine, row["model"], row["quant"] or ("fp8" if "Quantization" in row["section"] else "bf16"), [row["gpu"]] * count, "together",
            number(row["speed_tok_s"]), prompt=whole(row["total_input_tokens"]) // requests, generated=whole(row["total_output_tokens"]) // requests,
            streams=streams, drafts=int(drafts[1]) if drafts else 0,
        )  # fmt: skip


def rtx6kpro(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """speed_rtx6kpro.csv: generated tokens/s of all streams at a context, four cards.

    All streams hold the same context: it costs as much for sixteen as for one (SGLang, 64k: 7.2 ms a step more, with 1, 2, 4 and 8 streams).
    """
    for row in rows:
        label = f"{row['model']} {row['runtime']} {row['notes']} ctx{row['input_len']} c{row['batch']}"
        drafts = 0
        if "MTP ON" in row["notes"]:
            found = re.search(r"num_speculative_tokens=(\d+)", row["notes"])
            drafts = int(found[1]) if found else 3  # SGLang's NEXTN default: three draft steps
        context = whole(row["input_len"].removesuffix("k")) * (1024 if row["input_len"].endswith("k") else 1)
        streams, count = whole(row["batch"]), max(1, whole(row["gpu_count"]))
        found, form, card = model_of(row["model"]), format_of(row["quant"], "vllm"), gpu_of("RTX PRO 6000")
        if (
            found
            and form
            and card
            and _kept(found[1], form, context, streams, count) > count * (card.memory_bytes or 0)
        ):
            yield Skip(
                ENGINES[row["runtime"]],
                "more cached tokens than the cards hold: prefixes are shared or streams wait",
                label,
            )
            continue
        yield from run(
            label, ENGINES[row["runtime"]], row["model"], row["quant"], ["RTX PRO 6000"] * count,
            "together" if streams > 1 else "decode", number(row["speed_tok_s"]), cached=context, generated=whole(row["output_len"]),
            streams=streams, drafts=drafts, shared=True,
        )  # fmt: skip


def mlx_apple(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """mlx_apple.csv: mlx_lm.benchmark and vllm-mlx."""
    for row in rows:
        label = f"{row['model']} {row['quant']} {row['gpu']} {row['speed_what']}"
        if not row["speed_tok_s"]:
            yield Skip("mlx", "no speed in the row", label)
            continue
        if row["runtime"] != "mlx" and whole(row["batch"]) > 1:
            yield Skip("mlx", "continuous batching of vllm-mlx, an engine that qwenpick does not know", label)
            continue
        prompt, generated = whole(row["input_len"]), whole(row["output_len"])
        reading = row["speed_what"].startswith("Prompt")
        yield from run(
            label, "mlx", row["model"], row["quant"], [row["gpu"]], "prefill" if reading else "decode", number(row["speed_tok_s"]),
            prompt=prompt, generated=0 if reading else generated,
        )  # fmt: skip


def official(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """official_speed_benchmarks.csv: prompt and generated tokens over time (Qwen3), or generated tokens over time (before)."""
    for row in rows:
        label = f"{row['model']} {row['runtime']} {row['quant']} {row['gpu']} x{row['gpu_count']} in{row['input_len']}"
        engine = ENGINES[row["runtime"]]
        if row["status"] != "ok" or not row["speed_tok_s"] or not row["gpu_count"]:
            yield Skip(engine, "no speed in the row", label)
            continue
        found = model_of(row["model"])
        if engine == "transformers" and found and found[1].is_moe:
            yield Skip(
                engine,
                "transformers with MoE: the kernels' speed, which differs by version (1.9 tokens/s of a 30B-A3B)",
                label,
            )
            continue
        if engine == "transformers" and "no FA2" in row["notes"]:
            yield Skip(engine, "transformers without its default attention", label)
            continue
        version = re.search(r"vllm (\d+\.\d+)", row["runtime_version"])
        both = row["speed_what"].startswith("(prompt")
        # vLLM 0.4 captured graphs for contexts up to 8,192 tokens only (max_context_len_to_capture)
        long = (
            row["source_id"] == "qwen2-docs-speed"
            and engine == "vllm"
            and whole(row["input_len"]) + (whole(row["output_len"]) or 2048) > 8192
        )
        yield from run(
            label, engine, row["model"], row["quant"], [row["gpu"]] * max(1, whole(row["gpu_count"])), "both" if both else "output",
            number(row["speed_tok_s"]), prompt=whole(row["input_len"]), generated=(whole(row["output_len"]) or 2048),
            options=({"enforce_eager": True} if long else {}) | ({"version": version[1]} if version and engine == "vllm" else {}),
        )  # fmt: skip


def run(
    label: str, engine: str, model: str, quant: str, gpu_names: list[str], quantity: Quantity, measured: float, *, prompt: int = 0, cached: int = 0,
    generated: int = 0, streams: int = 1, drafts: int = 0, vulkan: bool = False, cache: KvCache | None = None,
    options: dict[str, object] | None = None, size: int | None = None, reported: bool = False,
    cpu: Cpu | None = None, cpu_moe_layers: int = 0, source: str = "", shared: bool = False,
) -> Iterator[Run | Skip]:  # fmt: skip
    """The run, or the reason why it cannot be predicted. Several GPUs are a tensor-parallel group where the engine makes one, else a layer split."""
    found, form, gpus = model_of(model), format_of(quant, engine), [gpu_of(name) for name in gpu_names]
    if measured <= 0:
        yield Skip(engine, "no speed in the row", label)
    elif found is None:
        yield Skip(engine, "not a Qwen of the catalogue", label)
    elif form is None:
        yield Skip(engine, "the format is not stated or has no formula", label)
    elif any(gpu is None or gpu.bandwidth is None for gpu in gpus):
        yield Skip(engine, "the device's bandwidth is not known", label)
    else:
        devices = tuple(device(gpu) for gpu in gpus if gpu)
        bandwidth = sum(gpu.bandwidth or 0 for gpu in gpus if gpu)
        if (
            gpus
            and reported
            and quantity == "decode"
            and not drafts
            and _impossible(found[1], form, measured, bandwidth)
        ):
            yield Skip(engine, "faster than the memory can be read: the label names another model", label)
            return
        parallel = max(1, len(devices)) if engine in ("vllm", "sglang") else 1
        flags = dict(options or {})
        if drafts:
            flags |= _speculating(engine, drafts)
        if vulkan:
            flags["device"] = "Vulkan0"
        work = Serving(cached + prompt + generated, sequences=streams, kv_cache=cache or KvCache(), options=flags)
        placement = Placement(devices, tensor_parallel=parallel, cpu_moe_layers=cpu_moe_layers)
        checkpoint = Checkpoint(format=form, bytes=size)
        if engine == "sglang" and found[1].is_hybrid and streams > 1:
            slots = sglang.ledger(catalog().models[found[0]], found[1], checkpoint, work, placement).state_slots or 0
            work = replace(work, sequences=max(1, min(streams, slots // slots_each(work))))  # the others wait
        yield Run(
            label, engine, quantity, measured, found[1], checkpoint, work, placement, Machine(devices, cpu=cpu or Cpu()), prompt=prompt,
            cached=cached, generated=generated, device=(devices[0].gpu if devices else cpu.name if cpu else None) or "", model=found[0],
            self_reported=reported, source=source, shared=shared,
        )  # fmt: skip


def _speculating(engine: str, drafts: int) -> dict[str, object]:
    """The engine's flags that make the model's MTP block propose so many tokens a step; SGLang counts the token that is checked anyway."""
    if engine in ("llamacpp", "ollama"):
        return {"spec_type": "draft-mtp", "draft_n_max": drafts}
    return {"speculative_num_draft_tokens": drafts + 1} if engine == "sglang" else {"num_speculative_tokens": drafts}


def _kept(architecture: Architecture, form: str, context: int, streams: int, ways: int) -> float:
    """Bytes of weights and 16-bit caches of all streams over `ways` cards, KV heads repeated where there are fewer of them than cards."""
    kept = attention(architecture)
    cache = 2 * kept.cache_elements(context) * ways / min(ways, kept.kv_heads)
    return stored_bytes(architecture, form, parts=frozenset({"text"})) + streams * cache


def _impossible(architecture: Architecture, form: str, measured: float, bandwidth: float) -> bool:
    w = traffic(architecture, form, None)
    return measured * (w.dense + w.output + w.experts * w.chosen / w.of) > 1.05 * bandwidth


TABLES: dict[str, Reader] = {
    "vllm_h200.csv": vllm_h200, "vllm_h200_2026_11_28.csv": vllm_h200, "sglang_h200_2026_11_29.csv": sglang_h200,
    "speed_gpustack.csv": gpustack, "speed_rtx6kpro.csv": rtx6kpro, "mlx_apple.csv": mlx_apple,
    "official_speed_benchmarks.csv": official,
}  # fmt: skip
