"""Speed of local engines (llama.cpp and its kin, MLX), over all tables and by device class: `python benchmarks/speed_local.py --truth DIR`.

Beside each error of the constants in force stands that of rows whose source they were fitted without, as tools/fit_speed.py left it in
data/speed.json.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.speed import figures, scored
from qwenpick.speed.measured import measured

LOCAL = ("llamacpp", "ollama", "lmstudio", "mlx")


def main() -> None:
    """Print both tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truth", type=Path, required=True, help="directory with the tables")
    parser.add_argument("--markdown", action="store_true", help="as it always does")
    runs = [(run, band) for _table, run, band in scored(parser.parse_args().truth)[0] if run.engine in LOCAL]
    known = measured()
    lines = [
        "| quantity | rows | median error | 90 % within | in band | sources left out: median | 90 % within |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for quantity in ("decode", "prefill"):
        f = figures((run, band) for run, band in runs if run.quantity == quantity)
        left = known.left_out[quantity]
        lines.append(
            f"| {quantity} | {f['rows']} | {f['median']:.1%} | {f['p90']:.1%} | {f['in_band']:.0%} | {left.median:.1%} | {left.p90:.1%} |"
        )
    lines += [
        "",
        "| engine | class | quantity | rows | sources | median error | left out | range | holds |",
        "|---|---|---|--:|--:|--:|--:|---|--:|",
    ]
    for quantity, table in (("decode", known.decode_spread), ("prefill", known.prefill_spread)):
        lines += [
            f"| {engine} | {kind} | {quantity} | {s.rows} | {s.sources} | {s.error:.1%} | {s.left_out:.1%} "
            f"| {s.low - 1:+.0%} to {s.high - 1:+.0%} | {s.held:.0%} |"
            for (engine, kind), s in sorted(table.items())
            if engine in LOCAL
        ]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
