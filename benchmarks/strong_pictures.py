"""Draw held-out photographs' parts: truth, recipe `paper`, recipe `strong`, on a plain background.

    python -m benchmarks.strong_pictures DATA --paper RUN --strong RUN [--cache DIR] [--out FILE]

DATA is the Car-Parts annotations.json. Every 5th image is held out; eight of these are drawn, at
equal distances in the file. The photographs carry no licence, so nothing of them is drawn: only
masks in class colours, with their borders. Writes docs/pictures/strong-on-cars.png.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_erosion

from wps_sam.cli.embed_labels import embed_labels
from wps_sam.cli.label_place import LabelPlace
from wps_sam.cli.mask_validation import image_parts
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache, default_cache_root
from wps_sam.evaluation.parts import ImageParts
from wps_sam.images.palette import class_colors
from wps_sam.inference.segmenter import PartSegmenter

HOLDOUT, PICTURES = 5, 8
TILE_WIDTH, TILE_HEIGHT, MARGIN, LEGEND = 300, 200, 12, 200
BACKGROUND, BORDER, TEXT = (245, 245, 245), (40, 40, 40), (30, 30, 30)
RESULT = Path(__file__).parents[1] / "docs" / "pictures" / "strong-on-cars.png"


def rgb(color: str) -> tuple[int, int, int]:
    """`#rrggbb` as numbers."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def draw_parts(parts: ImageParts, colors: list[str]) -> Image.Image:
    """Paint the parts of one image by the overlap rule, with borders, in the size of a tile."""
    painted = np.asarray(parts.part_map())
    palette = np.array([BACKGROUND, *(rgb(colors[index]) for index in parts.class_index)], np.uint8)
    picture: NDArray[np.uint8] = palette[painted]
    width = max(1, round(max(painted.shape) / 250))
    for part in range(1, len(parts.class_index) + 1):
        mask = painted == part
        picture[mask & ~binary_erosion(mask, iterations=width, border_value=1)] = BORDER
    tile = Image.new("RGB", (TILE_WIDTH, TILE_HEIGHT), "white")
    small = Image.fromarray(picture)
    small.thumbnail((TILE_WIDTH, TILE_HEIGHT), Image.Resampling.LANCZOS)
    tile.paste(small, ((TILE_WIDTH - small.width) // 2, (TILE_HEIGHT - small.height) // 2))
    return tile


def compose(rows: list[list[Image.Image]], titles: list[str], names: list[str]) -> Image.Image:
    """Tiles under their titles, and the classes' colours beside them."""
    columns, head = len(titles), 30
    width = columns * (TILE_WIDTH + MARGIN) + MARGIN + LEGEND
    page = Image.new("RGB", (width, head + len(rows) * (TILE_HEIGHT + MARGIN)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for column, title in enumerate(titles):
        draw.text((MARGIN + column * (TILE_WIDTH + MARGIN), 8), title, TEXT, font=font)
    for line, row in enumerate(rows):
        for column, tile in enumerate(row):
            place = MARGIN + column * (TILE_WIDTH + MARGIN), head + line * (TILE_HEIGHT + MARGIN)
            page.paste(tile, place)
    left = columns * (TILE_WIDTH + MARGIN) + MARGIN
    for line, (name, color) in enumerate(zip(names, class_colors(len(names)), strict=True)):
        top = head + line * 24
        draw.rectangle((left, top, left + 16, top + 16), fill=rgb(color), outline=BORDER)
        draw.text((left + 24, top - 1), name, TEXT, font=font)
    return page


def main() -> None:
    """Draw and save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--paper", type=Path, required=True)
    parser.add_argument("--strong", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=default_cache_root())
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    segmenters = [PartSegmenter.load(run, device="cpu") for run in (given.paper, given.strong)]
    sam = segmenters[0].sam
    place = LabelPlace(given.data, holdout=HOLDOUT)
    truth = place.truth()
    held_out = place.weak_labels().split_every(HOLDOUT)[1]
    store = EmbeddingCache(given.cache, Fingerprint.of(sam))
    features = embed_labels(store, sam, held_out)
    colors = class_colors(len(held_out.class_names))
    rows = []
    for position in (i * len(held_out.images) // PICTURES for i in range(PICTURES)):
        image = held_out.images[position]
        tiles = [draw_parts(truth.parts(position), colors)]
        for segmenter in segmenters:
            found = segmenter.predict_features(
                store.read(features.keys[position]), (image.height, image.width)
            )
            tiles.append(draw_parts(image_parts(found), colors))
        rows.append(tiles)
    compose(rows, ["truth", "paper", "strong"], list(held_out.class_names)).save(
        given.out, optimize=True
    )


if __name__ == "__main__":
    main()
