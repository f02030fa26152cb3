"""The embedding cache: one small safetensors file an image, named by the image's content.

`ROOT/<sam name>-<fingerprint digest>/<first two digits>/<sha256>-<height>x<width>.safetensors`,
and with `-<code of the view>` behind the width where the image is not taken as it is.

A file appears under its name only when it is complete (written aside, flushed, then renamed), so
a run that is killed loses at most the few batches it was on, and several writers may share a cache.
Files are memory-mapped when read: memory stays flat as the data set grows. Why one file an image
and not an array store: benchmarks/embedding_store.py.
"""

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.errors import CacheError
from wps_sam.files import write_atomically
from wps_sam.images.reading import content_hash, image_size
from wps_sam.views.view import PLAIN, View

_FEATURES = "features"


def default_cache_root() -> Path:
    """`$WPS_SAM_CACHE`, else `~/.cache/wps-sam/embeddings`."""
    named = os.environ.get("WPS_SAM_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "wps-sam" / "embeddings"


def embedding_key(
    image: Path, expected_hw: tuple[int, int] | None = None, view: View = PLAIN
) -> str:
    """Name an image by what is in it, so that copies share one embedding and edits do not.

    Args:
        image: the file.
        expected_hw: (height, width) that a label record gives; decides whether an EXIF rotation
            applies, which is why the size is part of the key.
        view: how the image is looked at.
    """
    height, width = expected_hw if expected_hw is not None else image_size(image)
    code = view.code()
    return f"{content_hash(image)}-{height}x{width}{'-' if code else ''}{code}"


def _complete_size(path: Path) -> int:
    """Bytes a safetensors file must have by its own header; -1 if the header is cut off."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(min(length, 1 << 20))
    try:
        tensors: dict[str, Any] = json.loads(header)
    except ValueError:
        return -1
    tensors.pop("__metadata__", None)
    return 8 + length + max((t["data_offsets"][1] for t in tensors.values()), default=0)


class EmbeddingCache:
    """Features of many images on disk, all made by one SAM in one way."""

    def __init__(self, root: Path, fingerprint: Fingerprint) -> None:
        """Open a cache, making its folder if needed.

        Raises:
            CacheError: the folder cannot be made, or its fingerprint file says something else
                than its name.
        """
        self.fingerprint = fingerprint
        self.folder = root / f"{fingerprint.sam_name}-{fingerprint.digest()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CacheError(
                f"The embedding cache {self.folder} cannot be made: {error.strerror}. Choose "
                "another folder with --cache."
            ) from error
        self._check_or_write_fingerprint()

    def _check_or_write_fingerprint(self) -> None:
        path = self.folder / "fingerprint.json"
        mine = asdict(self.fingerprint)
        if not path.exists():
            write_atomically(path, json.dumps(mine, indent=1).encode())
            return
        try:
            found = json.loads(path.read_text())
        except ValueError as error:
            raise CacheError(
                f"{path}: not readable as JSON ({error}). Delete the folder {self.folder}; its "
                "embeddings will be computed again."
            ) from error
        for field, expected in mine.items():
            if not isinstance(found, dict) or found.get(field) != expected:
                value = found.get(field) if isinstance(found, dict) else found
                raise CacheError(
                    f"{path}: {field} is {value!r}, but this run needs {expected!r}. The cache was "
                    "made by something else; delete it or choose another folder with --cache."
                )

    def path(self, key: str) -> Path:
        """Where the embedding of that key is or will be."""
        return self.folder / key[:2] / f"{key}.safetensors"

    def state(self, key: str) -> str:
        """`ready`, `missing`, or `damaged` (cut short or not safetensors)."""
        path = self.path(key)
        if not path.exists():
            return "missing"
        return "ready" if _complete_size(path) == path.stat().st_size else "damaged"

    def write(self, key: str, features: Tensor) -> None:
        """Store one image's features.

        Args:
            key: of `embedding_key`.
            features: (C, h, w) of any float type and device, one image of `FrozenSam.encode`;
                kept as float16.
        """
        path = self.path(key)
        path.parent.mkdir(exist_ok=True)
        half = features.detach().to("cpu", torch.float16).contiguous()
        write_atomically(path, save({_FEATURES: half}))

    def read_ahead(self, keys: Iterable[str]) -> None:
        """Ask the system to fetch embeddings from the disk meanwhile, where it can be asked.

        What goes wrong here is left to `read`; some network file systems know no such wish.
        """
        if not hasattr(os, "posix_fadvise"):  # not on macOS and Windows
            return
        for key in keys:
            with contextlib.suppress(OSError), self.path(key).open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)

    def read(self, key: str) -> Tensor:
        """Memory-map one image's features.

        Returns:
            (C, h, w) float16 on the CPU.

        Raises:
            CacheError: missing or damaged; the message names the file.
        """
        path = self.path(key)
        state = self.state(key)
        if state == "missing":
            raise CacheError(
                f"{path}: no such embedding. Run `wps-sam embed` over the images first (training "
                "does it by itself)."
            )
        try:
            if state == "damaged":
                raise SafetensorError("the file is cut short")
            with safe_open(path, framework="pt") as file:
                features: Tensor = file.get_tensor(_FEATURES)
                return features
        except SafetensorError as error:
            raise CacheError(
                f"{path}: damaged embedding ({error}). Delete this file and run again; only its "
                "image is embedded anew."
            ) from error
