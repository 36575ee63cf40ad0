"""`torch.utils.tensorboard`: events for TensorBoard, which the package tensorboardX writes."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet._core.optional import optional
from fastnet._core.tensor import Tensor

__all__ = ["SummaryWriter"]

if TYPE_CHECKING:
    class _Writer:
        def __init__(self, *args: Any) -> None: ...
else:
    _Writer = optional("tensorboardX", "SummaryWriter").SummaryWriter


class SummaryWriter(_Writer):
    """Writes scalars, histograms, images and texts to a folder that TensorBoard shows.

    It is tensorboardX's SummaryWriter, which has PyTorch's methods, for fastnet's tensors.

    Args:
        log_dir: the folder; by default runs/TIME_HOST.
        comment: an ending of the default folder's name.
        options: PyTorch's other arguments.

    Raises:
        ImportError: tensorboardX is not installed.
    """

    def __init__(self, log_dir: Any = None, comment: str = "", purge_step: int | None = None, max_queue: int = 10,
                 flush_secs: int = 120, filename_suffix: str = "") -> None:
        super().__init__(None if log_dir is None else str(log_dir), comment, purge_step, max_queue, flush_secs,
                         filename_suffix)

    def add_graph(self, model: Any, input_to_model: Any = None, verbose: bool = False,
                  use_strict_trace: bool = True) -> None:
        """Has no effect but a check that the model takes the input: graphs need TorchScript."""
        if input_to_model is not None:
            model(*input_to_model if isinstance(input_to_model, tuple) else (input_to_model,))


def _of_arrays(name: str) -> Any:
    """The method of the writer, called with arrays in place of tensors."""
    def add(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(super(SummaryWriter, self), name)(
            *map(_as_arrays, args), **{key: _as_arrays(value) for key, value in kwargs.items()})
    add.__name__ = name
    return add


def _as_arrays(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().numpy()
    if isinstance(value, dict):
        return {key: _as_arrays(v) for key, v in value.items()}
    return type(value)(map(_as_arrays, value)) if type(value) in (list, tuple) else value


for _name in ("add_scalar", "add_scalars", "add_histogram", "add_image", "add_images", "add_video", "add_audio",
              "add_embedding", "add_pr_curve", "add_hparams", "add_image_with_boxes", "add_mesh"):
    setattr(SummaryWriter, _name, _of_arrays(_name))
