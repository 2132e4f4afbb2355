"""What a local server may keep beside a run: prompts that were read before, and states to go back to. Both grow while it serves.

llama-server (b11434; read again at 0c1e570: common/common.h, tools/server/server-task.cpp and server-context.cpp) copies the prompts of idle slots to
RAM, up to `--cache-ram` MiB of them, and keeps up to `--ctx-checkpoints` copies a slot of a recurrent state, which cannot be rolled back. Ollama
starts a llama-server that takes both from its environment; LM Studio keeps llama.cpp's
defaults, and takes the flags in the app since September 2026 (lmstudio-bug-tracker#2086). mlx_lm.server (0.32.2: server.py,
models/cache.py) keeps the caches of its last `--prompt-cache-size` prompts; without `--prompt-cache-bytes` nothing bounds their bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from qwenpick.i18n import _
from qwenpick.memory.account import RAM
from qwenpick.runtimes import options_of
from qwenpick.units import MIB, format_bytes
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Model
    from qwenpick.memory.account import Memory
    from qwenpick.planning.plan import Plan
    from qwenpick.planning.verdict import Place
    from qwenpick.runtimes.llamacpp.options import Options
    from qwenpick.runtimes.mlx.options import Options as MlxOptions
    from qwenpick.work.serving import Serving

CACHES = ("cache_ram", "ctx_checkpoints")  # llama-server's options that bound them
SERVERS = {"llamacpp": "llama-server", "ollama": "Ollama", "lmstudio": "LM Studio", "mlx": "mlx_lm.server"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server is told, in its own units; None is its own default. MiB of prompts in RAM, checkpoints a slot; bytes of MLX's caches."""

    cache_ram: int | None = None
    ctx_checkpoints: int | None = None
    prompt_cache_bytes: int | None = None

    @property
    def told(self) -> bool:
        """Whether a default was too much."""
        return (self.cache_ram, self.ctx_checkpoints, self.prompt_cache_bytes) != (None, None, None)


@dataclass(frozen=True, slots=True)
class ServerCaches:
    """Bytes that the server may grow to at `where`, beside the run: `prompts` (None: nothing bounds them) and `checkpoints`.

    `left` is what is free there beside the run; None where the size of the place is not known.
    """

    server: str
    where: str
    prompts: int | None
    checkpoints: int
    left: int | None
    limits: Limits

    @property
    def most(self) -> int | None:
        """Bytes together; None where nothing bounds them."""
        return None if self.prompts is None else self.prompts + self.checkpoints

    @property
    def exceeds(self) -> bool:
        """Whether they may outgrow what is left."""
        return self.left is not None and (self.most is None or self.most > self.left)

    @property
    def sentence(self) -> str:
        """What a user should know of them."""
        if self.most is None:
            size = _("without a limit")
        elif self.checkpoints:
            size = _(
                "up to {most} (prompts {prompts}, checkpoints {checkpoints})",
                most=format_bytes(self.most),
                prompts=format_bytes(self.prompts or 0),
                checkpoints=format_bytes(self.checkpoints),
            )
        else:
            size = _("up to {most}", most=format_bytes(self.most))
        words = _("{server} also keeps earlier prompts in memory, {size}", server=self.server, size=size)
        if not self.exceeds:
            return words
        left = format_bytes(self.left or 0)
        if not self.limits.told:  # as it was asked for
            return words + _("; only {left} are left", left=left)
        told = " ".join(settings(self.server, self.limits))
        if self.limits.prompt_cache_bytes is not None:
            return words + _(
                "; only {left} are left: {settings} (the run's own cache included)", left=left, settings=told
            )
        return words + _("; only {left} are left: {settings}", left=left, settings=told)


def server_caches(
    engine: str,
    model: Model,
    architecture: Architecture,
    work: Serving,
    memory: Memory,
    places: Sequence[Place],
) -> ServerCaches | None:
    """What the engine's server may keep beside a run, and the limits that hold it within what is left; None where it keeps nothing of the kind."""
    if engine not in SERVERS or model.kind in ("embedding", "reranker"):
        return None
    by_place = {place.where: place for place in places}
    where = RAM if RAM in by_place else next(iter(by_place), RAM)
    place = by_place.get(where)
    left = None
    if place is not None and place.budget is not None:
        left = max(0, place.budget - place.need - place.surge)
    if engine == "mlx":
        return _mlx(architecture, work, memory, where, left)
    return _llama_server(engine, architecture, work, where, left)


