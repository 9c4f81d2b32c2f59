"""The page of an experiment, opened in a real Chromium, and Snakemake's own report."""

import base64
import itertools
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys

import plot_variance
from barren import columns
from barren.analysis import report
from barren.analysis.drawing import draw_circuit
from barren.analysis.figures import figures_of
from barren.analysis.tables import read_table
from barren.physics.circuits import sample_circuits
from barren.physics.families import IdentityTutorial, Random
from barren.runner import configuration, layout
from conftest import ROOT, run_in

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
WIDTHS = {"phone": 390, "tablet": 820, "laptop": 1280}
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="needs chromium and chromedriver (Debian: chromium, chromium-driver)",
)
#: The contrast of each text with what is behind it (WCAG 2.1), the least first.
CONTRAST = """
const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = c => { const [r, g, b] = c.map(channel);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b };
const parse = text => text.match(/[\\d.]+/g).map(Number);
const behind = e => { for (; e; e = e.parentElement) {
  const c = parse(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c.slice(0, 3) } return [255, 255, 255] };
const found = [];
for (const e of document.querySelectorAll('body *')) {
  if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue;
  const a = light(parse(getComputedStyle(e).color).slice(0, 3)), b = light(behind(e));
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  found.push([ratio, e.outerHTML.slice(0, 80)])
}
return found.sort((x, y) => x[0] - y[0])[0]
"""


@pytest.fixture(scope="module")
def page(small: Path) -> Path:
    """The small experiment's page."""
    return small / "results" / "small" / layout.REPORT


def browser(profile: Path, width: int, dark: bool = False) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "hide-scrollbars"):
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    size = {"width": width, "height": 900, "deviceScaleFactor": 1}
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", size | {"mobile": width < 500}
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    return driver


@pytest.fixture(params=WIDTHS)
def window(
    request: pytest.FixtureRequest, page: Path, tmp_path: Path
) -> Iterator[webdriver.Chrome]:
    """The page at some width; a screenshot goes to the folder SCREENSHOTS."""
    driver = browser(tmp_path, WIDTHS[request.param])
    try:
        driver.get(page.as_uri())
        yield driver
        assert not [e for e in driver.get_log("browser") if e["level"] == "SEVERE"]
        if folder := os.environ.get("SCREENSHOTS"):
            shot: Any = driver.execute_cdp_cmd(
                "Page.captureScreenshot", {"captureBeyondViewport": True}
            )
            path = Path(folder) / f"{request.param}.png"
            path.write_bytes(base64.b64decode(shot["data"]))
    finally:
        driver.quit()


@needs_browser
def test_the_page_reads_from_top_to_bottom(window: webdriver.Chrome) -> None:
    text = window.find_element("tag name", "main").text
    assert re.match(r"(Of|No claim|Samples)", text)
    order = [
        "Verdict",
        "Figures",
        "Numbers",
        "Circuits",
        "How it was",
        "Check and cite",
    ]
    places = [text.index(f"\n{word}") for word in order]
    assert places == sorted(places)
    figures, numbers = places[1:3]
    assert text[figures:numbers].count("12 circuits per ensemble, seed 7") == 1
    # No wider than the window, with every part open.
    window.execute_script(
        "document.querySelectorAll('details').forEach(x => { x.open = true })"
    )
    over = window.execute_script(
        "return document.documentElement.scrollWidth - innerWidth"
    )
    assert over <= 0
    for image in window.find_elements("tag name", "img"):
        assert image.get_property("naturalWidth") > 100
        assert image.get_attribute("alt")
        caption = image.find_element("xpath", "ancestor::figure/figcaption")
        assert caption.rect["y"] >= image.rect["y"] + image.rect["height"]
        assert re.match("Gradient|Standard deviation|A circuit", caption.text)


