"""Part segmentation from part boxes: WPS-SAM in Python.

`PartSegmenter.load(run).predict(image)` cuts a photograph into named part masks. The names are
looked up on first use, so that `import wps_sam` stays quick.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wps_sam.inference.prediction import PartPrediction
    from wps_sam.inference.segmenter import PartSegmenter

__version__ = version("wps-sam")
__all__ = ["PartPrediction", "PartSegmenter", "__version__"]

_HOME_OF = {
    "PartPrediction": "wps_sam.inference.prediction",
    "PartSegmenter": "wps_sam.inference.segmenter",
}


def __getattr__(name: str) -> Any:
    """Import a public class when it is first asked for."""
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'wps_sam' has no attribute {name!r}")
