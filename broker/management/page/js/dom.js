// Building and updating the document.
//
// Whatever comes from the broker enters as a text node or an attribute, never as markup, so a queue
// may be called <script> if it likes. A view describes what a region should look like and patch()
// changes only what differs, so that a refresh every few seconds keeps the focus, the selection
// and the scroll position where they are.

const HANDLERS = ["onclick", "onchange", "oninput", "onsubmit", "onkeydown", "ontoggle"];
const AS_PROPERTY = new Set(["value", "checked", "selected", "disabled", "indeterminate"]);

/**
 * An element. tag: "td" or "td.number.tight"; properties: attributes, on… handlers, key (identity
 * among its siblings for patch). A property that is null, undefined or false is left out.
 */
export function h(tag, properties, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "key") element.patchKey = String(value);
    else if (key === "class") element.className = [element.className, value].filter(Boolean).join(" ");
    else if (key === "style") Object.assign(element.style, value);
    else if (key.startsWith("on") || AS_PROPERTY.has(key)) element[key] = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** Add children: nodes, text, numbers, lists of those; null and false are skipped. */
export function append(parent, children) {
  parent.append(...flatten(children));
}

/** Make the children of `parent` look like these, reusing what is there. */
export function patch(parent, ...children) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (child.patchKey) keyed.set(child.patchKey, child);
  let place = parent.firstChild;
  for (const fresh of flatten(children)) {
    const node = typeof fresh === "string" ? document.createTextNode(fresh) : fresh;
    const old = node.patchKey ? keyed.get(node.patchKey) : place;
    if (old && old.parentNode === parent && alike(old, node)) {
      if (old === place) place = place.nextSibling;
      else parent.insertBefore(old, place);
      if (old !== node) adopt(old, node);
    } else {
      parent.insertBefore(node, place);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

/** Replace everything inside `parent`. */
export function fill(parent, ...children) {
  parent.replaceChildren(...flatten(children));
}

let lastId = 0;
/** A document-wide id, to tie labels to inputs. */
export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

/** A drawing from a list of path data, for buttons; it says nothing to screen readers. */
export function icon(...paths) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const data of paths) {
    const path = document.createElementNS(ns, "path");
    for (const [name, value] of Object.entries({
      d: data, fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round",
    })) {
      path.setAttribute(name, value);
    }
    svg.append(path);
  }
  return svg;
}

function flatten(children) {
  const found = [];
  for (const child of children) {
    if (child === null || child === undefined || child === false || child === true) continue;
    if (Array.isArray(child)) found.push(...flatten(child));
    else found.push(child instanceof Node ? child : String(child));
  }
  return found;
}

function alike(old, node) {
  return (
    old.nodeType === node.nodeType && old.nodeName === node.nodeName && old.patchKey === node.patchKey
  );
}

function adopt(old, node) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== node.nodeValue) old.nodeValue = node.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    // What a person opened stays open.
    if (!node.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) {
      old.removeAttribute(name);
    }
  }
  for (const { name, value } of node.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const handler of HANDLERS) {
    if (old[handler] !== node[handler]) old[handler] = node[handler];
  }
  if ("checked" in node && node.nodeName === "INPUT") {
    old.checked = node.checked;
    old.indeterminate = node.indeterminate;
  }
  if ("disabled" in node) old.disabled = node.disabled;
  patch(old, ...node.childNodes);
}
