"""llama.cpp's memory against its own planning path (b11434) and a real H200, and the invariants of the design."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Architecture, Catalog, Checkpoint
from qwenpick.errors import QwenpickError
from qwenpick.machine.hardware import Device, Machine
from qwenpick.memory.account import RAM, Memory, gpu
from qwenpick.memory.cache import KvCache
from qwenpick.runtimes import llamacpp
from qwenpick.runtimes.llamacpp.arena import Arena
from qwenpick.runtimes.llamacpp.cut import cut
from qwenpick.units import GIB, MIB
from qwenpick.work.placement import Placement
from qwenpick.work.serving import Serving

H200 = Device("NVIDIA H200", "nvidia", 141 * GIB, 140 * GIB, compute_capability="9.0")
LIBRARY: dict[str, object] = {"server": False, "kv_unified": False}


def card(size: float) -> Device:
    return Device(f"{size:g} GiB card", "nvidia", round(size * GIB), round(size * GIB), compute_capability="8.9")


def needed(
    catalog: Catalog,
    name: str,
    file_type: str = "Q4_K_M",
    work: Serving | None = None,
    placement: Placement | None = None,
    *,
    mtp: bool = False,
) -> Memory:
    model = catalog.models[name]
    architecture = catalog.architecture(model)
    if not mtp:
        architecture = architecture.model_copy(update={"mtp_layers": 0})
    return llamacpp.memory(
        model, architecture, Checkpoint(format=file_type), work or Serving(8192), placement or Placement((H200,))
    )


def mib(memory: Memory, kind: str, where: str) -> float:
    return sum(p.bytes for p in memory.parts if p.kind == kind and p.where == where) / MIB


# (model, format, context, options, GPU's compute buffer, host's) in MiB, planned by llama.cpp b11434
COMPUTE = [
    ("qwen1.5-0.5b", "BF16", 4096, LIBRARY, 308.7656, 12.0195),  # logits of every token
    ("qwen3-8b", "Q4_K_M", 8192, LIBRARY, 336.7656, 40.0195),
    ("qwen3-30b-a3b", "Q4_K_M", 4096, LIBRARY, 352.7656, 20.0195),
    ("qwen3-30b-a3b", "Q4_K_M", 8192, {"kv_unified": False}, 92.0138, 24.0176),
    ("qwen3.5-27b", "Q4_K_M", 8192, {}, 150.0198, 48.0235),
    ("qwen3-vl-4b-instruct", "BF16", 4096, LIBRARY, 445.6543, 69.0254),  # deeper vision features ride along
    ("qwen3-8b", "Q4_K_M", 8192, {"n_gpu_layers": 18}, 124.0039, 40.0176),  # weights from RAM pass through
    ("qwen3-8b", "Q4_K_M", 8192, {"n_gpu_layers": 0, **LIBRARY}, 823.6094, 40.0195),  # the head too
    ("qwen3-30b-a3b", "Q4_K_M", 32768, {"n_cpu_moe": 24}, 249.5139, 48.0176),
    ("qwen3-next-80b-a3b-instruct", "Q4_K_M", 32768, {"n_cpu_moe": 48}, 898.00, 48.02),
    ("qwen3.5-122b-a10b", "Q4_K_M", 32768, {"n_cpu_moe": 48}, 1332.00, 56.02),
    ("qwen3-235b-a22b", "Q4_K_M", 32768, {"n_cpu_moe": 94}, 782.01, 64.02),
]


@pytest.mark.parametrize(("name", "file_type", "context", "options", "on_gpu", "on_host"), COMPUTE)
def test_compute_buffers_are_those_that_llama_cpp_plans(
    catalog: Catalog, name: str, file_type: str, context: int, options: dict[str, object], on_gpu: float, on_host: float
) -> None:
    memory = needed(catalog, name, file_type, Serving(context, options=options))
    output = catalog.architecture(catalog.models[name]).vocab_size * 4 / MIB
    assert mib(memory, "compute", gpu(0)) == pytest.approx(on_gpu, abs=0.01)
    assert mib(memory, "compute", RAM) == pytest.approx(on_host + output, abs=0.01)


def test_two_gpus_keep_four_copies_of_the_inputs(catalog: Catalog) -> None:
    memory = needed(catalog, "qwen3-8b", work=Serving(4096), placement=Placement((H200, H200)))
    # one GPU alone: 108 MiB; + 3 masks of 4 MiB and 12 or 7 hidden states of 8 MiB, as llama.cpp plans
    assert mib(memory, "compute", gpu(0)) == pytest.approx(216, abs=0.1)
    assert mib(memory, "compute", gpu(1)) == pytest.approx(176, abs=0.1)


def test_a_projector_file_is_as_large_as_a_server_prints(catalog: Catalog) -> None:
    memory = needed(catalog, "qwen3.6-27b", work=Serving(4096, image_tokens=1000))
    sizes = {part.name: part.bytes / MIB for part in memory.parts}
    assert sizes["projector"] == pytest.approx(887.99, abs=0.1)
    assert sizes["projector compute"] == pytest.approx(248.1, rel=0.02)


def test_the_gpu_holds_all_but_the_embedding(catalog: Catalog) -> None:
    memory = needed(catalog, "qwen3-8b", work=Serving(32768))
    assert mib(memory, "weights", gpu(0)) == pytest.approx(4455.3438, abs=0.001)  # file - header - embedding
    assert mib(memory, "weights", RAM) == pytest.approx(333.8438, abs=0.001)  # 151936 x 4096 in Q4_K
    # 2 x 36 layers x 8 heads x 128 x 32768 x 2 bytes
    assert memory.of("kv cache") == 2 * 36 * 8 * 128 * 32768 * 2


def test_a_tied_embedding_is_loaded_twice(catalog: Catalog) -> None:
    memory = needed(catalog, "qwen3-4b")
    assert mib(memory, "weights", RAM) == pytest.approx(304.28, abs=0.01)
    assert mib(memory, "weights", gpu(0)) == pytest.approx(2375.91, abs=0.01)


def test_layers_are_moved_from_the_first_one_on(catalog: Catalog) -> None:
    memory = needed(catalog, "qwen3-8b", placement=Placement((H200,), split=(18,)))
    assert mib(memory, "weights", gpu(0)) == pytest.approx(2367.5752, abs=0.01)  # the last 17 layers and the output
    assert mib(memory, "kv cache", gpu(0)) == 544  # 17 layers x 32 MiB
    assert mib(memory, "kv cache", RAM) == 608


def test_experts_of_the_first_layers_go_to_ram_alone(catalog: Catalog) -> None:
    memory = needed(catalog, "qwen3-30b-a3b", work=Serving(32768), placement=Placement((H200,), cpu_moe_layers=12))
    assert mib(memory, "weights", gpu(0)) == pytest.approx(13240.4287, abs=0.01)
    assert mib(memory, "kv cache", gpu(0)) == 3072


def test_sixteen_of_sixty_four_hybrid_layers_have_a_cache(catalog: Catalog) -> None:
    memory = needed(catalog, "qwen3.5-27b", work=Serving(131072))
    assert memory.of("kv cache") == 2 * 16 * 4 * 256 * 131072 * 2
    # 48 layers x 4 x (3 x (6144 + 2 x 2048) + 128 x 6144) bytes
    assert memory.of("state") == 48 * 4 * (3 * 10240 + 128 * 6144)


def test_the_state_does_not_depend_on_the_context_and_grows_with_sequences(catalog: Catalog) -> None:
    short, long = (needed(catalog, "qwen3.5-27b", work=Serving(n)) for n in (4096, 131072))
    four = needed(catalog, "qwen3.5-27b", work=Serving(4096, 4))
    assert short.of("state") == long.of("state") == four.of("state") // 4


def test_drafting_keeps_a_state_for_each_drafted_token(catalog: Catalog) -> None:
    options: dict[str, object] = {"spec_type": "draft-mtp", "spec_draft_n_max": 2}
    memory = needed(catalog, "qwen3.8-27b", work=Serving(2048, 4, options=options), mtp=True)
    assert memory.of("state") / MIB == pytest.approx(1795.5, abs=0.1)  # printed by a server with 4 slots and 2 drafts


# (model, format, context, driver's peak less idle) in MiB: llama-bench prompts of 512 tokens on one H200
H200_RUNS = [
    ("qwen3-8b", "Q4_K_M", 512, 5464.8),
    ("qwen3-30b-a3b", "Q4_K_M", 32768, 21656.8),
    ("qwen3.5-27b", "Q4_K_M", 32768, 18474.8),
    ("qwen3-8b", "BF16", 512, 15542.8),
]


@pytest.mark.parametrize(("name", "file_type", "context", "measured"), H200_RUNS)
def test_the_drivers_number_on_a_real_h200_is_within_two_percent(
    catalog: Catalog, name: str, file_type: str, context: int, measured: float
) -> None:
    memory = needed(catalog, name, file_type, Serving(context, options=LIBRARY))
    assert memory.on(gpu(0)) / MIB == pytest.approx(measured, rel=0.02)


def test_resident_memory_of_a_cpu_run_counts_the_mapped_file_beside_its_interleaved_copy(catalog: Catalog) -> None:
    architecture = catalog.architectures["qwen3-4b"]
    held = llamacpp.resident(architecture, Checkpoint(format="Q4_K_M"), Serving(4096), prompt_tokens=530)
    assert held / MIB == pytest.approx(4777.7, rel=0.01)  # measured with AVX2
    unmapped = llamacpp.resident(
        architecture, Checkpoint(format="Q4_K_M"), Serving(4096, options={"mmap": False}), prompt_tokens=530
    )
    assert unmapped / MIB == pytest.approx(3096.4, rel=0.01)


def test_an_unknown_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(QwenpickError, match="did you mean n_ubatch"):
        llamacpp.options.read_options({"n_ubatc": 512})
    with pytest.raises(QwenpickError, match="use context"):
        llamacpp.options.read_options({"n_ctx": 4096})
    with pytest.raises(QwenpickError, match="is a whole number from 1"):
        llamacpp.options.read_options({"n_batch": "many"})


def test_flags_are_read_as_the_command_line_spells_them() -> None:
    options = llamacpp.options.read_options({"--ubatch-size": "1024", "fa": "off", "no-mmap": True})
    assert (options.n_ubatch, options.flash_attn, options.mmap) == (1024, False, False)


def test_a_split_of_more_layers_than_there_are_is_refused() -> None:
    with pytest.raises(QwenpickError, match="36 layers and the output make 37"):
        cut(36, 2, (20, 20), None, 0)


def test_it_refuses_what_it_cannot_load(catalog: Catalog) -> None:
    architecture = catalog.architectures["qwen3-8b"]
    assert "GGUF" in (llamacpp.refusal(architecture, Checkpoint(format="awq-int4"), Serving(4096), Placement()) or "")
    eager = Serving(4096, kv_cache=KvCache("f16", "q8_0"), options={"flash_attn": False})
    assert "flash attention" in (llamacpp.refusal(architecture, Checkpoint(format="Q8_0"), eager, Placement()) or "")
    assert llamacpp.refusal(architecture, Checkpoint(format="Q8_0"), Serving(4096), Placement()) is None


def placements(catalog: Catalog, name: str, *devices: Device) -> list[Placement]:
    model = catalog.models[name]
    architecture = catalog.architecture(model)
    return list(llamacpp.placements(model, architecture, Checkpoint(format="Q4_K_M"), Serving(8192), Machine(devices)))


def test_one_gpu_that_holds_all_comes_first(catalog: Catalog) -> None:
    assert placements(catalog, "qwen3-8b", card(24))[0] == Placement((card(24),))


def test_unequal_gpus_share_the_layers_by_their_room(catalog: Catalog) -> None:
    first = placements(catalog, "qwen3-32b", card(16), card(8))[0]
    assert first.split
    assert sum(first.split) == 65
    assert first.split[0] > first.split[1]
    memory = needed(catalog, "qwen3-32b", placement=first)
    assert all(memory.on(gpu(i)) <= (device.free or 0) for i, device in enumerate(first.devices))


def test_the_fewest_experts_that_fit_go_to_ram(catalog: Catalog) -> None:
    first = placements(catalog, "qwen3-30b-a3b", card(12))[0]
    assert first.cpu_moe_layers > 0
    on_gpu = [
        needed(
            catalog, "qwen3-30b-a3b", placement=Placement(first.devices, cpu_moe_layers=first.cpu_moe_layers - n)
        ).on(gpu(0))
        for n in (0, 2)
    ]
    assert on_gpu[0] <= 12 * GIB < on_gpu[1] * 1.05


def test_the_most_layers_that_fit_go_to_the_gpu_and_cpu_only_comes_last(catalog: Catalog) -> None:
    found = placements(catalog, "qwen3-32b", card(12))
    assert found[-1] == Placement()
    assert found[0].split
    assert needed(catalog, "qwen3-32b", placement=found[0]).on(gpu(0)) <= 12 * GIB


def test_parts_are_whole_bytes_and_add_up(catalog: Catalog) -> None:
    memory = needed(catalog, "qwen3.5-35b-a3b", work=Serving(16384, 4), placement=Placement((card(24), card(24))))
    assert all(isinstance(p.bytes, int) and p.bytes > 0 for p in memory.parts)
    assert memory.total == sum(memory.on(where) for where in memory.places)


def test_more_context_or_sequences_never_need_less(catalog: Catalog) -> None:
    for name in ("qwen3-8b", "qwen3-30b-a3b", "qwen3.5-27b", "qwen3-vl-8b-instruct"):
        totals = [needed(catalog, name, work=Serving(n)).on(gpu(0)) for n in (1024, 4096, 8192, 32768, 131072)]
        assert totals == sorted(totals), name
        totals = [needed(catalog, name, work=Serving(4096, n)).on(gpu(0)) for n in (1, 2, 4, 8)]
        assert totals == sorted(totals), name


def test_freed_neighbours_become_one_hole() -> None:
    arena = Arena(32)
    first, second, third = arena.take(64), arena.take(32), arena.take(64)
    arena.give(first, 64)
    arena.give(second, 32)
    assert arena.take(96) == 0  # both holes as one
    arena.give(third, 64)
    assert arena.take(1000) == 96
    assert arena.peak == 96 + 1024  # 1000 rounded up to 32


def test_a_draft_has_a_cache_and_a_compute_buffer_of_its_own(catalog: Catalog) -> None:
    options: dict[str, object] = {"spec_type": "draft-mtp", "n_ubatch": 512}
    memory = needed(catalog, "qwen3.8-27b", work=Serving(2048, 4, options=options), mtp=True)
    sizes = {part.name: part.bytes / MIB for part in memory.parts}
    assert sizes["draft kv cache"] == 32  # printed by a server with 8,192 cells: 1 layer x 8192 x 2 x 4 x 256 x 2
    assert sizes["draft compute"] == pytest.approx(130, abs=0.1)


# MiB that servers printed for Qwen3.8-27B: the mask is free when the MLP runs, so it counts only where attention needs more than the MLP
@pytest.mark.parametrize(
    ("cells", "batch", "printed"), [(32_768, 512, 130), (32_768, 2048, 520.06), (200_704, 512, 264.2)]
)
def test_a_drafts_mask_counts_where_attention_is_the_peak(
    catalog: Catalog, cells: int, batch: int, printed: float
) -> None:
    options: dict[str, object] = {"spec_type": "draft-mtp", "n_ubatch": batch}
    memory = needed(catalog, "qwen3.8-27b", work=Serving(cells, options=options), mtp=True)
    (found,) = (part.bytes / MIB for part in memory.parts if part.name == "draft compute")
    assert found == pytest.approx(printed, abs=0.3)


def test_metal_reserves_a_layers_cache_in_16_bits_whatever_the_cache_is(catalog: Catalog) -> None:
    """ggml-org/llama.cpp#27390; a log of 200,704 q8_0 tokens: 1,801 MiB of compute buffer for Qwen3.5-4B in batches of 2,048."""
    model = catalog.models["qwen3.5-4b"]
    metal = Device("M5 Pro", "apple", 36 * GIB, 36 * GIB, unified=True, compute_capability="Metal")

    def buffer(cache: str, **options: object) -> float:
        work = Serving(200_704, kv_cache=KvCache(cache, cache), options={"n_batch": 2048, "n_ubatch": 2048, **options})
        asked = (model, catalog.architecture(model), Checkpoint(format="Q4_K_M"), work, Placement((metal,)))
        return next(
            p.bytes / MIB for p in llamacpp.memory(*asked).parts if p.name == "compute buffer" and p.where == "gpu0"
        )

    copy = 4 * 200_704 * 4 * 256 / MIB  # keys and values of one layer; part of it lies where the MLP's buffers would
    assert buffer("q8_0") == pytest.approx(1801, rel=0.01)
    assert buffer("q8_0") - buffer("q8_0", build=10450) == pytest.approx(copy, rel=0.15)
    assert buffer("f16") - buffer("f16", build=10450) == pytest.approx(copy, rel=0.15)
    assert buffer("q8_0", flash_attn=False) == buffer("q8_0", flash_attn=False, build=10450)


