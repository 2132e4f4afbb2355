"""The parts of a llama.cpp run, whatever its devices are: weights, cache, state and compute buffers on each GPU and in RAM."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from qwenpick.i18n import N_
from qwenpick.memory.account import RAM, Part, gpu
from qwenpick.memory.cache import KvCache
from qwenpick.memory.quantization.gguf.rules import OLLAMA_HALF_VALUES
from qwenpick.runtimes.llamacpp.batch import Batch
from qwenpick.runtimes.llamacpp.cache import indexer_totals, kv_totals, state_totals
from qwenpick.runtimes.llamacpp.compute import Compute, compute
from qwenpick.runtimes.llamacpp.cut import Cut
from qwenpick.runtimes.llamacpp.drafting import draft_cache, draft_compute
from qwenpick.runtimes.llamacpp.driver import POOL
from qwenpick.runtimes.llamacpp.model import Loaded
from qwenpick.runtimes.llamacpp.options import Options
from qwenpick.units import MIB
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture
    from qwenpick.work.serving import Serving

TABLE = "n-gram table"
DRIVER = N_("driver")
# (vocabulary, bytes of the process besides its buffers), measured on Linux with the CPU backend: 50-53 MiB and 97-100 MiB
PROCESSES = ((151_936, 52 * MIB), (248_320, 98 * MIB))
HALF_FORMATS = ("F16", "BF16", *OLLAMA_HALF_VALUES.values())  # files whose layers hold matrices of 16 bits


@dataclass(frozen=True)
class LlamaContext:
    """A run as the arithmetic needs it."""

    architecture: Architecture
    format_name: str
    loaded: Loaded
    options: Options
    cut: Cut
    batch: Batch
    work: Serving
    rough: bool = False

    @cached_property
    def buffers(self) -> Compute:
        """The compute buffers of every place."""
        return compute(
            self.architecture,
            self.format_name,
            self.batch,
            self.cut,
            op_offload=self.options.op_offload,
            rough=self.rough,
        )


def gpu_parts(run: LlamaContext) -> Iterator[Part]:
    """What lies on each GPU, device by device."""
    kv, state = _kv(run, on_gpu=True), _state(run)
    pool = POOL if run.architecture.is_moe or run.format_name in HALF_FORMATS else 0
    pool += scores_bytes(run) // 2  # cuBLAS gets them in 16 bits
    for index, (first, last) in enumerate(run.cut.held):
        where, n = gpu(index), run.architecture.num_layers
        end = min(last, n)
        yield Part(
            "weights",
            _gpu_weights(run, first, last),
            where,
            N_("tensors of layers {first}-{end} and the output", first=first, end=end - 1)
            if last > n
            else N_("tensors of layers {first}-{end}", first=first, end=end - 1),
            "weights",
        )
        if run.options.offload_kqv:
            yield Part("kv cache", kv[end] - kv[first] if end > first else 0, where, _kv_formula(run), "kv cache")
            yield Part(
                "indexer keys",
                _indexed(run, first, end),
                where,
                N_("cells x head_dim x 2, the layers held here"),
                "kv cache",
            )
            yield Part(
                "recurrent state", state[end] - state[first] if end > first else 0, where, _state_formula(run), "state"
            )
        yield Part("compute buffer", run.buffers.gpus[index], where, run.buffers.formula, "compute")
        yield Part(DRIVER, pool, where, "", "overhead")


def _gpu_weights(run: LlamaContext, first: int, last: int) -> int:
    """Bytes of the model on a GPU that holds layers first to last; experts of --n-cpu-moe left out."""
    pieces, n = run.loaded.gpu, run.architecture.num_layers
    end = min(last, n)
    total = 0
    if end > first:
        moved = min(max(run.cut.cpu_moe_layers, first), end)
        total = pieces.dense[end] - pieces.dense[first] + pieces.experts[end] - pieces.experts[moved]
    if last > n and last > first:
        total += pieces.head + pieces.output_norm + (pieces.mtp if loads_mtp(run.options) else 0)
    return total


def loads_mtp(options: Options) -> bool:
    """Whether the MTP block is read: only when asked for."""
    return options.load_mtp or options.speculates


def ram_parts(run: LlamaContext) -> Iterator[Part]:
    """What lies in RAM: the embedding always, and all that is not on a GPU."""
    pieces, n, ranges = run.loaded.ram, run.architecture.num_layers, run.cut
    first = min(ranges.first_on_gpu, n)
    yield Part("token embedding", pieces.embedding, RAM, N_("vocabulary x hidden size; never offloaded"), "weights")
    yield Part(
        "layers in RAM",
        pieces.layers(0, first),
        RAM,
        N_("tensors of layers {first}-{end}", first=0, end=first - 1),
        "weights",
    )
    if ranges.cpu_moe_layers > first:
        moved = pieces.experts[ranges.cpu_moe_layers] - pieces.experts[first]
        yield Part(
            "experts in RAM",
            moved,
            RAM,
            N_(
                "expert tensors of layers {first}-{cpu_moe_layers} (--n-cpu-moe)",
                first=first,
                cpu_moe_layers=ranges.cpu_moe_layers - 1,
            ),
            "weights",
        )
    if not ranges.output_on_gpu:
        head = (
            pieces.output_norm + (0 if run.loaded.tied else pieces.head) + (pieces.mtp if loads_mtp(run.options) else 0)
        )
        yield Part("output in RAM", head, RAM, N_("vocabulary x hidden size, unless tied"), "weights")
    kv, state = _kv(run, on_gpu=False), _state(run)
    kept = first if run.options.offload_kqv else n
    yield Part("kv cache", kv[kept], RAM, _kv_formula(run), "kv cache")
    yield Part(
        "indexer keys", _indexed(run, 0, kept), RAM, N_("cells x head_dim x 2, the layers held here"), "kv cache"
    )
    if not run.options.mmap:  # else its rows are read from the file as they are looked up
        yield Part(TABLE, pieces.ngram_table, RAM, N_("rows of the table"), "weights")
    yield Part("recurrent state", state[kept], RAM, _state_formula(run), "state")
    yield Part("compute buffer", run.buffers.ram, RAM, run.buffers.ram_formula, "compute")
    yield Part("output buffer", output_buffer(run), RAM, N_("sequences x vocabulary x 4"), "compute")
    yield Part(
        "process",
        min(PROCESSES, key=lambda known: abs(known[0] - run.architecture.vocab_size))[1],
        RAM,
        N_("vocabulary and code: 52 MiB at 152k tokens, 98 MiB at 248k"),
        "overhead",
    )


def draft_parts(run: LlamaContext) -> Iterator[Part]:
    """The second context of a model that drafts for itself, with its last layers."""
    if not run.options.speculates:
        return
    where = gpu(len(run.cut.held) - 1) if run.cut.output_on_gpu else RAM
    types = run.options.cache_type_k_draft, run.options.cache_type_v_draft
    cells = N_(
        "{mtp_layers} MTP layer x {context} cells", mtp_layers=run.architecture.mtp_layers, context=run.batch.context
    )
    yield Part("draft kv cache", draft_cache(run.architecture, run.batch, types), where, cells, "kv cache")
    in_line = run.cut.is_whole and len(run.cut.held) > 1
    formula = N_("2 hidden + the larger of the mask with 4 x queries and of 4 x keys with the MLP's peak")
    yield Part(
        "draft compute",
        draft_compute(run.architecture, run.batch, KvCache(*types), in_line=in_line),
        where,
        N_("{formula}, and four copies of the inputs", formula=formula) if in_line else formula,
        "compute",
    )


def scores_bytes(run: LlamaContext) -> int:
    """Bytes of one layer's queries times keys, which exist without flash attention only: heads x cells x tokens x 4."""
    if run.batch.flash_attention:
        return 0
    return run.architecture.attention.heads * run.batch.attended * run.batch.tokens * 4


