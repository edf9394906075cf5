"""Commands that open a window: display, recorded play, invalid input.

Mostly without a screen; at the end in a real window with real keys and a real mouse (requires Xvfb and xdotool).
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures import screen

from goalposts.envs import Level, LevelSet, get_world, load_levels, save_levels
from goalposts.envs.window.play import Play, action_keys
from goalposts.envs.window.window import Window
from goalposts.experiments.cli.main import main
from goalposts.experiments.interactive.human_session import UNFINISHED, Human, human_run
from goalposts.experiments.interactive.players import course_of, course_of_file
from goalposts.experiments.measurement.episodes import read_episodes

MINE = """\
##########v#
#..........#
#....C.....#
#..........#
#.A........#
############"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with only a level file, used as working directory of the commands."""
    monkeypatch.chdir(tmp_path)
    save_levels(LevelSet.of([Level.from_text(MINE)]), tmp_path / "mine.txt")
    return tmp_path


def run(words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(words.split())
    return int(left.value.code or 0)


def playing(folder: Path, steps: str) -> Human:
    """Simulate a person who opens the folder, presses keys, and closes the window."""
    world = get_world("CoinRun")
    kept = human_run(folder, "ada", world, False)
    with kept.lock():
        game = Human(kept, course_of(world, ["edge_held_out", "off_path"]))
        with Window(Play(game)) as window:
            window.press_all(steps)
    return game


def test_person_is_measured_like_an_agent(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No play is lost, even in the middle of a level, and diagnose accepts the folder."""
    playing(
        here / "ada", "left return .*200 return left ."
    )  # the first level times out; two steps on the second
    table = read_episodes(here / "ada" / "episodes.parquet")
    assert table.select("agent", "condition", "level_index", "outcome_end").rows() == [
        ("ada", "edge_held_out", 0, "timeout")
    ]
    game = playing(here / "ada", "left .*200")
    assert game.turn() is not None
    table = read_episodes(here / "ada" / "episodes.parquet")
    assert table["condition"].to_list() == ["edge_held_out", "off_path"]
    assert table["train_seed"].null_count() == 2
    assert game._played["off_path", 0].actions[:3] == [1, 0, 1], "it went on where it had stopped"
    assert run(f"diagnose {here / 'ada'}") == 0
    assert "ada in CoinRun" in capsys.readouterr().out
    assert run(f"report {here / 'ada'}") == 0


def test_another_person_or_view_has_another_folder(here: Path) -> None:
    world = get_world("CoinRun")
    human_run(here / "ada", "ada", world, False)
    for name, whole in (("bob", False), ("ada", True)):
        with pytest.raises(Exception, match="belongs to another session"):
            human_run(here / "ada", name, world, whole)


def test_levels_of_a_file_are_played_by_all(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate GoToGoal --file mine.txt --out own.parquet") == 0
    assert read_episodes(here / "own.parquet").select(
        "condition", "role", "outcome_first"
    ).unique().rows() == [("mine", "probe", "goal")]
    assert run("evaluate GoToProxy --file mine.txt") == 0
    assert "not kept" in capsys.readouterr().out
    assert run("record GoToGoal GoToProxy --file mine.txt --out twins.gif") == 0
    assert run("watch GoToGoal --file mine.txt --screenshot watch.png --keys right*3") == 0
    assert run("play --file mine.txt --screenshot play.png --keys right") == 0
    assert run("edit mine.txt --screenshot edit.png --keys return") == 0
    assert load_levels(here / "mine.txt")[0] == Level.from_text(MINE), "a picture changes nothing"
    assert {p.name for p in here.iterdir()} == {
        "mine.txt",
        "own.parquet",
        "twins.gif",
        "watch.png",
        "play.png",
        "edit.png",
    }


def test_level_file_names_its_world_and_number_of_levels(here: Path) -> None:
    course = course_of_file(here / "mine.txt")
    assert (course.world.name, course.count, course.number(5)) == ("CoinRun", 1, 0)


def test_every_action_of_every_world_has_keys() -> None:
    from goalposts.envs import known_worlds

    for world in known_worlds().values():
        keys = [name for names in action_keys(world) for name in names]
        assert len(keys) == len(set(keys))
        assert len(action_keys(world)) == len(world.actions) <= 9


WRONG = [
    ("watch", "SUBJECTS is missing"),
    ("watch nowhere", "there is no run folder nowhere"),
    ("watch GoToGol", "Did you mean GoToGoal"),
    ("watch Mixture(7)", "the probability that GoToGoal plays, must be from 0 to 1"),
    ("watch GoToGoal --condition edgy", "edgy"),
    ("watch GoToGoal --condition edge --file mine.txt", "contradict each other"),
    ("watch GoToGoal --file none.txt", "no such level file"),
    ("watch GoToGoal --screenshot mine.txt", "mine.txt is there already"),
    ("watch GoToGoal --screenshot x.gif", "must end in .png"),
    ("watch GoToGoal --screenshot x.png --keys wrong", "no key 'wrong' here"),
    ("watch GoToGoal --screenshot x.png --keys right*many", "a key with a count"),
    ("play Coinrun", "Did you mean 'CoinRun'"),
    ("play --name ../x --screenshot x.png", "name"),
    ("edit mine.gif", "ends in .txt or .npz"),
    ("edit there/not.txt", "there is no folder there"),
    ("edit mine.txt --agent nobody", "no run folder nobody"),
    ("evaluate GoToGoal --file mine.txt --levels 3", "--file brings its own levels"),
    ("record GoToGoal --file mine.txt --start 7", "holds 1 levels"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[words for words, _ in WRONG])
def test_wrong_use_is_one_message_and_exit_code_2(
    words: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert err.startswith("goalposts: ")
    assert "Traceback" not in err
    assert out == ""
    assert [p.name for p in here.iterdir()] == ["mine.txt"]


needs_a_screen = pytest.mark.skipif(not screen.THERE, reason="needs the programs Xvfb and xdotool")


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    with screen.screen() as name:
        yield name


@pytest.mark.slow
@needs_a_screen
def test_a_level_is_drawn_with_a_real_mouse(here: Path, display: str) -> None:
    """Move the coin, let an agent replay it, return, save, leave, in a window under a real X server."""
    with screen.window(display, "edit mine.txt") as hand:
        hand.says("mine.txt")
        hand.keep("edit-begin")
        hand.clicks_until(640, 330, "not saved")
        hand.keep("edit-moved")
        hand.key("space")
        hand.says("on your level")
        hand.key("g")
        hand.keep("edit-replayed")
        hand.key("q")
        hand.says("not saved")
        hand.key("s")
        hand.until(lambda: "not saved" not in hand.title(), "what was drawn to be saved")
        hand.key("q")
        hand.ends()
    level = load_levels(here / "mine.txt")[0]
    assert level != Level.from_text(MINE)
    assert level.layout == Level.from_text(MINE).layout


@pytest.mark.slow
@needs_a_screen
def test_agents_are_watched_with_real_keys(here: Path, display: str) -> None:
    """Pause, step forward and back, another agent, values and paths over the cells, progress line by mouse, help, leave."""
    with screen.window(display, "watch GoToGoal GoToProxy --file mine.txt") as hand:
        hand.says("GoToGoal")
        hand.until(lambda: hand.rests_after("Home"), "a pause at the start")
        start = hand.picture()
        hand.key("Right", "Right")
        hand.changes(start)
        hand.key("Left", "Left")
        hand.until(lambda: bool((hand.picture() == start).all()), "the start again")
        for name in ("v", "g", "x", "p", "f", "d"):
            before = hand.picture()
            hand.key(name)
            hand.changes(before)
        hand.keep("watch-dark")
        hand.key("d", "a")
        hand.says("GoToProxy")
        before = hand.picture()
        hand.key("End")
        hand.changes(before)
        hand.keep("watch-end")
        before = hand.picture()
        hand.key("question")
        hand.changes(before)
        hand.keep("watch-help")
        hand.key("question", "q")
        hand.ends()


@pytest.mark.slow
@needs_a_screen
def test_levels_are_played_with_real_keys(here: Path, display: str) -> None:
    """Every step is stored immediately; after the window closes, the same command resumes."""
    words = "play --name ada --condition edge_held_out --out ada"
    kept = here / "ada" / UNFINISHED

    def actions() -> list[int]:
        return json.loads(kept.read_text())["actions"] if kept.exists() else []

    def walks(hand: screen.Hand, key: str) -> None:
        """One key press, which a busy machine may treat as held for several steps."""
        before, picture = len(actions()), hand.picture()
        hand.key(key)
        hand.changes(picture)
        hand.until(lambda: len(actions()) > before, "the step on the disk")

    with screen.window(display, words) as hand:
        hand.says("ada plays CoinRun")
        walks(hand, "Right")
        walks(hand, "Left")
        hand.keep("play-two")
        hand.key("q")
        hand.ends()
    known = actions()
    names = [get_world("CoinRun").actions[k].name for k in known]
    assert sorted(set(names)) == ["left", "right"]
    assert names == sorted(names, reverse=True), "first to the right, then to the left"
    with screen.window(display, words) as hand:
        hand.says("ada plays CoinRun")
        walks(hand, "Right")
        hand.key("q")
        hand.ends()
    assert actions()[: len(known)] == known
