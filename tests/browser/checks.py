"""What is asked of every page: each check looks at an open page and returns its faults, "kind: what is wrong"."""

from contextlib import suppress
from functools import cache
from urllib.parse import unquote, urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error as PlaywrightError

HEAVIEST = 2_000_000  # bytes of a page and what it loads on opening, without the mathematics' fonts and scripts
# Of sphinx-book-theme 1.x, on each of its pages: a constant declared twice, and a theme that is none yet.
OF_THE_THEME = ("Identifier 'THEBE_JS_URL' has already been declared", "Got invalid theme mode")


class Listener:
    """What a page asked for and complained of since it was opened."""

    def __init__(self, page):
        self.requests, self.failed, self.complaints = [], [], []
        page.on("request", lambda request: self.requests.append(request.url))
        # A question for a file's head alone ends as if it failed.
        page.on("requestfailed", lambda request: request.method == "GET" and self.failed.append(request.url))
        page.on("response", lambda answer: answer.status >= 400 and self.failed.append(f"{answer.status} {answer.url}"))
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(error.message))

    def forget(self):
        for noted in (self.requests, self.failed, self.complaints):
            noted.clear()

    def faults(self):
        ours = [text for text in self.complaints if not any(known in text for known in OF_THE_THEME)]
        return [
            *(f"external: {url}" for url in self.requests if not is_local(url)),
            *(f"not found: {short(url)}" for url in self.failed),
            *(f"console: {text[:200]}" for text in ours),
        ]


def is_local(url):
    parts = urlsplit(url)
    return parts.scheme in ("file", "data", "blob", "about") or parts.hostname in ("127.0.0.1", "localhost", "::1")


def short(url):
    return "/".join(url.split("/")[-3:])


def weight(urls, site, address):
    """Bytes of the files of a site that were asked for over http; those of MathJax are left out."""
    paths = {unquote(urlsplit(url).path).lstrip("/") for url in urls if url.startswith(address)}
    files = [site / path for path in paths if "/mathjax/" not in path]
    return sum(file.stat().st_size for file in files if file.is_file())


def weighs(urls, site, address):
    total = weight(urls, site, address)
    return [f"weight: {total / 1e6:.2f} MB on opening"] if total > HEAVIEST else []


# Each of these runs in the page and returns a list of texts.

MATHS = r"""() => {
    const found = [];
    const set = "mjx-container, script, style, noscript, code, pre, textarea";
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode()); ) {
        if (/\\[([]|\\[)\]]|\$\$|\$[^$\n ]*[\\_^{][^$\n]*\$/.test(node.data) && !node.parentElement.closest(set))
            found.push(node.data.trim().slice(0, 80));
    }
    for (const place of document.querySelectorAll(".math"))
        if (!place.querySelector("mjx-container")) found.push("not set: " + place.textContent.trim().slice(0, 80));
    for (const wrong of document.querySelectorAll("mjx-merror, [data-mjx-error]"))
        found.push("error in " + wrong.textContent.trim().slice(0, 80));
    return found;
}"""

OVERFLOW = """() => {
    const root = document.documentElement, edge = root.clientWidth;
    if (root.scrollWidth <= edge) return [];
    const scrolls = element => {
        for (let at = element.parentElement; at && at !== document.body; at = at.parentElement)
            if (getComputedStyle(at).overflowX !== "visible") return true;
        return getComputedStyle(element).position === "fixed";
    };
    const name = element => element.tagName.toLowerCase() + (element.id ? "#" + element.id : "") +
        [...element.classList].map(each => "." + each).join("");
    const wide = [...document.body.querySelectorAll("*")].filter(element => {
        const box = element.getBoundingClientRect();
        return box.width > 0 && box.right > edge + 1 && !scrolls(element);
    });
    const last = wide.filter(element => !wide.some(other => other !== element && element.contains(other)));
    return [`${root.scrollWidth} of ${edge} px; ` + last.slice(0, 4).map(element =>
        name(element) + " to " + Math.round(element.getBoundingClientRect().right)).join(", ")];
}"""

