/* common.js -- the data, figures as people read them, and what is chosen.
   Sizes are bytes, times seconds since 1970 unless a name says otherwise. */

const DATA = JSON.parse(document.getElementById("data").textContent);
const OLD_SECONDS = 100;
const $ = (id) => document.getElementById(id);

/* What the reader has chosen. Every part draws from it; change() draws all. */
const state = { lane: DATA.lanes[0], unit: "bytes", ages: [], search: "", zoom: -1 };
const parts = [];                       // functions that draw
const change = (changes) => { Object.assign(state, changes); for (const draw of parts) draw(); };

function sizeText(value) {                // rounded as in the text dump
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], sign = value < 0 ? "-" : "";
  let amount = Math.round(Math.abs(value)), unit = 0;
  if (amount < 1024) return `${sign}${amount}B`;
  while (amount >= 1024) { amount /= 1024; unit++; }
  const tenths = Math.floor(10 * amount + .5);
  return sign + (tenths === 10240 ? `1.0${units[unit + 1]}` : (tenths / 10).toFixed(1) + units[unit]);
}
const countText = d3.format(",");
const signed = (text, value) => (value >= 0 ? "+" : "") + text(value);
const unitText = (value) => (state.unit === "bytes" ? sizeText(value) : countText(value));
const plural = (number, noun) => `${countText(number)} ${noun}${number === 1 ? "" : "s"}`;
const timeText = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 19);

function durationText(seconds) {
  for (const [name, unit, below, smaller] of
       [["d", 86400, "h", 3600], ["h", 3600, "min", 60], ["min", 60, "s", 1]])
    if (seconds >= unit)
      return `${Math.floor(seconds / unit)} ${name} ${Math.floor(seconds % unit / smaller)} ${below}`;
  return `${Math.floor(seconds)} s`;
}

/* The label of an age row, as in the dump. */
const rowText = (row) => (row.to === null ? `> ${row.from} s` : `< ${row.to} s`);

/* The five colours of the age rows, as the theme has them now. */
function ageColors() {
  const style = getComputedStyle(document.documentElement);
  return state.lane.rows.map((_, i) => style.getPropertyValue(`--age-${Math.min(i, 4)}`).trim());
}

/* True when the dumps tell the ages of each callsite. */
const hasAges = () => state.lane.sites.some((site) => site.ages);
const allAges = () => state.ages.every(Boolean);

/* What of SITE is chosen: bytes or blocks in the age rows that are on. */
function weight(site, unit = state.unit) {
  if (site.live === undefined) return 0;
  const rows = unit === "bytes" ? site.age_bytes : site.ages;
  if (!rows || allAges()) return unit === "bytes" ? site.bytes : site.live;
  return d3.sum(rows, (value, i) => (state.ages[i] ? value : 0));
}

/* Bytes of SITE in blocks of 100 s and more; undefined when not known. */
function oldBytes(site) {
  return site.age_bytes &&
    d3.sum(site.age_bytes, (value, i) => (state.lane.rows[i].from >= OLD_SECONDS ? value : 0));
}

/* What the last dump does not list, as one callsite more. */
function restOf(lane) {
  const listed = lane.sites.filter((site) => site.live !== undefined);
  const left = (total, of) => Math.max(0, total - d3.sum(listed, of));
  const rest = { node: -1, live: left(lane.totals.live, (s) => s.live),
                 bytes: left(lane.totals.live_bytes, (s) => s.bytes) };
  if (listed.length && listed.every((site) => site.ages)) {
    rest.ages = lane.rows.map((row, i) => left(row.live, (s) => s.ages[i]));
    rest.age_bytes = lane.rows.map((row, i) => left(row.bytes, (s) => s.age_bytes[i]));
  }
  return rest;
}

const frameOf = (node) => DATA.frames[DATA.nodes[2 * node]];
const parentOf = (node) => DATA.nodes[2 * node + 1];

/* The nodes of a stack, leaf first. */
function stackOf(site) {
  const nodes = [];
  for (let node = site.node; node >= 0; node = parentOf(node)) nodes.push(node);
  return nodes;
}

/* All that a search looks at, in lower case; made once for each site. */
function searchText(site) {
  site.text = site.text || [site.verdict || "", ...stackOf(site).map((node) => {
    const [name, module, place] = frameOf(node);
    return `${name} ${DATA.modules[module]} ${place || ""}`;
  })].join("\n").toLowerCase();
  return site.text;
}
const found = (site) => !state.search || searchText(site).includes(state.search);

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function showTip(event, text) {
  const tip = $("tip");
  tip.textContent = text;
  tip.hidden = false;
  const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const below = event.clientY + 18;
  const y = below + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 12 : below;
  tip.style.left = `${Math.max(8, x)}px`;
  tip.style.top = `${Math.max(8, y)}px`;
}
const hideTip = () => { $("tip").hidden = true; };
