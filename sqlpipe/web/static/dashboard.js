// Dashboards: charts drawn from the rows that the page has, filters, tables that turn pages, and rows to take along.
// A classic script, because browsers run no modules from files. What comes from rows becomes text, never HTML.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const make = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const SVG = "http://www.w3.org/2000/svg";
  const draw = (tag, attributes = {}, ...children) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };

  // Formats, as sqlpipe/web/formats.py has them
  const NUMBER = /^(,?)(?:\.(\d+))?([f%egd]?)$/;
  const TIME = /^(DATE|TIMESTAMP)(?!.*\]$)/;
  const trimmed = (text) => text.replace(/\.(\d*?)0+(e|$)/, (_all, digits, end) => (digits ? `.${digits}` : "") + end);
  function spelled(size, type, digits) {
    switch (type) {
      case "f": return size.toFixed(digits ?? 6);
      case "%": return `${(size * 100).toFixed(digits ?? 6)}%`;
      case "d": return String(Math.round(size));
      case "e": return size.toExponential(digits ?? 6);
      case "g": return size.toPrecision(digits === undefined ? 6 : Math.max(1, digits));
      default: return trimmed(size.toPrecision(digits === undefined ? 12 : Math.max(1, digits)));
    }
  }
  function number(value, format) {
    const found = NUMBER.exec(format) ?? NUMBER.exec("");
    let text = spelled(Math.abs(value), found[3], found[2] === undefined ? undefined : Number(found[2]));
    if (found[1]) text = text.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));
    return (value < 0 && /[1-9]/.test(text.split("e")[0]) ? "\u2212" : "") + text;
  }
  const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December"];
  const two = (value, width = 2) => String(value).padStart(width, "0");
  const instant = (text) => Date.parse(/T/.test(text) ? `${text.replace(/(\.\d{3})\d+/, "$1")}Z` : text);
  function week(at, first) {
    const year = Math.floor((Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()) - Date.UTC(at.getUTCFullYear(), 0, 1)) / 864e5);
    return Math.floor((year + 7 - ((at.getUTCDay() + 7 - first) % 7)) / 7);
  }
  function iso(at) {
    const thursday = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 4 - (at.getUTCDay() || 7)));
    const begin = Date.UTC(thursday.getUTCFullYear(), 0, 1);
    return [thursday.getUTCFullYear(), Math.floor((thursday - begin) / 864e5 / 7) + 1];
  }
  const DIRECTIVES = {
    a: (at) => DAYS[at.getUTCDay()].slice(0, 3), A: (at) => DAYS[at.getUTCDay()],
    b: (at) => MONTHS[at.getUTCMonth()].slice(0, 3), B: (at) => MONTHS[at.getUTCMonth()],
    d: (at) => two(at.getUTCDate()), f: (at) => `${two(at.getUTCMilliseconds(), 3)}000`, G: (at) => iso(at)[0],
    H: (at) => two(at.getUTCHours()), I: (at) => two(at.getUTCHours() % 12 || 12),
    j: (at) => two(Math.floor((at - Date.UTC(at.getUTCFullYear(), 0, 1)) / 864e5) + 1, 3),
    m: (at) => two(at.getUTCMonth() + 1), M: (at) => two(at.getUTCMinutes()), p: (at) => (at.getUTCHours() < 12 ? "AM" : "PM"),
    S: (at) => two(at.getUTCSeconds()), u: (at) => at.getUTCDay() || 7, U: (at) => two(week(at, 0)), V: (at) => two(iso(at)[1]),
    w: (at) => at.getUTCDay(), W: (at) => two(week(at, 1)), y: (at) => two(at.getUTCFullYear() % 100),
    Y: (at) => two(at.getUTCFullYear(), 4), "%": () => "%",
  };
  function moment(text, format) {
    const at = new Date(instant(text));
    if (Number.isNaN(at.getTime())) return text;
    if (!format || NUMBER.test(format)) format = text.length <= 10 ? "%Y-%m-%d" : /T\d\d:\d\d:(?!00)/.test(text) ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M";
    return format.replace(/%(.)/g, (all, sign) => DIRECTIVES[sign]?.(at) ?? all);
  }
  function shown(value, format = "", type = "") {
    if (value === null || value === undefined) return "";
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (typeof value === "number") return number(value, format);
    if (typeof value === "string") return TIME.test(type) ? moment(value, format) : value;
    return JSON.stringify(value);
  }

  // Rows, for what is chosen
  let board;
  const form = () => document.querySelector("form[data-choices]");
  const inBrowser = () => form()?.dataset.choices === "here";
  const chosen = (name) => {
    const field = form()?.elements[name];
    return field ? field.value : "";
  };
  // A value as the database makes a text of it
  function asText(value, type) {
    if (typeof value === "string") return type.startsWith("TIMESTAMP") ? value.replace("T", " ") : value;
    const digits = /^DECIMAL\(\d+,\s*(\d+)\)$/.exec(type)?.[1];
    if (typeof value === "number" && digits !== undefined) return value.toFixed(Number(digits));
    return Number.isInteger(value) && /^(DOUBLE|FLOAT)$/.test(type) ? `${value}.0` : String(value);
  }
  function holds(row, block, rule) {
    const value = row[rule.index], type = block.types[rule.index];
    const [first, last] = rule.names.map(chosen);
    if (rule.names.length === 2) {
      if (!first && !last) return true;
      const day = value === null ? "" : String(value).slice(0, 10);
      return day !== "" && (!first || day >= first) && (!last || day <= last);
    }
    if (!first) return true;
    if (value === null) return false;
    return rule.search ? asText(value, type).toLowerCase().includes(first.trim().toLowerCase()) : asText(value, type) === first;
  }
  function rowsOf(name) {
    const block = board.blocks[name];
    if (!inBrowser()) return block.variants["[]"];
    const rows = block.variants[JSON.stringify(block.asks.map(chosen))] ?? [];
    const rules = block.restricted.filter((rule) => !board.choices.find((each) => each.names[0] === rule.names[0])?.fixed);
    return rules.length ? rows.filter((row) => rules.every((rule) => holds(row, block, rule))) : rows;
  }

  // Figures
  const percent = (format) => format.endsWith("%");
  const difference = (size, format) =>
    percent(format) ? `${number(size * 100, format.replace("%", "f"))} points` : number(size, format);
  function figure(panel, shape, rows) {
    const value = rows.length ? rows[0][shape.index] : null;
    const text = value === null ? "\u2013" : shown(value, shape.format, shape.type);
    const lines = [make("p", { class: "value" }, text, ...(shape.unit ? [" ", make("small", {}, shape.unit)] : []))];
    const other = rows.length && "compare" in shape ? rows[0][shape.compare] : null;
    if (typeof value === "number" && typeof other === "number") {
      const size = difference(Math.abs(value - other), shape.format);
      const same = size === difference(0, shape.format), more = value > other;
      lines.push(make("p", { class: "compared" },
        ...(same ? ["as"] : [make("span", { "aria-hidden": "true" }, more ? "▲" : "▼"), ` ${size} ${more ? "more" : "less"} than`]),
        ` ${shape.with} (${shown(other, shape.format, shape.type)})`));
    }
    panel.querySelector(".shown").replaceChildren(...lines);
  }

  // Tables
  const views = new Map();
  const compare = (one, other) => {
    if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1;
    if (typeof one === "number" && typeof other === "number") return one - other;
    return String(one).localeCompare(String(other));
  };
  function cell(column, value, most) {
    const text = shown(value, column.format, column.type);
    if (!most) return make("td", { class: column.numeric ? "num" : column.whole ? "nowrap" : null }, text);
    const size = Math.round((1000 * Math.abs(value ?? 0)) / most) / 10;
    return make("td", { class: "num barred" },
      draw("svg", { class: "size", viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" },
        draw("rect", { width: size, height: 1 })), make("span", {}, text));
  }
  function table(panel, shape, all) {
    const view = views.get(panel.dataset.panel) ?? { page: 0, by: -1, up: false };
    views.set(panel.dataset.panel, view);
    const rows = [...all];
    if (view.by >= 0) {
      const { index } = shape.columns[view.by], way = view.up ? 1 : -1;
      rows.sort((one, other) => (one[index] === null || other[index] === null ? 1 : way) * compare(one[index], other[index]));
    }
    const pages = Math.max(1, Math.ceil(rows.length / shape.limit));
    view.page = Math.min(view.page, pages - 1);
    const from = view.page * shape.limit, here = rows.slice(from, from + shape.limit);
    const most = shape.columns.map((each) => (each.bar ? largest(all, each.index) : 0));
    const head = shape.columns.map((each, at) => {
      const button = make("button", { type: "button", class: "link" }, each.label);
      button.addEventListener("click", () => {
        view.up = view.by === at ? !view.up : !each.numeric;
        view.by = at;
        view.page = 0;
        table(panel, shape, all);
        panel.querySelectorAll("thead button")[at]?.focus();
      });
      const sorted = view.by === at ? (view.up ? "ascending" : "descending") : null;
      return make("th", { scope: "col", class: each.numeric ? "num" : null, "aria-sort": sorted }, button);
    });
    const body = here.map((row) => make("tr", {}, ...shape.columns.map((each, at) => cell(each, row[each.index], most[at]))));
    const holder = panel.querySelector(".shown"), old = holder.querySelector("table");
    const made = make("table", { class: "rows", "aria-label": old?.getAttribute("aria-label") ?? "" },
      make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
    if (old) old.replaceWith(made);
    holder.querySelector(".pager")?.replaceChildren(...pager(rows.length, from, here.length, (step) => {
      view.page += step;
      table(panel, shape, all);
    }));
  }
  const largest = (rows, index) => rows.reduce((most, row) => Math.max(most, Math.abs(row[index] ?? 0)), 0);
  function pager(total, from, count, turn) {
    if (count === total) return [`${total.toLocaleString("en")} ${total === 1 ? "row" : "rows"}`];
    const said = make("span", {}, `${(from + 1).toLocaleString("en")} to ${(from + count).toLocaleString("en")} of ${total.toLocaleString("en")}`);
    const button = (label, step, able) => {
      const made = make("button", { type: "button", class: "link" }, label);
      made.disabled = !able;
      made.addEventListener("click", () => turn(step));
      return made;
    };
    return [button("Before", -1, from > 0), said, button("Next", 1, from + count < total)];
  }

  // Charts
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function colour(name) {
    const said = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    const asked = make("span", { hidden: "" });
    asked.style.color = said;
    document.body.append(asked);
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = getComputedStyle(asked).color;
    asked.remove();
    probe.fillRect(0, 0, 1, 1);
    const [red, green, blue, solid] = probe.getImageData(0, 0, 1, 1).data;
    return solid === 255 ? `rgb(${red},${green},${blue})` : `rgba(${red},${green},${blue},${solid / 255})`;
  }
  const NAMES = ["ink", "faint", "line", "ground", "tint", "accent", "land", "others", "even", "hot", "cold", "on-heat",
    "heat-0", "heat-1", "heat-2", ...[1, 2, 3, 4, 5, 6, 7, 8].map((each) => `series-${each}`)];
  let colours = {};
  const coloured = (value) => {
    if (typeof value === "string") return value[0] === "$" && value.slice(1) in colours ? colours[value.slice(1)] : value;
    if (Array.isArray(value)) return value.map(coloured);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each)]));
    return value;
  };
  function config(width) {
    const font = getComputedStyle(document.body).fontFamily, { ink, faint, line } = colours;
    return {
      background: null, font, aria: false, padding: { left: 2, right: 6, top: 6, bottom: 2 },
      view: { stroke: null },
      axis: { labelColor: faint, titleColor: faint, domainColor: line, gridColor: line, tickColor: line, labelFontSize: 12,
        titleFontSize: 12, titleFontWeight: "normal", labelFont: font, titleFont: font, labelPadding: 6, tickSize: 4 },
      axisQuantitative: { domain: false, ticks: false, tickCount: 5 },
      axisX: { grid: false, labelSeparation: 12 }, axisTemporal: { labelOverlap: true },
      axisXDiscrete: { labelAngle: 0, labelLimit: 120, labelOverlap: true },
      legend: { labelColor: faint, titleColor: faint, titleFontWeight: "normal", labelFontSize: 12, titleFontSize: 12,
        orient: "top", symbolSize: 80, symbolStrokeWidth: 0, padding: 0, offset: 12, gradientStrokeColor: null,
        symbolFillColor: faint, symbolOpacity: 0.7, layout: { top: { margin: width < 480 ? 12 : 40, anchor: "start", direction: width < 480 ? "vertical" : "horizontal" } } },
      header: { labelColor: faint, titleColor: faint, labelFontSize: 12, labelPadding: 4 },
      text: { color: ink, font, fontSize: 12 }, title: { color: ink, font },
      bar: { color: colours["series-1"] }, line: { color: colours["series-1"] }, area: { color: colours["series-1"] },
      point: { color: colours["series-1"] }, rect: { color: colours["series-1"] }, arc: { color: colours["series-1"] },
      boxplot: { color: colours["series-1"] }, tick: { color: colours["series-1"] }, rule: { color: colours.faint },
      range: {
        category: NAMES.filter((each) => each.startsWith("series-")).map((each) => colours[each]),
        heatmap: ["heat-0", "heat-1", "heat-2"].map((each) => colours[each]),
        ramp: ["heat-0", "heat-1", "heat-2"].map((each) => colours[each]),
        diverging: ["cold", "even", "hot"].map((each) => colours[each]),
        ordinal: ["heat-0", "heat-1", "heat-2"].map((each) => colours[each]),
      },
    };
  }
  // Nothing is fetched from anywhere: the rows are here.
  const nowhere = () => Promise.reject(new Error("charts fetch nothing"));
  const loader = { options: {}, load: nowhere, http: nowhere, file: nowhere, sanitize: nowhere };

  function named(block, rows) {
    const time = block.types.map((each) => TIME.test(each));
    return rows.map((row) => Object.fromEntries(block.columns.map((name, at) => [name, time[at] && row[at] !== null ? instant(row[at]) : row[at]])));
  }
  function channelled(meta, block, rows) {
    const { y = [null], ...others } = meta.channels, found = [];
    const type = meta.channels.series === undefined ? "" : block.types[meta.channels.series];
    const format = meta.tooltip.find((each) => each.channel === "series")?.format ?? "";
    for (const row of rows) {
      for (const [at, index] of y.entries()) {
        const made = index === null ? {} : { y: row[index] };
        for (const [channel, from] of Object.entries(others)) made[channel] = row[from];
        for (const channel of meta.time) if (typeof made[channel] === "string") made[channel] = instant(made[channel]);
        if (meta.series) made.series = meta.series[at];
        else if ("series" in others) made.series = shown(made.series, format, type);
        found.push(made);
      }
    }
    return found;
  }
  function laidOut(shape, rows, width) {
    const spec = coloured(structuredClone(shape.spec)), meta = spec.usermeta;
    delete spec.usermeta;
    const parts = spec.facet ?? spec.repeat ?? spec.concat ?? spec.hconcat ?? spec.vconcat;
    const faceted = parts || ["row", "column", "facet"].some((each) => spec.encoding?.[each]);
    if (!faceted) Object.assign(spec, { width: spec.width ?? width, autosize: { type: "fit", contains: "padding" } });
    else if (!parts && spec.width === undefined) spec.width = Math.max(80, width - 140);
    if (meta.cells && (width - 60) / meta.cells < 22) spec.layer = spec.layer.slice(0, 1);
    if (meta.outline) spec.height = Math.min(spec.height, Math.round(width * 0.62) + 80);
    if (meta.step) wide(spec, meta, rows, width);
    return [spec, meta];
  }
  // Bars over time are as wide as the time from one to the next.
  function wide(spec, meta, rows, width) {
    const times = rows.map((each) => each.x).filter((each) => each !== null);
    const first = Math.min(...times), last = Math.max(...times), span = last - first + meta.step;
    spec.mark.width = Math.max(1, Math.min(64, ((width - 70) * meta.step * 0.86) / span));
    meta.domain = [first - meta.step / 2, last + meta.step / 2];
  }

  const drawn = new Map();
  function finish(panel) {
    const before = drawn.get(panel.dataset.panel);
    before?.view?.finalize();
    drawn.delete(panel.dataset.panel);
  }
  async function chart(panel, shape, rows) {
    const holder = panel.querySelector(".chart");
    if (!holder) return;
    const block = board.blocks[shape.block], width = Math.floor(holder.clientWidth);
    finish(panel);
    if (!rows.length) return void holder.replaceChildren(make("p", { class: "empty" }, "There are no rows."));
    const state = { width };
    drawn.set(panel.dataset.panel, state);
    try {
      const { usermeta } = shape.spec;
      const values = usermeta.rows === "names" ? named(block, rows) : channelled(usermeta, block, rows);
      const [spec, meta] = laidOut(shape, values, width);
      const { spec: vg } = vegaLite.compile(spec, { config: config(width), logger: silent });
      // Vega-Lite would make dates of the ends, in a way that its interpreter does not know.
      if (meta.domain) vg.scales.find((each) => each.name === "x").domain = meta.domain;
      for (const each of vg.data) {
        if (each.name === "rows") each.values = values;
        if (each.name === "outline") each.values = window.sqlpipe_outlines[meta.outline];
        // Places that lie off the map would be drawn in its corner.
        each.transform = each.transform?.flatMap((step) =>
          step.type === "geopoint" ? [step, { type: "filter", expr: `isNumber(datum[${JSON.stringify(step.as[0])}])` }] : [step]);
      }
      // What it shows is told by the label of the holder; what Vega says of marks is of no use to anybody.
      const target = make("div", { "aria-hidden": "true" });
      const view = new vega.View(vega.parse(vg, null, { ast: true }), {
        expr: vega.expressionInterpreter, loader, renderer: "svg", logger: silent,
        tooltip: (_handler, event, _item, value) => (value === null || value === undefined ? hush() : tip(event, told(value))),
      }).initialize(target);
      state.view = view;
      await view.runAsync();
      if (drawn.get(panel.dataset.panel) !== state) return view.finalize();
      holder.replaceChildren(target);
      if (meta.crosshair) follow(view, target, meta, values);
      else if (meta.tooltip) point(view, meta);
    } catch (error) {
      console.error(error);
      holder.replaceChildren(make("p", { class: "bad" }, `This chart cannot be drawn: ${error.message}`));
    }
  }
  const silent = { level: () => silent, error: (...said) => { console.error(...said); return silent; }, warn: () => silent, info: () => silent, debug: () => silent };

  // What is told of a point, where the pointer is
  const label = make("div", { class: "tip", hidden: "" });
  const hush = () => { label.hidden = true; };
  function tip(event, rows) {
    if (!label.isConnected) document.body.append(label);
    label.replaceChildren(...rows.map(([name, value, hue]) => make("div", {},
      ...(hue ? [draw("svg", { width: 10, height: 10 }, draw("rect", { width: 10, height: 10, fill: hue }))] : []),
      ...(name ? [make("span", { class: "faint" }, name), " "] : []), make("span", {}, value))));
    label.hidden = false;
    const { width, height } = label.getBoundingClientRect();
    const right = event.clientX + 14 + width < document.documentElement.clientWidth;
    label.style.left = `${Math.max(4, right ? event.clientX + 14 : event.clientX - width - 14)}px`;
    label.style.top = `${Math.max(4, Math.min(event.clientY + 14, document.documentElement.clientHeight - height - 4))}px`;
  }
  const told = (value) =>
    value && typeof value === "object" ? Object.entries(value).map(([name, each]) => [name, shown(each)]) : [["", shown(value)]];
  function told_of(each, datum) {
    const value = datum[each.channel];
    if (typeof value === "number" && TIME.test(each.type ?? "")) {
      const text = new Date(value).toISOString();
      return moment(each.type === "DATE" ? text.slice(0, 10) : text.slice(0, -1), each.format);
    }
    return shown(value, each.format, each.type);
  }
  function point(view, meta) {
    view.addEventListener("pointermove", (event, item) => {
      const datum = item?.datum;
      const known = datum && meta.tooltip.some((each) => each.channel in datum);
      if (!known || item.mark.role === "axis-label") return hush();
      tip(event, meta.tooltip.filter((each) => datum[each.channel] !== undefined).map((each) => [each.label, told_of(each, datum)]));
    });
    view.addEventListener("pointerout", hush);
  }
  // Over lines: all that there is at the nearest place, and a rule there.
  function follow(view, target, meta, values) {
    const svg = target.querySelector("svg"), group = svg?.querySelector("g.root > g, g");
    const byPlace = Map.groupBy ? Map.groupBy(values, (each) => each.x) : grouped(values);
    const places = [...byPlace.keys()].filter((each) => each !== null).sort((one, other) => one - other);
    const rule = draw("line", { class: "crosshair", visibility: "hidden" });
    svg.append(rule);
    const off = () => { rule.setAttribute("visibility", "hidden"); hush(); };
    const x = view.scale("x"), hues = view.scale ? safely(() => view.scale("color")) : null;
    svg.addEventListener("pointermove", (event) => {
      const [left, top] = view.origin(), box = svg.getBoundingClientRect();
      const at = event.clientX - box.left - left;
      if (at < -8 || at > view.width() + 8 || !group) return off();
      const near = nearest(places, Number(x.invert(at)));
      const across = x(near) + left;
      for (const [name, value] of Object.entries({ x1: across, x2: across, y1: top, y2: top + view.height(), visibility: "visible" })) rule.setAttribute(name, value);
      const here = byPlace.get(near).filter((each) => each.y !== null).sort((one, other) => other.y - one.y);
      const [place, value] = [meta.tooltip[0], meta.tooltip.find((each) => each.channel === "y")];
      tip(event, [["", told_of(place, { x: near })],
        ...here.slice(0, 16).map((each) => [each.series ?? value.label, told_of(value, each), each.series === undefined ? null : hues?.(each.series)])]);
    });
    svg.addEventListener("pointerleave", off);
  }
  const safely = (attempt) => { try { return attempt(); } catch { return null; } };
  const grouped = (values) => values.reduce((found, each) => found.set(each.x, [...(found.get(each.x) ?? []), each]), new Map());
  function nearest(places, wanted) {
    let low = 0, high = places.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low > 0 && wanted - places[low - 1] < places[low] - wanted ? places[low - 1] : places[low];
  }

  // All of it
  const panels = () => [...document.querySelectorAll("#board [data-panel]")];
  function show(panel, onlyCharts = false) {
    const shape = board.panels[panel.dataset.panel];
    if (!shape) return;
    const rows = rowsOf(shape.block);
    if (shape.kind === "chart") chart(panel, shape, rows);
    else if (!onlyCharts && shape.kind === "table" && panel.querySelector(".shown")) table(panel, shape, rows);
    else if (!onlyCharts && shape.kind === "figure" && inBrowser() && panel.querySelector(".shown")) figure(panel, shape, rows);
  }
  function showAll(onlyCharts = false) {
    colours = Object.fromEntries(NAMES.map((each) => [each, colour(each)]));
    for (const panel of panels()) show(panel, onlyCharts);
  }
  function read() {
    board = JSON.parse(byId("board-data").textContent);
    for (const each of views.values()) each.page = 0;
    showAll();
    for (const panel of panels()) sizes.observe(panel);
  }
  let soon;
  const sizes = new ResizeObserver((seen) => {
    const changed = seen.some(({ target }) => {
      const state = drawn.get(target.dataset.panel), holder = target.querySelector(".chart");
      return state && holder && holder.clientWidth && Math.abs(holder.clientWidth - state.width) > 1;
    });
    if (!changed) return;
    clearTimeout(soon);
    soon = setTimeout(() => {
      for (const panel of panels()) {
        const state = drawn.get(panel.dataset.panel), holder = panel.querySelector(".chart");
        if (state && holder && Math.abs(holder.clientWidth - state.width) > 1) show(panel, true);
      }
    }, 80);
  });

  // Choosing
  function address() {
    const asked = new URLSearchParams([...new FormData(form())].map(([name, value]) => [name, String(value)]));
    for (const [name, value] of [...asked]) {
      // An empty text is told where it is not what is chosen at first.
      if (!value && !board.choices.some((each) => each.names.includes(name) && each.first)) asked.delete(name);
    }
    return asked.toString();
  }
  const clear = () => document.querySelector("[data-clear]");
  function mark() {
    const any = [...form().elements].some((each) => each.name && each.value);
    if (clear()) clear().hidden = !any;
  }
  async function choose() {
    mark();
    const asked = address();
    if (inBrowser()) {
      safely(() => history.replaceState(null, "", asked ? `#${asked}` : location.pathname));
      for (const each of views.values()) each.page = 0;
      showAll();
      return;
    }
    history.pushState(null, "", asked ? `?${asked}` : location.pathname);
    const shownBoard = byId("board");
    shownBoard.setAttribute("aria-busy", "true");
    await window.sqlpipe.refresh();
    byId("board")?.removeAttribute("aria-busy");
  }
  function choosing() {
    const fields = form();
    if (!fields || fields.dataset.ready) return;
    fields.dataset.ready = "yes";
    fields.hidden = false;
    for (const each of fields.querySelectorAll("[data-choose]")) each.hidden = true;
    let waiting;
    const after = (pause) => {
      clearTimeout(waiting);
      waiting = setTimeout(choose, pause);
    };
    fields.addEventListener("submit", (event) => { event.preventDefault(); after(0); });
    fields.addEventListener("change", (event) => after(event.target.type === "date" ? 400 : 0));
    fields.addEventListener("input", (event) => { if (event.target.type === "search") after(300); });
    clear()?.addEventListener("click", (event) => {
      event.preventDefault();
      for (const each of fields.elements) if (each.name && !each.disabled) each.value = "";
      after(0);
    });
    addEventListener("popstate", () => location.reload());
    if (inBrowser() && location.hash.length > 1) {
      for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
        const field = fields.elements[name];
        if (field && !field.disabled) field.value = value;
      }
    }
    mark();
  }

  // Rows to take along
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-csv]");
    if (!button) return;
    const block = board.blocks[button.dataset.csv];
    const quoted = (value) => {
      const text = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const lines = [block.columns, ...rowsOf(button.dataset.csv)].map((row) => row.map(quoted).join(","));
    const url = URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
    make("a", { href: url, download: `${button.dataset.csv}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });

  // While the page is looked at it follows its file and its tables.
  async function listen() {
    const shownBoard = byId("board");
    const { ask, pulse } = shownBoard?.dataset ?? {};
    if (ask && !document.hidden && !document.querySelector("dialog[open]")) {
      try {
        const answer = await fetch(ask);
        const told = answer.ok ? await answer.json() : {};
        if (answer.status === 404 || (told.pulse && told.pulse !== pulse)) await window.sqlpipe.refresh();
      } catch { /* the server is away: what is here stays */ }
    }
    setTimeout(listen, 1500);
  }

  choosing();
  read();
  document.addEventListener("sqlpipe:refreshed", () => { choosing(); read(); });
  document.addEventListener("sqlpipe:theme", () => showAll(true));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => showAll(true));
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  // Paper is white, and narrower than most windows.
  function print(begins) {
    document.documentElement.classList.toggle("printing", begins);
    showAll(true);
  }
  addEventListener("scroll", hush, { passive: true });
  if (byId("board")?.dataset.ask) setTimeout(listen, 1500);
  window.sqlpipe_dashboard = { shown };
})();
