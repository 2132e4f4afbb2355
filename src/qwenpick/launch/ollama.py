"""Ollama's Modelfile and environment. Names: Ollama 0.18, envconfig/config.go and docs/modelfile.md."""

from __future__ import annotations

import re

from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_, _
from qwenpick.launch import hub
from qwenpick.launch.facts import OLLAMA_STORE, context_notes, download, file_notes, sampler
from qwenpick.launch.run import Command, Download, Launch, Run
from qwenpick.launch.thinking import OLLAMA
from qwenpick.memory.account import gpu
from qwenpick.planning.files import published_file
from qwenpick.planning.server_caches import SERVERS, asked_limits, bounds_note, environment
from qwenpick.runtimes import ollama
from qwenpick.runtimes.given import read
from qwenpick.runtimes.ollama.options import Options
from qwenpick.units import GIB

READ_FROM = "Ollama 0.18: envconfig/config.go, docs/modelfile.md"
# docs/faq.mdx, "How do I configure Ollama server?": the app that the installer starts, and Linux' service, hold the port with settings of their own
SERVED = {
    "linux": N_("start the server, and leave it running (a service takes the variables from its own settings)"),
    "darwin": N_(
        "start the server, and leave it running; first quit Ollama in the menu bar, which holds the port (its app takes those of launchctl setenv)"
    ),
    "windows": N_(
        "start the server, and leave it running; first quit Ollama in the tray, which holds the port (its app takes those of your account)"
    ),
}
CACHES = ("f16", "q8_0", "q4_0")  # OLLAMA_KV_CACHE_TYPE
FIT_TARGET = GIB  # bytes that --fit leaves free of every GPU: common/common.h, fit_params_target
_PARAMETER = {"temp": "temperature"}


def launch(run: Run) -> Launch:
    """The server with the planned cache and slots, a Modelfile with the planned context and layers. Raises QwenpickError for what it cannot do."""
    cache = run.work.kv_cache
    if cache.k != cache.v or cache.k not in CACHES:
        raise QwenpickError(
            _(
                "Ollama keeps keys and values in one format of {known}, not {cache}",
                known=", ".join(CACHES),
                cache=cache,
            )
        )
    options = read(Options, run.work.options)
    name = f"{re.sub(r'[^a-z0-9.]+', '-', run.model.id).strip('-')}-{run.work.context}"
    env = {
        **run.visible,
        "OLLAMA_CONTEXT_LENGTH": str(run.work.context),
        "OLLAMA_NUM_PARALLEL": str(run.work.sequences),
        "OLLAMA_FLASH_ATTENTION": "1" if options.flash_attn else "0",
        "OLLAMA_KV_CACHE_TYPE": cache.k,
        **environment(asked_limits(run.limits, options)),
        **_shared_by(options),
    }
    notes = [
        *context_notes(run),
        *([] if _tag(run) else [*file_notes(run), *hub.hub_notes(run)]),
        *bounds_note(SERVERS["ollama"], run.limits),
    ]
    if run.path is None and _tag(run) is None and origin(run).endswith(".gguf"):
        notes.append(
            _(
                "no tag and no GGUF repository is known for this format: make the file as `qwenpick launch --runtime llama.cpp` shows"
            )
        )
    return Launch(
        runtime=run.runtime,
        serve=Command(("ollama", "run", name, *((OLLAMA,) if run.quiet else ()))),
        prepare=(
            Command(
                ("ollama", "serve"),
                env,
                _(SERVED[run.system]),
            ),
            Command(
                ("ollama", "create", name, "-f", "Modelfile"),
                purpose=_("fetch the weights and give the settings a name"),
            ),
        ),
        files={"Modelfile": modelfile(run)},
        downloads=_downloads(run),
        notes=tuple(notes),
    )


def _shared_by(options: Options) -> dict[str, str]:
    """What has no setting of Ollama's own: the llama-server that it starts reads it from its environment (common/arg.cpp)."""
    said = {
        "LLAMA_ARG_SPLIT_MODE": options.split_mode if options.split_mode != "layer" else None,
        "LLAMA_ARG_TENSOR_SPLIT": options.tensor_split,
        "LLAMA_ARG_N_CPU_MOE": options.n_cpu_moe or None,
        "LLAMA_ARG_CPU_MOE": "1" if options.cpu_moe else None,
        "LLAMA_ARG_OVERRIDE_TENSOR": options.override_tensor,
    }
    return {name: str(value) for name, value in said.items() if value is not None}


