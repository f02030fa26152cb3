"""`load_sam`: from a name or a path to a frozen SAM."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import PreTrainedConfig

from wps_sam.errors import CheckpointError, ConfigError
from wps_sam.sam import edgetam, mobile_sam, repvit_sam, sam2, sam_hq, vit_sam
from wps_sam.sam.adapter import Adapter
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.weights_file import WEIGHT_SUFFIXES, read_weights

# A further backbone is one file with an ADAPTER and one line here.
ADAPTERS: tuple[Adapter, ...] = (
    mobile_sam.ADAPTER,
    vit_sam.ADAPTER,
    sam_hq.ADAPTER,
    sam2.ADAPTER,
    edgetam.ADAPTER,
    repvit_sam.ADAPTER,
)
SAM_NAMES: dict[str, Callable[[str], FrozenSam]] = {
    name: adapter.load_named
    for adapter in ADAPTERS
    if adapter.load_named is not None
    for name in adapter.names
}
# Of SAM 2 and EdgeTAM, what the official file calls the encoder.
_SAM2_ENCODER = "image_encoder.trunk."


def load_sam(
    name_or_path: str | Path = "mobile_sam", device: str | torch.device = "cpu"
) -> FrozenSam:
    """Load a frozen SAM.

    Args:
        name_or_path: "mobile_sam" (comes with the package); another of `SAM_NAMES` (from the hub);
            a file of weights with official names (mobile_sam.pt, sam_vit_b_01ec64.pth,
            sam_hq_vit_b.pth, repvit_sam.pt, or .safetensors), whose architecture is recognised; a
            folder in the format of `transformers`; or a hub id such as "facebook/sam-vit-base".
        device: Where to put it.

    Returns:
        The frozen model in float32.

    Raises:
        ConfigError: The name or path means nothing, or its kind is not supported.
        CheckpointError: The file is damaged or does not fit its architecture.
    """
    sam = _load(str(name_or_path))
    return sam.to(device)


def _load(name_or_path: str) -> FrozenSam:
    """Decide what `name_or_path` means."""
    if name_or_path in SAM_NAMES:
        return SAM_NAMES[name_or_path](name_or_path)
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return _load_pretrained(str(path))
    if path.exists() or path.suffix in WEIGHT_SUFFIXES:
        return _load_file(path)
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name_or_path):
        return _load_pretrained(name_or_path)
    raise ConfigError(
        f"{name_or_path!r} is neither a known SAM nor a file or folder. Known names: "
        f"{', '.join(SAM_NAMES)}. Otherwise give the path of a checkpoint "
        f"({', '.join(WEIGHT_SUFFIXES)}), a folder with config.json, or a hub id (owner/name)."
    )


def _load_file(path: Path) -> FrozenSam:
    """Load a file of weights with the adapter that recognises its parameter names."""
    weights = read_weights(path)
    for adapter in ADAPTERS:
        if adapter.build is not None and adapter.recognises(weights.keys()):
            return adapter.build(weights, str(path))
    if any(name.startswith(_SAM2_ENCODER) for name in weights):
        raise CheckpointError(
            f"{path}: found an official file of SAM 2 or EdgeTAM, expected the same weights in the "
            f"format of transformers. Give one of {', '.join((*sam2.HUB_IDS, *edgetam.HUB_IDS))}, "
            "which come from the hub, or a folder with config.json and model.safetensors."
        )
    families = ", ".join(adapter.family for adapter in ADAPTERS if adapter.build is not None)
    shown = ", ".join(sorted(weights)[:4]) + (", ..." if len(weights) > 4 else "")
    raise CheckpointError(
        f"{path}: found {len(weights)} parameters ({shown}) of an architecture that is not "
        f"supported, expected the official names of {families}. For SAM in the format of "
        "transformers give the folder that holds its config.json."
    )


def _load_pretrained(folder_or_id: str) -> FrozenSam:
    """Load a `transformers` folder or hub id with the adapter for its model type."""
    if Path(folder_or_id).is_dir() and not (Path(folder_or_id) / "config.json").is_file():
        raise ConfigError(
            f"{folder_or_id}: found a folder without config.json, expected a SAM in the format of "
            "transformers. For a checkpoint file give the path of the file itself."
        )
    try:
        settings, _ = PreTrainedConfig.get_config_dict(folder_or_id)
    except (OSError, json.JSONDecodeError) as error:
        raise ConfigError(
            f"{folder_or_id}: its config.json cannot be read ({str(error).splitlines()[0]}). Check "
            "the name and the network, or give the path of a downloaded checkpoint."
        ) from error
    model_type = settings.get("model_type")
    for adapter in ADAPTERS:
        if model_type in adapter.hub_model_types and adapter.load_pretrained is not None:
            return adapter.load_pretrained(folder_or_id)
    supported = [kind for adapter in ADAPTERS for kind in adapter.hub_model_types]
    families = ", ".join(adapter.family for adapter in ADAPTERS if adapter.hub_model_types)
    raise ConfigError(
        f"{folder_or_id}: found model_type {model_type!r} in config.json, expected one of "
        f"{supported}. Supported families: {families}."
    )
