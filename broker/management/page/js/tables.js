// Tables: a plain one; one that the browser sorts and filters; one that the broker sorts, filters and
// pages, for what may be very long.
//
// A column: {id, label, cell(item) → node or text, group?, sort? (key for the broker, or a function
// item → value), keys? (what it needs of an item; its sort key, if it says nothing), number?, name?,
// tight?, badges?, title?, off? (not shown at first), wide? (not shown at first on a phone), when? () →
// whether it makes sense now}.

import { withQuery, get } from "./api.js";
import { append, fill, h, patch } from "./dom.js";
import { count, dig, plural } from "./format.js";
import { preference, setPreference } from "./preferences.js";
import { selection } from "./selection.js";

const PHONE = matchMedia("(max-width: 860px)");
const SIZES = [25, 50, 100, 200, 500];

/**
 * The table element. sort: {column, reverse} or null; onSort(column id); boxOfAll: makes what stands
 * before the first heading; stacks: on a phone every row is a block of lines.
 */
export function table({ caption, columns, items, key, sort = null, onSort, empty = "None.", boxOfAll = null, stacks = false }) {
  // Its rows are no rows to the browser when they are laid out as blocks: roles say what they are.
  const role = (name) => (stacks ? name : null);
  if (!items.length) return h("p.empty", { key: "empty" }, empty);
  const grouped = columns.some((column) => column.group);
  const starts = columns.map((column, i) => grouped && i > 0 && column.group !== columns[i - 1].group);
  const cellClass = (column, i, content) =>
    [column.number && "number", column.number && (content === "0" || content === "0/s") && "zero", column.name && "name", column.tight && "tight", column.badges && "badges", starts[i] && "group-start", i === 0 && "stays"]
      .filter(Boolean)
      .join(" ") || null;
  return h(
    "div.scroller",
    { key: "table", class: stacks ? "stacks" : null },
    h(
      "table",
      { role: role("table") },
      h("caption.unseen", {}, caption),
      h(
        "thead",
        {},
        grouped ? h("tr.group", {}, groups(columns).map(([name, span], i) => h("th", { colspan: span, scope: "colgroup", class: i ? "group-start" : null }, name))) : null,
        h(
          "tr",
          {},
          columns.map((column, i) => {
            const sorted = sort && column.sort && sort.column === column.id;
            return h(
              "th",
              {
                key: column.id, scope: "col", class: cellClass(column, i), title: column.title,
                "aria-sort": sorted ? (sort.reverse ? "descending" : "ascending") : null,
              },
              i === 0 && boxOfAll && boxOfAll(),
              column.sort && onSort
                ? h("button.sort", { type: "button", onclick: () => onSort(column.id) }, column.label)
                : column.label,
            );
          }),
        ),
      ),
      h(
        "tbody",
        {},
        items.map((item) =>
          h(
            "tr",
            { key: key(item), role: role("row") },
            columns.map((column, i) => {
              const content = column.cell(item);
              const attributes = { key: column.id, scope: i === 0 ? "row" : null, class: cellClass(column, i, content) };
              if (stacks) Object.assign(attributes, { role: i === 0 ? "rowheader" : "cell", "data-label": typeof column.label === "string" ? column.label : "" });
              return h(i === 0 ? "th" : "td", attributes, content);
            }),
          ),
        ),
      ),
    ),
  );
}

function groups(columns) {
  const found = [];
  for (const { group = "" } of columns) {
    if (found.length && found[found.length - 1][0] === group) found[found.length - 1][1] += 1;
    else found.push([group, 1]);
  }
  return found;
}

/** What the broker has to answer for these columns, as its query has it. always: keys for all rows. */
export function keysOf(columns, always = ["name"]) {
  const keys = columns.flatMap((column) => column.keys ?? (typeof column.sort === "string" ? [column.sort] : []));
  return [...new Set([...always, ...keys])].join();
}

/** Which columns are shown, remembered; and the menu to choose them. */
function columnChooser(id, columns, onchange) {
  const key = `columns.${id}`;
  const initial = () => columns.filter((column) => !column.off && !(column.wide && PHONE.matches)).map((column) => column.id);
  let chosen = new Set(preference(key, null) || initial());
  const sheet = h("div.sheet");

  function keep() {
    setPreference(key, [...chosen]);
    onchange();
  }

  function draw() {
    const byGroup = new Map();
    for (const column of columns) {
      if (column === columns[0]) continue; // the name is what the row is
      const group = column.group || "Columns";
      if (!byGroup.has(group)) byGroup.set(group, []);
      byGroup.get(group).push(column);
    }
    fill(
      sheet,
      h(
        "div.columns",
        {},
        [...byGroup].map(([group, members]) =>
          h(
            "fieldset",
            {},
            h("legend", {}, group),
            members.map((column) =>
              h(
                "label.check",
                {},
                h("input", {
                  type: "checkbox", checked: chosen.has(column.id),
                  onchange: (event) => {
                    if (event.target.checked) chosen.add(column.id);
                    else chosen.delete(column.id);
                    keep();
                  },
                }),
                column.long || column.label,
              ),
            ),
          ),
        ),
      ),
      h("button.small", {
        type: "button",
        onclick: () => {
          chosen = new Set(initial());
          keep();
          draw();
        },
      }, "As at first"),
    );
  }

  draw();
  const menu = h("details.menu", {}, h("summary.button", {}, "Columns"), sheet);
  closesByItself(menu);
  return {
    element: menu,
    shown: () => columns.filter((column, i) => i === 0 || (chosen.has(column.id) && (!column.when || column.when()))),
  };
}

