"""Skip tests whose library is not installed; with --update-golden, record passing tests in docs/compatibility.md."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest
from fixtures import compatibility_page


def _tried(item: pytest.Item) -> tuple[str, str] | None:
    mark = item.get_closest_marker("tried")
    return None if mark is None else (mark.args[0], mark.args[1])


def pytest_runtest_setup(item: pytest.Item) -> None:
    mark = item.get_closest_marker("tried")
    for package in (mark.args[0], *mark.kwargs.get("needs", ())) if mark else ():
        try:
            version(package)
        except PackageNotFoundError:
            pytest.skip(f"{package} is not installed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    result = yield
    mark = _tried(item)
    if mark is not None and item.config.getoption("--update-golden"):
        compatibility_page.write({**compatibility_page.read(), mark: version(mark[0]).partition("+")[0]})
    return result
