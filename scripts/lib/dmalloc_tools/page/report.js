/* report.js -- the head of the page, what can be chosen, and the start. */

/* One sentence, what a reader in a hurry has to know, and the figures of the last dump. */
function drawHead() {
  const lane = state.lane;
  const pids = lane.pids.length > 4 ? `${lane.pids.length} lives, last pid ${lane.pids[lane.pids.length - 1]}` : `pid ${lane.pids.join(", then ")}`;
  $("subtitle").textContent = `${lane.program} on ${lane.host}, ${pids}  ·  ${plural(lane.dumps, "dump")}, ` +
    `${timeText(lane.time[0])} to ${timeText(lane.time[lane.time.length - 1])} UTC`;

  const [growing, sentence] = lane.headline;
  $("headline").hidden = !sentence;
  $("headline").className = growing ? "alarm" : "";
  $("headline").textContent = sentence;

  const totals = lane.totals;
  const before = d3.sum(lane.bytes[0]);
  const old = d3.sum(lane.rows, (row) => (row.from >= OLD_SECONDS ? row.bytes : 0));
  $("tiles").replaceChildren(...[
    ["Live", sizeText(totals.live_bytes), `${signed(sizeText, totals.live_bytes - before)} since the first dump`],
    ["Blocks", countText(totals.live), `of ${countText(totals.allocations || 0)} allocated`],
    ["Older than 100 s", sizeText(old), percent(totals.live_bytes ? old / totals.live_bytes : 0)],
    ["Peak", sizeText(totals.peak_bytes || 0), ""],
    ["Up", durationText(lane.uptime), `dump ${countText(lane.seq)}`],
  ].map(([name, figure, more]) => {
    const tile = make("div"), value = make("dd", figure);
    value.append(make("small", more));
    tile.append(make("dt", name), value);
    return tile;
  }));

  const notes = [];
  if (lane.listed < lane.used)
    notes.push(`The last dump lists ${countText(lane.listed)} of ${countText(lane.used)} callsites (DMALLOC_TOP); the rest is shown as one box.`);
  if (lane.dropped) notes.push(`${plural(lane.dropped, "small callsite")} left out.`);
  if (DATA.hidden) notes.push(`${plural(DATA.hidden, "process")} left out; choose with --pid.`);
  if (lane.self.table_bytes) notes.push(`The profiler itself holds ${sizeText(lane.self.table_bytes)}.`);
  if (lane.self.degraded) notes.push(`Not everything is tracked: ${lane.self.degraded}.`);
  for (const [name, text] of [["unwind_failed", "unwinds failed"], ["stacks_cut", "stacks cut"],
                              ["broken_stamps", "blocks overwritten at their end"], ["dumps_cut", "dumps cut short"]])
    if (lane.self[name]) notes.push(`${countText(lane.self[name])} ${text}.`);
  $("notes").textContent = notes.join(" ");
}

function press(box, entries) {
  box.replaceChildren(...entries.map(([name, on, act, color]) => {
    const button = make("button", undefined, { type: "button", "aria-pressed": on });
    if (color) {
      const swatch = make("span", undefined, { class: "swatch" });
      swatch.style.background = color;
      button.append(swatch);
    }
    button.append(name);
    button.addEventListener("click", act);
    return button;
  }));
}

const setAges = (ages) => change({ ages: ages.some(Boolean) ? ages : ages.map(() => true) });
const everyAge = () => setAges(state.lane.rows.map(() => true));
const oldOnly = () => setAges(state.lane.rows.map((row) => row.from >= OLD_SECONDS));
const toggleAge = (i) => setAges(allAges() ? state.ages.map((_, k) => k === i)
                                           : state.ages.map((on, k) => (k === i ? !on : on)));
const toggleUnit = () => change({ unit: state.unit === "bytes" ? "counts" : "bytes" });

function drawChoices() {
  press($("unit"), [["Bytes", state.unit === "bytes", () => change({ unit: "bytes" })],
                    ["Blocks", state.unit !== "bytes", () => change({ unit: "counts" })]]);
  $("ages").hidden = !hasAges();
  press($("ages"), [
    ["All ages", allAges(), everyAge],
    ...state.lane.rows.map((row, i) => [rowText(row), state.ages[i], () => toggleAge(i), `var(--age-${Math.min(i, 4)})`]),
    ["Old only", !allAges() && state.lane.rows.every((row, i) => state.ages[i] === (row.from >= OLD_SECONDS)), oldOnly]]);
}

function chooseLane(index) {
  const lane = DATA.lanes[index];
  timeline.cursor = -1;
  Object.assign(table, { shown: TABLE_STEP, open: new Set() });
  change({ lane, ages: lane.rows.map(() => true), zoom: ROOT });
}

function toggleTheme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  change({});
}

document.documentElement.dataset.theme =
  matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
$("theme").addEventListener("click", toggleTheme);
$("search").addEventListener("input", () => {
  table.shown = TABLE_STEP;
  change({ search: $("search").value.trim().toLowerCase() });
});
$("lane").append(...DATA.lanes.map((lane, i) => make(
  "option", `${baseName(lane.program)} ${lane.pids[lane.pids.length - 1]}, ${sizeText(lane.totals.live_bytes)}`, { value: i })));
$("lane-label").hidden = DATA.lanes.length < 2;
$("lane").addEventListener("change", () => chooseLane(Number($("lane").value)));

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    $("search").value = "";
    change({ search: "", zoom: ROOT });
    return;
  }
  if (event.target.matches("input, select") || event.ctrlKey || event.altKey || event.metaKey) return;
  const row = Number(event.key) - 1;
  if (event.key === "/") { event.preventDefault(); $("search").focus(); }
  else if (event.key === "0") everyAge();
  else if (event.key === "o") oldOnly();
  else if (event.key === "b") toggleUnit();
  else if (event.key === "t") toggleTheme();
  else if (row >= 0 && row < state.lane.rows.length && hasAges()) toggleAge(row);
});
let resizing;
addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(() => change({}), 100); });

parts.push(drawHead, drawChoices);
chooseLane(0);
document.documentElement.dataset.ready = Math.round(performance.now());
