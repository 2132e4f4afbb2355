"""LM Studio's command line, `lms`. Flags: lmstudio.ai/docs/cli (get, load, server start), LM Studio 0.4."""

from __future__ import annotations

import re

from qwenpick.i18n import _
from qwenpick.launch.facts import context_notes, download, file_notes
from qwenpick.launch.run import Command, Launch, Run, argument

READ_FROM = "LM Studio 0.4: lmstudio.ai/docs/cli"
PORT = 1234
STORE = "~/.lmstudio/models"


def launch(run: Run) -> Launch:
    """Fetch the file, load it with the planned context, slots and layers, and serve. What `lms` has no flag for is said."""
    name = f"{re.sub(r'[^a-z0-9.]+', '-', run.model.id).strip('-')}-{run.work.context}"
    repo, label = run.checkpoint.repo, run.checkpoint.label or run.checkpoint.format
    key = run.path or (repo or run.model.name)
    fetch = (
        Command(("lms", "import", argument(run.path)), {}, _("put the file where LM Studio looks"))
        if run.path
        else Command(
            ("lms", "get", f"https://huggingface.co/{repo}@{label}" if repo else run.model.name),
            {},
            _("fetch the weights"),
        )
    )
    load = (
        "lms", "load", argument(key) if run.path is None else re.sub(r".*[/\\]", "", key), "--identifier", name,
        "--context-length", str(run.work.context), "--parallel", str(run.work.sequences), "--gpu", _share(run),
    )  # fmt: skip
    notes = [*context_notes(run), *file_notes(run), *_by_hand(run)]
    return Launch(
        runtime=run.runtime,
        serve=Command(("lms", "server", "start", "--port", str(PORT))),
        prepare=(fetch, Command(load, dict(run.visible), _("load it as planned"))),
        downloads=download(run, STORE),
        notes=tuple(notes),
    )


def _share(run: Run) -> str:
    """`--gpu`: off, max, or the share of the layers."""
    if not run.placement.devices:
        return "off"
    whole = run.architecture.num_layers + 1  # the output counts as a layer
    layers = sum(run.placement.split) if run.placement.split is not None else whole
    return "max" if layers >= whole else f"{layers / whole:.2f}"


def _by_hand(run: Run) -> list[str]:
    """What has to be set in the app, since the command line has no flag for it."""
    cache, said = run.work.kv_cache, []
    if (cache.k, cache.v) != ("f16", "f16"):
        said.append(
            _(
                "set in the app: K cache quantization {k}, V cache quantization {v}, flash attention on",
                k=cache.k,
                v=cache.v,
            )
        )
    if run.placement.cpu_moe_layers:
        said.append(
            _(
                "set in the app: force the expert weights of {layers} layers onto the CPU",
                layers=run.placement.cpu_moe_layers,
            )
        )
    return said