def test_flash_nexts_table_stays_in_the_mapped_file_and_its_indexer_keeps_keys(catalog: Catalog) -> None:
    mapped = {p.name: p.bytes for p in needed(catalog, "qwen3.8-flash-next", mtp=True).parts}
    assert "n-gram table" not in mapped
    # 12 layers x 8192 cells: 24,576 bytes of keys and values and 3,072 of the indexer's keys a token, as a server printed
    assert mapped["kv cache"] == 24576 * 8192
    assert mapped["indexer keys"] == 3072 * 8192
    loaded = needed(catalog, "qwen3.8-flash-next", work=Serving(8192, options={"mmap": False}), mtp=True)
    table = next(p for p in loaded.parts if p.name == "n-gram table")
    assert table.bytes / MIB == pytest.approx(27465.95, abs=0.01)  # printed by a server with a Q4_K file


@pytest.mark.parametrize(
    ("format_name", "file", "resident"),
    [
        (
            "UD-Q4_K_XL",
            111_331_000_000,
            77.0,
        ),  # 0xBakeer/inference-atlas pull request 34: 103.7 GiB, about 77 of them resident
        (
            "UD-Q2_K_XL",
            78_870_000_000,
            73.45 - 26.82,
        ),  # Tanguille/cluster pull request 4764: the table is one tensor of 26.82 GiB
    ],
)
def test_what_a_file_holds_beside_the_table_is_what_stays_resident(
    catalog: Catalog, format_name: str, file: int, resident: float
) -> None:
    model = catalog.models["qwen3.8-flash-next"]
    architecture, checkpoint = catalog.architecture(model), Checkpoint(format=format_name, bytes=file)
    parts = llamacpp.memory(model, architecture, checkpoint, Serving(4096), Placement()).parts
    assert sum(p.bytes for p in parts if p.kind == "weights") / GIB == pytest.approx(resident, rel=0.01)


