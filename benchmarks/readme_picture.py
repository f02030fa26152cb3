"""Makes docs/pictures/demo.jpg from what `make demo` left: labels, then predictions, side by side.

    python -m benchmarks.readme_picture demo 1 0 3 4 6 2

Three positions of predictions, then three of training pictures.
"""

import json
import sys
from pathlib import Path

from PIL import Image, ImageDraw

from wps_sam.images.palette import class_colors

TARGET = Path(__file__).parent.parent / "docs" / "pictures" / "demo.jpg"
WIDTH, COLUMNS = 400, 3


def boxes_drawn(demo: Path, index: int) -> Image.Image:
    """A training picture with the boxes that were all the program learnt from."""
    folder = demo / "toy"
    labels = json.loads((folder / "annotations" / "train" / "train.json").read_text())
    record = labels["images"][index]
    picture = Image.open(folder / "images" / "train" / record["file_name"]).convert("RGB")
    draw = ImageDraw.Draw(picture)
    order = {category["id"]: k for k, category in enumerate(labels["categories"])}
    colors = class_colors(len(order))
    for part in labels["annotations"]:
        if part["image_id"] == record["id"]:
            x, y, width, height = part["bbox"]
            color = colors[order[part["category_id"]]]
            draw.rectangle((x, y, x + width, y + height), outline=color, width=4)
    return picture


def sheet(rows: list[list[Image.Image]]) -> Image.Image:
    """Pictures in rows, all of one size, with a white gap."""
    height = WIDTH * 3 // 4
    gap = 6
    size = (COLUMNS * (WIDTH + gap) - gap, len(rows) * (height + gap) - gap)
    result = Image.new("RGB", size, "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            small = picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
            result.paste(small, (x * (WIDTH + gap), y * (height + gap)))
    return result


def main() -> None:
    """Write the picture."""
    demo = Path(sys.argv[1])
    overlays = sorted((demo / "predicted" / "overlays").glob("*.jpg"))
    chosen = [Image.open(overlays[i]).convert("RGB") for i in (int(word) for word in sys.argv[2:5])]
    learnt = [boxes_drawn(demo, i) for i in (int(word) for word in sys.argv[5:8])]
    TARGET.parent.mkdir(exist_ok=True)
    sheet([learnt, chosen]).save(TARGET, quality=85)


if __name__ == "__main__":
    main()
