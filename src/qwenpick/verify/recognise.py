"""From what a log says to what can be estimated: the catalogue's model, its checkpoint, the work and the placement."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.catalog.schema import MoeMlp
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.memory.cache import parse_cache
from qwenpick.memory.tensors import NGRAM_TABLE
from qwenpick.values import dataclass
from qwenpick.work.placement import Cut, Placement, placed
from qwenpick.work.serving import Serving

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Catalog, Checkpoint, Model
    from qwenpick.catalog.vendors import Vendor
    from qwenpick.machine.hardware import Device
    from qwenpick.verify.observation import Observation

CONTEXT = (
    8192  # for an engine that does not say: only the cache depends on it, and vLLM's and SGLang's is compared by tokens
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """The run that was logged, ready for the engine's memory()."""

    model: Model
    architecture: Architecture
    checkpoint: Checkpoint
    work: Serving
    placement: Placement


def recognise(
    catalog: Catalog,
    seen: Observation,
    devices: tuple[Device, ...],
    model: str | None = None,
    format_name: str | None = None,
) -> Recognised:
    """The run of a log on these devices; `model` and `format_name` are what the person says where the log does not.

    Raises QwenpickError where neither says which model or format it was.
    """
    from qwenpick.catalog import Checkpoint, find_model
    from qwenpick.memory.quantization import FORMATS, find_format
    from qwenpick.runtimes import find_runtime, options_of

    entry = find_model(catalog, model) if model else find_logged(catalog, seen.model)
    if not entry.architecture:
        raise QwenpickError(_("the weights of {name} are not published: no log can be from it", name=entry.name))
    name = format_name or seen.format or logged_format(seen.model or "")
    if name is None and seen.quantization:
        raise QwenpickError(
            _(
                "the log says quantization {word}, which can be several formats; choose one with --quant",
                word=seen.quantization,
            )
        )
    name = name or _default(seen.engine)
    if name is None:
        raise QwenpickError(_("the log does not say which format the weights have; give it with --quant"))
    known = FORMATS[name] if name in FORMATS else find_format(name)
    architecture = catalog.architecture(entry)
    in_gguf = seen.engine in ("llamacpp", "ollama")
    loads = known.container == "gguf" if in_gguf else known.name in find_runtime(seen.engine).FORMATS
    if not loads or (in_gguf and architecture.gguf_arch is None):
        raise QwenpickError(
            _(
                "{engine} has no {name} in {format}: the log is from another run",
                format=known.name,
                engine=seen.engine,
                name=entry.name,
            )
        )
    options_of(seen.engine, seen.options)
    given = devices or logged_device(seen)
    ranks = seen.ranks if seen.says_sizes else len(given)  # a table of speeds does not say where anything lay
    used = (given * ranks)[:ranks] if len(given) < ranks else given[:ranks]
    return Recognised(
        entry,
        architecture,
        _repository(entry, seen.model, known.name) or Checkpoint(format=known.name, official=False),
        _work(seen),
        _placement(seen, used, architecture, known.name),
    )


def find_logged(catalog: Catalog, text: str | None) -> Model:
    """The model that a path, repository or name in a log means. Raises QwenpickError with how to say it."""
    from qwenpick.catalog import find_model
    from qwenpick.catalog.names.spelling import fold
    from qwenpick.readers.known import plain_name

    if not text:
        raise QwenpickError(_("the log does not say which model it is; give it: qwenpick verify MODEL --log FILE"))
    for part in reversed([p for p in text.replace("\\", "/").split("/") if p]):
        plain = plain_name(part)
        try:
            return find_model(catalog, plain)
        except QwenpickError:
            inside = [
                m
                for m in catalog.models.values()
                if m.open_weights and re.search(rf"(?<![a-z0-9.]){re.escape(fold(m.id))}(?![0-9.])", fold(plain))
            ]
        if inside:
            return max(inside, key=lambda m: len(m.id))
    raise QwenpickError(
        _(
            "the log's model '{text}' is not in the catalog; name the one it is like: qwenpick verify MODEL --log FILE",
            text=text[:120],
        )
    )


