"""MLX's arithmetic against mlx_lm.benchmark's own peaks (mlx-lm 0.28.2, 2,048 prompt tokens, decimal GB) and numbers worked out by hand."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Architecture, Catalog, Checkpoint, Model
from qwenpick.errors import QwenpickError
from qwenpick.machine.hardware import Device, Machine
from qwenpick.runtimes import mlx
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

GIB = 2**30
M4_MAX = Device("Apple M4 Max", "apple", 48 * GIB, 40 * GIB, unified=True)
HERE = Placement((M4_MAX,))


def of(catalog: Catalog, name: str) -> tuple[Model, Architecture]:
    model = catalog.models[name]
    return model, catalog.architecture(model)


@pytest.mark.parametrize(
    ("name", "form", "gigabytes"),
    [
        ("qwen3-4b-instruct-2507", "mlx-bf16", 9.02),
        ("qwen3-4b-instruct-2507", "mlx-8bit", 5.254),
        ("qwen3-4b-instruct-2507", "mlx-6bit", 4.25),
        ("qwen3-30b-a3b-instruct-2507", "mlx-8bit", 33.46),
        ("qwen3-30b-a3b-instruct-2507", "mlx-5bit", 22.01),
        ("qwen3-30b-a3b-instruct-2507", "mlx-4bit", 18.20),
    ],
)
def test_the_peak_is_the_benchmarks(catalog: Catalog, name: str, form: str, gigabytes: float) -> None:
    work = Serving(2048, options={"version": "0.28.2"})
    assert mlx.memory(*of(catalog, name), Checkpoint(format=form), work, HERE).total / 1e9 == pytest.approx(
        gigabytes, rel=0.002
    )


def test_later_versions_compute_the_logits_of_the_last_token_only(catalog: Catalog) -> None:
    _, architecture = of(catalog, "qwen3-4b")
    assert mlx.logits_bytes(architecture, 2048, Serving(2048, options={"version": "0.28.2"})) == 2048 * 151_936 * 2
    assert mlx.logits_bytes(architecture, 2048, Serving(2048)) == 151_936 * 2


def test_the_cache_grows_in_steps_of_256_tokens(catalog: Catalog) -> None:
    # Qwen3-4B: 36 layers x 8 heads x 128 x 2 x 2 bytes = 147,456 bytes a token; 2,049 tokens take 2,304 rows
    memory = mlx.memory(*of(catalog, "qwen3-4b"), Checkpoint(format="mlx-4bit"), Serving(2049), HERE)
    assert memory.of("kv cache") == 2304 * 147_456


def test_a_quantized_cache_takes_its_bits_and_half_a_bit_of_scales(catalog: Catalog) -> None:
    # 8 bits and 32 / 64 of scale and bias, of 16
    _, architecture = of(catalog, "qwen3-4b")
    plain = mlx.cache_bytes(architecture, 4096, Serving(4096))
    assert mlx.cache_bytes(architecture, 4096, Serving(4096, options={"kv_bits": 8})) == plain * 8.5 / 16


def test_a_delta_nets_state_does_not_depend_on_the_context(catalog: Catalog) -> None:
    # Qwen3.5-9B: 24 x (3 x 8,192 x 2 + 32 x 128 x 128 x 4) bytes
    run = (*of(catalog, "qwen3.5-9b"), Checkpoint(format="mlx-4bit"))
    short, long = (mlx.memory(*run, Serving(n), HERE).of("state") for n in (1024, 65536))
    assert short == long == 24 * (3 * 8192 * 2 + 32 * 128 * 128 * 4)


def test_the_tower_is_held_when_images_are_read(catalog: Catalog) -> None:
    model, architecture = of(catalog, "qwen3-vl-8b-instruct")
    text, images = (
        mlx.memory(model, architecture, Checkpoint(format="mlx-4bit"), Serving(4096, image_tokens=n), HERE)
        for n in (0, 1024)
    )
    assert architecture.vision
    assert images.of("weights") - text.of("weights") == 2 * architecture.vision.parameters


def test_the_budget_is_the_working_set_or_what_of_it_is_free() -> None:
    assert mlx.budget(M4_MAX, Serving(1)) == 40 * GIB
    assert mlx.budget(Device("M4", "apple", 12 * GIB, None, unified=True), Serving(1)) == 12 * GIB
    assert mlx.budget(Device("M4", "apple", None, None, unified=True), Serving(1)) is None


def test_only_apple_silicon_and_mlx_weights_will_do(catalog: Catalog) -> None:
    model, architecture = of(catalog, "qwen3-8b")
    nvidia = Device("RTX 4090", "nvidia", 24 * GIB, None)
    assert "Apple silicon" in (
        mlx.refusal(architecture, Checkpoint(format="mlx-4bit"), Serving(1), Placement((nvidia,))) or ""
    )
    assert "not awq-int4" in (mlx.refusal(architecture, Checkpoint(format="awq-int4"), Serving(1), HERE) or "")
    assert mlx.refusal(architecture, Checkpoint(format="mlx-4bit"), Serving(1), HERE) is None
    assert list(
        mlx.placements(model, architecture, Checkpoint(format="mlx-4bit"), Serving(1), Machine((nvidia, M4_MAX)))
    ) == [HERE]


def test_an_option_mlx_does_not_have_is_an_error(catalog: Catalog) -> None:
    with pytest.raises(QwenpickError, match="kv_bits"):
        mlx.memory(*of(catalog, "qwen3-8b"), Checkpoint(format="mlx-4bit"), Serving(1, options={"kv_bit": 4}), HERE)
