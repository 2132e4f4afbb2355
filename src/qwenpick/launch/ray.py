"""A plan as a config of Ray Serve LLM: `serve run FILE`. Fields: Ray 2.60 ray.serve.llm LLMConfig (docs.ray.io, configuration reference)."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

from qwenpick.i18n import _
from qwenpick.launch import docker, vllm
from qwenpick.launch.run import Command, Launch, Run
from qwenpick.launch.target import Target, object_name

LISTS = frozenset({"cudagraph_capture_sizes"})  # several words after one flag
LABEL = "ray.io/accelerator-type"
# What LLMConfig.accelerator_type takes (ray.util.accelerators, as far as the catalogue has them); another name is an error there, so it is left out
TYPES = frozenset(
    "V100 P100 T4 P4 K80 A10G L4 L40S A100 H100 H200 H20 B200 A100-40G A100-80G AMD-Instinct-MI100 AMD-Instinct-MI210 AMD-Instinct-MI250X "
    "AMD-Instinct-MI300A AMD-Instinct-MI300X-OAM AMD-Instinct-MI325X-OAM AMD-Instinct-MI350X-OAM AMD-Instinct-MI355X-OAM Intel-GPU-Max-1550".split()
)


def launch(run: Run, planned: Launch, target: Target) -> Launch:
    """The config as a file, and the command that deploys it. Raises QwenpickError for engines other than vLLM."""
    if run.runtime != "vllm":
        raise docker.other_engine(run, _("Ray Serve LLM runs vLLM; choose it with --runtime vllm"))
    import yaml

    name = f"{object_name(run.model.id)}.yaml"
    text = yaml.safe_dump(config(run, target), sort_keys=False, allow_unicode=True, width=140)
    return replace(planned, serve=Command(("serve", "run", name)), prepare=(), files={name: text})


def config(run: Run, target: Target) -> dict[str, Any]:
    """The application: one model, as many replicas as are wanted, exactly the plan's engine arguments.

    Copies of a mixture, which share its experts, are one group of Ray's data-parallel server; those of other models are replicas like any other
    (docs.ray.io, serve/llm/user-guides/data-parallel-attention).
    """
    source, *words = vllm.arguments(run)
    model: dict[str, Any] = {"model_loading_config": {"model_id": run.model.id, "model_source": source}}
    if (said := target.labels.get(LABEL)) in TYPES:
        model["accelerator_type"] = said
    if env := vllm.environment(run):
        model["runtime_env"] = {"env_vars": env}
    engine, copies = keywords(words), run.placement.data_parallel
    group = copies > 1 and run.architecture.is_moe
    if copies > 1 and not group:
        del engine["data_parallel_size"]
    model["deployment_config"] = {"num_replicas": target.replicas * (1 if group else copies)}
    model["engine_kwargs"] = engine
    return {
        "applications": [
            {
                "name": object_name(run.model.id),
                "route_prefix": "/",
                "import_path": f"ray.serve.llm:{'build_dp_openai_app' if group else 'build_openai_app'}",
                "args": {"llm_config": model} if group else {"llm_configs": [model]},
            }
        ]
    }


def keywords(words: list[str]) -> dict[str, Any]:
    """Command-line words as keyword arguments of the engine: numbers, JSON, and flags that stand alone as true.

    >>> keywords(["--max-model-len", "8192", "--enable-auto-tool-choice", "--dtype", "float16"])
    {'max_model_len': 8192, 'enable_auto_tool_choice': True, 'dtype': 'float16'}
    """
    found: dict[str, Any] = {}
    for at, word in enumerate(words):
        if not word.startswith("--"):
            continue
        value = words[at + 1] if at + 1 < len(words) else "--"
        name = word.removeprefix("--").replace("-", "_")
        if value.startswith("--"):
            found[name.removeprefix("no_")] = not name.startswith("no_")
            continue
        if name in LISTS:
            rest = itertools.takewhile(lambda each: not each.startswith("--"), words[at + 1 :])
            found[name] = [int(each) for each in rest]
            continue
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
