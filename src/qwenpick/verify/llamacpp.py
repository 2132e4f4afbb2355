"""llama.cpp's start-up lines: buffers per device for weights, cache, recurrent state, compute and output.

Wordings: llm_load_tensors and llama_kv_cache_init (2024), load_tensors and llama_kv_cache_unified (2025), llama_kv_cache, llama_memory_recurrent
and sched_reserve (2026, b9849 to b11434).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from qwenpick.memory.account import RAM, Part, gpu
from qwenpick.units import MIB
from qwenpick.verify.llamacpp_tables import breakdown, speeds
from qwenpick.verify.observation import Observation, first, last, observed

_BUFFER = re.compile(
    r"(?P<who>\w+):\s+(?P<device>[\w.\[\]:-]+)\s+(?P<what>model|KV|RS|compute|output)? ?buffer size\s*=\s*(?P<mib>[\d.]+) MiB"
)
_KINDS = {"model": "weights", "KV": "kv cache", "RS": "state", "compute": "compute", "output": "compute"}
_NAMES = {
    "model": "weights",
    "KV": "kv cache",
    "RS": "recurrent state",
    "compute": "compute buffer",
    "output": "output buffer",
}
_LOADING = re.compile(r"load_tensors: (loading model tensors|ggml ctx size)|llama_model_loader: loaded meta data")
_CONTEXT = re.compile(
    r"(llama_context|llama_init_from_model|llama_new_context_with_model): (constructing llama_context|n_ctx\s+=)"
)
_DRAFT = re.compile(r"creating (MTP )?draft context|loading draft model|speculative.*draft model", re.IGNORECASE)
_DRY = re.compile(r"common_params_fit_impl|common_memory_breakdown|llama_params_fit")
_SETTING = re.compile(r"llama_\w+:\s+(n_seq_max|n_ctx|n_batch|n_ubatch|flash_attn|kv_unified)\s+=\s+(\S+)")
_KV_SIZE = re.compile(
    r"size\s*=\s*[\d.]+ MiB \(\s*(\d+) cells.*K \((\w+)\).*V \((\w+)\)|KV self size.*K \((\w+)\).*V \((\w+)\)"
)
_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_FLASH = re.compile(r"Flash Attention was auto, set to (\w+)")
_SLOTS = re.compile(r"n_slots = (\d+), n_ctx_slot = (\d+)(?:, kv_unified = '(\w+)')?")
_EXPERTS = re.compile(r"tensor blk\.(\d+)\.ffn_\w+_exps\S* .*buffer type overridden to CPU")
_NAME = re.compile(r"general\.name\s+(?:str\s+)?=\s+(.+)")
_FILE = re.compile(r"([^\s'\"=]+\.gguf)")
# llama-bench writes it behind the architecture and the size, in the first column
_TYPE = re.compile(
    r"(?:(?:print_info: file type|llm_load_print_meta: model ftype)\s+=|^\|\s*[a-z]\w*(?: \?\S*| [\d.]+\S*)?)\s+"
    r"((?:all |mostly )?(?:I?Q|B?F|TQ|MXFP)\d[^|]*)"
)
_BUILD = re.compile(r"build(?:_info)?:? (?:b)?(\d{3,6}) ?\(|build_info: (b\d+)")
_DEVICE = re.compile(r"using device (\w+) \((.+?)\)|Device 0: ([^,]+)")


def parse(log: list[str]) -> Observation:
    """What the last start in the log says."""
    start = _last_start(log)
    settings = _settings(log[start:])
    found = _buffers(log[start:])
    devices, table = breakdown(log) if not found else ([], [])
    found = found or table
    cache = last(_KV_SIZE, (line for line in log[start:] if "recurrent" not in line))
    offloaded, kind = first(_OFFLOADED, log[start:]), last(_TYPE, log)
    sequences = int(str(settings.pop("n_seq_max", 1)))
    context = settings.pop("n_ctx", None)
    slots = last(_SLOTS, log[start:])
    if context is None and slots:
        sequences = int(slots[1])
        context = int(slots[2]) * (1 if slots[3] == "true" else sequences)
    build, device = last(_BUILD, log), last(_DEVICE, log)
    return Observation(
        engine="llamacpp",
        memory=observed(found),
        version=f"b{build[1]}" if build and build[1] else build[2] if build else None,
        model=_model(log),
        format=_format(kind[1]) if kind else None,
        context=int(str(context)) // sequences if context and sequences > 0 else None,
        sequences=sequences,
        kv_cache="/".join(dict.fromkeys(t for t in cache.groups()[1:] if t)) if cache else None,
        kv_tokens=int(cache[1]) if cache and cache[1] else None,
        layers_on_gpu=int(offloaded[1]) if offloaded else None,
        ranks=len({part.where for part in found} - {RAM}),
        cpu_moe_layers=_experts_in_ram(log[start:]),
        device=(device[2] or device[3]) if device else devices[0][0] if devices else None,
        total=devices[0][1] if devices else None,
        settled="n_ubatch" in settings or bool(table),
        speeds=speeds(log),
        options=_options(settings, log[start:]),
    )


def _last_start(log: list[str]) -> int:
    """The last line that begins to load and has weights placed within 4,000 lines, before the end; 0 for none."""
    placed: int | None = None
    for index in reversed(range(len(log))):
        line = log[index]
        if "model buffer size" in line or re.search(r"load_tensors:\s+\S+ buffer size", line):
            placed = index
        if placed is not None and placed - index < 4000 and _LOADING.search(line):
            return index
    return 0


def _buffers(log: list[str]) -> list[Part]:
    """One part per buffer: a later reservation of the same context replaces an earlier one, a new context replaces the old, a draft's add up."""
    kept: dict[tuple[str, str, str], Part] = {}
    devices = sorted(
        {m["device"] for line in log if (m := _BUFFER.search(line)) and _is_gpu(m["device"])}, key=_natural
    )
    owner, drafting, filled = "", False, False
    for line in log:
        if _DRY.search(line):
            continue
        drafting = drafting or bool(_DRAFT.search(line))
        if _CONTEXT.search(line) and filled:
            owner = "draft " if drafting else owner
            if not owner:
                kept = {key: part for key, part in kept.items() if key[1] == "model"}
            filled = False
        match = _BUFFER.search(line)
        if match is None or match["who"].startswith("~"):
            continue
        what = match["what"] or "model"
        filled = filled or what != "model"
        where = gpu(devices.index(match["device"])) if match["device"] in devices else RAM
        name = f"{owner}{_NAMES[what]}" if what != "model" else "weights"
        part = Part(name, round(float(match["mib"]) * MIB), where, match[0].strip(), _KINDS[what])
        kept[owner, what, match["device"]] = part
    return list(kept.values())


