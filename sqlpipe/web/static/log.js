// The log of an attempt as it is written: text only, the last lines of it, followed while one looks at its end.
"use strict";
(() => {
  const most = 2000;
  let following = null;

  function follow() {
    const log = document.querySelector("[data-log]");
    if (following && (!log || following.log !== log)) {
      following.source.close();
      following = null;
    }
    if (!log || following || !window.EventSource) return;
    const source = new EventSource(log.dataset.log);
    following = { log, source };
    log.scrollTop = log.scrollHeight;
    source.addEventListener("message", (event) => add(log, JSON.parse(event.data)));
    source.addEventListener("end", () => {
      source.close();
      log.removeAttribute("data-log");
      log.removeAttribute("data-keep");
      following = null;
      say("It has ended.");
    });
    source.addEventListener("error", () =>
      say(source.readyState === EventSource.CLOSED ? "The server does not tell more of it." : "The server does not answer; asked again."));
    source.addEventListener("open", () => say("It is followed as it is written."));
  }

  function add(log, line) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const row = document.createElement("span"), time = document.createElement("span");
    if (["stdout", "stderr", "sqlpipe"].includes(line.stream)) row.className = line.stream;
    time.className = "faint";
    time.textContent = String(line.at ?? "").slice(11, 19);
    row.append(time, ` ${line.text ?? ""}`);
    log.append(row, "\n");
    while (log.childElementCount > most) {
      // Each line has its end behind it.
      log.firstChild.remove();
    }
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function say(text) {
    const state = document.querySelector("[data-log-state]");
    if (state) state.textContent = text;
  }

  document.addEventListener("sqlpipe:refreshed", follow);
  window.addEventListener("pagehide", () => following?.source.close());
  follow();
})();
