"""Unsloth's own 4-bit files (-unsloth-bnb-4bit), which it loads in place of a 16-bit repository: some of their matrices stay in 16 bits.

Names: unsloth 2026.10.9 models/mapper.py. How many weights stay: from the hub's count of each file's elements (2026-11; a weight in NF4 counts as
1 + 1/32 + 1/16,384, with its scales), or from the sizes that Unsloth's notebooks print while they load (unslothai/notebooks, 2026-08-18). Both say
11.1 GB of Qwen3-14B.
"""

from __future__ import annotations

from collections.abc import Mapping

from qwenpick.catalog.schema import Model

MAKER, ENDING = "unsloth/", "-unsloth-bnb-4bit"
# weights that stay in 16 bits beside those that bitsandbytes never quantizes, in millions; 0: as bitsandbytes makes it
KEPT: Mapping[str, int] = {
    "Qwen2-VL-2B-Instruct": 0, "Qwen2-VL-7B-Instruct": 0,
    "Qwen2.5-0.5B": 40, "Qwen2.5-0.5B-Instruct": 51, "Qwen2.5-1.5B": 173, "Qwen2.5-1.5B-Instruct": 255,
    "Qwen2.5-3B": 334, "Qwen2.5-3B-Instruct": 198, "Qwen2.5-7B": 1336, "Qwen2.5-7B-Instruct": 1074, "Qwen2.5-14B-Instruct": 906,
    "Qwen2.5-VL-7B-Instruct": 0,
    "Qwen3-0.6B": 22, "Qwen3-1.7B": 34, "Qwen3-4B": 601, "Qwen3-4B-Instruct-2507": 597, "Qwen3-14B": 797, "Qwen3-14B-Base": 797,
    "Qwen3-32B": 0,  # 19.2 GB in the notebook
    "Qwen3-VL-2B-Instruct": 160, "Qwen3-VL-4B-Instruct": 545, "Qwen3-VL-4B-Thinking": 948,
    "Qwen3-VL-8B-Instruct": 317,  # 7.70 GB in the notebook
    "DeepSeek-R1-Distill-Qwen-1.5B": 128, "DeepSeek-R1-Distill-Qwen-7B": 1977, "DeepSeek-R1-Distill-Qwen-14B": 2910,
    "DeepSeek-R1-0528-Qwen3-8B": 919,
}  # fmt: skip
# there are such files, and their sizes were not found
UNKNOWN = (
    "Qwen2.5-14B", "Qwen2.5-VL-3B-Instruct", "Qwen2.5-VL-32B-Instruct", "Qwen2.5-VL-72B-Instruct", "QwQ-32B", "Qwen3-8B", "Qwen3-30B-A3B",
    "Qwen3-0.6B-Base", "Qwen3-1.7B-Base", "Qwen3-4B-Base", "Qwen3-8B-Base", "Qwen3-4B-Thinking-2507", "Qwen3-VL-8B-Thinking",
    "Qwen3-VL-2B-Thinking", "Qwen3-VL-32B-Thinking", "Qwen3-VL-32B-Instruct", "Qwen3.8-27B",
)  # fmt: skip


def own_file(model: Model) -> str | None:
    """The repository of Unsloth's 4-bit file of this model, where it has one whose size is known."""
    name = _name(model)
    return f"{MAKER}{name}{ENDING}" if name in KEPT else None


def unknown(model: Model) -> bool:
    """Whether Unsloth has a 4-bit file of this model whose size is not known here."""
    return _name(model) in UNKNOWN


def kept(repository: str | None) -> int:
    """Weights that such a repository keeps in 16 bits beside those that bitsandbytes never quantizes; 0 for others."""
    if not repository or not repository.endswith(ENDING):
        return 0
    return KEPT.get(repository.removeprefix(MAKER).removesuffix(ENDING), 0) * 1_000_000


def _name(model: Model) -> str:
    return (model.huggingface or "").rpartition("/")[2]
