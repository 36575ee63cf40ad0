"""Datasets, batches, tables, folders of images, windows of time series, preparation of tables, and augmentation.

pandas, polars and Pillow are imported only by the functions that need them.
"""
from fastnet.data.annotations import Dataset
from fastnet.data.arrays import as_array
from fastnet.data.dataset import Subset, TensorDataset
from fastnet.data.finiteness import finite
from fastnet.data.folders import ImageFolder
from fastnet.data.frames import columns, split_target
from fastnet.data.loader import DataLoader
from fastnet.data.multi_targets import MultiTargetPreparation
from fastnet.data.multimodal import MultimodalDataset
from fastnet.data.pictures import read_picture
from fastnet.data.preparation import TablePreparation
from fastnet.data.splits import random_split, stratified_split
from fastnet.data.tables import read_blocks, read_cells, read_columns, read_table
from fastnet.data.targets import TargetPreparation
from fastnet.data.transforms import (
    CenterCrop,
    ColorJitter,
    Compose,
    CutMix,
    Cutout,
    GaussianNoise,
    MixUp,
    Normalize,
    RandAugment,
    RandomChoice,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomRotation,
    RandomShift,
    RandomVerticalFlip,
    Resize,
    ToChannelsFirst,
    TrivialAugmentWide,
)
from fastnet.data.windows import Windows

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Cutout",
    "DataLoader",
    "Dataset",
    "GaussianNoise",
    "ImageFolder",
    "MixUp",
    "MultiTargetPreparation",
    "MultimodalDataset",
    "Normalize",
    "RandAugment",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomShift",
    "RandomVerticalFlip",
    "Resize",
    "Subset",
    "TablePreparation",
    "TargetPreparation",
    "TensorDataset",
    "ToChannelsFirst",
    "TrivialAugmentWide",
    "Windows",
    "as_array",
    "columns",
    "finite",
    "random_split",
    "read_blocks",
    "read_cells",
    "read_columns",
    "read_picture",
    "read_table",
    "split_target",
    "stratified_split",
]