@pytest.mark.parametrize(
    ("cells", "reported"),
    [(131_072, 3815), (262_144, 8704)],  # public reports at 2,048 tokens a micro-batch: CUDA, MiB; Vulkan, 8.5 GiB
)
def test_the_scores_of_an_indexer_are_bounded_above_what_was_reported(
    catalog: Catalog, cells: int, reported: int
) -> None:
    work = Serving(cells, options={"n_ubatch": 2048, "n_batch": 2048})
    compute = {
        p.where: p.bytes / MIB for p in needed(catalog, "qwen3.8-flash-next", work=work).parts if p.kind == "compute"
    }
    assert reported <= compute["gpu0"] <= 1.4 * reported
    assert compute["ram"] < reported / 2  # the mask and the embeddings only: no layer lies there


def test_the_scores_of_an_indexer_lie_where_its_layers_lie(catalog: Catalog) -> None:
    architecture = catalog.architecture(catalog.models["qwen3.8-flash-next"])
    scores = 4 * 4 * 512 * 8192  # four tensors of 32 bits over tokens and cells: 4 heads, a block of 4 cells
    plain = architecture.model_copy(
        update={
            "layers": tuple(
                layer.model_copy(update={"indexer": None}) if layer.kind == "full_attention" else layer
                for layer in architecture.layers
            )
        }
    )
    model = catalog.models["qwen3.8-flash-next"]

    def compute(shape: Architecture, placement: Placement) -> dict[str, int]:
        parts = llamacpp.memory(
            model, shape, Checkpoint(format="Q4_K_M"), Serving(8192, options={"n_ubatch": 512}), placement
        ).parts
        return {p.where: p.bytes for p in parts if p.name.startswith("compute")}

    for placement, places in (
        (Placement((H200,)), {"gpu0"}),
        (Placement((H200,), split=(20,)), {"gpu0", "ram"}),
        (Placement((H200,), split=(1,)), {"ram"}),  # the output only
        (Placement(), {"ram"}),
    ):
        with_indexer, without = compute(architecture, placement), compute(plain, placement)
        assert {where for where, size in with_indexer.items() if size - without[where] == scores} == places
        assert all(size - without[where] in (0, scores) for where, size in with_indexer.items())


