"""What was left out or changed, in words."""

from wps_sam.cli.remark_lines import remark_lines


def test_remark_lines() -> None:
    lines = remark_lines(
        {"box without area": 1, "box outside the image": 3},
        {"stands for background and becomes no class": 1, "box under 2 pixels": 4},
        {
            "box without area": "annotation 5 of image 3 (a.jpg)",
            "box outside the image": "annotation 1 of image 3 (a.jpg)",
            "stands for background and becomes no class": "category 1 '_background_'",
            "box under 2 pixels": "annotation 17 of image 3 (a.jpg)",
        },
    )
    assert lines == [
        "skipped 3: box outside the image (first: annotation 1 of image 3 (a.jpg))",
        "skipped: annotation 5 of image 3 (a.jpg): box without area",
        "note, 4 times: box under 2 pixels (first: annotation 17 of image 3 (a.jpg))",
        "note: category 1 '_background_': stands for background and becomes no class",
    ]
    assert remark_lines({"odd": 1}, {}, {"odd": "part 1"}, left_out="left out") == [
        "left out: part 1: odd"
    ]
