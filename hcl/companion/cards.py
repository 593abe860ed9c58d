"""The card under a figure or table that says where it comes from, as HTML, from the facts in a notebook's metadata."""

import re
from collections.abc import Sequence
from html import escape

from hcl.companion.costs import duration
from hcl.companion.estimates import memory
from hcl.companion.facts import Facts

Links = Sequence[tuple[str, str, str]]  # name of the file, its address seen from the page, what it is


def card(told: Facts, links: Links = (), *, head: bool = False) -> str:
    """Return a card: a line to read at once, which opens into everything.

    Args:
        told: ``metadata.hcl`` of an executed notebook: ``executed``, and where it shows runs `hcl.companion.facts`,
            where it shows something else that is kept ``line`` and ``said`` (`hcl.companion.notes.origin`).
        links: files to download.
        head: whether it is the one at the top of a page, which also says what is still to be made.
    """
    groups = told.get("groups", [])
    body = [_group(group) for group in groups] or [_facts_list(_computed(told))]
    if head:
        body += [f'<p class="hcl-card-left">{_words(text)}</p>' for text in told.get("left", [])]
    body.append(_commands(told))
    if links:
        each = " ".join(
            f'<a class="hcl-download" href="{escape(address)}" download="{escape(name)}">{escape(what)}</a>'
            for name, address, what in links
        )
        body.append(f'<p class="hcl-card-files"><b>Download</b> {each}</p>')
    if groups:
        body.append(_facts_list(_built(told)))
    kind = "hcl-card hcl-card-head" if head else "hcl-card"
    return (
        f'<details class="{kind}"><summary><span class="hcl-card-title">Where this comes from</span> '
        f'<span class="hcl-card-line">{line(told)}</span></summary>\n<div class="hcl-card-body">'
        f"{''.join(body)}</div></details>"
    )


def line(told: Facts) -> str:
    """Return the line of a closed card, as HTML: profile, data, seeds, runs, time a run, commit."""
    groups = told.get("groups", [])
    if not groups and "line" in told:
        return f"{escape(told['line'])} · page of commit {_commit(told['executed'].get('commit'))}"
    if not groups:
        return f"computed when this page was built · commit {_commit(told['executed'].get('commit'))}"
    said = [", ".join(dict.fromkeys(group["profile"] for group in groups))]
    for name, own in dict.fromkeys((group["dataset"], group["stands_in_for"]) for group in groups):
        said.append(escape(name) + (f' <span class="hcl-stand-in">stands in for {escape(own)}</span>' if own else ""))
    seeds = sorted({seed for group in groups for seed in group["seeds"]})
    said.append(f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}" if seeds else "no run yet")
    made, wanted = (sum(group[key] for group in groups) for key in ("runs", "wanted"))
    said.append(f"{made} of {wanted} runs" if made < wanted else f"{made} run{'s' * (made != 1)}")
    took = [group["seconds"] for group in groups if group["seconds"] is not None]
    if took:
        least, most = duration(min(took)), duration(max(took))
        said.append(f"{least} each" if least == most else f"{least} to {most} each")
    commits = [_commit(name, 7) for name in told["commits"]]
    if commits:
        more = f" and {len(commits) - 1} more" if len(commits) > 1 else ""
        said.append(f"commit {commits[0]}{more}")
    return " · ".join(said)


def _group(group: Facts) -> str:
    """Return what made the runs of a profile, as a list of facts."""
    rows = [("Rows", escape("; ".join(group["rows"])))] if group["rows"] else []
    count = group["trained_otherwise"]
    others = f"; and {count} runs that were trained otherwise" if count else ""
    data = "; ".join(f"{escape(source)}, fingerprint <code>{escape(mark)}</code>" for source, mark in group["data"])
    own = group["stands_in_for"]
    instead = f" in the place of {escape(own)}, whose files were not at hand: " if own else ": "
    same = f", {group['same']} of them shown by the run on the ball that they are to the bit" if group["same"] else ""
    short = f", of {group['wanted']} that it has" if group["runs"] < group["wanted"] else ""
    said = [
        *rows,
        ("Profile", f"<code>{group['profile']}</code>: {escape('; '.join(group['training']) or 'no run yet')}{others}"),
        ("Data", f"<code>{escape(group['dataset'])}</code>{instead}{data or '–'}"),
        ("Runs", f"{group['runs']}{same}{short}; seed {', '.join(map(str, group['seeds'])) or '–'}"),
        ("Device", escape(", ".join(group["devices"])) + _threads(group["threads"])),
        ("Time", _time(group)),
        ("Code", f"commit {', '.join(map(_commit, group['commits'])) or '–'}, {_versions(group)}"),
        ("Made on", escape(_span(group["dates"]))),
    ]
    return _facts_list([(name, text) for name, text in said if text])


def _time(group: Facts) -> str:
    if group["seconds"] is None:
        return ""
    held = f"; {memory(group['memory_mib'])} of memory at most" if group["memory_mib"] else ""
    return f"{duration(group['seconds'])} a run (mean), {duration(group['all_seconds'])} in all{held}"


def _computed(told: Facts) -> list[tuple[str, str]]:
    made = told["executed"]
    if "line" in told:
        return [*((escape(name), escape(text)) for name, text in told["said"]), *_built(told)]
    return [
        ("Made", f"computed when this page was built, {escape(made['date'][:10])}, from no recorded run of its own"),
        ("Device", escape(made["device"])),
        ("Code", f"commit {_commit(made.get('commit'))}, Python {made['python']}, torch {escape(made['torch'])}"),
    ]


def _built(told: Facts) -> list[tuple[str, str]]:
    made = told["executed"]
    return [("Page", f"executed {escape(made['date'][:10])}, commit {_commit(made.get('commit'))}")]


def _commands(told: Facts) -> str:
    """Return the commands that make it again, each with what it costs, where a copy button finds it."""
    if not (found := told.get("commands")):
        return ""
    rows = "".join(
        f'<div class="hcl-command"><p><b>{escape(one["profile"])}</b> <span>{escape(one["cost"])}</span></p>'
        f'<div class="highlight-bash notranslate"><div class="highlight"><pre>{escape(one["command"], quote=False)}'
        f'\n</pre></div></div><p class="hcl-basis">{escape(_sentence(one["basis"]))}</p></div>'
        for one in found
    )
    return (
        '<p class="hcl-card-again"><b>Run it again</b> Recorded runs are loaded; <code>HCL_RUNS=anew</code> before a '
        f"command trains all of them afresh. Times are of runs one after another.</p>{rows}"
    )


def _facts_list(said: Sequence[tuple[str, str]]) -> str:
    each = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in said)
    return f'<dl class="hcl-facts simple">{each}</dl>' if each else ""


def _commit(name: str | None, digits: int = 10) -> str:
    if not name:
        return "unknown"
    changed = ", modified" if name.endswith("-modified") else ""
    return f"<code>{escape(name[:digits])}</code>{changed}"


def _threads(threads: Sequence[str]) -> str:
    return f", {', '.join(threads)} thread{'s' * (list(threads) != ['1'])} a run" if threads else ""


def _versions(group: Facts) -> str:
    return escape(f"Python {', '.join(group['python']) or '–'}, torch {', '.join(group['torch']) or '–'}")


def _span(dates: Sequence[str]) -> str:
    return "" if not dates else dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _words(text: str) -> str:
    """Return Markdown of a sentence, with its bold and code, as HTML."""
    bold = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text, quote=False))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", bold)
