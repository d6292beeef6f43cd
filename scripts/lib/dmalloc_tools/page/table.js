/* table.js -- the callsites: a row each, the whole stack on demand. */

const TABLE_STEP = 100;                       // rows added at a time
const NARROW = 1000;                          // pixels: all columns have no room beside each other
const table = { sort: "weight", down: true, shown: TABLE_STEP, open: new Set() };
const VERDICTS = ["growing", "steady", "startup", "churn", "too early"];

/* What gets old of what is born, as a share of those of which it is known: they are gone, or that
   old. Undefined where none is, or none can be that old yet. */
function reach(site) {
  if (!site.survived || state.lane.uptime < OLD_SECONDS) return undefined;
  const young = d3.sum(site.ages || [], (live, i) => (state.lane.rows[i].from < OLD_SECONDS ? live : 0));
  const known = site.allocations - young;
  return known > 0 ? site.survived[2] / known : undefined;
}
const percent = d3.format(".1%");

const COLUMNS = [
  { key: "weight", name: "Bytes", of: (s) => weight(s, "bytes"), text: sizeText },
  { key: "count", name: "Blocks", of: (s) => weight(s, "live"), text: countText },
  { key: "old", name: "Age", of: oldBytes, draw: ageMix, hint: "Sorts by bytes in blocks of 100 s and more", ages: true },
  { key: "growth", name: "Growth a minute", of: (s) => s.growth_per_minute, text: (v) => (v ? signed(sizeText, v) : "") },
  { key: "reach", name: "Reach 100 s", of: reach, text: percent, hint: "Share of the blocks born here that reached 100 s, of those that are gone or that old" },
  { key: "verdict", name: "Verdict", of: (s) => -VERDICTS.indexOf(s.verdict || "too early"), draw: verdictChip, css: "text" },
  { key: "peak", name: "Over time", of: (s) => s.peak, draw: trendLine, css: "text", hint: "Bytes over the whole file, each on its own scale; sorts by the peak" },
  { key: "name", name: "Callsite", of: (s) => s.title, draw: stackCell, css: "text stack" },
];

/* The columns that the dumps have something for. In a narrow window, where the others have to be
   scrolled to, what one looks for comes first. */
function columns() {
  const first = innerWidth <= NARROW ? ["weight", "verdict", "name"] : [];
  const shown = COLUMNS.filter(({ key, ages }) =>
    (!ages || hasAges()) && (!["growth", "reach", "verdict"].includes(key) || state.lane.sites.some((s) => s.verdict)));
  return d3.sort(shown, ({ key }) => !first.includes(key));
}

function ageMix(cell, site) {
  const mix = make("span", undefined, { class: "mix" });
  const total = d3.sum(site.age_bytes || []);
  const text = state.lane.rows.map((row, i) => `${rowText(row)}: ${sizeText((site.age_bytes || [])[i] || 0)}`).join("\n");
  state.lane.rows.forEach((row, i) => {
    const part = make("i");
    part.style.width = `${total ? 100 * site.age_bytes[i] / total : 0}%`;
    part.style.background = `var(--age-${Math.min(i, 4)})`;
    mix.append(part);
  });
  mix.addEventListener("pointermove", (event) => showTip(event, text));
  mix.addEventListener("pointerleave", hideTip);
  cell.append(mix);
}

function verdictChip(cell, site) {
  const word = site.live === undefined ? "not in the last list" : site.verdict;
  if (word) cell.append(make("span", word, { class: `verdict ${word.split(" ")[0]}`, title: site.reason || "" }));
}

function trendLine(cell, site) {
  const count = site.trend.length, top = DATA.levels.length - 1;
  const points = [...site.trend].map((level) => DATA.levels.indexOf(level));
  const line = d3.line().defined((level) => level >= 0)
    .x((_, i) => 1 + 108 * i / Math.max(1, count - 1)).y((level) => 18 - 16 * level / top);
  d3.select(cell).append("svg").attr("class", "trend").attr("viewBox", "0 0 110 20")
    .append("path").attr("d", line(points)).append("title").text(`peak ${sizeText(site.peak)}`);
}

