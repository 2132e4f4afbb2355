"""What trainers do differently with the same settings, where memory depends on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from itertools import takewhile

from qwenpick.values import dataclass
from qwenpick.work.serving import Training


@dataclass(frozen=True, slots=True)
class Release:
    """What `before` this release was otherwise, where memory depends on it, for these `objectives` and `methods` (empty: for all).

    `gone` says that those releases are not modelled.
    """

    before: str
    habits: Mapping[str, object] = field(default_factory=dict)
    gone: bool = False
    objectives: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    def concerns(self, training: Training) -> bool:
        """Whether such a run was otherwise before."""
        of_objective = not self.objectives or training.objective in self.objectives
        return not self.gone and of_objective and (not self.methods or training.method in self.methods)


# of 2026-07-22, pull request 8148: what recomputation gathers is released with the module whose way back was last entered, which under reentrant
# checkpointing is the one around all layers (benchmarks/measured/deepspeed_frozen_2026_11_30.csv)
KEEPS_FROM = "0.19.3"
REENTRANT = frozenset({"llama-factory", "ms-swift"})  # trainers that checkpoint so too
# the older DeepSpeed that trainers ask for (requirements/deepspeed.txt, requirements/install_all.sh)
OLDER_DEEPSPEED = {"llama-factory": "deepspeed<=0.18.4", "ms-swift": "deepspeed<0.19"}
BUCKET = 500_000_000  # weights of a reduce bucket: DeepSpeed's default reduce_bucket_size


@dataclass(frozen=True, slots=True)
class Trainer:
    """`read_from` is the release its code was read from. The rest are its habits.

    `kbit_upcast`: QLoRA casts all that is not quantized to FP32. `full_in_fp32`: full fine-tuning in bf16 keeps FP32 weights under autocast.
    `tiles_loss`: neither the logits of a sequence nor those of the whole vocabulary exist at once. `experts_in_4_bits`: QLoRA quantizes
    fused experts too. `keeps_frozen`: under ZeRO 3 beside adapters, frozen layers that recomputation gathered stay until the step:
    reentrant checkpointing with DeepSpeed from KEEPS_FROM, which LLaMA-Factory's and ms-swift's requirements leave out. `adapters`: bytes per
    adapter weight in QLoRA. `checkpoints_in_ram`: the inputs of checkpointed layers are kept in RAM. `embedding_states_32bit`: an
    8-bit optimizer keeps the embeddings' states in 32 bits.
    `step_copies`: copies of the weights that AdamW's step makes; torch 2.0 made two. `rows_by`: how Unsloth's loss finds how many tokens have
    logits at once. `all_logits`: a reranker's loss holds the logits of all tokens. `upcast_in_fp16`: k-bit preparation in FP16 only.
    `keeps_towers`: a frozen tower keeps the inputs of its blocks. `brings_fla`: flash-linear-attention's kernels are inside. `makes_masks`:
    causal masks lie there as squares, for PyTorch's own attention. `overlaps`: its DeepSpeed configuration has overlap_comm, with buckets of
    `bucket` weights. `dropout`: LoRA has dropout by default, whose masks backward keeps. `loads_whole`: what is quantized on load lies on the GPU
    in 16 bits first.
    `releases` are the older ones, newest first; `since` are newer ones that need less, oldest first, each taken where it or a newer one is named.
    """

    title: str
    read_from: str
    kbit_upcast: bool = False
    full_in_fp32: bool = False
    tiles_loss: bool = False
    experts_in_4_bits: bool = False
    keeps_frozen: bool = False
    adapters: int = 4
    checkpoints_in_ram: bool = False
    embedding_states_32bit: bool = True
    step_copies: int = 1
    rows_by: str = ""
    all_logits: bool = False
    upcast_in_fp16: bool = False
    keeps_towers: bool = False
    brings_fla: bool = False
    refuses_fla_on_hopper: bool = False
    makes_masks: bool = False
    overlaps: bool = True
    bucket: int = BUCKET
    dropout: bool = False
    loads_whole: bool = False
    releases: tuple[Release, ...] = ()
    since: tuple[Release, ...] = ()


def keeps_fp32(training: Training) -> bool:
    """Whether trained weights of full and freeze tuning are in FP32 on a GPU that does not divide them by ZeRO."""
    if training.precision == PURE:
        return False
    return training.precision != "bf16" or habits(training).full_in_fp32


def habits(training: Training) -> Trainer:
    """The trainer as its named release was; the newest if none is named."""
    trainer = TRAINERS[training.trainer]
    if training.trainer_version is None:
        return trainer
    version = numbers(training.trainer_version)
    for release in takewhile(lambda one: version >= numbers(one.before), trainer.since):
        trainer = replace(trainer, **release.habits)  # type: ignore[arg-type]
    for release in takewhile(lambda one: version < numbers(one.before), trainer.releases):
        if not release.concerns(training):
            continue
        trainer = replace(trainer, **release.habits)  # type: ignore[arg-type]
    return trainer


def older(training: Training) -> Iterator[tuple[str, Training]]:
    """(release, the same run with what was before it) for every older kind of release that is modelled; none where a release is named."""
    if training.trainer_version is None:
        for release in TRAINERS[training.trainer].releases:
            if release.concerns(training):
                yield release.before, replace(training, trainer_version=_before(release.before))


def _before(version: str) -> str:
    """A release just below: "2026.7" is after "2026.6.999"."""
    *first, last = numbers(version.removesuffix(".0"))
    return ".".join(map(str, (*first, last - 1, 999)))


def numbers(version: str) -> tuple[int, ...]:
    """A version as numbers: "0.24.0" is (0, 24, 0). ValueError for other text."""
    return tuple(int(part) for part in version.removeprefix("v").split("."))


PURE = "pure-bf16"  # LLaMA-Factory's pure_bf16: neither FP32 weights nor autocast (llamafactory 0.9.5 model/adapter.py init_adapter)
TRAINERS: dict[str, Trainer] = {
    "torch": Trainer("PyTorch loop with PEFT", "peft 0.21.2", kbit_upcast=True, embedding_states_32bit=False),
    "transformers": Trainer(
        "Transformers Trainer with PEFT",
        "transformers 5.17.0, peft 0.21.2",
        kbit_upcast=True,
        releases=(
            # core_model_loading.py has_on_the_fly_quantization
            Release("5.4", {"loads_whole": True}, methods=("qlora",)),
            Release("5.0", {"loads_whole": False}, methods=("qlora",)),
        ),
    ),
    "trl": Trainer(
        "TRL",
        "trl 1.16.0 trainer/sft_trainer.py, trainer/utils.py add_fused_lm_head, kernels/chunked_logprob.py",
        tiles_loss=True,
        keeps_frozen=True,
        adapters=2,
        releases=(
            # trainer/dpo_trainer.py, grpo_trainer.py, kto_trainer.py: chunks of log-probabilities, 1.14.0 of 2026-09-25
            Release("1.14", {"tiles_loss": False}, objectives=("dpo", "grpo", "kto")),
            Release("1.7", {"tiles_loss": False}),  # trainer/sft_config.py: loss_type "nll", not yet "chunked_nll"
            # models/utils.py prepare_peft_model: k-bit preparation, of which bf16 takes the embeddings back; adapters in FP32
            Release("0.26", {"upcast_in_fp16": True, "adapters": 4}),
        ),
    ),
    "llama-factory": Trainer(
        "LLaMA-Factory",
        "llamafactory 0.9.5 model/adapter.py, examples/deepspeed",
        full_in_fp32=True,
        overlaps=False,
    ),
    "ms-swift": Trainer(
        "ms-swift",
        "ms-swift 4.5.3, 4.6.0 swift/tuners, swift/trainers, swift/config, arguments/tuner_args.py",
        keeps_towers=True,
        overlaps=False,
        bucket=200_000_000,
        dropout=True,
        since=(Release("4.6", {"keeps_towers": False}),),  # of 2026-10-13: model/patcher.py patch_frozen_module
        releases=(Release("4.0", {"all_logits": True}),),  # from 4.0: model/register.py _patch_generative_reranker
    ),
    "qwen-1": Trainer("Qwen 1's finetune.py", "QwenLM/Qwen finetune.py with torch 2.0", step_copies=2, dropout=True),
    "unsloth": Trainer(
        "Unsloth",
        "unsloth 2026.10.9, unsloth_zoo 2026.10.9 fused_losses, temporary_patches/moe_utils_bnb4bit.py",
        checkpoints_in_ram=True,
        experts_in_4_bits=True,
        rows_by="16 bytes of 4 GiB",
        brings_fla=True,
        makes_masks=True,
        since=(
            # unsloth_zoo temporary_patches/misc.py _maskless_causal_arguments
            Release("2026.10.1", {"makes_masks": False}),
            Release("2026.10.6", {"rows_by": "width"}),
        ),
        releases=(  # unsloth_zoo of the same name, fused_losses/cross_entropy_loss.py _get_chunk_multiplier
            # temporary_patches/fla_vendor.py, with Triton 3.4 to 3.7.0
            Release("2026.9.9", {"refuses_fla_on_hopper": True}),
            Release("2026.9.3", {"rows_by": "4 bytes of 4 GiB"}),
            Release("2026.7", {"rows_by": "4 bytes of half of what is free", "brings_fla": False}),
            Release("2025.9", gone=True),
        ),
    ),
    "sentence-transformers": Trainer(
        "Sentence Transformers", "sentence-transformers 6.2.0 sentence_transformer/losses", adapters=2
    ),
}
