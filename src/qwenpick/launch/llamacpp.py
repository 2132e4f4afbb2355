"""llama-server's command line. Flags: llama.cpp b11434, common/arg.cpp and tools/server/README.md."""

from __future__ import annotations

from qwenpick.i18n import _
from qwenpick.launch import hub
from qwenpick.launch.builds import llamacpp_build
from qwenpick.launch.facts import LLAMA_CACHE, context_notes, download, file_notes, sampler, stretch
from qwenpick.launch.run import Command, Download, Launch, Run, argument
from qwenpick.launch.thinking import LLAMACPP
from qwenpick.planning.server_caches import SERVERS, asked_limits, bounds_note, settings
from qwenpick.runtimes.llamacpp.cut import experts_asked, uncounted_layers
from qwenpick.runtimes.llamacpp.options import Options, read_options

READ_FROM = "llama.cpp b11434: common/arg.cpp"
PORT = 8080


def launch(run: Run) -> Launch:
    """llama-server with the planned context, slots, cache types and split. Where nobody publishes the file, it is made first."""
    options = read_options(run.work.options)
    made = "" if run.source else f"{run.model.name}-{run.checkpoint.format}.gguf"
    source = (
        ["-m", run.source or made]
        if run.path or made
        else ["-hf", f"{run.checkpoint.repo}:{run.checkpoint.label or run.checkpoint.format}"]
    )
    words = [
        "llama-server",
        *source,
        *_work(run, options),
        *_devices(run, options),
        *_engine(run, options),
        *settings(SERVERS["llamacpp"], asked_limits(run.limits, options)),
        *_sampling(run),
        *(LLAMACPP if run.quiet else ()),
    ]
    notes = [
        *context_notes(run),
        *file_notes(run),
        *hub.hub_notes(run),
        *bounds_note(SERVERS["llamacpp"], run.limits),
    ]
    if run.architecture.vision and _eyes(run, options) and (run.path or made):
        notes.append(_("images need the projector too: --mmproj FILE (mmproj-*.gguf beside the weights)"))
    return Launch(
        runtime=run.runtime,
        serve=Command((*words, "--port", str(PORT)), {**run.visible, **({} if made else hub.environment(run))}),
        prepare=_conversion(run, made) if made else (),
        downloads=_fetched(run, made),
        notes=tuple(notes),
        build=llamacpp_build(run.placement.devices, run.system, options.backend),
    )


def _work(run: Run, options: Options) -> list[str]:
    """Context of all slots together, slots, and whether they share one cache."""
    shared = "--kv-unified" if options.kv_unified else "--no-kv-unified"
    words = ["-c", str(run.work.context * run.work.sequences), "-np", str(run.work.sequences), shared]
    words += ["-ctk", run.work.kv_cache.k, "-ctv", run.work.kv_cache.v]
    if stretched := stretch(run):
        words += ["--rope-scaling", "yarn", "--rope-scale", f"{stretched[0]:g}", "--yarn-orig-ctx", str(stretched[1])]
    return words


def _devices(run: Run, options: Options) -> list[str]:
    """How many layers go to GPUs, how they are shared, and which experts stay in RAM; nothing is left to --fit."""
    placement, behind = run.placement, uncounted_layers(run.architecture)
    whole = run.architecture.num_layers + 1 + behind  # the output counts as a layer, and so does an MTP block
    layers = sum(placement.split) + behind if placement.split is not None else whole
    if options.n_gpu_layers is not None:
        layers = options.n_gpu_layers
    words = ["-fit", "off", "-ngl", str(layers if placement.devices else 0)]
    if (device := options.backend) and device.count(",") + 1 == len(placement.devices):
        words += ["-dev", device]
    if placement.tensor_parallel > 1:
        words += ["-sm", "tensor"]
    elif len(placement.devices) > 1 and placement.split:
        words += ["-ts", ",".join(map(str, placement.split))]
    if options.override_tensor:
        return [*words, "-ot", options.override_tensor]
    experts = placement.cpu_moe_layers or experts_asked(options, run.architecture.num_layers)
    return [*words, "--n-cpu-moe", str(experts)] if experts else words


def _engine(run: Run, options: Options) -> list[str]:
    """The engine's own switches, where they are not llama-server's defaults."""
    words = ["-fa", "on" if options.flash_attn else "off"]
    if options.n_batch != 2048:
        words += ["-b", str(options.n_batch)]
    if options.n_ubatch != 512:
        words += ["-ub", str(options.n_ubatch)]
    switches = {
        "--no-kv-offload": not options.offload_kqv,
        "--no-op-offload": not options.op_offload,
        "--no-mmap": not options.mmap,
        "--no-repack": not options.repack,
        "--no-mmproj-offload": _eyes(run, options) and not options.mmproj_offload,
        "--no-mmproj": bool(run.architecture.vision or run.architecture.audio) and not _eyes(run, options),
        "--embeddings": run.model.kind == "embedding",
        "--reranking": run.model.kind == "reranker",
        "--jinja": run.model.kind not in ("embedding", "reranker"),
    }
    words += [switch for switch, on in switches.items() if on]
    if run.model.kind == "embedding":  # not every file says that its last token holds the vector
        words += ["--pooling", "last"]
    if options.speculates:
        words += ["--spec-type", options.spec_type, "--spec-draft-n-max", str(options.draft_n_max)]
    return words


def _eyes(run: Run, options: Options) -> bool:
    """Whether the projector of images or sound is part of the plan."""
    return options.mmproj if options.mmproj is not None else bool(run.work.image_tokens or run.work.audio_seconds)


def _sampling(run: Run) -> list[str]:
    return [word for name, value in sampler(run.model).items() for word in (f"--{name.replace('_', '-')}", value)]


def _conversion(run: Run, made: str) -> tuple[Command, ...]:
    """From the published weights to the file: llama.cpp's converter, then its quantizer."""
    repo = run.model.huggingface or argument(run.model.name)
    plain = f"{run.model.name}-BF16.gguf"
    words, env = hub.fetch(run, repo, run.model.name)
    fetch = Command(words, env, _("fetch the published weights"))
    convert = ("python", "convert_hf_to_gguf.py", run.model.name, "--outtype", "bf16", "--outfile", plain)
    if made == plain:
        return fetch, Command(convert, purpose=_("make a GGUF file of them"))
    quantize = ("llama-quantize", plain, made, run.checkpoint.format)
    return (
        fetch,
        Command(convert, purpose=_("make a GGUF file of them")),
        Command(quantize, purpose=_("quantize it")),
    )


def _fetched(run: Run, made: str) -> tuple[Download, ...]:
    if not made:
        return download(run, LLAMA_CACHE)
    from qwenpick.memory.quantization import stored_bytes

    return (
        Download(
            run.model.huggingface or run.model.name, stored_bytes(run.architecture, "bf16"), f"./{run.model.name}"
        ),
    )
