"""Turns the options that commands share into values: the output format, how a model is to run, the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qwenpick.cli.common import options as given
from qwenpick.cli.common.choosing import Choice, check_places, typed
from qwenpick.cli.common.engine_options import read_engine_options
from qwenpick.errors import QwenpickError, did_you_mean
from qwenpick.i18n import _
from qwenpick.units import parse_tokens
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qwenpick.catalog import Catalog
    from qwenpick.cli.common.box import Box
    from qwenpick.memory.cache import KvCache
    from qwenpick.recommending.request import Request


def read_catalog(overlays: list[Path] | None) -> Catalog:
    """The shipped catalogue, the person's own file and `overlays`."""
    from qwenpick.catalog import load

    return load(overlays or ())


@dataclass(frozen=True, slots=True)
class Output:
    """The output format: --format and --json."""

    format: given.Format = "table"
    json: given.Json = False

    def shown(self) -> str:
        """table, markdown, csv or json, or a word that `emit` refuses. Raises QwenpickError where both options are said and differ."""
        if self.json and self.format not in ("table", "json"):
            raise QwenpickError(
                _("--json and --format {format} contradict each other; leave out one", format=self.format)
            )
        return "json" if self.json else self.format


@dataclass(frozen=True, slots=True)
class RunOptions(Choice):
    """The options that say how a model is to run, and which way of running it is wanted."""

    task: given.TaskName = None
    quant: given.Quant = None
    context: given.Context = None
    users: given.Users = 1
    runtime: given.RuntimeName = None
    kv_cache: given.Cache = None

    def request(self, hardware: Box) -> Request:
        """What they ask. Raises QwenpickError for a size or a cache that means nothing."""
        from qwenpick.recommending.request import Request

        choice = {name: value for name, value in self.said(hardware).items() if value is not None}
        return Request(
            **choice,  # type: ignore[arg-type]
            task=self.task,
            context=read_context(self.context),
            users=self.users,
            runtime=self.runtime,
            quant=self.quant,
            kv_cache=read_cache(self.kv_cache),
        )


@dataclass(frozen=True, slots=True)
class FullRunOptions(RunOptions):
    """The same with everything that one model can be asked."""

    option: given.EngineOptions = None
    image_tokens: given.ImageTokens = None
    audio_seconds: given.AudioSeconds = None
    gpu_only: given.GpuOnly = False
    strict: given.Strict = False

    def request(self, hardware: Box) -> Request:
        """What they ask. Raises QwenpickError for a size, a cache or an option that means nothing."""
        from dataclasses import replace

        check_places(hardware, self.gpu_only)
        return replace(
            RunOptions.request(self, hardware),
            options=read_engine_options(self.option),
            gpu_only=self.gpu_only,
            strict=self.strict,
            image_tokens=self.image_tokens,
            audio_seconds=self.audio_seconds,
        )

    def served(self) -> dict[str, object]:
        """What only a served model is asked: a run that trains has none of it."""
        names = (
            "context", "users", "runtime", "kv_cache", "task", "option", "gpu_only", "prefer", "thinking", "min_speed", "max_disk", "installed",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def words(self) -> list[str]:
        """What was asked, as it would be typed again."""
        said = {
            "--task": self.task,
            "--quant": self.quant,
            "--context": self.context,
            "--users": self.users if self.users > 1 else None,
            "--runtime": self.runtime,
            "--kv-cache": self.kv_cache,
            "--image-tokens": self.image_tokens,
            "--audio-seconds": self.audio_seconds,
        }
        pairs = [word for pair in self.option or () for word in ("-o", pair)]
        return [*typed(said), *pairs, *self.typed(), *typed({"--gpu-only": self.gpu_only, "--strict": self.strict})]


SCREEN = Output()
LEAST_TOKENS = 100  # of a context: who writes 32 means 32k
SHORT_TOKENS = 260  # who writes 128 or 256 may mean thousands, but benchmarks do generate 128 tokens
AS_USUAL, ALL_AS_USUAL = RunOptions(), FullRunOptions()  # nothing said: what each command does by itself


def alone(**filters: object) -> None:
    """Raises QwenpickError for filters of a list that stand beside the one name that is shown whole."""
    if given := [f"--{name.replace('_', '-')}" for name, value in filters.items() if value]:
        raise QwenpickError(_("a name shows that one alone: leave out {filters}", filters=", ".join(given)))


def one_of(word: str, known: Iterable[str], field: str) -> str:
    """The known word that was meant, whatever its case. Raises QwenpickError with the nearest one."""
    words = {one.casefold(): one for one in known}
    if word.casefold() in words:
        return words[word.casefold()]
    near = did_you_mean(word, words.values())
    raise QwenpickError(
        _(
            "there is no {field} '{word}'{near}",
            field=field,
            word=word,
            near=near or _(" (known: {known})", known=", ".join(sorted(words.values()))),
        )
    )


def read_context(text: str | None) -> int | None:
    """Tokens, or None where nothing was asked."""
    if not text:
        return None
    if (tokens := parse_tokens(text)) < LEAST_TOKENS:
        raise QwenpickError(
            _("{tokens} tokens is shorter than any prompt; for {tokens} thousand write {tokens}k", tokens=tokens)
        )
    if tokens < SHORT_TOKENS:
        typer.echo(
            _("planned for {tokens} tokens, as said; for {tokens} thousand write {tokens}k", tokens=tokens), err=True
        )
    return tokens


def read_cache(text: str | None) -> KvCache | None:
    """The cache format that `--kv-cache` names. Raises QwenpickError with the nearest one."""
    from qwenpick.memory.cache import parse_cache

    return parse_cache(text) if text else None
