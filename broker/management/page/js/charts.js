// Charts, drawn by uPlot. The legend is our own: buttons that show the newest numbers and switch a
// line on and off, which the keyboard reaches and screen readers read; the canvas is a picture.

import { h, icon, patch } from "./dom.js";
import { bytes, bytesRate, count, rate } from "./format.js";
import { preference, setPreference } from "./preferences.js";
import { inlineSelect } from "./parts.js";
import { RANGES } from "./stats.js";

const POWERS_OF_TWO = Array.from({ length: 50 }, (_, i) => 2 ** i); // 64 MiB on an axis, not 61 MiB
const WHOLE = Array.from({ length: 14 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat(); // half a message is none
const UNITS = {
  count: { text: count, axis: short, steps: WHOLE },
  rate: { text: rate, axis: short },
  bytes: { text: bytes, axis: bytes, steps: POWERS_OF_TWO },
  bytesRate: { text: bytesRate, axis: bytes, steps: POWERS_OF_TWO },
};

/**
 * Chooses how far back the charts of a page go. query(...kinds) asks for their samples, kinds being
 * "lengths", "msg_rates", "data_rates" and "node_stats"; complete({name: object}) then puts into the
 * `…_details` of the answer what of them is known already. All of a range is asked for once only:
 * afterwards the newest points will do.
 */
export function rangeChooser(onchange) {
  const chooser = { age: preference("range", 60) };
  const known = new Map(); // "name.key" → samples, newest first
  let asked = { age: 0, at: 0, whole: true };
  let answered = asked;
  chooser.element = inlineSelect(
    "Charts",
    RANGES.map(([age, , text]) => [age, text]),
    chooser.age,
    (age) => {
      chooser.age = Number(age);
      setPreference("range", chooser.age);
      onchange();
    },
  );
  chooser.query = (...kinds) => {
    const [age, incr] = RANGES.find(([one]) => one === chooser.age) || RANGES[0];
    const passed = (Date.now() - answered.at) / 1000;
    // The last two are asked for again: the newest may not have been all of its time.
    const recent = (Math.ceil(passed / incr) + 2) * incr;
    const whole = answered.age !== age || passed < 0 || recent >= age;
    asked = { age, at: Date.now(), whole };
    return Object.fromEntries(kinds.flatMap((kind) => [[`${kind}_age`, whole ? age : recent], [`${kind}_incr`, incr]]));
  };
  chooser.complete = (sources) => {
    if (asked.whole) known.clear();
    const [before = []] = known.values();
    for (const [name, source] of Object.entries(sources)) {
      for (const [key, details] of Object.entries(source || {})) {
        if (!details?.samples?.length) continue;
        const id = `${name}.${key}`;
        details.samples = joined(details.samples, known.get(id) || before.map(nothing), asked.age);
        known.set(id, details.samples);
      }
    }
    answered = asked;
  };
  return chooser;
}

const nothing = ({ timestamp }) => ({ sample: 0, timestamp });

/** Samples with those behind them that are known and not too old; all newest first. */
function joined(fresh, known, age) {
  const first = fresh[fresh.length - 1].timestamp;
  const oldest = fresh[0].timestamp - age * 1000;
  return [...fresh, ...known.filter(({ timestamp }) => timestamp < first && timestamp >= oldest)];
}

/**
 * A chart. series: as in stats.js; unit: a key of UNITS; differences: the samples are running totals
 * of which the rate is drawn. update(source): an object with `<key>` and `<key>_details`.
 */
export function chart({ id, label, series, unit = "count", differences = false }) {
  const hidden = new Set(preference(`hidden.${id}`, []));
  const canvas = h("div.plot", { role: "img", "aria-label": label });
  const waiting = h("p.waiting", {}, "Nothing has happened here yet.");
  const legend = h("div.legend", { class: series.length < 4 ? "few" : "", role: "group", "aria-label": `Lines of the chart “${label}”` });
  const element = h("div.chart", {}, canvas, waiting, legend);
  canvas.hidden = true;
  let plot = null;
  let drawn = []; // the series there are numbers for, in the order of the plot's data
  let source = {};
  let pointed = null; // the place under the mouse

  function update(next, age) {
    source = next || {};
    const present = series.filter((one) => happens(source, one.key, differences));
    waiting.hidden = present.length > 0;
    canvas.hidden = present.length === 0;
    const keys = present.map((one) => one.key).join();
    if (present.length && (!plot || keys !== drawn.map((one) => one.key).join())) {
      if (plot) plot.destroy();
      drawn = present;
      plot = build();
    }
    if (plot && present.length) {
      const data = collect(drawn, source, differences);
      plot.setData(data, false);
      const newest = data[0][data[0].length - 1];
      plot.setScale("x", { min: newest - (age || newest - data[0][0]), max: newest });
    }
    drawLegend();
  }

  function build() {
    const made = new window.uPlot(
      {
        ...extent(), legend: { show: false }, padding: [10, 28, 0, 0],
        cursor: { drag: { x: false, y: false }, y: false, points: { size: 6 } },
        scales: { x: { time: true }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] } },
        axes: [
          { ...axis(), size: 26, values: times },
          { ...axis(), size: unit.startsWith("bytes") ? 68 : 46, values: (_, splits) => splits.map((n) => UNITS[unit].axis(n)), incrs: UNITS[unit].steps },
        ],
        series: [
          {},
          ...drawn.map((one) => ({
            label: one.label, stroke: () => color(`--series-${one.color}`), width: 1.75, dash: one.dash, spanGaps: true,
            points: { show: false }, show: !hidden.has(one.key),
          })),
        ],
        hooks: {
          setCursor: [
            (self) => {
              pointed = self.cursor.idx;
              drawLegend();
            },
          ],
        },
      },
      [[0], ...drawn.map(() => [null])],
      canvas,
    );
    return made;
  }

  function extent() {
    return { width: Math.max(160, canvas.clientWidth), height: Math.max(190, canvas.clientHeight) };
  }

  function toggle(one) {
    if (hidden.has(one.key)) hidden.delete(one.key);
    else hidden.add(one.key);
    setPreference(`hidden.${id}`, [...hidden]);
    plot.setSeries(drawn.indexOf(one) + 1, { show: !hidden.has(one.key) });
    drawLegend();
  }

  function drawLegend() {
    const text = UNITS[unit].text;
    const now = drawn.map((one, i) => {
      if (pointed !== null && pointed !== undefined && plot) return text(plot.data[i + 1][pointed]);
      const details = source[`${one.key}_details`];
      return text(differences ? details?.rate : source[one.key] ?? details?.samples?.[0]?.sample);
    });
    patch(
      legend,
      drawn.map((one, i) =>
        h(
          "button",
          { key: one.key, type: "button", title: one.meaning, "aria-pressed": String(!hidden.has(one.key)), onclick: () => toggle(one) },
          swatch(one), one.label, h("b", {}, now[i]),
        ),
      ),
    );
    canvas.setAttribute("aria-label", `${label}: ${drawn.map((one, i) => `${one.label} ${now[i]}`).join(", ") || "no numbers yet"}`);
  }

  // It watches its own size: a folded panel has none, and a phone is turned.
  const watcher = new ResizeObserver(() => {
    if (!element.isConnected) {
      if (plot) plot.destroy();
      watcher.disconnect();
      window.removeEventListener("themechange", repaint);
    } else if (plot && canvas.clientWidth > 0) {
      plot.setSize(extent());
    }
  });
  const repaint = () => {
    if (!plot) return;
    plot.destroy();
    plot = null;
    update(source);
  };
  window.addEventListener("themechange", repaint);
  watcher.observe(element);
  return { element, update };
}

