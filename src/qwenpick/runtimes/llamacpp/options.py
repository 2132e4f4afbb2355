"""llama.cpp's options, by its own names, with the defaults of llama-server. Read from b11434: common/common.h, common/arg.cpp, tools/server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_, _
from qwenpick.runtimes.given import read
from qwenpick.runtimes.option import EngineOptions, Word, option
from qwenpick.units import MOST_TOKENS

MOST_LAYERS = 1_000_000  # people write 99 or 99999 for all
_CONTEXT = N_("use context (tokens per sequence) and sequences; llama.cpp's -c is their product")
_CACHE = N_("use --kv-cache, e.g. q8_0, or K and V apart: q8_0/q4_0")


# common/arg.cpp, kv_cache_types
CacheType = Literal["f16", "bf16", "f32", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]


class Options(EngineOptions):
    """llama.cpp's table. `launch` writes every flag from the plan."""

    TITLE: ClassVar[str] = "llama.cpp"
    RELEASE: ClassVar[str] = "b11434"
    ELSEWHERE: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("n_ctx", "ctx_size", "c", "parallel", "n_parallel", "np"), _CONTEXT),
        **dict.fromkeys(("cache_type_k", "cache_type_v", "ctk", "ctv", "kv_cache_type"), _CACHE),
    }

    n_batch: int = option(
        2048, "tokens of one call", least=1, most=MOST_TOKENS, aliases=("b", "batch_size"), flag=False
    )
    n_ubatch: int = option(
        512, "tokens that are computed at once, which decide the compute buffer", least=1, most=MOST_TOKENS,
        aliases=("ub", "ubatch_size", "ubatch"), flag=False,
    )  # fmt: skip
    flash_attn: bool = option(
        True,
        "attention without a matrix of scores (auto: on wherever the GPU has the kernel)",
        aliases=("fa",),
        flag=False,
    )
    kv_unified: bool = option(
        True,
        "one cache that all sequences share; off: an equal share each",
        aliases=("kvu",),
        opposite="no_kv_unified",
        flag=False,
    )
    n_gpu_layers: int | None = option(
        None,
        "layers on the GPU, the output one of them",
        least=0,
        most=MOST_LAYERS,
        aliases=("ngl", "gpu_layers"),
        flag=False,
    )
    n_cpu_moe: int = option(
        0, "layers whose experts stay in RAM", least=0, most=MOST_LAYERS, aliases=("ncmoe",), flag=False
    )
    cpu_moe: bool = option(False, "the experts of all layers stay in RAM", aliases=("cmoe",), flag=False)
    override_tensor: Word | None = option(
        None, "exps=CPU: experts whose tensors' names match the pattern stay in RAM", aliases=("ot",), flag=False
    )
    split_mode: Literal["none", "layer", "tensor"] = option(
        "layer",
        "over several GPUs: layer gives each its own layers, tensor a part of every matrix, none takes one GPU",
        aliases=("sm",),
        flag=False,
    )
    tensor_split: Word | None = option(
        None, "3,1: what each GPU takes of the layers, in their order", aliases=("ts",), flag=False
    )
    offload_kqv: bool = option(
        True, "the cache on the GPU", aliases=("kv_offload",), opposite="no_kv_offload", flag=False
    )
    op_offload: bool = option(
        True, "large batches of layers in RAM are computed on the GPU", opposite="no_op_offload", flag=False
    )
    mmap: bool = option(True, "weights in RAM stay in the file's pages", opposite="no_mmap", flag=False)
    repack: bool = option(True, "weights in RAM are laid out anew for the CPU", opposite="no_repack", flag=False)
    server: bool = option(
        True, "logits of one token a sequence; the library keeps room for all of a micro-batch", flag=False
    )
    n_outputs_max: int | None = option(
        None, "tokens of a batch that have logits", least=1, most=MOST_TOKENS, flag=False
    )
    load_mtp: bool = option(False, "loads the MTP block though it does not draft", flag=False)
    cache_type_k_draft: CacheType = option(
        "f16",
        "keys of the draft's own cache, apart from the model's since b9400",
        aliases=("ctkd", "spec_draft_type_k"),
    )
    cache_type_v_draft: CacheType = option(
        "f16", "values of the draft's own cache", aliases=("ctvd", "spec_draft_type_v")
    )
    spec_type: Literal["none", "draft-mtp"] = option("none", "draft-mtp: the model's own MTP block drafts", flag=False)
    draft_n_max: int = option(
        3, "tokens that are drafted a step", least=0, most=256, aliases=("spec_draft_n_max",), flag=False
    )
    build: int | None = option(
        None,
        "llama.cpp's build, as 10819 for b10819: before September 2026 more cache types lack kernels",
        least=1,
        most=999_999,
        flag=False,
    )
    fa_all_quants: bool = option(
        False, "built with GGML_CUDA_FA_QUANTS=all: attention kernels for every pair of cache types", flag=False
    )
    cache_ram: int = option(
        8192,
        "MiB of RAM for earlier prompts; 0 keeps none, -1 has no limit",
        least=-1,
        most=2**24,
        aliases=("cram",),
        flag=False,
    )
    ctx_checkpoints: int = option(
        32,
        "copies of a hybrid model's state that each slot keeps in RAM",
        least=0,
        most=1024,
        aliases=("ctxcp",),
        flag=False,
    )
    device: Word | None = option(None, "Vulkan0, ROCm0, …: the backend that runs it", aliases=("dev",), flag=False)
    mmproj: bool | None = option(
        None, "loads the projector (where the workload has images or sound)", opposite="no_mmproj", flag=False
    )
    mmproj_offload: bool = option(True, "the projector on the GPU", opposite="no_mmproj_offload", flag=False)

    @property
    def shares(self) -> tuple[float, ...]:
        """What each GPU takes of the layers, in proportion; () where llama.cpp decides. Raises QwenpickError for what are no proportions."""
        if self.tensor_split is None:
            return ()
        try:
            found = tuple(float(share) for share in self.tensor_split.replace("/", ",").split(","))
        except ValueError:
            found = ()
        if not found or min(found) < 0 or not 0 < sum(found) < float("inf"):
            raise QwenpickError(
                _("llama.cpp's tensor_split is a list of proportions like 3,1, not {said}", said=self.tensor_split)
            )
        return found

    @property
    def speculates(self) -> bool:
        """Whether the MTP block drafts tokens."""
        return self.spec_type == "draft-mtp"

    @property
    def drafts(self) -> int:
        """Tokens that the MTP block proposes a step."""
        return self.draft_n_max if self.speculates else 0

    @property
    def chunk(self) -> int | None:
        """Prompt tokens that are computed at once."""
        return self.n_ubatch

    @property
    def llama_build(self) -> int | None:
        """The build that was named."""
        return self.build

    @property
    def every_cache_kernel(self) -> bool:
        """Whether the build has all of them."""
        return self.fa_all_quants

    @property
    def backend(self) -> str:
        """Vulkan0, ROCm0, …"""
        if self.device and self.device.casefold() in ("none", "cpu"):
            raise QwenpickError(_("llama.cpp's device {name} is no GPU: plan it with --cpu-only", name=self.device))
        return self.device or ""


def read_options(options: Mapping[str, object]) -> Options:
    """The options of a workload. Raises QwenpickError for a flag that is not known or a value that it does not take."""
    return read(Options, options)
