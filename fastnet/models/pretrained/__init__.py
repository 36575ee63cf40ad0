"""Weights that others trained: files of torchvision, timm and Hugging Face, read into the models of fastnet.

`files` reads a file, a folder or a repository of the Hugging Face Hub, `architectures` makes the model that its
configuration or its tensors describe, and `names` turns the file's names into fastnet's.
"""