function stackCell(cell, site) {
  const [first, ...callers] = site.title.split(" < ");
  const button = make("button", undefined, { type: "button", "aria-expanded": table.open.has(site), title: "Show the whole stack" });
  button.append(make("span", first), make("small", callers.map((name) => ` < ${name}`).join("")));
  button.addEventListener("click", () => {
    if (!table.open.delete(site)) table.open.add(site);
    drawTable();
    const again = [...$("table").querySelectorAll("tr.site")].find((row) => row.site === site);
    if (again) again.querySelector("td.stack button").focus();
  });
  cell.append(button);
}

function detailRow(site, span) {
  const row = make("tr", undefined, { class: "detail" }), cell = make("td", undefined, { colspan: span });
  const facts = [];
  if (site.live !== undefined)
    facts.push(`${countText(site.bytes)} bytes in ${plural(site.live, "block")}`,
               `${countText(site.allocations || 0)} allocated so far, ${sizeText(site.allocated_bytes || 0)}`);
  facts.push(`peak ${sizeText(site.peak)}`);
  if (site.survived)
    facts.push("reached " + [1, 10, 100, 1000].map((age, i) => `${age} s: ${countText(site.survived[i])}`).join(", "));
  if (site.reason) facts.push(`${site.verdict}: ${site.reason}`);
  cell.append(make("div", facts.join("  ·  ")));
  const list = make("ol");
  for (const node of stackOf(site)) {
    const [name, module, place] = frameOf(node);
    const item = make("li", `${name} `);
    item.append(make("small", [DATA.modules[module], place].filter(Boolean).join(", ")));
    list.append(item);
  }
  cell.append(list);
  row.append(cell);
  return row;
}

function drawTable() {
  const shown = columns();
  const by = shown.find((column) => column.key === table.sort) || shown[0];
  const value = (site) => { const v = by.of(site); return v === undefined ? -Infinity : v; };
  const sites = state.lane.sites.filter((site) => found(site) && (allAges() || weight(site) > 0));
  sites.sort((a, b) => (table.down ? d3.descending : d3.ascending)(value(a), value(b)) || b.peak - a.peak);

  const head = make("tr");
  for (const column of shown) {
    const cell = make("th", undefined, { class: column.css || "", scope: "col" });
    if (column === by) cell.setAttribute("aria-sort", table.down ? "descending" : "ascending");
    const button = make("button", column.name + (column === by ? (table.down ? " ↓" : " ↑") : ""),
                        { type: "button", title: column.hint || "" });
    button.addEventListener("click", () => {
      table.down = column === by ? !table.down : column.key !== "name";
      table.sort = column.key;
      drawTable();
    });
    cell.append(button);
    head.append(cell);
  }
  $("table").tHead.replaceChildren(head);

  const rows = [];
  for (const site of sites.slice(0, table.shown)) {
    const row = make("tr", undefined, { class: `site${site.live === undefined ? " gone" : ""}${site.verdict === "growing" ? " growing-row" : ""}` });
    row.site = site;
    for (const column of shown) {
      const cell = make("td", undefined, { class: column.css || "" });
      const figure = column.of(site);
      if (column.draw) column.draw(cell, site);
      else if (site.live !== undefined && figure !== undefined) cell.textContent = column.text(figure);
      row.append(cell);
    }
    rows.push(row);
    if (table.open.has(site)) rows.push(detailRow(site, shown.length));
  }
  $("table").tBodies[0].replaceChildren(...rows);
  $("table-total").textContent = `${plural(sites.length, "callsite")}` +
    (sites.length < state.lane.sites.length ? ` of ${countText(state.lane.sites.length)}` : "");
  const left = sites.length - table.shown;
  $("more").hidden = left <= 0;
  $("more").textContent = `Show ${countText(Math.min(left, TABLE_STEP * 5))} more of ${countText(left)}`;
}

$("more").addEventListener("click", () => { table.shown += TABLE_STEP * 5; drawTable(); });
parts.push(drawTable);
