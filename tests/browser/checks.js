// What the tests ask of a page that is in the browser. Each function returns what is wrong, or a list.

/** Controls nobody has named, and images nobody has described. */
function namelessControls() {
  const kinds = "button, a[href], input, select, textarea, summary, [role=img], [role=meter], img";
  return [...document.querySelectorAll(kinds)]
    .filter((one) => one.checkVisibility())
    .filter((one) => {
      const names = [one.getAttribute("aria-label"), one.labels?.[0]?.textContent, one.textContent];
      const decoration = one.localName === "img" && one.hasAttribute("alt");
      return !decoration && !names.some((name) => name?.trim());
    })
    .map((one) => one.outerHTML.slice(0, 120));
}

/** Tables without a caption, and with headings that do not say of what they are. */
function bareTables() {
  return [...document.querySelectorAll("table")]
    .filter((one) => !one.caption?.textContent || one.querySelector("th:not([scope])"))
    .map((one) => one.outerHTML.slice(0, 120));
}

/** The levels of the headings in sight, in their order. */
function headingLevels() {
  return [...document.querySelectorAll("main h1, main h2, main h3")]
    .filter((one) => one.checkVisibility())
    .map((one) => Number(one.localName[1]));
}

/** Text that is hard to read on what is behind it: a contrast below 4.5, as WCAG 2 reckons. */
function lowContrasts() {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  // A canvas turns every notation of a colour into octets.
  const octets = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (color) => {
    const [r, g, b] = color
      .map((n) => n / 255)
      .map((n) => (n <= 0.03928 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = octets(getComputedStyle(one).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const found = new Set();
  for (const element of document.querySelectorAll("main *, aside *")) {
    const nodes = [...element.childNodes];
    if (!nodes.some((node) => node.nodeType === Node.TEXT_NODE && node.nodeValue.trim())) continue;
    if (!element.checkVisibility() || element.closest(".uplot, :disabled, option, .unseen")) continue;
    const text = luminance(octets(getComputedStyle(element).color));
    const ground = luminance(behind(element));
    const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    if (contrast < 4.5) {
      const name = `${element.localName}.${element.className}`;
      found.add(`${contrast.toFixed(2)} ${name}: ${element.textContent.slice(0, 40)}`);
    }
  }
  return [...found];
}

/** The octets of every chart that is drawn: they differ when a line does. */
function chartPictures() {
  return [...document.querySelectorAll(".chart canvas")].map((one) => one.toDataURL()).join();
}

/** The newest number of one line of a chart, as its legend has it. */
function legendNumber(label) {
  const buttons = [...document.querySelectorAll(".legend button")];
  const one = buttons.find((button) => button.textContent.startsWith(label));
  return one ? parseFloat(one.querySelector("b").textContent.replace(",", "")) : 0;
}

/** How many requests went to the API since the last performance.clearResourceTimings(). */
function apiRequests() {
  return performance.getEntriesByType("resource").filter((one) => one.name.includes("/api/")).length;
}

/** How many pixels the page can be pushed sideways. */
function tooWide() {
  return Math.max(0, document.documentElement.scrollWidth - innerWidth);
}

/** What an XPath finds and a person could see. Of a folded panel that is its summary. */
function inSight(xpath, within) {
  const found = document.evaluate(xpath, within || document, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE);
  return Array.from({ length: found.snapshotLength }, (_, i) => found.snapshotItem(i)).filter((one) =>
    one.checkVisibility({ visibilityProperty: true }),
  );
}

/** Whether a text is in an element, in sight or not, wherever lines break. */
function hasText(element, text) {
  const bare = (whole) => whole.replace(/\s+/g, "");
  return bare(element.textContent).includes(bare(text));
}

/** How often the tabulator has to be hit at most to come to anything: once round, and some. */
function tabStops() {
  const kinds = "a[href], button, input, select, textarea, summary, [tabindex]";
  return document.querySelectorAll(kinds).length + 10; // the browser's own bar has some
}

/** The name of what has the focus. */
function focusedName() {
  const one = document.activeElement;
  const label = one.labels?.[0]?.textContent.replace(/ \*$/, "");
  return (one.getAttribute("aria-label") || label || one.textContent).trim();
}
