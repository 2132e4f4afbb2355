"""The values a launch is made from and made of: what was planned, and the commands, files and downloads that carry it out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from qwenpick.cleaning import clean
from qwenpick.errors import QwenpickError
from qwenpick.i18n import _
from qwenpick.planning.files import planned_file
from qwenpick.planning.server_caches import Limits, of_plan
from qwenpick.values import dataclass

if TYPE_CHECKING:
    from qwenpick.catalog import Architecture, Checkpoint, Model
    from qwenpick.planning.files import File
    from qwenpick.planning.plan import Plan
    from qwenpick.work.placement import Placement
    from qwenpick.work.serving import Serving


@dataclass(frozen=True, slots=True)
class Run:
    """What was planned. `path` is the local file or directory of the weights, where they are at hand; `visible` the devices to show the engine,
    `limits` hold its server's own caches within what the run leaves free.
    """

    model: Model
    architecture: Architecture
    checkpoint: Checkpoint
    runtime: str
    work: Serving
    placement: Placement
    path: str | None = None
    visible: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    hub: str = "huggingface"  # where published weights are fetched from (hub.py)
    system: str = "linux"  # linux, darwin or windows: what the box runs
    quiet: bool = False  # a model that may think is started so that it does not unasked (thinking.py)

    @property
    def file(self) -> File | None:
        """The published file that is fetched; None for local weights and where nobody is known to publish one."""
        return None if self.path else planned_file(self.model, self.architecture, self.checkpoint, self.runtime)

    @property
    def source(self) -> str | None:
        """What the engine loads: the local path, else the repository."""
        return argument(self.path) if self.path else self.checkpoint.repo

    @property
    def weights(self) -> str:
        """What the engine loads where nothing has to be made first: the path, the repository, or at worst the name; never an option."""
        return self.source or self.model.huggingface or argument(self.model.name)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its words, the environment it needs, and what it is for (empty for the one that serves)."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    purpose: str = ""

    def line(self) -> str:
        """The command as a POSIX shell takes it, every word quoted.

        >>> Command(("vllm", "serve", "my model; rm -rf"), {"CUDA_VISIBLE_DEVICES": "0"}).line()
        "CUDA_VISIBLE_DEVICES=0 vllm serve 'my model; rm -rf'"
        """
        return " ".join(
            [*(f"{name}={shlex.quote(value)}" for name, value in self.env.items()), *map(shlex.quote, self.argv)]
        )


@dataclass(frozen=True, slots=True)
class Download:
    """What is fetched, its bytes, and where it goes. `bytes` is None where the source's size is not known."""

    what: str
    bytes: int | None
    where: str


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start it: files to write first, commands that prepare, the command that serves, what is downloaded, and what to know.

    `others` are the commands of the other boxes of one model that lies on several, in their order. `packages` is what pip installs for it, where
    the program is Python's own; `build` where one that suits the box comes from, where there are several.
    """

    runtime: str
    serve: Command
    prepare: tuple[Command, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    downloads: tuple[Download, ...] = ()
    notes: tuple[str, ...] = ()
    others: tuple[Command, ...] = ()
    packages: tuple[str, ...] = ()
    build: str = ""


def argument(text: str) -> str:
    """A path that no program takes for an option. Raises QwenpickError for characters that steer a terminal, a script or a Modelfile.

    >>> argument("-rf"), argument("models/qwen")
    ('./-rf', 'models/qwen')
    """
    if clean(text) != text:
        raise QwenpickError(
            _("'{path}' holds control characters, which no launch hands on; rename it", path=clean(text))
        )
    return f"./{text}" if text.startswith("-") else text


def run_of(
    plan: Plan, path: str | None = None, visible: Mapping[str, str] | None = None, hub: str = "huggingface"
) -> Run:
    """The run that a plan describes. Raises QwenpickError for a plan that its engine refuses."""
    if plan.verdict == "refused":
        raise QwenpickError(_("this cannot be started: {reason}", reason=plan.reason))
    kept = of_plan(plan)
    return Run(
        plan.model,
        plan.architecture,
        plan.checkpoint,
        plan.runtime,
        plan.work,
        plan.placement,
        path,
        visible or {},
        kept.limits if kept else Limits(),
        hub,
    )


def thinks(model: Model) -> bool:
    """Whether its answers begin with a thought that the server should set apart."""
    return model.thinking in ("hybrid", "always")


def calls_tools(model: Model) -> bool:
    """Whether its card says that it calls tools."""
    return "tool calling" in model.capabilities
