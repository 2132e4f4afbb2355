"""Where plans are looked for: the machine, the task and the request, and which engines are compared there."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from qwenpick.memory.cache import KvCache
from qwenpick.planning.plan import longest_allowed
from qwenpick.recommending.modalities import modalities
from qwenpick.recommending.request import HIGHEST, planned_options
from qwenpick.runtimes import engines_with, find_runtime
from qwenpick.values import dataclass
from qwenpick.work.serving import Serving

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.machine.hardware import Device, Machine
    from qwenpick.recommending.request import Request
    from qwenpick.recommending.tasks import Task

# Engines in the order they are tried; the next group only for a model that none of the group before holds. Within a group all are compared.
# SGLang plans like vLLM and Ollama is llama.cpp under other defaults: they are taken where the first cannot, or where they are asked for.
APPLE_ENGINES = (("mlx", "llamacpp"), ("ollama", "transformers"))
ENGINES = (("llamacpp", "vllm"), ("sglang", "ollama", "transformers"))
WINDOWS_ENGINES = (("llamacpp",), ("ollama", "transformers"))  # the others run in WSL, which is Linux
CPU_ENGINES = (("llamacpp",), ("ollama", "transformers"))
SPEAKING = "transformers"  # llama.cpp has no talker (ggml-org/llama.cpp#17634, open in 2026-06); vLLM's is another program, vLLM-Omni


def engine_groups(system: str, devices: tuple[Device, ...], runtime: str | None = None) -> tuple[tuple[str, ...], ...]:
    """The engines to compare on such a machine, group by group; only the one that was asked for where one was."""
    if runtime:
        return ((find_runtime(runtime).NAME,),)
    if system == "darwin" or any(device.vendor == "apple" for device in devices):
        return APPLE_ENGINES
    if system == "windows":
        return WINDOWS_ENGINES
    return ENGINES if devices else CPU_ENGINES


@dataclass(frozen=True)
class Search:
    """Where plans are looked for, and what for: the machine, the task and the request."""

    machine: Machine
    task: Task
    request: Request

    @cached_property
    def work(self) -> Serving:
        """What is asked of a model that reads as much as the task asks for."""
        asked, task = self.request, self.task
        return Serving(
            max(asked.context or task.context, asked.min_context or 0),
            asked.users,
            asked.kv_cache or KvCache(),
            planned_options(asked),
            image_tokens=task.image_tokens if asked.image_tokens is None else asked.image_tokens,
            audio_seconds=task.audio_seconds if asked.audio_seconds is None else asked.audio_seconds,
        )

    @property
    def runtime(self) -> str | None:
        """The only engine that may be planned, where there is one."""
        return self.request.runtime or (SPEAKING if "speech" in self.task.outputs else None)

    @property
    def quant(self) -> str | None:
        """The only format or precision that may be planned, where there is one."""
        return None if self.request.quant == HIGHEST else self.request.quant

    @property
    def gpu_only(self) -> bool:
        """Whether nothing of the model may lie in RAM."""
        return self.request.gpu_only

    @property
    def strict(self) -> bool:
        """Whether a tight fit is none."""
        return self.request.strict

    @property
    def any_cache(self) -> bool:
        """Whether the cache may be of 8 bits where that of 16 does not fit."""
        return self.request.kv_cache is None

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The engines that are compared, group by group: those that take the options. Raises QwenpickError where none does."""
        groups = engine_groups(self.machine.system, self.machine.devices, self.runtime)
        able = engines_with(chain(*groups), self.request.options)
        allowed = self.request.engines
        return tuple(
            tuple(name for name in group if name in able and (allowed is None or name in allowed)) for group in groups
        )

    @cached_property
    def gpu_room(self) -> int:
        """Bytes that weights could lie in on GPUs at the very most."""
        return sum(device.free or device.total or 0 for device in self.machine.devices)

    @cached_property
    def room(self) -> int:
        """Bytes that weights could lie in at the very most."""
        return self.gpu_room if self.gpu_only else self.gpu_room + (self.machine.ram_free or 0)


def work_of(model: Model, search: Search) -> Serving:
    """The work: its context cut to what the model reads, with the pictures and the sound that the model is there for."""
    context = min(search.work.context, longest_allowed(model) or search.work.context)
    pictures, sound = modalities(model, search.task, search.request)
    work = replace(search.work, context=context, image_tokens=pictures, audio_seconds=sound)
    return search.work if work == search.work else work
