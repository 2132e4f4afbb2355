"""Making a server think as much as was recommended: a flag where the engine has one, else what each request must say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwenpick.i18n import _

if TYPE_CHECKING:
    from qwenpick.catalog import Model
    from qwenpick.launch.run import Launch

OFF = '{"chat_template_kwargs": {"enable_thinking": false}}'  # the models' own template reads it (cards of Qwen3 and later)


def with_thinking(planned: Launch, model: Model, effort: str | None) -> Launch:
    """The launch with the effort applied. llama-server: --reasoning-budget 0 is none (common/arg.cpp); vLLM and SGLang take it with each request."""
    if effort is None or model.thinking != "hybrid":
        return planned
    if effort == "off" and planned.runtime == "llamacpp":
        serve = replace(planned.serve, argv=(*planned.serve.argv, "--reasoning-budget", "0"))
        note = _("thinking is off, as recommended for this task: without --reasoning-budget 0 it thinks")
        return replace(planned, serve=serve, notes=(*planned.notes, note))
    if effort == "off":
        note = _("thinking is recommended off for this task: each request says so with extra_body={body}", body=OFF)
    else:
        note = _("thinking is recommended, {effort} effort: give each request a budget (max_tokens)", effort=_(effort))
    return replace(planned, notes=(*planned.notes, note))
