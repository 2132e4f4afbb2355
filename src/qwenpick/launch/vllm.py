"""vLLM's command line. Flags: vLLM 0.26 to 0.33, engine/arg_utils.py and entrypoints/openai/cli_args.py."""

from __future__ import annotations

import json

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.launch import hub, thinking
from qwenpick.launch.facts import (
    HEAD,
    HF_CACHE,
    context_notes,
    download,
    node_notes,
    parsers,
    source_of,
    uneven_stages,
    yarn,
)
from qwenpick.launch.releases import named, newest, package
from qwenpick.launch.run import Command, Launch, Run, calls_tools
from qwenpick.memory.tensors import NGRAM_TABLE
from qwenpick.runtimes.given import flags, read
from qwenpick.runtimes.vllm import TABLE_IN_RAM
from qwenpick.runtimes.vllm import planned as plan_settings
from qwenpick.runtimes.vllm.options import Options
from qwenpick.runtimes.vllm.settings import Settings
from qwenpick.runtimes.vllm.weights import loaded_format

READ_FROM = "vLLM 0.33.0: engine/arg_utils.py"
# hub.docker.com/r/vllm; before 0.14 AMD's own image alone has vLLM on ROCm
IMAGE = {"nvidia": "vllm/vllm-openai:v{release}", "amd": "vllm/vllm-openai-rocm:v{release}"}
AMD_BEFORE, AMD_SINCE = "rocm/vllm:latest", (0, 14)
PORT = 8000
SPREADS = (0, 12)  # --nnodes, --node-rank, --master-addr
DRAFT_MODEL = "DRAFT_MODEL"  # what stands where only its size was said


def launch(run: Run) -> Launch:
    """`vllm serve` with the planned context, batch, share of memory, cache format and parallel sizes."""
    words = ("vllm", "serve", *arguments(run))
    others = tuple(
        Command((*words, *_node(run, rank), "--headless"), environment(run), _("machine {number}", number=rank + 1))
        for rank in range(1, run.placement.nodes)
    )
    return Launch(
        runtime=run.runtime,
        serve=Command((*words, *_node(run, 0), "--port", str(PORT)), {**run.visible, **environment(run)}),
        downloads=download(run, HF_CACHE),
        notes=(*context_notes(run), *node_notes(run), *hub.hub_notes(run)),
        others=others,
        packages=(package("vllm[audio]" if run.architecture.audio else "vllm", read(Options, run.work.options)),),
    )


def image(run: Run, vendor: str) -> str:
    """The image of the planned release; the newest's where the plan is of a build that is no release."""
    said = read(Options, run.work.options)
    if vendor == "amd" and said.release < AMD_SINCE:
        return AMD_BEFORE
    return IMAGE[vendor].format(release=named(said) or newest(said))


def environment(run: Run) -> dict[str, str]:
    """Uneven stages are said by a variable, and so are what samples and the hub."""
    said = read(Options, run.work.options)
    samples = {} if said.flashinfer_sampler else {"VLLM_USE_FLASHINFER_SAMPLER": "0"}
    return {**uneven_stages(run, "VLLM_PP_LAYER_PARTITION"), **samples, **hub.environment(run)}


def takes_nodes(run: Run, *, refuse: bool = False) -> bool:
    """Whether the release starts one of several boxes by itself (config/parallel.py); else, if asked to, raises QwenpickError."""
    found = read(Options, run.work.options).release >= SPREADS
    if refuse and not found:
        raise QwenpickError(
            _(
                "vLLM before 0.12 runs over several nodes on a Ray cluster alone; --slurm writes one, or plan a newer release"
            )
        )
    return found


def _node(run: Run, rank: int) -> tuple[str, ...]:
    """Which of several boxes it is."""
    nodes = run.placement.nodes
    return () if nodes == 1 else ("--nnodes", str(nodes), "--node-rank", str(rank), "--master-addr", HEAD)


