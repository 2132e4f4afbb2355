"""From the names that people's tables use to catalogue entries: models, formats, GPUs."""

from __future__ import annotations

import re
from functools import cache

from benchmarks.speed_scorers.runs import catalog
from qwenpick.catalog.lookup import fold
from qwenpick.catalog.schema import Architecture, Gpu
from qwenpick.machine.hardware import Cpu, Device
from qwenpick.memory.quantization import FORMATS


def number(text: str | None) -> float:
    """The number in a cell; 0 for an empty one or words."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def whole(text: str | None) -> int:
    """The whole number in a cell; 0 for an empty one or words."""
    return int(number(text))


@cache
def model_of(text: str) -> tuple[str, Architecture] | None:
    """(id, architecture) of the model that a name is or was tuned from: the longest catalogue id it contains, else its version and size."""
    models = {m.id: m for m in catalog().models.values() if m.architecture}
    name = fold(re.sub(r"qwopus|qwenopus", "qwen", text, flags=re.IGNORECASE).replace("Qwen_Qwen", "Qwen"))
    name = re.sub(r"deepseek-r1-distill-qwen|deepcoder", "qwen2.5", name)
    found = sorted((i for i in models if re.search(rf"(?<![a-z0-9.]){re.escape(i)}(?![0-9.]*[0-9b])", name)), key=len)
    if not found and (version := re.search(r"(?<![0-9.])(\d(?:\.\d)?)-([a-z]+-)?(\d+(?:\.\d+)?b)(-a\d+b)?", name)):
        stem = f"qwen{version[1]}-{version[2] if version[2] == 'coder-' else ''}{version[3]}"
        found = sorted(
            (i for i in models if re.fullmatch(rf"{re.escape(stem)}(-a\d+b)?(-instruct)?", i)), key=len, reverse=True
        )
    if not found:
        return None
    return found[-1], catalog().architecture(models[found[-1]])


@cache
def format_of(text: str, engine: str) -> str | None:
    """The format that a label means: as llama.cpp's file types, MLX's bits, or the names of safetensors formats."""
    if engine == "mlx":
        if re.search(r"bf16|fp16", text, re.IGNORECASE):
            return "mlx-bf16"
        if bits := re.search(r"(?<![0-9])([2-8])[-_ ]?bit|(?<![a-z0-9])q([2-8])(?![0-9])", text, re.IGNORECASE):
            return name if (name := f"mlx-{bits[1] or bits[2]}bit") in FORMATS else None
        return None
    if engine in ("llamacpp", "ollama"):
        return _gguf(text)
    folded = text.casefold()
    for pattern, name in _SAFETENSORS:
        if re.search(pattern, folded):
            return name
    return None


_SAFETENSORS = (
    (r"nvfp4|fp4", "nvfp4"), (r"awq", "awq-int4"), (r"gptq.?(int)?8", "gptq-int8"), (r"gptq|autoround|int4|w4a16", "gptq-int4"), (r"fp8", "fp8"),
    (r"w8a8|int8", "int8"), (r"bf16|fp16|16.?bit", "bf16"),
)  # fmt: skip


def _gguf(text: str) -> str | None:
    found = re.search(
        r"(?<![a-z])(MXFP4(_MOE)?|I?Q[1-8]_(?:[A-Z0-9]+(?:_[A-Z]+)*)|BF16|F16|F32)(?![a-z0-9])",
        text.replace(" - Medium", "_M"),
        re.IGNORECASE,
    )
    if not found:
        return None
    name = found[1].upper()
    if name in FORMATS:
        return name
    if name.startswith("MXFP4"):
        return "MXFP4_MOE"
    # dynamic and imatrix mixes that have no recipe of their own: the k-quant of the same base type; the row's file size then sets the bytes
    stem = re.sub(r"_(XXL|XL|L|M|S)$", "", name)
    nearest = {"Q8_K": "Q8_0", "Q6_K": "Q6_K", "Q2_K": "Q2_K", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M", "Q3_K": "Q3_K_M"}
    return nearest.get(stem) or {
        "IQ4_K": "IQ4_NL",
        "IQ6_K": "Q6_K",
        "IQ3_K": "IQ3_S",
        "IQ5_K": "Q5_K_M",
        "IQ2_K": "IQ2_S",
    }.get(stem)


_CALLED = (
    (r"strix halo|ai max\+? ?395|8060s", "ryzen-ai-max-395-128gb"), (r"dgx spark|gb10", "gb10"), (r"a100", "a100-sxm4-80gb"),
    (r"h100", "h100-sxm5-80gb"),
    (r"h200", "h200-sxm"), (r"h20\b", "h20-96gb"), (r"pro 6000", "rtx-pro-6000-blackwell-workstation"), (r"mi50", "mi50-16gb"),
    (r"880m|890m", "ryzen-ai-hx-370-radeon-890m"), (r"arc.*1[34]0v", "arc-140v-lunar-lake"),
)  # fmt: skip


@cache
def gpu_of(text: str) -> Gpu | None:
    """The catalogue's GPU of that name; of several memory sizes the one that the text states."""
    gpus = catalog().gpus
    folded = text.casefold()
    for pattern, name in _CALLED:
        if re.search(pattern, folded):
            return gpus[name]
    words = f" {re.sub(r'[^a-z0-9]+', ' ', folded)} "
    if re.match(r" [345]\d{3} ", words):
        words = f" rtx{words}"
    stated = re.search(r"(\d+(?:\.\d+)?) ?gb", folded)
    memory = float(stated[1]) if stated else None
    matches = []
    for gpu in gpus.values():
        key = re.sub(
            r"[^a-z0-9]+", " ", re.sub(r"\d+ ?gb|geforce|radeon(?= rx)|generation", "", gpu.name.casefold())
        ).strip()
        if f" {key} " in words and ("laptop" in words or gpu.segment != "laptop"):
            apart = abs((gpu.memory_bytes or 0) / 2**30 - memory) if memory else (gpu.memory_bytes or 0) / -(2**30)
            matches.append((-len(key), apart, gpu.id))
    return gpus[min(matches)[2]] if matches else None


# Processors of the tables, with their RAM as the source states it or as the laptops of that chip carry it: two channels of DDR5-5600 are 89.6 GB/s
_CPUS = (
    (r"7840HS", Cpu("Ryzen 7 7840HS", cores=8, features=("avx2", "avx512f"), bandwidth=89.6e9, bandwidth_from="2 x DDR5-5600")),
    (r"Ultra 7 155H", Cpu("Core Ultra 7 155H", cores=16, features=("avx2",), bandwidth=89.6e9, bandwidth_from="2 x DDR5-5600")),
    (r"HX PRO 370", Cpu("Ryzen AI 9 HX PRO 370", cores=12, features=("avx2", "avx512f"), bandwidth=89.6e9, bandwidth_from="as stated")),
    (r"i9-10900X", Cpu("Core i9-10900X", cores=10, features=("avx2", "avx512f"), bandwidth=102e9, bandwidth_from="as stated")),
)  # fmt: skip


@cache
def cpu_of(text: str) -> Cpu | None:
    """The processor of that name with its RAM's bandwidth; None where the tables do not say it."""
    return next((cpu for pattern, cpu in _CPUS if re.search(pattern, text)), None)


def device(gpu: Gpu) -> Device:
    """The GPU as a device of a machine."""
    return Device(
        gpu.name,
        gpu.vendor,
        gpu.memory_bytes,
        gpu.memory_bytes,
        unified=gpu.unified,
        gpu=gpu.id,
        compute_capability=gpu.compute_capability,
    )
