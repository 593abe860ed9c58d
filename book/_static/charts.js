"use strict";
// What the charts of recorded runs share: Plotly and data, loaded when they are asked for; colours; the drawing.
window.HclCharts = (() => {
  const base = new URL(".", document.currentScript.src);
  const loading = new Map();
  const live = new Map(); // from the element of a chart to what draws it anew
  const NARROW = 620; // px below which panels are stacked
  const BEYOND = { light: "#000418", dark: "#e1fdff" };
  // Fallbacks of the variables of palette.css, light and dark.
  const COLOURS = {
    ink: ["#222832", "#d6dde4"], muted: ["#48566b", "#a3adb9"], rule: ["#dfe3e8", "#353a42"],
    ground: ["#ffffff", "#121212"], bound: ["#6b7280", "#8b939f"], "beta-0": ["#a15d0a", "#ce710c"],
    "beta-1": ["#b30e35", "#f86680"], "beta-2": ["#840174", "#ec8cd8"], "beta-3": ["#400492", "#c6befd"],
    "beta-4": ["#070a57", "#abeeff"],
  };
  const DASHES = ["2px,2.4px", "6px,2.8px", "12px,3.2px", "16px,3px,3px,3px", "solid"]; // as in style.py, 2 px wide
  const MARKERS = ["circle", "triangle-up", "square", "pentagon", "star"];

  /** Run a script of _static once; works from a disk, where a browser fetches nothing. */
  function load(path) {
    if (!loading.has(path)) {
      loading.set(path, new Promise((done, failed) => {
        const script = document.createElement("script");
        script.src = new URL(path, base).href;
        script.onload = () => done();
        script.onerror = () => {
          loading.delete(path);
          script.remove();
          failed(new Error(`${path} is not there`));
        };
        document.head.append(script);
      }));
    }
    return loading.get(path);
  }

  const data = async (name) => {
    await load(`hcl-runs/${name}.js`);
    return window.HCL_RUNS[name];
  };
  const plotly = async () => {
    await load("plotly.min.js");
    return window.Plotly;
  };

  const isDark = () => document.documentElement.dataset.theme === "dark";
  function colour(name) {
    const set = getComputedStyle(document.documentElement).getPropertyValue(`--hcl-${name}`).trim();
    return set || COLOURS[name][isDark() ? 1 : 0];
  }
  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  /** The colour at a place of the ramp of the hardness, between 0 and 5. */
  function ramp(level) {
    const at = Math.min(Math.floor(level), 4);
    const next = at < 4 ? colour(`beta-${at + 1}`) : BEYOND[isDark() ? "dark" : "light"];
    const [low, high] = [channels(colour(`beta-${at}`)), channels(next)];
    return `rgb(${low.map((value, i) => Math.round(value + (high[i] - value) * (level - at))).join(", ")})`;
  }
  const soft = (rgb) => rgb.replace("rgb", "rgba").replace(")", ", 0.16)");
  const step = (level) => Math.min(Math.floor(level + 0.5), 4);

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  function spread(values) {
    const centre = mean(values);
    return values.length > 1 ? Math.sqrt(values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / (values.length - 1)) : null;
  }

  /** The points of a run that there are: [epoch or index, value]. */
  function points(run, metric) {
    const values = metric === "spectrum" ? run.spectrum : run.values[metric];
    if (!values) return [];
    return values.map((value, i) => [metric === "spectrum" ? i + 1 : run.epoch[i], value]).filter(([, v]) => v !== null);
  }

  /** Curves of runs: one a run, or one a setting with the mean over seeds and its standard deviation. */
  function curves(runs, metric, each) {
    const groups = new Map();
    for (const run of runs) {
      const key = each ? run.id + run.row : `${run.name}|${run.row}|${run.variant}`;
      groups.set(key, [...(groups.get(key) || []), run]);
    }
    return [...groups.values()].map((its) => {
      const at = new Map();
      for (const run of its) for (const [x, y] of points(run, metric)) at.set(x, [...(at.get(x) || []), y]);
      const xs = [...at.keys()].sort((a, b) => a - b);
      return {
        run: its[0], runs: its, seeds: its.map((run) => run.seed), x: xs,
        y: xs.map((x) => mean(at.get(x))), sd: xs.map((x) => spread(at.get(x))),
      };
    }).filter((curve) => curve.x.length);
  }

  const digitsOf = (metric) => (/^(rank|effective_rank|clusters)/.test(metric) ? 1 : 3);
  const minus = (text) => text.replace(/-/g, "−");
  const isTiny = (value, metric) => value !== 0 && Math.abs(value) < 10 ** -digitsOf(metric);
  /** A number as the book writes it: counts to one decimal, tiny ones in powers of ten. */
  function number(value, metric = "") {
    if (value === null || value === undefined) return "–";
    if (Number.isInteger(value) && Math.abs(value) >= 1) return minus(String(value));
    return minus(isTiny(value, metric) ? value.toExponential(1) : value.toFixed(digitsOf(metric)));
  }
  /** A mean and its standard deviation, which has the decimals of its mean; without one where there is a single seed. */
  function meanAndSpread(centre, sd, metric) {
    if (sd === null) return number(centre, metric);
    return `${number(centre, metric)} ± ${minus(isTiny(centre, metric) ? sd.toExponential(1) : sd.toFixed(digitsOf(metric)))}`;
  }

  function traces(curve, metric, axis, { each, unified, named }) {
    const { run } = curve;
    const of = ramp(run.level);
    const seeds = each ? `, seed ${run.seed}` : curve.seeds.length > 1 ? `, ${curve.seeds.length} seeds` : "";
    const words = curve.x.map((x, i) => {
      const where = unified ? "" : `<br>${metric === "spectrum" ? "index" : "epoch"} ${x}`;
      return `${run.name}${seeds}: ${meanAndSpread(curve.y[i], curve.sd[i], metric)}${where}`;
    });
    const band = curve.sd.some((sd) => sd !== null) && {
      x: [...curve.x, ...curve.x.slice().reverse()],
      y: [...curve.y.map((y, i) => y + (curve.sd[i] || 0)), ...curve.y.map((y, i) => y - (curve.sd[i] || 0)).reverse()],
      mode: "lines", line: { width: 0 }, fill: "toself", fillcolor: soft(of), hoverinfo: "skip", showlegend: false,
      legendgroup: run.hardness, xaxis: `x${axis}`, yaxis: `y${axis}`,
    };
    const line = {
      x: curve.x, y: curve.y, text: words, hovertemplate: "%{text}<extra></extra>", mode: curve.x.length > 60 ? "lines" : "lines+markers",
      line: { color: of, width: 2, dash: DASHES[step(run.level)] },
      marker: { color: of, size: 6, symbol: MARKERS[step(run.level)] },
      name: run.hardness, legendgroup: run.hardness, legendrank: run.order, showlegend: named,
      xaxis: `x${axis}`, yaxis: `y${axis}`,
    };
    return band ? [band, line] : [line];
  }

  /** Lines of reference: rounding in a spectrum, what there is at Neural-Collapse. */
  function reference(metric, curve, floor) {
    const classes = curve && curve.run.classes;
    return { spectrum: floor, clusters: classes, rank: classes - 1, effective_rank: classes - 1 }[metric];
  }

  /**
   * Draw panels, each a chart of curves: {title, short, metric, curves}, side by side in pairs where there is room.
   * options: columns, each, log, floor.
   */
  async function draw(element, panels, options) {
    const Plotly = await plotly();
    const width = element.clientWidth;
    const narrow = width < NARROW;
    live.set(element, { again: () => draw(element, panels, options), width }); // before waiting: another size may come
    sizes.observe(element);
    const columns = narrow ? 1 : options.columns;
    const rows = Math.ceil(panels.length / columns);
    const [tall, between] = narrow ? [170, 86] : [200, 92]; // px of a panel, and from one to the next below
    const inner = rows * tall + (rows - 1) * between;
    const names = new Set(panels.flatMap((panel) => panel.curves.map((curve) => curve.run.hardness)));
    const top = 54 + 22 * Math.ceil((names.size * 116) / (width - 66));
    const gap = { x: columns > 1 ? 0.09 : 0, y: between / inner };
    const size = { x: (1 - gap.x * (columns - 1)) / columns, y: tall / inner };
    const font = { family: getComputedStyle(element).fontFamily, size: 13, color: colour("ink") };
    const layout = {
      width, height: inner + top + 48, margin: { l: 52, r: 10, t: top, b: 48 }, font,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", uirevision: "kept",
      hovermode: narrow ? "closest" : "x unified", annotations: [], shapes: [],
      hoverlabel: { bgcolor: colour("ground"), bordercolor: colour("bound"), font: { ...font, size: 12 }, align: "left" },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("muted"), activecolor: colour("ink") },
      legend: { orientation: "h", x: 0, y: 1, yref: "container", yanchor: "top", itemwidth: 44 },
    };
    const all = [], named = new Set(), first = {};
    panels.forEach((panel, i) => {
      const axis = i ? i + 1 : "";
      const column = i % columns, row = Math.floor(i / columns);
      const left = column * (size.x + gap.x), high = 1 - row * (size.y + gap.y);
      const spectrum = panel.metric === "spectrum";
      const common = { gridcolor: colour("rule"), linecolor: colour("bound"), zeroline: false, automargin: false };
      layout[`xaxis${axis}`] = {
        ...common, domain: [left, left + size.x], anchor: `y${axis}`, rangemode: "tozero",
        title: row === rows - 1 || narrow ? { text: spectrum ? "index of the value" : "epoch", standoff: 4, font } : undefined,
        unifiedhovertitle: { text: spectrum ? "index %{x}" : "epoch %{x}" },
        ...(first[`x${spectrum}`] !== undefined && { matches: `x${first[`x${spectrum}`]}` }),
      };
      layout[`yaxis${axis}`] = {
        ...common, domain: [Math.max(high - size.y, 0), high], anchor: `x${axis}`, type: options.log && !spectrum ? "log" : "linear",
        rangemode: spectrum ? "normal" : "tozero", exponentformat: "power", nticks: 6,
        ...(first[panel.metric] !== undefined && { matches: `y${first[panel.metric]}` }),
      };
      first[`x${spectrum}`] ??= axis;
      first[panel.metric] ??= axis;
      layout.annotations.push({
        text: narrow ? panel.short : panel.title, x: left, y: high, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom",
        align: "left", showarrow: false,
      });
      const at = reference(panel.metric, panel.curves[0], options.floor);
      if (at && !options.log) {
        layout.shapes.push({
          type: "line", x0: left, x1: left + size.x, xref: "paper", y0: at, y1: at, yref: `y${axis}`,
          line: { color: colour("bound"), width: 1, dash: "dash" },
        });
      }
      for (const curve of panel.curves) {
        const settings = { each: options.each, unified: !narrow, named: !named.has(curve.run.hardness) };
        all.push(...traces(curve, panel.metric, axis, settings));
        named.add(curve.run.hardness);
      }
    });
    const config = {
      displaylogo: false, displayModeBar: narrow ? false : "hover", modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    };
    await Plotly.react(element, all, layout, config);
  }

  const again = () => live.forEach((chart, element) => element.clientWidth && chart.again()); // not those that are hidden
  new MutationObserver(again).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const chart = live.get(target);
      if (chart && target.clientWidth && chart.width !== target.clientWidth) chart.again();
    }
  });

  /** Panels of some runs: a row for each metric and each row of the figure, supervised beside unsupervised. */
  function panels(runs, metrics, { each, names, titles = {}, by = (run) => run.row }) {
    const kinds = [true, false].filter((kind) => runs.some((run) => run.supervised === kind));
    const rows = [...new Set(runs.map(by))];
    const found = [];
    for (const metric of metrics) {
      for (const row of rows) {
        for (const kind of kinds) {
          const its = runs.filter((run) => by(run) === row && run.supervised === kind);
          const words = (long) => (rows.length > 1 ? (long && titles[row]) || row || "usual setting" : names[metric]);
          const title = (long) => `${words(long)}<br><b>${kind ? "supervised" : "unsupervised"}</b>`;
          found.push({ metric, title: title(true), short: title(false), curves: curves(its, metric, each) });
        }
      }
    }
    return { panels: found, columns: kinds.length };
  }

  return { data, plotly, draw, panels, curves, points, meanAndSpread, mean, spread };
})();
