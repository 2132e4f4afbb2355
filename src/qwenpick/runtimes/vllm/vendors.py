"""The accelerators beside NVIDIA's, AMD's and Intel's that vLLM and SGLang run on, in builds of their vendors, and what those load.

A format that nobody says such a build loads is refused: what it would do is not known. Read from vllm-ascend 0.23
(vllm_ascend/platform.py supported_quantization, quantization/*_config.py), vllm-kunlun 0.11.1 (README), MetaX's and Hygon's guides
(ai.gitee.com/docs/compute, github.com/HYGON-AI/inference-cookbook-das), vllm-musa 0.1.1, and the pages that data/gpus.yaml names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qwenpick.i18n import _
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.machine.hardware import Device

SIXTEEN = ("bf16", "fp16")
FP8_ASCEND = ("A5",)  # Ascend 950: the only one whose units multiply FP8 (vllm-ascend pull request 12826)


@dataclass(frozen=True, slots=True)
class Build:
    """A vendor's build of an engine, the formats it is known to load, and the release of the engine that it follows, where that is known."""

    name: str
    formats: tuple[str, ...] = SIXTEEN
    follows: tuple[int, int] | None = None


BUILDS: Mapping[str, Mapping[str, Build]] = {
    "vLLM": {
        "ascend": Build("vllm-ascend", follows=(0, 23)),
        "hygon": Build("Hygon's vLLM (DAS)"),
        "kunlunxin": Build("vllm-kunlun", (*SIXTEEN, "awq-int4", "gptq-int4"), (0, 11)),
        "metax": Build("vllm-metax", (*SIXTEEN, "awq-int4", "gptq-int4", "gptq-int8")),
        "mthreads": Build("vllm-musa"),
        "cambricon": Build("vllm-mlu"),
        "thead": Build("vLLM of the PPU SDK"),
        "iluvatar": Build("Iluvatar's vLLM (CoreX)"),
        "enflame": Build("vllm-gcu", (*SIXTEEN, "awq-int4")),
    },
    "SGLang": {"ascend": Build("SGLang with its Ascend backend"), "hygon": Build("Hygon's SGLang (DAS)")},
}
OWN = ("nvidia", "amd", "intel")  # what the engines' own builds run on


def vendors(title: str) -> tuple[str, ...]:
    """The vendors whose devices the engine runs on, in its own build or the vendor's."""
    return (*OWN, *BUILDS.get(title, {}))


def follows(device: Device, title: str) -> tuple[int, int] | None:
    """The release that the build on this device follows: it knows no newer model. None where that is not known, or the build is the engine's own."""
    build = BUILDS.get(title, {}).get(device.vendor)
    return build.follows if build else None


def build_refusal(format_name: str, device: Device, title: str) -> str | None:
    """Why the vendor's build does not load this format on this device; None where it does, and on devices of the engine's own build."""
    build = BUILDS.get(title, {}).get(device.vendor)
    if build is None or format_name in build.formats:
        return None
    if device.vendor == "ascend" and format_name in ("fp8", "fp8-online") and device.compute_capability in FP8_ASCEND:
        return None
    return _(
        "{build} is not known to load {format_name} on {name}; it loads {known}",
        build=build.name,
        format_name=format_name,
        name=device.name,
        known=", ".join(build.formats),
    )
