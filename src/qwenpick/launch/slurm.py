"""A plan as a batch script for Slurm: what to ask for as #SBATCH lines, then the planned command; over several nodes one of it a node.

Options: slurm.schedmd.com/sbatch.html (22.05 to 25.05). Several nodes: vLLM 0.13 to 0.33 config/parallel.py (--nnodes, --node-rank, --master-addr
exclude Ray; before 0.12 there is Ray alone), SGLang 0.5 srt/server_args.py (--nnodes, --node-rank, --dist-init-addr).
"""

from __future__ import annotations

import shlex
from dataclasses import replace

from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.launch import sglang, vllm
from qwenpick.launch.facts import without_nodes
from qwenpick.launch.run import Command, Launch, Run
from qwenpick.launch.target import Target, object_name
from qwenpick.runtimes import ACROSS_NODES, find_runtime
from qwenpick.units import MIB

RAY_PORT, GROUP_PORT = 6379, 20000
LISTENING = {"vllm": "--host 0.0.0.0", "sglang": "--host 0.0.0.0", "llamacpp": "--host 0.0.0.0"}


def launch(run: Run, planned: Launch, target: Target) -> Launch:
    """The script as a file, and the command that submits it. Raises QwenpickError for engines that cannot run over several nodes."""
    name = f"{object_name(run.model.id)}.sbatch"
    return replace(planned, serve=Command(("sbatch", name)), prepare=(), files={name: script(run, planned, target)})


def script(run: Run, planned: Launch, target: Target) -> str:
    """The batch script: notes, options, the planned command."""
    notes = [*without_nodes(planned.notes, run), *_notes(run, target)]
    lines = ["#!/bin/bash", *(f"#SBATCH {option}" for option in options(run, target))]
    lines += [f"# {' '.join(note.split())}" for note in notes]
    lines += ["set -euo pipefail", *_written(planned), *(command.line() for command in planned.prepare)]
    # exec takes no variables before the program's name
    alone = f"exec {'env ' if _environment(planned) else ''}{_served(run, planned, target)}"
    lines += _several(run, planned, target) if target.nodes > 1 else [alone]
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


def _environment(planned: Launch) -> dict[str, str]:
    """What the server's environment is told; which GPUs it sees is Slurm's own."""
    return {key: text for key, text in planned.serve.env.items() if not key.endswith("_VISIBLE_DEVICES")}


def _served(run: Run, planned: Launch, target: Target) -> str:
    """The planned command, listening on the node; the copies of an array that share a node have ports of their own."""
    line = replace(planned.serve, env=_environment(planned)).line()
    if target.replicas > 1 and " --port " in line:
        head, _port, tail = line.partition(" --port ")
        number, _space, rest = tail.partition(" ")
        line = f"{head} --port $(({number} + SLURM_ARRAY_TASK_ID)) {rest}".rstrip()
    listening = LISTENING.get(run.runtime)
    return f"{line} {listening}" if listening and "--host" not in line else line


def _several(run: Run, planned: Launch, target: Target) -> list[str]:
    """The engine on every node of the job. Raises QwenpickError for engines that do not run so."""
    if run.runtime not in ACROSS_NODES:
        raise QwenpickError(_("only vLLM and SGLang run over several nodes"))
    nodes = ['nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))']
    if run.runtime == "vllm" and not vllm.takes_nodes(run):
        return [*nodes, *_on_ray(run, planned, target)]
    words = vllm.arguments(run) if run.runtime == "vllm" else sglang.arguments(run)
    module, port = (vllm, vllm.PORT) if run.runtime == "vllm" else (sglang, sglang.PORT)
    program = ("vllm", "serve") if run.runtime == "vllm" else ("python", "-m", "sglang.launch_server")
    env = module.environment(run)
    place = f'--nnodes {target.nodes} --node-rank "$SLURM_NODEID" ' + (
        '--master-addr "$HEAD_ADDRESS"' if run.runtime == "vllm" else f'--dist-init-addr "$HEAD_ADDRESS:{GROUP_PORT}"'
    )
    other = Command((*program, *words), env).line() + f" {place}"
    served = replace(planned, serve=Command((*program, *words, "--port", str(port)), env))
    return [
        *nodes,
        'export HEAD_ADDRESS="${nodes[0]}"',
        "start=$(cat <<'END_OF_NODE'",
        'if [ "$SLURM_NODEID" -eq 0 ]; then',
        f"  {_served(run, served, target)} {place}",
        "else",
        f"  {other}{' --headless' if run.runtime == 'vllm' else ''}",
        "fi",
        "END_OF_NODE",
        ")",
        f"srun --nodes={target.nodes} --ntasks={target.nodes} --ntasks-per-node=1 --cpus-per-task={target.cores} --kill-on-bad-exit=1 "
        'bash -c "$start"',
    ]


def _on_ray(run: Run, planned: Launch, target: Target) -> list[str]:
    """A Ray cluster of the job's nodes, and a vLLM of before 0.12 on it."""
    one, others = "srun --overlap --nodes=1 --ntasks=1", target.nodes - 1
    wait = f"python3 -c 'import ray; ray.init(log_to_driver=False); raise SystemExit(sum(n[\"Alive\"] for n in ray.nodes()) < {target.nodes})'"
    words = ("vllm", "serve", *vllm.arguments(run), "--port", str(vllm.PORT))
    served = _served(run, replace(planned, serve=Command(words, vllm.environment(run))), target)
    return [
        "head=${nodes[0]}",
        f"address=$({one} -w \"$head\" hostname --ip-address | awk '{{print $1}}')",
        f'{one} -w "$head" ray start --head --node-ip-address="$address" --port={RAY_PORT} --num-gpus={target.gpus} --block &',
        f'export RAY_ADDRESS="$address:{RAY_PORT}"',
        f'until {one} -w "$head" ray status >/dev/null 2>&1; do sleep 2; done',
        f'srun --overlap --nodes={others} --ntasks={others} --exclude="$head" ray start --address="$RAY_ADDRESS" --num-gpus={target.gpus} --block &',
        f'until {one} -w "$head" {wait}; do sleep 2; done',
        f'{one} -w "$head" env {served} --distributed-executor-backend ray',
    ]


def _notes(run: Run, target: Target) -> list[str]:
    found = [_("no --time is asked for: the partition's own limit holds")]
    if target.nodes > 1:
        needed = find_runtime(run.runtime).TITLE
        if run.runtime == "vllm" and not vllm.takes_nodes(run):
            needed = _("{name} and Ray", name=needed)
        found.append(_("the nodes need one environment with {name}, on a shared file system", name=needed))
    return found
