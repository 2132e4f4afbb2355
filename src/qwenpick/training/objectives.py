"""What a run is trained for, beside plain supervised tuning: which trainer has it, what it keeps, and the runs that stand behind it."""

from __future__ import annotations

from qwenpick.catalog.schema import Model
from qwenpick.errors import QwenpickError
from qwenpick.i18n import N_, _
from qwenpick.values import dataclass
from qwenpick.work.serving import Training


@dataclass(frozen=True, slots=True)
class Objective:
    """`trainers` that have it, `rows` of benchmarks/measured/training_h200_2026_11_29.csv that stand beside it; none means that it is refused."""

    title: str
    trainers: tuple[str, ...]
    rows: int
    reference: bool = False
    nearest: str = "sft"


OBJECTIVES: dict[str, Objective] = {
    "sft": Objective(N_("supervised fine-tuning"), (), 25),
    "dpo": Objective(N_("DPO on pairs"), ("trl",), 4, reference=True),
    "orpo": Objective(N_("ORPO on pairs"), ("trl",), 2),
    "kto": Objective(N_("KTO"), ("trl",), 2, reference=True),
    "grpo": Objective(N_("GRPO"), ("trl",), 3),
    "reward": Objective(N_("a reward model on pairs"), ("trl",), 2),
    "embedding": Objective(N_("embeddings with contrastive loss"), ("sentence-transformers",), 4),
    "rerank": Objective(N_("a reranker"), ("transformers", "torch", "ms-swift"), 2),
    "ppo": Objective(N_("PPO"), (), 0, nearest="grpo"),
}
EMBEDDERS = ("sentence-transformers",)  # trainers that have no other method
OF_WORDS = ("sft", "dpo", "orpo", "kto", "grpo")
# the catalog's words for nine models without lm_head
HEADS = frozenset({"reward model", "safety classification (token level)"})
PENALISED = ("dpo", "kto", "grpo")  # losses that can look at a frozen model; GRPO's only with a penalty (beta > 0)
GROUP = 8  # answers to a prompt: num_generations of trl 1.16.0 trainer/grpo_config.py; the batch of a step holds whole groups
FEWEST = 2  # runs beside a method before it is offered


def has_reference(training: Training) -> bool:
    """Whether a frozen copy of the model lies beside the trained one; adapters are switched off instead."""
    if training.reference is None:
        return OBJECTIVES[training.objective].reference
    return training.reference and training.objective in PENALISED


def own_objective(model: Model, trainer: str | None) -> str:
    """What a model is trained for where nobody says: embedding and reranker models for their own losses, and all by a trainer of embeddings.

    QwenpickError for one that only speaks.
    """
    if tuple(model.outputs) == ("speech",):
        raise QwenpickError(
            _("{model} speaks and writes nothing: the program that tunes its codes is not modeled", model=model.name)
        )
    if "embedding" in model.outputs or (trainer in EMBEDDERS and "score" not in model.outputs):
        return "embedding"
    return "rerank" if "score" in model.outputs else "sft"


def learns(model: Model, objective: str) -> None:
    """QwenpickError where the loss is over words and the model has heads that score or label in place of lm_head."""
    if objective in OF_WORDS and not HEADS.isdisjoint(model.capabilities):
        raise QwenpickError(
            _(
                "{model} scores or labels, without lm_head: no text is learned; take a chat model, for scores with --method reward",
                model=model.name,
            )
        )


def objective_refusal(training: Training) -> str | None:
    """Why this objective is not answered, as a sentence; None where it is."""
    known = OBJECTIVES[training.objective]
    of = {
        "--mini-batch": (training.mini_batch is not None, ("embedding",)),
        "--reference": (training.reference is not None, PENALISED),
        "--packing": (training.packing, ("sft",)),
    }
    for option, (given, methods) in of.items():
        if given and training.objective not in methods:
            return _("{option} goes with --method {methods}", option=option, methods=", ".join(methods))
    if known.rows < FEWEST:
        return _(
            "{method} is not modeled; nearest: --method {nearest}", method=training.objective, nearest=known.nearest
        )
    if training.objective == "grpo" and training.batch * training.grad_accum * training.gpus < GROUP:
        return _("GRPO compares {group} answers to a prompt: --batch {group}, or --grad-accum {group}", group=GROUP)
    if training.objective == "sft" and training.trainer in EMBEDDERS:
        return _("{trainer} trains embeddings: --method embedding, or --trainer trl", trainer=training.trainer)
    if known.trainers and training.trainer not in known.trainers:
        return _(
            "{method} with {trainer} is not modeled; nearest: --trainer {nearest}",
            method=training.objective,
            trainer=training.trainer,
            nearest=known.trainers[0],
        )
    return None
