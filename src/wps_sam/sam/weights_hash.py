"""A name for a set of weights that changes whenever one of them does."""

import hashlib

import torch
from torch import nn


def frozen_parameters_hash(sam: nn.Module) -> str:
    """Hash a model's weights, parameters and buffers that belong to its checkpoint.

    Args:
        sam: Any module; its `state_dict` is hashed as it stands now.

    Returns:
        SHA-256 hex over sorted names, dtypes, shapes and bytes; the device does not matter.
    """
    digest = hashlib.sha256()
    for key, tensor in sorted(sam.state_dict().items()):
        digest.update(f"{key}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
