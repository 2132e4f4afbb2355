"""The catalogue: facts about models and GPUs, each with a source and a date."""

from qwenpick.catalog.gpus import find_gpu, match_gpu
from qwenpick.catalog.load import Catalog, load
from qwenpick.catalog.lookup import find_model
from qwenpick.catalog.schema import Architecture, Checkpoint, Gpu, Model

__all__ = ["Architecture", "Catalog", "Checkpoint", "Gpu", "Model", "find_gpu", "find_model", "load", "match_gpu"]