def output_buffer(run: LlamaContext) -> int:
    """Bytes of the logits handed to the sampler, in RAM: one token of each sequence."""
    return run.work.sequences * run.architecture.vocab_size * 4


def _kv(run: LlamaContext, *, on_gpu: bool) -> tuple[int, ...]:
    return kv_totals(run.architecture, run.batch.context, run.work.kv_cache, on_gpu=on_gpu)


def _indexed(run: LlamaContext, first: int, last: int) -> int:
    totals = indexer_totals(run.architecture, run.batch.context)
    return totals[last] - totals[first] if last > first else 0


def _states(run: LlamaContext) -> int:
    """States of a sequence: its own, and one to go back to for each drafted token."""
    return 1 + run.options.draft_n_max if run.options.speculates else 1


def _state(run: LlamaContext) -> tuple[int, ...]:
    return state_totals(run.architecture, run.work.sequences * _states(run))


@lru_cache(maxsize=1024)
def _attention_shape(architecture: Architecture) -> str:
    attention = architecture.attention
    linear = sum(layer.kind == "linear_attention" for layer in architecture.layer_list)
    return N_(
        "{num_layers} layers x {kv_heads} kv heads x {head_dim}",
        num_layers=architecture.num_layers - linear,
        kv_heads=attention.kv_heads,
        head_dim=attention.head_dim,
    )


def _kv_formula(run: LlamaContext) -> str:
    return N_(
        "(k + v) x {context} cells x {attention_shape}, {kv_cache}, the layers held here",
        context=run.batch.context,
        attention_shape=_attention_shape(run.architecture),
        kv_cache=run.work.kv_cache,
    )


def _state_formula(run: LlamaContext) -> str:
    return N_(
        "{sequences} sequences x {states} states x 4 x (convolution + delta-net state) of the linear layers held here",
        sequences=run.work.sequences,
        states=_states(run),
    )
