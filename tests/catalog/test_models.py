"""The shipped models: every count derived, every reference resolved, every fact sourced."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Architecture, Model, load
from qwenpick.catalog.architecture import AudioTower, VisionTower
from qwenpick.memory.quantization import FORMATS
from qwenpick.memory.tensors import active_parameters, parameters

CATALOG = load(own=False)
MODELS = list(CATALOG.models.values())
OPEN = [m for m in MODELS if m.open_weights]
COUNTED = [m for m in OPEN if m.parameters]
ARCHITECTURES = list(CATALOG.architectures.values())

# Published counts that no part of the architecture explains, with what their entries say.
UNEXPLAINED = {
    "webworld-32b": -676_864,  # fewer than Qwen3-32B's shape gives
    "qwen3.8-flash-next": 2_607_150_848 + 35,  # the MTP block and 35 integer buffers
}
# Head or architecture not published: their entries say so in `notes`.
UNCOUNTED = {
    "qwen-drive-1.0-4b", "qwen2-math-rm-72b", "qwen2.5-math-7b-prm800k", "qwen2.5-math-prm-72b", "qwen2.5-math-prm-7b", "qwen2.5-math-rm-72b",
    "qwen3-forcedaligner-0.6b", "qwen3guard-stream-0.6b", "qwen3guard-stream-4b", "qwen3guard-stream-8b", "worldpm-72b",
}  # fmt: skip


def ids(items: list[Model] | list[Architecture]) -> list[str]:
    return [item.id for item in items]


@pytest.mark.parametrize("model", COUNTED, ids=ids(COUNTED))
def test_stated_counts_equal_the_counts_derived_from_the_architecture(model: Model) -> None:
    architecture = CATALOG.architecture(model)
    assert model.parameters is not None
    assert parameters(architecture) == model.parameters.total
    assert active_parameters(architecture) == model.parameters.active


@pytest.mark.parametrize("model", COUNTED, ids=ids(COUNTED))
def test_a_published_count_that_differs_is_explained_by_a_part(model: Model) -> None:
    architecture, counts = CATALOG.architecture(model), model.parameters
    assert counts is not None
    if counts.published in {None, counts.total}:
        assert counts.difference is None
        return
    assert counts.published is not None and counts.difference
    difference = counts.published - counts.total
    if model.id in UNEXPLAINED:
        assert difference == UNEXPLAINED[model.id]
    elif "lm_head" in counts.difference:
        assert difference == architecture.vocab_size * architecture.hidden_size
    else:
        assert "MTP" in counts.difference
        assert difference == parameters(architecture, "mtp")


def test_only_the_known_ones_have_no_count_and_they_say_why() -> None:
    uncounted = [m for m in OPEN if m.parameters is None]
    assert {m.id for m in uncounted} == UNCOUNTED
    assert all(m.notes for m in uncounted)
    assert {m.id for m in OPEN if m.architecture is None} == {"qwen3-forcedaligner-0.6b"}


def test_there_are_195_open_models_and_46_names_of_the_api() -> None:
    # 203 open rows were collected, 8 of them image generators; 46 API-only names
    assert (len(OPEN), len(MODELS) - len(OPEN)) == (195, 46)


def attention(width: int) -> int:
    """qkv and output projections with their biases."""
    return 4 * width * width + 4 * width


def vision_parameters(tower: VisionTower) -> int:
    """Counted from the shape, as transformers builds each tower (Qwen-VL: its own visual.py)."""
    width, inner, out, merge = tower.hidden_size, tower.intermediate_size, tower.output_size, tower.merge_size or 1
    patch = 3 * (tower.temporal_patch_size or 1) * tower.patch_size**2 * width
    merged = merge * merge * width
    merger = merged * merged + merged + merged * out + out
    two_layers = 2 * width * inner + inner + width
    match tower.kind:
        case "qwen_vl":
            # 256 learned positions, a norm before; a resampler: kv projection, 256 queries and positions, attention, norms; a projection
            block = 4 * width + attention(width) + two_layers
            queries = 2 * (tower.fixed_tokens_per_image or 0) * out
            return (
                patch
                + 256 * width
                + 2 * width
                + tower.depth * block
                + width * out
                + queries
                + attention(out)
                + 6 * out
                + out * out
            )
        case "qwen2_vl":  # layer norms, no bias in the patch embedding
            return patch + tower.depth * (4 * width + attention(width) + two_layers) + 2 * width + merger
        case "qwen2_5_vl":  # RMS norms, a gated MLP with biases
            return (
                patch
                + tower.depth * (2 * width + attention(width) + 3 * width * inner + 2 * inner + width)
                + width
                + merger
            )
        case (
            "qwen3_vl" | "qwen3_5"
        ):  # learned positions, a merger with a norm over the merged width for each DeepStack layer
            blocks = tower.depth * (4 * width + attention(width) + two_layers)
            deepstack = len(tower.deepstack_layers) * (2 * merged + merger)
            return patch + width + (tower.positions or 0) * width + blocks + 2 * width + merger + deepstack


def audio_parameters(tower: AudioTower, architecture: Architecture) -> int:
    """Counted from the shape: a Whisper encoder (keys have no bias there), or the convolutions and projections of Qwen3's."""
    width, inner, mels, out = (
        tower.hidden_size,
        tower.intermediate_size,
        tower.mel_bins,
        tower.output_size or architecture.hidden_size,
    )
    layer = 4 * width + attention(width) + 2 * width * inner + inner + width
    norm, projection = 2 * width, width * out + out
    if architecture.model_type in {"qwen3_omni_moe", "qwen3_asr"}:
        channels = 480
        convolutions = 9 * channels + channels + 2 * (9 * channels * channels + channels)
        rows = -(-mels // 8)  # three strides of 2
        return convolutions + channels * rows * width + tower.layers * layer + norm + width * width + width + projection
    whisper = 3 * mels * width + width + 3 * width * width + width + tower.layers * (layer - width) + norm
    positions = 1500 * width if architecture.model_type in {"qwen", "qwen2_audio"} else 0  # learned; sinusoidal in Omni
    begin_and_end = 0 if architecture.model_type == "qwen2_audio" else 2 * out
    return whisper + positions + projection + begin_and_end


SEEING = [a for a in ARCHITECTURES if a.vision]
HEARING = [a for a in ARCHITECTURES if a.audio]


@pytest.mark.parametrize("architecture", SEEING, ids=ids(SEEING))
def test_a_vision_tower_has_the_parameters_of_its_shape(architecture: Architecture) -> None:
    assert architecture.vision is not None
    assert architecture.vision.parameters == vision_parameters(architecture.vision)


@pytest.mark.parametrize("architecture", HEARING, ids=ids(HEARING))
def test_an_audio_tower_has_the_parameters_of_its_shape(architecture: Architecture) -> None:
    assert architecture.audio is not None
    assert architecture.audio.parameters == audio_parameters(architecture.audio, architecture)


def test_every_architecture_is_used_and_every_reference_resolves() -> None:
    assert {m.architecture for m in MODELS if m.architecture} == set(CATALOG.architectures)
    for model in MODELS:
        for other in (model.predecessor, model.successor, model.open_alternative):
            assert other is None or (other in CATALOG.models and other != model.id), (model.id, other)
        for checkpoint in model.checkpoints:
            assert checkpoint.format in {*FORMATS, "gguf"}, model.id


def test_the_lineage_runs_forward_in_time_and_ends() -> None:
    for model in MODELS:
        for other in filter(None, [model.successor]):
            assert (CATALOG.models[other].released or "") >= (model.released or ""), (model.id, other)
        for other in filter(None, [model.predecessor]):
            assert (CATALOG.models[other].released or "") <= (model.released or ""), (model.id, other)
        seen = [model.id]
        while following := CATALOG.models[seen[-1]].successor:
            assert following not in seen, seen
            seen.append(following)


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("qwen3.5-27b", ["qwen3.6-27b", "qwen3.8-27b"]),
        ("qwen2.5-7b-instruct", ["qwen3-8b", "qwen3.5-9b"]),
        ("qwen2.5-7b", ["qwen3-8b-base", "qwen3.5-9b-base"]),
        ("qwen1.5-32b-chat", ["qwen2.5-32b-instruct", "qwen3-32b", "qwen3.5-27b", "qwen3.6-27b", "qwen3.8-27b"]),
        ("qwen3-30b-a3b", ["qwen3-30b-a3b-instruct-2507", "qwen3.5-35b-a3b", "qwen3.6-35b-a3b"]),
        ("qwen2-vl-7b-instruct", ["qwen2.5-vl-7b-instruct", "qwen3-vl-8b-instruct", "qwen3.5-9b"]),
        ("qwen2.5-coder-32b-instruct", ["qwen3-coder-30b-a3b-instruct"]),
        ("qwen2.5-omni-7b", ["qwen3-omni-30b-a3b-instruct"]),
    ],
)
def test_a_line_follows_role_and_size(model: str, line: list[str]) -> None:
    followed = [model]
    while following := CATALOG.models[followed[-1]].successor:
        followed.append(following)
    assert followed[1:] == line


