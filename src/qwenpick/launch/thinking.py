"""Making a model think as much as was recommended: each engine has its own word for it, where it starts or with each request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.launch.run import Launch

OFF = '{"enable_thinking": false}'  # the models' own template reads it (cards of Qwen3 and later)

# What a server is started with: llama-server common/arg.cpp; vLLM entrypoints/openai/cli_args.py (not in 0.13, in 0.16); mlx-lm 0.31 server.py
LLAMACPP = ("--reasoning-budget", "0")
VLLM, VLLM_SINCE = ("--default-chat-template-kwargs", OFF), (0, 16)
MLX = ("--chat-template-args", OFF)
OLLAMA = "--think=false"  # of `ollama run`; Ollama's server has no such setting (docs.ollama.com/capabilities/thinking)
TRANSFORMERS = "enable_thinking=False"
_STARTED = (LLAMACPP[0], VLLM[0], MLX[0])

# What a request says instead. SGLang srt/entrypoints/openai/protocol.py; Ollama openai/openai.go, which drops extra_body (ollama/ollama#17785), and
# api/types.go; LM Studio lmstudio-bug-tracker#2057; mlx-vlm server.py
_TEMPLATE = f'{{"chat_template_kwargs": {OFF}}}'
_REQUESTS = {
    "ollama": '"reasoning_effort": "none"',
    "lmstudio": '"reasoning_effort": "none"',
    "mlx": '"enable_thinking": false',
}
_NATIVE = {"ollama": '"think": false (/api/chat)', "lmstudio": '"reasoning": "off" (/api/v1/chat)'}


def is_quiet(model: Model, effort: str | None) -> bool:
    """Whether a model that may think is to be started so that it does not."""
    return effort == "off" and model.thinking == "hybrid"


def with_thinking(planned: Launch, model: Model, effort: str | None) -> Launch:
    """The launch with what is to be known of the effort: what switched it off at the start, else what each request must say."""
    if effort is None or model.thinking != "hybrid":
        return planned
    if effort != "off":
        note = _("thinking is recommended, {effort} effort: give each request a budget (max_tokens)", effort=_(effort))
        return replace(planned, notes=(*planned.notes, note))
    return replace(planned, notes=(*planned.notes, _off(planned)))


def _off(planned: Launch) -> str:
    text = " ".join([*planned.serve.argv, *planned.files.values()])
    if flag := next((word for word in (*_STARTED, TRANSFORMERS) if word in text), None):
        said = {LLAMACPP[0]: " ".join(LLAMACPP)}.get(flag, flag)
        return _("thinking is off, as recommended for this task: without {flag} it thinks", flag=said)
    engine = planned.runtime
    if engine not in _REQUESTS:
        return _(
            "thinking is recommended off for this task: each request says so with extra_body={body}", body=_TEMPLATE
        )
    body = _REQUESTS[engine]
    if native := _NATIVE.get(engine):
        body = _("{field} (/v1), or {native}", field=body, native=native)
    return _("thinking is recommended off for this task: each request says so with {body}", body=body)
