"""SECURITY.md against the attacker's rows of the list of faults: the sentence that covers each, and the tests that hold it."""

import re
from typing import Any

import pytest
from fixtures.faults import ROWS
from fixtures.places import ROOT, TESTS
from typer.main import get_command

from goalposts.experiments.cli.main import app

PROMISES: dict[str, tuple[str, tuple[str, ...]]] = {
    "A1": (
        "No library reads its settings there (numba's `.numba_config.yaml`, matplotlib's `matplotlibrc`), no module is imported from "
        "there",
        (
            "faults/test_surroundings.py::test_nothing_of_the_working_directory_runs",
            "faults/test_surroundings.py::test_every_command_is_safe_in_a_hostile_run_folder",
            "faults/test_surroundings.py::test_processes_that_are_started_are_safe_too",
            "faults/test_surroundings.py::test_folder_that_others_can_change_is_not_used",
        ),
    ),
    "A2": (
        "**Nothing is read or written through a link** inside a run or study folder",
        (
            "faults/test_files.py::test_no_command_writes_or_reads_through_a_link_in_a_run",
            "faults/test_files.py::test_a_worker_does_not_train_into_the_target_of_a_link",
            "faults/test_races.py::test_a_folder_that_is_swapped_all_the_time_never_leads_outside",
        ),
    ),
    "A3": (
        "**Only files that Goalposts wrote are removed or replaced**: unfinished work named `.NAME.part-PID-HEX` of a dead process",
        (
            "faults/test_files.py::test_locking_a_run_removes_only_what_a_dead_process_of_ours_left",
            "faults/test_files.py::test_a_study_removes_only_what_it_made",
            "faults/test_files.py::test_the_demo_overwrites_no_file_of_the_user",
        ),
    ),
    "A4": (
        "One budget per command, 2 GB of memory and 60 s of processor time for reading, counts what files take once they are unpacked",
        (
            "faults/test_budgets.py::test_a_long_progress_file_is_refused_before_its_rows_are_made",
            "faults/test_budgets.py::test_a_table_is_measured_unpacked_however_often_it_shares_a_text",
            "faults/test_budgets.py::test_time_adds_up_over_a_command_and_grows_with_what_is_read",
            "faults/test_budgets.py::test_budget_is_reported_and_can_be_changed",
        ),
    ),
    "A5": (
        "Escapes, bidi marks, line breaks and markup in names, paths, links and messages are written out before they reach a terminal, "
        "a page, JSON or a message",
        (
            "faults/test_text.py::test_no_name_adds_a_line_to_a_message",
            "faults/test_text.py::test_a_run_folder_of_any_name_adds_no_line_and_no_control",
            "faults/test_text.py::test_a_page_shows_hidden_characters_written_out",
            "faults/test_text.py::test_json_reads_back_as_it_was_and_shows_nothing_hidden",
        ),
    ),
    "A6": (
        "A run folder may not have one, and that of a study folder must lie in it. At most 16 files may each be the base of another. "
        "Messages do not quote a file that is not a config.",
        (
            "faults/test_folders.py::test_long_chain_of_bases_is_refused_with_a_message",
            "faults/test_folders.py::test_a_study_folder_has_no_base_outside_itself",
            "faults/test_folders.py::test_a_run_or_study_folder_names_no_other_folder",
            "faults/test_folders.py::test_content_of_a_file_that_is_not_a_config_is_never_quoted",
        ),
    ),
    "A7": (
        "a study's mark that its page is up to date counts only with the signature of this user on this machine",
        ("faults/test_folders.py::test_forged_mark_does_not_protect_a_page",),
    ),
    "A8": (
        "a checkpoint's card must agree with its run",
        (
            "faults/test_folders.py::test_a_card_that_contradicts_its_run_is_refused",
            "faults/test_folders.py::test_a_checkpoint_under_another_step_is_refused",
        ),
    ),
    "A9": (
        "**A folder that is removed or replaced while a command writes it** ends that command with one message and exit code 1; nothing "
        "is written into what took its place",
        (
            "faults/test_folders.py::test_a_run_that_vanishes_while_it_trains_is_not_called_trained",
            "faults/test_folders.py::test_vanishing_run_and_study_are_reported",
        ),
    ),
    "A10": (
        "`goalposts reproduce` compares bytes only where the processor's features, which `provenance.json` records, are the same; where "
        "they differ, it compares rates",
        (
            "faults/test_folders.py::test_provenance_records_what_arithmetic_depends_on",
            "faults/test_folders.py::test_other_processor_features_are_judged_by_rates",
        ),
    ),
    "A11": (
        "**Pipes, devices and sockets** in place of a file are refused at once; nothing waits for them, nor for a pipe with the name of "
        "a library's settings",
        ("faults/test_surroundings.py::test_a_pipe_in_the_place_of_settings_stops_nothing",),
    ),
    "A12": (
        "**Files are written under a hidden name with a random part**, created new, without following links, flushed to disk and then "
        "renamed, level files too",
        (
            "faults/test_files.py::test_levels_are_written_through_safe_write",
            "faults/test_files.py::test_no_module_writes_a_file_by_itself",
        ),
    ),
}
"""By row of the page, a sentence of SECURITY.md and tests with the mark of that row."""

