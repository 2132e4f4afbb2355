"""SGLang's command line. Flags: SGLang 0.5.x, srt/server_args.py (docs.sglang.io, server arguments)."""

from __future__ import annotations

import json

from qwenpick.i18n import _
from qwenpick.launch import hub
from qwenpick.launch.facts import (
    HEAD,
    HF_CACHE,
    context_notes,
    download,
    node_notes,
    parsers,
    source_of,
    stretch,
    uneven_stages,
    yarn,
)
from qwenpick.launch.releases import named, newest, package
from qwenpick.launch.run import Command, Launch, Run
from qwenpick.memory.tensors import NGRAM_TABLE
from qwenpick.runtimes.given import flags, read
from qwenpick.runtimes.option import numbers
from qwenpick.runtimes.sglang import TABLE_IN_RAM
from qwenpick.runtimes.sglang import planned as plan_settings
from qwenpick.runtimes.sglang.options import Options

READ_FROM = "SGLang 0.5: srt/server_args.py"
# hub.docker.com/r/lmsysorg/sglang/tags. Of AMD's the tag names ROCm too, and MI350 and MI355X have an image of their own: rocm720 in 0.5.9 to 0.5.16
# (pull request 31454), rocm10 in 0.5.20, the newest that is known of them
IMAGE = "lmsysorg/sglang:v{release}"
AMD_NEWEST, AMD_ROCM = "0.5.20", {(0, 5, 20): "rocm10", (0, 5, 9): "rocm720", (0,): "rocm700"}
PORT = 30000
# graphs are set for decoding and for prefill; in 0.5.23 the older name is gone, and as a prefix of both it is refused
PHASES = (0, 5, 16)
LANGUAGE_MODEL_ONLY = (0, 5, 19)  # --language-model-only


def launch(run: Run) -> Launch:
    """`sglang.launch_server` with the planned context, requests, static share, chunk and graphs."""
    words = ("python", "-m", "sglang.launch_server", *arguments(run))
    others = tuple(
        Command((*words, *_node(run, rank)), environment(run), _("machine {number}", number=rank + 1))
        for rank in range(1, run.placement.nodes)
    )
    return Launch(
        runtime=run.runtime,
        serve=Command((*words, *_node(run, 0), "--port", str(PORT)), {**run.visible, **environment(run)}),
        downloads=download(run, HF_CACHE),
        notes=(*context_notes(run), *node_notes(run), *hub.hub_notes(run)),
        others=others,
        packages=(package("sglang", read(Options, run.work.options)),),
    )


def _node(run: Run, rank: int) -> tuple[str, ...]:
    """Which of several boxes it is."""
    nodes = run.placement.nodes
    return () if nodes == 1 else ("--nnodes", str(nodes), "--node-rank", str(rank), "--dist-init-addr", f"{HEAD}:20000")


def image(run: Run, vendor: str) -> str:
    """The image of the planned release; the newest's where the plan is of a build that is no release."""
    said = read(Options, run.work.options)
    if vendor != "amd":
        return IMAGE.format(release=named(said) or newest(said))
    release = named(said) or AMD_NEWEST
    rocm = next(word for since, word in AMD_ROCM.items() if numbers(release) >= since)
    kind = "mi35x" if run.placement.devices[0].compute_capability == "gfx950" else "mi30x"
    return f"{IMAGE.format(release=release)}-{rocm}-{kind}"


def environment(run: Run) -> dict[str, str]:
    """A context beyond the config's has to be allowed by name; uneven stages and the hub are variables too."""
    longer = {"SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN": "1"} if stretch(run) else {}
    return {**longer, **uneven_stages(run, "SGLANG_PP_LAYER_PARTITION"), **hub.environment(run)}


def arguments(run: Run) -> list[str]:
    """What follows `python -m sglang.launch_server`."""
    planned = plan_settings(run.model, run.architecture, run.checkpoint, run.work, run.placement)
    said = read(Options, run.work.options)
    running = said.max_running_requests or run.work.sequences
    words = ["--model-path", source_of(run)]
    words += ["--context-length", str(run.work.context), "--max-running-requests", str(running)]
    words += ["--mem-fraction-static", f"{planned.asked:.3f}", "--chunked-prefill-size", str(planned.chunk)]
    if not said.disable_cuda_graph:
        words += [
            "--cuda-graph-max-bs-decode" if said.release >= PHASES else "--cuda-graph-max-bs",
            str(planned.graph_batch),
        ]
    if planned.page != 1:
        words += ["--page-size", str(planned.page)]
    if run.work.kv_cache.k == "fp8":
        words += ["--kv-cache-dtype", "fp8_e4m3"]
    if run.placement.tensor_parallel > 1:
        words += ["--tensor-parallel-size", str(run.placement.tensor_parallel)]
    if run.placement.pipeline_parallel > 1:
        words += ["--pipeline-parallel-size", str(run.placement.pipeline_parallel)]
    if run.placement.data_parallel > 1:
        words += ["--data-parallel-size", str(run.placement.data_parallel)]
    if run.placement.expert_parallel:
        words += ["--expert-parallel-size", str(said.ep_size or run.placement.tensor_parallel)]
    if run.checkpoint.format in ("fp8-online", "nf4"):
        words += ["--quantization", "fp8" if run.checkpoint.format == "fp8-online" else "bitsandbytes"]
    if said.release >= TABLE_IN_RAM and any(extra.name == NGRAM_TABLE for extra in run.architecture.extras):
        words.append("--ple-offload-embedding" if run.placement.host_table else "--no-ple-offload-embedding")
    if said.adapters[1]:
        words += [] if said.enable_lora else ["--enable-lora"]
        words += [] if said.max_lora_rank else ["--max-lora-rank", str(said.adapters[0])]
        words += ["--lora-target-modules", "all"]
    if said.language_only:  # from then on --language-only waits for a server of encoders
        words.append("--language-model-only" if said.release >= LANGUAGE_MODEL_ONLY else "--language-only")
    words += _drafting(said)
    words += parsers(run.model, "qwen25")
    if run.model.kind in ("embedding", "reranker"):
        words.append("--is-embedding")
    if stretched := yarn(run):
        rope = {key: value for key, value in stretched.items() if key != "rope_theta"}
        words += ["--json-model-override-args", json.dumps({"rope_scaling": rope})]
    return words + flags(said)


def _drafting(said: Options) -> list[str]:
    """What drafts, and its chain of drafts: steps, branches and tokens are given all or none (arg_groups/speculative_hook.py)."""
    tokens = said.speculative_num_draft_tokens
    if not tokens:
        return []
    algorithm = said.speculative_algorithm or ("EAGLE3" if said.drafter else "NEXTN")
    words = ["--speculative-algorithm", algorithm, "--speculative-num-draft-tokens", str(tokens)]
    if algorithm != "DFLASH":
        words += ["--speculative-num-steps", str(max(1, tokens - 1)), "--speculative-eagle-topk", "1"]
    if said.drafter or said.speculative_draft_model_path:
        words += ["--speculative-draft-model-path", said.speculative_draft_model_path or "DRAFT_MODEL"]
    return words
