/* timeline.js -- live memory over time, stacked by age, with restarts and the
   dumps that someone asked for. The cursor reads one dump's exact figures. */

const timeline = { cursor: -1 };
const LABEL_WIDTH = 72;                  // pixels, with a gap

/* [first, end) of the samples of each run: no area is drawn across a restart. */
function runsOf(lane) {
  const starts = [0, ...lane.restarts.map(([time]) => d3.bisectLeft(lane.time, time))];
  return starts.map((start, i) => [start, starts[i + 1] === undefined ? lane.time.length : starts[i + 1]])
    .filter(([start, end]) => end > start);
}

/* Where the time axis has labels: round moments as far apart as a label is wide, else its ends; no
   second twice. */
function momentsOf(x, room) {
  const [first, last] = x.domain(), single = state.lane.time.length === 1;
  const seconds = x.ticks(Math.max(3, room / 100)).filter((moment) => moment % 1000 === 0);
  const step = Math.ceil(seconds.length * LABEL_WIDTH / room);
  const round = seconds.filter((_, i) => i % step === 0);
  if (round.length > 1 && !single) return round;
  return single || last - first < 1000 ? [first] : [first, last];
}

function drawTimeline() {
  const lane = state.lane, box = $("timeline");
  const width = Math.max(320, box.clientWidth), height = 280;
  const edge = { top: 18, right: 36, bottom: 26, left: 74 };       // right: half a label
  const rows = state.unit === "bytes" ? lane.bytes : lane.counts;
  const first = lane.time[0], last = lane.time[lane.time.length - 1];
  const x = d3.scaleUtc().domain([first * 1000, Math.max(last, first + 1) * 1000])
    .range([edge.left, width - edge.right]);
  const y = d3.scaleLinear().domain([0, d3.max(rows, (row) => d3.sum(row)) || 1])
    .range([height - edge.bottom, edge.top]);
  const colors = ageColors();
  // The oldest at the bottom: what does not go away is the ground that the rest stands on.
  const order = d3.range(lane.rows.length).reverse();
  const stacked = d3.stack().keys(order).value((row, key) => row[key])(rows);

  box.textContent = "";
  const svg = d3.select(box).append("svg").attr("viewBox", `0 0 ${width} ${height}`).attr("height", height);
  const steps = y.ticks(5);
  const unit = state.unit === "bytes" ? 1024 ** Math.floor(Math.log(Math.max(1, y.domain()[1])) / Math.log(1024)) : 1;
  const marks = state.unit === "bytes" ? d3.ticks(0, y.domain()[1] / unit, 5).map((v) => v * unit) : steps;
  svg.append("g").attr("class", "axis").attr("transform", `translate(${edge.left},0)`)
    .call(d3.axisLeft(y).tickValues(marks).tickFormat(unitText).tickSize(edge.left + edge.right - width));
  svg.append("g").attr("class", "axis").attr("transform", `translate(0,${height - edge.bottom})`)
    .call(d3.axisBottom(x).tickValues(momentsOf(x, width - edge.left - edge.right)).tickSize(4).tickFormat(d3.utcFormat(
      last - first > 86400 ? "%m-%d %H:%M" : last - first > 1800 ? "%H:%M" : "%H:%M:%S")));

  for (const [start, end] of runsOf(lane)) {
    const alone = end - start === 1;        // a single dump is drawn as a stroke
    const area = d3.area().x((_, i) => x(lane.time[alone ? start : start + i] * 1000) + (alone ? 2 * i : 0))
      .y0((d) => y(d[0])).y1((d) => y(d[1]));
    for (const layer of stacked) {
      const piece = layer.slice(start, end);
      svg.append("path").attr("fill", colors[layer.key]).attr("d", area(alone ? [piece[0], piece[0]] : piece));
    }
  }

  for (const [time, pid] of lane.restarts) {
    const at = x(Math.max(time, first) * 1000);
    svg.append("line").attr("class", "restart").attr("x1", at).attr("x2", at)
      .attr("y1", edge.top).attr("y2", height - edge.bottom);
    if (lane.restarts.length <= 12)
      svg.append("text").attr("class", "restart-label").attr("x", at + 4).attr("y", edge.top + 8)
        .text(`restart, pid ${pid}`);
  }
  svg.append("g").selectAll("path").data(lane.asked).join("path").attr("class", "asked")
    .attr("d", (event) => `M${x(event[0] * 1000) - 4},4h8l-4,8z`)
    .append("title").text((event) => `dump ${event[2]} (${event[1]})`);
  const line = svg.append("line").attr("class", "cursor").attr("y1", edge.top)
    .attr("y2", height - edge.bottom).attr("visibility", "hidden");

  timeline.move = (index) => {
    timeline.cursor = Math.max(0, Math.min(lane.time.length - 1, index));
    const at = x(lane.time[timeline.cursor] * 1000);
    line.attr("x1", at).attr("x2", at).attr("visibility", "visible");
    $("reading").replaceChildren(...reading(lane, rows, timeline.cursor));
  };
  box.onpointermove = (event) => {
    const place = event.clientX - box.getBoundingClientRect().left;
    const time = x.invert(place * width / box.clientWidth) / 1000;
    const right = d3.bisectLeft(lane.time, time, 1, lane.time.length - 1);
    const left = Math.max(0, right - 1);
    timeline.move(time - lane.time[left] < lane.time[right] - time ? left : right);
  };
  timeline.move(timeline.cursor < 0 ? lane.time.length - 1 : timeline.cursor);
}

/* The exact figures of dump INDEX; the coloured marks are the chart's legend. */
function* reading(lane, rows, index) {
  yield `Dump ${lane.seqs[index]}, ${timeText(lane.time[index])} UTC: ${unitText(d3.sum(rows[index]))} live`;
  const colors = ageColors();
  for (const [i, row] of lane.rows.entries()) {
    const part = make("span", undefined, { class: "row" });
    const mark = make("span", undefined, { class: "swatch" });
    mark.style.background = colors[i];
    part.append(mark, `${rowText(row)}: ${unitText(rows[index][i])}`);
    yield part;
  }
}

$("timeline").addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -1e9, End: 1e9 };
  if (!(event.key in steps)) return;
  event.preventDefault();
  timeline.move(timeline.cursor + steps[event.key]);
});
parts.push(drawTimeline);
