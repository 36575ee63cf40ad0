"""Datasets that return one sample at a time, samplers, and the DataLoader that makes batches of them, as in PyTorch.

`fastnet.data.TensorDataset` and `fastnet.data.DataLoader` read whole batches, which is faster. The classes here are for
datasets whose samples are read one by one: `dataset[i]` returns a sample, or iteration does.
"""
from fastnet.data.samples.collate import default_collate, default_convert
from fastnet.data.samples.datasets import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from fastnet.data.samples.loader import DataLoader
from fastnet.data.samples.samplers import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from fastnet.data.samples.workers import WorkerInfo, get_worker_info

__all__ = [
    "BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DistributedSampler", "IterableDataset",
    "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset", "SubsetRandomSampler", "TensorDataset",
    "WeightedRandomSampler", "WorkerInfo", "default_collate", "default_convert", "get_worker_info", "random_split",
]