def test_a_file_that_was_measured_wins_over_the_rule(catalog: Catalog) -> None:
    model = catalog.models["qwen3-8b"]
    architecture, placement = catalog.architecture(model), Placement((Device("GPU", "nvidia", None, None),))
    rule = Checkpoint(format="Q4_K_M")
    # 5,027,783,232 bytes is the rule's file; a mix of types one percent larger holds one percent more weights
    mixed = Checkpoint(format="Q4_K_M", bytes=round(5_027_783_232 * 1.01))
    by_rule, as_is = (llamacpp.memory(model, architecture, c, Serving(4096), placement) for c in (rule, mixed))
    assert as_is.of("weights") == pytest.approx(by_rule.of("weights") * 1.01, rel=1e-4)
    assert as_is.of("kv cache") == by_rule.of("kv cache")


def test_a_measured_file_smaller_than_the_rule_is_cut_where_the_rule_would_not_fit(catalog: Catalog) -> None:
    model = catalog.models["qwen3-8b"]
    architecture, gpu_and_ram = catalog.architecture(model), Machine((card(2.2),), ram_free=round(1.5 * GIB))
    # by the rule the layers alone are 3.9 GiB; GPU and RAM have 3.7 GiB between them, and the file is 40 percent smaller
    smaller = Checkpoint(format="Q4_K_M", bytes=round(5_027_783_232 * 0.6))
    tried = list(llamacpp.placements(model, architecture, smaller, Serving(1024), gpu_and_ram))
    cut_in_two = next(placement for placement in tried if placement.split)
    memory = llamacpp.memory(model, architecture, smaller, Serving(1024), cut_in_two)
    assert memory.on(gpu(0)) <= 2.2 * GIB
    assert memory.on(RAM) <= 1.5 * GIB
