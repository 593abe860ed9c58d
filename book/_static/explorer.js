"use strict";
// Buttons that draw a page's figures anew with values on hover, and the explorer of all recorded runs.
(() => {
  const charts = window.HclCharts;
  const MARK = "data-hcl-chart";
  const BESIDE = ["equal_inner_product", "effective_rank", "clusters", "test_accuracy"];

  /** Make an element: html("a", {href: "#"}, "text", other). */
  function html(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  const failed = (error) => `The chart could not be drawn: ${error.message}. The picture shows the same runs.`;

  // Figures of a page

  /** The figure that an element stands below. */
  function figureBefore(element) {
    const before = [...document.querySelectorAll("figure")].filter(
      (figure) => figure.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING);
    return before.at(-1);
  }

  async function runsOf(asked) {
    const found = [];
    for (const [key, rows] of Object.entries(asked.runs)) {
      const of = new Map((await charts.data(key)).runs.map((run) => [run.id, run]));
      for (const [row, ids] of Object.entries(rows)) for (const id of ids) found.push({ ...of.get(id), row });
    }
    const missing = found.filter((run) => !run.epoch).length;
    if (missing) throw new Error(`the data of ${missing} runs are not there`);
    return found;
  }

  function figureChart(element) {
    const asked = JSON.parse(element.getAttribute(MARK));
    const [key] = Object.keys(asked.runs);
    if (!key || !asked.metrics.length) return; // nothing recorded
    const figure = figureBefore(element);
    const picture = figure ? [...figure.children].filter((child) => child.tagName !== "FIGCAPTION") : [];
    const plot = html("div", { class: "hcl-plot", role: "group", "aria-label": "Interactive chart, values in the tables below", hidden: true });
    const said = html("span", { role: "status", "aria-live": "polite" });
    const button = html("button", { type: "button", class: "hcl-button", onclick: toggle }, "Make this interactive");
    const to = new URLSearchParams({ piece: key, ...(asked.figure && { figure: asked.figure }), metric: asked.metrics.at(-1) });
    const link = html("a", { class: "reference internal", href: `explorer.html#${to}` }, "These runs in the explorer");
    element.append(html("div", { class: "hcl-chart-bar" }, button, link, said));
    if (figure) figure.prepend(plot);
    else element.append(plot);
    element.hidden = false;

    async function toggle() {
      if (!plot.hidden) return show(false);
      said.textContent = "Loading…";
      try {
        const [index, runs] = await Promise.all([charts.data("index"), runsOf(asked), charts.plotly()]);
        show(true);
        const { panels, columns } = charts.panels(runs, asked.metrics, { names: index.metrics, titles: asked.titles });
        await charts.draw(plot, panels, { columns, floor: index.floor });
        said.textContent = "Point at a curve for its values, drag over a part to enlarge it.";
      } catch (error) {
        show(false);
        said.textContent = failed(error);
      }
    }
    function show(interactive) {
      plot.hidden = !interactive;
      for (const child of picture) child.hidden = interactive;
      for (const child of picture) child.style.display = interactive ? "none" : "";
      button.textContent = interactive ? "Show the picture" : "Make this interactive";
      said.textContent = "";
    }
  }

  // The explorer

  class Explorer {
    constructor(element, index) {
      this.element = element;
      this.index = index;
      this.drawn = false;
      this.plot = html("div", { class: "hcl-plot", role: "group", "aria-label": "Chart of the chosen runs, values in the table below", hidden: true });
      this.picture = [...document.querySelectorAll("figure")].find(
        (figure) => figure.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_PRECEDING);
      this.start = html("button", { type: "button", class: "hcl-button", onclick: () => this.activate() }, "Draw this interactively");
      this.said = html("p", { class: "hcl-said", role: "status", "aria-live": "polite" });
      this.usual = html("p", { class: "hcl-usual" });
      this.table = html("div", { class: "hcl-scroll", tabindex: 0, role: "region", "aria-label": "Settled values" });
      this.controls = html("form", { class: "hcl-explorer", "aria-label": "Which runs, and what of them", onsubmit: (event) => event.preventDefault() });
      const area = html("div", {}, this.plot);
      if (this.picture) area.append(this.picture, this.start);
      element.replaceChildren(this.controls, this.said, area, this.usual, this.table);
      element.classList.add("hcl-explorer");
      this.controls.addEventListener("change", (event) => this.changed(event));
      window.addEventListener("hashchange", () => location.hash !== this.hash && this.open());
    }

    /** Take what the address asks for, unknown things left aside. */
    async open() {
      const asked = new URLSearchParams(location.hash.slice(1));
      const { pieces } = this.index;
      const piece = pieces.find((p) => p.key === asked.get("piece")) ||
        pieces.find((p) => p.profile === asked.get("profile") && p.dataset === asked.get("data")) || this.index.pieces[this.index.start];
      const list = (name) => (asked.get(name) || "").split(";").filter(Boolean);
      this.state = {
        key: piece.key, figure: asked.get("figure"), metric: asked.get("metric") || "equal_inner_product",
        hidden: new Set(list("hide")), variants: asked.has("variants") ? new Set(asked.get("variants").split(";")) : new Set(),
        hiddenSeeds: new Set(list("hideseeds").map(Number)), each: asked.has("each"), log: asked.has("log"),
      };
      if ([...asked].length) this.drawn = true;
      await this.render();
    }

    async activate() {
      this.drawn = true;
      await this.render();
    }

    async changed({ target }) {
      const { state } = this;
      const toggle = (set) => (target.checked ? set.delete(target.value) : set.add(target.value));
      if (target.name === "data") state.key = this.index.pieces.find((piece) => piece.dataset === target.value).key;
      else if (target.name === "profile") state.key = target.value;
      else if (target.name === "figure") state.variants.clear();
      if (["figure", "metric"].includes(target.name)) state[target.name] = target.value;
      if (["each", "log"].includes(target.name)) state[target.name] = target.checked;
      if (target.name === "setting") toggle(state.hidden);
      if (target.name === "variant") target.checked ? state.variants.add(target.value) : state.variants.delete(target.value);
      if (target.name === "seed") target.checked ? state.hiddenSeeds.delete(+target.value) : state.hiddenSeeds.add(+target.value);
      this.drawn = true;
      await this.render();
    }

    /** Bring a choice in line with what there is, and return the runs that are shown. */
    settle() {
      const { state, piece } = this;
      this.figures = Object.keys(this.index.figures).filter((name) => piece.runs.some((run) => run.figures.includes(name)));
      if (state.figure !== "all" && !this.figures.includes(state.figure)) state.figure = this.figures.includes("fig03") ? "fig03" : this.figures[0] || "all";
      const of = piece.runs.filter((run) => state.figure === "all" || run.figures.includes(state.figure));
      this.metrics = Object.keys(this.index.metrics).filter((name) => of.some((run) => charts.points(run, name).length));
      if (!this.metrics.includes(state.metric)) state.metric = "equal_inner_product";
      const unique = (of, what) => [...new Set(of.map(what))];
      this.variants = unique(of, (run) => run.variant).sort((a, b) => Boolean(a) - Boolean(b));
      state.variants = new Set([...state.variants].filter((name) => this.variants.includes(name)));
      if (!state.variants.size) state.variants.add(this.variants[0]);
      const some = of.filter((run) => state.variants.has(run.variant));
      this.settings = unique(some, (run) => run.name).map((name) => some.find((run) => run.name === name));
      this.seeds = unique(some, (run) => run.seed).sort((a, b) => a - b);
      return some.filter((run) => !state.hidden.has(run.name) && !state.hiddenSeeds.has(run.seed));
    }

    async render() {
      const turn = (this.turn = (this.turn || 0) + 1);
      const { state } = this;
      try {
        const piece = await charts.data(state.key);
        if (turn !== this.turn) return;
        this.piece = piece;
        this.runs = this.settle();
        this.fill();
        this.usual.textContent = `Trained ${this.variants.length > 1 ? "as a rule" : "on"}: ${piece.usual}${
          this.variants.length === 1 && this.variants[0] ? `; here ${this.variants[0]}` : ""}.`;
        this.table.replaceChildren(this.settledTable());
        this.hash = this.address();
        if (this.drawn) history.replaceState(null, "", this.hash);
        if (this.drawn) await this.show(turn);
        if (turn === this.turn) this.said.textContent = this.summary();
      } catch (error) {
        this.said.textContent = failed(error);
      }
    }

    async show(turn) {
      const { state, index } = this;
      this.said.textContent = "Loading…";
      await charts.plotly();
      if (turn !== this.turn) return;
      this.start.hidden = true;
      if (this.picture) this.picture.style.display = "none";
      this.plot.hidden = !this.runs.length;
      if (!this.runs.length) return;
      const made = charts.panels(this.runs, [state.metric], { each: state.each, names: index.metrics, by: (run) => run.variant });
      await charts.draw(this.plot, made.panels, { columns: made.columns, each: state.each, log: state.log, floor: index.floor });
    }

    address() {
      const { state } = this;
      const asked = new URLSearchParams({ piece: state.key, figure: state.figure, metric: state.metric });
      if (state.hidden.size) asked.set("hide", [...state.hidden].join(";"));
      if (this.variants.length > 1) asked.set("variants", [...state.variants].join(";"));
      if (state.hiddenSeeds.size) asked.set("hideseeds", [...state.hiddenSeeds].join(";"));
      for (const name of ["each", "log"]) if (state[name]) asked.set(name, "1");
      return `#${asked}`;
    }

    summary() {
      const { state, index, runs } = this;
      const { dataset, profile, stands_for } = index.pieces.find((piece) => piece.key === state.key);
      if (!runs.length) return "No run is chosen: tick a setting and a seed.";
      const settings = new Set(runs.map((run) => run.name + run.variant)).size;
      const seeds = [...new Set(runs.map((run) => run.seed))].sort((a, b) => a - b);
      const what = index.metrics[state.metric] + (state.metric === "spectrum" ? " after the last epoch" : " by epoch");
      const where = `${dataset}${stands_for ? `, in place of ${stands_for}` : ""}, profile ${profile}`;
      return `${what[0].toUpperCase()}${what.slice(1)}: ${settings} setting${settings > 1 ? "s" : ""}, seed${
        seeds.length > 1 ? "s" : ""} ${seeds.join(", ")}, on ${where}.`;
    }

    // Controls

    select(label, name, options, chosen) {
      const select = html("select", { name });
      for (const [value, words] of options) select.append(html("option", { value, selected: value === chosen }, words));
      return html("label", {}, label, select);
    }

    checks(legend, name, options) {
      const boxes = options.map(([value, words, checked]) =>
        html("label", {}, html("input", { type: "checkbox", name, value, checked }), words));
      return html("fieldset", {}, html("legend", {}, legend), html("div", { class: "hcl-checks" }, ...boxes));
    }

    fill() {
      const { state, index } = this;
      const { pieces } = index;
      const chosen = pieces.find((piece) => piece.key === state.key);
      const sets = [...new Set(pieces.map((piece) => piece.dataset))].map((name) => {
        const { stands_for } = pieces.find((piece) => piece.dataset === name);
        return [name, name + (stands_for ? ` (for ${stands_for})` : "")];
      });
      const profiles = pieces.filter((piece) => piece.dataset === chosen.dataset)
        .map((piece) => [piece.key, `${piece.profile} (${piece.runs} run${piece.runs > 1 ? "s" : ""})`]);
      const figures = [...this.figures.map((name) => [name, index.figures[name]]), ["all", "All runs"]];
      const parts = [
        html("div", { class: "hcl-selects" },
          this.select("Data set", "data", sets, chosen.dataset),
          this.select("Profile", "profile", profiles, state.key),
          this.select("Figure", "figure", figures, state.figure),
          this.select("Shown", "metric", this.metrics.map((name) => [name, index.metrics[name]]), state.metric)),
      ];
      for (const kind of [true, false]) {
        const its = this.settings.filter((run) => run.supervised === kind);
        const boxes = its.map((run) => [run.name, run.name, !state.hidden.has(run.name)]);
        if (its.length) parts.push(this.checks(kind ? "Supervised" : "Unsupervised", "setting", boxes));
      }
      if (this.variants.length > 1) {
        parts.push(this.checks("Variant", "variant", this.variants.map((name) => [name, name || "usual setting", state.variants.has(name)])));
      }
      const seeds = this.seeds.map((seed) => [seed, String(seed), !state.hiddenSeeds.has(seed)]);
      if (this.seeds.length > 1) parts.push(this.checks("Seeds", "seed", seeds));
      const box = (name, words) => html("label", {}, html("input", { type: "checkbox", name, value: "1", checked: state[name] }), words);
      parts.push(html("div", { class: "hcl-checks" },
        ...(this.seeds.length > 1 ? [box("each", "Each seed on its own")] : []),
        ...(state.metric === "spectrum" ? [] : [box("log", "Logarithmic axis")]),
        html("button", { type: "button", class: "hcl-button", onclick: () => this.copy() }, "Copy link"),
        html("button", { type: "button", class: "hcl-button", onclick: () => this.download() }, "Download CSV")));
      const { name, type, value } = this.controls.contains(document.activeElement) ? document.activeElement : {};
      this.controls.replaceChildren(...parts);
      const same = (field) => field.name === name && (type !== "checkbox" || field.value === value);
      if (name) [...this.controls.elements].find(same)?.focus(); // the keyboard stays where it was
    }

    // What is taken away

    settledTable() {
      const { state, index, runs } = this;
      const columns = [...new Set([...(state.metric === "spectrum" ? [] : [state.metric]), ...BESIDE])]
        .filter((name) => runs.some((run) => run.settled[name] !== undefined && run.settled[name] !== null));
      const groups = new Map();
      const rank = (run) => this.variants.indexOf(run.variant);
      for (const run of runs.toSorted((a, b) => rank(a) - rank(b) || b.supervised - a.supervised || a.order - b.order)) groups.set(run.name + run.variant, [...(groups.get(run.name + run.variant) || []), run]);
      const value = (its, name) => {
        const known = its.map((run) => run.settled[name]).filter((v) => v !== null && v !== undefined);
        if (!known.length) return "–";
        return charts.meanAndSpread(charts.mean(known), charts.spread(known), name);
      };
      const head = ["setting", "seeds", ...columns.map((name) => index.metrics[name])];
      const rows = [...groups.values()].map((its) => html("tr", {},
        html("th", { scope: "row" }, its[0].name + (this.variants.length > 1 && its[0].variant ? `, ${its[0].variant}` : "")),
        html("td", {}, its.map((run) => run.seed).sort((a, b) => a - b).join(", ")),
        ...columns.map((name) => html("td", {}, value(its, name)))));
      return html("table", {},
        html("caption", {}, html("span", {}, "Settled values: medians over the last five evaluations (mean ± standard deviation over seeds).")),
        html("thead", {}, html("tr", {}, ...head.map((words) => html("th", { scope: "col" }, words)))),
        html("tbody", {}, ...rows));
    }

    csv() {
      const { state, runs, index } = this;
      const x = state.metric === "spectrum" ? "index" : "epoch";
      const { dataset, profile } = index.pieces.find((piece) => piece.key === state.key);
      const rows = [["dataset", "profile", "setting", "variant", "seeds", x, state.metric, "standard_deviation", "runs"]];
      for (const curve of charts.curves(runs, state.metric, state.each)) {
        const { name, variant } = curve.run;
        curve.x.forEach((at, i) => rows.push([dataset, profile, name, variant, curve.seeds.join(" "), at, curve.y[i], curve.sd[i] ?? "", curve.runs.map((run) => run.id).join(" ")]));
      }
      const quoted = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
      return rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";
    }

    download() {
      const { state } = this;
      const link = html("a", { href: URL.createObjectURL(new Blob([this.csv()], { type: "text/csv" })), download: `hcl-${state.key}-${state.figure}-${state.metric}.csv` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }

    async copy() {
      const address = new URL(this.address(), location.href).href;
      history.replaceState(null, "", this.hash);
      try {
        await navigator.clipboard.writeText(address);
        this.said.textContent = "The link is copied.";
      } catch {
        this.said.textContent = `The link is in the address bar: ${address}`;
      }
    }
  }

  function begin() {
    for (const element of document.querySelectorAll(`[${MARK}]`)) {
      if (element.getAttribute(MARK) !== "explorer") figureChart(element);
      else charts.data("index").then((index) => new Explorer(element, index).open(), (error) => element.append(failed(error)));
    }
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
