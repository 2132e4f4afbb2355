"""What a recipe makes of a model before the first step: which weights lie where, which of them are trained, and how wide."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, Checkpoint
from qwenpick.memory.tensors import Tensor, tensors
from qwenpick.runtimes.transformers.versions import NEWEST, QWEN1
from qwenpick.runtimes.transformers.weights import causal_masks, loaded
from qwenpick.training.activations import Style
from qwenpick.training.trainers import habits
from qwenpick.values import dataclass
from qwenpick.work.serving import Training


@dataclass(frozen=True, slots=True)
class Prepared:
    """Bytes of the `base` weights as they lie during training, of what preparation cast up (`upcast`), and of the `adapters`.

    `trained` weights of `trained_bytes` in all get gradients and states as wide as they are; `largest` is the largest of them.
    `tied_gradient` is how many weights get a second gradient because lm_head is the embedding. `head_copy` is the bf16 copy of an FP32 lm_head
    that backward keeps, `autocast_copies` those of all weights during forward. `unpacked` is the largest weight that is dequantized for a product,
    in bytes. `wide_states` is how many trained weights an 8-bit optimizer treats in 32 bits. `adapted_experts` is the weights of one layer's.
    `int8`: products are bitsandbytes' INT8, which keeps their inputs. `whole` is all weights, `head` those of the vocabulary matrix, and
    `head_trained` whether it gets a gradient. `reference` is the bytes of a frozen copy beside the trained model. `magnitudes` are DoRA's weights,
    `reached` how many of the last layers gradients reach (None: all).
    """

    style: Style
    base: int
    trained: int
    trained_bytes: int
    largest: int
    upcast: int = 0
    adapters: int = 0
    tied_gradient: int = 0
    head_copy: int = 0
    autocast_copies: int = 0
    unpacked: int = 0
    wide_states: int = 0
    adapted_experts: int = 0
    int8: bool = False
    whole: int = 0
    head: int = 0
    head_trained: bool = False
    reference: int = 0
    magnitudes: int = 0
    reached: int | None = None


def base_weights(architecture: Architecture, checkpoint: Checkpoint) -> tuple[tuple[Tensor, int], ...]:
    """(tensor, bytes) as loaded; see the inference engine. Speech parts and the MTP block are not trained, and the block not loaded."""
    return loaded(architecture, checkpoint, NEWEST)


def base_bytes(architecture: Architecture, checkpoint: Checkpoint) -> int:
    """Bytes of all weights as loaded, and of the masks that Qwen-VL's own code keeps."""
    masks = causal_masks(architecture, checkpoint, architecture.num_layers, QWEN1)
    return sum(size for _, size in base_weights(architecture, checkpoint)) + masks


def embedding_weights(architecture: Architecture) -> int:
    """Weights of the embeddings, and of lm_head where it is its own."""
    return architecture.vocab_size * architecture.hidden_size * (1 if architecture.tied_embeddings else 2)


def trained_parameters(architecture: Architecture, training: Training) -> int:
    """Weights that full fine-tuning trains: the language model, and the vision tower if it is not frozen."""
    parts = {"text", "vision"} if training.train_vision else {"text"}
    return sum(tensor.elements for tensor in tensors(architecture) if tensor.part in parts)


def largest_matrix(architecture: Architecture) -> int:
    """Weights of the largest tensor of the language model, fused experts of a layer being two."""
    return max(
        tensor.elements // tensor.count * (2 if tensor.role == "ffn_gate_exps" else 1)
        for tensor in tensors(architecture)
        if tensor.part == "text"
    )


def largest_linear(architecture: Architecture) -> int:
    """Weights of the largest matrix inside a layer that bitsandbytes quantizes."""
    inside = [t for t in tensors(architecture) if t.part == "text" and t.layers and len(t.shape) == 2]
    return max(tensor.elements // tensor.count for tensor in inside)


def states_in_32_bits(architecture: Architecture, training: Training) -> int:
    """Trained weights whose states an 8-bit optimizer keeps in FP32: the Trainer's rule for nn.Embedding."""
    trains_embeddings = training.method == "full" or training.train_embeddings
    if not trains_embeddings or not habits(training).embedding_states_32bit:
        return 0
    return architecture.vocab_size * architecture.hidden_size