def test_open_models_say_where_they_are_and_api_names_say_what_to_take_instead() -> None:
    for model in MODELS:
        if model.open_weights:
            assert model.huggingface and model.modelscope and model.released and model.inputs and model.outputs, (
                model.id
            )
            assert model.checkpoints[0].repo == model.huggingface and model.checkpoints[0].official, model.id
            assert model.open_alternative is None
        else:
            assert model.architecture is None and not model.checkpoints
            assert model.open_alternative or model.notes, model.id


def test_a_licence_that_is_not_free_says_why_and_where() -> None:
    for model in OPEN:
        if model.licence.commercial_use != "free" and model.licence.id != "unknown":
            assert model.licence.url and len(model.licence.clause) > 40, model.id
    assert {m.id for m in OPEN if m.licence.basis} == {
        "qwen2-math-72b", "qwen2-math-72b-instruct", "qwen2.5-math-72b", "qwen2.5-math-72b-instruct", "qwen3.8-2.4t-a95b", "qwen3.8-flash-next"
    }  # fmt: skip


def test_official_checkpoints_are_qwens_and_others_name_their_source() -> None:
    for model in OPEN:
        for checkpoint in model.checkpoints:
            assert checkpoint.repo
            assert checkpoint.repo.startswith("Qwen/") == checkpoint.official, checkpoint.repo
            assert checkpoint.official or checkpoint.source


