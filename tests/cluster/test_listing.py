"""Images that are in lists, in tar files and in object storage."""

import io
import tarfile
from pathlib import Path

import fsspec
import pytest
from PIL import Image

from wps_sam.cluster.listing import find_anywhere, list_anywhere
from wps_sam.cluster.stored_images import StoredImage
from wps_sam.errors import ConfigError, DataError
from wps_sam.inference.sources import ImageToPredict, Selection

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def png(side: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def bucket() -> str:
    """Object storage in memory: two images, one deeper, and what is none."""
    storage = fsspec.filesystem("memory")
    storage.store.clear()
    for path, content in {
        "/bucket/cars/b.jpg": b"b",
        "/bucket/cars/new/a.png": b"aa",
        "/bucket/cars/.hidden.png": b"",
        "/bucket/cars/notes.doc": b"",
    }.items():
        storage.pipe_file(path, content)
    return "memory://bucket/cars"


def places(images: list[ImageToPredict]) -> list[tuple[int | str, str, str]]:
    return [
        (i.image_id, i.name, i.address if isinstance(i, StoredImage) else str(i.path))
        for i in images
    ]


def test_storage__folder_pattern_and_single(bucket: str) -> None:
    folder = [
        (1, "b.jpg", "memory:///bucket/cars/b.jpg"),
        (2, "new/a.png", "memory:///bucket/cars/new/a.png"),
    ]
    assert places(list_anywhere([bucket])) == folder
    assert places(list_anywhere([f"{bucket}/*.jpg"])) == folder[:1]
    single = list_anywhere([f"{bucket}/b.jpg"])
    assert places(single) == [(1, "bucket/cars/b.jpg", f"{bucket}/b.jpg")]


def test_storage__version_changes_with_the_file(bucket: str) -> None:
    (before, _) = list_anywhere([bucket])
    fsspec.filesystem("memory").pipe_file("/bucket/cars/b.jpg", b"longer")
    (after, _) = list_anywhere([bucket])
    assert isinstance(before, StoredImage)
    assert isinstance(after, StoredImage)
    assert before.version != after.version


def test_storage__version_of_a_single_image(bucket: str) -> None:
    (before,) = list_anywhere([f"{bucket}/b.jpg"])
    fsspec.filesystem("memory").pipe_file("/bucket/cars/b.jpg", b"longer")
    (after,) = list_anywhere([f"{bucket}/b.jpg"])
    assert isinstance(before, StoredImage)
    assert isinstance(after, StoredImage)
    assert before.version != after.version


def test_storage__single_image_that_is_not_there(bucket: str) -> None:
    with pytest.raises(DataError, match=r"cars/none\.jpg cannot be read .*Check its spelling"):
        list_anywhere([f"{bucket}/none.jpg"])


def test_text_list(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("https://host/a/1.jpg?width=9\n\n  here/2.png \n/there/3.png\n")
    assert places(list_anywhere([str(path)])) == [
        (1, "host/a/1.jpg", "https://host/a/1.jpg?width=9"),
        (2, "here/2.png", str(tmp_path / "here" / "2.png")),
        (3, "there/3.png", "/there/3.png"),
    ]


def test_text_list__in_storage_names_what_is_beside_it() -> None:
    fsspec.filesystem("memory").pipe_file("/lists/all.txt", b"sub/1.jpg")
    (image,) = list_anywhere(["memory://lists/all.txt"])
    assert places([image]) == [(1, "sub/1.jpg", "memory://lists/sub/1.jpg")]


@pytest.mark.parametrize("column", ["url", "path"])
def test_parquet_list(tmp_path: Path, column: str) -> None:
    table = pa.table({column: ["s3://b/1.jpg", "2.jpg"], "name": ["one.jpg", None], "more": [1, 2]})
    pq.write_table(table, tmp_path / "list.parquet")
    assert places(list_anywhere([str(tmp_path / "list.parquet")])) == [
        (1, "one.jpg", "s3://b/1.jpg"),
        (2, "2.jpg", str(tmp_path / "2.jpg")),
    ]


def test_parquet_list__no_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": ["a"], "size": [1]}), tmp_path / "list.parquet")
    with pytest.raises(DataError, match="has the columns image, size; expected one called url or"):
        list_anywhere([str(tmp_path / "list.parquet")])


def test_tar__places_of_the_images(tmp_path: Path) -> None:
    shard = tmp_path / "shard-000.tar"
    with tarfile.open(shard, "w") as archive:
        for name, content in {"1.png": png(3), "1.json": b"{}", "deep/2.png": png(4)}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    first, second = list_anywhere([str(shard)])
    assert [first.name, second.name] == ["shard-000/1.png", "shard-000/deep/2.png"]
    for image, content in ((first, png(3)), (second, png(4))):
        assert isinstance(image, StoredImage)
        assert image.length == len(content)
        assert shard.read_bytes()[image.offset : image.offset + image.length] == content


def test_tar__a_relative_path_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1.png").write_bytes(png(3))
    with tarfile.open("shard.tar", "w") as archive:
        archive.add("1.png")
    assert places(list_anywhere(["shard.tar"])) == [
        (1, "shard/1.png", str(tmp_path / "shard.tar")),
    ]


def test_text_list__byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfone.png\r\nk\xc3\xbcche.png\r\n")
    assert [image.name for image in list_anywhere([str(path)])] == ["one.png", "küche.png"]


def test_text_list__not_utf8(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(b"one.png\nk\xfcche.png\n")
    expected = r"list\.txt, row 2: found b'k\\xfcche\.png'; expected the URL or path .* in UTF-8\."
    with pytest.raises(DataError, match=expected):
        list_anywhere([str(tmp_path / "list.txt")])


@pytest.mark.parametrize(
    ("column", "values", "found"),
    [
        ("url", ["1.jpg", None], r"row 2, column url: found nothing; expected the URL or path"),
        ("url", ["1.jpg", " "], r"row 2, column url: found nothing; expected the URL or path"),
        ("url", [b"1", b"2"], r"row 1, column url: found b'1' \(bytes\); expected"),
        ("name", [None, 7], r"row 2, column name: found 7 \(int\); expected the image's name as"),
    ],
)
def test_parquet_list__entry_that_is_no_text(
    tmp_path: Path, column: str, values: list[object], found: str
) -> None:
    table = pa.table({"url": ["1.jpg", "2.jpg"]} | {column: values})
    pq.write_table(table, tmp_path / "list.parquet")
    with pytest.raises(DataError, match=rf"list\.parquet, {found}"):
        list_anywhere([str(tmp_path / "list.parquet")])


def test_parquet_list__not_utf8(tmp_path: Path) -> None:
    urls = pa.array([b"1.jpg", b"\xfc.jpg"]).view(pa.string())
    pq.write_table(pa.table({"url": urls}), tmp_path / "list.parquet")
    expected = r"list\.parquet, row 2, column url: found b'\\xfc\.jpg'; expected"
    with pytest.raises(DataError, match=expected):
        list_anywhere([str(tmp_path / "list.parquet")])


@pytest.mark.parametrize("name", ["broken.tar", "broken.parquet"])
def test_list__unreadable(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe" * 300)
    with pytest.raises(DataError, match=f"{name} cannot be read .*Check its spelling"):
        list_anywhere([str(tmp_path / name)])


def test_list__nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(DataError, match=r"No image found in .*empty\.txt"):
        list_anywhere([str(tmp_path / "empty.txt")])


def test_find__here_and_elsewhere(tmp_path: Path, bucket: str) -> None:
    (tmp_path / "here.png").write_bytes(png(2))
    found = find_anywhere([str(tmp_path), bucket], limit=2)
    assert [(i.image_id, i.name) for i in found.images] == [(1, "here.png"), (2, "b.jpg")]
    assert not found.by_labels


def test_find__only_here_is_what_one_process_finds(tmp_path: Path) -> None:
    (tmp_path / "here.png").write_bytes(png(2))
    found = find_anywhere([str(tmp_path)])
    assert found.images == [ImageToPredict(1, "here.png", tmp_path / "here.png")]


def test_find__one_name_twice(tmp_path: Path, bucket: str) -> None:
    (tmp_path / "B.png").write_bytes(png(2))
    with pytest.raises(DataError, match=r"filed under one name: B\.png and b\.jpg"):
        find_anywhere([str(tmp_path), bucket])


def test_find__options_of_labels(bucket: str) -> None:
    with pytest.raises(ConfigError, match="--split needs one label file"):
        find_anywhere([bucket], Selection(split="val"))
    with pytest.raises(ConfigError, match="--limit must be 1 or more; found 0"):
        find_anywhere([bucket], limit=0)
