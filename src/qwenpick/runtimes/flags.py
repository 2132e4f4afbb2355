"""What an engine's options say about speed."""

from __future__ import annotations

from collections.abc import Mapping

from qwenpick.runtimes import options_of
from qwenpick.speed.flags import Flags, usual


def read_flags(engine: str, options: Mapping[str, object]) -> Flags:
    """The flags of a workload; what they leave open is the engine's default. Raises OptionError for what the engine does not take."""
    default = usual(engine)
    if not options:
        return default
    said = options_of(engine, options)
    vulkan = said.backend.casefold().startswith("vulkan")
    return Flags(
        said.drafts,
        said.chunk or default.chunk,
        said.eager,
        vulkan,
        said.generation,
        said.llama_build or default.build,
        said.every_cache_kernel,
    )
