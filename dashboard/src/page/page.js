// What the page shows: asked for once a second. Texts of others are set as texts, never as HTML.
import { plot } from "./plot.js";

const MOST_SAMPLES = 900, MOST_ROWS = 256;
const by = (id) => document.getElementById(id);
const state = { view: null, before: null, samples: [], next: 0, session: "", lostAt: null };

const pad = (number) => String(number).padStart(2, "0");
const scaled = (value, units, step = 1000) => {
  let unit = 0;
  while (value >= step && unit < units.length - 1) { value /= step; unit++; }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toPrecision(3)} ${units[unit]}`;
};
const bytes = (value) => scaled(value, ["B", "kB", "MB", "GB", "TB"]);
const rate = (value) => scaled(value, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]);
const trip = (value) => value < 1000 ? `${Math.round(value)} µs` : value < 1e6 ? `${(value / 1000).toPrecision(3)} ms` : `${(value / 1e6).toPrecision(3)} s`;
const share = (value) => value > 0 && value < 0.0001 ? "< 0.01 %" : `${+(value * 100).toFixed(2)} %`;
const or = (value, format) => value === null || value === undefined ? "–" : format(value);
function span(ms) {
  const seconds = Math.floor(ms / 1000), [m, h, d] = [60, 3600, 86400].map((unit) => Math.floor(seconds / unit));
  if (d) return `${d} d ${h % 24} h`;
  if (h) return `${h} h ${pad(m % 60)} min`;
  return m ? `${m} min ${pad(seconds % 60)} s` : `${seconds} s`;
}

const STATES = { joining: "joining", up: "up", silent: "no answer", refused: "refused", dormant: "dormant", ending: "ending" };
const LIMITS = { application: "nothing", congestion: "the path", peer_credit: "the reader there", memory: "memory here", path_silent: "a silent path" };
const stateOf = (link) => link.answered ? STATES[link.state.is] ?? link.state.is : "busy";
const nameOf = (link) => link.name ?? link.ticket ?? "";

function setText(id, text) {
  if (by(id).textContent !== text) by(id).textContent = text;
}

/** Fills a table: `columns` are names, `rows` arrays of texts. */
function table(id, columns, rows) {
  const cell = (row, name, role, text, label) => {
    const made = document.createElement(name);
    made.setAttribute("role", role);
    if (role !== "cell") made.scope = role === "columnheader" ? "col" : "row";
    if (label) made.dataset.label = label;
    made.textContent = text;
    row.append(made);
  };
  const group = (name) => {
    const made = document.createElement(name);
    made.setAttribute("role", "rowgroup");
    return made;
  };
  const row = (parent) => {
    const made = document.createElement("tr");
    made.setAttribute("role", "row");
    parent.append(made);
    return made;
  };
  const [head, body] = [group("thead"), group("tbody")];
  const names = row(head);
  for (const name of columns) cell(names, "th", "columnheader", name);
  for (const values of rows) {
    const made = row(body);
    values.forEach((text, at) => cell(made, at ? "td" : "th", at ? "cell" : "rowheader", text, columns[at]));
  }
  by(id).replaceChildren(head, body);
  by(id).hidden = rows.length === 0;
}

function showLinks(view) {
  const lossOf = (link) => {
    const sample = state.samples.at(-1)?.[3].find(([number]) => number === link.number);
    return sample ? Math.max(sample[4] ?? -1, sample[5] ?? -1) : -1;
  };
  const rows = view.links.map((link) => {
    const loss = lossOf(link), why = link.state.is === "refused" ? `: ${link.state.why}` : "";
    return [
      `L${link.number} ${nameOf(link)}`.trim(), stateOf(link) + why, span(view.taken_at - link.state_since), link.peer ?? "not known",
      or(link.path?.round_trip_us, (times) => trip(times.smoothed)), loss < 0 ? "–" : share(loss),
      or(link.path, (path) => path.rate_bps ? rate(path.rate_bps) : "–"), bytes(link.sent_bytes), bytes(link.received_bytes), String(link.streams_open),
    ];
  });
  table("links", ["Link", "State", "For", "Other end", "Round trip", "Lost", "Path delivers", "Sent", "Received", "Streams"], rows);
  const hint = view.role === "proxy2"
    ? "No link yet: start proxy1 with a ticket of this proxy2, as in: proxy1 8080 HOST PORT --ticket-file FILE. `proxy2 ticket add NAME` makes one."
    : "No link yet: start proxy2, and see that UDP datagrams from here reach it.";
  const more = view.links_left_out ? `${view.links_left_out} more links are not shown here; /metrics counts all.` : "";
  setText("no-links", rows.length ? more : hint);
}

function showStreams(view) {
  const old = new Map();
  for (const link of state.before?.links ?? []) for (const one of link.streams) old.set(`${link.number}/${one.id}`, one);
  const over = state.before ? (view.uptime_ms - state.before.uptime_ms) / 1000 : 0;
  const grown = (name, stream, key) => {
    const same = old.get(key);
    return over > 0 && same && stream.age_ms >= same.age_ms ? rate(Math.max(0, stream[name] - same[name]) * 8 / over) : "–";
  };
  const rows = [];
  let left = 0;
  for (const link of view.links) {
    left += link.streams_left_out;
    for (const one of link.streams) {
      if (rows.length === MOST_ROWS) { left++; continue; }
      const key = `${link.number}/${one.id}`;
      rows.push([
        `L${key}${one.kind === "udp" ? " udp" : ""}`, one.state, one.client || "other proxy knows", one.target || "proxy2's target", span(one.age_ms), span(one.idle_ms),
        bytes(one.sent_bytes), bytes(one.received_bytes), grown("sent_bytes", one, key), grown("received_bytes", one, key), LIMITS[one.limited_by.by] ?? one.limited_by.by,
      ]);
    }
  }
  table("streams", ["Stream", "State", "From", "To", "Age", "Idle", "Sent", "Received", "Sends", "Receives", "Held up by"], rows);
  const at = view.listening.find((one) => one.kind === "tcp")?.at;
  const hint = at ? `No streams now: a client that connects to ${at} gets one.` : "No streams now: they come with the clients of a proxy1.";
  setText("no-streams", left ? `${left} more streams are not shown here.` : rows.length ? "" : hint);
}

function showPlaces(view) {
  const texts = view.udp.map((at) => `UDP socket: ${at}`);
  for (const one of view.listening) texts.push(`clients, ${one.kind}: ${one.at || "standard input and output"}${one.link ? ` (link ${one.link})` : ""}`);
  by("places").replaceChildren(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  table("counters", ["Counter", "Value"], Object.entries(view.counters).map(([name, value]) => [name, value.toLocaleString("en")]));
}

function showState(view) {
  const up = view.links.filter((link) => link.answered && link.state.is === "up").length;
  const links = view.links.length + view.links_left_out;
  const one = view.links.length === 1 ? stateOf(view.links[0]) : `${up} of ${links} links up`;
  const text = view.draining ? "draining" : links ? one : "no link";
  setText("state", text);
  by("state").className = `badge ${view.draining ? "" : up ? "good" : view.role === "proxy1" ? "bad" : ""}`;
  setText("name", view.role);
  setText("about", `Paso ${view.version}, ${view.kind} link, running for ${span(view.uptime_ms)}`);
  document.title = `${text} · ${view.role} · Paso`;
}

function showPlots(view) {
  const select = by("link");
  const wanted = view.links.slice(0, 32).map((link) => [String(link.number), `L${link.number} ${nameOf(link)}`.trim()]);
  const have = [...select.options].slice(1).map((option) => `${option.value} ${option.text}`).join();
  if (wanted.map(([value, text]) => `${value} ${text}`).join() !== have) {
    const chosen = select.value;
    while (select.options.length > 1) select.remove(1);
    for (const [value, text] of wanted) select.add(new Option(text, value, false, value === chosen));
  }
  setText("worst", select.value ? "smoothed" : "of the slowest link");
  const chosen = (sample) => select.value ? sample[3].filter(([number]) => String(number) === select.value) : sample[3];
  const most = (at) => state.samples.map((sample) => {
    const known = chosen(sample).map((link) => link[at]).filter((value) => value !== null);
    return known.length ? Math.max(...known) : null;
  });
  const sum = (at) => select.value ? most(at) : state.samples.map((sample) => sample[at]);
  const times = state.samples.map((sample) => sample[0]);
  const draw = (id, series, format, least) => plot(by(id), view.taken_at, times, series, format, least);
  draw("rate", [{ name: "sent", values: sum(1) }, { name: "received", values: sum(2) }], rate, 1000);
  draw("trip", [{ name: "round trip", values: most(3) }], trip, 1000);
  draw("loss", [{ name: "lost sending", values: most(4) }, { name: "lost receiving", values: most(5) }], share, 0.01);
}

function show() {
  const { view } = state;
  if (!view) return;
  for (const part of [showState, showPlots, showLinks, showStreams, showPlaces]) part(view);
}

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

async function look() {
  try {
    const [view, past] = await Promise.all([ask("api/view"), ask(`api/history${state.next ? `?since=${state.next}` : ""}`)]);
    const session = `${view.pid} ${view.since}`, first = past.next - past.samples.length;
    // Another process, or samples that do not follow those that are here: what was told is all there is.
    if (session !== state.session || first !== state.next) state.samples = [];
    state.samples = [...state.samples, ...past.samples].slice(-MOST_SAMPLES);
    Object.assign(state, { before: state.session === session ? state.view : null, view, session, next: past.next, lostAt: null });
    by("problem").hidden = true;
    show();
  } catch (error) {
    state.lostAt ??= new Date();
    const at = [state.lostAt.getHours(), state.lostAt.getMinutes(), state.lostAt.getSeconds()].map(pad).join(":");
    setText("problem", `The connection to the proxy is lost since ${at} (${error.message}). What is shown is from before; trying again.`);
    by("problem").hidden = false;
    setText("state", "connection lost");
    by("state").className = "badge bad";
    document.title = "connection lost · Paso";
  }
}

async function run() {
  for (;;) {
    if (!document.hidden) await look();
    await new Promise((next) => setTimeout(next, 1000));
  }
}

by("link").addEventListener("change", show);
addEventListener("resize", show);
run();
