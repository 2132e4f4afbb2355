"""What stands beside each training method: `python benchmarks/methods.py --markdown` prints the table of docs/training.md.

Runs of benchmarks/measured and of the truth tables on H200s: their allocated peak, predicted over measured, by method, way and trainer.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.scoreboard import MEASURED, Score, read  # noqa: E402
from benchmarks.scorers import training_runs, transformers_measured  # noqa: E402
from benchmarks.scorers import transformers as of_transformers  # noqa: E402

LABORATORY = "transformers_h200_2026_11.csv"
# what a reader should know of a line: it is matched by method and way
HOLDS = {
    "sft, trained embeddings": "`--train-embeddings`: AdamW over the whole matrices; `modules_to_save`, a tied head once. Not with QLoRA, ZeRO or FSDP",  # noqa: E501
    "sft, DoRA": "`--dora`: a magnitude an output in FP32, 4 B an output and token more in each layer; dense models, LoRA only",
    "sft, freeze": "`--train freeze --layers N`: gradients and states of the last N layers; LLaMA-Factory keeps those in FP32, and inputs of those layers alone",  # noqa: E501
    "sft, torchao's AdamW": "`--optimizer torchao-adamw-8bit`, `-4bit`: states of 8 + 32/256 or 4 + 32/128 bits; 2 or 6 FP32 copies of the largest weight in the step",  # noqa: E501
    "sft, delta nets with --fla": "12.4 B a value and token where plain PyTorch keeps 78",
    "sft, Ulysses with ZeRO-3": "2 and 4 GPUs a sequence, to 32,768 tokens; ms-swift's own: three public runs, median 0.4 %, worst +1.6 % of the process",  # noqa: E501
    "sft, context parallel with FSDP": "2 GPUs a sequence",
    "sft, ZeRO": "adapters too",
    "sft, FSDP": "1 and 2, adapters too",
    "dpo": "pairs: twice the tokens; a frozen copy, or adapters switched off, or `--no-reference` (log-probabilities beforehand)",
    "kto": "one completion a line; a frozen copy",
    "orpo": "pairs; all logits in 10 B a token and entry",
    "reward": "pairs; no logits",
    "grpo": "answers by transformers; prompt and answer are `--seq`; `--reference` for a penalty. Not with vLLM on the same card; its speed is without generation",  # noqa: E501
    "embedding": "pairs from the batch; `--mini-batch` for cached negatives",
    "rerank": "logits of the last token; the arithmetic of ms-swift from 4.0 too (groups of eight texts), before all logits (`--trainer-version 3.9`)",  # noqa: E501
}  # fmt: skip


def lines() -> dict[tuple[str, str], list[Score]]:
    """(method and way, trainers) -> the scores of its runs."""
    found: dict[str, tuple[set[str], list[Score]]] = {}
    for way, trainer, score in _runs():
        trainers, scores = found.setdefault(way, (set(), []))
        trainers.add(trainer)
        scores.append(score)
    return {(way, ", ".join(sorted(trainers))): scores for way, (trainers, scores) in found.items()}


def _runs() -> Iterator[tuple[str, str, Score]]:
    """(method and way, trainer, score) of every run."""
    for row in read(MEASURED, training_runs.TABLE):
        scores = [one for one in training_runs.measured([row]) if isinstance(one, Score)]
        for score in (one for one in scores if one.quantity == "peak allocation"):
            yield (
                _way(row["loss"], row["strategy"], row["settings"], row["method"], row["optimizer"]),
                row["trainer"],
                score,
            )
    for score in training_runs.two_gpus(read(ROOT / "benchmarks" / "truth", training_runs.TWO)):
        if isinstance(score, Score) and score.quantity == "peak allocation":
            yield "sft, FSDP" if "fsdp" in score.row else "sft, DDP", "torch", score
    alone = (
        *transformers_measured.measured(read(MEASURED, LABORATORY)),
        *of_transformers.h200(read(ROOT / "benchmarks" / "truth", "transformers_h200.csv")),
    )
    for one in alone:
        if (
            isinstance(one, Score)
            and one.quantity == "peak allocation"
            and one.engine in ("full", "lora", "qlora", "training-single")
        ):
            yield "sft, one GPU", "torch", one


def _way(loss: str, strategy: str, settings: str, method: str, optimizer: str) -> str:
    """Method and way of a row of the trainers' own runs."""
    objective = training_runs.OBJECTIVES.get(loss, loss)
    if objective != "sft":
        return objective
    words = {word.split("=")[0] for word in settings.split()}
    ways = {
        "Ulysses with ZeRO-3": "sp" in words,
        "context parallel with FSDP": "cp" in words,
        "offload": "offload" in words,
        "ZeRO": strategy.startswith("zero"),
        "FSDP": strategy.startswith("fsdp"),
        "trained embeddings": "save" in words,
        "DoRA": "dora" in words,
        "freeze": method == "freeze",
        "torchao's AdamW": optimizer.startswith("torchao"),
        "delta nets with --fla": "fla" in words,
    }
    return "sft, " + next((way for way, given in ways.items() if given), "one GPU")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", help="ignored: the tables of the repository are read")
    parser.add_argument("--markdown", action="store_true", help="as it always is")
    parser.parse_args()
    print("| method | trainer | runs | median | worst | what it holds |\n|---|---|---:|---:|---:|---|")
    for (way, trainers), scores in sorted(
        lines().items(), key=lambda line: (not line[0][0].startswith("sft"), line[0])
    ):
        errors = [score.error for score in scores]
        worst = max(errors, key=abs)
        middle = median(abs(error) for error in errors)
        print(f"| {way} | {trainers} | {len(scores)} | {middle:.1%} | {worst:+.1%} | {HOLDS.get(way, '')} |")


if __name__ == "__main__":
    main()