@needs_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_read_it(page: Path, tmp_path: Path, dark: bool) -> None:
    """Contrast AA, headings in order, a skip link, and the keyboard opens a claim."""
    driver = browser(tmp_path, 1280, dark)
    try:
        driver.get(page.as_uri())
        driver.execute_script(
            "document.querySelectorAll('details').forEach(x => { x.open = true })"
        )
        least, where = driver.execute_script(CONTRAST)
        assert least >= 4.5, where
        levels = driver.execute_script(
            "return [...document.querySelectorAll('h1, h2, h3, h4')]"
            ".map(h => Number(h.tagName[1]))"
        )
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
        assert driver.execute_script("return document.documentElement.lang") == "en"
        driver.get(page.as_uri())
        driver.switch_to.active_element.send_keys(Keys.TAB)
        assert driver.switch_to.active_element.get_attribute("class") == "skip"
        summary = driver.find_element("css selector", ".claims summary")
        summary.send_keys(Keys.ENTER)
        assert driver.find_element("css selector", ".claims details").get_property(
            "open"
        )
    finally:
        driver.quit()


@needs_browser
def test_it_prints(page: Path, tmp_path: Path) -> None:
    """As pages of A4, evidence and all."""
    driver = browser(tmp_path, 1280)
    try:
        driver.get(page.as_uri())
        printed = base64.b64decode(driver.print_page())
    finally:
        driver.quit()
    assert printed.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert 4 <= pages <= 30
    if folder := os.environ.get("SCREENSHOTS"):
        (Path(folder) / "print.pdf").write_bytes(printed)


def test_it_is_one_file_whose_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    assert len(text) < 5_000_000
    assert not re.search(r"<script|<link|url\(|@import", text)
    sources = re.findall(r'src="([^"]+)"', text)
    assert sources and all(source.startswith("data:image/svg") for source in sources)
    shown = [base64.b64decode(source.partition(",")[2]) for source in sources]
    made = (page.parent / "figures").glob("*.svg")
    assert sorted(shown) == sorted(path.read_bytes() for path in made)
    _, rest = report.opening((page.parent / "verdict.md").read_text())
    assert rest and report.prose(rest) in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    links = set(re.findall(r'href="([^"]+)"', text))
    for link in links:
        if link.startswith("#"):
            assert link[1:] in ids
        elif not link.startswith("https://"):
            assert (page.parent / link).exists(), link
    for kind in ("figures/", "tables/", "records/", "sources/"):
        assert any(link.startswith(kind) for link in links)


def test_every_row_names_its_line(page: Path) -> None:
    """The numbers of a row are those of the line of the file, to four digits."""
    (statistics, fits, _) = pd.read_html(page, attrs={"class": "numbers"})
    for shown, name in ((statistics, layout.STATISTICS), (fits, layout.FITS)):
        table = read_table(page.parent / name)
        key = "variance" if name == layout.STATISTICS else "slope"
        assert len(shown) == len(table)
        for _, row in shown.iterrows():
            number = str(row[key]).replace("\N{MINUS SIGN}", "-").replace(" e", "e")
            exact = table.iloc[int(row["line"]) - 2][key]
            assert float(number) == pytest.approx(exact, rel=1e-3, abs=1e-12)
    assert not re.search(r"\de[-−]1[2-9]<", page.read_text())


