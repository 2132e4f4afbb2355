"""What an engine's own flags say about speed: drafts a step, prompt tokens a batch, captured graphs, llama.cpp's backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Prompt tokens per batch by default: llama.cpp's n_ubatch, mlx-lm's prefill_step_size, vLLM's and SGLang's budget on large GPUs
CHUNK = {"llamacpp": 512, "ollama": 512, "mlx": 2048, "vllm": 8192, "sglang": 8192, "transformers": 1 << 20}
_CHUNK_FLAGS = (
    "n_ubatch",
    "ubatch_size",
    "ubatch",
    "ub",
    "prefill_step_size",
    "max_num_batched_tokens",
    "chunked_prefill_size",
)


@dataclass(frozen=True, slots=True)
class Flags:
    """`drafts` tokens are proposed a step by the model's own MTP block; `chunk` prompt tokens pass at once; `eager` is without captured graphs;
    `vulkan` by llama.cpp's Vulkan backend; `generation` tells an old design of the engine (its constants are apart) from the present one.
    """

    drafts: int = 0
    chunk: int = 512
    eager: bool = False
    vulkan: bool = False
    generation: str = ""


def read_flags(engine: str, options: Mapping[str, object]) -> Flags:
    """The flags of a workload; what they leave open is the engine's default."""
    if not options:
        return Flags(chunk=CHUNK[engine])
    given = {name.lstrip("-").replace("-", "_"): value for name, value in options.items()}
    chunk = next((int(str(given[name])) for name in _CHUNK_FLAGS if name in given), CHUNK[engine])
    eager = str(given.get("enforce_eager", given.get("disable_cuda_graph", ""))).casefold() in (
        "true",
        "1",
        "yes",
        "on",
    )
    vulkan = str(given.get("device", given.get("dev", ""))).casefold().startswith("vulkan")
    return Flags(_drafts(given), chunk, eager, vulkan, _generation(engine, given))


def _generation(engine: str, given: Mapping[str, object]) -> str:
    """-v0 for vLLM up to 0.7: its scheduler and sampler waited for each other; V1 is the default from 0.8."""
    major, minor = ([int(part) for part in str(given.get("version", "0.26")).split(".")[:2]] + [0])[:2]
    return "-v0" if engine == "vllm" and (major, minor) < (0, 8) else ""


def _drafts(given: Mapping[str, object]) -> int:
    if given.get("spec_type") == "draft-mtp":  # llama.cpp b11434 common/common.h: n_max 3
        return int(str(given.get("draft_n_max", given.get("spec_draft_n_max", 3))))
    if "speculative_num_draft_tokens" in given:  # SGLang counts the token that is checked anyway
        return max(0, int(str(given["speculative_num_draft_tokens"])) - 1)
    return int(str(given.get("num_speculative_tokens", 0)))