def _experts_in_ram(log: list[str]) -> int:
    """Layers from the first on whose experts were left to the CPU: what --n-cpu-moe says."""
    layers = {int(match[1]) for line in log if (match := _EXPERTS.search(line))}
    return next(count for count in range(len(layers) + 1) if count not in layers)


def _is_gpu(device: str) -> bool:
    """CUDA0, Vulkan1, ROCm0, SYCL0, MTL0, Metal; not CPU, CPU_Mapped, CPU_REPACK, CUDA_Host."""
    return not device.startswith(("CPU", "BLAS", "AMX")) and "_Host" not in device


def _natural(device: str) -> tuple[str, int]:
    digits = re.search(r"\d+$", device)
    return device.rstrip("0123456789"), int(digits[0]) if digits else 0


def _settings(log: Iterable[str]) -> dict[str, object]:
    """The first context's settings: a draft's come later."""
    found: dict[str, object] = {}
    for line in log:
        if match := _SETTING.search(line):
            found.setdefault(match[1], match[2])
    return found


def _options(settings: Mapping[str, object], log: list[str]) -> dict[str, object]:
    """Settings as options of an estimate, where they are not its defaults."""
    options: dict[str, object] = {}
    for name, default in (("n_batch", "2048"), ("n_ubatch", "512")):
        if settings.get(name, default) != default:
            options[name] = int(str(settings[name]))
    auto = first(_FLASH, log)
    said = str(settings.get("flash_attn", "auto"))
    flash = auto[1] if auto and said == "auto" else said
    if flash in ("0", "disabled", "off", "false"):
        options["flash_attn"] = False
    if settings.get("kv_unified") == "false":
        options["kv_unified"] = False
    if any(_DRAFT.search(line) and "MTP" in line for line in log):
        options["spec_type"] = "draft-mtp"
        depth = first(re.compile(r"n_max=(\d+)"), log)
        options |= {"draft_n_max": int(depth[1])} if depth else {}
    batch = re.escape(str(settings.get("n_ubatch", "512")))
    if first(re.compile(rf"graph_reserve: .*n_tokens =\s+{batch}, .*n_outputs =\s+{batch}\b"), log):
        options["server"] = False
    return options


def _model(log: list[str]) -> str | None:
    """The file's name, which says more than the name inside."""
    file, name = first(_FILE, (line for line in log if "mmproj" not in line)), last(_NAME, log)
    return file[1] if file and "sha256-" not in file[1] else name[1].strip() if name else None


def _format(words: str) -> str:
    """The quantizer's short name.

    >>> _format("Q4_K - Medium"), _format("IQ4_XS - 4.25 bpw"), _format("all F32")
    ('Q4_K_M', 'IQ4_XS', 'F32')
    """
    short = words.strip().removeprefix("all ").removeprefix("mostly ").removesuffix(" (guessed)")
    name, _, rest = short.partition(" - ")
    ending = {"Small": "_S", "Medium": "_M", "Large": "_L"}.get(rest.split()[0] if rest else "", "")
    return (name + ending).strip()