# publishers that keep other parts in 16 bits than the rule of the format says: their stated size is why it is stated
OTHER_LAYOUTS = (
    "Frozenlock/",
    "Inferact/",
    "RedHatAI/",
    "unsloth/",
    "Avuja/",
    "palmfuture/",
    "cyankiwi/",
    "amd/",
    "Freaksterz/",
)


def test_a_measured_size_is_near_the_formula() -> None:
    from qwenpick.memory.quantization import stored_bytes

    measured = [(m, c) for m in OPEN for c in m.checkpoints if c.bytes]
    assert len(measured) >= 10
    for model, checkpoint in measured:
        if model.id == "qwen3.8-flash-next":  # its n-gram table is FP8 too, which the format does not say
            continue
        if checkpoint.format != "fp8" and (checkpoint.repo or "").startswith(OTHER_LAYOUTS):
            eight = checkpoint.format == "gptq-int8"
            assert model.parameters and 0.5 + eight / 2 < checkpoint.bytes / model.parameters.total < 1 + eight / 2
            continue
        assert checkpoint.bytes == pytest.approx(
            stored_bytes(CATALOG.architecture(model), checkpoint.format), rel=0.002
        )


def test_a_context_that_is_extended_names_its_method() -> None:
    for model in MODELS:
        if model.context and model.context.extended:
            assert model.context.extended > model.context.native and model.context.method, model.id
    assert CATALOG.models["qwen3-8b"].context == CATALOG.models["qwen3-14b"].context
    assert CATALOG.models["qwen3-8b"].context.native == 32768  # type: ignore[union-attr]