/** A menu closes with Escape, and when something else is pressed. */
function closesByItself(menu) {
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
  document.addEventListener("pointerdown", (event) => {
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
}

/**
 * A list the broker sorts, filters and pages.
 *
 * source: () → address without a query; columns; always: keys of an item that are needed whatever is
 * shown; sort: {column, reverse} at first; noun: "queue"; actions: as of selection(), to offer them.
 * Returns: {element, load(signal), items, filter() → {name, regex}}. The state is in the address of the page, so that a list
 * can be bookmarked and shared.
 */
export function serverTable(page, { id, caption, noun, source, columns, always, sort, key, empty, actions = null }) {
  const chooser = columnChooser(id, columns, () => {
    draw();
    page.refresh(); // of what was not shown nothing is known
  });
  const asked = page.query.get("sort");
  const state = {
    name: page.query.get("name") || "",
    regex: page.query.get("regex") === "true",
    page: Number(page.query.get("page")) || 1,
    size: preference(`size.${id}`, 100),
    column: columns.some((column) => column.sort && column.id === asked) ? asked : sort.column,
    reverse: asked ? page.query.get("reverse") === "true" : Boolean(sort.reverse),
  };
  let answer = null;

  const trouble = h("p.error", { role: "alert" });
  const summary = h("span.muted", { role: "status" });
  const place = h("div");
  const pager = h("nav.pager", { "aria-label": `Pages of ${caption.toLowerCase()}` });
  const filterInput = h("input", {
    type: "search", value: state.name, placeholder: `Filter by name`, "aria-label": "Filter by name",
    oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(() => change({ name: filterInput.value, page: 1 }), 250);
    },
  });
  let timer;
  page.signal.addEventListener("abort", () => clearTimeout(timer));
  const regexInput = h("input", { type: "checkbox", checked: state.regex, onchange: () => change({ regex: regexInput.checked, page: 1 }) });
  const sizeSelect = h(
    "select",
    {
      "aria-label": "Rows on a page",
      onchange: () => {
        setPreference(`size.${id}`, Number(sizeSelect.value));
        change({ size: Number(sizeSelect.value), page: 1 });
      },
    },
    SIZES.map((size) => h("option", { value: size, selected: size === state.size }, `${size} rows`)),
  );

  const chosen = actions && selection({
    noun, key, nameOf: (item) => item.name, actions, onDone: () => page.refresh(),
    onChange: () => {
      toolbar.hidden = !chosen.bar.hidden;
      draw();
    },
  });
  // The box stands beside the name, which stays in sight on a phone, and is what the row is.
  const withBox = (column) => ({ ...column, cell: (item) => h("span.select", {}, chosen.box(item), h("span", {}, column.cell(item))) });
  const toolbar = h(
    "form.toolbar",
    { role: "search", "aria-label": `Filter ${caption.toLowerCase()}`, onsubmit: (event) => event.preventDefault() },
    h("div.find", {}, filterInput, h("label.check", { title: "The filter is a regular expression" }, regexInput, "Regex"), summary),
    sizeSelect,
    chooser.element,
  );
  const element = h(
    "div",
    {},
    toolbar,
    chosen && [chosen.bar, chosen.result],
    trouble,
    h("div.list", {}, place),
    pager,
  );

  function change(changes) {
    Object.assign(state, changes);
    page.setQuery({
      name: state.name, regex: state.regex, page: state.page > 1 ? state.page : "",
      sort: state.column === sort.column && state.reverse === Boolean(sort.reverse) ? "" : state.column,
      reverse: state.column === sort.column && state.reverse === Boolean(sort.reverse) ? "" : String(state.reverse),
    });
    page.refresh();
  }

  function onSort(column) {
    // Numbers are most often wanted largest first.
    const first = Boolean(columns.find((one) => one.id === column).number);
    change({ column, reverse: state.column === column ? !state.reverse : first, page: 1 });
  }

  function draw() {
    if (!answer) return;
    const shown = chooser.shown().map((column, i) => (chosen && i === 0 ? withBox(column) : column));
    if (chosen) chosen.shows(answer.items);
    patch(
      place,
      table({
        caption, columns: shown, items: answer.items, boxOfAll: chosen && chosen.boxOfAll, key, sort: { column: state.column, reverse: state.reverse }, onSort,
        empty: state.name ? `No ${noun} has such a name.` : empty || `There is no ${noun}.`,
      }),
    );
    summary.textContent =
      answer.filtered_count === answer.total_count
        ? plural(answer.total_count, noun)
        : `${count(answer.filtered_count)} of ${plural(answer.total_count, noun)}`;
    drawPager();
  }

  function drawPager() {
    const { page: at, page_count: pages } = answer;
    if (pages <= 1) {
      patch(pager);
      return;
    }
    const go = (to) => () => change({ page: to });
    patch(
      pager,
      h("button.small", { type: "button", disabled: at <= 1, onclick: go(at - 1) }, "← Previous"),
      h(
        "label",
        {},
        "Page",
        h("input", {
          type: "number", min: 1, max: pages, value: at,
          onchange: (event) => change({ page: Math.min(pages, Math.max(1, Number(event.target.value) || 1)) }),
        }),
        `of ${count(pages)}`,
      ),
      h("button.small", { type: "button", disabled: at >= pages, onclick: go(at + 1) }, "Next →"),
    );
    const input = pager.querySelector("input");
    if (document.activeElement !== input) input.value = at;
  }

  const list = {
    element,
    filter: () => ({ name: state.name, regex: state.regex }),
    get items() {
      return answer ? answer.items : [];
    },
    /** One request; what is wrong with the filter is said at the filter. */
    async load(signal) {
      const sortKey = columns.find((column) => column.id === state.column).sort;
      try {
        answer = await get(
          withQuery(source(), {
            page: state.page, page_size: state.size, name: state.name, use_regex: state.regex, pagination: true,
            sort: sortKey, sort_reverse: state.reverse, columns: keysOf(chooser.shown(), always),
          }),
          { signal },
        );
        trouble.textContent = "";
      } catch (error) {
        if (error.status !== 400) throw error;
        if (state.page > 1) {
          // The list became shorter than the page somebody was on.
          state.page = 1;
          await list.load(signal);
          return;
        }
        trouble.textContent = state.regex ? `Not a regular expression the broker understands: ${error.message}` : error.message;
        return;
      }
      draw();
    },
  };
  return list;
}

/**
 * A list the browser sorts and filters, for what is never long or comes whole.
 * Returns: {element, show(items)}.
 */
export function localTable({ id, caption, noun, columns, key, sort, empty, filterable = true, nameOf = (item) => item.name, onSort }) {
  const chooser = columnChooser(id, columns, () => draw());
  const state = { column: sort ? sort.column : null, reverse: Boolean(sort && sort.reverse), name: "" };
  let items = [];
  const place = h("div");
  const summary = h("span.muted", { role: "status" });
  const filterInput = h("input", {
    type: "search", placeholder: "Filter", "aria-label": `Filter ${caption.toLowerCase()}`,
    oninput: () => {
      state.name = filterInput.value.toLowerCase();
      draw();
    },
  });
  const element = h("div");
  append(element, [
    filterable ? h("div.toolbar", {}, h("div.find", {}, filterInput, summary), chooser.element) : null,
    h("div", { class: filterable ? "list" : null }, place),
  ]);

  function draw() {
    const kept = state.name ? items.filter((item) => String(nameOf(item)).toLowerCase().includes(state.name)) : items;
    const column = columns.find((one) => one.id === state.column);
    const sorted = column ? [...kept].sort(by(column.sort, state.reverse)) : kept;
    patch(
      place,
      table({
        caption, columns: filterable ? chooser.shown() : columns.filter((one) => !one.when || one.when()), items: sorted, key,
        sort: { column: state.column, reverse: state.reverse }, stacks: !filterable,
        onSort: (chosen) => {
          state.reverse = state.column === chosen ? !state.reverse : false;
          state.column = chosen;
          draw();
          if (onSort) onSort(state);
        },
        empty: items.length ? "Nothing fits the filter." : empty || `There is no ${noun}.`,
      }),
    );
    summary.textContent = kept.length === items.length ? plural(items.length, noun) : `${count(kept.length)} of ${plural(items.length, noun)}`;
  }

  return {
    element,
    show(next) {
      items = next;
      draw();
    },
  };
}

function by(sort, reverse) {
  const value = typeof sort === "function" ? sort : (item) => dig(item, sort);
  const sign = reverse ? -1 : 1;
  return (a, b) => {
    const first = value(a);
    const second = value(b);
    if (typeof first === "number" || typeof second === "number") return sign * ((first ?? -1) - (second ?? -1));
    return sign * String(first ?? "").localeCompare(String(second ?? ""), "en", { numeric: true });
  };
}
