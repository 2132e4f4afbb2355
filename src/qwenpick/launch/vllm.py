"""vLLM's command line. Flags: vLLM 0.26.0, engine/arg_utils.py and entrypoints/openai/cli_args.py."""

from __future__ import annotations

import json

from qwenpick.launch.facts import HF_CACHE, context_notes, download, parsers, yarn
from qwenpick.launch.run import Command, Launch, Run, calls_tools
from qwenpick.runtimes.given import flags, read
from qwenpick.runtimes.vllm import planned as plan_settings
from qwenpick.runtimes.vllm.options import Options

READ_FROM = "vLLM 0.26.0: engine/arg_utils.py"
IMAGE = {"nvidia": "vllm/vllm-openai:v0.26.0", "amd": "rocm/vllm:latest"}
PORT = 8000


def launch(run: Run) -> Launch:
    """`vllm serve` with the planned context, batch, share of memory, cache format and parallel sizes."""
    return Launch(
        runtime=run.runtime,
        serve=Command(("vllm", "serve", *arguments(run), "--port", str(PORT)), run.visible),
        downloads=download(run, HF_CACHE),
        notes=tuple(context_notes(run)),
    )


def arguments(run: Run) -> list[str]:
    """What follows `vllm serve`, the model first."""
    planned = plan_settings(run.model, run.architecture, run.checkpoint, run.work, run.placement)
    words = [run.weights]
    words += ["--max-model-len", str(planned.context), "--max-num-seqs", str(planned.sequences)]
    words += [
        "--max-num-batched-tokens",
        str(planned.batched_tokens),
        "--gpu-memory-utilization",
        f"{planned.utilization:g}",
    ]
    if run.work.kv_cache.k == "fp8":
        words += ["--kv-cache-dtype", "fp8"]
    if run.placement.tensor_parallel > 1:
        words += ["--tensor-parallel-size", str(run.placement.tensor_parallel)]
    if run.placement.pipeline_parallel > 1:
        words += ["--pipeline-parallel-size", str(run.placement.pipeline_parallel)]
    words += _loading(run)
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
            json.dumps({"method": "mtp", "num_speculative_tokens": planned.speculative_tokens}),
        ]
    if not planned.multimodal and (run.architecture.vision or run.architecture.audio):
        words.append("--language-model-only")
    return words + flags(read(Options, run.work.options))


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