# Tables that scroll sideways in their column, those that are folded away too.
TABLES = """() => {
    const closed = [...document.querySelectorAll("article details:not([open])")];
    closed.forEach(each => { each.open = true; });
    const all = [...document.querySelectorAll("article :is(.hcl-table, .pst-scrollable-table-container)")];
    const found = all.filter(each => each.scrollWidth > each.clientWidth + 1).map(each =>
        `${each.scrollWidth} of ${each.clientWidth} px: ` +
        (each.querySelector("caption") || each.querySelector("thead") || each).textContent.trim().slice(0, 80));
    closed.forEach(each => { each.open = false; });
    return found;
}"""

# What a cell wrote to standard error: a warning, with the path of the machine that built the book.
WARNINGS = """() => [...document.querySelectorAll(".output.stderr")].map(each =>
    each.textContent.trim().slice(0, 80))"""

HEADINGS = """() => {
    const found = [], main = document.querySelector("article.bd-article, main") || document.body;
    const all = [...main.querySelectorAll("h1, h2, h3, h4, h5, h6, [role=heading]")]
        .filter(each => each.getClientRects().length);
    const level = each => +(each.getAttribute("aria-level") || each.tagName.slice(1));
    const firsts = all.filter(each => level(each) === 1).length;
    if (firsts !== 1) found.push(`${firsts} of the first level`);
    let before = 0;
    for (const each of all) {
        if (level(each) > before + 1)
            found.push(`level ${level(each)} after ${before}: ${each.textContent.trim().slice(0, 60)}`);
        if (!each.textContent.trim()) found.push("an empty one");
        before = level(each);
    }
    return found;
}"""

ALTS = """() => {
    const found = [], name = image => image.getAttribute("src").split("/").pop().slice(0, 60);
    for (const image of document.images) {
        const alt = image.getAttribute("alt"), shown = image.closest("article");
        if (image.closest("[aria-hidden=true], [role=presentation]")) continue;
        if (alt === null) found.push("none: " + name(image));
        else if (shown && !alt.trim()) found.push("empty: " + name(image));
        else if (/\\.(png|svg|jpe?g|webp)$/i.test(alt.trim())) found.push("a file's name: " + name(image));
    }
    for (const drawing of document.querySelectorAll("article svg")) {
        if (drawing.closest("[aria-hidden=true], mjx-container, button, a, summary, .js-plotly-plot")) continue;
        const named = ["aria-label", "aria-labelledby"].some(name => drawing.getAttribute(name));
        if (!named && !drawing.querySelector(":scope > title"))
            found.push("a drawing without a name: " + drawing.outerHTML.slice(0, 60));
    }
    return found;
}"""

# A picture of one colour is empty; on file:// its colours cannot be read, and that it has a size has to do.
IMAGES = """() => {
    const found = [], canvas = document.createElement("canvas");
    const pen = canvas.getContext("2d", {willReadFrequently: true});
    canvas.width = canvas.height = 48;
    for (const image of document.images) {
        const name = (image.currentSrc || image.src).split("/").pop().slice(0, 60);
        if (!image.complete || !image.naturalWidth || !image.naturalHeight) {
            found.push("not loaded: " + name);
            continue;
        }
        if (!location.protocol.startsWith("http") || !image.closest("article")) continue;
        pen.clearRect(0, 0, 48, 48);
        pen.drawImage(image, 0, 0, 48, 48);
        const colours = new Uint32Array(pen.getImageData(0, 0, 48, 48).data.buffer);
        if (colours.every(colour => colour === colours[0])) found.push("of one colour: " + name);
    }
    return found;
}"""

FAVICON = """async () => {
    const link = document.querySelector('link[rel~="icon"]');
    if (!link) return ["none"];
    return new Promise(done => {
        const image = new Image();
        image.onload = () => done([]);
        image.onerror = () => done(["not loaded: " + link.getAttribute("href")]);
        image.src = link.href;
    });
}"""

# How many pictures the text shows: as many in the dark as in the light, or a variant is missing.
SHOWN = """() => [...document.querySelectorAll("article img")].filter(each => each.getClientRects().length).length"""