def arguments(run: Run) -> list[str]:
    """What follows `vllm serve`, the model first."""
    planned = plan_settings(run.model, run.architecture, run.checkpoint, run.work, run.placement)
    words = [source_of(run)]
    words += ["--max-model-len", str(planned.context), "--max-num-seqs", str(planned.sequences)]
    words += [
        "--max-num-batched-tokens",
        str(planned.batched_tokens),
        "--gpu-memory-utilization",
        f"{planned.utilization:g}",
    ]
    if run.work.kv_cache.k not in ("f16", "bf16"):
        words += ["--kv-cache-dtype", run.work.kv_cache.k]
    if run.placement.tensor_parallel > 1:
        words += ["--tensor-parallel-size", str(run.placement.tensor_parallel)]
    if run.placement.pipeline_parallel > 1:
        words += ["--pipeline-parallel-size", str(run.placement.pipeline_parallel)]
    if run.placement.data_parallel > 1:
        words += ["--data-parallel-size", str(run.placement.data_parallel)]
    if run.placement.expert_parallel and not read(Options, run.work.options).enable_expert_parallel:
        words.append("--enable-expert-parallel")
    words += ["--quantization", "fp8"] if _made_fp8(run, planned) else _loading(run)
    words += parsers(run.model, "hermes")
    if calls_tools(run.model):
        words.append("--enable-auto-tool-choice")
    if run.model.kind in ("embedding", "reranker", "reward"):
        words += ["--runner", "pooling"]
    if stretched := yarn(run):
        words += ["--hf-overrides", json.dumps({"rope_parameters": stretched})]
    if planned.speculative_tokens:
        words += [
            "--speculative-config",
            json.dumps(_drafting(run, planned)),
        ]
    said = read(Options, run.work.options)
    if not planned.multimodal and (run.architecture.vision or run.architecture.audio) and not said.limit_mm_per_prompt:
        words.append("--language-model-only")
    words += run.model.engine_flags.get("vllm", ())
    if planned.version >= TABLE_IN_RAM and any(extra.name == NGRAM_TABLE for extra in run.architecture.extras):
        words += ["--engram-config", json.dumps({"cpu_offload": run.placement.host_table})]
    if said.captured:
        words += ["--cudagraph-capture-sizes", *map(str, said.captured)]
    if said.adapters[1] and not said.enable_lora:
        words.append("--enable-lora")
    words += thinking.VLLM if run.quiet and planned.version >= thinking.VLLM_SINCE else ()
    return words + flags(read(Options, run.work.options))


def _drafting(run: Run, planned: Settings) -> dict[str, object]:
    """--speculative-config: the model's own MTP block, or a draft model of its own."""
    said, tokens = read(Options, run.work.options), planned.speculative_tokens
    if said.drafter is None:
        return {"method": _draft_method(run, planned), "num_speculative_tokens": tokens}
    return {"method": said.draft_method, "model": said.draft_model or DRAFT_MODEL, "num_speculative_tokens": tokens}


def _draft_method(run: Run, planned: Settings) -> str:
    """The word for the model's own MTP block: "mtp" from 0.13 on, before that by the model (config/speculative.py MTPModelTypes)."""
    return "mtp" if planned.version >= (0, 13) else f"{run.architecture.model_type.removesuffix('_moe')}_mtp"


def _made_fp8(run: Run, planned: Settings) -> bool:
    """Whether 16-bit weights were planned as the FP8 that quantization=fp8 makes of them."""
    return loaded_format(run.checkpoint, planned) != run.checkpoint.format


def _loading(run: Run) -> list[str]:
    """Formats that are made when the engine starts, and 16-bit ones that differ from the file's."""
    match run.checkpoint.format:
        case "fp8-online":
            return ["--quantization", "fp8"]
        case "nf4":
            return ["--quantization", "bitsandbytes"]
        case "fp16":
            return ["--dtype", "float16"]
        case _:
            return []
