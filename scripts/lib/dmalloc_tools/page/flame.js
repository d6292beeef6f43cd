/* flame.js -- the flame graph of what is live, root on top: a box is as wide as
   the memory allocated below it, its colour says how old that memory is. */

const FLAME_ROW = 19, FLAME_LEAST = 1.2;      // pixels: height of a row, least width drawn
const flame = { on: -1, boxes: new Map() };
const ROOT = -1, REST = -2;                   // nodes that stand for no frame

/* A function is one box whatever line of it calls on: the nodes that differ only
   in that are told by the first of them, here by number. A parent's number is
   less than its children's. */
const boxOf = (() => {
  const first = new Map(), boxes = [], lines = [];
  for (let node = 0; node < DATA.nodes.length / 2; node++) {
    const [name, module] = frameOf(node), parent = parentOf(node);
    const key = `${parent < 0 ? ROOT : boxes[parent]}/${module}/${name}`;
    if (!first.has(key)) first.set(key, node);
    boxes.push(first.get(key));
    lines[boxes[node]] = (lines[boxes[node]] || 0) + 1;
  }
  return Object.assign((node) => (node < 0 ? node : boxes[node]), { lines });
})();

/* The tree of what is chosen: {node, value, ages, children}. */
function flameTree() {
  const ages = state.lane.rows.length;
  const made = new Map();
  const blank = (node) => ({ node, own: 0, value: 0, ages: new Array(ages).fill(0), children: [] });
  const root = blank(ROOT);
  made.set(ROOT, root);
  const at = (node) => {
    let item = made.get(node);
    if (!item) {
      made.set(node, item = blank(node));
      at(boxOf(parentOf(node))).children.push(item);
    }
    return item;
  };
  const add = (item, site, value) => {
    item.own += value;
    (site.age_bytes || []).forEach((size, i) => { if (state.ages[i]) item.ages[i] += size; });
  };
  for (const site of state.lane.sites) {
    const value = weight(site);
    if (value > 0 && found(site)) add(at(boxOf(site.node)), site, value);
  }
  const rest = restOf(state.lane);
  if (weight(rest) > 0 && !state.search) {
    const item = blank(REST);
    root.children.push(item);
    add(item, rest, weight(rest));
  }
  const sum = (item) => {
    item.value = item.own;
    for (const child of item.children) {
      sum(child);
      item.value += child.value;
      child.ages.forEach((size, i) => { item.ages[i] += size; });
    }
  };
  sum(root);
  return { root, made };
}

const flameName = (node) =>
  (node === ROOT ? baseName(state.lane.program) : node === REST ? "(callsites not listed)" : frameOf(node)[0]);
const baseName = (path) => path.split("/").pop() || path;

/* Colour by mean age: the row's number, weighted by bytes. */
function flameColor(colors) {
  const ramp = d3.scaleLinear().domain(d3.range(colors.length)).range(colors).interpolate(d3.interpolateRgb);
  return (ages) => {
    const total = d3.sum(ages);
    return total ? ramp(d3.sum(ages, (size, i) => size * i) / total) : colors[1];
  };
}
const readable = (color) => {
  const { r, g, b } = d3.color(color).rgb();
  return r * .299 + g * .587 + b * .114 > 140 ? "#1d2126" : "#f5f6f7";
};

