"""What the loss holds: the logits of all tokens, or of one tile, and the gradients of the vocabulary matrix beside them."""

from __future__ import annotations

from dataclasses import dataclass

from qwenpick.catalog.schema import Architecture
from qwenpick.training.activations import CHUNK, logit_bytes
from qwenpick.training.prepared import Prepared
from qwenpick.training.trainers import TRAINERS
from qwenpick.work.serving import Training

# trl 1.16.0 kernels/chunked_logprob.py TOKEN_CHUNK_SIZE, trainer/utils.py add_fused_lm_head
TILE_TOKENS, TILE_VOCABULARY = 4096, 32768
ORPO_LOGITS = 10  # bytes a token and vocabulary entry: log-softmax of bf16 logits in FP32, trl 1.16.0 experimental/orpo; 9.99 and 10.1 measured
# one number a text, or its last hidden state; ms-swift from 4.0 takes two rows of lm_head (model/register.py _patch_generative_reranker)
NO_LOGITS = ("reward", "embedding", "rerank")


@dataclass(frozen=True, slots=True)
class Loss:
    """Bytes of the logits that exist at once, and of the trained vocabulary matrix's gradient while tiles add to it."""

    logits: int
    head_gradient: int = 0
    chunked: bool = False


def loss(architecture: Architecture, training: Training, prepared: Prepared, tokens: int) -> Loss:
    """The loss of one micro-step over `tokens` tokens."""
    vocabulary, hidden = architecture.vocab_size, architecture.hidden_size
    if training.objective in NO_LOGITS:
        return Loss(0, chunked=True)
    if training.objective == "orpo":
        return Loss(ORPO_LOGITS * vocabulary * tokens)
    trainer = TRAINERS[training.trainer]
    if trainer.tiles_loss:
        tile = min(tokens, TILE_TOKENS) * min(vocabulary, TILE_VOCABULARY) * 2
        trained = 6 * prepared.head if prepared.head_trained else 0  # FP32 sums, and their cast to the weight's type
        return Loss(tile + 4 * tokens * hidden, trained, chunked=True)
    if training.chunked_loss or trainer.chunks_loss:
        return Loss(logit_bytes(architecture, training) * min(tokens, CHUNK), chunked=True)
    return Loss(logit_bytes(architecture, training) * tokens)