def _downloads(run: Run) -> tuple[Download, ...]:
    """The library's tag, as large as its file and the projector are, or what a repository holds."""
    if _tag(run) and run.file and run.file.tag:
        return (Download(run.file.tag, run.file.bytes, OLLAMA_STORE[run.system]),)
    if run.hub == hub.MODELSCOPE and run.checkpoint.repo is None and run.path is None:
        found = published_file(run.model, run.checkpoint.format, "llamacpp")
        return (
            (Download(found.repository, found.bytes, OLLAMA_STORE[run.system]),) if found and found.repository else ()
        )
    return download(run, OLLAMA_STORE[run.system])


def modelfile(run: Run) -> str:
    """FROM and the PARAMETERs that were planned."""
    options = read(Options, run.work.options)
    parameters = {"num_ctx": str(run.work.context)}
    if said := [name for name in ("n_ubatch", "n_batch") if name in options.named]:
        parameters["num_batch"] = str(getattr(options, said[0]))
    if options.drafts or ("draft_n_max" in options.named and "spec_type" not in options.named):
        parameters["draft_num_predict"] = str(options.draft_n_max)
    if not run.placement.devices:
        parameters["num_gpu"] = "0"
    elif run.placement.split is not None or options.n_gpu_layers is not None:
        parameters["num_gpu"] = str(
            options.n_gpu_layers if options.n_gpu_layers is not None else sum(run.placement.split or ())
        )
    elif _fills(run):
        parameters["num_gpu"] = str(run.architecture.num_layers + run.architecture.mtp_layers + 1)
    parameters |= {_PARAMETER.get(key, key): value for key, value in sampler(run.model).items()}
    return "\n".join(
        [
            f"FROM {origin(run)}",
            *(f"PARAMETER {key} {value}" for key, value in parameters.items()),
            "",
        ]
    )


def _fills(run: Run) -> bool:
    """Whether a plan with every layer on one GPU leaves less there than llama-server's --fit wants free, which would move layers to RAM unasked.

    num_gpu, which counts the MTP block and the output, keeps them where they were planned (llm/llama_server.go: no -ngl without it).
    """
    if len(run.placement.devices) != 1 or run.placement.cpu_moe_layers:
        return False
    device = run.placement.devices[0]
    free = ollama.budget(device, run.work)
    needed = ollama.memory(run.model, run.architecture, run.checkpoint, run.work, run.placement).on(gpu(0))
    return free is not None and device.vendor != "apple" and needed + FIT_TARGET > free


def origin(run: Run) -> str:
    """What the Modelfile builds on: the local file, the library's tag, or a GGUF repository. Raises QwenpickError for a path it cannot write."""
    if run.path:
        local = run.source or run.path
        return local if local.startswith(("/", "./", "../")) else f"./{local}"
    if tag := _tag(run):
        return tag
    if run.hub == hub.MODELSCOPE and (repo := hub.gguf_repository(run)):
        host = "modelscope.cn" if hub.on_modelscope(repo) else hub.MIRROR.removeprefix("https://")
        return f"{host}/{repo}:{run.checkpoint.label or run.checkpoint.format}"
    if run.checkpoint.repo:
        return f"hf.co/{run.checkpoint.repo}:{run.checkpoint.label or run.checkpoint.format}"
    return f"./{run.model.name}-{run.checkpoint.format}.gguf"


def _tag(run: Run) -> str | None:
    """The library's tag, where that is what was planned."""
    tag = run.file.tag if run.file else None
    return None if tag and _opens_elsewhere(run) else tag


def _opens_elsewhere(run: Run) -> bool:
    """Whether the same format comes from a repository that opens where the library does not, as a file that is no larger than what was planned."""
    if run.hub != hub.MODELSCOPE or not hub.on_modelscope(hub.gguf_repository(run)):
        return False
    found = published_file(run.model, run.checkpoint.format, "llamacpp")
    return bool(found and run.file and found.bytes <= run.file.bytes)
