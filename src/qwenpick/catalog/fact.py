"""What all facts of the catalogue share: absent means not known, nothing has a stand-in default, unknown fields are refused.

Sizes are bytes, bandwidths bytes/s, rates FLOP/s (or OP/s), contexts tokens. The modules of facts have no `from __future__ import annotations`:
pydantic would compile the text of each field's type in every command.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MOST_LAYERS = 256  # the deepest Qwen has 94

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+-]*$", max_length=200)]
Date = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")]  # as exact as the source is
Positive = Annotated[int, Field(gt=0, lt=2**63)]
Natural = Annotated[int, Field(ge=0, lt=2**63)]
Layers = Annotated[int, Field(gt=0, le=MOST_LAYERS)]
# One line, nothing that steers a terminal or a file that is written of it
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$", max_length=500)]
# What programs are handed to load: never an option, never a second line
Repository = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)?$", max_length=200)
]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*(:[A-Za-z0-9._-]+)?$", max_length=200)]


class Fact(BaseModel):
    """A frozen record that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)
