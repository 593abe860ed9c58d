"""What the book has to have: its pages, and the features that tests of the browser use.

What is in `NOT_YET` may be missing, and its tests are then skipped; everything else fails where it is missing. Nothing
is in it once the book is complete.
"""

import pytest
import yaml
from helpers import ROOT
from playwright.sync_api import Error as PlaywrightError

from hcl.companion import built

NOT_YET: frozenset[str] = frozenset()

# The page that a feature is on, and what it consists of.
FEATURES = {
    "slider": ("book/pages/idea", ".hcl-moving input[type=range]"),
    "filters": ("book/pages/scoreboard", ".hcl-filters select"),
    "explorer": ("book/pages/explorer", "select"),
    "charts": ("book/pages/fig05_cifar10", "[data-hcl-chart]"),
    "glossary": ("book/glossary", "dl.glossary dt"),
    "dark pictures": ("book/pages/fig05_cifar10", "article picture.hcl-picture img"),
    "copy buttons": ("book/pages/fig05_cifar10", "button.copybtn"),
    "code switch": ("book/pages/fig05_cifar10", "details.code-fold"),
    "provenance cards": ("book/pages/fig05_cifar10", ".hcl-card-body"),
    "downloads": ("book/pages/fig05_cifar10", "a[download]"),
}


def listed():
    """The pages of the table of contents, and those that Sphinx adds."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter for part in toc.get("parts", [toc]) for chapter in part["chapters"]]
    files = [each["file"] for chapter in chapters for each in (chapter, *chapter.get("sections", []))]
    return [toc["root"], *files, *built.OTHERS]


def missing(feature):
    """Skip where a feature may be missing, fail where it may not."""
    place, what = FEATURES[feature]
    assert feature in NOT_YET, f"{feature}: there is no {what} on {place}"
    pytest.skip(f"{feature} is not in the book yet: no {what} on {place}")


def open_feature(page, start, feature):
    """Open the page of a feature, and return what it consists of."""
    place, what = FEATURES[feature]
    try:
        answer = page.goto(f"{start}/{place}.html")
    except PlaywrightError:  # not on the disk
        missing(feature)
    if not answer or not answer.ok:
        missing(feature)
    found = page.locator(what)
    if not found.count():
        missing(feature)
    return found
