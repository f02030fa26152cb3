"""The promise that a model never learns."""

from typing import Any, Self

from torch import nn
from torch.nn.modules.module import _IncompatibleKeys

from wps_sam.sam.weights_hash import frozen_parameters_hash


class FrozenModule(nn.Module):
    """A module that never learns, whatever other module holds it.

    Frozen is a property of the type: no parameter asks for a gradient, `.train()` leaves it in
    evaluation mode, and as a child of another module it adds nothing to that module's `state_dict`
    and asks for nothing when one is loaded.
    """

    def __init__(self) -> None:
        """Arrange for parents not to miss the weights; subclasses call `freeze` when built."""
        super().__init__()
        self._fingerprint: str | None = None
        self._prefix_in_parent: str | None = None
        self.register_load_state_dict_post_hook(_forgive_missing_when_child)  # type: ignore[no-untyped-call]  # torch has no annotation

    @property
    def fingerprint(self) -> str:
        """SHA-256 hex of all weights, computed once; see `frozen_parameters_hash`."""
        if self._fingerprint is None:
            self._fingerprint = frozen_parameters_hash(self)
        return self._fingerprint

    def freeze(self) -> Self:
        """Take every parameter out of training; adapters call this when they are built.

        Returns:
            This model.
        """
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, whatever a parent module asks for."""
        del mode
        return super().train(False)

    def state_dict(self, *args: Any, prefix: str = "", **kwargs: Any) -> Any:
        """All weights when asked directly, nothing when asked as a child of another module."""
        if prefix:
            return kwargs.get("destination", {})
        return super().state_dict(*args, prefix=prefix, **kwargs)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Remember under which name a parent loads this model, for the hook below."""
        self._prefix_in_parent = prefix
        self._fingerprint = None
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _forgive_missing_when_child(module: nn.Module, keys: _IncompatibleKeys) -> None:
    """Drop the frozen weights from a parent's list of missing keys: they are never saved there."""
    prefix = getattr(module, "_prefix_in_parent", None)
    if prefix:
        keys.missing_keys[:] = [key for key in keys.missing_keys if not key.startswith(prefix)]