# Links to files of the book, each with its size; over http only.
LINKS = "a[download], a.reference.download, a.btn-download-source-button"
DOWNLOADS = """async links => {
    const found = [];
    const all = new Set([...document.querySelectorAll(links)].map(link => link.href));
    const ours = [...all].filter(address => address.startsWith(location.origin));
    await Promise.all(ours.map(async address => {
        const answer = await fetch(address, {method: "HEAD"});
        if (!answer.ok || answer.headers.get("Content-Length") === "0")
            found.push(`${answer.status} ${address.split("/").slice(-2).join("/")}`);
    }));
    return found;
}"""

# One link of each kind of file, marked, to be clicked.
FIRSTS = """links => {
    const firsts = new Map();
    for (const link of document.querySelectorAll(links)) {
        const suffix = link.href.split(/[?#]/)[0].split(".").pop();
        if (!firsts.has(suffix)) firsts.set(suffix, link);
    }
    firsts.forEach((link, suffix) => link.setAttribute("data-first", suffix));
    return [...firsts.keys()];
}"""


def downloads(page, tmp_path, seconds=10):
    """Click a link of each kind of file: a file has to come, and not be empty. Asked last: a click may lead away."""
    found = []
    for suffix in page.evaluate(FIRSTS, LINKS):
        target = tmp_path / "download"
        try:
            with page.expect_download(timeout=1000 * seconds) as coming:
                page.evaluate("suffix => document.querySelector(`[data-first='${suffix}']`).click()", suffix)
            coming.value.save_as(target)
        except PlaywrightError:
            found.append(f"download: .{suffix} is shown, or not there, and not saved")
            break
        if not target.stat().st_size:
            found.append(f"download: .{suffix} is empty")
    return found


KINDS = {
    "maths": MATHS, "overflow": OVERFLOW, "heading": HEADINGS, "alt": ALTS, "image": IMAGES, "favicon": FAVICON,
    "download": DOWNLOADS, "table": TABLES, "warning": WARNINGS,
}  # fmt: skip


def faults(page, *kinds):
    return [f"{kind}: {text}" for kind in kinds for text in page.evaluate(KINDS[kind], LINKS)]


# Places that a page repeats hundreds of times, all made alike: the first dozens are looked at, or axe takes minutes.
# The others are taken out for as long as it looks, which is quicker than telling it to leave each aside.
REPEATED = {
    "dl.py": 8, "table.indextable li": 40, "mjx-container": 20, ".hcl-claims .hcl-claim": 12, ".hcl-marks li": 40,
    "article details.hcl-card": 4, "article table tbody tr": 60, ".hcl-facts dl": 8,
}  # fmt: skip
AXE = """async repeated => {
    const out = [];
    for (const [places, enough] of Object.entries(repeated))
        for (const place of [...document.querySelectorAll(places)].slice(enough))
            if (!out.some(([, other]) => other.contains(place))) out.push([document.createComment(""), place]);
    out.forEach(([mark, place]) => place.replaceWith(mark));
    const asked = {resultTypes: ["violations"], preload: false, iframes: false};
    const found = await axe.run(document, asked);
    out.forEach(([mark, place]) => mark.replaceWith(place));
    return found.violations
        .filter(each => ["serious", "critical"].includes(each.impact))
        .map(each => ({rule: each.id, impact: each.impact, places: each.nodes.map(node => node.target.join(" "))}));
}"""


@cache
def axe_script():
    return Axe().axe_script


# What scrolls sideways is reached by the keyboard: the theme sees to it a third of a second after a window has changed.
REACHED = """() => [...document.querySelectorAll("pre, .pst-scrollable-table-container")]
    .every(each => each.scrollWidth <= each.clientWidth || each.tabIndex === 0)"""


def accessible(page):
    """Serious and critical violations of axe-core, a line a rule with the first places."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(axe_script())
    with suppress(PlaywrightError):  # then axe says which it is
        page.wait_for_function(REACHED, timeout=2000)
    found = page.evaluate(AXE, REPEATED)
    return [
        f"axe {each['rule']} ({each['impact']}, {len(each['places'])}): {'; '.join(each['places'][:3])}"
        for each in found
    ]
