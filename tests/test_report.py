"""The report, opened in a real browser at laptop and phone width."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from barren.analysis.figures import figures_of
from barren.runner import configuration
from browser import CHROMIUM, DRIVER, Browser, browser
from conftest import ROOT, run_in

LAPTOP, PHONE = (1280, 800), (390, 844)
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="needs chromium and chromedriver (Debian: chromium, chromium-driver)",
)


@pytest.fixture(scope="module")
def report(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small experiment's report."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    run_in(small)("--configfile", "config/small.yaml", "--report", path)
    return path


@pytest.fixture(params=[LAPTOP, PHONE], ids=["laptop", "phone"])
def window(
    request: pytest.FixtureRequest, report: Path, tmp_path: Path
) -> Iterator[Browser]:
    """The report in a window of a laptop's or a phone's size."""
    with browser(*request.param, tmp_path / "profile") as opened:
        opened.open(report.as_uri())
        opened.wait("document.querySelector('#rulegraph canvas, #rulegraph svg')")
        yield opened
        requested = opened.requests()
        # An address within the page asks for nothing.
        assert {url.partition("#")[0] for url in requested} == {report.as_uri()}
        errors = [e for e in opened.log("browser") if e["level"] == "SEVERE"]
        assert not errors


def fits(window: Browser) -> bool:
    """Whether the page is no wider than the window."""
    return bool(
        window.run("return document.documentElement.scrollWidth <= innerWidth + 1")
    )


def keep(window: Browser, name: str) -> None:
    """Leave a screenshot in the folder that SCREENSHOTS names, to be looked at."""
    if folder := os.environ.get("SCREENSHOTS"):
        width = window.run("return innerWidth")
        window.screenshot(Path(folder) / f"{name}-{width}.png")


def show(window: Browser, path: str) -> None:
    """Open a result as its eye button does."""
    kind = "img" if path.endswith(".svg") else "html"
    window.run(
        f"app.setView({{content: '{kind}', resultPath: '{path}',"
        f" contentPath: results['{path}'].data_uri}})"
    )


@needs_browser
def test_the_front_page_asks_the_question(window: Browser) -> None:
    text = window.run("return document.querySelector('#app').innerText")
    assert "Barren plateaus: small" in text
    assert "seed 7, 12 circuits each" in text
    assert "1. Verdict" in text and "2. Figures" in text
    # The phone reads the question without scrolling sideways.
    prose = window.run(
        "const r = document.querySelector('.prose').getBoundingClientRect();"
        "return [r.left, r.right, innerWidth]"
    )
    assert 0 <= prose[0] < prose[1] <= prose[2]
    assert prose[1] - prose[0] >= 300
    assert fits(window)
    keep(window, "front")


@needs_browser
def test_figures_render_with_captions(window: Browser) -> None:
    figures = window.run(
        "return Object.keys(results).filter(path => path.endsWith('.svg'))"
    )
    assert {Path(path).stem for path in figures} >= {
        "random_vs_identity",
        "gradient_variance_by_depth",
        "circuit_random",
    }
    for path in figures:
        show(window, path)
        image = "#app > div > div:last-child img"
        window.wait(
            f"(i => i && i.complete && i.naturalWidth > 100)"
            f"(document.querySelector('{image}'))"
        )
        right = window.run(
            f"return document.querySelector('{image}')"
            ".getBoundingClientRect().right - innerWidth"
        )
        assert right <= 0, path
        caption = window.run(f"return results['{path}'].caption")
        assert "seed 7" in caption
        if "circuit_" not in path:
            assert "12 circuits per ensemble" in caption
            assert "width 2, 3; depth 4" in caption
            assert "variance" in caption or "standard deviation" in caption
        keep(window, Path(path).stem)


@needs_browser
def test_every_button_opens_its_result(window: Browser) -> None:
    """Clicks, as a reader would: category, then the eye of each result."""
    categories = window.run("return Object.keys(categories).sort()")
    assert [name[0] for name in categories] == ["1", "2", "3", "4"]
    opened = 0
    for category in categories:
        window.run("app.setView({navbarMode: 'menu'})")
        window.wait(f"document.querySelector('nav').innerText.includes({category!r})")
        window.run(
            "[...document.querySelectorAll('nav a, nav li, nav button, nav div')]"
            f".filter(x => x.innerText.trim() === {category!r}).at(-1).click()"
        )
        window.wait("document.querySelectorAll('nav tbody tr').length")
        rows = window.run("return document.querySelectorAll('nav tbody tr').length")
        for row in range(rows):
            window.run(
                f"document.querySelectorAll('nav tbody tr')[{row}]"
                ".querySelector('td:last-child a').click()"
            )
            window.wait(
                "document.querySelector('#app > div > div:last-child')"
                ".querySelector('img, iframe')"
            )
            opened += 1
    assert opened == window.run("return Object.keys(results).length")
    keep(window, "clicked")


@needs_browser
@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("page", ["verdict", "statistics", "versions"])
def test_pages_read_well(
    small: Path, tmp_path: Path, page: str, size: tuple[int, int]
) -> None:
    path = small / "results" / "small" / "pages" / f"{page}.html"
    with browser(*size, tmp_path / "profile") as window:
        window.open(path.as_uri())
        assert fits(window)
        assert window.requests() == {path.as_uri()}
        text = window.run("return document.body.innerText")
        keep(window, page)
    needed = {
        "verdict": ["agree with the exact theory", "Error rate"],
        "statistics": ["exact variance", "Slopes of log variance"],
        "versions": ["compute_gradients", "tensorflow-quantum 0.7.6", "Python 3.11"],
    }
    for words in needed[page]:
        assert words.lower() in text.lower()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_figure_has_a_caption_and_a_title(path: Path) -> None:
    """Each its own, of every experiment in config/."""
    experiment = configuration.check(yaml.safe_load(path.read_text()))
    figures = figures_of(experiment.ensembles)
    assert figures
    for words in ("name", "title", "caption"):
        assert len({getattr(figure, words) for figure in figures}) == len(figures)
        assert all(getattr(figure, words).strip() for figure in figures)
