"""Files that are replaced whole, and files of tensors."""
