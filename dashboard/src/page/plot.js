// Lines over a quarter of an hour, as SVG.

const SPAN = 15 * 60 * 1000;
const LEFT = 68, BOTTOM = 18, TOP = 8;

function element(parent, name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
}

/** The next of 1, 2, 5, 10, 20, 50 … that is `value` or more. */
export function nice(value, least) {
  const most = Math.max(value, least);
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= most * 0.999999);
}

/** The values as a path, with a gap where there is none, or where samples are missing. */
function path(times, values, x, y) {
  let text = "", last = -Infinity;
  for (let at = 0; at < times.length; at++) {
    if (values[at] === null) { last = -Infinity; continue; }
    const begins = times[at] - last > 5000;
    text += `${begins ? "M" : "L"}${x(times[at]).toFixed(1)} ${y(values[at]).toFixed(1)}`;
    if (begins) text += "h.01";
    last = times[at];
  }
  return text;
}

/**
 * Draws `series` (`{ name, values }`, at most two) over `times` (milliseconds since 1970) into `svg`. `format` makes a text of a
 * value, `least` is the least value that the axis goes to.
 */
export function plot(svg, now, times, series, format, least) {
  const width = Math.max(svg.clientWidth, 120), height = Math.max(svg.clientHeight, 80);
  const all = series.flatMap((line) => line.values).filter((value) => value !== null);
  const top = nice(all.reduce((most, value) => Math.max(most, value), 0), least);
  const x = (time) => LEFT + (width - LEFT - 4) * (1 - (now - time) / SPAN);
  const y = (value) => TOP + (height - TOP - BOTTOM) * (1 - value / top);
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  for (const part of [0, 0.5, 1]) {
    const line = y(top * part);
    element(svg, "line", { x1: LEFT, x2: width, y1: line, y2: line, class: "grid" });
    element(svg, "text", { x: LEFT - 6, y: line + 4, "text-anchor": "end" }, format(top * part));
  }
  for (const minutes of [15, 10, 5]) {
    element(svg, "text", { x: x(now - minutes * 60000), y: height - 4 }, `−${minutes} min`);
  }
  element(svg, "text", { x: width - 2, y: height - 4, "text-anchor": "end" }, "now");
  series.forEach((line, at) => {
    element(svg, "path", { class: at ? "second" : "first", d: path(times, line.values, x, y) });
  });
  const said = series.map((line) => {
    const last = line.values.length ? line.values[line.values.length - 1] : null;
    const known = line.values.filter((value) => value !== null);
    if (!known.length) return `${line.name}: no values`;
    const most = known.reduce((one, other) => Math.max(one, other), 0);
    return `${line.name}: ${last === null ? "not known" : format(last)} now, at most ${format(most)}`;
  });
  svg.setAttribute("aria-label", said.join("; "));
}