// What never happened has no line: of fifteen possible rates most queues know four.
function happens(source, key, differences) {
  const samples = source[`${key}_details`]?.samples;
  if (!samples || samples.length < (differences ? 2 : 1)) return false;
  return !differences || source[key] > 0 || samples.some(({ sample }) => sample > 0);
}

/** Samples (newest first, milliseconds) to columns of numbers (oldest first, seconds). */
export function collect(series, source, differences) {
  const samples = series.map((one) => [...source[`${one.key}_details`].samples].reverse());
  const times = [...new Set(samples.flat().map((sample) => sample.timestamp))].sort((a, b) => a - b);
  if (differences) times.shift();
  const columns = samples.map((list) => {
    const at = new Map();
    list.forEach(({ sample, timestamp }, i) => {
      if (!differences) at.set(timestamp, sample);
      else if (i > 0) {
        const passed = (timestamp - list[i - 1].timestamp) / 1000;
        // A total falls when what it counted is gone (a closed channel): that is no negative rate.
        at.set(timestamp, passed > 0 ? Math.max(0, (sample - list[i - 1].sample) / passed) : null);
      }
    });
    return times.map((time) => at.get(time) ?? null);
  });
  return [times.map((time) => time / 1000), ...columns];
}

function axis() {
  return {
    stroke: () => color("--ink-soft"), font: "11.5px system-ui, sans-serif", gap: 4,
    grid: { stroke: () => color("--line"), width: 1 }, ticks: { show: false },
  };
}

function times(_, splits, __, ___, step) {
  const two = (n) => String(n).padStart(2, "0");
  return splits.map((at) => {
    const date = new Date(at * 1000);
    const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
    return step < 60 ? `${minutes}:${two(date.getSeconds())}` : minutes;
  });
}

function short(n) {
  if (Math.abs(n) >= 1e6) return `${Number((n / 1e6).toFixed(2))} M`;
  if (Math.abs(n) >= 1e4) return `${Number((n / 1e3).toFixed(1))} k`;
  return String(Number(n.toFixed(2)));
}

function swatch(one) {
  const drawing = icon("M0 12H24");
  const line = drawing.firstChild;
  line.setAttribute("stroke", `var(--series-${one.color})`);
  line.setAttribute("stroke-width", "5");
  if (one.dash) line.setAttribute("stroke-dasharray", one.dash.map((n) => n * 1.4).join(" "));
  return drawing;
}

// A canvas needs the colour itself; light-dark() is only resolved where it is used.
const probe = h("span", { hidden: true });
function color(name) {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}