def test_snakemake_has_its_report_too(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    run_in(small)("--configfile", "config/small.yaml", "--report", path)
    text = path.read_text()
    assert "1. The experiment" in text and "2. Figures" in text
    assert "results/small/report.html" in text


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


def test_settings_with_the_same_evidence_share_a_row() -> None:
    """Each line of claims.csv is counted once; the row names the first three."""
    same = ["a", "b", "a", "a", "a", "a"]
    claims = pd.DataFrame(
        dict.fromkeys(columns.CLAIMS, "")
        | {"claim": "c", "setting": [*"vwxyzz"], "evidence": same, "error_rate": 0.0}
        | {"verdict": [*"sssss", "u"]},
        index=range(6),
    )
    (claim,) = report.claims_by_statement(claims)
    assert claim["counts"] == {"s": 5, "u": 1} and claim["error_rate"] == ""
    claims["error_rate"] = 0.05
    assert report.claims_by_statement(claims)[0]["error_rate"] == "5 %"
    assert [(row["lines"], row["setting"]) for row in claim["settings"]] == [
        (
            "2, 4, 5, \N{HORIZONTAL ELLIPSIS}",
            "4 settings: v; x; y; \N{HORIZONTAL ELLIPSIS}",
        ),
        ("3", "w"),
        ("7", "z"),
    ]


def test_numbers_that_are_rounding_or_follow_from_exact_ones() -> None:
    """A variance of rounding is 0, without an interval, as is an exact slope."""
    values = dict.fromkeys([*columns.STATISTICS, *columns.BESIDE], 1.0)
    values |= {columns.VARIANCE_LOW: 0.5, columns.VARIANCE_HIGH: 2.0}
    nothing = values | {columns.VARIANCE: 1e-30, columns.EXACT_VARIANCE: 0.0}
    statistics = pd.DataFrame([{"width": 2} | values, {"width": 3} | nothing])
    slope = {columns.SLOPE: -1.0, columns.SLOPE_LOW: -2.0, columns.SLOPE_HIGH: -0.5}
    fits = pd.DataFrame([{columns.CURVE: of} | slope for of in ("sampled", "exact")])
    found = report.statistics_tables(statistics, fits)
    names = [name for name, _ in found["statistics"]["header"]]
    at = names.index("variance")
    assert names[at : at + 3] == ["variance", "95 % from", "95 % to"]
    one, other = ([cell for cell, _ in row] for _, row in found["statistics"]["rows"])
    assert one[at : at + 3] == ["1", "0.5", "2"] and other[at : at + 3] == ["0", "", ""]
    cells = [
        [cell.replace("\N{MINUS SIGN}", "-") for cell, _ in row]
        for _, row in found["fits"]["rows"]
    ]
    assert cells == [["sampled", "-1", "-2", "-0.5"], ["exact", "-1", "", ""]]


def test_what_the_records_of_all_jobs_say() -> None:
    def record(
        step: str, seconds: int, environment: str, clean: bool
    ) -> dict[str, Any]:
        return {
            "step": step,
            "start": "2026-01-01T00:00:00+00:00",
            "end": f"2026-01-01T00:00:{seconds:02}+00:00",
            "environment": {"name": environment},
            "source": {"commit": 40 * "c", "clean": clean},
        }

    jobs = [record("a", 5, "tfq", True), record("a", 3, "tfq", False)]
    jobs += [record("b", 1, "plot", True)]
    assert report.steps_of(jobs) == {
        "a": {"jobs": 2, "seconds": 8, "longest": 5, "environment": "tfq"},
        "b": {"jobs": 1, "seconds": 1, "longest": 1, "environment": "plot"},
    }
    assert [of["name"] for of in report.environments_of(jobs)] == ["plot", "tfq"]
    assert report.sources_of(jobs) == [12 * "c", f"{12 * 'c'}, with changes"]


def test_the_answer_is_what_the_verdict_opens_with() -> None:
    text = "# Verdict\n\nOf 2 claims\none holds.\n\n**Not:**\n\n- c\n\n| claim |"
    assert report.opening(text) == ("Of 2 claims\none holds.", "**Not:**\n\n- c")


def test_figures_and_circuits_are_told_the_configuration(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its observable below each figure; sample 0, of its seed, in each circuit."""
    folder = small / "results" / "small"
    said: list[str] = []

    def save(figure: Any, *_: Any) -> None:
        said.append(figure._supxlabel.get_text())

    monkeypatch.setattr(plot_variance, "save", save)
    names = (layout.STATISTICS, layout.THEORY, layout.FITS)
    paths = [folder / name for name in (layout.EXPERIMENT, *names)]
    figures = sorted((folder / "figures").glob("gradient_*.svg"))
    plot_variance.plot_variance(*paths, figures)
    assert said and all("O = Z0 Z1" in text for text in said)
    for family in (Random, IdentityTutorial):
        (shown,) = family.displayed([])
        _, expected = draw_circuit(shown, sample_circuits(shown, 7, [0]))
        table = pd.read_csv(folder / "figures" / f"{shown.drawing}.csv")
        np.testing.assert_allclose(table["angle"], expected["angle"])
