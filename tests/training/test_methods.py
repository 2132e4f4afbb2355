"""What every training method must have besides its line in training/methods.py: the list for who adds one."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import get_args, get_type_hints

import pytest

from qwenpick.catalog import Catalog
from qwenpick.cli.common.training import Tuning
from qwenpick.errors import QwenpickError
from qwenpick.launch.training import MAKERS, launch
from qwenpick.machine.simulate import simulate
from qwenpick.render.tuning import tuning_report
from qwenpick.training.answer import tune
from qwenpick.training.methods import METHODS
from qwenpick.work.serving import Training

RECIPE = ("prepare", "FORMATS", "READ_FROM")


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_in_every_file_that_tells_methods_apart(method: str) -> None:
    module = f"qwenpick.training.{method}"
    recipe = import_module(module) if find_spec(module) else None
    options = get_args(get_type_hints(Tuning, include_extras=True)["train"])
    there = {
        f"Recipe's prepare, FORMATS, READ_FROM in src/qwenpick/training/{method}.py": all(hasattr(recipe, name) for name in RECIPE),
        "the help of --train in src/qwenpick/cli/common/training.py": any(f"{method}," in getattr(one, "help", "") for one in options),
    }  # fmt: skip
    missing = [place for place, found in there.items() if not found]
    assert not missing, f"{method} is not in: {'; '.join(missing)}"


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_planned_shown_and_started_by_a_trainer(catalog: Catalog, method: str) -> None:
    box, model, started = simulate(catalog, ["h200"], None, 64 * 2**30, False), catalog.models["qwen3-8b"], []
    for trainer in MAKERS:
        training = Training(method, trainer=trainer, layers=2 if method == "freeze" else None)
        try:
            run = tune(catalog, box, model, training, reach=False)
            started.append(launch(model, catalog.architecture(model), training, run.checkpoint))
        except QwenpickError:  # a trainer that lacks the method says so
            continue
        assert tuning_report(run, box, None, False)
    assert started, "no launch of it in src/qwenpick/launch/training/"


@pytest.mark.parametrize("trainer", MAKERS)
def test_no_trainer_starts_one_method_as_another(catalog: Catalog, trainer: str) -> None:
    box, model = simulate(catalog, ["h200"], None, 64 * 2**30, False), catalog.models["qwen3-8b"]
    found: dict[str, str] = {}
    for method in METHODS:
        training = Training(method, trainer=trainer, layers=2 if method == "freeze" else None)
        try:
            run = tune(catalog, box, model, training, reach=False)
            words = str(launch(model, catalog.architecture(model), training, run.checkpoint))
        except QwenpickError:
            continue
        same = found.setdefault(words, method)
        assert same == method, f"src/qwenpick/launch/training/{MAKERS[trainer]}.py starts {method} as {same}"


def test_dora_is_lora_with_magnitudes() -> None:
    wanted = Tuning(train="dora").read()
    assert wanted is not None and (wanted.training.method, wanted.training.dora) == ("lora", True)
