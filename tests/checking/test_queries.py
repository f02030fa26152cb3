"""Images with many parts."""

from checking.data_sets import DataSet, photo
from wps_sam.checking.queries import check_queries


def test_too_many_parts(data_set: DataSet) -> None:
    for name, count in (("few.jpg", 25), ("many.jpg", 26), ("most.jpg", 31)):
        parts = [("wheel", [3 * i, 10, 2, 2]) for i in range(count)]
        data_set.add_image(name, photo(0), *parts)
    data_set.add_part(2, "wheel", points=[[5, 5]])
    (finding,) = check_queries([data_set.split()])
    assert (finding.kind, finding.severity, finding.count) == ("too-many-parts", "warning", 2)
    assert [case.record for case in finding.cases] == ["many.jpg", "most.jpg"]
    assert finding.cases[1].detail == "32 parts"
    assert len(finding.cases[1].pictures[0].boxes) == 31
    assert "--num-queries 32" in finding.remedy
