"""What all facts of the catalogue share: absent means not known, nothing has a stand-in default, unknown fields are refused.

Sizes are bytes, bandwidths bytes/s, rates FLOP/s (or OP/s), contexts tokens.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+-]*$")]
Date = Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]  # as exact as the source is
Positive = Annotated[int, Field(gt=0)]
Natural = Annotated[int, Field(ge=0)]


class Fact(BaseModel):
    """A frozen record that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
