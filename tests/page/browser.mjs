// A headless Chromium, driven through a pipe with the Chrome DevTools Protocol: no package, no port.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
];

export class Browser {
  #folder = mkdtempSync(join(tmpdir(), "paso-page-"));
  #waiting = new Map();
  #pages = new Map();
  #next = 1;
  #rest = "";

  constructor() {
    const flags = [...FLAGS, `--user-data-dir=${this.#folder}`, "about:blank"];
    this.process = spawn("chromium", flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.process.stdio[4].setEncoding("utf8").on("data", (text) => this.#read(text));
  }

  /** One call of the protocol. */
  call(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((done, failed) => this.#waiting.set(id, { done, failed, method }));
  }

  #read(text) {
    const parts = (this.#rest + text).split("\0");
    this.#rest = parts.pop();
    for (const message of parts.map((part) => JSON.parse(part))) {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (!waiting) this.#pages.get(message.sessionId)?.heard(message);
      else if (message.error) waiting.failed(new Error(`${waiting.method}: ${message.error.message}`));
      else waiting.done(message.result);
    }
  }

  /** Opens an address. */
  async open(url) {
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId);
    this.#pages.set(sessionId, page);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.call(`${domain}.enable`);
    await page.size(1280, 1000);
    await page.call("Page.navigate", { url });
    await page.until(`${url} is loaded`, `location.href === "${url}" && document.readyState === "complete"`);
    return page;
  }

  async close() {
    const ended = new Promise((done) => this.process.once("exit", done));
    this.call("Browser.close").catch(() => {});
    const late = setTimeout(() => this.process.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(late);
    try {
      rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20 });
    } catch (error) {
      // A process of the browser's that is still about to end: what the page shows does not depend on it.
      console.log(`left behind: ${error.message}`);
    }
  }
}

class Page {
  /** What the console says of errors, and addresses that were asked. */
  errors = [];
  urls = new Set();

  constructor(browser, session) {
    this.call = (method, params) => browser.call(method, params, session);
  }

  heard({ method, params }) {
    if (method === "Runtime.exceptionThrown") this.errors.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled") this.errors.push(params.args.map((one) => one.value).join(" "));
    if (method === "Log.entryAdded") this.errors.push(`${params.entry.level}: ${params.entry.text} ${params.entry.url ?? ""}`);
    if (method === "Network.requestWillBeSent") this.urls.add(params.request.url);
  }

  /** A page behind others asks for nothing. */
  front() {
    return this.call("Page.bringToFront");
  }

  size(width, height) {
    return this.call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 500 });
  }

  scheme(value) {
    return this.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
  }

  /** The value of an expression in the page. */
  async value(expression) {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
    return result.value;
  }

  /** Waits until an expression is true. */
  async until(what, expression, seconds = 20) {
    const end = Date.now() + seconds * 1000;
    while (!(await this.value(expression))) {
      if (Date.now() > end) throw new Error(`not in ${seconds} s: ${what}\n${await this.value("document.body.innerText")}`);
      await new Promise((next) => setTimeout(next, 100));
    }
    console.log(`ok: ${what}`);
  }

  async screenshot() {
    return Buffer.from((await this.call("Page.captureScreenshot", { format: "png" })).data, "base64");
  }
}
