"""What the loss holds: the logits of all tokens, or of one tile, and the gradients of the vocabulary matrix beside them."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture
from qwenpick.training.activations import CHUNK, logit_bytes
from qwenpick.training.prepared import Prepared
from qwenpick.training.trainers import habits
from qwenpick.units import GIB
from qwenpick.values import dataclass
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


def loss(
    architecture: Architecture, training: Training, prepared: Prepared, tokens: int, room: int | None = None
) -> Loss:
    """The loss of one micro-step over `tokens` tokens, with `room` bytes free on the GPU before it."""
    vocabulary, hidden = architecture.vocab_size, architecture.hidden_size
    if training.objective == "rerank" and habits(training).all_logits:
        return Loss(4 * vocabulary * tokens)  # in 16 bits, and their gradient
    if training.objective in NO_LOGITS:
        return Loss(0, chunked=True)
    if training.objective == "orpo":
        return Loss(ORPO_LOGITS * vocabulary * tokens)
    trainer = habits(training)
    if trainer.tiles_loss:
        tile = min(tokens, TILE_TOKENS) * min(vocabulary, TILE_VOCABULARY) * 2
        trained = 6 * prepared.head if prepared.head_trained else 0  # FP32 sums, and their cast to the weight's type
        return Loss(tile + 4 * tokens * hidden, trained, chunked=True)
    if trainer.rows_by:
        return _unsloth(architecture, trainer.rows_by, tokens, room)
    if training.chunked_loss:
        return Loss(logit_bytes(architecture, training) * min(tokens, CHUNK), chunked=True)
    return Loss(logit_bytes(architecture, training) * tokens)


# unsloth_zoo 2026.10.9 fused_losses/fused_linear.py fused_linear_rows: a power of two by the widths, at least 512 x 151,936 logits, in FP32
FEWEST_LOGITS, FEWEST_ROWS, MOST_ROWS, BUFFER = 512 * 151936, 512, 4096, 2 * GIB
CHAIN = 14  # bytes a logit of the chain before it: bf16, FP32, log-softmax, gradient (unsloth_zoo 2026.9.5 cross_entropy_loss.py)


def _unsloth(architecture: Architecture, rows_by: str, tokens: int, room: int | None) -> Loss:
    """Rows of logits at a time, and the gradients of the hidden states, which the forward pass makes already."""
    vocabulary, hidden = architecture.vocab_size, architecture.hidden_size
    if rows_by == "width":
        fewest = min(max(_power(FEWEST_LOGITS // vocabulary), FEWEST_ROWS), MOST_ROWS)
        rows = min(max(_power(tokens * hidden // vocabulary), fewest), MOST_ROWS, BUFFER // (4 * vocabulary), tokens)
        logits = 4 * rows * vocabulary
    else:
        priced, at_most = int(rows_by.split()[0]), 4 * GIB
        if rows_by.endswith("free"):
            at_most = max(1, (80 * GIB if room is None else room) // 2)
            chunks = max(4 * round(tokens * vocabulary * priced / at_most / 4), 1)
        else:
            whole = tokens * vocabulary * priced
            chunks = 1 if whole <= at_most else 4 * -(-whole // (4 * at_most))
        logits = round(CHAIN * vocabulary * -(-tokens // chunks))
    return Loss(logits + 2 * tokens * hidden, chunked=True)


def _power(rows: int) -> int:
    """The power of two at or below."""
    return 1 << max(rows, 1).bit_length() - 1
