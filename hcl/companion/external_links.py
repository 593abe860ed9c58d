"""The links of the built book that lead out of it: which there are, and whether they still lead anywhere."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hcl.companion import built
from hcl.errors import HclError

_AGENT = {"User-Agent": "Mozilla/5.0 (checks the links of a book)"}
_THERE = (403, 405, 429)  # there, but not for programs


class NoNetworkError(HclError, RuntimeError):
    """Nothing outside this machine answers."""


def external(site: Path) -> dict[str, list[str]]:
    """Return the pages that link to an address outside the book, by address, without what follows a #."""
    from bs4 import BeautifulSoup  # with Sphinx's theme

    found: dict[str, list[str]] = {}
    for page in built.pages(site):
        soup = BeautifulSoup((site / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
        for link in soup.select('a[href^="http:"], a[href^="https:"]'):
            pages = found.setdefault(str(link["href"]).partition("#")[0], [])
            if page not in pages:
                pages.append(page)
    return dict(sorted(found.items()))


def answer(address: str, timeout: float = 20) -> str | None:
    """Return what is wrong with an address: ``"404"``, say; an empty text if nothing is, None if nothing answers."""
    for method in ("HEAD", "GET"):
        request = urllib.request.Request(address, headers=_AGENT, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout):
                return ""
        except urllib.error.HTTPError as error:
            if error.code in _THERE:
                return ""
            if method == "GET":
                return str(error.code)
        except (OSError, ValueError):
            return None
    return None


def broken(addresses: Iterable[str], ask: Callable[[str], str | None] = answer) -> dict[str, str]:
    """Return what is wrong with the addresses that lead nowhere, by address.

    Args:
        addresses: to ask for, several at a time.
        ask: for one.

    Raises:
        NoNetworkError: if none of them answers, which says nothing about the links.
    """
    asked = list(addresses)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, asked))
    if asked and all(found is None for found in answers):
        raise NoNetworkError(f"No network: none of {len(asked)} links answers, so nothing can be said of them.")
    faults = {address: "no answer" if found is None else found for address, found in zip(asked, answers, strict=True)}
    return {address: fault for address, fault in faults.items() if fault}
