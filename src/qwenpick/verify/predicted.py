"""What would the engine have printed of this run, and how far is it from what it did print?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from qwenpick.memory.account import Memory, Part, memory
from qwenpick.runtimes import find_runtime
from qwenpick.verify.compare import Comparison, compare
from qwenpick.verify.observation import Observation

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.runtimes.ledger import Ledger, Rank
    from qwenpick.verify.recognise import Recognised
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving


def predicted_memory(run: Recognised, engine: str) -> Memory:
    """What the engine would print of its memory: vLLM's and SGLang's own account, else what the run must hold."""
    account = _ledger(run, engine)
    if account is None:
        return find_runtime(engine).memory(*_arguments(run))
    return memory(part for rank in account.ranks for part in _parts(rank, engine))


def _arguments(run: Recognised) -> tuple[Model, Architecture, Checkpoint, Serving, Placement]:
    return run.model, run.architecture, run.checkpoint, run.work, run.placement


def _knows_device(run: Recognised) -> bool:
    return bool(run.placement.devices) and run.placement.devices[0].free is not None


def _ledger(run: Recognised, engine: str) -> Ledger | None:
    """The engine's own account of its memory; None where it keeps none, or the device is not known."""
    account: Callable[..., Ledger] | None = getattr(find_runtime(engine), "ledger", None)
    return account(*_arguments(run)) if account and _knows_device(run) else None


def _parts(rank: Rank, engine: str) -> Iterator[Part]:
    """A rank's account as parts, called as the logs' parts are."""
    # SGLang prints what left the driver
    loaded = rank.weights_bytes + (rank.outside_torch_bytes if engine == "sglang" else 0)
    yield Part("weights", loaded, rank.where, "", "weights")
    if engine == "vllm":
        yield Part("peak activation", rank.peak_activation_bytes, rank.where, "", "compute")
        yield Part("outside torch", rank.outside_torch_bytes, rank.where, "", "overhead")
        yield Part("cuda graphs", rank.cuda_graph_bytes, rank.where, "", "overhead")


def predicted_tokens(run: Recognised, seen: Observation) -> int | None:
    """Tokens of cache that the engine would print; of the cache that the log states where the device is not known; None for other engines.

    SGLang's logs print all arguments, its share among them: where that is missing, the log is an excerpt, and the cache it states is counted.
    """
    runtime = find_runtime(seen.engine)
    count, holds = getattr(runtime, "kv_tokens", None), getattr(runtime, "tokens_of", None)
    tokens: int | None = None
    whole = seen.engine != "sglang" or "mem_fraction_static" in seen.options
    if count and whole and _knows_device(run):
        tokens = count(*_arguments(run))
    elif holds and (stated := min((p.bytes for p in seen.memory.parts if p.kind == "kv cache"), default=0)):
        tokens = holds(stated, run.architecture, run.work, run.placement)
    return tokens


def compared(run: Recognised, seen: Observation) -> Comparison:
    """Predicted against actual, row by row. Blocks of the cache are counted where the log states them."""
    account = _ledger(run, seen.engine) if seen.blocks is not None else None
    blocks = account.blocks if account else None
    return compare(predicted_memory(run, seen.engine), seen, predicted_tokens(run, seen), blocks)


def of_whole_machine(run: Recognised, seen: Observation) -> bool:
    """Whether the weights are printed as what all of the machine's memory lost meanwhile, the engine's own processes and caches with it.

    SGLang takes psutil's "available" for what is free where GPU and system share the memory (srt/utils/common.py get_available_gpu_memory); on a
    DGX Spark loading Flash-Next's MTP block of 4.9 GiB after the model "took" -1.86 GB. Only such machines read the n-gram table from a file.
    """
    shared = any(device.unified and device.vendor == "nvidia" for device in run.placement.devices)
    return seen.engine == "sglang" and (shared or seen.options.get("ple_offload_backend") == "file")
