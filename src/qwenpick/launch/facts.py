"""What engines must be told of a series: parsers, samplers, the stretching of positions, and where downloads go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qwenpick.i18n import N_, _
from qwenpick.launch import hub
from qwenpick.launch.run import Download, Run, calls_tools, thinks
from qwenpick.planning.limits import unstretched
from qwenpick.units import format_tokens

if TYPE_CHECKING:
    from qwenpick.catalog import Model

HF_CACHE = N_("~/.cache/huggingface/hub (HF_HOME and HF_HUB_CACHE move it)")
# llama.cpp pull requests 20775 and 21009
LLAMA_CACHE = N_(
    "the Hugging Face cache, ~/.cache/huggingface/hub (LLAMA_CACHE moves it; before March 2026 ~/.cache/llama.cpp)"
)
# ollama docs/faq.md
OLLAMA_STORE = {
    "linux": N_("~/.ollama/models, or /usr/share/ollama/.ollama/models for the Linux service (OLLAMA_MODELS moves it)"),
    "darwin": N_("~/.ollama/models (OLLAMA_MODELS moves it)"),
    "windows": N_("%USERPROFILE%\\.ollama\\models (OLLAMA_MODELS moves it)"),
}

# github.com/QwenLM/Qwen3 README, "llama.cpp": the thinking models' sampling. Other series' settings come with their generation_config.json, which
# transformers, vLLM and SGLang read themselves; GGUF files do not carry them.
SAMPLERS: dict[str, dict[str, str]] = {"Qwen3": {"temp": "0.6", "top_k": "20", "top_p": "0.95", "min_p": "0"}}

# Model types whose rotary positions YaRN stretches without more being said (no M-RoPE sections, no partial rotation) -> rope_theta of their configs
ROPE_THETA = {"qwen2": 1_000_000, "qwen2_moe": 1_000_000, "qwen3": 1_000_000, "qwen3_moe": 1_000_000}
_OTHER_THETA = {"qwen3-coder-480b-a35b-instruct": 10_000_000}
# their templates write <function=…> instead of JSON
_XML_TOOLS = ("Qwen3-Coder", "Qwen3.5", "Qwen3.6", "Qwen3.8", "Qwen-AgentWorld")


HEAD = "HEAD_ADDRESS"  # of the first box: nobody but its owner knows it


def uneven_stages(run: Run, variable: str) -> dict[str, str]:
    """How many layers each stage holds, where that was asked for (distributed/utils.py get_pp_indices of vLLM and of SGLang).

    CUDA counts the fastest card first unless it is told otherwise; the stages of unlike ones were planned in the order of the machine.
    """
    layers, devices = run.placement.stage_layers, run.placement.devices
    if not layers:
        return {}
    unlike = len({device.name for device in devices}) > 1 and devices[0].vendor == "nvidia"
    return {variable: ",".join(map(str, layers)), **({"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if unlike else {})}


def source_of(run: Run) -> str:
    """What the engine loads: the path, the planned repository, and where nobody is known to publish the format a placeholder that says so.

    Weights of another format than was planned would be of another size.
    """
    if run.source:
        return run.source
    base = {c.repo for c in run.model.checkpoints if c.format in ("bf16", "fp16")}
    plain = run.checkpoint.format in ("bf16", "fp16", "fp32", "fp8-online", "nf4")
    known = run.model.huggingface or next(iter(sorted(filter(None, base))), None)
    return (
        known
        if plain and known
        else f"REPOSITORY_OF_{run.model.id}_IN_{run.checkpoint.format}".upper().replace("-", "_")
    )


def node_notes(run: Run) -> list[str]:
    """What to know of a model that lies on several boxes, or of weights that nobody is known to publish."""
    notes = [spread] if (spread := _by_hand(run)) else []
    if source_of(run).startswith("REPOSITORY_OF_"):
        name, form = run.model.name, run.checkpoint.format
        notes.append(_("no repository of {name} in {format} is known: put one in its place", name=name, format=form))
    return notes


def _by_hand(run: Run) -> str:
    """How a model that lies on several boxes is started; '' where it lies on one."""
    if run.placement.nodes == 1:
        return ""
    return _(
        "it lies on {nodes} machines: the last line is the first one's, those in comments the others'; {head} is the first one's address",
        nodes=run.placement.nodes,
        head=HEAD,
    )


def without_nodes(notes: Iterable[str], run: Run) -> tuple[str, ...]:
    """The notes without the one on starting several boxes by hand: what a cluster's own software starts has no such lines."""
    return tuple(note for note in notes if note != _by_hand(run))


