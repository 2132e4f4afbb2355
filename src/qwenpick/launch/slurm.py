"""A plan as a batch script for Slurm: what to ask for as #SBATCH lines, then the planned command; over several nodes a Ray cluster inside the job.

Options: slurm.schedmd.com/sbatch.html (22.05 to 25.05). vLLM over several nodes: docs.vllm.ai, parallelism and scaling, Ray backend.
"""

from __future__ import annotations

import shlex
from dataclasses import replace

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.launch.run import Command, Launch, Run
from qwenpick.launch.target import Target, object_name
from qwenpick.units import MIB

RAY_PORT = 6379
LISTENING = {"vllm": "--host 0.0.0.0", "sglang": "--host 0.0.0.0", "llamacpp": "--host 0.0.0.0"}


def launch(run: Run, planned: Launch, target: Target) -> Launch:
    """The script as a file, and the command that submits it. Raises QwenpickError for engines that cannot run over several nodes."""
    name = f"{object_name(run.model.id)}.sbatch"
    return replace(planned, serve=Command(("sbatch", name)), prepare=(), files={name: script(run, planned, target)})


def script(run: Run, planned: Launch, target: Target) -> str:
    """The batch script: notes, options, the planned command."""
    notes = [*planned.notes, *_notes(target)]
    lines = ["#!/bin/bash", *(f"#SBATCH {option}" for option in options(run, target))]
    lines += [f"# {' '.join(note.split())}" for note in notes]
    lines += ["set -euo pipefail", *_written(planned), *(command.line() for command in planned.prepare)]
    lines += _several(run, planned, target) if target.nodes > 1 else [f"exec {_served(run, planned, target)}"]
    return "\n".join([*lines, ""])


def options(run: Run, target: Target) -> list[str]:
    """What the job asks for; a time limit is left to the partition's own."""
    partition = next(
        (name for name in target.partitions if "gpu" in name.casefold()), next(iter(target.partitions), None)
    )
    found = [f"--job-name={object_name(run.model.id)}", *([f"--partition={partition}"] if partition else [])]
    found += [
        f"--nodes={target.nodes}",
        "--ntasks-per-node=1",
        f"--cpus-per-task={target.cores}",
        f"--mem={target.ram // MIB}M",
    ]
    if target.gpus:
        found.append(f"--gres={target.resource or 'gpu'}:{target.gpus}")
    if target.constraint:
        found.append(f"--constraint={target.constraint}")
    if target.replicas > 1:
        found.append(f"--array=1-{target.replicas}")
    return [*found, "--output=%x-%j.log"]


def _written(planned: Launch) -> list[str]:
    """Files that the command reads, as here-documents."""
    return [
        f"cat > {shlex.quote(name)} <<'END_OF_FILE'\n{text.rstrip()}\nEND_OF_FILE"
        for name, text in planned.files.items()
    ]


def _served(run: Run, planned: Launch, target: Target) -> str:
    """The planned command, listening on the node; the copies of an array that share a node have ports of their own."""
    line = replace(
        planned.serve,
        env={key: text for key, text in planned.serve.env.items() if not key.endswith("_VISIBLE_DEVICES")},
    ).line()
    if target.replicas > 1 and " --port " in line:
        head, _port, tail = line.partition(" --port ")
        number, _space, rest = tail.partition(" ")
        line = f"{head} --port $(({number} + SLURM_ARRAY_TASK_ID)) {rest}".rstrip()
    listening = LISTENING.get(run.runtime)
    return f"{line} {listening}" if listening and "--host" not in line else line


def _several(run: Run, planned: Launch, target: Target) -> list[str]:
    """A Ray cluster of the job's nodes, and vLLM on it."""
    if run.runtime != "vllm":
        raise QwenpickError(
            _("over several nodes of Slurm the script is written for vLLM on Ray; choose it with --runtime vllm")
        )
    one, others = "srun --overlap --nodes=1 --ntasks=1", target.nodes - 1
    wait = f"python3 -c 'import ray; ray.init(log_to_driver=False); raise SystemExit(sum(n[\"Alive\"] for n in ray.nodes()) < {target.nodes})'"
    return [
        'nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))',
        "head=${nodes[0]}",
        f"address=$({one} -w \"$head\" hostname --ip-address | awk '{{print $1}}')",
        f'{one} -w "$head" ray start --head --node-ip-address="$address" --port={RAY_PORT} --num-gpus={target.gpus} --block &',
        f'export RAY_ADDRESS="$address:{RAY_PORT}"',
        f'until {one} -w "$head" ray status >/dev/null 2>&1; do sleep 2; done',
        f'srun --overlap --nodes={others} --ntasks={others} --exclude="$head" ray start --address="$RAY_ADDRESS" --num-gpus={target.gpus} --block &',
        f'until {one} -w "$head" {wait}; do sleep 2; done',
        f'{one} -w "$head" {_served(run, planned, target)} --distributed-executor-backend ray',
    ]


def _notes(target: Target) -> list[str]:
    found = [_("no --time is asked for: the partition's own limit holds")]
    if target.nodes > 1:
        found.append(_("the nodes need one environment with vLLM and Ray, on a shared file system"))
    return found
