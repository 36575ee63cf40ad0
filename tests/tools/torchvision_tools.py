"""torchvision's models, also where its compiled operators do not load, since they fit one version of PyTorch only."""
import pytest

# The operators that `import torchvision` expects to find. Models do not call them, so their signatures do not matter.
OPERATORS = (
    "nms", "qnms", "qroi_align", "box_iou_rotated", "roi_align", "_roi_align_backward", "ps_roi_align",
    "_ps_roi_align_backward", "roi_pool", "_roi_pool_backward", "ps_roi_pool", "_ps_roi_pool_backward", "deform_conv2d",
    "_deform_conv2d_backward")
_library = []                           # PyTorch forgets the definitions with this object


def torchvision_models():
    """The module torchvision.models; skips the test if torchvision is not installed."""
    torch = pytest.importorskip("torch")
    try:
        import torchvision.models
    except RuntimeError:                # an operator does not exist
        _library.append(torch.library.Library("torchvision", "FRAGMENT"))
        for operator in OPERATORS:
            _library[0].define(f"{operator}(Tensor x) -> Tensor")
    except ModuleNotFoundError as e:
        pytest.skip(f"torchvision is not installed: {e}")
    import torchvision.models
    return torchvision.models