function drawFlame() {
  const box = $("flame"), { root, made } = flameTree();
  const top = made.get(state.zoom) || root;
  const width = Math.max(320, box.clientWidth - 2);
  const layout = d3.partition().size([width, 1]);
  const tree = d3.hierarchy(top).sum((item) => item.own).sort((a, b) => b.value - a.value);
  layout(tree);
  const above = [];                       // the callers of what is zoomed in on
  for (let node = top.node; node !== ROOT;) {
    node = node === REST ? ROOT : boxOf(parentOf(node));
    above.unshift({ data: made.get(node), x0: 0, x1: width, depth: 0, above: true });
  }
  const wide = tree.descendants().filter((item) => item.value && item.x1 - item.x0 >= FLAME_LEAST);
  const all = [...above, ...wide];
  const level = (item) => (item.above ? above.indexOf(item) : above.length + item.depth);
  const rows = 1 + (d3.max(all, level) || 0);
  const color = flameColor(ageColors());

  box.textContent = "";
  flame.boxes = new Map();
  const svg = d3.select(box).append("svg").attr("viewBox", `0 0 ${width} ${rows * FLAME_ROW}`)
    .attr("height", rows * FLAME_ROW).style("width", `${width}px`);
  const cells = svg.selectAll("g").data(all).join("g")
    .attr("transform", (item) => `translate(${item.x0},${level(item) * FLAME_ROW})`)
    .attr("class", (item) => (item.above ? "dim" : null))
    .each(function keep(item) { flame.boxes.set(item.data.node, { item, group: this }); });
  cells.append("rect").attr("rx", 2).attr("height", FLAME_ROW - 1)
    .attr("width", (item) => Math.max(.6, item.x1 - item.x0 - .4))
    .attr("fill", (item) => { item.fill = color(item.data.ages); return item.fill; });
  cells.filter((item) => item.x1 - item.x0 > 34).append("text").attr("x", 5).attr("y", 13)
    .attr("fill", (item) => readable(item.fill))
    .text((item) => fit(flameName(item.data.node), item.x1 - item.x0 - 10));
  cells.on("pointermove", (item) => showTip(d3.event, flameText(item.data, root.value)))
    .on("pointerleave", hideTip)
    .on("click", (item) => { hideTip(); change({ zoom: item.data.node }); });

  flame.total = root.value;
  const { live, live_bytes: bytes } = state.lane.totals;
  $("flame-total").textContent = unitText(root.value) +
    (state.search || !allAges() ? ` shown of ${unitText(state.unit === "bytes" ? bytes : live)} live` : " live") +
    (root.value ? "" : " (nothing that old, or nothing found)");
  mark(made.has(flame.on) ? flame.on : top.node);
}

/* NAME cut to WIDTH pixels, at about 6.6 pixels a character. */
function fit(name, width) {
  const room = Math.floor(width / 6.6);
  return name.length <= room ? name : room > 3 ? `${name.slice(0, room - 1)}…` : "";
}

function flameText(item, total) {
  const [, module, line] = item.node >= 0 ? frameOf(item.node) : [];
  const place = boxOf.lines[item.node] === 1 ? line : "";
  const ages = d3.sum(item.ages)
    ? state.lane.rows.map((row, i) => (item.ages[i] ? `\n${rowText(row)}: ${sizeText(item.ages[i])}` : "")).join("")
    : "";
  return `${flameName(item.node)}\n${module === undefined ? "" : `${DATA.modules[module]}${place ? `, ${place}` : ""}\n`}` +
    `${unitText(item.value)}, ${d3.format(".1%")(total ? item.value / total : 0)}${ages}`;
}

/* Marks the box of NODE as the one that the keys move from. */
function mark(node) {
  const before = flame.boxes.get(flame.on);
  if (before) before.group.classList.remove("on");
  flame.on = node;
  const now = flame.boxes.get(node);
  if (now && document.activeElement === $("flame")) {
    now.group.classList.add("on");
    now.group.scrollIntoView({ block: "nearest" });
    $("flame-path").textContent = flameText(now.item.data, flame.total).replace(/\n+/g, "  ·  ");
  } else {
    $("flame-path").textContent = "";
  }
}

$("flame").addEventListener("keydown", (event) => {
  const here = flame.boxes.get(flame.on);
  if (!here) return;
  const { item } = here;
  const siblings = item.parent ? item.parent.children.filter((other) => flame.boxes.has(other.data.node)) : [];
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  let to;
  if (event.key === "ArrowUp" && item.parent) to = item.parent;
  else if (event.key === "ArrowDown" && item.children) to = item.children.find((child) => flame.boxes.has(child.data.node));
  else if (step) to = siblings[siblings.indexOf(item) + step];
  else if (event.key === "Enter") change({ zoom: flame.on });
  else return;
  event.preventDefault();
  if (to) mark(to.data.node);
});
$("flame").addEventListener("focus", () => mark(flame.on));
$("flame").addEventListener("blur", () => mark(flame.on));
parts.push(drawFlame);