def _llama_server(engine: str, architecture: Architecture, work: Serving, where: str, left: int | None) -> ServerCaches:
    """Checkpoints first: without one a hybrid model reads its prompt again from the start. What is left of the room goes to prompts."""
    from qwenpick.runtimes.llamacpp.cache import state_totals

    said = cast("Options", options_of(engine, work.options))
    state = state_totals(architecture, 1)[-1] * work.sequences  # bytes of one checkpoint of every slot
    prompts = None if said.cache_ram < 0 else said.cache_ram * MIB
    checkpoints = said.ctx_checkpoints * state
    limits = Limits()
    if left is not None:
        count = min(said.ctx_checkpoints, left // state) if state else said.ctx_checkpoints
        rest = (left - count * state) // MIB
        named = said.named  # what was asked for is not overruled
        limits = Limits(
            rest if "cache_ram" not in named and rest < said.cache_ram else None,
            count if "ctx_checkpoints" not in named and count < said.ctx_checkpoints else None,
        )
    return ServerCaches(SERVERS[engine], where, prompts, checkpoints, left, limits)


def _mlx(
    architecture: Architecture, work: Serving, memory: Memory, where: str, left: int | None
) -> ServerCaches | None:
    """So many caches of the whole context; what the flag bounds holds those in use too."""
    from qwenpick.runtimes.mlx.packages import package_of

    if package_of(architecture, images=bool(work.image_tokens or work.audio_seconds)) != "mlx_lm":
        return None
    said = cast("MlxOptions", options_of("mlx", work.options))
    used = sum(part.bytes for part in memory.parts if part.kind in ("kv cache", "state"))
    prompts = said.prompt_cache_size * used // work.sequences
    if said.prompt_cache_bytes is not None:
        prompts = min(prompts, max(0, said.prompt_cache_bytes - used))
    bound = left is not None and prompts > left and said.prompt_cache_bytes is None
    return ServerCaches(
        SERVERS["mlx"], where, prompts, 0, left, Limits(prompt_cache_bytes=used + (left or 0) if bound else None)
    )


def asked_limits(limits: Limits, options: Options) -> Limits:
    """The limits of a llama-server, with what was asked for in their place."""
    asked = {name: getattr(options, name) for name in CACHES if name in options.named}
    return replace(limits, **asked)


def of_plan(plan: Plan) -> ServerCaches | None:
    """What the plan's server may keep beside it."""
    if plan.verdict == "refused":
        return None
    return server_caches(plan.runtime, plan.model, plan.architecture, plan.work, plan.memory, plan.places)


def bounds_note(server: str, limits: Limits) -> list[str]:
    """Why a launch tells the server less than its default."""
    if not limits.told:
        return []
    words = " ".join(settings(server, limits))
    return [_("{settings}: the server's own caches are held within what the run leaves free", settings=words)]


def settings(server: str, limits: Limits) -> list[str]:
    """The limits as words of the server's command line; Ollama's as variables of its environment."""
    if server == SERVERS["ollama"]:
        return [f"{name}={value}" for name, value in environment(limits).items()]
    given = {
        "--ctx-checkpoints": limits.ctx_checkpoints,
        "--cache-ram": limits.cache_ram,
        "--prompt-cache-bytes": limits.prompt_cache_bytes,
    }
    return [word for flag, value in given.items() if value is not None for word in (flag, str(value))]


def environment(limits: Limits) -> Mapping[str, str]:
    """The limits as llama-server reads them from the environment."""
    given = {"LLAMA_ARG_CTX_CHECKPOINTS": limits.ctx_checkpoints, "LLAMA_ARG_CACHE_RAM": limits.cache_ram}
    return {name: str(value) for name, value in given.items() if value is not None}
