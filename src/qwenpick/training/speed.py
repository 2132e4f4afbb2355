"""How fast a model trains: floating-point operations of a step over what the GPU reaches, and the time its kernels wait to be started."""

from __future__ import annotations

from qwenpick.catalog.schema import Architecture, LinearAttention
from qwenpick.machine.hardware import Device
from qwenpick.memory.tensors import active_parameters, parameters
from qwenpick.training.adapters import adapter_weights, touches_mlp
from qwenpick.training.cards import before_ampere
from qwenpick.training.methods import METHODS
from qwenpick.training.objectives import OBJECTIVES
from qwenpick.values import dataclass
from qwenpick.work.serving import Training

# H200, 989.5 TFLOP/s, torch 2.11, transformers 5.17: 46 runs of Qwen3-0.6B to 30B-A3B at 512 to 32,768 tokens
UTILISATION = 0.37  # of the dense bf16 rate, once kernels are large: 0.30-0.36 measured with all else in
LAUNCH_DORA = 0.024  # DoRA's Method.waiting, which makes the norm of every adapted matrix anew: three runs, 0.023-0.029
DELTA_CHUNK = 0.0022  # seconds a chunk of 64 tokens and linear layer in plain torch, which loops over chunks
EXPERTS = 0.009  # seconds a layer and micro-step to make the adapted experts' weights and route to them
LOW, HIGH = 0.63, 1.5  # of the estimate: all 46 runs lie between
# a T4: three runs of fitcheck-llm 0.3.1 (1.5B and 7B) and below; consumer cards: an RTX 4060 of arXiv 2509.12229
UTILISATION_OLD, UTILISATION_CONSUMER = 0.20, 0.22
UNPACKING_OLD = 1.35  # of the time of products where 4-bit weights are unpacked without bf16 units: the same T4


@dataclass(frozen=True, slots=True)
class TrainingSpeed:
    """Tokens per second over all GPUs, and the band around it."""

    tokens_per_second: float
    low: float
    high: float

    def hours(self, tokens: int) -> tuple[float, float, float]:
        """(expected, shortest, longest) hours for `tokens` tokens of data: one epoch."""
        expected, shortest, longest = (tokens / rate / 3600 for rate in (self.tokens_per_second, self.high, self.low))
        return expected, shortest, longest


def step_flops(architecture: Architecture, training: Training) -> float:
    """Operations of one micro-step on one GPU.

    A forward pass takes 2 a token and active weight, and 2 x layers x query width x tokens of causal attention. Full fine-tuning takes three
    such passes (6 a weight), adapters two (no gradients of the frozen weights), checkpointing one more.
    """
    lookup = 0 if architecture.tied_embeddings else architecture.vocab_size * architecture.hidden_size
    weights = active_parameters(architecture) - lookup
    attending = [layer for layer in architecture.layer_list if not isinstance(layer, LinearAttention)]
    attention = sum(2 * layer.heads * layer.head_dim * training.seq for layer in attending)
    passes = (3 if training.method == "full" else 2) + (1 if training.checkpointing else 0)
    passes += 1 if OBJECTIVES[training.objective].reference and training.reference is not False else 0
    return float(2 * weights + attention) * passes * training.tokens


def step_seconds(architecture: Architecture, training: Training, peak: float, device: Device | None = None) -> float:
    """Seconds of one micro-step on a GPU whose dense 16-bit rate is `peak` FLOP/s.

    Where kernels are short the GPU waits for the program that starts them; the longer of both counts, and what runs chunk by chunk.
    """
    passes = (3 if training.checkpointing else 2) / 3
    waiting = architecture.num_layers * (LAUNCH_DORA if training.dora else METHODS[training.method].waiting) * passes
    linear = sum(isinstance(layer, LinearAttention) for layer in architecture.layer_list)
    chunks = 0.0 if training.fla else -(-training.seq // 64) * linear * DELTA_CHUNK * passes
    routed = architecture.num_layers * EXPERTS if architecture.is_moe and touches_mlp(training.target) else 0.0
    computing = step_flops(architecture, training) / (_utilisation(training, device) * peak)
    return max(waiting, computing) + 0.3 * min(waiting, computing) + chunks + routed


def exchanged(architecture: Architecture, training: Training) -> float:
    """Bytes that a node takes from the others in a micro-step: ZeRO 3 and FSDP gather weights twice, all add gradients up."""
    full = training.method == "full"
    weights = parameters(architecture)
    if training.fsdp or training.zero == 3:
        return 2.0 * weights * (3 if full else 2)
    trained = weights if full else adapter_weights(architecture, training.rank, training.target)
    return 2 * 2.0 * trained / training.grad_accum


def _utilisation(training: Training, device: Device | None) -> float:
    """The share of the dense 16-bit rate that large kernels reach on this kind of card."""
    if device is None or device.vendor != "nvidia":
        return UTILISATION
    if before_ampere(device):
        return UTILISATION_OLD / (UNPACKING_OLD if training.method == "qlora" else 1.0)
    return UTILISATION_CONSUMER if "GeForce" in device.name or "RTX 40" in device.name else UTILISATION


def speed(
    architecture: Architecture,
    training: Training,
    peak: float | None,
    device: Device | None = None,
    link: float | None = None,
) -> TrainingSpeed | None:
    """Tokens per second of the run on GPUs of `peak` dense 16-bit FLOP/s each; None where that rate is not known.

    GPUs that share a run reach 90 % of their sum: gradients are exchanged while they are made. Nodes exchange over `link` (bytes/s) meanwhile; the
    longer counts, and 0.3 of the other.
    """
    if not peak or training.offload != "none":
        return None  # what is offloaded goes over the link to RAM, and its step runs on the CPU: 2.2 to 4.5 times as long on an H200
    tokens = training.tokens * training.gpus * (0.9 if training.gpus > 1 else 1.0)
    seconds = step_seconds(architecture, training, peak, device)
    if training.nodes > 1:
        if not link:
            return None
        sent = exchanged(architecture, training) * (1 - 1 / training.nodes) / link
        seconds = max(seconds, sent) + 0.3 * min(seconds, sent)
    rate = tokens / seconds
    return TrainingSpeed(rate, rate * LOW, rate * HIGH)
