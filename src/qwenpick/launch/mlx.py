"""MLX's server on Apple silicon. Flags: mlx-lm 0.31.3, mlx_lm/server.py and mlx_lm/convert.py; vision models take mlx-vlm's."""

from __future__ import annotations

from qwenpick.i18n import _
from qwenpick.launch import hub
from qwenpick.launch.facts import HF_CACHE, context_notes, download
from qwenpick.launch.run import Command, Launch, Run, argument
from qwenpick.launch.thinking import MLX
from qwenpick.planning.server_caches import SERVERS, bounds_note, settings
from qwenpick.runtimes.given import flags, read
from qwenpick.runtimes.mlx import TABLE, table_on_disk
from qwenpick.runtimes.mlx.options import Options
from qwenpick.runtimes.mlx.packages import package_of
from qwenpick.units import format_tokens

READ_FROM = "mlx-lm 0.31.3: mlx_lm/server.py, mlx_lm/convert.py"
PORT = 8080
TABLE_TOOL = "mlx_vlm.models.qwen4_exp.ple_storage"  # mlx-vlm 0.7.10


def launch(run: Run) -> Launch:
    """`mlx_lm.server`; where nobody publishes the format, the weights are converted first."""
    made = "" if run.source else f"{run.model.name}-{run.checkpoint.format}"
    said = read(Options, run.work.options)
    images = run.work.image_tokens > 0 or run.work.audio_seconds > 0
    package = package_of(run.architecture, images=images) or "mlx_lm"
    words = [f"{package}.server", "--model", run.source or made, "--port", str(PORT)]
    if package == "mlx_lm":
        words += ["--decode-concurrency", str(run.work.sequences)]
        words += flags(said)
        words += MLX if run.quiet else ()
        words += settings(SERVERS["mlx"], run.limits)
    notes = [
        *context_notes(run),
        *bounds_note(SERVERS["mlx"], run.limits),
        *hub.hub_notes(run),
        _(
            "the server sets no limit on the context: {context} tokens were planned for",
            context=format_tokens(run.work.context),
        ),
    ]
    if said.kv_bits is not None:
        notes.append(
            _(
                "the server keeps its cache in 16 bits; mlx_lm.generate --kv-bits {options} is what was planned",
                options=said.kv_bits,
            )
        )
    env = hub.environment(run) if package == "mlx_lm" or run.hub != hub.MODELSCOPE else {"HF_ENDPOINT": hub.MIRROR}
    prepare = [Command(_conversion(run, package, made), env, _("convert the published weights"))] if made else []
    if any(extra.name == TABLE for extra in run.architecture.extras) and table_on_disk(run.checkpoint.format, run.work):
        words[2] = f"{words[2]}-table-on-disk"
        code = f"from {TABLE_TOOL} import prepare_external_ple_model as p; p({(run.source or made)!r}, {words[2]!r})"
        prepare.append(Command(("python", "-c", code), purpose=_("leave the n-gram table on disk")))
    return Launch(run.runtime, Command(tuple(words), env), tuple(prepare), {}, download(run, HF_CACHE), tuple(notes))


def _conversion(run: Run, package: str, made: str) -> tuple[str, ...]:
    words = (f"{package}.convert", "--hf-path", run.model.huggingface or argument(run.model.name), "--mlx-path", made)
    bits = run.checkpoint.format.removeprefix("mlx-").removesuffix("bit")
    return (*words, "-q", "--q-bits", bits) if bits.isdigit() else words
