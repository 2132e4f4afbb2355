"""MLX's arithmetic against mlx_lm.benchmark's own peaks (mlx-lm 0.28.2, 2,048 prompt tokens, decimal GB) and numbers worked out by hand."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog, Checkpoint
from qwenpick.errors import QwenpickError
from qwenpick.fitting.answer import fit
from qwenpick.machine.hardware import Device, Machine
from qwenpick.machine.simulate import simulate
from qwenpick.recommending.request import Request
from qwenpick.runtimes import mlx
from qwenpick.runtimes.mlx.prompt import score_bytes
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving
from tests.conftest import Run, of

GIB = 2**30
M4_MAX = Device("Apple M4 Max", "apple", 48 * GIB, 40 * GIB, unified=True)
HERE = Placement((M4_MAX,))


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


# mlx-lm#1480: peaks that an M5 Max of 128 GB printed for a prompt of so many tokens, Qwen3.6-35B-A3B, mlx 0.32.0, decimal GB
@pytest.mark.parametrize(
    ("form", "tokens", "gigabytes"),
    [
        ("mlx-4bit", 8192, 21.7), ("mlx-4bit", 32768, 23.8), ("mlx-4bit", 65536, 26.7), ("mlx-4bit", 130_000, 32.5),
        ("mlx-4bit", 192_000, 38.0), ("mlx-8bit", 192_000, 55.3),
    ],
)  # fmt: skip
def test_a_prompt_s_scores_are_counted_where_no_fused_kernel_multiplies_them(
    catalog: Catalog, form: str, tokens: int, gigabytes: float
) -> None:
    found = mlx.memory(*of(catalog, "qwen3.6-35b-a3b"), Checkpoint(format=form), Serving(tokens), HERE)
    assert found.total / 1e9 == pytest.approx(gigabytes, rel=0.02)


def test_scores_are_heads_by_chunk_by_context_and_none_at_head_dim_128(catalog: Catalog) -> None:
    _, hybrid = of(catalog, "qwen3.6-35b-a3b")
    # 16 heads x 2,048 rows x 100,000 tokens x 2 bytes
    assert score_bytes(hybrid, 2048, 100_000, Serving(100_000), None) == 16 * 2048 * 100_000 * 2
    _, dense = of(catalog, "qwen3-8b")
    assert score_bytes(dense, 2048, 100_000, Serving(100_000), None) == 0


@pytest.mark.parametrize(
    ("chip", "version", "rows"), [("M5 Max", "0.32.4", 1023), ("M5 Max", "0.32.0", 2048), ("M4 Max", "0.32.4", 2048)]
)
def test_an_m5_with_the_split_kernel_keeps_scores_of_a_prompts_last_rows_only(
    catalog: Catalog, chip: str, version: str, rows: int
) -> None:
    _, hybrid = of(catalog, "qwen3.6-35b-a3b")
    work = Serving(64_000, options={"mlx_version": version})
    device = Device(f"Apple {chip}", "apple", 96 * 2**30, None, unified=True)
    assert score_bytes(hybrid, 2048, 64_000, work, device) == 16 * rows * 64_000 * 2


def test_smaller_prompt_steps_take_less_and_are_offered(catalog: Catalog, qwenpick: Run) -> None:
    large, small = (
        mlx.memory(
            *of(catalog, "qwen3.5-9b"),
            Checkpoint(format="mlx-4bit"),
            Serving(131_072, options={"prefill_step_size": n}),
            HERE,
        ).total
        for n in (2048, 512)
    )
    assert small < large - 6e9  # 16 heads x 1,536 rows x 131,072 x 2 bytes = 6.4 GB and more
    answer = qwenpick(
        "fit",
        "qwen3.5-9b",
        "--quant",
        "mlx-8bit",
        "--runtime",
        "mlx",
        "--context",
        "150000",
        "--gpu",
        "m1 max",
        "--ram",
        "32GiB",
    )
    assert answer.code == 1
    assert "-o prefill_step_size=" in answer.out


def test_metal_refuses_a_prompt_whose_scores_are_larger_than_its_largest_buffer(
    catalog: Catalog, qwenpick: Run
) -> None:
    # 3/4 of a working set of 21.3 GiB are 16 GiB; 24 heads x 2,048 rows x 262,144 tokens x 2 bytes are 24 GiB
    words = (
        "fit",
        "qwen3.8-27b",
        "--quant",
        "mlx-3bit",
        "--runtime",
        "mlx",
        "--context",
        "262144",
        "--gpu",
        "m1 max",
        "--ram",
        "32GiB",
    )
    answer = qwenpick(*words)
    assert answer.code == 1
    assert (
        "one buffer of 24.00 GiB" in answer.out
        and "16.00 GiB at most" in answer.out
        and "prefill_step_size=1024" in answer.out
    )


def test_flash_next_leaves_its_table_on_disk_where_mlx_vlm_can(catalog: Catalog, qwenpick: Run) -> None:
    def held(form: str, **options: object) -> float:
        work = Serving(8192, options=options)
        return mlx.memory(*of(catalog, "qwen3.8-flash-next"), Checkpoint(format=form), work, HERE).of("weights") / 1e9

    # the packs hold a table of 32.0 GB at 4 bits (5 with scales and biases of groups of 32), 51.2 billion elements
    assert held("mlx-4bit", ple_storage="memory") - held("mlx-4bit") == pytest.approx(32.0, rel=0.001)
    assert held("mlx-4bit", ple_storage="memory") == pytest.approx(106.3, rel=0.03)
    assert held("mlx-3bit") == held("mlx-3bit", ple_storage="memory")  # in 4 bits only
    command = qwenpick(
        "launch",
        "qwen3.8-flash-next",
        "--runtime",
        "mlx",
        "--quant",
        "mlx-4bit",
        "--context",
        "8192",
        "--gpu",
        "m3 ultra",
        "--ram",
        "512GiB",
    )
    assert (
        "mlx_vlm.server" in command.out and "mlx_lm" not in command.out and "prepare_external_ple_model" in command.out
    )


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


# ml-explore/mlx#3293 (M2 Ultra 128 GB, mlx 0.31): 16k tokens ran, 32k and more crashed; local-ai-registry#43 (M1 Max 32 GB): 64k passed, 128k failed
@pytest.mark.parametrize(
    ("gpu", "ram", "name", "quant", "context", "verdicts"),
    [
        ("m2 ultra", 128, "qwen3.5-122b-a10b", "mlx-5bit", 16384, ("fits", "tight")),
        ("m2 ultra", 128, "qwen3.5-122b-a10b", "mlx-5bit", 32768, ("no", "tight")),
        ("m2 ultra", 128, "qwen3.5-122b-a10b", "mlx-5bit", 65536, ("no",)),
        ("m1 max", 32, "qwen3.5-9b", "mlx-4bit", 64022, ("fits",)),
        ("m1 max", 32, "qwen3.5-9b", "mlx-4bit", 128022, ("no", "refused")),
    ],
)
def test_macs_hold_what_they_were_seen_to_hold(
    catalog: Catalog, gpu: str, ram: int, name: str, quant: str, context: int, verdicts: tuple[str, ...]
) -> None:
    box = simulate(catalog, [gpu], None, ram * GIB, False)
    asked = Request(runtime="mlx", quant=quant, context=context)
    assert fit(catalog, box, catalog.models[name], asked).plan.verdict in verdicts
