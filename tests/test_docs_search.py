"""The documentation opened as files, as built by `make docs`: search works, without requests or errors."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="pip install 'goalposts[browser]'")
pytest.importorskip("mkdocs", reason="pip install 'goalposts[docs]'")


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
def test_the_search_works_without_a_server(tmp_path: Path) -> None:
    site, trouble = tmp_path / "site", []
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(site)],
        cwd=ROOT,
        check=True,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox"])
        for width in (1280, 390):
            page = chromium.new_page(viewport={"width": width, "height": 800})
            page.on("console", lambda message: trouble.append(message.text))
            page.on("pageerror", lambda error: trouble.append(str(error)))
            page.on(
                "request",
                lambda asked: (
                    asked.url.startswith(("file:", "data:", "blob:", "about:")) or trouble.append(asked.url)
                ),
            )
            page.goto((site / "index.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == width
            opens = "input.md-search__input" if width > 1000 else "label.md-header__button[for=__search]"
            page.locator(opens).click()
            page.wait_for_timeout(500)
            for words, where in (("conflict curve", "measurement.html"), ("leakage", "glossary.html")):
                page.locator("input.md-search__input").fill("")
                page.keyboard.type(words)
                page.wait_for_function(
                    f"document.querySelector('.md-search-result__link')?.href.includes('{where}')",
                    timeout=30_000,
                )
        chromium.close()
    assert not trouble