def sampler(model: Model) -> dict[str, str]:
    """The vendor's sampling for a model whose file does not carry it; {} where none is known."""
    return SAMPLERS.get(model.series, {}) if thinks(model) else {}


def parsers(model: Model, json_tools: str) -> list[str]:
    """--reasoning-parser and --tool-call-parser for vLLM and SGLang; `json_tools` is the engine's name for tools written as JSON (hermes, qwen25).

    vLLM docs features/reasoning_outputs and features/tool_calling; SGLang docs advanced_features/separate_reasoning and tool_parser.
    """
    words: list[str] = []
    if thinks(model):
        words += [
            "--reasoning-parser",
            "deepseek_r1" if model.series == "QwQ" and json_tools == "hermes" else _reasoning(model),
        ]
    if calls_tools(model):
        words += ["--tool-call-parser", "qwen3_coder" if model.series.startswith(_XML_TOOLS) else json_tools]
    return words


def _reasoning(model: Model) -> str:
    return "deepseek-r1" if model.series == "QwQ" else "qwen3"


def stretch(run: Run) -> tuple[float, int] | None:
    """(YaRN factor, native context) where the planned context is beyond the native one; None where it is not."""
    context = run.model.context
    if context is None or run.work.context <= (unstretched(run.model) or 0):
        return None
    return round(max(run.work.context / context.native, 1.0), 4), context.native


def yarn(run: Run) -> dict[str, object] | None:
    """rope_parameters that stretch a model; None where nothing has to be, or where the card must be followed by hand."""
    stretched = stretch(run)
    method = (run.model.context.method or "") if run.model.context else ""
    theta = _OTHER_THETA.get(run.model.id, ROPE_THETA.get(run.architecture.model_type))
    if stretched is None or theta is None or "yarn" not in method.casefold():
        return None
    factor, native = stretched
    return {"rope_type": "yarn", "factor": factor, "original_max_position_embeddings": native, "rope_theta": theta}


def context_notes(run: Run) -> list[str]:
    """What to know of a context beyond the native one."""
    stretched = stretch(run)
    if stretched is None:
        return []
    note = _(
        "{context} tokens is beyond the native {native}; static YaRN can cost quality on short texts",
        context=format_tokens(run.work.context),
        native=format_tokens(stretched[1]),
    )
    if yarn(run):
        return [note]
    method = run.model.context.method if run.model.context else None
    return [
        _(
            "{context} tokens is beyond the native {native}: switch on {method} as the model's card says",
            context=format_tokens(run.work.context),
            native=format_tokens(stretched[1]),
            method=method or "YaRN",
        )
    ]


def file_notes(run: Run) -> list[str]:
    """What to know where a GGUF repository is known, but not whether it has a file of this format."""
    known = run.file is not None or any(
        c.repo == run.checkpoint.repo and run.checkpoint.format in (c.format, *c.formats) for c in run.model.checkpoints
    )
    if run.path or run.checkpoint.repo is None or known:
        return []
    other = _("--quant with another format, or make the file with llama.cpp's convert_hf_to_gguf.py and llama-quantize")
    return [
        _(
            "whether {repo} has a file in {format} is not known here; if not: {other}",
            repo=run.checkpoint.repo,
            format=run.checkpoint.format,
            other=other,
        )
    ]


def download(run: Run, where: str) -> tuple[Download, ...]:
    """What the engine fetches; nothing for local weights."""
    if run.path or run.checkpoint.repo is None:
        return ()
    from qwenpick.planning.checkpoints import download_bytes

    size = download_bytes(run.model, run.architecture, run.checkpoint, run.runtime)
    if run.hub == hub.MODELSCOPE and where == HF_CACHE and hub.on_modelscope(run.checkpoint.repo):
        where = hub.CACHE
    return (Download(run.checkpoint.repo, size, where),)
