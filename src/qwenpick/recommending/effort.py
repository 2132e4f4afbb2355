"""How much a model may think before it answers, what that costs in tokens, and what of the gain it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Effort = Literal["off", "low", "high"]

# How many times as many tokens an answer takes: club-3090's budgets and the low/xhigh spread of Qwen3.8 answers; an estimate, not a measurement.
THINKING_TOKENS: Mapping[str, float] = {"off": 1.0, "low": 3.0, "high": 8.0}
# share of the measured gain; low is our estimate
THINKING_GAIN: Mapping[str, float] = {"off": 0.0, "low": 0.8, "high": 1.0}
