"""The files that are published of a model: names and bytes as a listing states them, with where that listing is and its date."""

from typing import Self

from pydantic import Field, model_validator

from qwenpick.catalog.fact import Date, Fact, Id, Positive

Names = dict[str, Positive]  # file or tag -> bytes


class Published(Fact):
    """What one listing says of one repository, or of a model's tags in Ollama's library. A file without bytes cannot be written down.

    The keys are formats as the publisher spells them: Q4_K_M, UD-Q4_K_XL, mlx-4bit. Several names of one format are parts of one file.
    """

    repo: str | None = Field(default=None, description="owner/name; absent for tags")
    source: str = Field(description="Address of the listing that states names and bytes")
    checked: Date = Field(description="The day of the listing")
    step: Positive | None = Field(default=None, description="Bytes are rounded to this by the listing; absent: exact")
    mtp: bool = Field(default=True, description="Whether the files hold the MTP block, where the architecture has one")
    files: dict[str, Names] = Field(default_factory=dict, description="Format -> file names with their bytes")
    weights: Names = Field(
        default_factory=dict, description="Format -> bytes of all weights of a repository that holds one format"
    )
    tags: dict[str, Names] = Field(
        default_factory=dict, description="Format -> tags of Ollama's library with their bytes, projector included"
    )
    projectors: Names = Field(default_factory=dict, description="Towers for images and sound (mmproj) beside the files")
    drafts: Names = Field(default_factory=dict, description="MTP blocks as files of their own beside the files")

    @model_validator(mode="after")
    def _states_something(self) -> Self:
        if not (self.files or self.weights or self.tags):
            raise ValueError("an entry states files, weights or tags, with their bytes")
        if bool(self.tags) is bool(self.repo) or not all([*self.files.values(), *self.tags.values()]):
            raise ValueError(
                "files and weights are of a repository, tags are of Ollama's library, and no format is empty"
            )
        return self


class Derivative(Fact):
    """A model that others made of a Qwen and whose name does not say which: the catalogue model underneath, and who says so."""

    id: Id
    repo: str = Field(description="owner/name")
    base: Id = Field(description="The catalogue model underneath")
    shape_only: bool = Field(
        default=False, description="The base is told by its config.json: the numbers are those of the base"
    )
    aliases: tuple[str, ...] = ()
    context: Positive | None = Field(default=None, description="Tokens it reads, where that is not what its base reads")
    source: str
    checked: Date
    published: tuple[Published, ...] = Field(
        default=(), description="Its files with their bytes; shipped in files.json"
    )


class ModelFiles(Fact):
    """All that is known to be published of one model, by its id."""

    id: Id
    source: str
    checked: Date
    published: tuple[Published, ...] = Field(min_length=1)
