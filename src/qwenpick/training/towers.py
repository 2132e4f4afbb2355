"""What a model's towers compute of a sequence's pictures and sound, and how much of it backward keeps.

A frozen tower keeps nothing, unless its input layer is made to need gradients: with recomputation transformers from 5 does so to every part that
names one (5.17.0 modeling_utils.py enable_input_require_grads; before, to the text's embeddings alone), and ms-swift did before 4.6
(trainers/mixin.py _prepare_gradient_checkpointing; 4.6.0 model/patcher.py patch_frozen_module). Read from there, not measured.
"""

from __future__ import annotations

import math
from enum import Enum

from qwenpick.catalog.architecture import AudioTower, VisionTower
from qwenpick.catalog.schema import Architecture
from qwenpick.training.trainers import habits
from qwenpick.work.serving import Training

HOOKED = ("qwen2_vl", "qwen2_5_vl")  # towers with _input_embed_layer; Qwen3-VL's and Qwen3.5's name none
BY_TRANSFORMERS = ("torch", "transformers", "trl", "llama-factory")
GATED = ("qwen2_5_vl",)
MEL_FRAMES = 100  # a second
# frames of the encoder and tokens a second: transformers 5.17.0 models/qwen2_audio, qwen2_5_omni, qwen3_omni_moe, qwen3_asr
FRAMES = {"qwen2_audio": 50.0, "qwen2_5_omni": 50.0, "qwen3_omni_moe": 13.0, "qwen3_asr": 13.0}
TOKENS = {"qwen2_audio": 25.0, "qwen2_5_omni": 25.0, "qwen3_omni_moe": 13.0, "qwen3_asr": 13.0}
WINDOW = {"qwen2_audio": 30}  # seconds that a sound is padded to a multiple of
CONVOLVED = 480  # channels of the three convolutions that halve mel bins and frames (downsample_hidden_size)


class Kept(Enum):
    """What backward keeps of a tower: nothing, the inputs of its recomputed blocks, or all."""

    NOTHING = 0
    INPUTS = 1
    ALL = 2


def vision_kept(architecture: Architecture, training: Training) -> Kept:
    """Of the vision tower."""
    if training.train_vision:
        return Kept.INPUTS if training.checkpointing else Kept.ALL
    return _frozen(training, architecture.vision is not None and architecture.vision.kind in HOOKED)


def audio_kept(architecture: Architecture, training: Training) -> Kept:
    """Of the audio tower, which is never trained here."""
    return _frozen(training, architecture.model_type in FRAMES)


def _frozen(training: Training, hooked: bool) -> Kept:
    """Of a frozen tower; `hooked` says whether transformers finds its input layer.

    LLaMA-Factory recomputes only blocks that are trained (llamafactory 0.9.5 model_utils/checkpointing.py), and leaves hooks to PEFT, which sets
    none on quantized models.
    """
    if not training.checkpointing or training.trainer not in (*BY_TRANSFORMERS, "ms-swift"):
        return Kept.NOTHING
    if training.trainer == "ms-swift":
        return Kept.INPUTS if habits(training).keeps_towers else Kept.NOTHING
    if not hooked:
        return Kept.NOTHING
    if training.trainer == "llama-factory":
        return Kept.ALL if training.method == "lora" else Kept.NOTHING
    return Kept.INPUTS


def image_bytes(architecture: Architecture, training: Training) -> int:
    """Bytes of one sequence's pictures: pixels in FP32, what the tower hands over, and what is kept of its blocks and mergers."""
    tower = architecture.vision
    if tower is None or not training.image_tokens:
        return 0
    merge = (tower.merge_size or 1) ** 2
    pixels = 3 * (tower.temporal_patch_size or 1) * tower.patch_size**2
    handed = (1 + len(tower.deepstack_layers)) * tower.output_size * 2
    kept = vision_kept(architecture, training)
    mergers = (1 + len(tower.deepstack_layers)) * merge * tower.hidden_size * (12 if training.train_vision else 6)
    blocks = merge * tower.depth * (2 * tower.hidden_size if kept is Kept.INPUTS else _vision_block(tower, training))
    return training.image_tokens * (merge * pixels * 4 + handed + (0 if kept is Kept.NOTHING else blocks + mergers))


def _vision_block(tower: VisionTower, training: Training) -> int:
    """All that one block keeps, per patch: two norms, queries, keys, values and what attention returns, the MLP; inputs of trained matrices."""
    hidden, inner = tower.hidden_size, tower.intermediate_size
    gated = tower.kind in GATED
    frozen = (16 if gated else 12) * hidden + (6 if gated else 4) * inner
    return frozen + (4 * hidden + 2 * inner if training.train_vision else 0)


def audio_tokens(architecture: Architecture, seconds: float) -> int:
    """Tokens that so much sound becomes."""
    return math.ceil(seconds * TOKENS.get(architecture.model_type, 25.0))


def audio_bytes(architecture: Architecture, training: Training) -> int:
    """Bytes of one sequence's sound: mel bins in FP32, what the tower hands over, and what is kept of convolutions and layers."""
    tower, kind = architecture.audio, architecture.model_type
    if tower is None or not training.audio_seconds:
        return 0
    window = WINDOW.get(kind, 1)
    seconds = window * math.ceil(training.audio_seconds / window)
    read = MEL_FRAMES * tower.mel_bins * 4 * seconds
    handed = 2 * (tower.output_size or tower.hidden_size) * audio_tokens(architecture, training.audio_seconds)
    kept = audio_kept(architecture, training)
    if kept is Kept.NOTHING:
        return read + handed
    layer = 2 * tower.hidden_size if kept is Kept.INPUTS else 12 * tower.hidden_size + 2 * tower.intermediate_size
    return read + handed + round(seconds * (_convolutions(tower, kind) + FRAMES[kind] * tower.layers * layer))


def _convolutions(tower: AudioTower, kind: str) -> int:
    """Inputs of the activations between them, per second: two of the tower's width, or three that halve both bins and frames."""
    if FRAMES[kind] == FRAMES["qwen2_audio"]:
        return 2 * tower.hidden_size * (MEL_FRAMES + MEL_FRAMES // 2)
    return sum(2 * CONVOLVED * (tower.mel_bins >> step) * (MEL_FRAMES >> step) for step in (1, 2, 3))
