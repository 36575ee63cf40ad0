"""LoRA: low-rank adapters of the layers of a frozen model, with files in peft's form.

`apply` freezes a model and adds an adapter; `merge` adds it to the weights. `save_adapter` and `load_adapter` write and
read the folders of Hugging Face's peft.
"""
from fastnet.lora.adapter import Adapter
from fastnet.lora.files import load_adapter, save_adapter
from fastnet.lora.layers import LoRAConv1d, LoRAConv2d, LoRAConv3d, LoRAEmbedding, LoRALinear, LoRAMultiheadAttention
from fastnet.lora.model import add, apply, delete_adapter, merge, merge_and_unload, set_adapter, unload, unmerge

__all__ = ["Adapter", "LoRAConv1d", "LoRAConv2d", "LoRAConv3d", "LoRAEmbedding", "LoRALinear",
           "LoRAMultiheadAttention", "add", "apply", "delete_adapter", "load_adapter", "merge", "merge_and_unload",
           "save_adapter", "set_adapter", "unload", "unmerge"]
