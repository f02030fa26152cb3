"""Photographs to embed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wps_sam.embeddings.view_readers import ImageToEmbed


@pytest.fixture
def photographs(tmp_path: Path) -> list[ImageToEmbed]:
    """Three different images, a copy of the first, and one that is cut short."""
    rng = np.random.default_rng(0)
    found = []
    for name in ("a", "b", "c"):
        path = tmp_path / f"{name}.png"
        Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(path)
        found.append(ImageToEmbed(path, path.name))
    copy = tmp_path / "copy.png"
    copy.write_bytes(found[0].path.read_bytes())
    broken = tmp_path / "broken.png"
    broken.write_bytes(found[1].path.read_bytes()[:500])
    return [*found, ImageToEmbed(copy, "copy.png"), ImageToEmbed(broken, "broken.png")]
