"""What speed must know of an engine's own flags: drafts a step, prompt tokens a batch, captured graphs, llama.cpp's backend.

runtimes/flags.py reads them from the options of a workload.
"""

from __future__ import annotations

from qwenpick.values import dataclass

LATEST = 11434  # the build of llama.cpp that is planned for
# Prompt tokens per batch by default: llama.cpp's n_ubatch, mlx-lm's prefill_step_size, vLLM's and SGLang's budget on large GPUs
CHUNK = {
    "llamacpp": 512,
    "ollama": 512,
    "lmstudio": 512,
    "mlx": 2048,
    "vllm": 8192,
    "sglang": 8192,
    "transformers": 1 << 20,
}
# The most of them that an engine takes of its own accord: Ollama's go by context and memory (runtimes/ollama/batch.py)
MOST_CHUNK = CHUNK | {"ollama": 2048}


@dataclass(frozen=True, slots=True)
class Flags:
    """`drafts` tokens are proposed a step by the model's own MTP block; `chunk` prompt tokens pass at once; `eager` is without captured graphs;
    `vulkan` by llama.cpp's Vulkan backend; `generation` tells an old design of the engine (its constants are apart) from the present one;
    `build` is llama.cpp's, and `every_pair` says that it has attention kernels for every pair of cache types.
    """

    drafts: int = 0
    chunk: int = 512
    eager: bool = False
    vulkan: bool = False
    generation: str = ""
    build: int = LATEST
    every_pair: bool = False


def usual(engine: str) -> Flags:
    """The flags of a workload without options: the engine's defaults."""
    return Flags(chunk=CHUNK[engine])
