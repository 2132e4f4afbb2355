"""People's own runs: localmaxxing, llmfit, club-3090 and single pages. Self-reported; the settings are read from labels and commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from benchmarks.scoreboard import Row, Skip
from benchmarks.speed_scorers.names import cpu_of, format_of, gpu_of, model_of, number, whole
from benchmarks.speed_scorers.runs import Reader, Run
from benchmarks.speed_scorers.serving import ENGINES, run
from qwenpick.memory.cache import CACHE_BITS, KvCache
from qwenpick.memory.quantization import stored_bytes
from qwenpick.speed.traffic import attention, cache_bytes_per_element

SHORT = 256  # prompt tokens below which a prefill speed is start-up


def localmaxxing(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """speed_localmaxxing.csv."""
    for row in rows:
        what = f"{row['model'].split('/')[-1]} {row['runtime']} {row['quant']}"
        label = f"{what} {row['gpu']} x{row['gpu_count']} in{row['input_len']} {row['row_id'][-6:]}"
        engine = ENGINES.get(row["runtime"])
        quant = row["quant"] + (" bit" if row["runtime"] == "mlx" and row["quant"].startswith("int") else "")
        mtp = row["mtp"] == "True" or "mtp" in row["command"].casefold() or "with MTP" in row["notes"]
        if engine is None:
            yield Skip(row["runtime"], "an engine that qwenpick does not know", label)
            continue
        listed = re.search(r"device: ((?:ROCm|Vulkan|CUDA)\d(?:,(?:ROCm|Vulkan|CUDA)\d)*)", row["notes"])
        count = max(1, whole(row["gpu_count"]), len(listed[1].split(",")) if listed else 1)
        names = [row["gpu"]] * count
        cpu = None
        if re.search(r"lane: pr\d+", row["notes"]):
            yield Skip(engine, "a build of an unmerged pull request", label)
            continue
        if "--no-kv-offload" in row["command"]:
            yield Skip(engine, "the cache lies in RAM, whose bandwidth is not known", label)
            continue
        if row["gpu"] == "CPU only":
            names, cpu = ([row["cpu"]], None) if row["quant_raw"] == "vulkan" else ([], cpu_of(row["cpu"]))
            if not names and cpu is None:
                yield Skip(engine, "the CPU's RAM is not named", label)
                continue
        if row["spec_decode"] == "True" and not mtp:
            yield Skip(engine, "speculation with a separate draft model", label)
            continue
        if row["batch"] == "4" and engine == "vllm":
            yield Skip(engine, "several streams: whose speed is not said", label)
            continue
        depth = re.search(r"\s-d (\d+)", row["command"])
        cached, prompt = int(depth[1]) if depth else 0, whole(row["input_len"])
        if prompt > SHORT and row["context_length"] == row["input_len"]:
            cached, prompt = prompt, 0  # a sweep over the context: generation stands at that depth
        bench = "llama-bench" in row["command"] + row["notes"]  # generation is measured apart from the prompt there
        if engine == "vllm" and prompt > 1000 and not row["prefill_tok_s"]:
            yield Skip(engine, "a long prompt, and whether its time is included is not said", label)
            continue
        cache, vulkan = _cache(row["kv_dtype"]), row["quant_raw"] == "vulkan"
        if reason := _does_not_fit(row["model"], quant, engine, names, cached + prompt, cache):
            yield Skip(engine, reason, label)
            continue
        if cpu is None and _in_ram(row["model"], row["gpu_layers"]):
            yield Skip(
                engine, "fewer layers on the card than the model has, and the RAM's bandwidth is not known", label
            )
            continue
        gpus, measured = names, number(row["speed_tok_s"])
        yield from run(
            label, engine, row["model"], quant, gpus, "decode", measured, prompt=0 if bench else prompt, cached=cached,
            generated=(whole(row["output_len"]) or 128), drafts=_drafts(row["command"] + row["notes"]) if mtp else 0, vulkan=vulkan, cache=cache,
            reported=True, cpu=cpu,
        )  # fmt: skip
        read = whole(row["input_len"])
        if row["prefill_tok_s"] and read >= SHORT and not mtp:
            yield from run(
                label, engine, row["model"], quant, gpus, "prefill", number(row["prefill_tok_s"]), prompt=read,
                cached=int(depth[1]) if depth else 0, vulkan=vulkan, cache=cache, reported=True, cpu=cpu,
            )  # fmt: skip


def llmfit(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """speed_llmfit_community.csv: short prompts, about 300 tokens generated; Ollama's tags mean Q4_K_M unless they say otherwise."""
    for row in rows:
        label = f"{row['model']} {row['runtime']} {row['gpu']} x{row['gpu_count']}"
        engine = ENGINES.get({"llamacpp": "llama.cpp"}.get(row["runtime"], row["runtime"]), "")
        quant = row["model"]
        if engine == "ollama":
            engine, quant = (
                ("mlx", "4bit")
                if "mlx" in row["model"]
                else ("ollama", row["model"] if _tagged(row["model"]) else "Q4_K_M")
            )
        gpus = [row["gpu"]] * max(1, whole(row["gpu_count"]))
        if reason := _does_not_fit(row["model"], quant, engine, gpus):
            yield Skip(engine, reason, label)
            continue
        yield from run(
            label, engine, row["model"], quant, gpus, "decode", number(row["speed_tok_s"]), cached=64, generated=whole(row["output_len"]),
            drafts=2 if "mtp" in row["model"] else 0, reported=True,
        )  # fmt: skip