BESIDE = {
    "does not run code": (
        "trust/test_planted.py::test_a_planted_pickle_does_not_run",
        "trust/test_supply.py::test_no_source_reads_a_file_by_executing_it",
        "faults/test_custom_worlds.py::test_files_that_name_a_world_import_nothing",
    ),
    "**Compiled kernels are cached where only you can write.**": (
        "faults/test_surroundings.py::test_a_shared_cache_folder_is_not_used",
        "faults/test_surroundings.py::test_nothing_is_compiled_into_the_cache_of_numba",
    ),
    "**Reports escape everything that they show**": (
        "experiments/report/page/test_page.py::test_hostile_text_shows_as_text",
        "experiments/publish/test_live_page.py::test_it_asks_no_network_and_admits_only_its_own_scripts",
    ),
    "`requirements.lock` pins every dependency by hash": (
        "trust/test_supply.py::test_every_dependency_is_pinned_with_hashes",
    ),
}
"""Promises that no row of the page is about."""


def text() -> str:
    return " ".join((ROOT / "SECURITY.md").read_text("utf-8").split())


def test_the_page_covers_every_row_of_the_attacker() -> None:
    assert list(PROMISES) == [name for name in ROWS if name.startswith("A")]


@pytest.mark.parametrize("name", PROMISES)
def test_a_row_has_its_sentence_and_its_tests(name: str) -> None:
    sentence, tests = PROMISES[name]
    assert sentence in text()
    for test in tests:
        assert name in rows_of(test), test


@pytest.mark.parametrize("sentence", BESIDE)
def test_other_promises_have_tests_too(sentence: str) -> None:
    assert sentence in text()
    for test in BESIDE[sentence]:
        marks_of(test)


def test_every_guarantee_of_the_page_is_among_them() -> None:
    """A paragraph of the list that no sentence above is part of would be a promise without a test."""
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    guarantees = [
        " ".join(one.split()) for one in re.findall(r"^- (\*\*.*?)(?=^- |^$)", page, re.DOTALL | re.MULTILINE)
    ]
    sentences = [*BESIDE, *(sentence for sentence, _ in PROMISES.values())]
    assert len(guarantees) > 9
    assert [one[:60] for one in guarantees if not any(sentence in one for sentence in sentences)] == []


def options_that_run_code(command: Any) -> set[str]:
    own = {
        f"`{option.opts[0]}`"
        for option in command.params
        if re.search(r"runs? (its|any|whatever) code|pickle", getattr(option, "help", None) or "")
        and option.opts[0].startswith("--")
    }
    return own.union(*(options_that_run_code(one) for one in getattr(command, "commands", {}).values()))


def test_the_page_names_every_option_that_runs_code() -> None:
    options = options_that_run_code(get_command(app))
    assert {"`--world`", "`--code`", "`--trust`"} <= options
    assert [option for option in sorted(options) if option not in text()] == []


def marks_of(test: str) -> str:
    """The decorators of a test, which must exist."""
    file, _, function = test.partition("::")
    found = re.search(
        rf"((?:^[@ )\]].*\n)*)^def {function}\(", (TESTS / file).read_text("utf-8"), re.MULTILINE
    )
    assert found, f"there is no test {test}"
    return found[1]


def rows_of(test: str) -> set[str]:
    return set(re.findall(r'"([A-C]\d+)"', "".join(re.findall(r"@row\(([^)]*)\)", marks_of(test)))))
