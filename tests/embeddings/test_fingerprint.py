"""What makes a cached embedding stale."""

from dataclasses import asdict, fields

import pytest

from wps_sam.embeddings.fingerprint import EMBEDDING_CODE_VERSION, Fingerprint
from wps_sam.sam.frozen import FrozenSam

PRINT = Fingerprint("tiny", "abc", "resize", "float16", 1)


def test_digest__is_fixed_for_all_time() -> None:
    # sha256 of {"code_version": 1, "dtype": "float16", ...} with sorted keys, by `sha256sum`.
    assert PRINT.digest() == "20cad55a191f482d"


@pytest.mark.parametrize("field", [field.name for field in fields(Fingerprint)])
def test_digest__every_field_counts(field: str) -> None:
    changed = {**asdict(PRINT), field: 2 if field == "code_version" else "other"}
    assert Fingerprint(**changed).digest() != PRINT.digest()


def test_of__describes_the_sam(toy_sam: FrozenSam) -> None:
    found = Fingerprint.of(toy_sam)
    assert found.sam_name == toy_sam.name
    assert found.weights == toy_sam.fingerprint
    assert "longest side 256" in found.preprocessing
    assert found.dtype == "float16"
    assert found.code_version == EMBEDDING_CODE_VERSION
