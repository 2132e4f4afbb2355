"""Sizes of repositories that others quantized, by rule: held against what is stated of published ones."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from qwenpick.catalog import Catalog
from qwenpick.memory.quantization.recipes import Estimate, Recipe, estimate

ROWS = list(csv.DictReader(Path("benchmarks/truth/third_party_weights.csv").read_text("utf-8").splitlines()))
# How far the usual layout is from the stated size, less half a step: 6 in 10 files within 2 %, 9 in 10 within 10 %
CLOSE, NEAR = 0.02, 0.10
# Publishers who leave other layers than their other files, or their method, would have: (error of the rule)
ODD = {
    "unsloth/Qwen3.6-27B-NVFP4": -0.17,
    "caiovicentino1/Qwen3.6-35B-A3B-HLWQ-CT-INT4": 0.08,
}


def _of(row: dict[str, str], catalog: Catalog) -> Estimate:
    found = estimate(catalog.architecture(catalog.models[row["model"]]), row["format"], row["repository"])
    assert found is not None
    return found


def _error(row: dict[str, str], catalog: Catalog) -> float:
    """(rule / stated - 1), with the stated size as near to the rule as its rounding allows."""
    found, stated, half = _of(row, catalog), int(row["bytes"]), int(row["step"]) / 2
    size = found.text if row["holds"] == "text" else found.bytes
    return size / min(max(size, stated - half), stated + half) - 1


@pytest.mark.parametrize("row", ROWS, ids=[row["repository"] for row in ROWS])
def test_a_repository_of_others_is_no_larger_than_the_most_and_no_smaller_than_the_least(
    row: dict[str, str], catalog: Catalog
) -> None:
    found, half = _of(row, catalog), int(row["step"]) / 2
    assert found.least - half <= int(row["bytes"]) <= found.most + half
    assert found.least <= found.bytes <= found.most and found.low < 1 < found.high


@pytest.mark.parametrize("row", ROWS, ids=[row["repository"] for row in ROWS])
def test_the_usual_layout_is_near_what_is_stated(row: dict[str, str], catalog: Catalog) -> None:
    odd, error = ODD.get(row["repository"], 0.0), _error(row, catalog)
    assert abs(error - odd) < 0.02 if odd else abs(error) < NEAR


def test_the_usual_layout_is_close_in_most_rows(catalog: Catalog) -> None:
    errors = sorted(abs(_error(row, catalog)) for row in ROWS)
    assert errors[round(len(errors) * 0.6)] < CLOSE and errors[round(len(errors) * 0.85)] < NEAR


def test_autoround_leaves_embeddings_head_gates_and_the_draft_blocks_projection(catalog: Catalog) -> None:
    # Qwen3.6-27B: 2 x 248320 x 5120 of embedding and head and a tower of 460,730,096 in 16 bits, the layers' matrices in 4 bits with 2.5 bytes per
    # 128 weights; MTP too but for fc, 10240 x 5120. Frozenlock's file of the same shape has 18,994,000,000 bytes.
    found = estimate(
        catalog.architecture(catalog.models["qwen3.6-27b"]), "gptq-int4", "Lorbus/Qwen3.6-27B-int4-AutoRound"
    )
    assert found is not None and found.bytes == pytest.approx(18_994_000_000, rel=0.001)


def test_a_repository_of_the_maker_and_weights_in_16_bits_have_no_estimate(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3.6-27b"])
    assert estimate(architecture, "gptq-int4", "Qwen/Qwen3.6-27B-GPTQ-Int4") is None
    assert estimate(architecture, "bf16", "someone/Qwen3.6-27B-abliterated") is None
    assert estimate(architecture, "gptq-int4", None) is None


@pytest.mark.parametrize("name", ["qwen3-8b", "qwen3-30b-a3b", "qwen3.6-27b", "qwen3.6-35b-a3b", "qwen3.8-flash-next"])
@pytest.mark.parametrize("form", ["fp8", "gptq-int8", "gptq-int4", "awq-int4", "nvfp4", "mxfp4"])
def test_finer_groups_and_wider_layers_never_make_a_repository_smaller(name: str, form: str, catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models[name])
    plain = Recipe().parts(architecture, form).total()
    assert Recipe(group=32).parts(architecture, form).total() >= plain
    assert Recipe(frozenset({"head", "attention"})).parts(architecture, form).total() > plain
    assert Recipe(mtp="absent", towers=False).parts(architecture, form).total() <= plain


def test_without_delta_nets_publishers_agree_but_for_their_groups(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-32b"])
    found = estimate(architecture, "awq-int4", "someone/Qwen3-32B-AWQ")
    assert found is not None and found.most < 1.1 * found.bytes


def test_a_name_that_says_its_group_is_taken_at_its_word(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3-32b"])
    fine, usual = (estimate(architecture, "gptq-int4", f"someone/Qwen3-32B-W4A16{end}") for end in ("-G32", ""))
    assert fine and usual and fine.bytes > usual.bytes


def test_quanttrios_first_layer_is_in_16_bits(catalog: Catalog) -> None:
    # 256 experts of 3 x 2048 x 512 weights in 2 bytes, and not in 4 bits with 2.5 bytes per 128: 1.192 GB more; stated: 25.46 GB
    architecture = catalog.architecture(catalog.models["qwen3.6-35b-a3b"])
    of, other = (estimate(architecture, "awq-int4", f"{who}/Qwen3.6-35B-A3B-AWQ") for who in ("QuantTrio", "someone"))
    assert (
        of
        and other
        and of.bytes - other.bytes == 256 * 3 * 2048 * 512 * 2 * 3 // 4 - 256 * 3 * 2048 * 512 * 20 // 8 // 128
    )
    dense = catalog.architecture(catalog.models["qwen3.5-9b"])
    assert (found := estimate(dense, "awq-int4", "QuantTrio/Qwen3.5-9B-AWQ")) and found.bytes == 12_376_374_240
