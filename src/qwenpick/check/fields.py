"""The fields of qwenpick.yaml and what may stand in them. Imported only when a file is read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from qwenpick.units import MOST_SEQUENCES, MOST_TOKENS

Text = Annotated[str, Field(strict=True, min_length=1, max_length=500)]
Whole = Annotated[int, Field(strict=True)]  # strict: `context: true` is not 1 token
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


class Strict(BaseModel):
    """Fields that are not known are an error, and so are values of another kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Simulated(Strict):
    """A pretended machine, in the words of --gpu, --vram, --ram and --cpu-only; `file`, a saved one; or `cluster`, as --cluster takes it."""

    file: Text | None = None
    gpus: tuple[Text, ...] = Field(default=(), description='As --gpu: "rtx 4090", "2x l40s"')
    vram: Text | None = None
    ram: Text | None = None
    cpu_only: Flag = False
    reserve: Text | None = Field(default=None, description="As --reserve: memory to leave free on GPUs with a display")
    system: Literal["linux", "windows", "mac"] | None = None
    cluster: Text | None = Field(default=None, description="k8s, slurm, ray, ray=ADDRESS, or the path of an inventory")
    total: Flag = False

    @model_validator(mode="after")
    def _either(self) -> Simulated:
        box = self.gpus or self.vram or self.ram or self.cpu_only or self.system
        if self.file and box:
            raise ValueError("file describes the whole box; leave out gpus, vram, ram, cpu_only and system beside it")
        if self.cluster and (self.file or box or self.reserve):
            raise ValueError(
                "cluster names the hardware; leave out file, gpus, vram, ram, cpu_only, reserve and system beside it"
            )
        if self.total and not self.cluster:
            raise ValueError("total says something of a cluster: name it with cluster")
        return self


Machine = Literal["this"] | Text | Simulated


class Part(Strict):
    """One of several models that must hold at once on one box."""

    model: Text = Field(description="A name, repository, Ollama tag or path")
    quant: Text | None = None
    runtime: Text | None = None
    context: Annotated[Whole, Field(gt=0, le=MOST_TOKENS)] | Text | None = None
    task: Text | None = None
    users: Annotated[Whole, Field(ge=1, le=MOST_SEQUENCES)] = 1
    kv_cache: Text | None = None
    gpu_only: Flag = False


BESIDE = frozenset({"together", "name", "strict", "machine"})  # what an entry of several models may say


class Entry(Strict):
    """One requirement: a model, or several under `together`."""

    model: Text | None = Field(default=None, description="A name, repository, Ollama tag or path")
    together: tuple[Part, ...] | None = Field(
        default=None, min_length=2, max_length=8, description="Models that must hold at once on one box"
    )
    name: Text | None = Field(default=None, description="What reports call it; the model where absent")
    quant: Text | None = Field(default=None, description="4bit, 8bit, fp16, or a format like Q4_K_M")
    runtime: Text | None = None
    context: Annotated[Whole, Field(gt=0, le=MOST_TOKENS)] | Text | None = Field(
        default=None, description="Tokens per user: 32768, 32k"
    )
    task: Text | None = Field(
        default=None, description="What it is for, as --task; what the model was made for where absent"
    )
    users: Annotated[Whole, Field(ge=1, le=MOST_SEQUENCES)] = Field(default=1, description="Sequences at once")
    kv_cache: Text | None = None
    min_speed: Annotated[Real, Field(gt=0, le=1e9)] | None = Field(
        default=None, description="Tokens/s that each user sees"
    )
    prefer: Literal["balanced", "quality", "speed", "context", "small"] = Field(
        default="balanced", description="As --prefer: what decides between formats"
    )
    thinking: Flag | None = Field(default=None, description="As --thinking: whether it must think before it answers")
    max_disk: Text | None = Field(default=None, description="As --max-disk: the largest download, 20GB")
    strict: Flag = Field(default=False, description="Tight counts as no, and the slow end of the speed is taken")
    gpu_only: Flag = False
    options: dict[Text, Flag | Whole | Real | Text] = Field(default={}, description="The engine's own flags")
    machine: Machine | None = None
    replicas: Annotated[Whole, Field(ge=1, le=100_000)] | None = Field(
        default=None, description="Copies that must have room; of a cluster only"
    )

    @model_validator(mode="after")
    def _one_or_several(self) -> Entry:
        if self.model is None and self.together is None:
            raise PydanticCustomError("no_model", "model is missing")
        if self.together is not None and (beside := sorted(self.model_fields_set - BESIDE)):
            raise ValueError(f"beside together stand name, strict and machine alone, not {', '.join(beside)}")
        return self


class File(Strict):
    """The whole file. `machine` holds for every entry that names none."""

    models: tuple[Entry, ...] = Field(min_length=1, max_length=1000)
    machine: Machine = "this"


def json_schema() -> dict[str, Any]:
    """The JSON Schema of qwenpick.yaml, for editors and for other tools."""
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "qwenpick.yaml"}
    return {**title, **{k: v for k, v in File.model_json_schema().items() if k != "title"}}
