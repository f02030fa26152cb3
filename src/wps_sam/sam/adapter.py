"""The seam for further SAMs: what `load_sam` must know of a family of checkpoints."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from torch import Tensor

from wps_sam.sam.frozen import FrozenSam


@dataclass(frozen=True)
class Adapter:
    """One family of SAMs. A new one is a file that ends in such an object, and a line in build.py.

    Attributes:
        family: The family's name in messages, e.g. "MobileSAM".
        names: The names a user can ask for, e.g. "mobile_sam".
        load_named: Loads one of `names`, from the package or the hub; None if there are none.
        recognises: Whether a checkpoint with these parameter names is of this family; of any
            checkpoint, one family at most says yes.
        build: Builds the frozen model from a checkpoint's tensors and its file name for messages;
            None if no file of weights alone can be loaded.
        hub_model_types: `model_type` values in a `transformers` folder's config.json it can load.
        load_pretrained: Loads a `transformers` folder or hub id; None if there is no such format.
    """

    family: str
    names: tuple[str, ...] = ()
    load_named: Callable[[str], FrozenSam] | None = None
    recognises: Callable[[Collection[str]], bool] = lambda names: False
    build: Callable[[dict[str, Tensor], str], FrozenSam] | None = None
    hub_model_types: tuple[str, ...] = ()
    load_pretrained: Callable[[str], FrozenSam] | None = None
