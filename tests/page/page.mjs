// What the page shows, looked at as its readers do.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Browser } from "./browser.mjs";

const [programs, shot, seconds = "0"] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "paso-page-state-"));
const running = [];

/** Starts a program: what follows each of `words` in its log, once all are there. */
function start(name, words, ...options) {
  const child = spawn(join(programs, name), options, { env: { ...process.env, NO_COLOR: "1" }, stdio: ["ignore", "ignore", "pipe"] });
  running.push(child);
  let log = "";
  return new Promise((done, failed) => {
    child.once("exit", (code) => failed(new Error(`${name} ended with ${code}:\n${log}`)));
    child.stderr.setEncoding("utf8").on("data", (text) => {
      log += text;
      const found = words.map((word) => log.match(new RegExp(`${word}=(\\S+)`))?.[1]);
      if (found.every(Boolean)) done({ child, found, log: () => log });
    });
  });
}

/** Ends a program, and waits for that. */
async function end(child) {
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  await ended;
}

const port = (address) => address.match(/:(\d+)\/?$/)[1];
const text = (id) => `document.getElementById("${id}").innerText`;

/** The least contrast of the page's texts, after WCAG 2.1. */
const CONTRAST = `(() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (one) => { for (; one; one = one.parentElement) { const c = parse(getComputedStyle(one).backgroundColor); if (c[3] !== 0) return c; } return [255, 255, 255]; };
  let worst = [99, ""];
  for (const one of document.querySelectorAll("h1,h2,p,td,th,a,li,figcaption,span,label,select,summary,footer,svg text")) {
    if (!one.textContent.trim()) continue;
    const style = getComputedStyle(one), front = parse(one.closest("svg") ? style.fill : style.color);
    const [a, b] = [light(front), light(behind(one))].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst[0]) worst = [ratio, one.outerHTML.slice(0, 80)];
  }
  return worst;
})()`;

async function main(browser) {
  const target = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  await new Promise((done) => target.listen(0, "127.0.0.1", done));
  const state = join(folder, "state");
  const proxy2 = await start("proxy2", ["listening", "page"], "127.0.0.1:0", "127.0.0.1", String(target.address().port), "--state", state, "--metrics", "0");
  const [at, there] = proxy2.found;
  const exit = await browser.open(there);
  await exit.until("proxy2 without a link says what to start", `${text("no-links")}.startsWith("No link yet: start proxy1")`);
  assert.match(await exit.value("document.title"), /^no link · proxy2 · Paso$/);

  const entry = ["127.0.0.1:0", "127.0.0.1", port(at), "--state", state, "--metrics"];
  const proxy1 = await start("proxy1", ["listening", "page"], ...entry, "0");
  const here = proxy1.found[1];
  const page = await browser.open(here);
  await page.until("the link is up", `document.title === "up · proxy1 · Paso" && ${text("links")}.includes("L1")`);
  await page.until("without streams it says how to get one", `${text("no-streams")}.includes("No streams now: a client that connects to")`);

  const client = connect(Number(port(proxy1.found[0])), "127.0.0.1");
  const load = setInterval(() => client.write(Buffer.alloc(20_000 + 10_000 * Math.sin(Date.now() / 5000))), 50);
  client.on("error", () => {}).resume();
  await page.until("the stream is there, and moves", `/Mbit|kbit/.test(${text("streams")}) && ${text("streams")}.includes("L1/")`);
  const line = `document.querySelector("#rate path").getAttribute("d")`;
  const before = await page.value(line);
  await page.until("the plots move", `${line} !== ${JSON.stringify(before)} && document.querySelector("#trip path").getAttribute("d").includes("L")`);
  await exit.front();
  await exit.until("proxy2 shows the same", `document.title === "up · proxy2 · Paso" && ${text("streams")}.includes("L1/")`);

  for (const [scheme, back] of [["light", "rgb(255, 255, 255)"], ["dark", "rgb(13, 17, 23)"]]) {
    await page.scheme(scheme);
    await page.front();
    await page.until(`it is ${scheme} where the reader's system is`, `getComputedStyle(document.body).backgroundColor === "${back}"`);
    const [ratio, where] = await page.value(CONTRAST);
    assert.ok(ratio >= 4.5, `${scheme}: contrast ${ratio} of ${where}`);
    console.log(`ok: contrast is ${ratio.toFixed(1)} or more`);
  }
  for (const one of [exit, page]) {
    await one.front();
    await one.size(360, 740);
    await one.until("360 px need no scrolling to the side", `document.documentElement.scrollWidth <= 360 && innerWidth === 360`);
    assert.equal(await one.value(`[...document.querySelectorAll("th")].every((one) => one.scope)`), true, "headers");
    assert.equal(await one.value(`[...document.querySelectorAll("svg")].every((one) => one.getAttribute("aria-label"))`), true, "plots");
    assert.equal(await one.value(`document.getElementById("link").labels.length === 1 && document.documentElement.lang === "en"`), true);
  }
  for (const one of [page, exit]) {
    assert.deepEqual(one.errors, [], "the console");
    const origin = new URL(one === page ? here : there).origin;
    assert.deepEqual([...one.urls].filter((url) => !url.startsWith(origin) && url !== "about:blank"), [], "other hosts");
  }
  console.log("ok: the console is empty, and no other host was asked");
  await numbers(here, there);
  await page.size(1280, 1000);
  if (shot) {
    await page.scheme("light");
    await new Promise((next) => setTimeout(next, Number(seconds) * 1000));
    writeFileSync(shot, await page.screenshot());
  }

  clearInterval(load);
  client.destroy();
  await end(proxy1.child);
  await page.until("it says that the proxy is gone", `document.title === "connection lost · Paso" && !document.getElementById("problem").hidden`);
  await start("proxy1", ["page"], ...entry, port(here));
  await page.until("it goes on when the proxy is back", `document.title === "up · proxy1 · Paso" && document.getElementById("problem").hidden`);
  target.close();
}

/** What Prometheus reads, and what a service manager asks. */
async function numbers(...pages) {
  for (const url of pages) {
    assert.equal((await fetch(new URL("readyz", url))).status, 200);
    const metrics = await (await fetch(new URL("metrics", url))).text();
    const value = (name) => Number(metrics.match(new RegExp(`^${name} (\\S+)$`, "m"))?.[1]);
    assert.ok(value("paso_streams") === 1 && value("paso_sent_bytes_total") > 0, metrics);
    const { error, status, stderr } = spawnSync("promtool", ["check", "metrics"], { input: metrics, encoding: "utf8" });
    if (error?.code !== "ENOENT") {
      assert.equal(`${status} ${stderr}`, "0 ", "promtool check metrics");
      console.log("ok: promtool takes the metrics");
    }
  }
  const { error, status, stdout, stderr } = spawnSync("promtool", ["check", "rules", "packaging/prometheus/alerts.yml"], { encoding: "utf8" });
  if (error?.code !== "ENOENT") {
    assert.equal(status, 0, `${stdout}${stderr}`);
    console.log("ok: promtool takes the alerts");
  }
}

const browser = new Browser();
let failed = null;
try {
  await main(browser);
} catch (error) {
  failed = error;
}
for (const child of running) child.kill("SIGKILL");
await browser.close();
rmSync(folder, { recursive: true, force: true });
if (failed) console.error(failed);
process.exit(failed ? 1 : 0);
