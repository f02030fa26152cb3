"""The command itself: help, exit status, errors in one line, settings from YAML."""

from pathlib import Path

import pytest

from wps_sam import __version__
from wps_sam.cli import data_toy
from wps_sam.cli import main as main_module
from wps_sam.cli.main import VERBS, main
from wps_sam.cli.parser import build_parser
from wps_sam.errors import DataError


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"]], ids=["nothing", "short", "long"])
def test_help__lists_the_verbs(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    printed = capsys.readouterr().out
    for name, verb in VERBS.items():
        assert f"  {name} " in printed
        assert verb.help in printed


@pytest.mark.parametrize("name", VERBS)
def test_help__of_each_verb(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*name.split(), "--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert f"usage: wps-sam {name}" in printed
    flags = {word.strip("[],.") for word in printed.split() if word.startswith(("--", "[--"))}
    assert not [flag for flag in flags if "_" in flag]
    assert "--config" in flags


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"wps-sam {__version__}\n"


@pytest.mark.parametrize(
    ("words", "named"),
    [(["fly"], "'fly'"), (["data"], "'data'"), (["data", "fly"], "'data fly'"), (["-x"], "'-x'")],
    ids=["word", "data alone", "data word", "option"],
)
def test_unknown_verb(words: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{named} is not a verb" in err
    assert "data toy" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "x", "--wings", "2"], "wings"),
        (["--out", "x", "--train", "many"], "many"),
        ([], "out"),
    ],
    ids=["unknown option", "wrong kind", "missing option"],
)
def test_wrong_options__exit_2_and_named(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["data", "toy", *words])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["gone.json", "gone [bold].json", "gone[/x].json"])
def test_own_error__exit_1_and_its_message_as_it_is(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "info", str(tmp_path / name)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: Data {tmp_path / name} does not exist")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_other_error__is_a_bug_and_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(out: Path, config: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(data_toy, "draw_toy_dataset", fail)
    with pytest.raises(ZeroDivisionError):
        main(["data", "toy", "--out", str(tmp_path)])


def test_freed_memory_is_kept_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[str] = []

    def draw(out: Path, config: object) -> None:
        done.append("drawn")
        raise DataError("enough")

    monkeypatch.setattr(main_module, "keep_freed_memory", lambda: done.append("kept"))
    monkeypatch.setattr(data_toy, "draw_toy_dataset", draw)
    assert main(["data", "toy", "--out", str(tmp_path)]) == 1
    assert done == ["kept", "drawn"]


def test_stopped_by_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(out: Path, config: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(data_toy, "draw_toy_dataset", stop)
    assert main(["data", "toy", "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_arguments_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["wps-sam", "--version"])
    assert main() == 0
    assert __version__ in capsys.readouterr().out


SMALL_TOY = "train: 1\nval: 0\nheight: 96\nwidth: 128\n"


def test_config__known_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "toy.yaml"
    settings.write_text(f"{SMALL_TOY}out: {tmp_path / 'toy'}\n")
    assert main(["data", "toy", "--config", str(settings)]) == 0
    assert "train: 1 images" in capsys.readouterr().out
    assert (tmp_path / "toy" / "annotations" / "train" / "train.json").exists()


def test_config__a_flag_after_it_wins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tmp_path / "toy.yaml"
    settings.write_text(SMALL_TOY)
    words = ["--config", str(settings), "--out", str(tmp_path / "toy"), "--train", "2"]
    assert main(["data", "toy", *words]) == 0
    assert "train: 2 images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALL_TOY + "wings: 2\n", "wings"),
        ("train: many\n", "many"),
        ("train: [", "parsing config"),
    ],
    ids=["unknown key", "wrong kind", "broken YAML"],
)
def test_config__error_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    settings = tmp_path / "toy.yaml"
    settings.write_text(text)
    with pytest.raises(SystemExit) as stopped:
        main(["data", "toy", "--out", str(tmp_path / "toy"), "--config", str(settings)])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "toy").exists()


WORDS: list[str] = []


def verb(
    data: Path,
    source: list[str],
    *,
    out_dir: Path,
    word_list: list[str] = WORDS,
    go_on: bool = False,
) -> int:
    """A verb with every kind of parameter.

    Args:
        data: a place
        source: some places
        out_dir: another place
        word_list: some words
        go_on: a switch
    """
    return 0


@pytest.mark.parametrize("mark", ["-", "_"], ids=["dashes", "underscores"])
def test_parser__dashes_and_underscores(mark: str) -> None:
    words = ["d", "a", "b", "--out_dir", "o", "--word_list", "x", "y", "--go_on"]
    found = build_parser("verb", verb).parse_args([word.replace("_", mark) for word in words])
    assert (str(found.data), found.source, str(found.out_dir)) == ("d", ["a", "b"], "o")
    assert (found.word_list, found.go_on) == (["x", "y"], True)


@pytest.mark.parametrize(
    "words",
    [
        "d a b --out-dir o --word-list x y --go-on",
        "d --out-dir o a b --go-on --word-list x y",
        "d a --out-dir=o b --word-list x y --go-on",
        "--go-on d a --out-dir o b --word-list x y",
    ],
)
def test_parser__options_between_positional_words(words: str) -> None:
    found = build_parser("verb", verb).parse_args(words.split())
    assert (str(found.data), found.source, str(found.out_dir)) == ("d", ["a", "b"], "o")
    assert (found.word_list, found.go_on) == (["x", "y"], True)


def many_first(source: list[str], data: Path, *, every: int | None = None) -> int:
    """A verb whose list comes first, as in evaluate.

    Args:
        source: some places
        data: a place
        every: a number
    """
    return 0


@pytest.mark.parametrize("words", ["a b --every 5 d", "a --every 5 b d", "--every 5 a b d"])
def test_parser__options_among_a_list_that_comes_first(words: str) -> None:
    found = build_parser("many", many_first).parse_args(words.split())
    assert (found.source, str(found.data), found.every) == (["a", "b"], "d", 5)


@pytest.mark.parametrize(
    ("words", "message"),
    [("a d --wings 2", "--wings"), ("a d --every --wings", "every"), ("a d --every", "every")],
    ids=["unknown", "no value before an option", "no value"],
)
def test_parser__wrong_options_are_named(
    words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        build_parser("many", many_first).parse_args(words.split())
    assert message in capsys.readouterr().err


def test_parser__words_after_two_dashes() -> None:
    found = build_parser("many", many_first).parse_args(["--every", "5", "--", "-a", "d"])
    assert (found.source, str(found.data), found.every) == (["-a"], "d", 5)


def test_parser__defaults_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    parser = build_parser("verb", verb)
    found = parser.parse_args(["d", "a", "--out-dir", "o"])
    assert (found.word_list, found.go_on) == ([], False)
    parser.print_help()
    printed = capsys.readouterr().out
    for text in ("A verb with every kind", "some places", "a switch", "--go-on", "--word-list"):
        assert text in printed