def club3090(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """community_club3090.csv: vLLM's composes load AutoRound INT4 unless the label names another format."""
    for row in rows:
        label = f"{row['model']} {row['runtime']} {row['quant_raw'][:50]} {row['gpu']} x{row['gpu_count']} {row['output_len']}"
        engine = ENGINES.get(row["runtime"], "llamacpp" if "llama" in row["runtime"] else "")
        stated = re.search(r"spec-decode: *([^;]*)", row["notes"])
        speculation = stated[1].strip() if stated else "unknown"
        if not row["speed_tok_s"] or not row["gpu"] or not row["gpu_count"]:
            yield Skip(engine, "no speed or no card in the row", label)
            continue
        if "DFlash" in speculation + row["quant_raw"] or "dflash" in row["quant_raw"]:
            yield Skip(engine, "speculation with a separate draft model", label)
            continue
        if "no-MTP" in speculation or (speculation == "unknown" and "MTP" not in row["quant_raw"]):
            yield Skip(engine, "whether it speculates is not said", label)
            continue
        drafts = re.search(r"MTP n=(\d)", row["quant_raw"] + row["notes"])
        quant = row["quant_raw"]
        if engine == "vllm" and format_of(re.sub(r"fp8-mtp", "", quant), engine) is None:
            quant = "autoround-int4"
        yield from run(
            label, engine, row["model"], re.sub(r"fp8-mtp|int8-PTH|int8_per", "", quant), [row["gpu"]] * max(1, whole(row["gpu_count"])), "decode",
            number(row["speed_tok_s"]), cached=64, generated=whole(row["output_len"]), drafts=int(drafts[1]) if drafts else 3,
            cache=_cache(row["kv_dtype"]), reported=True,
        )  # fmt: skip


def misc(rows: Iterable[Row]) -> Iterator[Run | Skip]:
    """speed_misc.csv: single streams whose card is named."""
    for row in rows:
        label = f"{row['model']} {row['runtime']} {row['quant']} {row['gpu']} in{row['input_len']}"
        engine = ENGINES.get(row["runtime"])
        if engine is None:
            yield Skip(row["runtime"], "an engine that qwenpick does not know", label)
            continue
        what = row["speed_what"]
        if "aggregate" in what or "range" in what or "DFlash" in what or not what or row["batch"] not in ("1", ""):
            yield Skip(engine, "not one stream's speed, or a range", label)
            continue
        if "19480" in row["source_url_or_repo_path"] and "Next" in row["model"]:
            yield Skip(
                engine, "the thread reports the figure as a fault of the engine: a fifth of what the RAM gives", label
            )
            continue
        if "not in excerpt" in row["gpu"] or "spills" in row["notes"]:
            yield Skip(engine, "the placement or the device is not said", label)
            continue
        quant = row["quant"]
        if engine == "mlx" and (bits := re.search(r"Q(\d)_K|BF16", quant)):
            quant = f"{bits[1]}bit" if bits[1] else "bf16"
        gpus = [] if "CPU only" in row["gpu"] else [row["gpu"]] * (whole(row["gpu_count"]) or 1)
        moe = re.search(r"n-cpu-moe (\d+)", row["notes"])
        if gpus and not moe and (reason := _does_not_fit(row["model"], quant, engine, gpus)):
            yield Skip(engine, reason, label)
            continue
        yield from run(
            label, engine, row["model"], quant, gpus, "decode", number(row["speed_tok_s"]), cached=whole(row["input_len"]), generated=128,
            drafts=3 if "MTP" in what else 0, reported=True, cpu=cpu_of(row["gpu"]), cpu_moe_layers=int(moe[1]) if moe else 0,
        )  # fmt: skip


def _in_ram(model: str, layers_on_gpu: str) -> bool:
    """Whether -ngl names fewer layers than the model has."""
    found = model_of(model)
    return bool(found and layers_on_gpu and whole(layers_on_gpu) < found[1].num_layers)


def _does_not_fit(
    model: str, quant: str, engine: str, gpus: list[str], depth: int = 0, cache: KvCache | None = None
) -> str | None:
    """A reason to leave the row out: the weights exceed the cards, and nothing says what stayed in RAM."""
    found, form, cards = model_of(model), format_of(quant, engine), [gpu_of(name) for name in gpus]
    if not gpus or found is None or form is None or any(card is None or card.memory_bytes is None for card in cards):
        return None
    room = sum(card.memory_bytes or 0 for card in cards if card)
    kept = attention(found[1]).cache_elements(depth) * cache_bytes_per_element(cache or KvCache())
    if stored_bytes(found[1], form, parts=frozenset({"text"})) + kept > 0.96 * room:
        return "weights and cache exceed the card, and what lies in RAM is not said"
    return None


def _tagged(name: str) -> bool:
    return bool(re.search(r"q\d_|bf16|fp16", name, re.IGNORECASE))


def _drafts(text: str) -> int:
    found = re.search(r"(?:draft-max|draft-n-max|draft-n|num_speculative_tokens|spec-draft-n-max)[\"'= :]+(\d+)", text)
    return int(found[1]) if found else 3


def _cache(name: str) -> KvCache:
    folded = {"fp16": "f16", "bf16": "f16", "auto": "f16", "": "f16"}.get(name.casefold(), name.casefold())
    folded = "fp8" if folded.startswith(("fp8", "int8")) else folded.split("/")[0]
    return KvCache(folded, folded) if folded in CACHE_BITS else KvCache()


TABLES: dict[str, Reader] = {
    "speed_localmaxxing.csv": localmaxxing, "speed_llmfit_community.csv": llmfit, "community_club3090.csv": club3090, "speed_misc.csv": misc,
}  # fmt: skip
