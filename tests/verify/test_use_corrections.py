"""What verify learned is used where it is asked for, and only there."""

from __future__ import annotations

import json

from qwenpick.verify.corrections import Correction, save, store_path
from tests.conftest import Run

BOX = ("--gpu", "rtx 4090", "--ram", "64GiB", "--quant", "4bit", "--runtime", "llama.cpp", "--json")


def test_a_correction_changes_the_estimate_only_where_it_is_asked_for(qwenpick: Run) -> None:
    plain = json.loads(qwenpick("fit", "qwen3-8b", *BOX).out)
    save(store_path(), (Correction("llamacpp", "GeForce RTX 4090", "weights", (1.1, 1.1, 1.1)),))
    try:
        assert json.loads(qwenpick("fit", "qwen3-8b", *BOX).out) == plain
        corrected = json.loads(qwenpick("fit", "qwen3-8b", *BOX, "--use-corrections").out)
    finally:
        store_path().unlink()

    def weights(values: dict) -> int:  # type: ignore[type-arg]
        return sum(p["bytes"] for p in values["memory"]["parts"] if p["kind"] == "weights" and p["where"] == "gpu0")

    assert abs(weights(corrected) - 1.1 * weights(plain)) < 100
    assert any("corrected by what `verify` learned" in note for note in corrected["notes"])


def test_nothing_learned_is_said(qwenpick: Run) -> None:
    notes = json.loads(qwenpick("fit", "qwen3-8b", *BOX, "--use-corrections").out)["notes"]
    assert any("nothing has been learned" in note for note in notes)
