"""The table of formats in docs/formats.md: each tick has a test behind it, and each test exists."""

import ast
from pathlib import Path

from wps_sam.inference.writers import FORMATS
from wps_sam.writing.formats import WRITERS

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "formats.md"
COLUMNS = ("read boxes", "read points", "read truth", "write")
TICK, DASH = "✓", "\N{EN DASH}"

READ = "labels/formats/test_"
ROUND = "writing/test_round_trips.py::"
BEHIND = {
    ("COCO", "read boxes"): "labels/test_weak_reading.py::test_read_weak__boxes",
    ("COCO", "read points"): f"{READ}coco_keypoints.py::test_points__the_simplest_point_file",
    ("COCO", "read truth"): "evaluation/test_truth.py::test_every_kind_of_mask_is_read",
    ("COCO", "write"): "writing/test_coco.py::test_whole_file",
    ("YOLO", "read boxes"): f"{READ}yolo.py::test_boxes_outlines_and_empty_files",
    ("YOLO", "read points"): f"{READ}yolo.py::test_keypoints_are_points",
    ("YOLO", "read truth"): f"{READ}yolo.py::test_outlines_are_truth",
    ("YOLO", "write"): "writing/test_yolo.py::test_labelformat_reads_the_same",
    ("LabelMe", "read boxes"): f"{READ}labelme.py::test_open_labelme__shapes",
    ("LabelMe", "read points"): f"{READ}labelme.py::test_open_labelme__shapes",
    ("LabelMe", "read truth"): f"{ROUND}test_truth_of_written_outlines",
    ("LabelMe", "write"): "writing/test_labelme.py::test_file_beside_the_photograph",
    ("CVAT for images 1.1", "read boxes"): f"{READ}cvat.py::test_open_cvat__shapes",
    ("CVAT for images 1.1", "read points"): f"{READ}cvat.py::test_open_cvat__shapes",
    ("CVAT for images 1.1", "read truth"): f"{ROUND}test_truth_of_written_outlines",
    ("CVAT for images 1.1", "write"): "writing/test_cvat.py::test_labelformat_reads_the_same_boxes",
    (
        "Label Studio",
        "read boxes",
    ): f"{READ}label_studio.py::test_open_label_studio__regions_in_pixels",
    (
        "Label Studio",
        "read points",
    ): f"{READ}label_studio.py::test_open_label_studio__regions_in_pixels",
    ("Label Studio", "read truth"): f"{ROUND}test_truth_of_written_outlines",
    ("Label Studio", "write"): "writing/test_label_studio.py::test_task_of_labels",
    ("index PNG label maps", "read boxes"): (
        f"{READ}label_map.py::test_open_label_map__a_box_for_each_piece"
    ),
    ("index PNG label maps", "read truth"): (
        f"{READ}label_map.py::test_open_label_map__truth_has_the_same_pixels"
    ),
    ("index PNG label maps", "write"): (
        f"{ROUND}test_label_map_is_the_truth_of_the_labels_pixel_by_pixel"
    ),
    ("Pascal VOC XML", "read boxes"): f"{READ}voc.py::test_parts_of_objects_are_the_parts",
    ("PACO", "read boxes"): f"{READ}paco.py::test_parts_with_their_sparse_ids",
    ("PACO", "read truth"): f"{READ}paco.py::test_truth_leaves_objects_out",
    ("PartImageNet", "read boxes"): (
        f"{READ}part_image_net.py::test_open_part_image_net__boxes_of_the_json"
    ),
    ("PartImageNet", "read truth"): (
        f"{READ}part_image_net.py::test_open_part_image_net__truth_of_the_label_maps"
    ),
    ("PASCAL-Part", "read boxes"): f"{READ}pascal_part.py::test_open_pascal_part__every_raw_part",
    ("PASCAL-Part", "read truth"): f"{READ}pascal_part.py::test_open_pascal_part__truth",
    (
        "Car-Parts",
        "read boxes",
    ): "labels/test_weak_reading.py::test_read_weak__one_part_per_polygon",
    (
        "Car-Parts",
        "read truth",
    ): "evaluation/test_truth.py::test_what_is_left_out_is_counted_and_named",
}
"""Test by format and column. Car-Parts is COCO with a background category and several polygons in
one annotation."""


def ticked_cells() -> set[tuple[str, str]]:
    """The ticked cells of the page's first table."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert tuple(head) == ("format", *COLUMNS)
    found = set()
    for name, *cells in rows[: _length(rows)]:
        assert set(cells) <= {TICK, DASH}, name
        found |= {(name, c) for c, cell in zip(COLUMNS, cells, strict=True) if cell == TICK}
    return found


def _length(rows: list[list[str]]) -> int:
    """Rows of the first table; the next table's head has other columns."""
    return next(i for i, row in enumerate(rows) if row[0] in ("option", "format"))


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_tick_has_a_test_and_each_test_a_tick() -> None:
    assert ticked_cells() == BEHIND.keys()


def test_each_test_exists() -> None:
    missing = []
    for place in BEHIND.values():
        file, name = place.split("::")
        path = TESTS / file
        if not path.is_file() or name not in functions_of(path):
            missing.append(place)
    assert not missing


def test_every_writer_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in (*WRITERS, *(set(FORMATS) - {"semantic", "overlay"})):
        assert f"`{name}`" in text, name
