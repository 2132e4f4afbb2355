"""llama.cpp's own flags, by its names, with the defaults of llama-server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _

# Other spellings of the same flag -> the name of the field
_ALIASES = {
    "ngl": "n_gpu_layers", "gpu_layers": "n_gpu_layers", "b": "n_batch", "batch_size": "n_batch", "ub": "n_ubatch", "ubatch_size": "n_ubatch",
    "fa": "flash_attn", "ncmoe": "n_cpu_moe", "kvu": "kv_unified", "kv_offload": "offload_kqv", "dev": "device", "spec_draft_n_max": "draft_n_max",
}  # fmt: skip
_NEGATED = {
    "no_mmap": "mmap",
    "no_repack": "repack",
    "no_kv_offload": "offload_kqv",
    "no_op_offload": "op_offload",
    "no_mmproj": "mmproj",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What the flags say. Defaults: common/common.h and tools/server of llama.cpp b11434."""

    n_batch: int = 2048
    n_ubatch: int = 512
    flash_attn: bool = True  # auto, which is on wherever the GPU has the kernel
    kv_unified: bool = True  # one cache that all sequences share; off: an equal share each
    n_gpu_layers: int | None = None
    n_cpu_moe: int = 0
    offload_kqv: bool = True
    op_offload: bool = True  # large batches of layers in RAM are computed on the GPU
    mmap: bool = True
    repack: bool = True
    server: bool = True  # logits of one token per sequence; the library keeps room for every token of a micro-batch
    n_outputs_max: int | None = None
    load_mtp: bool = False
    spec_type: str = "none"  # draft-mtp: the model's own MTP block drafts
    draft_n_max: int = 3
    device: str | None = None  # Vulkan0, ROCm0, …: the backend that runs it; decides the speed only
    mmproj: bool | None = None  # None: loaded where the workload has images or sound

    @property
    def speculates(self) -> bool:
        """Whether the MTP block drafts tokens."""
        return self.spec_type == "draft-mtp"


DEFAULTS = Options()
_KNOWN = {field.name: field for field in fields(Options)}


def read_options(options: Mapping[str, object]) -> Options:
    """The options of a workload. Raises QwenpickError for a flag that is not known or a value that is not its kind."""
    if not options:
        return DEFAULTS
    found: dict[str, object] = {}
    for given, value in options.items():
        name = given.lstrip("-").replace("-", "_")
        if name in _NEGATED:
            found[_NEGATED[name]] = not _boolean(given, value)
            continue
        name = _ALIASES.get(name, name)
        if name in ("n_ctx", "ctx_size", "c", "parallel", "n_parallel", "np"):
            raise QwenpickError(
                _(
                    "'{given}' is not an option here: say context (tokens per sequence) and sequences; llama.cpp's -c is their product",
                    given=given,
                )
            )
        if name not in _KNOWN:
            near = did_you_mean(given, [*_KNOWN, *_ALIASES, *_NEGATED])
            raise QwenpickError(
                _(
                    "llama.cpp has no option '{given}'{near} (known: {known})",
                    given=given,
                    near=near,
                    known=", ".join(_KNOWN),
                )
            )
        found[name] = _value(given, name, value)
    return Options(**found)  # type: ignore[arg-type]


def _value(given: str, name: str, value: object) -> object:
    """The value as the field's type."""
    kind = str(_KNOWN[name].type)
    if kind.startswith("bool"):
        return _boolean(given, value)
    if kind.startswith("int"):
        return _natural(given, value)
    return str(value)


def _boolean(given: str, value: object) -> bool:
    words = {
        "on": True,
        "true": True,
        "yes": True,
        "1": True,
        "auto": True,
        "": True,
        "off": False,
        "false": False,
        "no": False,
        "0": False,
    }
    word = str(value).casefold()
    if word not in words:
        raise QwenpickError(_("option '{given}' is on or off, not '{value}'", given=given, value=value))
    return words[word]


def _natural(given: str, value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if number < 0:
        raise QwenpickError(_("option '{given}' is a number, not '{value}'", given=given, value=value))
    return number
