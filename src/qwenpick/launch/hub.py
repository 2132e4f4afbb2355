"""Where a launch fetches weights from: Hugging Face, or what opens in mainland China, ModelScope and a mirror of Hugging Face.

The variables: vLLM envs.py (VLLM_USE_MODELSCOPE), SGLang srt/environ.py (SGLANG_USE_MODELSCOPE), llama.cpp README (MODEL_ENDPOINT), mlx-lm utils.py
(MLXLM_USE_MODELSCOPE), LLaMA-Factory README (USE_MODELSCOPE_HUB), Unsloth (UNSLOTH_USE_MODELSCOPE), huggingface_hub (HF_ENDPOINT);
ms-swift asks ModelScope unless told otherwise. ModelScope's docs, models/advanced-usage, say how Ollama takes its GGUF repositories.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qwenpick.errors import QwenpickError, did_you_mean, shown
from qwenpick.i18n import N_, _, language
from qwenpick.planning.files import published_file

if TYPE_CHECKING:
    from qwenpick.launch.run import Run

HUGGINGFACE, MODELSCOPE = "huggingface", "modelscope"
HUBS = (HUGGINGFACE, MODELSCOPE)
PUBLISHERS = ("Qwen/", "unsloth/")  # whose repositories are on ModelScope under the same names
ENDPOINT = "https://www.modelscope.cn/"
MIRROR = "https://hf-mirror.com"  # a volunteers' mirror of Hugging Face, for publishers that ModelScope lacks
PACKAGES = "https://mirrors.aliyun.com/pypi/simple/"
CACHE = N_("~/.cache/modelscope/hub (MODELSCOPE_CACHE moves it)")
ENGINES = {
    "vllm": {"VLLM_USE_MODELSCOPE": "True"},
    "sglang": {"SGLANG_USE_MODELSCOPE": "true"},
    "mlx": {"MLXLM_USE_MODELSCOPE": "True"},
}
TRAINERS: Mapping[str, Mapping[str, str]] = {
    "ms-swift": {}, "llama-factory": {"USE_MODELSCOPE_HUB": "1"}, "unsloth": {"UNSLOTH_USE_MODELSCOPE": "1"},
}  # fmt: skip


def read_hub(name: str | None) -> str:
    """The hub of that name; without one ModelScope where the answer is in Chinese (JSON never is), else Hugging Face.

    Raises QwenpickError with the nearest name.
    """
    if name is None:
        return MODELSCOPE if language() == "zh" else HUGGINGFACE
    folded = name.casefold().replace("-", "").replace("_", "").replace(" ", "")
    known = {
        "huggingface": HUGGINGFACE,
        "hf": HUGGINGFACE,
        "modelscope": MODELSCOPE,
        "ms": MODELSCOPE,
        "魔搭": MODELSCOPE,
    }
    if folded in known:
        return known[folded]
    near = did_you_mean(folded, HUBS)
    raise QwenpickError(
        _("weights come from {known}, not '{name}'{near}", known=_(" or ").join(HUBS), name=shown(name), near=near)
    )


def on_modelscope(repo: str | None) -> bool:
    """Whether ModelScope has a repository under the name that it has on Hugging Face."""
    return bool(repo and repo.startswith(PUBLISHERS))


def environment(run: Run) -> dict[str, str]:
    """The variables that make the engine of a run fetch its weights from the run's hub; {} for local weights and Hugging Face."""
    repo = run.checkpoint.repo
    if run.hub != MODELSCOPE or run.path:
        return {}
    if run.runtime == "llamacpp":
        return {"MODEL_ENDPOINT": ENDPOINT if on_modelscope(repo) else f"{MIRROR}/"} if repo else {}
    if run.runtime in ENGINES and on_modelscope(repo or run.model.huggingface):
        return dict(ENGINES[run.runtime])
    return {"HF_ENDPOINT": MIRROR}


def training_environment(trainer: str, repo: str, hub: str) -> dict[str, str]:
    """The same for a trainer that starts from a repository."""
    if hub != MODELSCOPE:
        return {}
    return dict(TRAINERS[trainer]) if trainer in TRAINERS and on_modelscope(repo) else {"HF_ENDPOINT": MIRROR}


def fetch(run: Run, repo: str, directory: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """(the command that fetches a repository into a directory, its environment)."""
    if run.hub == MODELSCOPE and on_modelscope(repo):
        return ("modelscope", "download", "--model", repo, "--local_dir", directory), {}
    mirrored = {"HF_ENDPOINT": MIRROR} if run.hub == MODELSCOPE else {}
    return ("hf", "download", repo, "--local-dir", directory), mirrored


def gguf_repository(run: Run) -> str | None:
    """The GGUF repository that holds the planned format; None where none is known."""
    if run.checkpoint.repo:
        return run.checkpoint.repo
    found = published_file(run.model, run.checkpoint.format, "llamacpp")
    return found.repository if found else None


def hub_notes(run: Run) -> list[str]:
    """Where the weights come from, and what a download from there needs."""
    if run.hub != MODELSCOPE or run.path:
        return []
    repo = run.checkpoint.repo or run.model.huggingface
    if run.runtime == "ollama":
        repo = gguf_repository(run) or repo
    if not on_modelscope(repo):
        return [
            _(
                "{repo} is not known to be on ModelScope: it comes from {mirror}, a mirror of Hugging Face",
                repo=repo,
                mirror=MIRROR,
            )
        ]
    said = _("weights come from ModelScope; --from huggingface takes Hugging Face")
    needs = {
        "llamacpp": "", "ollama": "", "lmstudio": "",
    }.get(run.runtime, _("pip install modelscope -i {packages}", packages=PACKAGES))  # fmt: skip
    return [_("{name} ({memory})", name=said, memory=needs) if needs else said]
