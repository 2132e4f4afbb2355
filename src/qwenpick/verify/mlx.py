"""What mlx-lm prints after a run: the peak of its memory, decimal GB, and how fast it read and wrote. mlx-lm 0.32.2."""

from __future__ import annotations

import re

from qwenpick.memory.account import Part, gpu
from qwenpick.verify.compare import WHOLE
from qwenpick.verify.observation import Measured, Observation, last, observed

_PEAK = re.compile(r"[Pp]eak[ _]memory[:=] ?([\d.]+)")
_READ = re.compile(r"Prompt: (\d+) tokens, ([\d.]+) tokens-per-sec")
_WROTE = re.compile(r"Generation: (\d+) tokens, ([\d.]+) tokens-per-sec")
_TIMED = re.compile(r"prompt_tokens=(\d+), generation_tokens=(\d+), batch_size=(\d+)")
_AVERAGES = re.compile(r"Averages: prompt_tps=([\d.]+), generation_tps=([\d.]+), peak_memory=([\d.]+)")
_MODEL = re.compile(r"--model[ =](\S+)|((?:mlx-community|lmstudio-community)/\S+)")


def parse(log: list[str]) -> Observation:
    """What the last run in the log says."""
    peak, read, wrote = last(_PEAK, log), last(_READ, log), last(_WROTE, log)
    timed, averages, model = last(_TIMED, log), last(_AVERAGES, log), last(_MODEL, log)
    prompt = int(timed[1]) if timed else int(read[1]) if read else None
    answer = int(timed[2]) if timed else int(wrote[1]) if wrote else 0
    speeds = list[Measured]()
    if averages and prompt is not None and timed:
        speeds = [
            Measured("prefill", float(averages[1]), prompt),
            Measured("decode", float(averages[2]) / int(timed[3]), answer, prompt),
        ]
    elif read and wrote:
        speeds = [
            Measured("prefill", float(read[2]), int(read[1])),
            Measured("decode", float(wrote[2]), answer, int(read[1])),
        ]
    parts = [Part("peak memory", round(float(peak[1]) * 1e9), gpu(0), peak[0], WHOLE)] if peak else []
    return Observation(
        engine="mlx",
        memory=observed(parts),
        model=(model[1] or model[2]) if model else None,
        context=prompt + answer if prompt is not None else None,
        sequences=int(timed[3]) if timed else 1,
        speeds=tuple(speeds),
    )
