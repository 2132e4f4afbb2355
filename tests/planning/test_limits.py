"""What is said of a context beyond the native one."""

from __future__ import annotations

import pytest

from qwenpick.catalog import Catalog
from qwenpick.planning.limits import check_context


@pytest.mark.parametrize(("context", "factor"), [(65536, "2.0"), (131072, "4.0"), (49152, "1.5")])
def test_the_yarn_factor_is_the_one_that_the_context_needs(catalog: Catalog, context: int, factor: str) -> None:
    note = check_context(catalog.models["qwen3-8b"], context)
    assert note
    assert f"YaRN factor {factor} (original 32768)" in note