def logged_format(name: str) -> str | None:
    """The format that a file's or repository's name ends with.

    >>> logged_format("qwen3.8-27b-ud-q5km.gguf"), logged_format("Qwen/Qwen3-8B-AWQ"), logged_format("Qwen/Qwen3-8B")
    ('Q5_K_M', 'awq-int4', None)
    """
    from qwenpick.memory.quantization import FORMATS

    folded = re.sub(r"[^a-z0-9]", "", re.sub(r"\.gguf$", "", name.casefold()))
    for fmt in sorted((f for f in FORMATS.values() if f.container == "gguf"), key=lambda f: -len(f.name)):
        if folded.endswith(re.sub(r"[^a-z0-9]", "", fmt.name.casefold())):
            return fmt.name
    words = {
        "awq": "awq-int4",
        "gptqint8": "gptq-int8",
        "gptqint4": "gptq-int4",
        "gptq": "gptq-int4",
        "fp8": "fp8",
        "nvfp4": "nvfp4",
    }
    return next((known for word, known in words.items() if folded.endswith(word)), None)


def logged_device(seen: Observation) -> tuple[Device, ...]:
    """The device that the log describes: its name and its memory, as far as they are printed."""
    from qwenpick.machine.hardware import Device

    name = seen.device or "GPU"
    vendor: Vendor = "amd" if re.search(r"AMD|Radeon|gfx\d", name) else "nvidia"
    return (Device(name, vendor, seen.total or seen.free, seen.free, reserved=0),)


def _repository(model: Model, named: str | None, format_name: str) -> Checkpoint | None:
    """The repository that the log names, whose size may be known."""
    return next((c for c in model.checkpoints if c.repo and c.repo == named and c.format == format_name), None)


def _default(engine: str) -> str | None:
    """What a repository without a word for it holds."""
    return "bf16" if engine in ("vllm", "sglang") else None


def _work(seen: Observation) -> Serving:
    sequences = seen.sequences or 1
    cache = parse_cache(seen.kv_cache) if seen.kv_cache else parse_cache("f16")
    if seen.engine == "sglang":
        sequences = 1  # the pool is compared by its tokens
    return Serving(seen.context or CONTEXT, sequences, cache, dict(seen.options))


def _placement(seen: Observation, used: tuple[Device, ...], architecture: Architecture, format_name: str) -> Placement:
    if seen.engine in ("vllm", "sglang"):
        cut = seen.cut or Cut(max(1, len(used)))
        found = placed(used, cut if cut.gpus == len(used) else Cut(max(1, len(used))))
        return replace(found, host_table=_table_in_ram(seen, architecture, format_name))
    layers = seen.layers_on_gpu
    if used and seen.cpu_moe_layers and isinstance(architecture.mlp, MoeMlp):
        return Placement(used, cpu_moe_layers=min(seen.cpu_moe_layers, architecture.num_layers))
    if not used or layers is None or layers >= architecture.num_layers + 1:
        return Placement(used)
    return Placement(used, split=(layers,)) if len(used) == 1 else Placement(used)


def _table_in_ram(seen: Observation, architecture: Architecture, format_name: str) -> bool:
    """Whether an n-gram table lay in RAM: as the flags say, else where the GPUs hold too little for half of it."""
    from qwenpick.memory.quantization import stored_bytes
    from qwenpick.runtimes import options_of

    if not any(extra.name == NGRAM_TABLE for extra in architecture.extras):
        return False
    said: bool | None = getattr(options_of(seen.engine, seen.options), "table_in_ram", None)
    stated = [part for part in seen.memory.parts if part.kind == "weights"]
    if said is not None or not stated:
        return bool(said)
    held = sum(part.bytes for part in stated) * seen.ranks // len({part.where for part in stated})
    table = stored_bytes(architecture, format_name, parts=frozenset({NGRAM_TABLE}))
    return held < stored_bytes(architecture, format_name) - table // 2
